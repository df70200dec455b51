"""Every notebook still does what it says: executed, compared with its stored outputs, released as stubs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from grader.release.course import find_course
from grader.release.notebook import dump
from tests.conftest import same_surroundings
from tests.nbval_again import compare
from tests.notebook_runs import (
    AS_IT_IS,
    OFFLINE,
    PAGES,
    ROOT,
    SOLUTIONS,
    Run,
    can_be_offline,
    execute,
    execute_all,
    needs_no_network,
    texts,
)
from utils.providers import PROVIDERS

pytestmark = pytest.mark.kernel
RELEASED = "released"
DEFAULT = "openai"
"""the provider that outputs are stored with"""
RESPONSES = "openai's responses"
"""OpenAI's other protocol, which a person chooses by an option of the model"""
STREAMED = ROOT / "solutions" / "02_streaming.ipynb"
"""the lab in which most depends on the form of what a model sends"""


@dataclass(frozen=True)
class Runs:
    """All runs of one lab: its solution on each provider, and what is released, without an answer."""

    solution: Path
    targets: Mapping[str, Path]
    errors: Mapping[str, str]

    def __getitem__(self, name: str) -> nbformat.NotebookNode:
        """An executed notebook, by its provider; the test fails when a cell did."""
        if self.errors[name]:
            pytest.fail(f"{self.solution.name}, {name}:\n{self.errors[name][-3000:]}")
        return nbformat.read(self.targets[name], as_version=4)


def released(solution: Path, folder: Path) -> Path:
    """A lab as students get it, made afresh: whatever a learner did in labs/ does not matter."""
    lab = folder / solution.name
    lab.write_bytes(dump(find_course(ROOT, ROOT).fresh(solution.stem)))
    return lab


def speaking_responses(solution: Path, folder: Path) -> Path:
    """A solution whose own models speak OpenAI's other protocol."""
    notebook = nbformat.read(solution, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace(
                "kit.model()", 'kit.model().model_copy(update={"use_responses_api": True})'
            )
    assert "use_responses_api" in str(notebook)
    path = folder / f"responses {solution.name}"
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> Runs:
    """A lab, executed for all tests that look at it, in a folder with a name such as people give."""
    solution: Path = request.param
    folder = tmp_path_factory.mktemp("runs") / "my labs, copy 2"
    folder.mkdir()
    asked = {
        provider: Run(solution, folder / f"{provider}.ipynb", {"provider": provider})
        for provider in PROVIDERS
    }
    asked[RELEASED] = Run(released(solution, folder), folder / f"{RELEASED}.ipynb")
    if solution == STREAMED:
        asked[RESPONSES] = Run(speaking_responses(solution, folder), folder / f"{RESPONSES}.ipynb")
    with same_surroundings(empty_home):
        errors = execute_all(list(asked.values()), OFFLINE if can_be_offline() else AS_IT_IS)
    return Runs(
        solution,
        {name: run.target for name, run in asked.items()},
        dict(zip(asked, errors, strict=True)),
    )


LABS = pytest.mark.parametrize("runs", SOLUTIONS, ids=lambda path: path.stem, indirect=True)
# What holds for the tools holds for every notebook: one is enough, and each run costs seconds.
ONE_LAB = pytest.mark.parametrize("runs", SOLUTIONS[:1], ids=lambda path: path.stem, indirect=True)


@LABS
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_solution_runs_without_network_and_has_all_points(runs: Runs, provider: str) -> None:
    has_all_points(runs, provider)


@pytest.mark.parametrize("runs", [STREAMED], ids=lambda path: path.stem, indirect=True)
def test_the_lab_on_streams_runs_on_openai_s_other_protocol_as_well(runs: Runs) -> None:
    has_all_points(runs, RESPONSES)


def has_all_points(runs: Runs, provider: str) -> None:
    needs_no_network()
    table = next(cell for cell in reversed(runs[provider].cells) if cell.source == "check()")
    total = re.search(r"Total +(\d+) of (\d+)", texts(nbformat.v4.new_notebook(cells=[table])))
    assert total is not None
    assert total[1] == total[2]


@LABS
def test_stored_outputs_are_what_the_cells_print(runs: Runs) -> None:
    verdicts = compare(runs.solution, runs[DEFAULT])
    assert not verdicts.failed, "\n".join(verdicts.failed.values())
    assert len(verdicts.passed) == len(code_cells(runs.solution))


@pytest.mark.parametrize("runs", PAGES, ids=lambda path: path.stem, indirect=True)
def test_a_page_runs_without_network_on_each_provider_and_shows_what_is_stored(runs: Runs) -> None:
    needs_no_network()
    for name in runs.targets:
        assert "San Francisco" in texts(runs[name])
    verdicts = compare(runs.solution, runs[DEFAULT])
    assert not verdicts.failed, "\n".join(verdicts.failed.values())
    assert len(verdicts.passed) == len(code_cells(runs.solution))


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@LABS
def test_the_untouched_lab_runs_through_without_network_and_has_no_points(runs: Runs) -> None:
    needs_no_network()
    shown = texts(runs[RELEASED])
    assert re.search(r"Total +0 of \d+", shown)
    assert "is not written yet" in shown


@ONE_LAB
def test_one_changed_figure_in_a_stored_output_is_noticed(runs: Runs, tmp_path: Path) -> None:
    notebook = nbformat.read(runs.solution, as_version=4)
    cell = next(c for c in notebook.cells if any("°C" in o.get("text", "") for o in c.get("outputs", ())))
    output = next(o for o in cell.outputs if "°C" in o.get("text", ""))
    output.text = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), output.text, count=1)
    changed = tmp_path / runs.solution.name
    nbformat.write(notebook, changed)
    verdicts = compare(changed, runs[DEFAULT])
    (why,) = verdicts.failed.values()
    assert "Cell outputs differ" in why
    assert len(verdicts.passed) == len(code_cells(changed)) - 1


def test_a_students_own_utils_file_is_named_by_the_error(tmp_path: Path) -> None:
    """Python names the file that hides the kit; the lab says beside the cell what to do about it."""
    (tmp_path / "utils.py").write_text("mine = 1\n")
    lab = released(SOLUTIONS[0], tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"cannot import name '\w+' from 'utils'.*utils\.py"):
        execute(lab, tmp_path / "done.ipynb")
