"""Calls side by side: when each arrived at the model's side, when it ended, how many were open at once.

The data (``calls_of``, ``most_open``, ``rounds``) is what checks look at as well. Drawn by rounds the
picture is the same on every run; drawn by seconds it is as the clock saw it.
"""

from __future__ import annotations

import html
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from utils.views.display import View
from utils.views.plain import grid, plural, short, short_names

_MOST_CALLS = 200
NAME = 32
"""so many columns of a call's name are drawn"""
_COLUMNS = 40
_BAR, _NOTHING, _OPEN = "█", "·", "▒"


class Asked(Protocol):
    """The part of a logged request that a picture needs; ``kit.requests()`` gives such requests."""

    @property
    def kind(self) -> str: ...

    @property
    def opened_at(self) -> float: ...

    @property
    def finished_at(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its receiver saw it; times are seconds on one clock."""

    label: str
    began: float
    ended: float | None
    """``None`` while it is open"""
    given_up: bool = False
    """the caller went away before the end"""


@dataclass(frozen=True, slots=True)
class Span:
    """The rounds in which a call was open, both counted from 0."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Run:
    """Calls that belong together, under a title."""

    title: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One call as it is drawn: from where to where, in rounds or in seconds."""

    call: Call
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A run as it is drawn."""

    bars: tuple[Bar, ...]
    about: str
    """how many calls, and how many at once"""
    wall: float
    """from the first arrival to the last end"""
    total: float
    """all calls together"""
    wall_text: str
    sum_text: str


@dataclass(frozen=True, slots=True, repr=False)
class GanttView(View):
    """Runs one above the other, on one scale."""

    runs: tuple[Run, ...]
    seconds: bool = False
    sheets: ClassVar[tuple[str, ...]] = ("drawing",)

    def text(self) -> str:
        return gantt_text(self.runs, seconds=self.seconds)

    def html(self) -> str:
        return gantt_html(self.runs, seconds=self.seconds)


def gantt(asked: Iterable[Asked] | Mapping[str, Iterable[Asked]], *, seconds: bool = False) -> GanttView:
    """A picture of requests, or of several runs of them by title, as ``kit.requests()`` has them.

    It is drawn in rounds: a new one begins whenever a call arrives after another has ended. With
    ``seconds`` it is drawn by the clock.
    """
    runs = asked if isinstance(asked, Mapping) else {"": asked}
    return GanttView(tuple(Run(str(title), calls_of(found)) for title, found in runs.items()), seconds)


def calls_of(asked: Any) -> tuple[Call, ...]:
    """Logged requests as calls, in their order of arrival."""
    if isinstance(asked, str | bytes) or not isinstance(asked, Iterable):
        raise TypeError(f'gantt() needs kit.requests() or kit.requests("search"), got {type(asked).__name__}')
    try:
        calls = [
            Call(_label(request), request.opened_at, request.finished_at, _given_up(request))
            for request in asked
        ]
    except AttributeError as error:
        raise TypeError(f"gantt() needs the requests of kit.requests(): {error}") from error
    return tuple(sorted(calls, key=lambda call: call.began))


def most_open(calls: Iterable[Call]) -> int:
    """The most calls that were open at the same time."""
    open_now = most = 0
    for _, change in _events(calls):
        open_now += change
        most = max(most, open_now)
    return most


def rounds(calls: Iterable[Call]) -> list[Span]:
    """For each call, in the given order, its rounds: a new one begins with an arrival after an end."""
    calls = list(calls)
    starts: list[float] = []
    ended = True
    for time, change in _events(calls):
        if change > 0 and ended:
            starts.append(time)
        ended = change < 0
    last = len(starts) - 1
    # A call's end lies before the arrival that begins the next round, however close.
    return [
        Span(
            _round(bisect_right(starts, c.began)),
            last if c.ended is None else _round(bisect_left(starts, c.ended)),
        )
        for c in calls
    ]


def _round(begun: int) -> int:
    """The round in which so many rounds have begun."""
    return max(begun - 1, 0)


def gantt_text(runs: Sequence[Run], *, seconds: bool = False) -> str:
    """The runs as lines: a headline each, then a line for each call."""
    most = max((extent(run, seconds) for run in runs), default=0.0)
    names = short_names(dict.fromkeys(call.label for run in runs for call in run.calls), NAME)
    return "\n\n".join("\n".join(_lines(run, names, most, seconds)) for run in runs) or EMPTY


def gantt_html(runs: Sequence[Run], *, seconds: bool = False) -> str:
    """The runs as HTML without a stylesheet: a drawing, and the text form to open."""
    from utils.views.gantt_svg import gantt_svg  # noqa: PLC0415 - it rests on this module

    about = plural(sum(len(run.calls) for run in runs), "call")
    text = html.escape(gantt_text(runs, seconds=seconds))
    return (
        f'<section class="kit-view kit-card" aria-label="Calls side by side: {about}">\n'
        f'<p class="kit-head"><strong>Calls, as the other side saw them</strong> '
        f'<span class="kit-points">{about}</span></p>\n'
        f"{gantt_svg(runs, seconds=seconds)}<details><summary>As text</summary>"
        f'<pre class="kit-drawing" tabindex="0">{text}</pre></details>\n'
        "</section>"
    )


EMPTY = "no calls"


def extent(run: Run, seconds: bool = False) -> float:
    """How long a run is: seconds, or rounds."""
    if not run.calls:
        return 0.0
    if seconds:
        return _end(run.calls) - run.calls[0].began
    return 1.0 + max(span.last for span in rounds(run.calls))


def _end(calls: Sequence[Call]) -> float:
    """When the last call ended; one that is open counts until the newest thing that is known."""
    return max(time for call in calls for time in (call.began, call.ended) if time is not None)


def _lines(run: Run, names: Mapping[str, str], most: float, seconds: bool) -> list[str]:
    head = f"{short(run.title, NAME)}: " if run.title else ""
    if not run.calls:
        return [f"{head}{EMPTY}"]
    found = measured(run, seconds=seconds)
    head += f"{found.about}; took {found.wall_text}, all calls together {found.sum_text}"
    lines = grid(
        [(names[b.call.label], _bar(b.first, b.last, most, b.call)) for b in found.bars[:_MOST_CALLS]]
    )
    more = len(found.bars) - _MOST_CALLS
    return [head, *lines, *([f"[… {more:,} more calls …]"] if more > 0 else [])]


def measured(run: Run, *, seconds: bool = False) -> Measured:
    """The run's bars in the order they are drawn, and its figures."""
    spans = rounds(run.calls)
    about = f"{plural(len(run.calls), 'call')}, at most {most_open(run.calls)} open at once"
    if seconds:
        began, end = run.calls[0].began, _end(run.calls)
        bars = [Bar(c, c.began - began, (end if c.ended is None else c.ended) - began) for c in run.calls]
        wall, total = end - began, sum(bar.last - bar.first for bar in bars)
        return Measured(tuple(bars), about, wall, total, f"{wall:.2f} s", f"{total:.2f} s")
    wall = int(extent(run, seconds))
    total = sum(span.last - span.first + 1 for span in spans)
    # Within a round the order is chance, so names decide.
    drawn = sorted(zip(spans, run.calls, strict=True), key=lambda row: (row[0].first, row[1].label))
    bars = [Bar(call, span.first, span.last + 1) for span, call in drawn]
    return Measured(tuple(bars), about, wall, total, plural(wall, "round"), str(total))


def _bar(first: float, last: float, most: float, call: Call) -> str:
    """A line of dots with a bar from ``first`` to ``last``; at least one sign wide."""
    scale = _COLUMNS / most if most > 0 else 0.0
    start = min(round(first * scale), _COLUMNS - 1)
    stop = max(round(last * scale), start + 1)
    sign = _OPEN if call.ended is None else _BAR
    remark = " given up" if call.given_up else " still open" if call.ended is None else ""
    return f"{_NOTHING * start}{sign * (stop - start)}{_NOTHING * (_COLUMNS - stop)}{remark}"


def _events(calls: Iterable[Call]) -> list[tuple[float, int]]:
    """Arrivals (+1) and ends (-1) by time; where both fall together the end comes first."""
    began = [(call.began, 1) for call in calls]
    ended = [(call.ended, -1) for call in calls if call.ended is not None]
    return sorted([*began, *ended])


def _label(request: Any) -> str:
    """What was asked for: a tool's arguments, else the last question."""
    args = getattr(request, "args", None)
    if isinstance(args, Mapping) and args:
        return ", ".join(map(str, args.values()))
    questions = getattr(request, "questions", ())
    return str(questions[-1]) if questions else str(request.kind)


def _given_up(request: Any) -> bool:
    return bool(getattr(request, "gave_up", False))
