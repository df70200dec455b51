"""Every lab gives the same points on every provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.utils.checks.conftest import MakeLabOf
from tests.utils.checks.every_lab import LABS, Judged, name_of, told
from tests.utils.checks.variants import Variant, solves
from utils.checks.run import run_exercise, run_lab
from utils.providers import PROVIDERS
from utils.results import ExerciseResult

OTHERS = [name for name in PROVIDERS if name != "openai"]
CONTENT_FOR_TEXT = (
    "1.1 empty content means a tool call",
    "2.1 content instead of the text",
    "2.1 kind by a providers own word",
    "2.2 content instead of text",
    "2.2 content only where it is a string",
    "3.1 a word beside a call means the end",
)
"""with the others content is a list of blocks, and words of OpenAI's have other names: more fails there"""
NEEDS_AN_ASYNC_CLIENT = ("must be given up", "hidden in a thread pool")
"""what is said of threads; AWS has no such client, so every call of its models is made in one"""


def providers_for(variant: Variant) -> list[str]:
    """The other providers on which a wrong solution fails the same checks as on OpenAI."""
    if variant.name in CONTENT_FOR_TEXT:
        return []
    if any(part in said for said in variant.fails.values() for part in NEEDS_AN_ASYNC_CLIENT):
        return ["anthropic"]
    return OTHERS


# Each commit tries the solutions of the notebook on each provider, and one wrong one of each exercise; what
# tells the providers apart is also what tests of the wires are about. At night the others have their turn.
RIGHTS = [
    pytest.param(lab, variant, provider, marks=pytest.mark.nightly)
    for lab in LABS
    for variant in lab.right.rights
    for provider in OTHERS
]


def wrongs() -> Iterator[Any]:
    """So many wrong ones that each check is failed by one, on each provider that fits."""
    tried: set[tuple[str, str]] = set()
    for lab in LABS:
        for variant in lab.wrong.one_for_each_check:
            for provider in providers_for(variant):
                marks = pytest.mark.nightly if (variant.exercise, provider) in tried else ()
                tried.add((variant.exercise, provider))
                yield pytest.param(lab, variant, provider, marks=marks)


def judge(make_lab_of: MakeLabOf, lab: Judged, variant: Variant, provider: str) -> ExerciseResult:
    exercise = lab.checks.find(variant.exercise)
    return run_exercise(exercise, make_lab_of(solves(exercise, variant), provider), lab.checks.example)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("lab", LABS, ids=name_of)
def test_the_reference_gets_everything(make_lab_of: MakeLabOf, lab: Judged, provider: str) -> None:
    result = run_lab(lab.checks, make_lab_of(lab.authored.solved(), provider), lab.checks.example)
    assert (result.points, result.max_points) == (lab.points, lab.points), "\n".join(
        map(told, result.exercises)
    )


@pytest.mark.parametrize(("lab", "variant", "provider"), RIGHTS, ids=name_of)
def test_a_right_solution_gets_everything(
    make_lab_of: MakeLabOf, lab: Judged, variant: Variant, provider: str
) -> None:
    result = judge(make_lab_of, lab, variant, provider)
    assert result.points == result.max_points, told(result)
    assert result.passed, told(result)


@pytest.mark.parametrize(("lab", "variant", "provider"), list(wrongs()), ids=name_of)
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
