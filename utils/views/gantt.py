"""Calls side by side: when each arrived at the model's side, when it ended, how many were open at once.

The data (``calls_of``, ``most_open``, ``rounds``) is what checks look at as well. Drawn by rounds the
picture is the same on every run; drawn by seconds it is as the clock saw it.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from utils.views.display import View
from utils.views.plain import grid, one_line, plural

_MOST_CALLS = 200
_NAME = 32
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


@dataclass(frozen=True, slots=True, repr=False)
class GanttView(View):
    """Runs one above the other, on one scale."""

    runs: tuple[Run, ...]
    seconds: bool = False

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

    def round_at(time: float) -> int:
        return max((number for number, start in enumerate(starts) if start <= time), default=0)

    # A call's end lies before the arrival that begins the next round, however close.
    return [Span(round_at(c.began), last if c.ended is None else _before(starts, c.ended)) for c in calls]


def _before(starts: Sequence[float], time: float) -> int:
    return max(sum(start < time for start in starts) - 1, 0)


def gantt_text(runs: Sequence[Run], *, seconds: bool = False) -> str:
    """The runs as lines: a headline each, then a line for each call."""
    most = max((_extent(run, seconds) for run in runs), default=0.0)
    return "\n\n".join("\n".join(_lines(run, most, seconds)) for run in runs) or _EMPTY


def gantt_html(runs: Sequence[Run], *, seconds: bool = False) -> str:
    """The runs as HTML without a stylesheet: the text form, with a heading line."""
    about = plural(sum(len(run.calls) for run in runs), "call")
    return (
        f'<section class="kit-view kit-card" aria-label="Calls side by side: {about}">\n'
        f'<p class="kit-head"><strong>Calls, as the other side saw them</strong> '
        f'<span class="kit-points">{about}</span></p>\n'
        f'<pre class="kit-drawing" tabindex="0">{html.escape(gantt_text(runs, seconds=seconds))}</pre>\n'
        "</section>"
    )


_EMPTY = "no calls"


def _extent(run: Run, seconds: bool) -> float:
    """How long a run is: seconds, or rounds."""
    if not run.calls:
        return 0.0
    if seconds:
        return _end(run.calls) - run.calls[0].began
    return 1.0 + max(span.last for span in rounds(run.calls))


def _end(calls: Sequence[Call]) -> float:
    """When the last call ended; one that is open counts until the newest thing that is known."""
    return max(time for call in calls for time in (call.began, call.ended) if time is not None)


def _lines(run: Run, most: float, seconds: bool) -> list[str]:
    head = f"{one_line(run.title, _NAME)}: " if run.title else ""
    if not run.calls:
        return [f"{head}{_EMPTY}"]
    head += f"{plural(len(run.calls), 'call')}, at most {most_open(run.calls)} open at once; "
    spans = rounds(run.calls)
    rows: list[tuple[int, str, str]]
    if seconds:
        began, end = run.calls[0].began, _end(run.calls)
        total = sum((end if call.ended is None else call.ended) - call.began for call in run.calls)
        head += f"took {end - began:.2f} s, all calls together {total:.2f} s"
        rows = [
            (n, _name(c), _bar(c.began - began, (end if c.ended is None else c.ended) - began, most, c))
            for n, c in enumerate(run.calls)
        ]
    else:
        wall = int(_extent(run, seconds))
        total = sum(span.last - span.first + 1 for span in spans)
        head += f"took {plural(wall, 'round')}, all calls together {total}"
        # Within a round the order is chance, so names decide.
        drawn = sorted(zip(spans, run.calls, strict=True), key=lambda row: (row[0].first, row[1].label))
        rows = [(n, _name(c), _bar(s.first, s.last + 1, most, c)) for n, (s, c) in enumerate(drawn)]
    lines = grid([(name, bar) for _, name, bar in rows[:_MOST_CALLS]])
    more = len(rows) - _MOST_CALLS
    return [head, *lines, *([f"[… {more:,} more calls …]"] if more > 0 else [])]


def _bar(first: float, last: float, most: float, call: Call) -> str:
    """A line of dots with a bar from ``first`` to ``last``; at least one sign wide."""
    scale = _COLUMNS / most if most > 0 else 0.0
    start = min(round(first * scale), _COLUMNS - 1)
    stop = max(round(last * scale), start + 1)
    sign = _OPEN if call.ended is None else _BAR
    remark = " given up" if call.given_up else " still open" if call.ended is None else ""
    return f"{_NOTHING * start}{sign * (stop - start)}{_NOTHING * (_COLUMNS - stop)}{remark}"


def _name(call: Call) -> str:
    return one_line(call.label, _NAME)


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
