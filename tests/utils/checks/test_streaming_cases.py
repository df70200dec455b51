"""Fresh cases of lab 2: values that fit its checks and that nobody knows beforehand."""

from __future__ import annotations

import builtins
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.utils.checks.every_lab import MakeLab
from utils.checks.run import run_exercise
from utils.checks.streaming.lab import CALLS, ERRORS, LAB, Case

SEEDS = range(20)


def test_figures_learned_by_heart_from_the_printed_case_are_worth_nothing(make_lab: MakeLab) -> None:
    def learned() -> Callable[..., Any]:
        firsts = itertools.chain([1.0], itertools.repeat(0.0))

        def measure(agent: Any, thread_id: str, text: str, clock: object = None) -> dict[str, object]:
            rate = 7 / sum(LAB.example.ticks[1:])
            return {"llm": {"first": next(firsts), "tokens": 8, "per_second": rate}}

        return measure

    exercise = LAB.find("2.3")
    printed, fresh = (
        {
            check.check: check.points
            for check in run_exercise(exercise, make_lab({"measure": learned()}), case).checks
        }
        for case in (LAB.example, Case.fresh(random.Random(1)))
    )
    assert printed == fresh == dict.fromkeys(printed, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_are_what_the_checks_need_and_not_the_printed_ones(seed: int) -> None:
    case = Case.fresh(random.Random(seed))
    assert len({city.name for city in case.cities}) == 3
    assert sorted(case.order) == list(range(CALLS))
    assert len(case.ticks) == len(LAB.example.ticks)
    assert all(tick > 0 and (tick * 8).is_integer() for tick in case.ticks)
    printed = LAB.example
    assert {case.thread, case.word}.isdisjoint({printed.thread, printed.word})
    assert {c.name for c in case.cities}.isdisjoint(c.name for c in printed.cities)


@pytest.mark.parametrize("name", ERRORS)
def test_the_errors_are_pythons_own_and_none_is_a_key_error(name: str) -> None:
    raised = getattr(builtins, name)
    assert issubclass(raised, Exception)
    assert not issubclass(raised, KeyError)
