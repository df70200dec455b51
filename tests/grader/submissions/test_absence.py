"""When nobody of the roster handed anything in, that is said first, with the folder that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.submissions import find_submissions, join
from grader.submissions.absence import nobody_came
from grader.submissions.roster import Student
from tests.grader.submissions.files import LAB, hand_in

ROSTER = (Student("ada"), Student("bo"))


def told(folder: Path, *files: str) -> str:
    hand_in(folder, *files)
    handed = find_submissions(folder, [LAB])
    return nobody_came(join(ROSTER, handed.found, [LAB]), handed, folder).replace(str(folder), "HERE")


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    assert told(tmp_path) == "note: there is nothing in HERE, so everybody on the roster is missing"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param(
            (f"group 1/ada/{LAB}.ipynb", f"group 1/bo/{LAB}.ipynb", "notes.txt"),
            "which names group 1; is HERE/group 1 the folder of the class?",
            id="one folder too high",
        ),
        pytest.param((f"x1/{LAB}.ipynb", f"x2/{LAB}.ipynb"), "which names x1, x2", id="other ids"),
        pytest.param(
            ("notes.txt",), "nobody of the 2 on the roster is known by what lies in HERE", id="a text"
        ),
    ],
)
def test_what_lies_there_and_what_was_meant_is_named(
    tmp_path: Path, files: tuple[str, ...], words: str
) -> None:
    assert told(tmp_path, *files).endswith(words)


def test_where_somebody_came_nothing_is_said(tmp_path: Path) -> None:
    assert told(tmp_path, f"ada/{LAB}.ipynb") == ""


def test_without_a_roster_nobody_is_missing(tmp_path: Path) -> None:
    handed = find_submissions(tmp_path, [LAB])
    assert nobody_came((), handed, tmp_path) == ""
