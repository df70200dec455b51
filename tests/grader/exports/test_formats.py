"""Gradescope, nbgrader, plain tables and archives of feedback: nobody is lost and nothing is a formula."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pytest

from grader.exports import gradescope, nbgrader
from grader.exports import table as plain
from grader.exports.feedback_archive import archive
from grader.exports.formats import FORMATS
from grader.exports.grades import comment_of
from grader.results.adjustments import Adjustment, adjusted
from grader.results.result import SubmissionStatus
from grader.submissions.roster import Student
from tests.grader.exports.made import IDA, LAB, asked, grades, only, table
from tests.grader.results.made import not_graded

ROSTER = (Student("4411", "Holm, Ida", "i@u.example"), Student("4412", "Bo van den Akker"))


def test_gradescope_gets_a_document_for_each_who_has_points() -> None:
    exported = gradescope.export(asked())
    assert set(exported.files) == {f"{name}/{LAB}/results.json" for name in ("4411", "4412", "4499")}
    document = json.loads(exported.files[f"4411/{LAB}/results.json"])
    assert (document["score"], document["visibility"]) == (3.0, "after_published")
    assert [
        (test["number"], test["score"], test["max_score"], test["status"]) for test in document["tests"]
    ] == [
        ("1.1", 2.0, 2.0, "passed"),
        ("1.2", 1.0, 2.0, "failed"),
    ]
    assert exported.notes == ("no points yet, so nothing was written for: Yıldız, Cem",)


@pytest.mark.parametrize("status", ["tampered", "error"])
def test_what_a_person_has_to_look_into_first_is_not_told_to_students(status: SubmissionStatus) -> None:
    told = Adjustment("eve", LAB, "*", None, "R. Miller", "", 2, comment="Please come and see me.")
    result = not_graded(status)
    said = comment_of(result, adjusted(result, [told]))
    assert "Reason" not in said
    assert "Please come and see me." in said


def test_nbgrader_s_table_has_its_columns_and_no_bare_0() -> None:
    rows = {row["student_id"]: row for row in table(only(nbgrader.export(asked(roster=ROSTER))))}
    assert tuple(rows["4411"]) == nbgrader.COLUMNS
    assert (rows["4411"]["last_name"], rows["4411"]["first_name"], rows["4411"]["email"]) == (
        "Holm", "Ida", "i@u.example")  # fmt: skip
    assert (rows["4413"]["last_name"], rows["4413"]["score"], rows["4413"]["raw_score"]) == ("Yıldız", "", "")
    assert (rows["4412"]["score"], rows["4412"]["max_score"], rows["4412"]["assignment"]) == ("3.5", "4", LAB)


def test_a_plain_table_has_a_row_for_each_student_and_a_column_for_each_lab() -> None:
    two = replace(
        asked(roster=ROSTER), grades=(*grades(), replace(grades()[0], lab="02_streaming", points=1 / 3))
    )
    rows = {row["student_id"]: row for row in table(only(plain.export(two)))}
    assert (rows["4411"][LAB], rows["4411"]["02_streaming"], rows["4411"]["sum"]) == ("3", "0.3333", "3.3333")
    assert (rows["4413"][LAB], rows["4413"]["02_streaming"], rows["4413"]["sum"]) == ("", "", "0")


@pytest.mark.parametrize("form", ["csv", "nbgrader"])
@pytest.mark.parametrize("name", ["=HYPERLINK()", "+1", "-1", "@x", '"quoted", name', "line\nbreak", "＝x"])
def test_no_name_is_a_formula_or_breaks_a_line(form: str, name: str) -> None:
    odd = replace(asked(), grades=tuple(replace(grade, name=name, student=name) for grade in grades()[:1]))
    text = only(FORMATS[form](odd))
    assert len(text.splitlines()) == 2
    (row,) = table(text)
    assert not any(cell.startswith(("=", "+", "-", "@", "＝")) for cell in row.values())


PAGES = {(grade.student, LAB): f"<p>{grade.student}</p>".encode() for grade in grades()}


def names(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_canvas_s_archive_has_a_page_under_each_upload_s_name() -> None:
    exported = archive(asked(), PAGES, "canvas")
    (data,) = exported.files.values()
    assert names(data) == [
        "holmida_4411_9101_01_persistence.html",
        "vandenakkerbo_4412_9102_01_persistence.html",
    ]
    assert zipfile.ZipFile(io.BytesIO(data)).read("holmida_4411_9101_01_persistence.html") == b"<p>4411</p>"
    assert exported.notes == (
        "did not hand in through Canvas, so there is no place for their page: Somebody Else, Yıldız, Cem",
    )
    assert archive(asked(), PAGES, "canvas").files == exported.files


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("Jo Roe_5_assignsubmission_file_/x.ipynb", f"Jo Roe_5_assignsubmission_file_/{LAB}.html"),
        ("Lab 1/Jo Roe_5_assignsubmission_file/x.ipynb", f"Jo Roe_5_assignsubmission_file_/{LAB}.html"),
        ("Jo Roe_5_assignsubmission_file_my work.ipynb", f"Jo Roe_5_assignsubmission_file_{LAB}.html"),
        ("J\udcff_5_assignsubmission_file_/x.ipynb", f"J?_5_assignsubmission_file_/{LAB}.html"),
    ],
)
def test_moodle_s_archive_has_the_folders_that_moodle_wrote(path: str, place: str) -> None:
    one = replace(asked(), grades=(replace(grades()[0], path=path),))
    (data,) = archive(one, PAGES, "moodle").files.values()
    assert names(data) == [place]


def test_what_a_person_says_to_a_student_goes_back_with_the_points() -> None:
    said = Adjustment("4411", LAB, "1.2", None, "R. Miller", "", 2, "Close the file.\nThen ask.")
    assert comment_of(IDA, adjusted(IDA, [said])).endswith("; 1.2 “Close the file. Then ask.” (R. Miller)")
