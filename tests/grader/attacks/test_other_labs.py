"""What labs 2 to 4 are judged by cannot be feigned unseen, and holds up nobody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

import pytest

from tests.grader.attacks.classroom import FULL, LONGEST, Classroom, Outcome
from tests.grader.attacks.other_labs import LAB_ATTACKS, LabAttack
from utils.checks.run import MOST_LETTERS

pytestmark = pytest.mark.jail


@pytest.fixture(scope="session")
def other_outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    """What came of every attack, by its lab and its name."""
    if shutil.which("bwrap") is None:
        why = "bubblewrap is not installed: apt install bubblewrap"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    outcomes: dict[str, Outcome] = {}
    for lab in dict.fromkeys(attack.lab for attack in LAB_ATTACKS):
        room = Classroom(tmp_path_factory.mktemp(lab), lab)
        judged = room.judge({key(attack): attack.notebook for attack in LAB_ATTACKS if attack.lab == lab})
        outcomes |= {name: outcome for name, outcome in judged.items() if not name.startswith("honest ")}
    return outcomes


def key(attack: LabAttack) -> str:
    return f"{attack.lab}: {attack.name}"


@pytest.mark.parametrize("attack", LAB_ATTACKS, ids=key)
def test_an_attack_on_another_lab_earns_nothing_and_costs_nobody_else(
    attack: LabAttack, other_outcomes: Mapping[str, Outcome]
) -> None:
    outcome = other_outcomes[key(attack)]
    if attack.answers:
        assert outcome.points <= attack.earns, f"it earned what it has not done:\n{outcome}"
    else:
        assert outcome.points == FULL or outcome.flagged, f"points are lost and nothing says why:\n{outcome}"
    assert outcome.flagged or not attack.seen, f"nobody would look at it:\n{outcome}"
    assert outcome.seconds < LONGEST, f"it held up the others:\n{outcome}"
    assert all(
        len(check.returned) <= MOST_LETTERS + 1 for e in outcome.result.exercises for check in e.checks
    )
    assert outcome.next_honest, "no honest one came after it"
    for result in outcome.next_honest:
        assert sum(exercise.points for exercise in result.exercises) == FULL
        assert (result.status, result.flags, result.losses) == ("graded", (), ())
