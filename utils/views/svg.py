"""Pieces of SVG that all drawings share: text, a frame that fits the page, short numbers."""

from __future__ import annotations

import html
from collections.abc import Iterable

from utils.views.plain import one_line

WIDTH = 760
"""width of every drawing in its own units; on the page it takes what room there is"""
LEFT, RIGHT = 175, 155
"""room for names on the left and for figures on the right"""
PLOT = WIDTH - LEFT - RIGHT
ROW = 22


def drawing(parts: Iterable[str], height: float, title: str, description: str) -> str:
    """A drawing that is read out as its title and description, and scales with the page."""
    return (
        f'<svg class="kit-svg" role="img" viewBox="0 0 {WIDTH} {number(height)}" width="100%">'
        f"<title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>"
        f"{''.join(parts)}</svg>"
    )


def label(x: float, y: float, text: str, *, kind: str = "", end: bool = False, chars: int = 24) -> str:
    """A line of text; with `end` it ends at `x`."""
    anchor = ' text-anchor="end"' if end else ""
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{number(x)}" y="{number(y)}"{anchor}{kind}>{html.escape(one_line(text, chars))}</text>'


def path(d: str, kind: str) -> str:
    """A shape, dressed by its class."""
    return f'<path class="{kind}" d="{d}"/>'


def number(value: float) -> str:
    """A coordinate, to a tenth: ``12``, ``12.5``."""
    return f"{value:.1f}".removesuffix(".0")
