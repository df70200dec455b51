"""Where Python could not read the newest version of a function, the check says so."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from utils.notebook.unrun import MAX_CELL, newest_unrun

python_of = TransformerManager().transform_cell
GOOD = "def ask(agent):\n    return 1"
BAD = "def ask(agent):\nreturn 1"


def sentence(*cells: object, functions: tuple[str, ...] = ("ask",)) -> str:
    found = newest_unrun(cells, functions, python_of)
    return "" if found is None else found.sentence


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (BAD, "line 2 of the cell: IndentationError: expected an indented block"),
        ("import os\n\nasync def ask(:\n    pass", "line 3 of the cell: SyntaxError"),
        ("class ask\n    pass", "line 1 of the cell: SyntaxError"),
        ("ask = lambda agent return 1", "line 1 of the cell: SyntaxError"),
        ("%time x = 1\ndef ask(agent):\n    return (1", "SyntaxError: '(' was never closed"),
        ("def ask(agent):\n\tif 1:\n        return 1", "TabError"),
    ],
)
def test_the_error_of_the_newest_version_is_told_with_its_line(cell: str, words: str) -> None:
    told = sentence("", GOOD, cell, 'check("1.2")')
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
        pytest.param((GOOD, "%%time\ndef ask(agent):\n    return 1"), id="a cell magic"),
        pytest.param((GOOD, "async def ask(a):\n    pass\nawait ask(1)"), id="an await above all functions"),
        pytest.param((GOOD, None, 3, "def ask(:" + " " * MAX_CELL), id="nothing that can be looked at"),
        pytest.param((), id="nothing at all"),
    ],
)
def test_where_it_ran_nothing_is_said(cells: tuple[object, ...]) -> None:
    assert sentence(*cells) == ""


def test_of_two_functions_the_one_that_did_not_run_is_named() -> None:
    told = sentence("def show(:", GOOD, functions=("ask", "show"))
    assert "newest version of show" in told
