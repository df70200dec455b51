"""What ``hand_in()`` shows: the table of results, what went wrong in cells, the file to upload."""

from __future__ import annotations

from dataclasses import dataclass

from utils.results import LabResult
from utils.views.display import View
from utils.views.page import escape_line
from utils.views.plain import one_line, plural
from utils.views.table import lab_html, lab_text

_MOST = 12


@dataclass(frozen=True, slots=True, repr=False)
class HandInView(View):
    """A fresh run of a saved notebook."""

    result: LabResult
    file: str
    """the file to upload, with its folder"""
    saved: str
    """when the file was saved, as a person reads it"""
    cells: int
    """how many code cells ran"""
    problems: tuple[str, ...] = ()
    """errors of cells, and what the grader will not have: they cost nothing by themselves"""
    href: str = ""
    """relative link to the file; empty where links lead nowhere"""

    def text(self) -> str:
        lines = [f"- {one_line(problem, 120)}" for problem in self._shown()]
        return "\n".join([lab_text(self.result), "", self._summary(), *lines, "", self._upload()])

    def html(self) -> str:
        items = "".join(f"<li>{escape_line(problem, 120)}</li>" for problem in self._shown())
        listed = f"<ul>{items}</ul>" if items else ""
        return (
            f"{lab_html(self.result)}\n"
            f'<section class="kit-view" aria-label="To hand in"><p>{escape_line(self._summary(), 300)}</p>'
            f"{listed}<p>{self._upload_html()}</p></section>"
        )

    def _upload_html(self) -> str:
        if not self.href:
            return f"<strong>{escape_line(self._upload(), 300)}</strong>"
        file = f'<a href="{escape_line(self.href, 400)}">{escape_line(self.file, 300)}</a>'
        how = "To download it: right-click the name and save the link, or choose File → Download."
        return f"<strong>Hand in this file: {file}</strong><br>{how}"

    def _shown(self) -> tuple[str, ...]:
        more = len(self.problems) - _MOST
        return (*self.problems[:_MOST], f"and {more} more") if more > 0 else self.problems

    def _summary(self) -> str:
        ended = f"{plural(len(self.problems), 'problem')}:" if self.problems else "no error."
        return (
            f"The file as saved at {self.saved}, without what you changed since then, was run afresh: "
            f"{plural(self.cells, 'code cell')}, {ended}"
        )

    def _upload(self) -> str:
        return f"Hand in this file: {self.file}"
