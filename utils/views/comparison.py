"""A learner's answer beside another one."""

from __future__ import annotations

from dataclasses import dataclass

from utils.views.display import View
from utils.views.page import escape, escape_line, prose_line
from utils.views.plain import clean, one_line

_CHARS, _LINES = 20_000, 400
_TITLE = 120
_SIDES = "display: flex; flex-wrap: wrap; gap: 0.8em; padding: 0.6em 1em"
# Not narrower than a line of code that is usual: then they stand one below the other.
_SIDE = "flex: 1 1 24em; min-width: 0"


@dataclass(frozen=True, slots=True, repr=False)
class ComparisonView(View):
    """Two answers to one exercise, side by side where there is room."""

    title: str
    """number and title of the exercise"""
    mine: str
    """source of the learner's own cell; empty where it is not known"""
    other: str

    def text(self) -> str:
        shown = clean(self._mine(), chars=_CHARS, lines=_LINES)
        other = clean(self.other, chars=_CHARS, lines=_LINES)
        return "\n\n".join([one_line(self.title, _TITLE), f"Yours\n\n{shown}", f"Another one\n\n{other}"])

    def html(self) -> str:
        sides = [("Yours", self._mine()), ("Another one", self.other)]
        shown = "\n".join(
            f'<div style="{_SIDE}"><p><strong>{whose}</strong></p>\n'
            f"<pre>{escape(source, chars=_CHARS, lines=_LINES)}</pre></div>"
            for whose, source in sides
        )
        name = escape_line(self.title, _TITLE)
        return (
            f'<section class="kit-view kit-card" aria-label="Two answers: {name}">\n'
            f'<p class="kit-head"><strong>{prose_line(self.title, _TITLE)}</strong></p>\n'
            f'<div style="{_SIDES}">\n{shown}\n</div>\n</section>'
        )

    def _mine(self) -> str:
        return self.mine or "# not found: run the cell with your answer, then compare again"
