"""Run every solution as a whole with papermill, and end with a table.

The executed notebooks are left in `build/demo`. Exit code 1 when one of them failed, or when an
exercise did not earn all its points.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from rich.console import Console
from rich.table import Table

from grader.release.points import QUESTION, has_exercises, lost_points
from utils.checks.registry import load_checks, slug_of
from utils.modes import RECORDED

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
DEMO = ROOT / "build" / "demo"
ASKED = "points"
"""id of the cell that asks for the points"""


@dataclass(frozen=True, slots=True)
class Run:
    """How one notebook went."""

    notebook: str
    cells: int
    """code cells that ran to their end"""
    seconds: float
    problem: str = ""
    """one sentence; empty when all is well"""


def run(path: Path) -> Run:
    """Execute one notebook into the demo folder."""
    target = DEMO / path.name
    problem = ""
    start = time.perf_counter()
    try:
        papermill.execute_notebook(
            asking(path, target),
            target,
            kernel_name="python3",
            cwd=path.parent,
            progress_bar=False,
            log_output=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # no remark on loopback being unencrypted
        )
    except PapermillExecutionError as error:
        problem = f"cell {error.cell_index}: {error.ename}: {first_line(error.evalue)}"
    except (
        Exception
    ) as error:  # the border of a process: a dead kernel or a broken file is a row of the table
        problem = f"{type(error).__name__}: {first_line(str(error))}"
    seconds = time.perf_counter() - start
    executed = read(target)
    asked = taken_out(executed, target)
    done, total = count(executed)
    if not problem and done < total:
        # papermill takes sys.exit(0) in a cell for success.
        problem = f"it ended after {done} of {total} code cells without an error"
    if asked is not None and not problem:
        problem = "; ".join(lost_points(asked, load_checks(slug_of(path.stem))))
    return Run(path.name, done, seconds, problem)


def asking(path: Path, target: Path) -> Path:
    """Return what to execute: the notebook, or its copy with a last cell that asks for the points."""
    target.unlink(missing_ok=True)
    notebook: Any = nbformat.read(path, as_version=4)
    if not has_exercises(notebook.cells):
        return path
    notebook.cells.append(nbformat.v4.new_code_cell(QUESTION, id=ASKED))
    nbformat.write(notebook, target)
    return target


def read(path: Path) -> Any:
    """Return an executed notebook; one without cells where none was written."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception:  # nothing was written: the problem is reported already
        return nbformat.v4.new_notebook()


def taken_out(notebook: Any, path: Path) -> Any:
    """Take the cell that asks for the points out of an executed notebook, and return it; None without one."""
    if not notebook.cells or notebook.cells[-1].get("id") != ASKED:
        return None
    asked = notebook.cells.pop()
    nbformat.write(notebook, path)
    return asked


def first_line(text: str) -> str:
    """Return the first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def count(notebook: Any) -> tuple[int, int]:
    """Return how many code cells ran without error, and how many should have."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    good = [
        cell
        for cell in code
        if cell.execution_count and not any(output.output_type == "error" for output in cell.outputs)
    ]
    return len(good), len(code)


def table(runs: list[Run]) -> Table:
    """Return the runs as a table."""
    found = Table(title=None, header_style="bold")
    found.add_column("notebook")
    found.add_column("cells", justify="right")
    found.add_column("seconds", justify="right")
    found.add_column("result")
    for one in runs:
        found.add_row(one.notebook, str(one.cells), f"{one.seconds:.1f}", "failed" if one.problem else "ok")
    return found


def main() -> int:
    """Run all solutions, or those named, and print the table."""
    names = sys.argv[1:]
    paths = [path for path in sorted(SOLUTIONS.glob("*.ipynb")) if not names or path.stem in names]
    if not paths:
        print("There are no solutions to run in solutions/.", file=sys.stderr)
        return 1
    # The recorded model, at once: neither .env nor the shell should make this slow or cost money unasked.
    os.environ.update(RECORDED)
    os.environ.pop("PYTHONPATH", None)
    DEMO.mkdir(parents=True, exist_ok=True)
    runs = []
    for path in paths:
        print(f"Running {path.name}", file=sys.stderr, flush=True)
        runs.append(run(path))
    Console().print(table(runs))
    for one in runs:
        if one.problem:
            print(f"{one.notebook}: {one.problem} (as far as it came: build/demo/{one.notebook})")
    return 1 if any(one.problem for one in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
