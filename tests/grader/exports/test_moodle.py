"""Moodle's own worksheet comes back with grades and comments, and is otherwise as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.errors import UsageError
from grader.exports.moodle import export
from tests.grader.exports.made import asked, grades, only, table

HEAD = "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Feedback comments"
SHEET = "\n".join(
    [
        HEAD,
        "Participant 4411,Ida Holm,i@u.example,Submitted,,4.00,Yes,",
        'Participant 4412,"=Bo, van den Akker",b@u.example,Submitted,,4.00,Yes,',
        "Participant 4413,Cem Yıldız,c@u.example,No submission,1,4.00,Yes,kept",
        "Participant 4421,Nobody Yet,n@u.example,No submission,-,4.00,Yes,",
    ]
)


def test_grades_and_comments_are_filled_and_the_rest_stays() -> None:
    exported = export(asked(SHEET))
    rows = {row["Identifier"]: row for row in table(only(exported))}
    assert {name: row["Grade"] for name, row in rows.items()} == {
        "Participant 4411": "3",
        "Participant 4412": "3.5",
        "Participant 4413": "1",
        "Participant 4421": "-",
    }
    assert rows["Participant 4412"]["Full name"] == "=Bo, van den Akker"
    assert rows["Participant 4411"]["Feedback comments"].startswith("1.1 ")
    assert "R. Miller: =read by hand" in rows["Participant 4412"]["Feedback comments"]
    assert rows["Participant 4413"]["Feedback comments"] == "Reason of missing."
    assert rows["Participant 4421"]["Feedback comments"] == ""


def test_a_maximum_of_moodle_s_scales_the_points() -> None:
    exported = export(asked(SHEET.replace("4.00", "100.00")))
    rows = {row["Identifier"]: row["Grade"] for row in table(only(exported))}
    assert (rows["Participant 4411"], rows["Participant 4412"]) == ("75", "87.5")
    assert "points were scaled to Moodle's maximum of 100" in exported.notes


def test_where_cells_are_between_semicolons_numbers_have_a_comma() -> None:
    lines = [line.replace('"=Bo, van den Akker"', "=Bo") for line in SHEET.splitlines()]
    sheet = "\n".join(lines).replace(",", ";").replace("4.00", "4,00")
    rows = {row["Identifier"]: row["Grade"] for row in table(only(export(asked(sheet))), ";")}
    assert rows["Participant 4412"] == "3,5"


def test_a_comment_is_no_formula_and_one_line() -> None:
    odd = tuple(replace(grade, comment="=1+1\n+2") for grade in grades())
    rows = table(only(export(replace(asked(SHEET), grades=odd))))
    assert rows[0]["Feedback comments"] == "'=1+1 +2"


def test_a_worksheet_is_of_one_lab() -> None:
    two = (*grades(), replace(grades()[0], lab="02_streaming"))
    with pytest.raises(UsageError, match="of one assignment, and there are 2 labs") as caught:
        export(replace(asked(SHEET), grades=two))
    assert "--lab 01_persistence" in caught.value.hint


def test_a_worksheet_without_grades_or_comments_is_said() -> None:
    with pytest.raises(UsageError, match="no column Grade"):
        export(asked("Identifier,Full name\nParticipant 4411,Ida Holm\n"))
    exported = export(asked("Identifier,Full name,Grade\nParticipant 4411,Ida Holm,\n"))
    assert any("no feedback comments" in note for note in exported.notes)
