"""Versions of a function that Python could not read: what a check then judges is the version before."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

MOST_CELLS = 500
"""cells that are looked at, from the newest one back"""
MAX_CELL = 100_000
"""letters of a cell that is looked at"""


@dataclass(frozen=True, slots=True)
class Unrun:
    """The newest version of a function, where it did not run."""

    function: str
    error: str
    """name and text of Python's error"""
    line: int
    """of the cell, from 1"""

    @property
    def sentence(self) -> str:
        """Return what a student is told."""
        return (
            f"Your newest version of {self.function} did not run, so the version before it was checked. "
            f"Python stopped in line {self.line} of the cell: {self.error}"
        )


def newest_unrun(
    cells: Sequence[object], functions: Iterable[str], python_of: Callable[[str], str]
) -> Unrun | None:
    """Return the first of these functions whose newest version Python could not read; ``None`` if none is so.

    ``cells`` are the sources that the notebook has run, oldest first, those that failed among them.
    ``python_of`` makes Python code of a cell's source.
    """
    wanted = list(functions)
    for source in reversed(cells[-MOST_CELLS:]):
        if not wanted:
            return None
        if not isinstance(source, str) or len(source) > MAX_CELL:
            continue
        defined = [name for name in wanted if _defines(source, name)]
        if not defined:
            continue
        if (error := _error(source, python_of)) is not None:
            return Unrun(defined[0], f"{type(error).__name__}: {error.msg}", error.lineno or 1)
        wanted = [name for name in wanted if name not in defined]
    return None


def _defines(source: str, function: str) -> bool:
    return any(_begins(line, function) for line in source.splitlines())


def _begins(line: str, function: str) -> bool:
    """Return whether a line at the left edge begins a definition of this name, or gives it a value."""
    if line[:1].isspace():
        return False
    name, equals, value = line.partition("=")
    if equals and not value.startswith("=") and name.strip() == function:
        return True
    *before, last = line.partition("(")[0].partition(":")[0].split() or [""]
    return last == function and before in (["def"], ["async", "def"], ["class"])


def _error(source: str, python_of: Callable[[str], str]) -> SyntaxError | None:
    try:
        compile(python_of(source), "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return error
    except Exception:  # wrong in IPython's own syntax, or far too deep: the cell itself shows what
        return None
    return None
