"""What people decided is read kindly and taken strictly; what cannot be used is told by its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import GraderError, UsageError
from grader.results import adjustments
from grader.results.adjustments import Adjustment, adjusted, create, parse, read
from tests.grader.results.made import LAB, exercise, not_graded, partly, result

HEAD = "student_id,lab,exercise,points,author,reason\n"
RESULTS = (result("ada"), partly("bob"), not_graded("tampered", "eve"), not_graded("missing", "mia"))


def given_by(text: str, results=RESULTS) -> list[tuple[str, str, float]]:
    found = parse(text, results)
    assert found.problems == ()
    return [(one.student, one.exercise, one.points) for one in found.given]


def problem(line: str, results=RESULTS) -> str:
    found = parse(f"{HEAD}{line}\nada,{LAB},1.1,1,RM,the last line holds all the same\n", results)
    assert [one.student for one in found.given] == ["ada"]
    (told,) = found.problems
    assert told.startswith("adjustments.csv, line 2: ")
    return told


# Reading


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{HEAD}bob,{LAB},1.2,1.5,R. Miller,the cell was right\n", id="with commas"),
        pytest.param(
            f"\ufeff{HEAD}bob,{LAB},1.2,1.5,R. Miller,the cell was right".replace("\n", "\r\n"),
            id="from Excel",
        ),
        pytest.param(
            f"student_id;lab;exercise;points;author;reason\nbob;{LAB};1,2;1,5;R. Miller;the cell was right\n",
            id="with semicolons and decimal commas",
        ),
        pytest.param(
            f"sep=;\n{HEAD.replace(',', ';')}bob;{LAB};1.2;1.5;R. Miller;the cell was right\n",
            id="with Excel's first line",
        ),
        pytest.param(
            f'"Reason",AUTHOR ,points,exercise,lab,student_id,mine\n'
            f'the cell was right,R. Miller,"1,5", 1.2 ,{LAB},bob,x,y\n\n,,,\n',
            id="with quotes, another order, more columns and blank lines",
        ),
    ],
)
def test_a_line_is_read(text):
    found = parse(text, RESULTS)
    assert found.problems == found.notes == ()
    (one,) = found.given
    assert (one.student, one.lab, one.exercise, one.points) == ("bob", LAB, "1.2", 1.5)
    assert (one.author, one.reason) == ("R. Miller", "the cell was right")


@pytest.mark.parametrize("text", ["", "\n\n", HEAD, f"\ufeff{HEAD}\n\n"])
def test_nothing_may_be_decided(text):
    assert parse(text, RESULTS) == adjustments.Adjustments()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(f"bab,{LAB},1.1,1,RM,why", "no result of a student bab", id="an unknown student"),
        pytest.param("bob,07_x,1.1,1,RM,why", f"bob has no result for 07_x, only {LAB}", id="an unknown lab"),
        pytest.param(
            f"bob,{LAB},1.3,1,RM,why", "no exercise 1.3, only 1.1, 1.2 and *", id="an unknown exercise"
        ),
        pytest.param(
            f"bob,{LAB},2-Jan,1,RM,why", "no exercise 2-Jan", id="an exercise that Excel took for a day"
        ),
        pytest.param(f"bob,{LAB},,1,RM,why", "no exercise; write * for the whole lab", id="no exercise"),
        pytest.param(f",{LAB},1.1,1,RM,why", "no student_id", id="no student"),
        pytest.param("bob,,1.1,1,RM,why", "no lab", id="no lab"),
        pytest.param(f"bob,{LAB},1.1,,RM,why", "no points", id="no points"),
        pytest.param(f"bob,{LAB},1.1,1,,why", "no author", id="no author"),
        pytest.param(f"bob,{LAB},1.1,1,RM, ", "no reason", id="no reason"),
        pytest.param(f"bob,{LAB},1.1,1,RM", "no reason", id="a line that is too short"),
        pytest.param(f"bob,{LAB},1.1,NaN,RM,why", "NaN is not a number of points", id="NaN"),
        pytest.param(f"bob,{LAB},1.1,-Infinity,RM,why", "is not a number of points", id="infinity"),
        pytest.param(f"bob,{LAB},1.1,1 of 2,RM,why", "1 of 2 is not a number of points", id="words"),
        pytest.param(f"bob,{LAB},1.1,1_0,RM,why", "is not a number of points", id="what only Python reads"),
        pytest.param(f"bob,{LAB},1.1,٢,RM,why", "is not a number of points", id="other digits"),
        pytest.param(f"bob,{LAB},1.1,1e0,RM,why", "is not a number of points", id="a power"),
        pytest.param(f"bob,{LAB},1.1,-1,RM,why", "-1 points are below 0", id="less than nothing"),
        pytest.param(
            f"bob,{LAB},1.1,2.5,RM,why", "2.5 points are more than the 2 of exercise 1.1", id="too many"
        ),
        pytest.param(
            f"bob,{LAB},*,4.5,RM,why", "4.5 points are more than the 4 of the lab", id="too many for the lab"
        ),
        pytest.param(f'bob,{LAB},"1.1"x,1,RM,why', "no CSV", id="a quotation mark inside quotes"),
        pytest.param(f"\x1b[31mbob,{LAB},1.1,1,RM,why\u202e", "no result of a student bob", id="what acts"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_and_the_others_hold(line, words):
    told = problem(line)
    assert words in told
    assert "\x1b" not in told


def test_a_quotation_mark_that_is_never_closed_costs_the_lines_behind_it():
    text = f'{HEAD}ada,{LAB},1.1,1,RM,why\nbob,{LAB},1.1,1,RM,"why\nbob,{LAB},1.2,1,RM,why\n'
    found = parse(text, RESULTS)
    assert [one.line for one in found.given] == [2]
    assert found.problems == (
        "adjustments.csv, line 3: a quotation mark is never closed; lines 3 to 4 were not used",
    )


def test_lines_are_those_of_the_file_although_cells_have_line_ends():
    text = f'sep=,\n{HEAD}ada,{LAB},1.1,1,RM,"why\n\nindeed"\n\nnobody,{LAB},1.1,1,RM,why\n'
    found = parse(text, RESULTS)
    assert [one.line for one in found.given] == [3]
    assert found.problems == ("adjustments.csv, line 7: there is no result of a student nobody",)


def test_a_later_line_wins_and_a_note_says_so():
    text = f"{HEAD}bob,{LAB},1.2,2,RM,first\nada,{LAB},1.2,2,RM,other\nbob,{LAB},1.2,1,RM,second\n"
    found = parse(text, RESULTS)
    assert [(one.student, one.reason) for one in found.given] == [("ada", "other"), ("bob", "second")]
    assert found.notes == ("adjustments.csv, line 4 takes the place of line 2",)


def test_a_line_may_say_that_the_checks_points_stand_or_hold_a_comment_alone():
    more = f"{HEAD.strip()},comment_for_student,decided_at\n"
    text = f"{more}bob,{LAB},1.1,none,RM,,,\nbob,{LAB},1.2,,RM,,Look again.,\nada,{LAB},*,None,RM,,Good.,\n"
    found = parse(text, RESULTS)
    assert found.problems == found.notes == ()
    assert [(one.points, one.comment) for one in found.given] == [
        (None, ""),
        (None, "Look again."),
        (None, "Good."),
    ]
    final = adjusted(RESULTS[1], found.given)
    assert (final.points, final.adjustments) == (3, ())
    assert [one.comment for one in final.comments] == ["Look again."]
    assert adjusted(RESULTS[0], found.given).comments[0].comment == "Good."


def test_a_decision_is_taken_back_and_the_lines_before_stay_readable():
    text = f"{HEAD}bob,{LAB},1.2,2,RM,why\nbob,{LAB},1.2,back,AB,\nada,{LAB},1.1,back,RM,\n"
    found = parse(text, RESULTS)
    assert found.given == found.problems == ()
    assert [(one.points, one.back) for one in found.history] == [(2, False), (None, True), (None, True)]
    assert found.notes == ("adjustments.csv, line 4 takes back what nobody had decided",)


def test_a_later_line_that_says_when_it_was_decided_was_meant():
    text = f"{HEAD.strip()},decided_at\nbob,{LAB},1.2,2,RM,a,\nbob,{LAB},1.2,1,RM,b,2026-11-28 12:00:00\n"
    found = parse(text, RESULTS)
    assert (found.notes, found.given[0].points) == ((), 1)


def test_a_column_of_somebodys_own_is_not_told_to_students():
    found = parse(f"{HEAD.strip()},comment\nbob,{LAB},1.2,2,RM,why,a secret\n", RESULTS)
    assert found.given[0].comment == ""


def test_the_column_of_comments_is_there_once():
    with pytest.raises(UsageError, match="needs one column comment_for_student"):
        parse(f"{HEAD.strip()},comment_for_student,comment_for_student\n", RESULTS)


def test_ids_may_be_copied_from_our_gradebook():
    odd = ("=1+1", "-x", "007", "O'Brien", "'q", "\udcff", "jos\u00e9", "a\nb", "x*y")
    results = [result(name) for name in odd]
    written = ("'=1+1", "-x", "'007", "O'Brien", "'q", "<U+DCFF>", "jose\u0301", "a⏎b")
    text = HEAD + "".join(f"{name},{LAB},'1.1,'0,RM,why\n" for name in written)
    assert [student for student, _, _ in given_by(text, results)] == [*odd[:-1]]


def test_an_id_that_can_be_two_students_is_a_problem_unless_it_is_exactly_one():
    results = [*RESULTS, result("a\nb"), result("a\r\nb"), result("=x"), result("'=x")]
    assert "a⏎b can be 2 students" in problem(f"a⏎b,{LAB},1.1,1,RM,why", results)
    assert given_by(f"{HEAD}'=x,{LAB},1.1,1,RM,why\n=x,{LAB},1.1,1,RM,why\n", results) == [
        ("'=x", "1.1", 1.0),
        ("=x", "1.1", 1.0),
    ]


def test_a_missing_column_is_a_sentence():
    with pytest.raises(UsageError, match="needs one column author and one column reason") as caught:
        parse("student_id,lab,exercise,points\n", RESULTS)
    assert "student_id, lab, exercise, points, author, reason" in caught.value.hint


@given(st.text(max_size=200))
def test_any_file_is_decisions_or_problems(text):
    try:
        found = parse(HEAD + text, RESULTS)
    except UsageError:
        return
    assert all(one.points is None or 0 <= one.points <= 4 for one in found.given)


# The file


def test_the_file_is_made_once_with_its_header_and_never_written_again(tmp_path):
    assert create(tmp_path / "out")
    path = tmp_path / "out" / "adjustments.csv"
    assert path.read_text() == HEAD.strip() + ",comment_for_student,decided_at\n"
    path.write_text("")
    assert not create(tmp_path / "out")
    assert path.read_text() == ""


def test_no_file_is_no_decision(tmp_path):
    assert read(tmp_path, RESULTS) == adjustments.Adjustments()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("student_id\n".encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(b"PK\x03\x04", "a spreadsheet's own file", id="a spreadsheet"),
        pytest.param(
            HEAD.encode() + b"jos\xe9", "line 2 of adjustments.csv has a byte that is not UTF-8", id="Latin-1"
        ),
        pytest.param(b"a,b\n", "needs one column student_id", id="other columns"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path, content, words):
    (tmp_path / "adjustments.csv").write_bytes(content)
    with pytest.raises(UsageError, match=words) as caught:
        read(tmp_path, RESULTS)
    assert caught.value.where.endswith("adjustments.csv")
    assert caught.value.hint


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "adjustments.csv").symlink_to("/etc/passwd")
    with pytest.raises(GraderError, match="symbolic link"):
        read(tmp_path, RESULTS)
    assert not create(tmp_path)


# What follows


def decide(student: str, exercise_number: str, points: float, line: int = 2) -> Adjustment:
    return Adjustment(student, LAB, exercise_number, points, "RM", "why", line)


def test_without_decisions_the_checks_points_stand():
    final = adjusted(partly("bob"), [decide("ada", "1.1", 0)])
    assert (final.points, final.max_points, final.adjustments) == (3, 4, ())
    assert [score.points for score in final.exercises] == [2, 1]


def test_a_decision_replaces_the_points_of_its_exercise():
    one = decide("bob", "1.2", 1.5)
    final = adjusted(partly("bob"), [one])
    assert final.points == 3.5
    assert [score.adjustment for score in final.exercises] == [None, one]
    assert final.adjustments == (one,)


def test_a_decision_about_the_lab_is_the_score_whatever_its_exercises_have():
    final = adjusted(partly("bob"), [decide("bob", "1.2", 0), decide("bob", "*", 4)])
    assert final.points == 4
    assert [one.exercise for one in final.adjustments] == ["*", "1.2"]


@pytest.mark.parametrize("status", ["tampered", "missing", "unreadable"])
def test_a_withheld_score_is_given_for_the_lab_or_for_every_exercise_or_not_at_all(status):
    one = not_graded(status, "eve")
    assert adjusted(one).points is None
    assert adjusted(one, [decide("eve", "1.1", 2)]).points is None
    assert adjusted(one, [decide("eve", "1.1", 2), decide("eve", "1.2", 0.5)]).points == 2.5
    assert adjusted(one, [decide("eve", "*", 3)]).points == 3
    assert [score.points for score in adjusted(one, [decide("eve", "*", 3)]).exercises] == [None, None]


@pytest.mark.parametrize("status", ["timeout", "crashed"])
def test_what_stopped_keeps_the_points_so_far(status):
    one = not_graded(status, exercises=(exercise("1.1"),))
    assert adjusted(one).points == 2


def test_a_lab_without_exercises_has_no_points_to_lose():
    assert adjusted(result(exercises=())).points == 0
    assert adjusted(not_graded("missing", exercises=())).points is None


def test_what_may_not_be_meant_is_noted():
    text = f"{HEAD}eve,{LAB},1.1,2,RM,why\nbob,{LAB},*,4,RM,why\nbob,{LAB},1.1,1,RM,why\n"
    notes = parse(text, RESULTS).notes
    assert notes == (
        (
            "adjustments.csv, line 2: the score stays empty, because the submission is tampered; it needs a "
            "line with *, or one for each exercise"
        ),
        "adjustments.csv, line 3 sets the score of the whole lab; it does not change with line 4",
    )
