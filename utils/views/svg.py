"""Pieces of SVG that all drawings share: text, a frame that fits the page, short numbers."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Mapping

from utils.views.plain import one_line, short

WIDTH = 760
"""width of every drawing in its own units; on the page it takes what room there is"""
LEFT, RIGHT = 175, 155
"""room for names on the left and for figures on the right"""
PLOT = WIDTH - LEFT - RIGHT
ROW = 22
_EM = 12.5
"""size of the text, as the stylesheet has it"""
_FULL = 200
_WIDE_LETTERS, _NARROW_LETTERS = "mwMW%@…—", "fijlrt .,:;'|!()[]/"


def drawing(parts: Iterable[str], height: float, title: str, description: str) -> str:
    """Return a drawing that is read out as its title and description, and scales with the page."""
    return (
        f'<svg class="kit-svg" role="img" viewBox="0 0 {WIDTH} {number(height)}" width="100%">'
        f"<title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>"
        f"{''.join(parts)}</svg>"
    )


def label(
    x: float,
    y: float,
    text: str,
    *,
    kind: str = "",
    end: bool = False,
    columns: int = 24,
    room: float | None = None,
    full: str = "",
) -> str:
    """Return a line of text that begins at `x`, or with `end` ends there.

    It takes at most `room`: wide letters are set closer. Where it is not all of `full`, that is shown to
    a person who points at it.
    """
    shown = short(text, columns)
    anchor = ' text-anchor="end"' if end else ""
    kind = f' class="{kind}"' if kind else ""
    if room is not None and most_wide(shown) > room:
        anchor += f' textLength="{number(room)}" lengthAdjust="spacingAndGlyphs"'
    whole = one_line(full or text, _FULL)
    title = "" if whole == shown else f"<title>{html.escape(whole)}</title>"
    return f'<text x="{number(x)}" y="{number(y)}"{anchor}{kind}>{html.escape(shown)}{title}</text>'


def in_full(names: Mapping[str, str]) -> str:
    """Return a sentence with the names that are shown in part, for a description; empty if all are whole."""
    cut = [one_line(name, _FULL) for name, shown in names.items() if shown != one_line(name, _FULL)]
    return f"; in full: {', '.join(cut)}" if cut else ""


def path(d: str, kind: str) -> str:
    """Return a shape, dressed by its class."""
    return f'<path class="{kind}" d="{d}"/>'


def most_wide(text: str) -> float:
    """Return how wide the text is where the page's font is a wide one."""
    return _EM * sum(map(_ems, text))


def _ems(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if char in _WIDE_LETTERS:
        return 1.0
    return 0.4 if char in _NARROW_LETTERS else 0.76 if char.isupper() else 0.61


def number(value: float) -> str:
    """Return a coordinate, to a tenth: ``12``, ``12.5``."""
    return f"{value:.1f}".removesuffix(".0")
