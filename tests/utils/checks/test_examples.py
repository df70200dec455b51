"""What a lab's text prints as an example is so, whoever solved the exercise, rightly or wrongly."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.utils.checks.authored import Authored, Player
from tests.utils.checks.every_lab import LABS, Judged, name_of
from tests.utils.checks.variants import solves
from utils.notebook import kit as kits

AWAITED = ("01_persistence",)
"""labs where a coroutine function is right as well, and no example has an await: it is awaited for them"""
MakePlayer = Callable[[Authored], Player]


@pytest.fixture
def make_player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePlayer]:
    """Makes a player that has run a notebook's given cells."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kits, "ENV_FILE", tmp_path / "none")
    loop = asyncio.new_event_loop()

    def make(authored: Authored) -> Player:
        player = Player({"display": lambda *_: None}, loop)
        for source in (*authored.given, authored.imports):
            player.cell(source)
        return player

    try:
        yield make
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        if kits._Current.kit is not None:
            kits._Current.kit.close()
            kits._Current.kit = None


@pytest.mark.parametrize(
    ("lab", "number"), [(lab, number) for lab in LABS for number in lab.checks.exercises], ids=name_of
)
def test_every_solution_right_or_wrong_satisfies_the_printed_example(
    make_player: MakePlayer, lab: Judged, number: str, subtests: pytest.Subtests
) -> None:
    exercise, example = lab.checks.find(number), lab.authored.examples[number]
    assert example, f"the text of exercise {number} prints no example"
    player = make_player(lab.authored)
    for source in lab.authored.exercises.values():
        player.cell(source)
    given = dict(player.names)
    tables = [*lab.right.rights, *lab.wrong.wrongs]
    variants = [v for v in tables if v.exercise == number and not v.unlike_the_example]
    reference = {name: given[name] for name in exercise.functions}
    for name, works in [("the reference", reference), *((v.name, solves(exercise, v)) for v in variants)]:
        if lab.notebook in AWAITED:
            works = {function: player.awaited(work) for function, work in works.items()}
        player.names = {**given, **works}
        shutil.rmtree(given["kit"].workdir)
        given["kit"].workdir.mkdir()
        with subtests.test(msg=name):
            assert player.example(example) == []


def test_an_example_that_prints_something_else_is_noticed(make_player: MakePlayer) -> None:
    player = make_player(LABS[0].authored)
    assert (
        player.example(
            ">>> 1 + 1\n2\n>>> None\n>>> int('x')\nTraceback (most recent call last):\n"
            "    ...\nValueError: invalid literal ...\n"
        )
        == []
    )
    assert len(player.example(">>> 1 + 1\n3\n>>> 1 / 0\n1\n")) == 2
