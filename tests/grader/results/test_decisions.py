"""A decision is a line at the end of the file; none is lost, and none is written over a newer one."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import GraderError, UsageError
from grader.results import adjustments, decisions, store
from grader.results.decisions import Conflict, Decision, decide, version
from tests.grader.results.made import HOSTILE, LAB, not_graded, partly, result

HEAD = "student_id,lab,exercise,points,author,reason"
MORE = f"{HEAD},comment_for_student,decided_at"
RESULTS = (result("ada"), partly("bob"), not_graded("tampered", "eve"))
WHEN = "2026-11-28 12:00:00"
BOB = ("bob", LAB, "1.2")
RIGHT = Decision(*BOB, "R. Miller", 2, "the cell was right", "Well done.")


def written(out: Path) -> str:
    return (out / "adjustments.csv").read_bytes().decode()


def start(out: Path, text: str) -> Path:
    (out / "adjustments.csv").write_bytes(text.encode())
    return out


# The line


def test_a_decision_is_the_last_line(tmp_path: Path) -> None:
    file = decide(tmp_path, RESULTS, RIGHT, WHEN)
    assert written(tmp_path) == f"{MORE}\nbob,{LAB},1.2,2,R. Miller,the cell was right,Well done.,{WHEN}\n"
    assert adjustments.read(tmp_path, RESULTS) == file
    (one,) = file.given
    assert (one.points, one.comment, one.when) == (2, "Well done.", WHEN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            f"{HEAD}\nada,{LAB},1.1,1,RM,why",
            f"{MORE}\nada,{LAB},1.1,1,RM,why\nbob,{LAB},1.2,1.5,RM,why,,{WHEN}\n",
            id="without new columns, and without an end of the last line",
        ),
        pytest.param(
            f"\ufeffsep=;\r\n{HEAD.replace(',', ';')};mine\r\nada;{LAB};1,1;1;RM;why;x\r\n",
            f"\ufeffsep=;\r\n{MORE.replace(',', ';').replace(';comment', ';mine;comment')}\r\n"
            f"ada;{LAB};1,1;1;RM;why;x\r\nbob;{LAB};1,2;1,5;RM;why;;;{WHEN}\r\n",
            id="from Excel, with a column of one's own",
        ),
        pytest.param(
            "decided_at,Reason,author,points,exercise,lab,student_id,comment_for_student\n,,,\nnonsense,\n",
            f"decided_at,Reason,author,points,exercise,lab,student_id,comment_for_student\n,,,\nnonsense,\n"
            f"{WHEN},why,RM,1.5,1.2,{LAB},bob,\n",
            id="in another order, with a line that cannot be used",
        ),
        pytest.param("\n", f"{MORE}\nbob,{LAB},1.2,1.5,RM,why,,{WHEN}\n", id="without anything"),
    ],
)
def test_what_people_wrote_stays_as_it_is(tmp_path: Path, before: str, after: str) -> None:
    decide(start(tmp_path, before), RESULTS, Decision(*BOB, "RM", 1.5, "why"), WHEN)
    assert written(tmp_path) == after


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_stays_in_its_cell(tmp_path: Path, text: str) -> None:
    short = text[:400].encode("utf-8", "replace").decode()
    said = Decision(*BOB, f"R{short[:50]}", 1, f"r{short}", short)
    file = decide(tmp_path, RESULTS, said, WHEN)
    assert (len(file.given), file.problems) == (1, ())
    rows = list(csv.reader(io.StringIO(written(tmp_path), newline="")))
    assert len(rows) == 2
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in rows[1])


@settings(max_examples=60)
@given(
    st.text(max_size=40).filter(str.strip),
    st.text(max_size=80).filter(str.strip),
    st.text(max_size=200),
    st.floats(0, 2),
)
def test_whatever_is_saved_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, author: str, reason: str, comment: str, points: float
) -> None:
    out = tmp_path_factory.mktemp("out")
    try:
        wanted = decisions.tidied(Decision(*BOB, author, points, reason, comment))
    except UsageError:
        return  # nothing of it can be seen
    (one,) = decide(out, RESULTS, wanted, WHEN).given
    assert (one.author, one.reason, one.comment) == (wanted.author, wanted.reason, wanted.comment)
    assert one.points == wanted.points


@pytest.mark.parametrize("student", ["=1+1", "-x", "'q", "a\nb", "jose\u0301", "\udcff", "x" * 500])
def test_odd_ids_are_found_again(tmp_path: Path, student: str) -> None:
    results = (partly(student), *RESULTS)
    file = decide(tmp_path, results, Decision(student, LAB, "1.2", "RM", 1, "why"), WHEN)
    assert file.given[0].student == student


# What cannot be written


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (Decision(*BOB, " ", 1, "why"), "a decision needs its author"),
        (Decision(*BOB, "RM", 1, "\x00"), "points need a reason"),
        (Decision(*BOB, "RM", 2.5, "why"), "2.5 points are more than the 2 of exercise 1.2"),
        (Decision(*BOB, "RM", -1, "why"), "-1 points are below 0"),
        (Decision(*BOB, "RM", float("nan"), "why"), "nan is not a number of points"),
        (Decision("zoe", LAB, "1.2", "RM", 1, "why"), "there is no result of a student zoe"),
        (Decision("bob", LAB, "7.1", "RM", 1, "why"), "has no exercise 7.1"),
        (Decision(*BOB, "RM", 1, "x" * 501), "the reason has 501 letters, more than 500"),
        (Decision(*BOB, "RM", comment="x" * 2_001), "the comment has 2,001 letters"),
        (Decision(*BOB, "RM", back=True), "there is no decision to take back"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_line_can_say_is_told_and_nothing_is_written(
    tmp_path: Path, decision: Decision, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        decide(tmp_path, RESULTS, decision, WHEN)
    assert not (tmp_path / "adjustments.csv").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            f'{HEAD}\nada,{LAB},1.1,1,RM,"why\n', "cannot be written", id="a quotation mark too many"
        ),
        pytest.param("a,b\n", "needs one column student_id", id="other columns"),
        pytest.param(f'"student_id\n",{HEAD[11:]}\n', "goes over several lines", id="a first line of two"),
    ],
)
def test_a_file_that_would_swallow_the_line_is_left_alone(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        decide(start(tmp_path, text), RESULTS, RIGHT, WHEN)
    assert written(tmp_path) == text


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text(HEAD)
    (tmp_path / "adjustments.csv").symlink_to("other")
    with pytest.raises(GraderError, match="symbolic link"):
        decide(tmp_path, RESULTS, RIGHT, WHEN)
    (tmp_path / decisions.LOCK).unlink()
    (tmp_path / decisions.LOCK).symlink_to("other")
    with pytest.raises(GraderError, match="cannot be written"):
        decide(tmp_path, RESULTS, RIGHT, WHEN)
    assert (tmp_path / "other").read_text() == HEAD


# Several people


def test_who_has_not_seen_the_newest_decision_is_told_it_and_changes_nothing(tmp_path: Path) -> None:
    seen = version(adjustments.read(tmp_path, RESULTS), BOB)
    first = decide(tmp_path, RESULTS, RIGHT, WHEN, seen=seen)
    before = written(tmp_path)
    with pytest.raises(Conflict, match=r"R\. Miller has decided about this exercise meanwhile") as caught:
        decide(tmp_path, RESULTS, Decision(*BOB, "AB", 0, "no"), WHEN, seen=seen)
    assert caught.value.theirs == first.given[0]
    assert written(tmp_path) == before
    decide(tmp_path, RESULTS, Decision(*BOB, "AB", 0, "no"), WHEN, seen=version(first, BOB))
    assert [one.author for one in adjustments.read(tmp_path, RESULTS).given] == ["AB"]


def test_a_decision_about_another_exercise_is_no_conflict(tmp_path: Path) -> None:
    seen = version(adjustments.read(tmp_path, RESULTS), BOB)
    decide(tmp_path, RESULTS, Decision("ada", LAB, "1.1", "AB", 0, "no"), WHEN)
    file = decide(tmp_path, RESULTS, RIGHT, WHEN, seen=seen)
    assert len(file.given) == 2


def test_what_was_taken_back_meanwhile_is_a_conflict_too(tmp_path: Path) -> None:
    first = decide(tmp_path, RESULTS, RIGHT, WHEN)
    decide(tmp_path, RESULTS, Decision(*BOB, "AB", back=True), WHEN)
    with pytest.raises(Conflict, match="somebody has decided") as caught:
        decide(tmp_path, RESULTS, Decision(*BOB, "RM", 1, "why"), WHEN, seen=version(first, BOB))
    assert caught.value.theirs is None


def test_a_decision_taken_back_leaves_its_line_and_the_checks_points(tmp_path: Path) -> None:
    decide(tmp_path, RESULTS, RIGHT, WHEN)
    file = decide(tmp_path, RESULTS, Decision(*BOB, "RM", 1, "x", "said", back=True), WHEN)
    assert file.given == ()
    assert [one.back for one in file.history] == [False, True]
    assert written(tmp_path).splitlines()[2] == f"bob,{LAB},1.2,back,RM,x,,{WHEN}"
    assert adjustments.adjusted(RESULTS[1], file.given).points == 3


def test_of_many_who_write_at_once_nobody_is_lost(tmp_path: Path) -> None:
    results = [partly(f"s{number}") for number in range(24)]
    start_together = threading.Barrier(8)

    def write(number: int) -> None:
        start_together.wait()
        decide(tmp_path, results, Decision(f"s{number}", LAB, "1.2", "RM", 1, "why"), WHEN)

    with ThreadPoolExecutor(8) as people:
        list(people.map(write, range(24)))
    assert len(adjustments.read(tmp_path, results).given) == 24


KILLED = """
import sys
from pathlib import Path
from grader.results.decisions import Decision, decide
from tests.grader.results.made import LAB, partly

results = [partly(f"s{number}") for number in range(500)]
for number in range(500):
    decide(Path(sys.argv[1]), results, Decision(f"s{number}", LAB, "1.2", "RM", 1, "why"), "")
    print(number, flush=True)
"""


def test_who_is_killed_has_lost_nothing_that_was_said_to_be_saved(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) == 20:
            child.send_signal(signal.SIGKILL)
            break
    said = [20, *map(int, child.stdout.read().split())]
    child.wait()
    child.stdout.close()
    results = [partly(f"s{number}") for number in range(500)]
    file = adjustments.read(tmp_path, results)
    assert file.problems == ()
    assert len(file.given) >= max(said) + 1
    decide(tmp_path, results, Decision("s499", LAB, "1.2", "RM", 1, "the lock went with the process"), "")


def test_a_decision_outlives_the_grading_of_the_same_work_again(tmp_path: Path) -> None:
    store.write(tmp_path, partly("bob"))
    decide(tmp_path, store.read_all(tmp_path).results, RIGHT, WHEN)
    store.write(tmp_path, result("bob"))
    results = store.read_all(tmp_path).results
    file = adjustments.read(tmp_path, results)
    assert (file.given[0].points, file.problems) == (2, ())
