"""Where the newest version of a function did not run, the check says so, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from utils.notebook.runs import MOST_RUNS, Run, runs_of, watch_runs
from utils.notebook.saved import Saved
from utils.notebook.unrun import MAX_CELL, newest_unrun

GOOD = "def ask(agent):\n    return 1"
BAD = "def ask(agent):\nreturn 1"


@pytest.fixture
def ip() -> Iterator[Any]:
    shell = InteractiveShell()
    watch_runs(shell)
    yield shell
    shell.history_manager.end_session()


def ran(ip: Any, *cells: str) -> tuple[Run, ...]:
    for cell in cells:
        ip.run_cell(cell, store_history=True)
    return tuple(runs_of(ip))


def sentence(runs: tuple[Run, ...], saved: Saved | None = None, functions: tuple[str, ...] = ("ask",)) -> str:
    found = newest_unrun(runs, functions, saved)
    return "" if found is None else found.sentence


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (BAD, "line 2 of the cell: IndentationError: expected an indented block"),
        ("import os\n\nasync def ask(:\n    pass", "line 3 of the cell: SyntaxError"),
        ("class ask\n    pass", "line 1 of the cell: SyntaxError"),
        ("ask = lambda agent return 1", "line 1 of the cell: SyntaxError"),
        ("%time x = 1\ndef ask(agent):\n    return (1", "SyntaxError: incomplete input"),
        ("def ask(agent):\n\tif 1:\n        return 1", "TabError"),
        ("import no_such_module\n" + GOOD, "before it, in line 1: ModuleNotFoundError: No module named"),
        ("print(1)\nnowhere\n" + GOOD, "before it, in line 2: NameError: name 'nowhere'"),
        ("@nowhere\n" + GOOD, "before it, in line 1: NameError"),
        ("def ask(agent, limit=nowhere):\n    return 1", "before it, in line 1: NameError"),
        ("import json\njson.loads('{')\n" + GOOD, "before it, in line 2: JSONDecodeError"),
        ("raise ValueError\n" + GOOD, "before it, in line 1: ValueError"),
        ("await nowhere()\n" + GOOD, "before it, in line 1: NameError"),
    ],
)
def test_the_error_of_the_newest_version_is_told_with_its_line(ip: Any, cell: str, words: str) -> None:
    told = sentence(ran(ip, "", GOOD, cell, "1 + 1"))
    assert "Your newest version of ask did not run, so the version before it was checked." in told
    assert words in told


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param((GOOD,), id="it ran"),
        pytest.param((BAD, GOOD), id="it was mended"),
        pytest.param((GOOD, "def other(:"), id="another function's"),
        pytest.param((GOOD, "ask(1"), id="only a call"),
        pytest.param((GOOD, "def task(:"), id="a longer name"),
        pytest.param((GOOD + "\nask(1, 2)",), id="an error behind it"),
        pytest.param((GOOD + "\nnowhere",), id="another error behind it"),
        pytest.param(("async def ask(a):\n    pass\nawait ask(1)",), id="an await above all functions"),
        pytest.param((GOOD, "def ask(:" + " " * MAX_CELL), id="more than is looked at"),
        pytest.param((), id="nothing at all"),
    ],
)
def test_where_it_ran_nothing_is_said(ip: Any, cells: tuple[str, ...]) -> None:
    assert sentence(ran(ip, *cells)) == ""


def test_of_two_functions_the_one_that_did_not_run_is_named(ip: Any) -> None:
    assert "newest version of show" in sentence(ran(ip, "def show(:", GOOD), functions=("ask", "show"))


OLD, NEW = Run(GOOD, ended=100.0), "def ask(agent):\n    return 2"


@pytest.mark.parametrize(
    ("runs", "saved_at", "sources", "told"),
    [
        pytest.param((OLD,), 200.0, (NEW,), True, id="edited, saved, and not run"),
        pytest.param((OLD, Run("1", 300.0)), 200.0, ("x", NEW), True, id="something else ran since"),
        pytest.param((OLD,), 50.0, (NEW,), False, id="run, and not saved since"),
        pytest.param((OLD,), 200.0, (GOOD,), False, id="saved as it ran"),
        pytest.param(
            (OLD,), 200.0, ("def ask(agent):  \n    return 1\n\n",), False, id="blanks at line ends"
        ),
        pytest.param((OLD,), 200.0, (GOOD, NEW), False, id="two versions in the file"),
        pytest.param((Run(NEW, 50.0), OLD), 200.0, (NEW,), False, id="a version that ran earlier"),
        pytest.param((OLD,), 200.0, ("1 + 1",), False, id="no such function in the file"),
        pytest.param((Run("1 + 1", 100.0),), 200.0, (NEW,), False, id="no such function has run"),
    ],
)
def test_a_version_that_was_saved_and_not_run_is_told(
    runs: tuple[Run, ...], saved_at: float, sources: tuple[str, ...], told: bool
) -> None:
    said = sentence(runs, Saved(Path("x.ipynb"), saved_at, "01_persistence", sources))
    assert ("The notebook was saved with it at " in said) is told
    assert bool(said) is told


def test_only_the_newest_runs_are_remembered(ip: Any) -> None:
    runs = ran(ip, *map(str, range(MOST_RUNS + 3)))
    assert (len(runs), runs[0].source) == (MOST_RUNS, "3")


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def test_an_error_that_cannot_be_told_is_its_name(ip: Any) -> None:
    cell = SimpleNamespace(raw_cell="raise Odd\n" + GOOD)
    ip.events.trigger(
        "post_run_cell", SimpleNamespace(info=cell, error_before_exec=None, error_in_exec=Odd())
    )
    assert [run.error for run in runs_of(ip)] == ["Odd"]


def test_a_shell_that_nobody_watches_has_run_nothing() -> None:
    assert runs_of(None) == ()
