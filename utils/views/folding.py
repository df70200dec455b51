"""Long trees in a few lines: first and last rows, and where branches leave and end; the rest is counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from utils.views.plain import grid
from utils.views.tree import Tree, TreeRow, row_cells

_FEW = 60
"""trees of so many rows are shown whole"""
_FIRST, _LAST = 5, 10
_MOST_TURNS = 80


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that are not shown one by one."""

    rows: tuple[TreeRow, ...]

    @property
    def name(self) -> str:
        """A name that no row has."""
        return f"fold:{self.rows[0].name}"

    @property
    def label(self) -> str:
        return f"{self.rows[0].lead}┆ {len(self.rows):,} more, {self.rows[0].name} to {self.rows[-1].name}"


Shown = TreeRow | Fold


def fold(tree: Tree, opened: Collection[str] = ()) -> tuple[Shown, ...]:
    """Return the rows of the tree with unremarkable runs folded; rows named in `opened` are shown."""
    rows = tree.rows
    if len(rows) <= _FEW:
        return rows
    kept = _remarkable(rows) | {n for n, row in enumerate(rows) if row.current or row.name in opened}
    return tuple(_runs(rows, kept))


def _remarkable(rows: Sequence[TreeRow]) -> set[int]:
    """Return the numbers of the first and last rows, and of those where branches leave, begin and end."""
    forks = {row.origin for row in rows if row.origin}
    turns = [
        n
        for n, row in enumerate(rows)
        if row.origin or row.name in forks or n + 1 == len(rows) or rows[n + 1].lead != row.lead
    ]
    if len(turns) > _MOST_TURNS:
        turns = turns[: _MOST_TURNS // 2] + turns[-_MOST_TURNS // 2 :]
    return {*range(_FIRST), *range(len(rows) - _LAST, len(rows)), *turns}


def _runs(rows: Sequence[TreeRow], kept: Collection[int]) -> Iterator[Shown]:
    away: list[TreeRow] = []
    for n, row in enumerate(rows):
        if n not in kept:
            away.append(row)
            continue
        yield from _folded(away)
        away = []
        yield row
    yield from _folded(away)


def _folded(away: Sequence[TreeRow]) -> Iterator[Shown]:
    # A fold of one row would take as much room as the row.
    if len(away) > 1:
        yield Fold(tuple(away))
    else:
        yield from away


def lines(shown: Sequence[Shown], selected: str | None = None) -> list[str]:
    """Return a line for each row, aligned; the selected one is marked."""
    rows = [row for row in shown if isinstance(row, TreeRow)]
    drawn = dict(zip((row.name for row in rows), grid([row_cells(row) for row in rows]), strict=True))
    return [
        row.label
        if isinstance(row, Fold)
        else drawn[row.name] + ("  ◀ selected" if row.name == selected else "")
        for row in shown
    ]
