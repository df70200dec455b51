"""Each rule of the house: what breaks it is told in a sentence with the cell and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from grader import cli
from grader.errors import Problem
from grader.grading import command
from grader.release.notebook import Cell, Notebook
from grader.release.rules import FEWEST_WORDS, MOST_CELLS, MOST_WORDS, RULES, Page, broken_rules
from utils.checks.registry import load_checks

LAB = "01_persistence"
HOME = "/home/"


@pytest.fixture
def page(real_course) -> Page:
    """The first lab, which keeps all rules."""
    return Page(LAB, real_course.solution(LAB), load_checks("persistence"), real_course.root)


def changed(page: Page, change: Callable[[Cell], Cell]) -> Page:
    """Return the page with each cell changed."""
    return replace(page, solution=replace(page.solution, cells=tuple(map(change, page.solution.cells))))


def edited(page: Page, name: str, old: str, new: str) -> Page:
    """Return the page with a text replaced in one cell."""

    def change(cell: Cell) -> Cell:
        if cell.id != name:
            return cell
        assert old in cell.source
        return replace(cell, source=cell.source.replace(old, new))

    return changed(page, change)


def added(page: Page, name: str, text: str) -> Page:
    """Return the page with a text behind one cell's."""
    return changed(page, lambda cell: replace(cell, source=cell.source + text) if cell.id == name else cell)


def given(page: Page, name: str, **values: object) -> Page:
    """Return the page with fields of one cell replaced."""
    return changed(page, lambda cell: replace(cell, **values) if cell.id == name else cell)  # type: ignore[arg-type]


def told(page: Page) -> str:
    return "\n".join(map(str, broken_rules(page)))


BREAKS = {
    "an id of capital letters": (
        lambda page: given(page, "debug", id="Debug_1"),
        "cell Debug_1: the cell's id 'Debug_1' cannot be read out. Give it one of small letters",
        "readable-ids",
    ),
    "two titles": (
        lambda page: edited(page, "look-back", "## Look back", "# Look back"),
        "solutions/01_persistence.ipynb: the notebook has 2 titles, or another heading before its title.",
        "headings",
    ),
    "a level left out": (
        lambda page: edited(page, "look-back", "## Look back", "## Look\n\n#### Back"),
        "a heading '##' is followed by '####'. Write '###'",
        "headings",
    ),
    "too few aims": (
        lambda page: edited(
            edited(edited(page, "title", "3. ", "- "), "title", "4. ", "- "), "title", "5. ", "- "
        ),
        "cell title: it tells 2 aims. Write 'You will be able to' and 3 to 5 lines",
        "beginning",
    ),
    "no time": (
        lambda page: edited(page, "title", "**Time**", "Time"),
        "cell title: it does not say how long the lab takes. Write '**Time** 20–30 minutes'.",
        "beginning",
    ),
    "no needs": (
        lambda page: edited(page, "title", "**You need**", "You know"),
        "cell title: it does not say what students need.",
        "beginning",
    ),
    "another number of points": (
        lambda page: edited(page, "title", "one answer | 2 |", "one answer | 3 |"),
        "cell title: its table has no such row for exercise 1.2. Write the row '| 1.2 | `ask`: … | 2 |'",
        "table-of-points",
    ),
    "another sum of points": (
        lambda page: edited(page, "title", "(20 points)", "(21 points)"),
        "cell title: it does not say that the lab has 20 points. Write '**Graded** (20 points):'",
        "table-of-points",
    ),
    "a row for nothing": (
        lambda page: edited(page, "title", "| 1.2 | `ask`", "| 1.7 | `more`: more | 2 |\n| 1.2 | `ask`"),
        "cell title: its table says '1.7 | `more` | 2', which the checks do not declare. Correct the row",
        "table-of-points",
    ),
    "a task with another id": (
        lambda page: given(page, "task-1-2", id="todo-1-2"),
        "ids one below the other: task-1-2, ex-1-2, check-1-2.",
        "exercises",
    ),
    "an answer with two tags": (
        lambda page: given(page, "ex-1-2", metadata={"tags": ["exercise:1.2", "given"]}),
        "cell ex-1-2: its tags are ['exercise:1.2', 'given']. Give it the one tag 'exercise:1.2'.",
        "exercises",
    ),
    "a check of another exercise": (
        lambda page: edited(page, "check-1-2", "1.2", "1.3"),
        'cell check-1-2: it does more, or less, than to check. Write check("1.2").',
        "exercises",
    ),
    "a hint of another kind": (
        lambda page: edited(page, "task-1-2", "<summary>Hint 2: the call", "<summary>Hint 2: the answer"),
        "cell task-1-2: its folded hints are ['Hint 1: the idea', 'Hint 2: the answer', 'Hint 3: a skeleton",
        "exercises",
    ),
    "a sentence that no check asks for": (
        lambda page: added(page, "task-1-2", "\n\nThe answer is a poem."),
        "cell task-1-2: nobody says which check asks for 'The answer is a poem.'. Quote it in utils/checks/",
        "requirements",
    ),
    "a sentence that is quoted and gone": (
        lambda page: given(page, "task-1-2", source="### Exercise 1.2: ask (2 points)"),
        "cell task-1-2: it does not say '",
        "requirements",
    ),
    "no example": (
        lambda page: edited(page, "task-1-2", ">>> agent", "agent"),
        "cell task-1-2: it shows no example. Show a call and what comes back",
        "exercises",
    ),
    "an installation": (
        lambda page: edited(page, "debug", "question", "%pip install x\nquestion"),
        "cell debug: it has '%pip'. Take it out: a lab needs nothing but its own cells",
        "own-cells",
    ),
    "a picture from elsewhere": (
        lambda page: edited(page, "look-back", "- A node", "![x](https://x.example/x.png)\n- A node"),
        "cell look-back: it has '!['. Take it out: a lab works without a network",
        "nothing-remote",
    ),
    "no word on a file that hides the kit": (
        lambda page: edited(page, "setup-text", "cannot import name", "fails with"),
        "hides the kit ('cannot import name', 'rename'). Copy the folded text",
        "hidden-kit",
    ),
    "too many words": (
        lambda page: edited(page, "look-back", "- A node", f"{'word ' * 100}\n- A node"),
        " words, and a lab with 6 exercises has 900 to 1600. Write more, or less",
        "length",
    ),
    "no cell to hand in with": (
        lambda page: edited(page, "hand-in", "hand_in()", "# hand_in()"),
        "cell hand-in: students find no cell to hand in with. Let the last code cell have the id 'hand-in'",
        "handing-in",
    ),
    "too many cells": (
        lambda page: replace(
            page, solution=Notebook((*page.solution.cells, *(Cell(f"c{n}", "code", "1") for n in range(9))))
        ),
        " code cells, and a lab with 6 exercises has 20 to 35.",
        "length",
    ),
    "many outputs that vary": (
        lambda page: changed(
            page, lambda cell: replace(cell, source=f"# NBVAL_IGNORE_OUTPUT\n# It varies.\n{cell.source}")
        ),
        "the outputs of 37 of 37 code cells are not compared. Let at most one in 5 vary",
        "ignored-outputs",
    ),
    "an output that varies for no reason": (
        lambda page: edited(page, "debug", "question =", "# NBVAL_IGNORE_OUTPUT\nquestion ="),
        "cell debug: it does not say why its output varies. Begin the cell with the line",
        "ignored-outputs",
    ),
    "states of widgets": (
        lambda page: replace(page, solution=replace(page.solution, metadata={"widgets": {}})),
        "the states of widgets are stored in it. Run make outputs LAB=01_persistence.",
        "stored-outputs",
    ),
    "times of a run": (
        lambda page: given(page, "debug", metadata={"execution": {}}),
        "cell debug: the times of a run are stored in it.",
        "stored-outputs",
    ),
    "an error": (
        lambda page: given(page, "debug", outputs=({"output_type": "error"},)),
        "cell debug: its stored output is an error. Mend the cell. Run make outputs",
        "stored-outputs",
    ),
    "a path": (
        lambda page: given(page, "debug", outputs=({"output_type": "stream", "text": f"{HOME}ada"},)),
        "cell debug: its output holds '/home/', a place on one machine.",
        "stored-outputs",
    ),
}


@pytest.mark.parametrize(("change", "sentence", "rule"), BREAKS.values(), ids=BREAKS)
def test_what_breaks_a_rule_is_told(page, change, sentence, rule):
    said = told(change(page))
    assert sentence in said
    assert f"(rule: {rule})" in said


def test_a_lab_that_keeps_the_rules_is_told_nothing(page):
    assert broken_rules(page) == []


def test_points_that_do_not_add_up_are_told(page):
    exercise = replace(page.checks.exercises["1.2"], points=5)
    checks = replace(page.checks, exercises={**page.checks.exercises, "1.2": exercise})
    assert "exercise 1.2 has 5 points, but its checks have 2. Change LAB.exercise(…, points=…)" in told(
        replace(page, checks=checks)
    )


def test_missing_files_are_told(page, tmp_path):
    said = told(replace(page, root=tmp_path))
    assert "its file labs/01_persistence.ipynb is missing. Run make release. (rule: files)" in said
    assert "its file utils/checks/persistence/conversations.yaml is missing. Write what the" in said
    assert "its file docs/instructors/01_persistence.md is missing. Write the notes" in said


def test_an_empty_notebook_is_told_of_and_nothing_fails(page):
    said = told(replace(page, solution=Notebook(())))
    assert "the notebook has 0 titles" in said
    assert "its text has 0 words" in said


def test_limits_grow_with_the_number_of_exercises_and_end_where_a_lesson_ends():
    assert [FEWEST_WORDS.of(number) for number in (1, 2, 6, 9)] == [150, 300, 900, 900]
    assert [MOST_WORDS.of(number) for number in (1, 5, 6)] == [640, 1600, 1600]
    assert [MOST_CELLS.of(number) for number in (1, 5, 9)] == [15, 35, 35]


def test_every_rule_is_broken_by_some_test():
    tested = {rule for _, _, rule in BREAKS.values()} | {"points-add-up", "files"}
    assert tested == set(RULES)


def test_validate_tells_authors_which_rules_are_broken(page, monkeypatch):
    """The rules come first; that nothing is graded here keeps the test short."""
    monkeypatch.setattr(command, "validate", lambda *given: iter(()))
    monkeypatch.setattr(
        command, "broken_rules", lambda page: broken_rules(edited(page, "title", "**Time**", "T"))
    )
    result = CliRunner().invoke(cli.app, ["validate", "--lab", LAB])
    assert result.exit_code == 1
    assert result.stdout.startswith("solutions/01_persistence.ipynb, cell title: it does not say how long")
    assert "1 rule of the house is broken" in result.stderr
    monkeypatch.setattr(command, "broken_rules", broken_rules)
    assert CliRunner().invoke(cli.app, ["validate", "--lab", LAB]).exit_code == 0


def test_validate_tells_authors_what_a_release_would_refuse(monkeypatch):
    stale = Problem("labs/01_persistence.ipynb", "ask", "is not what the solution says", "Run make release")
    monkeypatch.setattr(command, "validate", lambda *given: iter(()))
    monkeypatch.setattr(command, "broken_rules", lambda page: [])
    monkeypatch.setattr(command, "check_lab", lambda course, lab: [stale])
    result = CliRunner().invoke(cli.app, ["validate", "--lab", LAB])
    assert result.exit_code == 1
    assert result.stdout == f"{stale} (refused by: release)\n"
    assert "release --check says the same" in result.stderr
