"""Lab 1 gives the same points on every provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.utils.checks import persistence_right, persistence_wrong
from tests.utils.checks.authored import Authored
from tests.utils.checks.variants import Variant
from utils.checks.persistence import LAB
from utils.checks.results import ExerciseResult
from utils.checks.run import run_exercise, run_lab
from utils.lab.lab import Lab
from utils.providers import PROVIDERS
from utils.replay.server import ReplayServer
from utils.surroundings import NotebookSurroundings

OTHERS = [name for name in PROVIDERS if name != "openai"]
ALWAYS_WRONG_THERE = "1.1 empty content means a tool call"
"""there a call is a block of the content: what fails beside a sentence elsewhere fails always"""
WRONGS = [variant for variant in persistence_wrong.TABLE.wrongs if variant.name != ALWAYS_WRONG_THERE]
MakeLab = Callable[[Mapping[str, Any], str], Lab]


@pytest.fixture
def make_lab(recorded_server: ReplayServer, make_transport: Callable[..., Any], tmp_path: Path) -> MakeLab:
    """Makes a lab whose models are one provider's."""

    def make(namespace: Mapping[str, Any], provider: str) -> Lab:
        surroundings = NotebookSurroundings(recorded_server, tmp_path / "checks")
        return Lab(make_transport(namespace), surroundings, provider)

    return make


def told(result: ExerciseResult) -> str:
    return "\n".join(
        f"{check.check}: {check.status} {check.points:g} | {check.message} | {check.returned} {check.detail}"
        for check in result.checks
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_reference_gets_everything(make_lab: MakeLab, authored: Authored, provider: str) -> None:
    result = run_lab(LAB, make_lab(authored.solved(), provider), LAB.example)
    assert (result.points, result.max_points) == (20, 20), "\n".join(map(told, result.exercises))


@pytest.mark.parametrize("provider", OTHERS)
@pytest.mark.parametrize("variant", persistence_right.TABLE.rights, ids=lambda variant: variant.name)
def test_a_right_solution_gets_everything(make_lab: MakeLab, variant: Variant, provider: str) -> None:
    exercise = LAB.find(variant.exercise)
    result = run_exercise(exercise, make_lab({exercise.function: variant.work}, provider), LAB.example)
    assert result.points == result.max_points, told(result)


# Each on one of the others: what tells them apart shows in the tests above, and in half of these.
@pytest.mark.parametrize(
    ("variant", "provider"),
    [
        pytest.param(wrong, name, id=f"{wrong.name}-{name}")
        for wrong, name in zip(WRONGS, cycle(OTHERS), strict=False)
    ],
)
def test_a_wrong_solution_gets_what_it_deserves(make_lab: MakeLab, variant: Variant, provider: str) -> None:
    exercise = LAB.find(variant.exercise)
    result = run_exercise(exercise, make_lab({exercise.function: variant.work}, provider), LAB.example)
    failed = {check.check for check in result.checks if check.status != "passed"}
    assert failed == set(variant.fails), told(result)
    assert result.points == variant.points, told(result)


@pytest.mark.parametrize("provider", OTHERS)
def test_a_call_is_never_empty_content_there(make_lab: MakeLab, provider: str) -> None:
    (variant,) = (found for found in persistence_wrong.TABLE.wrongs if found.name == ALWAYS_WRONG_THERE)
    exercise = LAB.find(variant.exercise)
    result = run_exercise(exercise, make_lab({exercise.function: variant.work}, provider), LAB.example)
    assert result.points == 0, told(result)
    assert set(variant.fails) < {check.check for check in result.checks if check.status == "failed"}
