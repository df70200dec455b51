"""A few sentences of the kit, where there is nothing to draw."""

from __future__ import annotations

from dataclasses import dataclass

from utils.views.display import View
from utils.views.page import prose
from utils.views.plain import hang
from utils.views.way import linked


@dataclass(frozen=True, slots=True, repr=False)
class NoteView(View):
    """What the kit has to say."""

    said: str
    """sentences; what stands in backticks is code"""
    title: str = ""
    """of what ``href`` leads to"""
    href: str = ""

    def text(self) -> str:
        return hang("", self.said)

    def html(self) -> str:
        more = f"<p>{linked(self.title, self.href)}</p>" if self.href else ""
        return f'<section class="kit-view" aria-label="Note"><p>{prose(self.said)}</p>{more}</section>'
