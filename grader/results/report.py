"""``OUT/report.html``: the class in numbers, and what a person should look at, with the evidence.

Unlike feedback it shows what came out of the jail (``shown``, ``returned``, ``detail``), escaped and cut; the
whole of it is in the results' files. Each section has a number of bytes, so that the page of a class can be
opened whatever its submissions say: what is longest is shortened first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from urllib.parse import quote

from grader.results import feedback
from grader.results.counts import CheckCount, ExerciseCount, LabCount, count
from grader.results.gradebook import UNSANDBOXED, Row, comment_in_words, in_words
from grader.results.item_chart import chart
from grader.results.items import FEW, Item, items_of
from grader.results.page import as_many, fit_all, fitting, item_list, list_of, mark_html, page, size
from grader.results.result import Flag, Loss, Result
from grader.results.words import STATUSES, needs_a_look, result_mark, total
from grader.submissions.layout import Stray
from grader.submissions.names import safe_name
from utils.results import CheckResult, ExerciseResult
from utils.views.page import escape, escape_line, prose, prose_line
from utils.views.plain import CHARS, LINES, plural
from utils.views.words import NOT_BEGUN, NOT_RUN, NOT_YET, PARTLY, PASSED, check_mark

NAME = "report.html"

_LOOKS = 100
"""submissions whose evidence is shown; more would be a page that no browser likes"""
_LISTED = 200
"""strays, problems, notes"""
_LABS = 50
_MESSAGES = 3
"""messages of one check"""

MOST = 2_000_000
"""bytes of the page for a class of 300, whatever is in its results; the sections below have their shares"""
_LIST = 60_000
"""of a list of strays, problems or notes"""
_ALL_LABS = 200_000
_ALL_LOOKS = 1_100_000
_ONE_LOOK = 40_000
_ONE_ROW = 1_800
"""of a student in the table of everyone, on average"""


@dataclass(frozen=True, slots=True)
class _Cut:
    """How much of one submission's evidence is shown."""

    chars: int
    """of one text"""
    items: int
    """flags, losses, checks, notes"""
    detail: int
    """letters of a check's details"""
    detail_lines: int = 40


_CUTS = (_Cut(CHARS, 20, 2_000), _Cut(400, 20, 800, 20), _Cut(200, 20, 400, 12), _Cut(60, 5, 60, 4))
"""Tried in this order until the evidence is small enough; an honest submission's fits with the first."""


@dataclass(frozen=True, slots=True)
class _Widths:
    """Letters of what is in the cells of a student's row."""

    name: int
    kinds: int
    decided: int


_WIDTHS = (_Widths(40, 120, 200), _Widths(20, 40, 60))


@dataclass(frozen=True, slots=True)
class Remarks:
    """What there is to say besides results."""

    strays: Sequence[Stray] = ()
    problems: Sequence[str] = ()
    """files and lines that could not be used"""
    notes: Sequence[str] = ()


def report_page(rows: Sequence[Row], remarks: Remarks | None = None) -> str:
    """Return the page; rows are shown in their order."""
    remarks = remarks or Remarks()
    labs = count(result for result, _ in rows)
    looks = [row for row in rows if needs_a_look(row[0])]
    at = {(result.student, result.lab): number for number, (result, _) in enumerate(looks[:_LOOKS], 1)}
    parts = [
        "<h1>Report</h1>",
        f'<p class="kit-lead">{_counted([result for result, _ in rows])}</p>',
        *_remarks("Could not be used", remarks.problems, tone="bad"),
        *_remarks("Good to know", remarks.notes),
        _contents(labs, looks, remarks),
        *_looks(looks),
        *_labs(labs, items_of(result for result, _ in rows)),
        *_everyone(rows, at),
        *_strays(remarks.strays),
    ]
    return page("Report", "\n".join(parts), wide=True)


def _counted(results: Sequence[Result]) -> str:
    statuses = Counter(result.status for result in results)
    words = [f"{statuses[status]:,} {status}" for status in STATUSES if statuses[status]]
    flagged = sum(1 for result in results if result.flags)
    open_air = sum(1 for result in results if result.sandbox == "none")
    words += [f"{flagged:,} flagged"] if flagged else []
    words += [f"{open_air:,} {UNSANDBOXED}"] if open_air else []
    return f"{plural(len(results), 'result')}: {', '.join(words)}." if results else "There are no results."


def _remarks(title: str, texts: Sequence[str], tone: str = "none") -> Iterator[str]:
    if texts:
        listed = as_many((f"<li>{escape(text, chars=400)}</li>" for text in texts[:_LISTED]), _LIST)
        items = item_list(listed, len(texts))
        yield f'<div class="kit-note kit-{tone}"><h2 class="kit-first">{title}</h2>{items}</div>'


def _contents(labs: Mapping[str, LabCount], looks: Sequence[Row], remarks: Remarks) -> str:
    links = [f'<a href="#looks">To look at: {len(looks):,}</a>'] if looks else []
    links += [f'<a href="#{_anchor(lab)}">{escape_line(lab, 60)}</a>' for lab in islice(labs, _LABS)]
    links += ['<a href="#everyone">Everyone</a>'] if labs else []
    links += [f'<a href="#strays">Not graded: {len(remarks.strays):,}</a>'] if remarks.strays else []
    items = "".join(f"<li>{link}</li>" for link in links)
    return f'<nav aria-label="Contents"><ul class="kit-list">{items}</ul></nav>' if links else ""


def _anchor(lab: str) -> str:
    return quote(f"lab-{safe_name(lab)}", safe="").replace("%", "_")


# What a person should look at


def _looks(looks: Sequence[Row]) -> Iterator[str]:
    if not looks:
        return
    yield '<h2 id="looks">To look at</h2>'
    yield (
        "<p>A flag costs nothing by itself. Text in frames was written by students' programs; it may say "
        "anything. <code>grader review</code> shows the cells beside it, and takes points and comments.</p>"
    )
    shown = [(number, result) for number, (result, _) in enumerate(looks[:_LOOKS], 1)]
    yield from fit_all(shown, [*(partial(_look, cut=cut) for cut in _CUTS), _look_elsewhere], _ALL_LOOKS)
    if len(looks) > _LOOKS:
        names = ", ".join(f"<bdi>{escape_line(result.student, 40)}</bdi>" for result, _ in looks[_LOOKS:])
        yield f"<p>And {len(looks) - _LOOKS:,} more, whose evidence is in results/: {names}</p>"


_Look = tuple[int, Result]


def _look(look: _Look, cut: _Cut) -> str | None:
    """Return the evidence of one submission; ``None`` where it is too long."""
    result = look[1]
    inner = (
        *_facts(result, cut),
        *_flags(result.flags, cut),
        *_losses(result.losses, cut),
        *_checks(result.exercises, cut),
    )
    return _opened(look, inner)


def _look_elsewhere(look: _Look) -> str | None:
    return _opened(look, ["<p>There is too much to show here. Look into its file in results/.</p>"])


def _opened(look: _Look, inner: Iterable[str]) -> str | None:
    number, result = look
    kinds = ", ".join(sorted({flag.kind for flag in result.flags}))
    head = f"<bdi>{escape_line(result.student, 60)}</bdi> · {escape_line(result.lab, 60)}"
    summary = f"{head} · {result.status}{' · ' if kinds else ''}{escape_line(kinds, 200)}"
    begin = f'<details class="kit-one kit-{result_mark(result).tone}" id="look-{number}">'
    inside = ('<div class="kit-inner">', *inner, "</div></details>")
    return fitting((f"{begin}<summary>{summary}</summary>", *inside), _ONE_LOOK)


def _facts(result: Result, cut: _Cut) -> Iterator[str]:
    for text in (result.reason, result.do):
        if text:
            yield f"<p>{prose(text, chars=cut.chars, lines=LINES)}</p>"
    facts = [
        ("File", result.path),
        ("SHA-256", result.submission),
        ("Without limits for", ", ".join(result.lacking)),
        *(("Note", note) for note in result.notes[: cut.items]),
    ]
    terms = "".join(
        f"<dt>{term}</dt><dd>{escape(text, chars=cut.chars)}</dd>" for term, text in facts if text
    )
    if terms:
        yield f"<dl>{terms}</dl>"


def _flags(flags: Sequence[Flag], cut: _Cut) -> Iterator[str]:
    if flags:
        yield "<h3>Flags</h3>"
        yield from list_of((_flag(flag, cut) for flag in flags[: cut.items]), len(flags) - cut.items)


def _flag(flag: Flag, cut: _Cut) -> str:
    cell = f" (cell {flag.cell})" if flag.cell else ""
    what = prose(flag.what, chars=cut.chars, lines=LINES)
    return f"<li><strong>{escape_line(flag.kind, 60)}</strong>{cell}: {what}{_framed(flag.shown, cut)}</li>"


def _losses(losses: Sequence[Loss], cut: _Cut) -> Iterator[str]:
    if losses:
        yield "<h3>What went wrong while it ran</h3>"
        yield from list_of((_loss(loss, cut) for loss in losses[: cut.items]), len(losses) - cut.items)


def _loss(loss: Loss, cut: _Cut) -> str:
    places = [f"cell {loss.cell}"] if loss.cell else []
    places += [f"exercise {escape_line(loss.exercise, 12)}"] if loss.exercise else []
    place = f" ({', '.join(places)})" if places else ""
    what, do = (prose(text, chars=cut.chars, lines=LINES) for text in (loss.what, loss.do))
    return f"<li><strong>{loss.kind}</strong>{place}: {what} {do}{_framed(loss.shown, cut)}</li>"


def _checks(exercises: Iterable[ExerciseResult], cut: _Cut) -> Iterator[str]:
    failed = [
        check
        for exercise in exercises
        for check in exercise.checks
        if check.status not in ("passed", "not run")
    ]
    if failed:
        yield "<h3>Checks that did not pass</h3>"
        yield from list_of((_check(check, cut) for check in failed[: cut.items]), len(failed) - cut.items)


def _check(check: CheckResult, cut: _Cut) -> str:
    detail = escape(check.detail, chars=cut.detail, lines=cut.detail_lines, tail=True)
    terms = (
        ("Called", _framed(check.called, cut)),
        ("Came back", _framed(check.returned, cut)),
        ("Expected", prose(check.expected, chars=cut.chars, lines=LINES)),
        ("Details", f"<pre>{detail}</pre>" if detail else ""),
    )
    listed = "".join(f"<dt>{term}</dt><dd>{shown}</dd>" for term, shown in terms if shown)
    title = prose_line(check.title, min(120, cut.chars))
    return (
        f"<li><strong>{escape_line(check.exercise, 12)}</strong> {title} "
        f"({check_mark(check).word}): {prose(check.message, chars=cut.chars, lines=LINES)}"
        f"{f'<dl>{listed}</dl>' if listed else ''}</li>"
    )


def _framed(text: str, cut: _Cut) -> str:
    return f"<pre>{escape(text, chars=cut.chars)}</pre>" if text else ""


# Labs


def _labs(labs: Mapping[str, LabCount], items: Mapping[str, Sequence[Item]]) -> Iterator[str]:
    room = _ALL_LABS // max(min(len(labs), _LABS), 1)
    for lab, counted in islice(labs.items(), _LABS):
        yield from _lab(lab, counted, room // 3)
        yield from _hardness(items.get(lab, ()), room // 3)
    if len(labs) > _LABS:
        yield f"<p>And {len(labs) - _LABS:,} more labs.</p>"


def _lab(lab: str, counted: LabCount, room: int) -> Iterator[str]:
    title = f"{escape_line(lab, 60)}: {prose_line(counted.title, 120)}"
    words = [f"{counted.statuses[status]:,} {status}" for status in STATUSES if counted.statuses[status]]
    yield f'<h2 id="{_anchor(lab)}">{title}</h2>'
    yield f"<p>{', '.join(words)}. Counted below: the {counted.ran:,} that ran, by their checks.</p>"
    if not counted.ran:
        return
    head = "".join(f'<th scope="col" class="kit-right">{mark.symbol} {mark.word}</th>' for mark in _ENDS)
    rows = as_many((_counts(number, exercise) for number, exercise in counted.exercises.items()), room)
    yield _table(f'<th scope="col">Exercise</th><th scope="col">Title</th>{head}', "\n".join(rows))
    yield from _more(len(counted.exercises) - len(rows), "exercise")
    checks = [
        (number, check)
        for number, exercise in counted.exercises.items()
        for check in exercise.checks.values()
        if check.messages
    ]
    stumbles = as_many((_stumble(number, check) for number, check in checks), room)
    if stumbles:
        columns = "".join(
            f'<th scope="col">{column}</th>' for column in ("Exercise", "Check", "Passed", "Most said")
        )
        yield "<h3>Where people stumble</h3>\n" + _table(columns, "\n".join(stumbles))
        yield from _more(len(checks) - len(stumbles), "check")


def _hardness(items: Sequence[Item], room: int) -> Iterator[str]:
    """Yield how hard exercises were; the drawing only where there is room for it."""
    rows = as_many((_hard(item) for item in items), room)
    if not rows:
        return
    head = "".join(f'<th scope="col">{column}</th>' for column in ("Exercise", "Title"))
    figures = ("People", "Share of points", "Discrimination")
    head += "".join(f'<th scope="col" class="kit-right">{column}</th>' for column in figures)
    yield "<h3>How hard, and how telling</h3>"
    yield (
        "<p>Discrimination says how the points of an exercise go along with those of the others, "
        "from -1 to 1. Below 0.2 an exercise tells little; below 0 look at its checks.</p>"
    )
    yield _table(head, "\n".join(rows))
    drawn = chart(items)
    if drawn and size(drawn) < room - sum(map(size, rows)):
        yield drawn


def _hard(item: Item) -> str:
    few = f"too few (below {FEW})"
    share = few if item.share is None else f"{item.share:.0%}"
    telling = (
        f"{item.telling:.2f}" if item.telling is not None else few if item.share is None else "all the same"
    )
    return (
        f'<tr><th scope="row">{escape_line(item.exercise, 12)}</th><td>{prose_line(item.title, 60)}</td>'
        f'<td class="kit-right">{item.people:,}</td><td class="kit-right">{share}</td>'
        f'<td class="kit-right">{telling}</td></tr>'
    )


def _counts(number: str, exercise: ExerciseCount) -> str:
    ends = "".join(f'<td class="kit-right">{exercise.words[mark.word] or ""}</td>' for mark in _ENDS)
    title = prose_line(exercise.title, 60)
    return f'<tr><th scope="row">{escape_line(number, 12)}</th><td>{title}</td>{ends}</tr>'


def _more(number: int, what: str) -> Iterator[str]:
    if number > 0:
        yield f"<p>And {plural(number, what)} more.</p>"


_ENDS = (PASSED, PARTLY, NOT_YET, NOT_BEGUN, NOT_RUN)


def _stumble(number: str, check: CheckCount) -> str:
    said = "<br>".join(
        f"{times:,} × {prose(message, chars=200, lines=4)}"
        for message, times in sorted(check.messages.items(), key=lambda item: (-item[1], item[0]))[:_MESSAGES]
    )
    more = len(check.messages) - _MESSAGES
    rest = f'<br><span class="kit-soft">and {more:,} other</span>' if more > 0 else ""
    return (
        f'<tr><th scope="row">{escape_line(number, 12)}</th><td>{prose_line(check.title, 80)}</td>'
        f'<td class="kit-right">{check.passed:,} of {check.asked:,}</td><td>{said}{rest}</td></tr>'
    )


# Everyone


def _everyone(rows: Sequence[Row], at: Mapping[tuple[str, str], int]) -> Iterator[str]:
    if rows:
        columns = ("Student", "Name", "Lab", "Points", "State", "To look at", "Decided by people and rules")
        head = "".join(f'<th scope="col">{column}</th>' for column in columns)
        ways = [partial(_row, at=at, widths=widths) for widths in _WIDTHS]
        body = "\n".join(fit_all(rows, ways, _ONE_ROW * len(rows)))
        summary = f"All {plural(len(rows), 'result')}"
        yield '<h2 id="everyone">Everyone</h2>'
        yield f'<details open class="kit-one"><summary>{summary}</summary>\n{_table(head, body)}</details>'


def _row(row: Row, at: Mapping[tuple[str, str], int], widths: _Widths) -> str:
    result, final = row
    mark = result_mark(result)
    kinds = [*sorted({flag.kind for flag in result.flags})]
    kinds += [UNSANDBOXED] if result.sandbox == "none" else []
    kinds += ["late"] if result.late else []
    shown = escape_line(", ".join(kinds), widths.kinds)
    number = at.get((result.student, result.lab))
    look = f'<a href="#look-{number}">{shown or result.status}</a>' if number else shown
    said = (comment_in_words(one) for one in final.comments)
    decided = "; ".join([*(in_words(one) for one in final.adjustments), *said])
    if final.ruled is not None:
        decided = " ".join(filter(None, (decided, *final.ruled.said)))
    page_of = quote(feedback.path_of(result.student, result.lab))
    return (
        f'<tr class="kit-{mark.tone}"><th scope="row">'
        f'<a href="{page_of}"><bdi>{escape_line(result.student, widths.name)}</bdi></a></th>'
        f"<td><bdi>{escape_line(result.name, widths.name)}</bdi></td>"
        f"<td>{escape_line(result.lab, widths.name)}</td>"
        f'<td class="kit-right">{total(final)}</td><td>{mark_html(mark)}</td>'
        f"<td>{look}</td><td>{escape_line(decided, widths.decided)}</td></tr>"
    )


def _strays(strays: Sequence[Stray]) -> Iterator[str]:
    if strays:
        items = (
            f"<li><bdi><code>{escape_line(stray.path, 120)}</code></bdi> {escape_line(stray.why, 200)}</li>"
            for stray in strays[:_LISTED]
        )
        yield '<h2 id="strays">Files that were not graded</h2>'
        yield item_list(as_many(items, _LIST), len(strays))


def _table(head: str, rows: str) -> str:
    return (
        '<div class="kit-card kit-scroll"><table class="kit-table">'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )
