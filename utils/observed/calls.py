"""Calls as their receiver saw them: when each arrived, when it ended, how many were open at once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from utils.errors import ViewTypeError


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


def calls_of(asked: Any) -> tuple[Call, ...]:
    """Return logged requests as calls, in their order of arrival. Raises ViewTypeError for anything else."""
    if isinstance(asked, str | bytes) or not isinstance(asked, Iterable):
        raise ViewTypeError(
            f"gantt() needs logged requests, got {type(asked).__name__}",
            hint='give it kit.requests() or kit.requests("search")',
        )
    try:
        calls = [
            Call(_label(request), request.opened_at, request.finished_at, _given_up(request))
            for request in asked
        ]
    except AttributeError as error:
        raise ViewTypeError(
            f"gantt() needs logged requests: {error}", hint='give it kit.requests() or kit.requests("search")'
        ) from error
    return tuple(sorted(calls, key=lambda call: call.began))


def most_open(calls: Iterable[Call]) -> int:
    """Return the most calls that were open at the same time."""
    open_now = most = 0
    for _, change in _events(calls):
        open_now += change
        most = max(most, open_now)
    return most


def rounds(calls: Iterable[Call]) -> list[Span]:
    """Return each call's rounds, in the given order: a new round begins with an arrival after an end."""
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
    """Return the round, from 0, in which so many rounds have begun."""
    return max(begun - 1, 0)


def _events(calls: Iterable[Call]) -> list[tuple[float, int]]:
    """Return arrivals (+1) and ends (-1) by time; where both fall together the end comes first."""
    began = [(call.began, 1) for call in calls]
    ended = [(call.ended, -1) for call in calls if call.ended is not None]
    return sorted([*began, *ended])


def _label(request: Any) -> str:
    """Return what was asked for: a tool's arguments, else the last question."""
    args = getattr(request, "args", None)
    if isinstance(args, Mapping) and args:
        return ", ".join(map(str, args.values()))
    questions = getattr(request, "questions", ())
    return str(questions[-1]) if questions else str(request.kind)


def _given_up(request: Any) -> bool:
    return bool(getattr(request, "gave_up", False))
