"""``OUT/feedback/<student>/<lab>.html``: what a student reads about one submission.

What authors wrote is on it, and of what came out of the jail two things: ``called`` and ``returned``, the
value of the student's own, as the notebook's card shows it. Both are plain text, escaped and cut. Never on it
are ``detail``, which names lines and requests, ``Loss.shown``, and flags, because a flag is a question for
the instructor and no verdict.

A score that a person has yet to give is not shown as a 0, and not explained by checks that may be forged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.results.adjustments import WHOLE_LAB, WITHHELD, Adjusted, Adjustment, Score
from grader.results.page import fitting, item_list, mark_html, page
from grader.results.result import UNTOLD, Loss, Result, SubmissionStatus
from grader.results.words import points, score_mark, total
from grader.submissions.names import safe_name
from utils.results import CheckResult
from utils.views.card import SAME
from utils.views.page import escape, escape_line, prose, prose_line
from utils.views.plain import LINES
from utils.views.words import check_mark

FOLDER = "feedback"
MOST = 40_000
"""bytes of a page, whatever is in the result"""

_TITLE = 120
_OWN = 300
"""characters of what the student's own code gave back"""
_ITEMS = 12
"""losses, decisions and comments that are listed; the rest is counted"""
_COMMENT_LINES = 60


@dataclass(frozen=True, slots=True)
class _Cut:
    """How much of the exercises goes onto the page."""

    chars: int
    """of one text"""
    comment: int
    """letters of what a person says; it is cut later than the rest"""
    checks: bool = True


_CUTS = (
    _Cut(600, 2_000),
    _Cut(300, 2_000),
    _Cut(120, 1_000),
    _Cut(60, 500),
    _Cut(60, 300, checks=False),
    None,
)
"""Tried in this order until the page is small enough; a real lab fits with the first. None: no exercise."""

_SENTENCES: Mapping[SubmissionStatus, tuple[str, str]] = {
    "graded": ("", ""),
    "timeout": ("Your notebook took too long, so it was stopped.", "Look for a loop that never ends."),
    "crashed": ("Python itself stopped while your notebook ran.", "Run all cells in a fresh kernel."),
    "unreadable": ("The file that you handed in cannot be read as a notebook.", "Ask your instructor."),
    "error": (
        "Your submission could not be judged, through a fault of the grader.",
        "You need not do anything; ask your instructor if it takes long.",
    ),
    "missing": ("Nothing was handed in for this lab.", "If that is wrong, ask your instructor."),
    "tampered": (
        "A person looks at this submission before it gets a score.",
        "You need not do anything; ask your instructor if it takes long.",
    ),
}


def path_of(student: str, lab: str) -> str:
    """Return where a page lies below OUT, with forward slashes."""
    return f"{FOLDER}/{safe_name(student)}/{safe_name(lab)}.html"


def feedback_page(result: Result, final: Adjusted) -> str:
    """Return the page, never longer than `MOST` bytes."""
    title = f"{result.lab}: {total(final)} points"
    frame = len(page(title, "").encode())
    bodies = (fitting(_body(result, final, cut), MOST - frame) for cut in _CUTS)
    return page(title, next(body for body in bodies if body is not None))


def _body(result: Result, final: Adjusted, cut: _Cut | None) -> Iterator[str]:
    yield f"<h1>{prose_line(result.title or result.lab, _TITLE)}</h1>"
    yield f'<p class="kit-soft kit-lead">{_who(result)}</p>'
    yield f'<p class="kit-total">{total(final)} points</p>'
    yield from _status(result, final)
    if cut:
        yield from _rules(final)
        yield from _decisions(final, cut)
        yield from _losses(result.losses, cut)
    if result.status in WITHHELD:
        return
    if cut is None:
        yield "<p>There is too much to show here. Ask your instructor.</p>"
        return
    if final.exercises:
        yield from _table(final, linked=cut.checks)
    if final.exercises and cut.checks:
        yield "<h2>Your exercises, check by check</h2>"
        yield from (_card(one, cut) for one in final.exercises)


def _who(result: Result) -> str:
    name = f"<bdi>{escape_line(result.name, 60)}</bdi>, " if result.name else ""
    late = " · handed in late" if result.late else ""
    student, lab = escape_line(result.student, 60), escape_line(result.lab, 60)
    return f"{name}<bdi>{student}</bdi> · {lab}{late}"


def _status(result: Result, final: Adjusted) -> Iterator[str]:
    what, do = _SENTENCES[result.status]
    if result.status not in UNTOLD:
        what, do = result.reason or what, result.do or do
    if result.status in UNTOLD and final.points is not None:
        what, do = "A person has looked at this submission.", ""
    if result.status == "graded":
        right = sum(1 for score in final.exercises if score_mark(score).tone == "good")
        every = len(final.exercises)
        if right == every:
            what = "All exercises are right." if every else "This lab has no exercises."
        else:
            what = f"{right} of {every} exercises {'is' if right == 1 else 'are'} right."
            do = "Below you find what each check looked at and what to change."
    tone = "good" if what == "All exercises are right." else "part" if result.status == "graded" else "bad"
    second = f"<p>{prose(do, chars=400, lines=LINES)}</p>" if do else ""
    yield f'<div class="kit-note kit-{tone}"><p>{prose(what, chars=400, lines=LINES)}</p>{second}</div>'
    if result.status in ("timeout", "crashed"):
        yield "<p>These are the points of what did run.</p>"


def _decisions(final: Adjusted, cut: _Cut) -> Iterator[str]:
    if final.comments:
        yield "<h2>What a person says to you</h2>"
        yield item_list([_comment(one, cut) for one in final.comments[:_ITEMS]], len(final.comments))
    if final.adjustments:
        items = [_decision(one, final, cut) for one in final.adjustments[:_ITEMS]]
        yield f"<h2>Points that a person gave</h2>\n{item_list(items, len(final.adjustments))}"


def _rules(final: Adjusted) -> Iterator[str]:
    """Yield what the course's rules did, beside the points of the work."""
    if final.ruled is None or not final.ruled.said:
        return
    work = () if final.points is None else (f"The work earned {points(final.points, final.max_points)}.",)
    items = [f"<li>{escape(text, chars=400)}</li>" for text in (*work, *final.ruled.said)]
    yield f"<h2>What the rules of the course make of it</h2>\n{item_list(items, len(items))}"


def _comment(one: Adjustment, cut: _Cut) -> str:
    said = escape(one.comment, chars=cut.comment, lines=_COMMENT_LINES)
    author = f"<bdi>{escape_line(one.author, 60)}</bdi>"
    return f'<li>{_about(one)} ({author}):<div class="kit-comment">{said}</div></li>'


def _about(one: Adjustment) -> str:
    return "The whole lab" if one.exercise == WHOLE_LAB else f"Exercise {escape_line(one.exercise, 12)}"


def _decision(one: Adjustment, final: Adjusted, cut: _Cut) -> str:
    most = final.max_points
    for score in final.exercises:
        if score.adjustment is one:
            most = score.exercise.max_points
    reason = escape(one.reason, chars=cut.chars)
    author = f"<bdi>{escape_line(one.author, 60)}</bdi>"
    return f"<li>{_about(one)}: {points(one.points, most)}. {reason} ({author})</li>"


def _losses(losses: Sequence[Loss], cut: _Cut) -> Iterator[str]:
    if losses:
        items = [_loss(loss, cut) for loss in losses[:_ITEMS]]
        yield f"<h2>What happened while your notebook ran</h2>\n{item_list(items, len(losses))}"


def _loss(loss: Loss, cut: _Cut) -> str:
    places = [f"Cell {loss.cell}"] if loss.cell else []
    places += [f"Exercise {escape_line(loss.exercise, 12)}"] if loss.exercise else []
    place = f"<strong>{' · '.join(places)}:</strong> " if places else ""
    do = f" {prose(loss.do, chars=cut.chars, lines=LINES)}" if loss.do else ""
    return f"<li>{place}{prose(loss.what, chars=cut.chars, lines=LINES)}{do}</li>"


# Exercises


def _table(final: Adjusted, *, linked: bool) -> Iterator[str]:
    yield (
        '<h2>Your points</h2>\n<div class="kit-card">\n<table class="kit-table">\n'
        '<thead><tr><th scope="col">Exercise</th><th scope="col">Title</th>'
        '<th scope="col" class="kit-right">Points</th><th scope="col">State</th></tr></thead>\n<tbody>'
    )
    yield from (_row(score, linked=linked) for score in final.exercises)
    yield (
        f'</tbody>\n<tfoot><tr><th scope="row" colspan="2">Total</th>'
        f'<td class="kit-right">{points(final.points, final.max_points)}</td><td></td></tr></tfoot>'
        "\n</table>\n</div>"
    )


def _row(score: Score, *, linked: bool) -> str:
    mark = score_mark(score)
    number = escape_line(score.exercise.exercise, 12)
    shown = f'<a href="#{_anchor(score)}">{number}</a>' if linked else number
    return (
        f'<tr class="kit-{mark.tone}"><th scope="row">{shown}</th>'
        f"<td>{prose_line(score.exercise.title, 60)}</td>"
        f'<td class="kit-right">{points(score.points, score.exercise.max_points)}</td>'
        f"<td>{mark_html(mark)}</td></tr>"
    )


def _card(score: Score, cut: _Cut) -> str:
    exercise = score.exercise
    checks = "\n".join(_check(check, cut) for check in _once(exercise.checks))
    title = prose_line(exercise.title, min(_TITLE, cut.chars))
    by_person = '<p class="kit-soft kit-said">A person gave these points; the checks said:</p>\n'
    return (
        f'<section class="kit-card" id="{_anchor(score)}">\n'
        f'<header class="kit-head"><h3><span class="kit-number">{escape_line(exercise.exercise, 12)}</span> '
        f'{title}</h3><span class="kit-points">{points(score.points, exercise.max_points)}</span></header>\n'
        f'{by_person if score.adjustment else ""}<ul class="kit-checks">\n{checks}\n</ul>\n</section>'
    )


def _anchor(score: Score) -> str:
    return f"exercise-{safe_name(score.exercise.exercise[:20])}".replace("%", "_")


def _once(checks: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """Yield the checks; what the exercise has said in the same words becomes a reference to it."""
    said: set[tuple[str, ...]] = set()
    for check in checks:
        words = (check.message, check.called, check.returned, check.expected)
        if check.status != "passed" and check.message and words in said:
            yield replace(check, message=SAME, called="", returned="", expected="", why="")
        else:
            said.add(words)
            yield check


def _check(check: CheckResult, cut: _Cut) -> str:
    mark = check_mark(check)
    line = (
        f'<li class="kit-check kit-{mark.tone}"><p class="kit-line">{mark_html(mark)} '
        f'<span class="kit-title">{prose_line(check.title, min(_TITLE, cut.chars))}</span> '
        f'<span class="kit-points">{points(check.points, check.max_points)}</span></p>'
    )
    parts = [line]
    if check.status != "passed":
        if check.message:
            message = prose(check.message, chars=cut.chars, lines=LINES)
            parts.append(f'<p class="kit-message">{message}</p>')
        parts += _explanation(check, cut)
    return "\n".join([*parts, "</li>"])


def _explanation(check: CheckResult, cut: _Cut) -> list[str]:
    terms = []
    if check.called:
        terms.append(f"<dt>Called</dt><dd><pre>{escape(check.called, chars=cut.chars)}</pre></dd>")
    if check.returned:
        shown = escape(check.returned, chars=min(cut.chars, _OWN), lines=LINES)
        terms.append(f"<dt>Came back</dt><dd><pre>{shown}</pre></dd>")
    for term, text in (("Expected", check.expected), ("Why it matters", check.why)):
        if text:
            terms.append(f"<dt>{term}</dt><dd>{prose(text, chars=cut.chars, lines=LINES)}</dd>")
    return ["<dl>", *terms, "</dl>"] if terms else []
