"""Fresh cases of lab 3: other values, the same judgement."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from grader.hidden.async_graphs import cases
from tests.utils.checks import async_graphs_right, async_graphs_wrong
from tests.utils.checks.every_lab import told
from tests.utils.checks.variants import Variant
from utils.checks.async_graphs import LAB
from utils.checks.run import run_exercise
from utils.lab.lab import Lab
from utils.replay.matching import fold_question

MakeLab = Callable[..., Lab]
SEEDS = range(20)


# That fresh cases judge all of them alike, the jail's tests say.
VARIANTS = (*async_graphs_right.TABLE.rights, *async_graphs_wrong.TABLE.one_for_each_check)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_solution_gets_the_same_points_as_from_the_printed_case(
    make_lab: MakeLab, variant: Variant
) -> None:
    exercise = LAB.find(variant.exercise)
    case = cases(random.Random(variant.name))
    result = run_exercise(exercise, make_lab({exercise.function: variant.work}), case)
    assert result.points == (exercise.points if variant.points is None else variant.points), told(result)
    failed = {check.check for check in result.checks if check.status != "passed"}
    assert failed == set(variant.fails), told(result)


def test_an_answer_learned_by_heart_from_the_printed_case_is_worth_nothing(make_lab: MakeLab) -> None:
    known = {city.question: city.answer for city in LAB.example.cities}

    async def ask_with_timeout(agent: object, thread_id: str, text: str, seconds: float) -> str | None:
        return known.get(text)

    work = {"ask_with_timeout": ask_with_timeout}
    result = run_exercise(LAB.find("3.5"), make_lab(work), cases(random.Random(1)))
    assert result.checks[0].points == 0, told(result)
    assert result.points == 0, told(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_differ_from_each_other_and_from_the_printed_ones(seed: int) -> None:
    case = cases(random.Random(seed))
    assert len({city.name for city in case.cities}) == 5
    assert len({city.celsius for city in case.cities}) == 5
    assert len({fold_question(city.question) for city in case.cities}) == 5
    assert case.thread != case.other
    printed = LAB.example
    assert {case.thread, case.other, case.word}.isdisjoint({printed.thread, printed.other, printed.word})
    assert {c.name for c in case.cities}.isdisjoint(c.name for c in printed.cities)


@pytest.mark.parametrize("case", [LAB.example, *(cases(random.Random(seed)) for seed in SEEDS)])
def test_whoever_takes_the_last_by_name_for_the_warmest_is_found_out(case: object) -> None:
    for some in (case.cities[:3], case.cities[:4]):  # type: ignore[attr-defined]
        assert max(some, key=lambda city: city.name) != max(some, key=lambda city: city.celsius)


def test_another_seed_gives_other_values() -> None:
    made = [cases(random.Random(seed)) for seed in SEEDS]
    assert len({case.thread for case in made}) == len(made)
    assert len({case.cities for case in made}) == len(made)
