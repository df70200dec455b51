"""Lab 1 says what has not the form that is asked for."""

from __future__ import annotations

import functools
import sqlite3
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from tests.utils.checks import persistence_right
from tests.utils.checks.every_lab import MakeLab, judge, told
from tests.utils.checks.variants import Variant
from utils.checks.persistence.lab import LAB

run = functools.partial(judge, LAB)


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
        ("1.2", lambda *_: None, "ask did not ask the model anything."),
        ("1.3", a_bare_saver, "open_saver must return a context manager that gives the saver."),
        ("1.3", lambda path: path, "open_saver must return a context manager that gives the saver."),
        ("1.5", lambda *_: "rows", "history must return a list of dicts."),
        ("1.5", lambda *_: [{"id": None}], "Every row needs all six keys."),
        (
            "1.4",
            lambda *_: None,
            "resume took the run for finished, but its last message is no answer yet.",
        ),
        ("1.6", lambda *_: None, "The new question must be the one that the model is asked."),
    ],
)
def test_what_has_not_the_form_asked_for_gets_nothing_and_a_sentence(
    make_lab: MakeLab, number: str, work: Any, said: str
) -> None:
    result = run(make_lab, Variant(number, work))
    assert result.points == 0, told(result)
    assert result.checks[0].message.startswith(said), told(result)
    assert {check.status for check in result.checks} == {"failed"}, told(result)
