"""Fresh cases of lab 4: values that fit its checks and that nobody knows beforehand."""

from __future__ import annotations

import random

import pytest

from tests.utils.checks.every_lab import MakeLab, told
from utils.checks.human_in_the_loop.desk import POLICY, tasks
from utils.checks.human_in_the_loop.lab import LAB, Case
from utils.checks.run import run_exercise

SEEDS = range(20)


def test_an_answer_learned_by_heart_from_the_printed_case_is_worth_nothing(make_lab: MakeLab) -> None:
    def mock_answer(agent: object, thread_id: str, text: str) -> str:
        return "For San Francisco they report sunglasses."

    result = run_exercise(
        LAB.find("4.4"), make_lab({"mock_answer": mock_answer}), Case.fresh(random.Random(1))
    )
    assert result.points == 0, told(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_differ_from_each_other_and_from_the_printed_ones(seed: int) -> None:
    case = Case.fresh(random.Random(seed))
    assert len({city.name for city in case.cities}) == 3
    assert sorted(case.order) == list(range(7))
    assert case.thread != case.other
    printed = LAB.example
    assert {case.thread, case.other, case.word}.isdisjoint({printed.thread, printed.other, printed.word})
    assert {c.name for c in case.cities}.isdisjoint(c.name for c in printed.cities)


@pytest.mark.parametrize("case", [LAB.example, *(Case.fresh(random.Random(seed)) for seed in SEEDS)])
def test_a_person_is_asked_about_the_first_call_so_that_results_have_an_order_to_lose(case: object) -> None:
    first = tasks(case)[case.order[0]]  # type: ignore[arg-type, attr-defined]
    assert POLICY[first.tool] == "ask"
    assert first.decision
