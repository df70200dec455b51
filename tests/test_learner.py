"""A learner works in this very repository: nothing complains, nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from tests.notebook_runs import ROOT, SOLUTIONS


def release(root: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["release", "--root", str(root), *words])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("solutions", "labs", "utils/checks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    assert release(tmp_path, "--force").exit_code == 0
    return tmp_path


def test_what_is_released_agrees_with_the_solutions():
    done = release(ROOT, "--check")
    assert done.exit_code == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lab", [path.name for path in SOLUTIONS])
def test_exercises_that_were_done_are_neither_a_fault_nor_overwritten(checkout: Path, lab: str):
    path = checkout / "labs" / lab
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if any(tag.startswith("exercise:") for tag in cell.metadata.get("tags", ())):
            cell.source = f"{cell.source.split('    # YOUR CODE HERE')[0]}    return 'mine'"
            cell.execution_count = 7
            cell.outputs = [nbformat.v4.new_output("stream", text="my own output\n")]
    notebook.cells.append(nbformat.v4.new_code_cell("# tried something\nask"))
    nbformat.write(notebook, path)
    before = path.read_bytes()
    assert release(checkout, "--check").exit_code == 0
    done = release(checkout)
    assert done.exit_code == 0
    assert "your work is kept" in done.stdout
    assert path.read_bytes() == before


@pytest.mark.parametrize("lab", [path.name for path in SOLUTIONS])
def test_a_deleted_cell_is_not_called_a_changed_solution(checkout: Path, lab: str):
    path = checkout / "labs" / lab
    notebook = nbformat.read(path, as_version=4)
    example = next(
        cell for cell in notebook.cells if cell.cell_type == "code" and not cell.metadata.get("tags")
    )
    notebook.cells = [cell for cell in notebook.cells if cell is not example]
    notebook.cells.append(nbformat.v4.new_code_cell("mine = 1"))
    nbformat.write(notebook, path)
    done = release(checkout)
    assert done.exit_code == 1
    assert "cells of the release are missing here" in done.stderr


@pytest.mark.parametrize("lab", [path.name for path in SOLUTIONS])
def test_a_changed_solution_is_noticed_and_work_is_kept_even_by_force(checkout: Path, lab: str):
    path = checkout / "labs" / lab
    path.write_text(path.read_text("utf-8").replace("raise NotImplementedError()", "return 1", 1), "utf-8")
    mine = path.read_bytes()
    source = checkout / "solutions" / lab
    source.write_text(source.read_text("utf-8").replace("You will be able to", "You will", 1), "utf-8")
    assert release(checkout, "--check").exit_code == 1
    assert release(checkout).exit_code == 1
    assert path.read_bytes() == mine
    assert release(checkout, "--force").exit_code == 0
    kept = [other for other in (checkout / "labs").glob("*.kept-*.ipynb") if other.read_bytes() == mine]
    assert len(kept) == 1
    assert release(checkout, "--check").exit_code == 0
