"""Ways to deal with a right solution: grading it, or merely executing it with what Jupyter users have."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.grading_cost.accounts import ROOT, Cost, Marginal, marginal, middle, python, run

NBCLIENT = """
import sys, nbformat, nbclient
for path in sys.argv[1:]:
    nbclient.NotebookClient(nbformat.read(path, 4), kernel_name="python3").execute()
"""
PAPERMILL = """
import sys, papermill
for path in sys.argv[1:]:
    papermill.execute_notebook(path, path + ".out.ipynb", kernel_name="python3", progress_bar=False)
"""
PATIENT = "120"
"""seconds that the grader may take for a submission here: nothing on a busy machine is about its limits"""
FAST = 4
"""times as many copies for what takes a fraction of a second"""


@dataclass(frozen=True, slots=True)
class Way:
    """A way, and what it costs for so many copies of the solution."""

    name: str
    copies: int
    measure: Callable[[int], Cost]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each way costs for one lab."""

    lab: str
    costs: Mapping[str, Marginal]
    cells: int
    """code cells of the solution"""
    graded: int
    """those of them that the grader runs"""


def compare(
    lab: str, graded: Collection[int], copies: int, rounds: int, folder: Path, say: Callable[[str], None]
) -> Comparison:
    """Measure all ways, round by round; ``graded`` are numbers of the cells that the grader runs.

    ``say`` is told what is measured, as it takes minutes.
    """
    every = _ways(lab, graded, copies, folder)
    found: dict[str, list[Marginal]] = {way.name: [] for way in every}
    for number in range(1, rounds + 1):
        for way in every:
            say(f"{lab}, round {number}: {way.name}")
            found[way.name].append(marginal(way.measure, way.copies))
    cells = sum(cell["cell_type"] == "code" for cell in solution(lab)["cells"])
    return Comparison(lab, {name: middle(costs) for name, costs in found.items()}, cells, len(graded))


def solution(lab: str) -> dict[str, Any]:
    """Return a lab's solution as the JSON that it is."""
    read: dict[str, Any] = json.loads(solution_path(lab).read_text("utf-8"))
    return read


def solution_path(lab: str) -> Path:
    """Return where a lab's solution lies."""
    return ROOT / "solutions" / f"{lab}.ipynb"


def grade_words(submissions: Path, out: Path, lab: str, *more: str) -> list[str | Path]:
    """Return the command that grades a folder."""
    secret = out.parent / "secret"
    fixed = ("--out", out, "--lab", lab, "--root", ROOT, "--secret", secret)
    return [python(), "-m", "grader", "grade", submissions, *fixed, *more]


def _ways(lab: str, graded: Collection[int], copies: int, folder: Path) -> Sequence[Way]:
    whole = solution_path(lab).read_bytes()
    some = json.dumps(_only(solution(lab), graded)).encode()

    def grading(*more: str) -> Callable[[int], Cost]:
        return lambda count: _graded(folder, whole, lab, count, *more)

    def executing(driver: str, content: bytes) -> Callable[[int], Cost]:
        return lambda count: _executed(folder, content, driver, count)

    return (
        Way("grader, warm", FAST * copies, grading("--jobs", "1")),
        Way("grader, warm, usual --jobs", FAST * copies, grading()),
        Way("grader --cold", copies, grading("--jobs", "1", "--cold")),
        Way("nbclient, whole", copies, executing(NBCLIENT, whole)),
        Way("papermill, whole", copies, executing(PAPERMILL, whole)),
        Way("nbclient, graded cells only", copies, executing(NBCLIENT, some)),
    )


def _only(notebook: Mapping[str, Any], numbers: Collection[int]) -> dict[str, Any]:
    """Return a notebook with some of its cells, counted from 1."""
    kept = [cell for number, cell in enumerate(notebook["cells"], 1) if number in numbers]
    return {**notebook, "cells": kept}


def _graded(folder: Path, content: bytes, lab: str, count: int, *more: str) -> Cost:
    submissions, out = folder / "in", folder / "out"
    for number in range(count):
        student = submissions / f"student-{number:03}"
        student.mkdir(parents=True)
        # No two are the same, so each is asked other questions.
        (student / f"{lab}.ipynb").write_bytes(content + b" " * number)
    try:
        return run(grade_words(submissions, out, lab, "--timeout", PATIENT, *more))
    finally:
        shutil.rmtree(submissions)
        shutil.rmtree(out, ignore_errors=True)


def _executed(folder: Path, content: bytes, driver: str, count: int) -> Cost:
    notebooks = [folder / f"{number}.ipynb" for number in range(count)]
    for path in notebooks:
        path.write_bytes(content)
    return run([python(), "-c", driver, *notebooks])
