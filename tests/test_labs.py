"""What every lab's notebook looks like, so that students find their way in the next one."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from tests.notebook_runs import ROOT, SOLUTIONS
from utils.checks.registry import load_checks, slug_of
from utils.replay.fixtures import fixture_of

LABS = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
IGNORE = re.compile(r"^# NBVAL_IGNORE_OUTPUT$", re.MULTILINE)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def test_there_is_a_lab():
    assert SOLUTIONS


@LABS
def test_it_is_a_valid_notebook_with_readable_cell_ids(path: Path):
    notebook = read(path)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", id) for id in ids)


@LABS
def test_it_has_one_title_and_headings_that_do_not_skip(path: Path):
    text = re.sub(r"```.*?```", "", prose(read(path)), flags=re.DOTALL)
    levels = [len(mark) for mark in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@LABS
def test_it_says_what_is_learned_how_long_it_takes_and_what_is_graded(path: Path):
    title = read(path).cells[0].source
    assert "You will be able to" in title
    assert 3 <= len(re.findall(r"^\d\. ", title, re.MULTILINE)) <= 5
    assert re.search(r"\*\*Time\*\* \d+–\d+ minutes", title)
    assert "**You need**" in title


@LABS
def test_its_table_of_points_agrees_with_the_checks(path: Path):
    checks = load_checks(slug_of(path.stem))
    rows = re.findall(r"^\| (\d\.\d) \| `(\w+)`.*\| (\d+) \|$", read(path).cells[0].source, re.MULTILINE)
    declared = [(e.number, e.function, str(int(e.points))) for e in checks.exercises.values()]
    assert rows == declared


@LABS
def test_each_exercise_has_a_task_a_cell_and_a_check_below(path: Path):
    notebook = read(path)
    ids = [cell.id for cell in notebook.cells]
    for number in load_checks(slug_of(path.stem)).exercises:
        dashed = number.replace(".", "-")
        at = ids.index(f"task-{dashed}")
        assert ids[at : at + 3] == [f"task-{dashed}", f"ex-{dashed}", f"check-{dashed}"]
        task, exercise, check = notebook.cells[at : at + 3]
        assert tags(exercise) == [f"exercise:{number}"]
        assert check.source == f'check("{number}")'
        assert task.source.count("<details><summary>Hint") == 2
        assert "```python\n>>> " in task.source


@LABS
def test_it_asks_for_nothing_but_its_own_cells(path: Path):
    for cell in code(read(path)):
        for word in ("%pip", "!pip", "getpass", "sys.path", "input(", "NBVAL_SKIP"):
            assert word not in cell.source, f"{cell.id} has {word}"


@LABS
def test_nothing_in_it_is_remote(path: Path):
    text = prose(read(path))
    assert not re.search(r"!\[|<img|<script|<iframe|https?://", text)


@LABS
def test_it_says_what_to_do_when_a_file_of_the_learner_hides_the_kit(path: Path):
    told = prose(read(path))
    assert "cannot import name" in told
    assert "rename" in told


@LABS
def test_its_length_fits_a_lesson(path: Path):
    notebook = read(path)
    text = re.sub(r"```.*?```|<details>.*?</details>", "", prose(notebook), flags=re.DOTALL)
    text = re.sub(r"^[|#].*$", "", text, flags=re.MULTILINE)
    assert 900 <= len(text.split()) <= 1600
    assert 20 <= len([cell for cell in code(notebook) if "parameters" not in tags(cell)]) <= 35


@LABS
def test_few_outputs_are_ignored_and_each_says_why(path: Path):
    cells = code(read(path))
    ignored = [cell for cell in cells if IGNORE.search(cell.source) or "nbval-ignore-output" in tags(cell)]
    assert len(ignored) <= len(cells) / 5
    for cell in ignored:
        lines = cell.source.splitlines()
        assert lines[0] == "# NBVAL_IGNORE_OUTPUT", cell.id
        assert re.match(r"# \w+", lines[1]), f"{cell.id} must say why in its second line"


@LABS
def test_stored_outputs_hold_no_time_id_or_path_of_the_run(path: Path):
    notebook = read(path)
    assert "widgets" not in notebook.metadata
    for cell in code(notebook):
        assert "execution" not in cell.metadata
        for output in cell.outputs:
            text = str(output)
            assert output.output_type != "error", cell.id
            assert not re.search(r"/tmp/|/home/|/Users/|ipykernel_\d{3,}", text), cell.id


@LABS
def test_the_lab_has_a_fixture_checks_and_a_place_in_the_docs(path: Path):
    slug = slug_of(path.stem)
    assert fixture_of(slug).is_file()
    assert (ROOT / "labs" / path.name).is_file()
    assert (ROOT / "docs" / "instructors" / f"{path.stem}.md").is_file()
