"""The table of a lab says for every exercise how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from utils.results import CheckResult, ExerciseResult, LabResult, Status
from utils.views.table import LabView, lab_html, lab_text
from utils.views.words import exercise_mark, number, score


def exercise(name: str, title: str, *checks: tuple[Status, float, float]) -> ExerciseResult:
    results = (CheckResult(name, str(i), "…", *check) for i, check in enumerate(checks))
    return ExerciseResult(name, title, tuple(results))


LAB = LabResult(
    "01_persistence",
    (
        exercise("1.1", "Build an agent", ("passed", 2, 2), ("passed", 2, 2)),
        exercise("1.2", "Ask a question", ("passed", 1, 1), ("failed", 0.5, 1)),
        exercise("1.3", "Open a saver", ("error", 0, 3)),
        exercise("1.4", "List the history", ("not run", 0, 3)),
    ),
)


def test_the_text_form_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    golden(lab_text(LAB), "table")


def test_html_names_rows_and_columns(read_html: Callable[[str], Any]) -> None:
    page = read_html(lab_html(LAB))
    assert page.labels == ["01_persistence: 5.5 of 12 points"]
    assert "caption" in page.seen
    assert lab_html(LAB).count('scope="col"') == 4
    assert lab_html(LAB).count('scope="row"') == 5
    assert [w for w in page.words if w in {"passed", "partly", "not yet", "not run"}] == [
        "passed",
        "partly",
        "not yet",
        "not run",
    ]


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ([("passed", 1, 1), ("not run", 0, 1)], "partly"),
        ([("failed", 0, 1), ("not run", 0, 1)], "not yet"),
        ([("not begun", 0, 1), ("not run", 0, 1)], "not begun"),
        ([("not begun", 0, 1), ("failed", 0, 1)], "not yet"),
        ([("not begun", 0, 1), ("passed", 1, 1)], "partly"),
        ([("crashed", 0, 1)], "not yet"),
        ([], "not run"),
    ],
)
def test_an_exercise_is_in_one_of_four_states(checks: list[tuple[Status, float, float]], word: str) -> None:
    assert exercise_mark(exercise("1.1", "…", *checks)).word == word


def test_hostile_titles_stay_text(hostile: str, read_html: Callable[[str], Any]) -> None:
    lab = LabResult(hostile, (exercise(hostile, hostile, ("passed", 1, 1)),))
    read_html(lab_html(lab))
    assert not {"\x1b", "\u202e", "\r"} & set(lab_text(lab))
    assert len(lab_text(lab).split("\n")) == 5


def test_a_lab_with_a_title_is_called_by_it(read_html: Callable[[str], Any]) -> None:
    lab = replace(LAB, title="Lab 1: Keep the conversation")
    assert lab_text(lab).startswith("Lab 1: Keep the conversation\n")
    assert read_html(lab_html(lab)).labels == ["Lab 1: Keep the conversation: 5.5 of 12 points"]


def test_a_lab_without_exercises_has_a_table() -> None:
    assert "Total" in repr(LabView(LabResult("empty", ())))


@pytest.mark.parametrize(
    ("points", "shown"), [(2.0, "2"), (1.5, "1.5"), (0.1 + 0.2, "0.3"), (0, "0"), (10, "10")]
)
def test_points_have_no_needless_fraction(points: float, shown: str) -> None:
    assert number(points) == shown


def test_one_point_is_a_point() -> None:
    assert score(1, 1, "point") == "1 of 1 point"
    assert score(0.5, 2, "point") == "0.5 of 2 points"
