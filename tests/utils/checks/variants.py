"""Solutions of exercises, right and wrong, as data: the rows of a lab's mutant table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from utils.checks.registry import Exercise

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to solve an exercise."""

    exercise: str
    work: Function
    points: float | None = None
    """what a wrong one earns; ``None`` for a right one, which earns everything"""
    unlike_the_example: str = ""
    """why a solution does not fit the printed example"""
    fails: Mapping[str, str] = field(default_factory=dict)
    """checks that a wrong one fails, each with a part of the sentence that the card says"""

    @property
    def name(self) -> str:
        """Its name as words."""
        return f"{self.exercise} {self.work.__name__.replace('_', ' ')}"


@dataclass(slots=True)
class Table:
    """All variants of one lab, filled by decorators."""

    variants: list[Variant] = field(default_factory=list)

    def right(self, exercise: str, unlike_the_example: str = "") -> Callable[[Function], Function]:
        """Note a correct solution."""

        def note(work: Function) -> Function:
            self.variants.append(Variant(exercise, work, unlike_the_example=unlike_the_example))
            return work

        return note

    def wrong(
        self, exercise: str, points: float, unlike_the_example: str = "", **fails: str
    ) -> Callable[[Function], Function]:
        """Note a wrong solution: the points that it earns and, for each check it fails, what it is told."""

        def note(work: Function) -> Function:
            self.variants.append(Variant(exercise, work, points, unlike_the_example, fails))
            return work

        return note

    @property
    def rights(self) -> list[Variant]:
        return [variant for variant in self.variants if variant.points is None]

    @property
    def wrongs(self) -> list[Variant]:
        return [variant for variant in self.variants if variant.points is not None]

    @property
    def one_for_each_check(self) -> list[Variant]:
        """So many wrong ones that each check is failed by one."""
        chosen: list[Variant] = []
        seen: set[str] = set()
        for variant in self.wrongs:
            if not seen.issuperset(variant.fails):
                chosen.append(variant)
                seen.update(variant.fails)
        return chosen


def solves(exercise: Exercise, variant: Variant) -> dict[str, Function]:
    """The names that a solution defines; one that defines several returns them all when it is called."""
    if not exercise.others:
        return {exercise.function: variant.work}
    return dict(zip((exercise.function, *exercise.others), variant.work(), strict=True))
