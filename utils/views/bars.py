"""Calls as bars: from where to where each is drawn, in rounds or in seconds, and the figures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from utils.observed.calls import Call, most_open, rounds
from utils.views.plain import plural

EMPTY = "no calls"
NAME = 32
"""so many columns of a call's name are drawn"""


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


def extent(run: Run, seconds: bool = False) -> float:
    """Return how long a run is, in seconds or in rounds."""
    if not run.calls:
        return 0.0
    if seconds:
        return _end(run.calls) - run.calls[0].began
    return 1.0 + max(span.last for span in rounds(run.calls))


def _end(calls: Sequence[Call]) -> float:
    """Return when the last call ended, in seconds; one that is open counts until the newest known time."""
    return max(time for call in calls for time in (call.began, call.ended) if time is not None)


def measured(run: Run, *, seconds: bool = False) -> Measured:
    """Return the run's bars in the order in which they are drawn, and its figures."""
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
