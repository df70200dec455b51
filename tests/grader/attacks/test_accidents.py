"""What happens to honest notebooks costs nothing and accuses nobody."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.grader.attacks.accidents import ACCIDENTS, Accident
from tests.grader.attacks.classroom import Outcome

pytestmark = pytest.mark.jail

CELLS = ("cell-error", "cell-timeout", "memory")
"""losses of cells that no exercise is in; what is told of them must be true"""


@pytest.mark.parametrize(
    ("accident", "name"), [pytest.param(one, name, id=name) for one in ACCIDENTS for name in one.names]
)
def test_an_accident_costs_nothing_and_raises_no_flag(
    accident: Accident, name: str, outcomes: Mapping[str, Outcome]
) -> None:
    outcome = outcomes[accident.names[0]]
    assert outcome.points == accident.points, f"{name}:\n{outcome}"
    assert (outcome.result.status, outcome.result.flags) == ("graded", ()), f"{name}:\n{outcome}"
    assert {loss.kind for loss in outcome.result.losses} <= set(CELLS), f"{name}:\n{outcome}"
    assert not any(loss.exercise for loss in outcome.result.losses), f"{name}:\n{outcome}"
    assert accident.notes in " ".join(outcome.result.notes)
