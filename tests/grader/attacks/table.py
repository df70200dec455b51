"""The notebooks that the attacks make, by name: ``kind: attack (place)``."""

from __future__ import annotations

from tests.grader.attacks.attacks import ALONE, AROUND, ATTACKS, FIRST, LAST, Attack
from tests.grader.attacks.classroom import Notebook, answered, first, last, lean, released, solved


def places() -> list[tuple[Attack, str]]:
    """Every attack with each place where it is put."""
    return [(attack, place) for attack in ATTACKS for place in attack.where]


def name_of(attack: Attack, place: str) -> str:
    return f"{attack.kind}: {attack.name} ({place})"


def notebooks() -> dict[str, Notebook]:
    """The notebook of each attack at each place."""
    untouched, right = lean(released()), lean(solved())
    return {name_of(attack, place): _made(attack, place, untouched, right) for attack, place in places()}


def _made(attack: Attack, place: str, untouched: Notebook, right: Notebook) -> Notebook:
    if place == ALONE:
        return first(answered(untouched, attack.answers), *attack.cells)
    notebook = right
    if place in (FIRST, AROUND):
        notebook = first(notebook, *attack.cells)
    if place in (LAST, AROUND):
        notebook = last(notebook, *attack.cells, *attack.answers.values())
    return notebook
