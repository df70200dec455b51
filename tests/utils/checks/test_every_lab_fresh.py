"""Fresh cases of every lab: other values, the same judgement."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

import pytest

from grader.grading.secret import SECRET_BYTES, rng_for
from tests.utils.checks.every_lab import LABS, Judged, MakeLab, name_of, told
from tests.utils.checks.variants import Variant, solves
from utils.checks.run import run_exercise, run_lab

SEEDS = range(20)
EACH = pytest.mark.parametrize("lab", LABS, ids=name_of)


def cases(lab: Judged, seed: int | str) -> Any:
    """A lab's fresh case, made as the grader makes it."""
    return lab.checks.fresh_case(random.Random(seed))


@pytest.mark.parametrize(
    ("lab", "variant"),
    [(lab, variant) for lab in LABS for variant in (*lab.right.rights, *lab.wrong.wrongs)],
    ids=name_of,
)
def test_every_solution_gets_the_same_points_as_from_the_printed_case(
    make_lab: MakeLab, lab: Judged, variant: Variant
) -> None:
    exercise = lab.checks.find(variant.exercise)
    case = cases(lab, variant.name)
    result = run_exercise(exercise, make_lab(solves(exercise, variant)), case)
    assert result.points == (exercise.points if variant.points is None else variant.points), told(result)
    failed = {check.check for check in result.checks if check.status != "passed"}
    assert failed == set(variant.fails), told(result)


@pytest.mark.parametrize("seed", SEEDS[:3])
@EACH
def test_the_reference_gets_everything_whatever_the_values(make_lab: MakeLab, lab: Judged, seed: int) -> None:
    result = run_lab(lab.checks, make_lab(lab.authored.solved()), cases(lab, seed))
    assert (result.points, result.max_points) == (lab.points, lab.points), "\n".join(
        map(told, result.exercises)
    )


@EACH
def test_another_seed_gives_other_values(lab: Judged) -> None:
    made = [cases(lab, seed) for seed in SEEDS]
    for name in {"city", "cities", "thread", "word"} & {field.name for field in fields(made[0])}:
        assert len({getattr(case, name) for case in made}) == len(made), name
    for field in fields(made[0]):
        assert len({getattr(case, field.name) for case in made}) > 1, field.name


@EACH
def test_what_is_asked_depends_on_the_course_s_secret(lab: Judged) -> None:
    """Nothing in the code gives the questions away: the same submission is asked others in another course."""
    secrets = (b"a" * SECRET_BYTES, b"b" * SECRET_BYTES)
    one, other = (lab.checks.fresh_case(rng_for(secret, b"handed in", lab.notebook)) for secret in secrets)
    differing = {f.name for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)}
    assert {"city", "cities", "thread", "word"} & {f.name for f in fields(one)} <= differing
    assert len(differing) >= 2
