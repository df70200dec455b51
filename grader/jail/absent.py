"""Imports of packages that are not here: the line is left out, as an installation is, and the cell goes on.

A student has more packages than the lab needs. Without this, one import that a grader cannot follow would
cost everything that the rest of its cell defines.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from grader.jail.names import parsed

MOST = 10
"""packages that are named for one cell"""


@dataclass(frozen=True, slots=True)
class Present:
    """A cell's code without the imports that cannot be followed here."""

    source: str
    absent: tuple[str, ...] = ()
    """the modules that it imports and that are not here; empty where the source is as it was"""


def present(source: str, python: str) -> Present:
    """Return a cell's source with such imports left out.

    ``python`` is the same cell as Python code, without IPython's own syntax; it is what runs where something
    is left out. Only imports of the cell itself are looked at: one in a function, or in a ``try``, is the
    student's own affair.
    """
    # Most cells import nothing: they are not worth a tree.
    tree = parsed(python) if "import" in python else None
    if tree is None:
        return Present(source)
    lines = python.encode().splitlines(keepends=True)
    absent: list[str] = []
    # From the end, so that places before it stay where they are.
    for statement in reversed(tree.body):
        if isinstance(statement, ast.Import | ast.ImportFrom) and (missing := list(_missing(statement))):
            absent += reversed(missing)
            _replace(lines, statement, _rest(statement, missing))
    if not absent:
        return Present(source)
    kept = b"".join(lines).decode()
    if parsed(kept) is None:  # an import that shares its lines with others in an unusual way
        return Present(source)
    return Present(kept, tuple(dict.fromkeys(reversed(absent)))[:MOST])


def _missing(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names if not _is_here(alias.name))
    elif statement.level == 0 and statement.module and not _is_here(statement.module):
        yield statement.module


def _is_here(name: str) -> bool:
    """Return whether a module's package can be found; of a folder that is none, whether the module can."""
    top, *more = name.split(".")
    if top in sys.modules and not more:
        return True
    try:
        found = importlib.util.find_spec(top)
        if found is not None and found.origin is None and more:  # such as "google", shared by many packages
            return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
    except Exception:  # a finder of the student's own; the import itself will say what is wrong
        return True
    return found is not None


def _rest(statement: ast.Import | ast.ImportFrom, missing: list[str]) -> str:
    if isinstance(statement, ast.Import):
        kept = [alias for alias in statement.names if alias.name not in missing]
        if kept:
            return ast.unparse(ast.Import(kept))
    return "pass"


def _replace(lines: list[bytes], statement: ast.stmt, text: str) -> None:
    """Put a text in the place of a statement; the lines below keep their numbers."""
    first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
    before = lines[first][: statement.col_offset]
    after = lines[last][statement.end_col_offset :]
    lines[first : last + 1] = [before + text.encode() + after, *[b"\n"] * (last - first)]
