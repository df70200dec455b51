"""How hard each exercise of a lab was, and how well it tells people apart. Counted on checks, as `counts`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.results.counts import RAN
from grader.results.result import Result
from grader.results.sizes import EXERCISES

FEW = 10
"""people below whom a figure would say more about chance than about the exercise"""


@dataclass(frozen=True, slots=True)
class Item:
    """One exercise, over everybody whose work ran."""

    exercise: str
    title: str
    people: int
    share: float | None
    """of its points that were reached on average, 0 to 1; None for too few people"""
    telling: float | None
    """-1 to 1, see `telling`; None for too few people, or where all have the same"""


def items_of(results: Iterable[Result]) -> Mapping[str, tuple[Item, ...]]:
    """Return the exercises of each lab, by the lab's name, in the lab's order."""
    ran: dict[str, list[Result]] = {}
    for result in results:
        if result.status in RAN:
            ran.setdefault(result.lab, []).append(result)
    return {lab: _items(everybody) for lab, everybody in sorted(ran.items())}


def telling(points: Sequence[float], totals: Sequence[float]) -> float | None:
    """Return how the points of an exercise go along with those of the rest of the lab, -1 to 1.

    This is the corrected item-total correlation: Pearson's r between an item and the total without that item
    (S. Henrysson, "Correction of item-total correlations in item analysis", Psychometrika 28, 1963). Where an
    exercise gives all or nothing, it is the point-biserial correlation. None where one side never differs.
    """
    rest = [total - own for own, total in zip(points, totals, strict=True)]
    try:
        found = statistics.correlation(points, rest)
    except statistics.StatisticsError:
        return None
    return max(-1.0, min(1.0, found)) if math.isfinite(found) else None


def _items(everybody: Sequence[Result]) -> tuple[Item, ...]:
    known = {one.exercise: one for result in everybody for one in result.exercises if one.max_points > 0}
    points = [{one.exercise: one.points for one in result.exercises} for result in everybody]
    return tuple(
        _item(number, one.title, one.max_points, [mine for mine in points if number in mine])
        for number, one in list(known.items())[:EXERCISES]
    )


def _item(number: str, title: str, most: float, people: Sequence[Mapping[str, float]]) -> Item:
    if len(people) < FEW:
        return Item(number, title, len(people), None, None)
    own = [mine[number] for mine in people]
    totals = [math.fsum(mine.values()) for mine in people]
    return Item(number, title, len(people), math.fsum(own) / (len(own) * most), telling(own, totals))
