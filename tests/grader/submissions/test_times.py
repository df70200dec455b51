"""When something came is read where a program wrote it, and never guessed."""

from pathlib import Path

import pytest

from grader.submissions.layout import Found, find_submissions
from grader.submissions.patterns import blackboard
from grader.submissions.roster import join, read_roster
from grader.submissions.times import said_by_moodle, stamped, written
from tests.grader.submissions.files import LAB, TWO, hand_in


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-03 15:58:23.948203 UTC\n", "2026-11-03T15:58:23+00:00"),
        ("2026-11-03T15:58:23Z", "2026-11-03T15:58:23+00:00"),
        ("2026-11-03 15:58:23 +0100", "2026-11-03T15:58:23+01:00"),
        ("2026-11-03 15:58:23 -05:30", "2026-11-03T15:58:23-05:30"),
        ("2026-11-03 15:58:23", "2026-11-03T15:58:23"),
        ("2026-11-03 15:58:23 CET", ""),
        ("2026-02-30 15:58:23", ""),
        ("2026-11-03 15:58:23 +99:00", ""),
        ("yesterday", ""),
    ],
)
def test_a_written_time_is_read_or_empty(text: str, time: str) -> None:
    assert written(text) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Tuesday, 3 November 2026, 10:15 AM", "2026-11-03T10:15:00"),
        ("Tuesday, 3 November 2026, 12:05 AM", "2026-11-03T00:05:00"),
        ("3 Nov 2026, 22:15", "2026-11-03T22:15:00"),
        ("Dienstag, 3. November 2026, 10:15", ""),
        ("31 February 2026, 22:15", ""),
        ("3 Brumaire 2026, 22:15", ""),
        ("-", ""),
    ],
)
def test_moodle_s_time_is_read_in_english_only(text: str, time: str) -> None:
    assert said_by_moodle(text) == time


def test_blackboard_s_names_say_who_when_and_what() -> None:
    sender = blackboard(f"Lab 1_adao_attempt_2026-11-03-10-15-00_{LAB}.ipynb")
    assert sender is not None
    assert (sender.student, sender.rest, sender.handed_in) == ("adao", f"{LAB}.ipynb", "2026-11-03T10:15:00")
    typed = blackboard("Lab 1_adao_attempt_2026-11-03-10-15-00.txt")
    assert typed is not None
    assert typed.rest == ""
    assert blackboard(f"{LAB}.ipynb") is None
    assert stamped("2026-13-03-10-15-00") == ""


def test_a_name_of_the_student_s_own_does_not_say_when(tmp_path: Path) -> None:
    mine = f"x_attempt_2020-01-01-00-00-00_{LAB}.ipynb"
    hand_in(tmp_path, f"Lab 1_adao_attempt_2026-11-03-10-15-00_{mine}", f"bob/{mine}")
    times = {one.student: one.handed_in for one in find_submissions(tmp_path, [LAB]).found}
    assert times == {"adao": "2026-11-03T10:15:00", "bob": ""}


def test_later_uploads_of_blackboard_s_are_later_attempts(tmp_path: Path) -> None:
    names = [f"Lab 1_adao_attempt_2026-11-0{day}-10-15-00_{LAB}.ipynb" for day in (3, 1, 2)]
    hand_in(tmp_path, *names)
    handed = find_submissions(tmp_path, [LAB])
    assert [one.path for one in handed.found] == [names[0]]
    assert [(one.path, one.attempt) for one in handed.earlier] == [(names[1], 1), (names[2], 2)]
    assert {stray.path for stray in handed.strays} == {names[1], names[2]}


def test_nbgrader_s_stamp_is_believed_in_its_own_folders_only(tmp_path: Path) -> None:
    stamp = "2026-11-03 15:58:23.948203 UTC"
    hand_in(tmp_path / "course" / "submitted", f"ada/{LAB}/{LAB}.ipynb", f"bob/{LAB}/{LAB}.ipynb")
    (tmp_path / "course" / "submitted" / "ada" / LAB / "timestamp.txt").write_text(stamp)
    hand_in(tmp_path / "own", f"eve/{LAB}/{LAB}.ipynb")
    (tmp_path / "own" / "eve" / LAB / "timestamp.txt").write_text(stamp)
    for root in (tmp_path / "course", tmp_path / "course" / "submitted"):
        assert [one.handed_in for one in find_submissions(root, TWO).found] == [
            "2026-11-03T15:58:23+00:00",
            "",
        ]
    assert [one.handed_in for one in find_submissions(tmp_path / "own", TWO).found] == [""]


GRADESCOPE = """\
submission_71:
  :submitters:
  - :name: Ada Okafor
    :sid: '0012'
    :email: ada@example.org
  - :name: Bob O'Hara
    :sid:
    :email: bob@example.org
  :created_at: 2026-11-03 09:15:36.120000000 Z
  :score: 0.0
submission_72:
  :submitters: []
"""


def test_gradescope_s_list_says_whose_a_folder_is_and_when_it_came(tmp_path: Path) -> None:
    export = tmp_path / "assignment_9_export"
    hand_in(export, f"submission_71/{LAB}.ipynb", f"submission_72/{LAB}.ipynb")
    (export / "submission_metadata.yml").write_text(GRADESCOPE)
    handed = find_submissions(tmp_path, TWO)
    path = f"assignment_9_export/submission_71/{LAB}.ipynb"
    assert [(one.student, one.name, one.path, one.handed_in) for one in handed.found] == [
        ("0012", "Ada Okafor", path, "2026-11-03T09:15:36+00:00"),
        ("bob@example.org", "Bob O'Hara", path, "2026-11-03T09:15:36+00:00"),
        ("submission_72", "", f"assignment_9_export/submission_72/{LAB}.ipynb", ""),
    ]
    assert handed.found[0].notes == ("was handed in together with Bob O'Hara",)
    assert handed.strays == ()


@pytest.mark.parametrize(
    "text", ["{", "- 1\n", "submission_71: 3\n", "submission_71: {':submitters': [3]}\n"]
)
def test_a_list_that_cannot_be_used_leaves_the_folders_as_they_are(tmp_path: Path, text: str) -> None:
    hand_in(tmp_path, f"submission_71/{LAB}.ipynb")
    (tmp_path / "submission_metadata.yml").write_text(text)
    assert [one.student for one in find_submissions(tmp_path, TWO).found] == ["submission_71"]


def test_moodle_s_worksheet_says_when_where_one_lab_is_asked(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "Identifier,Full name,Last modified (submission)\n"
        'Participant 7,Jo Roe,"Tuesday, 3 November 2026, 10:15 AM"\nParticipant 8,Al Low,-\n'
    )
    students = read_roster(sheet)
    found = [Found("7", LAB, "x.ipynb")]
    ada, al = join(students, found, [LAB])
    assert ada.found is not None
    assert (ada.found.handed_in, ada.found.told_by) == ("2026-11-03T10:15:00", "Moodle's worksheet")
    assert al.found is None
    assert all(one.found is None or not one.found.handed_in for one in join(students, found, TWO))
