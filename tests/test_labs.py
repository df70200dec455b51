"""What every lab's notebook looks like, so that students find their way in the next one."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from grader.release.course import Course
from grader.release.rules import Page, broken_rules
from tests.notebook_runs import NOTEBOOKS, ROOT, SOLUTIONS
from utils.checks.registry import load_checks, slug_of

LABS = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def test_there_is_a_lab():
    assert SOLUTIONS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_a_valid_notebook(path: Path):
    nbformat.validate(nbformat.read(path, as_version=4))


@LABS
def test_it_keeps_the_rules_of_the_house(path: Path):
    page = Page(path.stem, Course(ROOT).solution(path.stem), load_checks(slug_of(path.stem)), ROOT)
    broken = broken_rules(page)
    assert not broken, "\n".join(map(str, broken))
