"""The lists that teachers have are read as they are, whichever platform exports them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submissions.roster import Student, read_roster

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (9911)
"    Points Possible",,,,,20
,,,,,Manual Posting
"Holm, Ida",4411,u77,iholm,S1,
"Student, Test",4499,,abc,S1,
"""
LISTS = {
    "Canvas's gradebook": (CANVAS, Student("4411", "Holm, Ida", "", 4, ("u77", "iholm"))),
    "Canvas's gradebook, with semicolons": (
        CANVAS.replace("Holm, Ida", "Holm. Ida")
        .replace('"', "")
        .replace("Student, Test", "Test Student")
        .replace(",", ";"),
        Student("4411", "Holm. Ida", "", 4, ("u77", "iholm")),
    ),
    "Moodle's worksheet": (
        "Identifier,Full name,Email address,Status,Grade\nParticipant 4411,Ida Holm,i@u.example,Submitted,\n",
        Student("4411", "Ida Holm", "i@u.example", 2),
    ),
    "Moodle's worksheet with id numbers": (
        "Identifier,Full name,ID number,Email address\nParticipant 4411,Ida Holm,u77,i@u.example\n",
        Student("4411", "Ida Holm", "i@u.example", 2, ("u77",)),
    ),
    "Moodle's participants": (
        "First name,Last name,ID number,Email address\nIda,Holm,u77,i@u.example\n",
        Student("u77", "Ida Holm", "i@u.example", 2),
    ),
    "Moodle's participants without numbers": (
        "First name,Last name,Email address\nIda,Holm,i@u.example\n",
        Student("i@u.example", "Ida Holm", "i@u.example", 2),
    ),
    "nbgrader's students": (
        "id,first_name,last_name,email,lms_user_id\nu77,Ida,Holm,i@u.example,4411\n",
        Student("u77", "Ida Holm", "i@u.example", 2, ("4411",)),
    ),
    "Gradescope's roster": (
        "First Name,Last Name,SID,Email,Sections\nIda,Holm,u77,i@u.example,S1\n",
        Student("u77", "Ida Holm", "i@u.example", 2),
    ),
    "Gradescope's grades": (
        "Name,SID,Email,Total Score\nIda Holm,u77,i@u.example,\n",
        Student("u77", "Ida Holm", "i@u.example", 2),
    ),
    "one's own": ("student_id\nu77\n", Student("u77", line=2)),
    "one's own, with another id": ("id,student_id\n4411,u77\n", Student("u77", line=2, known_as=("4411",))),
}


@pytest.mark.parametrize(("text", "student"), LISTS.values(), ids=LISTS)
def test_a_list_is_read_as_a_platform_exports_it(tmp_path: Path, text: str, student: Student) -> None:
    path = tmp_path / "class.csv"
    path.write_text(text, encoding="utf-8-sig")
    assert read_roster(path) == (student,)


@pytest.mark.parametrize("head", ["Section,Grade", "ID,id", "Name,Group"])
def test_a_list_that_names_nobody_is_refused_with_what_it_has(tmp_path: Path, head: str) -> None:
    path = tmp_path / "class.csv"
    path.write_text(f"{head}\na,b\n")
    with pytest.raises(
        UsageError, match=f"names students, such as student_id; it has: {head.replace(',', ', ')}"
    ):
        read_roster(path)


def test_a_row_without_the_first_id_is_known_by_another(tmp_path: Path) -> None:
    path = tmp_path / "class.csv"
    path.write_text("Student,ID,SIS User ID,Section\nIda,,u77,S1\nBo,,,S1\n")
    with pytest.raises(UsageError, match="line 3: no student_id"):
        read_roster(path)
    path.write_text("Student,ID,SIS User ID,Section\nIda,,u77,S1\n")
    assert read_roster(path) == (Student("u77", "Ida", "", 2, ("u77",)),)
