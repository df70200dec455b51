"""Fresh cases of lab 1: values that fit its checks and that nobody knows beforehand."""

from __future__ import annotations

import random

import pytest

from tests.utils.checks.every_lab import MakeLab, told
from utils.checks.persistence.lab import LAB, Case
from utils.checks.run import run_exercise
from utils.replay.matching import fold_question

SEEDS = range(20)


def test_an_answer_learned_by_heart_from_the_printed_case_is_worth_nothing(make_lab: MakeLab) -> None:
    known = {city.question: city.answer for city in LAB.example.cities}

    def ask(agent: object, thread_id: str, text: str) -> str:
        return known.get(text, f"Los Angeles, so take {LAB.example.word}.")

    result = run_exercise(LAB.find("1.2"), make_lab({"ask": ask}), Case.fresh(random.Random(1)))
    assert result.points == 0, told(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_differ_from_each_other_and_from_the_printed_ones(seed: int) -> None:
    case = Case.fresh(random.Random(seed))
    assert len({city.name for city in case.cities}) == 3
    assert len({city.celsius for city in case.cities}) == 3
    assert len({fold_question(city.question) for city in case.cities}) == 3
    assert case.thread != case.other
    printed = LAB.example
    assert {case.thread, case.other, case.word}.isdisjoint({printed.thread, printed.other, printed.word})
    assert {c.name for c in case.cities}.isdisjoint(c.name for c in printed.cities)
