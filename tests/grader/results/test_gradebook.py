"""The gradebook: one row for each student and lab, no bare 0, no formula."""

import csv
import io

import pytest
from hypothesis import given

from grader.results.adjustments import Adjustment, adjusted
from grader.results.gradebook import COLUMNS, gradebook, write_gradebook
from grader.results.result import Flag
from tests.grader.results.made import (
    HOSTILE,
    LAB,
    RESULTS,
    check,
    exercise,
    hostile,
    not_graded,
    partly,
    result,
)


def row(one, *given_by) -> dict[str, str]:
    (found,) = csv.DictReader(io.StringIO(gradebook([(one, adjusted(one, given_by))]), newline=""))
    return found


def test_a_row_says_who_what_and_how():
    one = partly(name="Bob Doe", late=True, flags=(Flag("b", "x"), Flag("a", "x"), Flag("a", "y")))
    assert row(one) == {
        "student_id": "bob",
        "name": "Bob Doe",
        "lab": LAB,
        "score": "3",
        "max_score": "4",
        "status": "graded",
        "exercises": "1.1=2/2 1.2=1/2",
        "flags": "a b",
        "late": "late",
        "adjusted": "",
        "reason": "",
        "sandbox": "",
        "work": "3",
        "handed_in": "",
        "rules": "",
    }


def test_decisions_of_people_are_in_the_row():
    given_by = Adjustment("bob", LAB, "1.2", 1.5, "R. Miller", "the cell was right", 2)
    whole = Adjustment("bob", LAB, "*", 2, "R. Miller", "a day late", 3)
    assert row(partly(), given_by)["exercises"] == "1.1=2/2 1.2=1.5/2"
    assert row(partly(), given_by)["score"] == "3.5"
    assert row(partly(), given_by, whole)["score"] == "2"
    assert (
        row(partly(), given_by, whole)["adjusted"]
        == "lab=2 (R. Miller: a day late); 1.2=1.5 (R. Miller: the cell was right)"
    )


@pytest.mark.parametrize("status", ["missing", "unreadable", "tampered"])
def test_no_score_is_empty_and_never_a_bare_nought(status):
    found = row(not_graded(status))
    assert (found["score"], found["exercises"], found["status"]) == ("", "", status)
    assert found["reason"] == f"Reason of {status}."
    found = row(not_graded(status), Adjustment("eve", LAB, "*", 0, "RM", "copied", 2))
    assert (found["score"], found["exercises"]) == ("0", "")


def test_points_of_a_tampered_submission_do_not_show_before_a_person_looked():
    found = row(not_graded("tampered", exercises=(exercise("1.1"),)))
    assert (found["score"], found["exercises"], found["max_score"]) == ("", "", "2")


@pytest.mark.parametrize("status", ["timeout", "crashed"])
def test_what_stopped_has_its_points_so_far(status):
    found = row(not_graded(status, exercises=(exercise("1.1"),)))
    assert (found["score"], found["status"]) == ("2", status)


def test_every_row_that_ran_without_a_sandbox_is_stamped():
    assert row(result(sandbox="none"))["sandbox"] == "unsandboxed"


def test_thirds_have_no_tail():
    checks = [check(str(n), "failed", points=1 / 3) for n in range(2)]
    assert row(result(exercises=(exercise("1.1", *checks),)))["score"] == "0.6667"


@given(RESULTS)
def test_any_result_is_one_line_without_a_formula(one):
    text = gradebook([(one, adjusted(one))])
    assert text.count("\n") == 2
    _, cells = csv.reader(io.StringIO(text, newline=""))
    assert len(cells) == len(COLUMNS)
    assert not any(cell.lstrip().startswith(tuple("=+-@\t\r")) for cell in cells)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_does_nothing_in_a_table(text):
    one = hostile(text)
    given_by = Adjustment(one.student, one.lab, "1.1", 1, text, text, 2)
    table = gradebook([(one, adjusted(one, [given_by]))])
    table.encode()
    _, cells = csv.reader(io.StringIO(table, newline=""))
    assert not any(cell.lstrip().startswith(tuple("=+-@")) for cell in cells)
    assert not {"\x1b", "\u202e", "\r", "\x85", "\u2028"} & set(table)


def test_the_file_is_written_in_the_order_of_the_rows(tmp_path):
    write_gradebook(tmp_path, [(one, adjusted(one)) for one in (partly("b"), result("a"))])
    lines = (tmp_path / "gradebook.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert [line.split(",")[0] for line in lines[1:]] == ["b", "a"]
    assert [path.name for path in tmp_path.iterdir()] == ["gradebook.csv"]
