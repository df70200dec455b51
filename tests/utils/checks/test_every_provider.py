"""Every lab gives the same points on every provider."""

from __future__ import annotations

import pytest

from tests.utils.checks.conftest import MakeLabOf
from tests.utils.checks.every_lab import LABS, Judged, name_of, told
from tests.utils.checks.variants import Variant, solves
from utils.checks.results import ExerciseResult
from utils.checks.run import run_exercise, run_lab
from utils.providers import PROVIDERS

OTHERS = [name for name in PROVIDERS if name != "openai"]
CONTENT_FOR_TEXT = (
    "1.1 empty content means a tool call",
    "2.2 content instead of text",
    "2.2 content only where it is a string",
    "3.1 a word beside a call means the end",
)
"""with the others content is a list of blocks, calls among them: more fails there than with OpenAI"""
NEEDS_AN_ASYNC_CLIENT = ("must be given up", "hidden in a thread pool")
"""what is said of threads; AWS has no such client, so every call of its models is made in one"""


def providers_for(variant: Variant) -> list[str]:
    """The other providers on which a wrong solution fails the same checks as on OpenAI."""
    if variant.name in CONTENT_FOR_TEXT:
        return []
    if any(part in said for said in variant.fails.values() for part in NEEDS_AN_ASYNC_CLIENT):
        return ["anthropic"]
    return OTHERS


# Each on one of the others: what tells them apart shows with the right ones, and in half of these.
WRONGS = [
    (lab, variant, fitting[number % len(fitting)])
    for lab in LABS
    for number, variant in enumerate(lab.wrong.one_for_each_check)
    if (fitting := providers_for(variant))
]


def judge(make_lab_of: MakeLabOf, lab: Judged, variant: Variant, provider: str) -> ExerciseResult:
    exercise = lab.checks.find(variant.exercise)
    return run_exercise(exercise, make_lab_of(solves(exercise, variant), provider), lab.checks.example)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("lab", LABS, ids=name_of)
def test_the_reference_gets_everything(make_lab_of: MakeLabOf, lab: Judged, provider: str) -> None:
    result = run_lab(lab.checks, make_lab_of(lab.authored.solved(), provider), lab.checks.example)
    assert (result.points, result.max_points) == (20, 20), "\n".join(map(told, result.exercises))


@pytest.mark.parametrize("provider", OTHERS)
@pytest.mark.parametrize(
    ("lab", "variant"), [(lab, variant) for lab in LABS for variant in lab.right.rights], ids=name_of
)
def test_a_right_solution_gets_everything(
    make_lab_of: MakeLabOf, lab: Judged, variant: Variant, provider: str
) -> None:
    result = judge(make_lab_of, lab, variant, provider)
    assert result.points == result.max_points, told(result)
    assert result.passed, told(result)


@pytest.mark.parametrize(("lab", "variant", "provider"), WRONGS, ids=name_of)
def test_a_wrong_solution_gets_what_it_deserves(
    make_lab_of: MakeLabOf, lab: Judged, variant: Variant, provider: str
) -> None:
    result = judge(make_lab_of, lab, variant, provider)
    failed = {check.check for check in result.checks if check.status != "passed"}
    assert failed == set(variant.fails), told(result)
    assert result.points == variant.points, told(result)


@pytest.mark.parametrize("provider", OTHERS)
@pytest.mark.parametrize("name", CONTENT_FOR_TEXT)
def test_who_takes_content_for_text_gets_even_less_there(
    make_lab_of: MakeLabOf, name: str, provider: str
) -> None:
    ((lab, variant),) = (
        (lab, variant) for lab in LABS for variant in lab.wrong.wrongs if variant.name == name
    )
    result = judge(make_lab_of, lab, variant, provider)
    assert variant.points is not None
    assert result.points < variant.points, told(result)
    assert set(variant.fails) < {check.check for check in result.checks if check.status == "failed"}
