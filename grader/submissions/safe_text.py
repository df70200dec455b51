"""Text of theirs for the places where it could do something: a terminal, a spreadsheet, a page.

What is shown of hidden characters is decided in one place, `utils.views.plain`; this adds what each of the
three places needs besides. Names that are compared or looked up stay as they are: this is for output only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Protocol

from utils.views.plain import one_line

CELL = 2_000
"""characters of one cell in a table; a spreadsheet takes 32,767"""

# What a spreadsheet takes for the beginning of a formula, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...


def for_terminal(text: str, chars: int = 80) -> str:
    """Return the text on one line, with hidden characters made visible and cut with a mark."""
    return one_line(text, chars)


def for_cell(text: str) -> str:
    """Return the text as a cell that no spreadsheet takes for a formula: an apostrophe stands before one."""
    shown = one_line(text, CELL)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def guarded(text: str) -> str:
    """Return the text as such a cell, whole and with its lines; `unguarded` gives it back."""
    return f"'{text}" if _like_a_formula(text) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell without the apostrophe that keeps it from being a formula."""
    return cell[1:] if cell.startswith("'") and _like_a_formula(cell) else cell


def _like_a_formula(text: str) -> bool:
    # Also with apostrophes in front, so that each text has one cell, and comes back from it.
    return text.lstrip("'").lstrip().startswith(_FORMULA)


def write_table(stream: _Writable, rows: Iterable[Sequence[str | int | float | None]]) -> None:
    """Write rows as CSV. Numbers stay numbers; texts go through `for_cell`."""
    writer = csv.writer(stream, lineterminator="\n")
    for row in rows:
        writer.writerow([for_cell(cell) if isinstance(cell, str) else cell for cell in row])
