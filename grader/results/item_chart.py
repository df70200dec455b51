"""A drawing of how hard exercises were and how well they tell people apart: SVG that does nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grader.results.items import Item
from utils.views.page import escape_line

ROW, TOP, WIDTH = 24, 26, 640
BAR, BAR_WIDTH = 70, 250
"""where bars begin, and how long that of all points is"""
AXIS, AXIS_WIDTH = 370, 240
"""where the axis from -1 to 1 begins, and how long it is"""


def chart(items: Sequence[Item]) -> str:
    """Return the drawing, a row for each exercise; empty where there is nothing to draw."""
    drawn = [item for item in items if item.share is not None]
    if not drawn:
        return ""
    height = TOP + ROW * len(drawn) + 4
    rows = "".join(part for at, item in enumerate(drawn) for part in _row(item, TOP + ROW * at))
    middle = AXIS + AXIS_WIDTH / 2
    return (
        f'<svg class="kit-svg" role="img" viewBox="0 0 {WIDTH} {height}" '
        'aria-label="Share of points and discrimination of each exercise, as in the table">'
        f"{_text(BAR, 14, 'share of points')}{_text(AXIS, 14, 'discrimination, -1 to 1')}"
        f'<line class="kit-grid" x1="{middle:g}" x2="{middle:g}" y1="{TOP}" y2="{height - 4}"/>{rows}</svg>'
    )


def _row(item: Item, y: float) -> Iterable[str]:
    middle = y + ROW / 2
    yield _text(0, middle + 4, escape_line(item.exercise, 8))
    yield f'<rect class="kit-frame" x="{BAR}" y="{y + 5:g}" width="{BAR_WIDTH}" height="{ROW - 10}"/>'
    length = BAR_WIDTH * (item.share or 0)
    yield f'<rect class="kit-bar" x="{BAR}" y="{y + 5:g}" width="{length:.1f}" height="{ROW - 10}"/>'
    yield f'<line class="kit-grid" x1="{AXIS}" x2="{AXIS + AXIS_WIDTH}" y1="{middle:g}" y2="{middle:g}"/>'
    if item.telling is not None:
        x = AXIS + AXIS_WIDTH * (item.telling + 1) / 2
        yield f'<circle class="kit-dot" cx="{x:.1f}" cy="{middle:g}" r="5"/>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}">{text}</text>'
