"""The last line of a card whose exercise has passed: what is done, and what comes next.

Behind a lab's last exercise it closes the lab: what the learner can do now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from utils.views.page import escape_line, prose_line
from utils.views.plain import hang, one_line
from utils.views.words import score

_TITLE = 120
_AIM = 200
_HREF = 400
# Not in the stylesheet: each card of the solutions holds that, and these few rules are needed once.
_LINE = "padding: 0.6em 1em; border-top: 1px solid var(--kit-line); font-weight: 600; color: var(--kit-good)"
_CLOSING = "padding: 0 1em 0.6em"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a learner goes next."""

    title: str
    href: str = ""
    """relative link; empty where links lead nowhere"""


@dataclass(frozen=True, slots=True)
class Way:
    """How far a learner has come in a lab, after an exercise has passed."""

    done: str
    """the number of the exercise"""
    points: float
    max_points: float
    lab: str
    """what people call the lab: ``Lab 1``"""
    next: Stop | None = None
    """the next exercise; ``None`` where the lab is complete"""
    aims: tuple[str, ...] = ()
    """what the learner can do now, where the lab is complete"""
    then: Stop | None = None
    """the next lab, where this one is complete"""
    more: str = ""
    """a sentence about what else there is to do"""

    def text(self) -> str:
        """Return it as plain text, 80 columns wide."""
        return "\n".join(_rows(self))

    def html(self) -> str:
        """Return it as HTML, to stand at the end of a card."""
        what = (
            f"next: {linked(self.next.title, self.next.href)}"
            if self.next
            else f"{escape_line(self.lab, _TITLE)} is complete"
        )
        line = f'<p style="{_LINE}" role="status"><bdi>{escape_line(_done(self), 80)} · {what}</bdi></p>'
        aims = "".join(f"<li>{prose_line(aim, _AIM)}</li>" for aim in self.aims)
        parts = [f"<p>You can now</p>\n<ul>{aims}</ul>"] if aims else []
        parts += [f"<p>Next: {linked(self.then.title, self.then.href)}</p>"] if self.then else []
        parts += [f"<p>{prose_line(self.more, _AIM)}</p>"] if self.more else []
        return "\n".join([line, f'<div style="{_CLOSING}">{"".join(parts)}</div>'] if parts else [line])


def _rows(way: Way) -> Iterator[str]:
    what = f"next: {one_line(way.next.title, _TITLE)}" if way.next else f"{way.lab} is complete"
    yield hang("  ", f"{_done(way)} · {what}")
    if way.aims:
        yield "\n  You can now"
        yield from (hang("  - ", one_line(aim, _AIM)) for aim in way.aims)
    if way.then:
        yield hang("  ", f"Next: {one_line(way.then.title, _TITLE)}")
    if way.more:
        yield hang("  ", one_line(way.more, _AIM))


def _done(way: Way) -> str:
    return f"{one_line(way.done, 12)} done · {score(way.points, way.max_points)}"


def linked(title: str, href: str) -> str:
    """Return an author's title as HTML, as a link where there is one."""
    shown = prose_line(title, _TITLE)
    return f'<a href="{escape_line(href, _HREF)}">{shown}</a>' if href else shown
