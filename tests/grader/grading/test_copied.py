"""Work is called copied when it answers the printed example, and nothing else, every time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import pytest

from grader.grading.copied import is_copied
from tests.utils.conftest import make_lab, make_transport, recorded_server
from utils.checks.registry import LabChecks, expect
from utils.lab.lab import Lab

__all__ = ["make_lab", "make_transport", "recorded_server"]

MakeLab = Callable[..., Lab]


@dataclass(frozen=True)
class Case:
    number: int

    @classmethod
    def fresh(cls, rng: random.Random) -> Self:
        return cls(rng.randint(100, 999))


def doubles() -> LabChecks:
    checks = LabChecks("doubles", "Doubles")
    checks.exercise("9.1", "Double", function="double", points=1)
    checks.example = Case(4)

    @checks.check("9.1", points=1, title="doubles")
    def is_double(lab: Lab, case: Case) -> None:
        got = lab.call("double", case.number)
        expect(got == 2 * case.number, "It must be doubled.", got=got, expected="the double", why="So.")

    return checks


def by_turns(*turns: bool) -> Callable[[int], int]:
    """Right or wrong, by turns, whatever the question is."""
    turn = itertools.cycle(turns)
    return lambda number: 2 * number if next(turn) else 0


def told(make_lab: MakeLab, work: Callable[[int], Any]) -> bool:
    checks = doubles()
    return is_copied(checks, checks.find("9.1"), make_lab({"double": work}), random.Random(1))


def test_who_answers_the_printed_example_only_has_copied(make_lab: MakeLab) -> None:
    assert told(make_lab, lambda number: 8)


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param((True, False, True, True), id="passes a fresh one in the second round"),
        pytest.param((True, False, False, False), id="fails the example in the second round"),
        pytest.param((True, False, True, False, True, True), id="passes a fresh one in the last round"),
        pytest.param((False,), id="never right"),
        pytest.param((True,), id="always right"),
    ],
)
def test_who_answers_by_chance_has_not_copied(make_lab: MakeLab, turns: Iterable[bool]) -> None:
    assert not told(make_lab, by_turns(*turns))
