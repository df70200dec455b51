"""Lab 1 grades what it says: right solutions get everything, wrong ones exactly what they deserve."""

from __future__ import annotations

import functools
import shutil
import sqlite3
from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.checkpoint.sqlite import SqliteSaver

from tests.utils.checks import persistence_right, persistence_wrong
from tests.utils.checks.authored import Authored, Player
from tests.utils.checks.every_lab import MakeLab, judge, told
from tests.utils.checks.variants import Variant
from utils.checks.persistence import LAB
from utils.checks.run import run_exercise
from utils.lab.parts import PARTS

RIGHTS = persistence_right.TABLE.rights
WRONGS = persistence_wrong.TABLE.wrongs
run = functools.partial(judge, LAB)


@pytest.mark.parametrize("number", ["1.2", "1.5", "1.6"])
def test_what_is_right_is_right_for_any_compiled_graph(
    make_lab: MakeLab, authored: Authored, number: str
) -> None:
    def prebuilt(model: Any, tools: Any, saver: Any = None) -> Any:
        return create_agent(model, tools, checkpointer=saver)

    lab = make_lab(authored.solved(), {**PARTS, "agent": prebuilt})
    result = run_exercise(LAB.find(number), lab, LAB.example)
    assert result.passed, told(result)


def uncompiled(model: Any, tools: Any, checkpointer: Any) -> Any:
    return persistence_right.commands_instead_of_edges(model, tools, checkpointer).builder


def the_whole_assistant(model: Any, tools: Any, checkpointer: Any) -> Any:
    return persistence_right.Assistant(model, tools, checkpointer)


def a_bare_saver(path: str) -> Any:
    return SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))


@pytest.mark.parametrize(
    ("number", "work", "said"),
    [
        ("1.1", uncompiled, "build_agent must return the compiled graph."),
        ("1.1", the_whole_assistant, "build_agent must return the compiled graph."),
        ("1.1", lambda *_: None, "build_agent must return the compiled graph."),
        ("1.2", lambda *_: None, "ask must return the text of the model's answer."),
        ("1.3", a_bare_saver, "open_saver must return a context manager that gives the saver."),
        ("1.3", lambda path: path, "open_saver must return a context manager that gives the saver."),
        ("1.4", lambda *_: "rows", "history must return a list of dicts."),
        ("1.4", lambda *_: [{"id": None}], "Every row needs all six keys."),
        (
            "1.5",
            lambda *_: None,
            "resume must return the text of the answer that the crashed run did not get to.",
        ),
        ("1.6", lambda *_: None, "The model must be sent the turns before"),
    ],
)
def test_what_has_not_the_form_asked_for_gets_nothing_and_a_sentence(
    make_lab: MakeLab, number: str, work: Any, said: str
) -> None:
    result = run(make_lab, Variant(number, work))
    assert result.points == 0, told(result)
    assert result.checks[0].message.startswith(said), told(result)
    assert {check.status for check in result.checks} == {"failed"}, told(result)


# The printed examples


@pytest.mark.parametrize("number", list(LAB.exercises))
def test_every_solution_right_or_wrong_satisfies_the_printed_example(
    authored: Authored, player: Player, number: str, subtests: pytest.Subtests
) -> None:
    function, example = LAB.find(number).function, authored.examples[number]
    assert example, f"the text of exercise {number} prints no example"
    for source in authored.exercises.values():
        player.cell(source)
    given = dict(player.names)
    variants = [v for v in [*RIGHTS, *WRONGS] if v.exercise == number and not v.unlike_the_example]
    for name, work in [("the reference", given[function]), *((v.name, v.work) for v in variants)]:
        player.names = {**given, function: player.awaited(work)}
        shutil.rmtree(given["kit"].workdir)
        given["kit"].workdir.mkdir()
        with subtests.test(msg=name):
            assert player.example(example) == []


def test_an_example_that_prints_something_else_is_noticed(player: Player) -> None:
    assert (
        player.example(
            ">>> 1 + 1\n2\n>>> None\n>>> int('x')\nTraceback (most recent call last):\n"
            "    ...\nValueError: invalid literal ...\n"
        )
        == []
    )
    assert len(player.example(">>> 1 + 1\n3\n>>> 1 / 0\n1\n")) == 2
