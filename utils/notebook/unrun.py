"""Versions of a function that did not run: what a check then judges is the version before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from utils.notebook.runs import Run
from utils.notebook.saved import Saved

MAX_CELL = 100_000
"""letters of a cell that is looked at"""


@dataclass(frozen=True, slots=True)
class Unrun:
    """The newest version of a function, where it did not run."""

    function: str
    why: str
    """a sentence"""

    @property
    def sentence(self) -> str:
        """Return what a student is told."""
        return (
            f"Your newest version of {self.function} did not run, so the version before it was checked. "
            f"{self.why}"
        )


def newest_unrun(runs: Sequence[Run], functions: Iterable[str], saved: Saved | None = None) -> Unrun | None:
    """Return the first of these functions whose newest version did not run; ``None`` if all did.

    ``runs`` are what the notebook has run, oldest first. A version did not run where Python could not read
    its cell, where the cell stopped before it came to the function, or where it was ``saved`` after the
    last run and was never run itself.
    """
    for function in functions:
        newest = next((run for run in reversed(runs) if _lines(run.source, function)), None)
        if newest is None:
            continue
        if newest.unread:
            return Unrun(function, f"Python stopped in line {newest.line} of the cell: {newest.error}")
        if 0 < newest.line <= _lines(newest.source, function)[-1]:
            why = f"Its cell stopped before it, in line {newest.line}: {newest.error}"
            return Unrun(function, why)
        if saved is not None and _is_newer(saved, function, newest, runs):
            at = time.strftime("%H:%M:%S", time.localtime(saved.at))
            why = f"The notebook was saved with it at {at}: run its cell, then check again."
            return Unrun(function, why)
    return None


def defines(source: str, function: str) -> bool:
    """Return whether a cell defines a function of this name, or gives the name a value."""
    return bool(_lines(source, function))


def _is_newer(saved: Saved, function: str, newest: Run, runs: Sequence[Run]) -> bool:
    """Return whether every version in the file was saved after the last run and never run."""
    if saved.at <= newest.ended:
        return False
    written = {_plain(source) for source in saved.sources if _lines(source, function)}
    return bool(written) and written.isdisjoint(_plain(run.source) for run in runs)


def _plain(source: str) -> str:
    """Return a source without what editors change by themselves: white space at the ends of lines."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _lines(source: str, function: str) -> list[int]:
    """Return the lines, from 1, that begin a definition of this name or give it a value."""
    if len(source) > MAX_CELL:
        return []
    return [number for number, line in enumerate(source.splitlines(), 1) if _begins(line, function)]


def _begins(line: str, function: str) -> bool:
    """Return whether a line at the left edge begins a definition of this name, or gives it a value."""
    if line[:1].isspace():
        return False
    name, equals, value = line.partition("=")
    if equals and not value.startswith("=") and name.strip() == function:
        return True
    *before, last = line.partition("(")[0].partition(":")[0].split() or [""]
    return last == function and before in (["def"], ["async", "def"], ["class"])
