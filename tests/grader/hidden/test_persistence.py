"""Fresh cases of lab 1: other values, the same judgement."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from grader.hidden.persistence import cases
from tests.utils.checks import persistence_right, persistence_wrong
from tests.utils.checks.authored import Authored
from tests.utils.checks.every_lab import told
from tests.utils.checks.variants import Variant
from utils.checks.persistence import LAB
from utils.checks.run import run_exercise, run_lab
from utils.lab.lab import Lab
from utils.replay.matching import fold_question

MakeLab = Callable[..., Lab]
VARIANTS = (*persistence_right.TABLE.rights, *persistence_wrong.TABLE.wrongs)
SEEDS = range(20)


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


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_the_reference_gets_everything_whatever_the_values(
    make_lab: MakeLab, authored: Authored, seed: int
) -> None:
    result = run_lab(LAB, make_lab(authored.solved()), cases(random.Random(seed)))
    assert (result.points, result.max_points) == (20, 20), "\n".join(map(told, result.exercises))


def test_an_answer_learned_by_heart_from_the_printed_case_is_worth_nothing(make_lab: MakeLab) -> None:
    known = {city.question: city.answer for city in LAB.example.cities}

    def ask(agent: object, thread_id: str, text: str) -> str:
        return known.get(text, f"Los Angeles, so take {LAB.example.word}.")

    result = run_exercise(LAB.find("1.2"), make_lab({"ask": ask}), cases(random.Random(1)))
    assert result.points == 0, told(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_differ_from_each_other_and_from_the_printed_ones(seed: int) -> None:
    case = cases(random.Random(seed))
    assert len({city.name for city in case.cities}) == 3
    assert len({city.celsius for city in case.cities}) == 3
    assert len({fold_question(city.question) for city in case.cities}) == 3
    assert case.thread != case.other
    printed = LAB.example
    assert {case.thread, case.other, case.word}.isdisjoint({printed.thread, printed.other, printed.word})
    assert {c.name for c in case.cities}.isdisjoint(c.name for c in printed.cities)


def test_another_seed_gives_other_values() -> None:
    made = [cases(random.Random(seed)) for seed in SEEDS]
    assert len({case.thread for case in made}) == len(made)
    assert len({case.cities for case in made}) == len(made)
