"""Fresh cases of lab 2: other values, the same judgement."""

from __future__ import annotations

import builtins
import random
from collections.abc import Callable

import pytest

from grader.hidden.streaming import ERRORS, cases
from tests.utils.checks import streaming_right, streaming_wrong
from tests.utils.checks.authored import Authored
from tests.utils.checks.every_lab import told
from tests.utils.checks.test_streaming import authored
from tests.utils.checks.variants import Variant, solves
from utils.checks.run import run_exercise, run_lab
from utils.checks.streaming import LAB
from utils.lab.lab import Lab

__all__ = ["authored"]

MakeLab = Callable[..., Lab]
VARIANTS = (*streaming_right.TABLE.rights, *streaming_wrong.TABLE.wrongs)
SEEDS = range(20)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_solution_gets_the_same_points_as_from_the_printed_case(
    make_lab: MakeLab, variant: Variant
) -> None:
    exercise = LAB.find(variant.exercise)
    case = cases(random.Random(variant.name))
    result = run_exercise(exercise, make_lab(solves(exercise, variant)), case)
    assert result.points == (exercise.points if variant.points is None else variant.points), told(result)
    failed = {check.check for check in result.checks if check.status != "passed"}
    assert failed == set(variant.fails), told(result)


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_the_reference_gets_everything_whatever_the_values(
    make_lab: MakeLab, authored: Authored, seed: int
) -> None:
    result = run_lab(LAB, make_lab(authored.solved()), cases(random.Random(seed)))
    assert (result.points, result.max_points) == (20, 20), "\n".join(map(told, result.exercises))


def test_figures_learned_by_heart_from_the_printed_case_are_worth_nothing(make_lab: MakeLab) -> None:
    async def measure(stream: object, clock: object = None) -> dict[str, object]:
        return {"llm": {"first": 0.5, "tokens": 8, "per_second": 7 / 3.25}}

    exercise = LAB.find("2.3")
    assert run_exercise(exercise, make_lab({"measure": measure}), LAB.example).points == 1
    assert run_exercise(exercise, make_lab({"measure": measure}), cases(random.Random(1))).points == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_values_are_what_the_checks_need_and_not_the_printed_ones(seed: int) -> None:
    case = cases(random.Random(seed))
    assert len({city.name for city in case.cities}) == 3
    assert sorted(case.order) == list(range(6))
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


def test_another_seed_gives_other_values() -> None:
    made = [cases(random.Random(seed)) for seed in SEEDS]
    assert len({case.thread for case in made}) == len(made)
    assert len({case.order for case in made}) > 1
