"""Code that was written to keep the grader busy costs it no more than code that was written to learn.

What is counted is work: calls of functions. Where a function's own time grows with its text, it is a regular
expression, and `tests.test_regular_expressions` looks at those.
"""

from __future__ import annotations

import cProfile
import warnings
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from grader.grading.flags import scan
from grader.grading.judge import _exercise_of
from grader.grading.scan import tables
from grader.grading.scan.source import LONGEST as LONGEST_CELL
from grader.jail.demos import left_out
from grader.jail.job import Cell, Spare
from grader.jail.names import defined
from grader.release.notebook import read
from grader.submissions.submission import CodeCell
from tests.grader.grading.flag_snippets import BOMBS
from tests.grader.grading.judged import LAB, spec

ROOT = Path(__file__).resolve().parents[3]
TIMES = 40
"""how much more work a letter of hostile code may be than one of a lab"""
ONCE = 10_000
"""calls that there may be whatever the text is"""

Work = Callable[[str], Any]


def calls(work: Work, source: str) -> int:
    """How many calls of functions some work takes."""
    profile = cProfile.Profile(builtins=False)
    with warnings.catch_warnings():  # of backslashes in strings, say
        warnings.simplefilter("ignore")
        profile.enable()
        try:
            work(source)
        finally:
            profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def scanned(source: str) -> Any:
    found = scan([CodeCell(1, None, source)])
    assert len(found) <= len(tables.KINDS)


CHECKS = spec(LAB).checks


def attributed(source: str) -> Any:
    return _exercise_of(CodeCell(1, None, source), CHECKS)


def needed(source: str) -> Any:
    shown = Cell("b", "b")
    return left_out([Cell("a", source), shown], Spare(demo=frozenset({shown.hash}), given=frozenset()), str)


WORK: dict[str, Work] = {"scan": scanned, "exercise": attributed, "names": defined, "demos": needed}


@cache
def honest(name: str) -> float:
    """How many calls a letter of a lab takes."""
    cells = read(ROOT / "solutions" / "01_persistence.ipynb", "a").cells
    sources = [cell.source for cell in cells if cell.kind == "code"]
    return sum(calls(WORK[name], source) for source in sources) / sum(map(len, sources))


def shortened(source: str) -> str:
    """The first lines of many that are alike; a line is whole, however long it is."""
    lines = source[:200_000].splitlines(keepends=True)
    whole = [line for line, end in zip(lines, accumulate(map(len, lines)), strict=True) if end <= 24_000]
    return "".join(whole or lines)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_little_work(bomb: str) -> None:
    source = shortened(BOMBS[bomb])
    for name, work in WORK.items():
        most = TIMES * honest(name) * min(len(source), LONGEST_CELL if name == "scan" else len(source))
        assert calls(work, source) <= most + ONCE, name
