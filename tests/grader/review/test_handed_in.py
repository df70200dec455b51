"""Cells are read from the hand-in by tag or by what they define; nothing of them is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from grader.results.adjustments import WHOLE_LAB
from grader.results.result import Flag, Loss
from grader.review.handed_in import functions_of, handed_in
from tests.grader.results.made import LAB, result
from tests.grader.review.rooms import CELL, HELPER, hand_in, notebook, one

ADA = one("ada", result("ada"))


def sources(folder: Path, made=ADA, exercise: str = "1.2") -> list[str]:
    return [cell.source for cell in handed_in(folder, made, exercise).own]


def test_a_cell_that_defines_what_the_exercise_asks_for_is_its_own(tmp_path: Path) -> None:
    found = handed_in(hand_in(tmp_path, "ada"), ADA, "1.2")
    assert [cell.source for cell in found.own] == [CELL]
    assert [cell.source for cell in found.others] == [HELPER, "print(2)"]
    assert found.problem == ""


@pytest.mark.parametrize(
    "source",
    [
        "async def ask(a):\n  ...",
        "x = 1\ndef ask(): ...",
        "ask = partial(other)",
        "class ask:\n  ...",
        "ask: Any = f",
    ],
)
def test_it_is_found_however_it_is_defined(tmp_path: Path, source: str) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / f"{LAB}.ipynb").write_bytes(notebook("asked = 1", source, "  def ask(): ..."))
    assert sources(tmp_path) == [source]


def test_a_tag_is_enough_also_where_the_code_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    path = tmp_path / "ada" / f"{LAB}.ipynb"
    path.write_bytes(notebook("((((" * 9_000, tags=[["exercise:1.2"]]))
    assert sources(tmp_path) == ["((((" * 9_000]


def test_for_the_whole_lab_the_cells_that_flags_and_losses_are_about_are_shown(tmp_path: Path) -> None:
    flagged = replace(
        ADA, flags=(Flag("x", "y", 3),), losses=(Loss("timeout", "It took too long.", exercise="1.2"),)
    )
    assert sources(hand_in(tmp_path, "ada"), flagged, WHOLE_LAB) == [CELL, "print(2)"]


def test_a_file_that_changed_since_is_told(tmp_path: Path) -> None:
    found = handed_in(hand_in(tmp_path, "ada"), replace(ADA, submission="0" * 64), "1.2")
    assert "has changed since" in found.problem
    assert found.own


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "Nothing was handed in."),
        ("ada/nothing.ipynb", "not there any more"),
        ("../../etc/passwd", "cannot be read"),
        ("/etc/passwd", "cannot be read"),
        ("link/x.ipynb", "symbolic link"),
        ("ada/text.ipynb", "not a notebook"),
    ],
)
def test_no_path_leads_out_of_the_folder_and_what_is_no_notebook_is_a_sentence(
    tmp_path: Path, path: str, words: str
) -> None:
    hand_in(tmp_path, "ada")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "ada" / "text.ipynb").write_text("x")
    found = handed_in(tmp_path, replace(ADA, path=path), "1.2")
    assert words in found.problem
    assert found.own == ()


def test_without_a_folder_nothing_is_shown_and_the_page_says_why(tmp_path: Path) -> None:
    assert "Name the folder" in handed_in(None, ADA, "1.2").problem
    assert "cannot be read" in handed_in(tmp_path / "gone", ADA, "1.2").problem


def test_a_lab_of_another_course_asks_for_no_names() -> None:
    assert functions_of(LAB, "1.2") == ("ask",)
    assert functions_of("77_other", "1.2") == functions_of("no lab", "1.2") == functions_of(LAB, "9.9") == ()
