"""Fresh cases of lab 3: values that fit its checks and that nobody knows beforehand."""

from __future__ import annotations

import random

import pytest

from tests.utils.checks.every_lab import MakeLab, told
from utils.checks.async_graphs.exercise_3_4 import in_winter
from utils.checks.async_graphs.lab import LAB, Case
from utils.checks.run import run_exercise
from utils.replay.matching import fold_question

SEEDS = range(20)


def test_an_answer_learned_by_heart_from_the_printed_case_is_worth_nothing(make_lab: MakeLab) -> None:
    known = {city.question: city.answer for city in LAB.example.cities}

    async def ask_with_timeout(agent: object, thread_id: str, text: str, seconds: float) -> str | None:
        return known.get(text)

    work = {"ask_with_timeout": ask_with_timeout}
    result = run_exercise(LAB.find("3.5"), make_lab(work), Case.fresh(random.Random(1)))
    assert result.checks[0].points == 0, told(result)
    assert result.points == 0, told(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_differ_from_each_other_and_from_the_printed_ones(seed: int) -> None:
    case = Case.fresh(random.Random(seed))
    assert len({city.name for city in case.cities}) == 5
    assert len({city.celsius for city in case.cities}) == 5
    assert len({fold_question(city.question) for city in case.cities}) == 5
    assert case.thread != case.other
    printed = LAB.example
    assert {case.thread, case.other, case.word}.isdisjoint({printed.thread, printed.other, printed.word})
    assert {c.name for c in case.cities}.isdisjoint(c.name for c in printed.cities)


@pytest.mark.parametrize("case", [LAB.example, *(Case.fresh(random.Random(seed)) for seed in SEEDS)])
def test_whoever_takes_the_last_by_name_for_the_warmest_is_found_out(case: object) -> None:
    for some in (case.cities[:3], case.cities[:4]):  # type: ignore[attr-defined]
        assert max(some, key=lambda city: city.name) != max(some, key=lambda city: city.celsius)


@pytest.mark.parametrize("case", [LAB.example, *(Case.fresh(random.Random(seed)) for seed in SEEDS)])
def test_in_winter_one_city_is_below_zero_and_one_at_zero(case: Case) -> None:
    winter = in_winter(case)
    *_, below, zero = winter.cities
    assert below.celsius < zero.celsius == 0
    assert winter.cities[:3] == case.cities[:3]
    assert [city.name for city in winter.cities] == [city.name for city in case.cities]
