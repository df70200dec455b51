"""Hostile notebooks earn what their code earns, are seen, and harm neither the machine nor the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.grader.attacks.attacks import ALONE, ATTACKS, PROBES, Attack
from tests.grader.attacks.classroom import FULL, LONGEST, Host, Outcome
from tests.grader.attacks.table import name_of, places

pytestmark = pytest.mark.jail

PLACES = [pytest.param(attack, place, id=name_of(attack, place)) for attack, place in places()]
LOOKS = "peek: everything within reach, and the network, and ways out (alone)"
NEXT = "peek: the same again, in the next one's place (alone)"
PROBED = [
    line[4:-3]
    for cell in PROBES
    for line in cell.splitlines()
    if line.startswith("def ") and line.endswith("():")
]
MIB = 2**20


def test_all_kinds_of_attacks_are_tried() -> None:
    kinds = {attack.kind for attack in ATTACKS}
    assert kinds == {"stall", "bomb", "peek", "escape", "forge", "harness", "lie", "traffic", "file"}
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize(("attack", "place"), PLACES)
def test_an_attack_earns_nothing_and_costs_nobody_else(
    attack: Attack, place: str, outcomes: Mapping[str, Outcome]
) -> None:
    outcome = outcomes[name_of(attack, place)]
    if place == ALONE:
        assert outcome.points <= attack.earns, f"it earned what it has not done:\n{outcome}"
    elif place in attack.costs:
        assert outcome.points == FULL or outcome.flagged, f"points are lost and nothing says why:\n{outcome}"
    else:
        assert outcome.points in (0.0, FULL), f"a right solution lost points:\n{outcome}"
        assert outcome.points == FULL or outcome.result.status != "graded", f"lost without a word:\n{outcome}"
    assert outcome.flagged or not attack.seen, f"nobody would look at it:\n{outcome}"
    assert outcome.seconds < LONGEST, f"it held up the others:\n{outcome}"
    assert outcome.next_honest, "no honest one came after it"
    for result in outcome.next_honest:
        assert sum(exercise.points for exercise in result.exercises) == FULL
        assert (result.status, result.flags, result.losses) == ("graded", (), ())


@pytest.mark.parametrize("probe", PROBED)
@pytest.mark.parametrize("name", [LOOKS, NEXT], ids=["first", "in the next one's place"])
def test_nothing_within_reach_is_anybody_elses(
    probe: str, name: str, outcomes: Mapping[str, Outcome]
) -> None:
    assert report(outcomes[name])[probe].startswith("refused"), report(outcomes[name])[probe]


@pytest.mark.parametrize("name", [LOOKS, NEXT], ids=["first", "in the next one's place"])
def test_nothing_that_a_check_expects_is_in_the_memory_that_it_asks(
    name: str, outcomes: Mapping[str, Outcome]
) -> None:
    outcome = outcomes[name]
    found = report(outcome)["memory"]
    assert outcome.case.word not in found
    assert not {city.name for city in outcome.case.cities} & set(found)


def test_nothing_of_an_attack_goes_on_and_no_memory_is_gone(host: Host) -> None:
    assert host.processes == ()
    assert host.memory < 1024 * MIB


def test_every_process_starts_whatever_runs_beside_it(host: Host) -> None:
    assert host.notes == ()


def test_nothing_is_written_outside(host: Host) -> None:
    assert host.written == ()


def report(outcome: Outcome) -> dict[str, str]:
    """What a submission that looks around has found, as it came out of the jail."""
    answers = [answer["value"] for answer in outcome.told["ask"] if "value" in answer]
    return json.loads(answers[0])
