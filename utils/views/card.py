"""The card that ``check("1.2")`` shows: each check of an exercise, and what to do about those not passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from utils.results import CheckResult, ExerciseResult
from utils.views.display import View
from utils.views.page import escape, escape_line, prose, prose_line
from utils.views.plain import CHARS, LINES, clean, hang, one_line, pad, spread, width
from utils.views.way import Way
from utils.views.words import check_mark, score

SAME = "The same as above."
_TITLE = 120
# Not in the stylesheet: each card of the solutions holds that, and only a card with a note needs this.
_NOTE = "margin: 0; padding: 0.6em 1em; border-bottom: 1px solid var(--kit-line); font-weight: 600"
_DETAIL_CHARS, _DETAIL_LINES = 4_000, 60


@dataclass(frozen=True, slots=True, repr=False)
class ExerciseView(View):
    """The checks of one exercise, shown as a card."""

    result: ExerciseResult
    note: str = ""
    """what is to be said before the checks: that another version was judged, say"""
    way: Way | None = None
    """how far the learner has come, where the exercise has passed"""

    def text(self) -> str:
        return exercise_text(self.result, self.note, self.way)

    def html(self) -> str:
        return exercise_html(self.result, self.note, self.way)


def exercise_text(result: ExerciseResult, note: str = "", way: Way | None = None) -> str:
    """Return the card as plain text, 80 columns wide."""
    head = one_line(f"{result.exercise} {result.title}", _TITLE)
    rows = [spread(head, score(result.points, result.max_points, "point")), ""]
    if note:
        rows += [hang("  ", clean(note)), ""]
    room = max((width(check_mark(check).word) for check in result.checks), default=0)
    for check in _once(result.checks):
        mark = check_mark(check)
        lead = f"  {mark.symbol} {pad(mark.word, room)}  "
        title = lead + one_line(check.title, _TITLE)
        rows += [spread(title, score(check.points, check.max_points), hanging=len(lead))]
        if more := list(_below(check)):
            rows += [*more, ""]
    if way:
        rows += ["", way.text()]
    return "\n".join(rows).rstrip("\n")


def exercise_html(result: ExerciseResult, note: str = "", way: Way | None = None) -> str:
    """Return the card as HTML without its stylesheet."""
    points = score(result.points, result.max_points, "point")
    number, title = escape_line(result.exercise, 12), escape_line(result.title, _TITLE)
    shown = f'<span class="kit-number">{number}</span> <bdi>{prose_line(result.title, _TITLE)}</bdi>'
    checks = "\n".join(_check_html(check) for check in _once(result.checks))
    said = f'<p class="kit-message" style="{_NOTE}" role="alert">{escape(note)}</p>\n' if note else ""
    further = f"\n{way.html()}" if way else ""
    return (
        f'<section class="kit-view kit-card" aria-label="Exercise {number} {title}: {points}">\n'
        f'<p class="kit-head"><strong>{shown}</strong>'
        f' <span class="kit-points">{points}</span></p>\n'
        f"{said}"
        f'<ul class="kit-checks">\n{checks}\n</ul>{further}\n</section>'
    )


def _once(checks: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """Yield the checks; what an earlier one has said in the same words becomes a reference to it."""
    said: set[tuple[str, ...]] = set()
    for check in checks:
        words = (check.message, check.called, check.returned, check.expected)
        if check.status != "passed" and check.message and words in said:
            yield replace(check, message=SAME, called="", returned="", expected="", why="", detail="")
        else:
            said.add(words)
            yield check


def _check_html(check: CheckResult) -> str:
    mark = check_mark(check)
    parts = [
        f'<li class="kit-check kit-{mark.tone}">',
        (
            f'<p class="kit-line"><span class="kit-symbol" aria-hidden="true">{mark.symbol}</span> '
            f'<span class="kit-word">{mark.word}</span> '
            f'<span class="kit-title">{prose_line(check.title, _TITLE)}</span> '
            f'<span class="kit-points">{score(check.points, check.max_points)}</span></p>'
        ),
    ]
    if check.message:
        parts.append(f'<p class="kit-message">{prose(check.message)}</p>')
    if terms := list(_explanation_html(check)):
        parts += ["<dl>", *(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in terms), "</dl>"]
    if _explains(check) and check.detail:
        detail = escape(check.detail, chars=_DETAIL_CHARS, lines=_DETAIL_LINES, tail=True)
        parts.append(f"<details><summary>Details</summary><pre>{detail}</pre></details>")
    return "\n".join([*parts, "</li>"])


def _explains(check: CheckResult) -> bool:
    return check.status != "passed"


def _below(check: CheckResult) -> Iterator[str]:
    if check.message:
        yield hang("      ", clean(check.message, chars=4 * CHARS, lines=4 * LINES))
    for term, text in _explanation_text(check):
        yield hang(f"      {pad(term, 16)}", text)


def _explanation_text(check: CheckResult) -> Iterator[tuple[str, str]]:
    if not _explains(check):
        return
    for term, text in (
        ("Called", clean(check.called)),
        ("Came back", clean(check.returned)),
        ("Expected", clean(check.expected)),
        ("Why it matters", clean(check.why)),
        ("Details", clean(check.detail, chars=_DETAIL_CHARS, lines=_DETAIL_LINES, tail=True)),
    ):
        if text:
            yield term, text


def _explanation_html(check: CheckResult) -> Iterator[tuple[str, str]]:
    if not _explains(check):
        return
    if check.called:
        yield "Called", f"<pre>{escape(check.called)}</pre>"
    if check.returned:
        yield "Came back", f"<pre>{escape(check.returned)}</pre>"
    if check.expected:
        yield "Expected", prose(check.expected, chars=CHARS, lines=LINES)
    if check.why:
        yield "Why it matters", prose(check.why, chars=CHARS, lines=LINES)
