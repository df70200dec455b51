"""Checkpoints as rows of a git graph: each row with its piece of the lines; branches have colour and shape.

The rows are a list that also reads without the drawing; every piece of line is an SVG of its own, so that a
row can be chosen and long text never moves a line away from its row.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from utils.views.folding import Fold, Shown
from utils.views.page import escape_line
from utils.views.plain import plural
from utils.views.tree import TreeRow, next_of, remarks_of

_LANE, _TALL = 16, 26
_KINDS = 6
"""colours and shapes, after which they begin again"""
_NAME = 40
# Each around 0, 0; a branch's own, so that nobody needs to tell its colour.
_SHAPES = (
    '<circle r="5"/>',
    '<rect x="-4.6" y="-4.6" width="9.2" height="9.2"/>',
    '<path d="M0 -6.4L6.4 0L0 6.4L-6.4 0z"/>',
    '<path d="M0 -6L6 4.6H-6z"/>',
    '<path d="M-5.6 0L-2.8 -5H2.8L5.6 0L2.8 5H-2.8z"/>',
    '<path d="M0 6L6 -4.6H-6z"/>',
)


@dataclass(frozen=True, slots=True)
class Lane:
    """Where the lines of one row are."""

    column: int
    branch: int
    """0 for the trunk, then in the order of drawing"""
    through: tuple[tuple[int, int], ...]
    """lines of other branches that pass: their columns and branches"""
    begins: bool
    """whether the branch leaves the column to the left here"""
    above: bool
    below: bool
    """whether a line leads up, and down, from the row's own checkpoint"""


def lanes(shown: Sequence[Shown]) -> tuple[Lane, ...]:
    """Return the lines of each row that is shown."""
    rows = [row.rows[0] if isinstance(row, Fold) else row for row in shown]
    found: list[Lane] = []
    at: dict[int, int] = {}
    count = 0
    for n, row in enumerate(rows):
        column = len(row.lead) // 2
        begins = row.lead.endswith("├─")
        root = row.node.parent is None or row.origin == "?"
        if begins or root:
            at[column] = count
            count += 1
        branch = at.setdefault(column, count)
        passing = tuple((c, at.get(c, 0)) for c in range(column) if row.lead[2 * c] in "│├")
        below = n + 1 < len(rows) and _goes_on(rows[n + 1], column)
        found.append(Lane(column, branch, passing, begins, not begins and not root, below))
    return tuple(found)


def _goes_on(below: TreeRow, column: int) -> bool:
    """Return whether a line of this column leads into the row below."""
    depth = len(below.lead) // 2
    if depth > column:
        return below.lead[2 * column] in "│├"
    return depth == column and below.node.parent is not None and below.origin != "?"


def rows_html(shown: Sequence[Shown], selected: str | None = None) -> str:
    """Return the rows as a list in HTML, without a frame and without its stylesheet."""
    if not shown:
        return '<p class="kit-more">There are no checkpoints yet.</p>\n'
    placed = lanes(shown)
    width = (max(lane.column for lane in placed) + 1) * _LANE
    items = [_item(row, lane, width, selected) for row, lane in zip(shown, placed, strict=True)]
    return f'<ol class="kit-rows">\n{chr(10).join(items)}\n</ol>\n'


def _item(row: Shown, lane: Lane, width: int, selected: str | None) -> str:
    chosen = row.name == selected
    kind = " ".join(["kit-tree-row", *["kit-chosen-row"] * chosen])
    if isinstance(row, Fold):
        said = f"<span>{len(row.rows):,} more, {row.rows[0].name} to {row.rows[-1].name}</span>"
    else:
        said = _said(row, lane)
    return f'<li class="{kind}" data-row="{row.name}">{_svg(lane, width, row)}{said}</li>'


def _said(row: TreeRow, lane: Lane) -> str:
    node = row.node
    step = "" if node.step is None else f"step {node.step} "
    # What may be cut in a narrow place comes last.
    facts = [
        f"{step}{escape_line(node.source, _NAME)}",
        html.escape(next_of(node)),
        html.escape(remarks_of(row)),
        f"branch {lane.branch}" if lane.begins else "",
        "" if node.messages is None else plural(node.messages, "message"),
    ]
    told = "".join(f"<span>{fact}</span>" for fact in facts if fact)
    return f'<b class="kit-name">{row.name}</b>{told}'


def _svg(lane: Lane, width: int, row: Shown) -> str:
    middle = _TALL / 2
    x = _middle(lane.column)
    parts = [
        f'<path class="kit-branch-{branch % _KINDS}" d="M{_middle(column)} 0V{_TALL}"/>'
        for column, branch in lane.through
    ]
    own = f"kit-branch-{lane.branch % _KINDS}"
    if lane.begins:
        parts.append(f'<path class="{own}" d="M{x - _LANE} 0Q{x - _LANE} {middle} {x} {middle}"/>')
    if lane.above:
        parts.append(f'<path class="{own}" d="M{x} 0V{middle}"/>')
    if lane.below:
        parts.append(f'<path class="{own}" d="M{x} {middle}V{_TALL}"/>')
    if isinstance(row, Fold):
        parts.append(f'<path class="{own} kit-folded" d="M{x} 0V{_TALL}"/>')
    else:
        full = " kit-full" if row.current else ""
        shape = _SHAPES[lane.branch % _KINDS]
        parts.append(f'<g class="{own} kit-dot{full}" transform="translate({x} {middle})">{shape}</g>')
    return (
        f'<svg class="kit-lanes" viewBox="0 0 {width} {_TALL}" width="{width}" height="{_TALL}" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )


def _middle(column: int) -> int:
    return column * _LANE + _LANE // 2
