"""An exercise's cells, read from the hand-in: text for a person, which nothing here runs or even parses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError
from grader.results.adjustments import WHOLE_LAB
from grader.results.result import Result
from grader.submissions import CodeCell, Unreadable, read_notebook
from utils.checks.registry import load_checks, slug_of
from utils.errors import KitError

TAG = "exercise:"
_DEFINED = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*[:=]", re.MULTILINE)
"""a name at the left edge that is given a function, a class or a value"""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What somebody handed in, as far as one look needs it."""

    own: tuple[CodeCell, ...] = ()
    """cells of the exercise; for the whole lab those that flags and losses are about"""
    others: tuple[CodeCell, ...] = ()
    """all other code cells"""
    problem: str = ""
    """why there are no cells; or that they are not the ones that were graded"""


def handed_in(folder: Path | None, result: Result, exercise: str) -> HandedIn:
    """Return the cells of an exercise, or of the whole lab, or why there are none."""
    if folder is None:
        return HandedIn(problem="Name the folder of submissions at the start to see the cells here.")
    if not result.path:
        return HandedIn(problem="Nothing was handed in.")
    try:
        read = read_notebook(folder, result.path)
    except (GraderError, OSError):
        return HandedIn(problem="The folder of submissions cannot be read.")
    if isinstance(read, Unreadable):
        return HandedIn(problem=f"{read.what.rstrip('.')}.")
    changed = result.submission and read.sha256 != result.submission
    problem = "The file is not the one that was graded: it has changed since." if changed else ""
    own = _own(read.cells, result, exercise)
    return HandedIn(own, tuple(cell for cell in read.cells if cell not in own), problem)


def _own(cells: Sequence[CodeCell], result: Result, exercise: str) -> tuple[CodeCell, ...]:
    if exercise != WHOLE_LAB:
        return tuple(cell for cell in cells if _is_of(cell, result.lab, exercise))
    named = {*(flag.cell for flag in result.flags), *(loss.cell for loss in result.losses)}
    lost = {loss.exercise for loss in result.losses if loss.exercise}
    return tuple(
        cell
        for cell in cells
        if cell.number in named or any(_is_of(cell, result.lab, number) for number in lost)
    )


def _is_of(cell: CodeCell, lab: str, exercise: str) -> bool:
    """Return whether a cell is tagged as an exercise's, or defines at its left edge what it asks for."""
    names = {found[1] or found[2] for found in _DEFINED.finditer(cell.source)}
    return f"{TAG}{exercise}" in cell.tags or not names.isdisjoint(functions_of(lab, exercise))


def functions_of(lab: str, exercise: str) -> tuple[str, ...]:
    """Return the names that an exercise asks for; none for a lab that this course does not have."""
    try:
        found = load_checks(slug_of(lab)).exercises.get(exercise)
    except KitError:
        return ()
    return found.functions if found else ()
