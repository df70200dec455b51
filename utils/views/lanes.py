"""Moments of a stream as lanes: a lane for each node, a column for each moment, a mark for each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import get_args

from utils.observed.moments import Kind, Moment, figures
from utils.views.plain import one_line, plural

LABEL = 24
OPEN = "open requests"
_MOST_LANES = 40
_FULL = 200

MARKS: Mapping[Kind, tuple[str, str]] = {
    "result": ("■", "a tool's result"),
    "token": ("●", "a piece of text"),
    "progress": ("▲", "progress"),
    "call": ("◇", "a piece of a tool call"),
    "step": ("│", "a step"),
    "empty": ("·", "no text"),
}
ORDER = tuple(MARKS)
assert set(ORDER) == set(get_args(Kind))


@dataclass(frozen=True, slots=True)
class Held:
    """A time during which as many requests were open."""

    first: int
    last: int
    """the columns from where to where"""
    held: int


def lanes_of(moments: Sequence[Moment]) -> dict[tuple[str, str], list[int]]:
    """Return the numbers of the moments in each lane, by mode and lane, in order of appearance."""
    found: dict[str, dict[str, list[int]]] = {}
    for number, moment in enumerate(moments):
        found.setdefault(moment.mode, {}).setdefault(moment.lane, []).append(number)
    flat = {(mode, lane): numbers for mode, lanes in found.items() for lane, numbers in lanes.items()}
    return dict(islice(flat.items(), _MOST_LANES))


def heading(moments: Sequence[Moment]) -> str:
    """Return how many items came, and in what time where it is known."""
    items = plural(len(moments), "item")
    last = moments[-1].at
    return f"{items}, in order of arrival" if last is None else f"{items} in {last:.2f} s"


def places(moments: Sequence[Moment], columns: int) -> list[int]:
    """Return the column of each moment: by time where it is known, else by order."""
    times = [moment.at for moment in moments if moment.at is not None]
    if len(times) < len(moments):
        few = len(moments) <= columns
        return [n if few else n * columns // len(moments) for n in range(len(moments))]
    last = max(times)
    return [round(max(at, 0.0) / last * (columns - 1)) if last > 0 else 0 for at in times]


def open_spans(moments: Sequence[Moment], place: Sequence[int]) -> list[Held]:
    """Return spans of columns in which requests were open, with the most that were open at once.

    Between two looks that both found some, as many were open as at the first; where the number changes, a
    span ends in the column in which the next one begins.
    """
    most: dict[int, int] = {}
    for moment, column in zip(moments, place, strict=True):
        if moment.open is not None:
            most[column] = max(most.get(column, 0), moment.open)
    spans: list[Held] = []
    reached = -1
    for column, held in sorted(most.items()):
        before = spans[-1] if spans and spans[-1].last == reached else None
        if before is not None and held:
            spans[-1] = Held(before.first, column, before.held)
        if held and (before is None or before.held != held):
            spans.append(Held(column, column, held))
        reached = column
    return spans


def told_of(moments: Sequence[Moment]) -> Iterator[str]:
    """Yield a sentence about the tokens of each node."""
    numbers: dict[str, int] = {}
    for number, moment in enumerate(moments, 1):
        if moment.kind == "token":
            numbers.setdefault(moment.lane, number)
    count = Counter(moment.lane for moment in moments if moment.kind == "token")
    known = figures(moments)
    for lane, number in islice(numbers.items(), _MOST_LANES):
        name, pieces = one_line(lane, _FULL), plural(count[lane], "piece")
        if lane in known:
            first, rate = known[lane].first, known[lane].per_second
            yield f"{name}: {pieces} of text, the first after {first:.2f} s, {rate:.0f} per second"
        else:
            yield f"{name}: {pieces} of text, the first is item {number} of {len(moments)}"
