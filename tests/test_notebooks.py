"""Every notebook still does what it says: executed, compared with its stored outputs, released as stubs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from grader.release.course import find_course
from grader.release.notebook import dump
from tests.notebook_runs import OFFLINE, ROOT, SOLUTIONS, compare, execute, texts
from utils.providers import PROVIDERS

pytestmark = pytest.mark.kernel
LABS = pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
# What holds for the tools holds for every notebook: one is enough, and each run costs seconds.
ONE_LAB = pytest.mark.parametrize("solution", SOLUTIONS[:1], ids=lambda path: path.stem)


@pytest.fixture
def released(solution: Path, tmp_path: Path) -> Path:
    """A lab as students get it, made afresh: whatever a learner did in labs/ does not matter."""
    lab = tmp_path / solution.name
    lab.write_bytes(dump(find_course(ROOT, ROOT).fresh(solution.stem)))
    return lab


@LABS
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_solution_runs_without_network_and_has_all_points(solution: Path, provider: str, tmp_path: Path):
    done = execute(solution, tmp_path / "done.ipynb", OFFLINE, provider=provider)
    table = next(cell for cell in reversed(done.cells) if cell.source == "check()")
    total = re.search(r"Total +(\d+) of (\d+)", texts(nbformat.v4.new_notebook(cells=[table])))
    assert total is not None
    assert total[1] == total[2]


@LABS
def test_stored_outputs_are_what_the_cells_print(solution: Path):
    done = compare(solution)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


@LABS
def test_the_untouched_lab_runs_through_without_network_and_has_no_points(released: Path, tmp_path: Path):
    shown = texts(execute(released, tmp_path / "done.ipynb", OFFLINE))
    assert re.search(r"Total +0 of \d+", shown)
    assert "is not written yet" in shown


@ONE_LAB
def test_one_changed_figure_in_a_stored_output_is_noticed(solution: Path, tmp_path: Path):
    notebook = nbformat.read(solution, as_version=4)
    cell = next(c for c in notebook.cells if any("°C" in o.get("text", "") for o in c.get("outputs", ())))
    output = next(o for o in cell.outputs if "°C" in o.get("text", ""))
    output.text = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), output.text, count=1)
    changed = tmp_path / solution.name
    nbformat.write(notebook, changed)
    done = compare(changed)
    assert done.returncode == 1
    assert "1 failed" in done.stdout, done.stdout[-2000:]


@ONE_LAB
def test_a_solved_lab_runs_from_a_folder_with_spaces(solution: Path, tmp_path: Path):
    place = tmp_path / "my labs, copy 2"
    place.mkdir()
    shutil.copy(solution, place)
    execute(place / solution.name, place / "done.ipynb")


@ONE_LAB
def test_a_students_own_utils_file_is_named_by_the_error(solution: Path, released: Path, tmp_path: Path):
    """Python names the file that hides the kit; the lab says beside the cell what to do about it."""
    (tmp_path / "utils.py").write_text("mine = 1\n")
    with pytest.raises(pytest.fail.Exception, match=r"cannot import name '\w+' from 'utils'.*utils\.py"):
        execute(released, tmp_path / "done.ipynb")
