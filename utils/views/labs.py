"""The labs of a course as cards, with the points so far; and one page about all of them, to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from utils.views.display import View
from utils.views.page import escape_line, prose_line, with_style
from utils.views.plain import hang, one_line, spread
from utils.views.way import Stop, linked
from utils.views.words import number, score

_TITLE, _SENTENCE = 120, 400


@dataclass(frozen=True, slots=True)
class LabCard:
    """A lab as the start page shows it."""

    title: str
    href: str
    """relative link to its notebook; empty where links lead nowhere"""
    minutes: str
    promise: str
    points: float
    max_points: float
    next: Stop | None
    """where to begin or to go on; ``None`` where all is done"""
    aims: tuple[str, ...] = ()
    """what somebody can do who has done the lab"""

    @property
    def go(self) -> str:
        """Return what stands before the next exercise."""
        return "Continue at" if self.points else "Begin with"

    @property
    def facts(self) -> str:
        """Return minutes and points in one line."""
        return " · ".join(filter(None, [self.minutes, score(self.points, self.max_points, "point")]))


@dataclass(frozen=True, slots=True, repr=False)
class StartView(View):
    """The labs, shown as cards."""

    labs: tuple[LabCard, ...]
    said: str = ""
    """a sentence about the file with the progress"""

    sheets: ClassVar[tuple[str, ...]] = ("cards",)

    def text(self) -> str:
        rows = []
        for lab in self.labs:
            rows += [
                spread(one_line(lab.title, _TITLE), lab.facts),
                hang("  ", one_line(lab.promise, _SENTENCE)),
            ]
            rows += [f"  {lab.go} {one_line(lab.next.title, _TITLE)}" if lab.next else "  ✓ Done", ""]
        rows += [one_line(self.said, _SENTENCE)] if self.said else []
        return "\n".join(rows).rstrip("\n")

    def html(self) -> str:
        cards = "\n".join(map(_card, self.labs))
        said = f'<p role="alert">{escape_line(self.said, _SENTENCE)}</p>\n' if self.said else ""
        return (
            f'<section class="kit-view" aria-label="The labs: {_total(self.labs)}">\n'
            f'{said}<ul class="kit-labs">\n{cards}\n</ul>\n</section>'
        )


@dataclass(frozen=True, slots=True, repr=False)
class SummaryView(View):
    """One page about all labs: what was learnt, and points."""

    labs: tuple[LabCard, ...]
    file: str = ""
    """name of the file that has the page to print; empty where there is none"""
    said: str = ""

    sheets: ClassVar[tuple[str, ...]] = ("cards",)

    def text(self) -> str:
        rows = [self._head(), ""]
        for lab in self.labs:
            rows.append(spread(one_line(lab.title, _TITLE), score(lab.points, lab.max_points, "point")))
            rows += [hang("  - ", one_line(aim, _SENTENCE)) for aim in lab.aims] if not lab.next else []
        rows += ["", hang("", NO_MARK), *([hang("", self._print())] if self.file else [])]
        return "\n".join([*rows, *([one_line(self.said, _SENTENCE)] if self.said else [])])

    def html(self) -> str:
        file = f'<a href="{escape_line(self.file, 200)}">{escape_line(self.file, 200)}</a>'
        shown = escape_line(self._print(), _SENTENCE).replace(escape_line(self.file, 200), file, 1)
        below = [f"<p>{shown}</p>"] if self.file else []
        below += [f'<p role="alert">{escape_line(self.said, _SENTENCE)}</p>'] if self.said else []
        return "\n".join([self.page(), *(f'<div class="kit-view">{part}</div>' for part in below)])

    def page(self) -> str:
        """Return what is printed."""
        labs = "\n".join(map(_learnt, self.labs))
        return (
            f'<section class="kit-view kit-card kit-page" aria-label="Summary: {_total(self.labs)}">\n'
            f'<p class="kit-name">{escape_line(self._head())}</p>\n{labs}\n'
            f'<p class="kit-part">{_total(self.labs)}</p>\n<p class="kit-soft">{NO_MARK}</p>\n</section>'
        )

    def document(self) -> str:
        """Return the page as a file of its own."""
        return (
            '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>What I have learnt</title>\n'
            f"{with_style(self.page(), *self.sheets)}\n</html>\n"
        )

    def _head(self) -> str:
        done = all(lab.next is None for lab in self.labs)
        return "LangGraph: what I have learnt" + ("" if done else " so far")

    def _print(self) -> str:
        return f"To print it: open {self.file} in a browser."


NO_MARK = (
    "The points were counted on the learner's own machine, for the learner. "
    "They are not a mark, and this page is not a certificate."
)


def _total(labs: tuple[LabCard, ...]) -> str:
    return score(sum(lab.points for lab in labs), sum(lab.max_points for lab in labs), "point")


def _card(lab: LabCard) -> str:
    if lab.next is None:
        go = '<p class="kit-go kit-good"><span aria-hidden="true">✓</span> Done</p>'
    else:
        go = f'<p class="kit-go">{lab.go} {linked(lab.next.title, lab.next.href)}</p>'
    wide = 100 * lab.points / lab.max_points if lab.max_points else 0
    return (
        f'<li class="kit-lab">\n<p class="kit-name">{linked(lab.title, lab.href)}</p>\n'
        f'<p class="kit-facts">{escape_line(lab.facts)}</p>\n'
        f'<div class="kit-bar" aria-hidden="true"><span style="width: {number(wide)}%"></span></div>\n'
        f"<p>{prose_line(lab.promise, _SENTENCE)}</p>\n{go}\n</li>"
    )


def _learnt(lab: LabCard) -> str:
    points = score(lab.points, lab.max_points, "point")
    head = f'<p class="kit-part">{escape_line(lab.title, _TITLE)} · {points}</p>'
    aims = "".join(f"<li>{prose_line(aim, _SENTENCE)}</li>" for aim in lab.aims)
    return f"{head}\n<ul>{aims}</ul>" if aims and lab.next is None else head
