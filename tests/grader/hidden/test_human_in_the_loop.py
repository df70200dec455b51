"""Fresh cases of lab 4: other values, the same judgement."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from grader.hidden.human_in_the_loop import cases
from tests.utils.checks import human_in_the_loop_right, human_in_the_loop_wrong
from tests.utils.checks.authored import Authored
from tests.utils.checks.every_lab import told
from tests.utils.checks.test_human_in_the_loop import authored
from tests.utils.checks.variants import Variant, solves
from utils.checks.human_in_the_loop import LAB
from utils.checks.human_in_the_loop.desk import POLICY, tasks
from utils.checks.run import run_exercise, run_lab
from utils.lab.lab import Lab

__all__ = ["authored"]

MakeLab = Callable[..., Lab]
VARIANTS = (*human_in_the_loop_right.TABLE.rights, *human_in_the_loop_wrong.TABLE.wrongs)
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


def test_an_answer_learned_by_heart_from_the_printed_case_is_worth_nothing(make_lab: MakeLab) -> None:
    def mock_answer(agent: object, thread_id: str, text: str) -> str:
        return "For San Francisco they report sunglasses."

    result = run_exercise(LAB.find("4.4"), make_lab({"mock_answer": mock_answer}), cases(random.Random(1)))
    assert result.points == 0, told(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_differ_from_each_other_and_from_the_printed_ones(seed: int) -> None:
    case = cases(random.Random(seed))
    assert len({city.name for city in case.cities}) == 3
    assert sorted(case.order) == list(range(7))
    assert case.thread != case.other
    printed = LAB.example
    assert {case.thread, case.other, case.word}.isdisjoint({printed.thread, printed.other, printed.word})
    assert {c.name for c in case.cities}.isdisjoint(c.name for c in printed.cities)


@pytest.mark.parametrize("case", [LAB.example, *(cases(random.Random(seed)) for seed in SEEDS)])
def test_a_person_is_asked_about_the_first_call_so_that_results_have_an_order_to_lose(case: object) -> None:
    first = tasks(case)[case.order[0]]  # type: ignore[arg-type, attr-defined]
    assert POLICY[first.tool] == "ask"
    assert first.decision


def test_another_seed_gives_other_values() -> None:
    made = [cases(random.Random(seed)) for seed in SEEDS]
    assert len({case.thread for case in made}) == len(made)
    assert len({case.order for case in made}) > 1
