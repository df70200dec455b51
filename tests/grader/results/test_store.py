"""Results are files: written whole, read exactly, and what is broken is named and left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import GraderError
from grader.results import files, store
from grader.results.fields import to_plain
from grader.results.result import Flag, Loss
from grader.results.sizes import bounded
from grader.results.store import from_json, path_of, read, read_all, tidy, to_json, write
from grader.submissions.names import safe_name
from tests.grader.results.made import (
    HOSTILE,
    LAB,
    RESULTS,
    TEXT,
    check,
    exercise,
    hostile,
    not_graded,
    partly,
    result,
)

ROOT = Path(__file__).parents[3]

# As text


@given(RESULTS)
def test_any_result_comes_back_exactly_and_the_same_result_is_the_same_bytes(one):
    text = to_json(one)
    assert from_json(text) == one
    assert to_json(from_json(text)) == text
    assert text.isascii()
    assert text.endswith("}\n")
    assert not set(map(chr, (*range(10), *range(11, 32), 127))) & set(text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_comes_back_exactly(text, tmp_path):
    one = bounded(hostile(text, text[:300]))
    assert from_json(to_json(one)) == one
    write(tmp_path, hostile(text, text[:300]))
    assert read(tmp_path, text[:300], LAB) == one


def test_keys_stand_in_the_order_of_the_model_behind_the_version():
    keys = list(json.loads(to_json(result())))
    assert keys[:5] == ["version", "student", "lab", "title", "status"]


def test_points_that_were_given_as_whole_numbers_are_the_same_bytes():
    assert '"points": 1.0' in to_json(result())


FLAG = to_plain(Flag("kind", "what"))
LOSS = to_plain(Loss("crashed", "what"))
EXERCISE = to_plain(exercise())


def changed(path: str, value: object) -> str:
    """Return the text of a result in which one value was replaced, or deleted where the value is ``...``."""
    plain = json.loads(to_json(partly()))
    at = plain
    *steps, last = path.split(".")
    for step in steps:
        at = at[int(step) if step.isdigit() else step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "broken or was cut off", id="nothing"),
        pytest.param(to_json(result())[:-20], "broken or was cut off", id="a file that was cut off"),
        pytest.param("\0" * 50, "broken or was cut off", id="zeros, as a disk leaves them"),
        pytest.param("[" * 100_000, "broken or was cut off", id="a thousand brackets"),
        pytest.param('{"version": 2, "points": NaN}', "broken or was cut off", id="NaN"),
        pytest.param("9" * 5_000, "broken or was cut off", id="a number of thousands of digits"),
        pytest.param("[]", "not a result of this grader", id="a list"),
        pytest.param('{"cells": []}', "not a result of this grader", id="a notebook"),
        pytest.param(
            changed("version", 3), "version 3 of the format; this grader knows 2", id="a later version"
        ),
        pytest.param(changed("version", "1"), "version an unknown one", id="a version that is text"),
        pytest.param(changed("version", True), "version an unknown one", id="a version that is true"),
        pytest.param(changed("version", 10**30), "version an unknown one", id="a huge version"),
        pytest.param(changed("student", ...), "student is missing", id="no student"),
        pytest.param(changed("student", 7), "student is not a text", id="a student that is a number"),
        pytest.param(changed("status", "fine"), "status has a word that is not known", id="another status"),
        pytest.param(
            changed("status", ["graded"]), "status has a word that is not known", id="a list as status"
        ),
        pytest.param(changed("late", 1), "late is neither true nor false", id="a number for true"),
        pytest.param(changed("flags", {}), "flags is not a list", id="an object for a list"),
        pytest.param(changed("notes", [1]), "notes[0] is not a text", id="a number in a list of texts"),
        pytest.param(
            changed("exercises", [1]), "exercises[0] is not an object", id="a number for an exercise"
        ),
        pytest.param(
            changed("exercises.0.checks.0.points", "1"),
            "exercises[0].checks[0].points is not a number",
            id="text for points",
        ),
        pytest.param(
            changed("exercises.0.checks.0.points", True), "points is not a number", id="true for points"
        ),
        pytest.param(
            changed("exercises.0.checks.0.points", 10**400),
            "points is not a number",
            id="a number beyond all",
        ),
        pytest.param(
            to_json(result()).replace('"points": 1.0', '"points": 1e999', 1),
            "points is not a number",
            id="infinity",
        ),
        pytest.param(changed("more", 1), "something that does not belong there", id="a key too many"),
    ],
)
def test_what_is_no_result_is_refused_with_the_name_of_the_file(text, words):
    with pytest.raises(GraderError) as caught:
        from_json(text, "out/results/a.json")
    assert words in caught.value.message
    assert caught.value.where == "out/results/a.json"
    assert "grade this submission again" in caught.value.hint


LONG = "x" * 30_000
CHECK = "exercises.0.checks.0"
FAILED = "exercises.1.checks.1"
KEPT = "longer than what is kept"
UNUSUAL = {
    "a gift": (f"{CHECK}.points", 1_000, "more points than it is worth"),
    "a small gift": (f"{CHECK}.points", 1.0001, "more points than it is worth"),
    "a fine": (f"{CHECK}.points", -1, "has points below 0"),
    "half of it": (f"{CHECK}.points", 0.5, "has passed and has not all its points"),
    "worth less than nothing": (f"{CHECK}.max_points", -1, "has points below 0"),
    "points of what did not run": (f"{CHECK}.status", "not run", "has points, but it is not run"),
    "points of what took too long": (f"{CHECK}.status", "timeout", "has points, but it is timeout"),
    "a huge lab": (f"{FAILED}.max_points", 1_000, "more than 1,000 points"),
    "a lab without a sum": (f"{FAILED}.max_points", 1e308, "more than 1,000 points"),
    "details": (f"{CHECK}.detail", LONG, KEPT),
    "a message": (f"{CHECK}.message", LONG, KEPT),
    "a number": ("exercises.0.exercise", LONG, KEPT),
    "a reason": ("reason", LONG, KEPT),
    "all notes together": ("notes", ["x" * 20_000] * 200, KEPT),
    "notes": ("notes", [""] * 601, "notes has more than anybody reads"),
    "a name": ("name", LONG * 3, KEPT),
    "a student": ("student", LONG * 5, "has no end"),
    "flags": ("flags", [FLAG] * 1_201, "flags has more than anybody reads"),
    "losses": ("losses", [LOSS] * 1_201, "losses has more than anybody reads"),
    "a cell below 0": ("flags", [{**FLAG, "cell": -1}], "a cell that no notebook has"),
    "a huge cell": ("losses", [{**LOSS, "cell": 10**30}], "a cell that no notebook has"),
    "a loss": ("losses", [{**LOSS, "shown": LONG}], KEPT),
    "exercises": ("exercises", [EXERCISE] * 51, "exercises has more than anybody reads"),
    "checks": ("exercises.0.checks", EXERCISE["checks"] * 26, "checks has more than an exercise has"),
}


@pytest.mark.parametrize(("path", "value", "words"), UNUSUAL.values(), ids=UNUSUAL)
def test_what_no_grader_writes_is_refused_with_the_name_of_the_file(path, value, words):
    with pytest.raises(GraderError) as caught:
        from_json(changed(path, value), "out/results/a.json")
    assert words in caught.value.message
    assert caught.value.where == "out/results/a.json"
    assert "grade this submission again" in caught.value.hint
    assert "adjustments.csv" in caught.value.hint


def test_what_older_graders_wrote_is_read():
    long = {"returned": "x" * 20_001, "detail": "y" * 20_001, "message": "z" * 2_001}
    one = partly(
        exercises=(exercise("1.1", *(check(f"{n}", "failed", points=0.5, **long) for n in range(9))),),
        losses=(Loss("timeout", "w", shown="x" * 5_000),),
    )
    assert from_json(to_json(one)) == one


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    )
)
def test_any_json_is_a_result_or_a_sentence(plain):
    for value in (plain, {"version": 2, "student": plain}):
        with pytest.raises(GraderError):
            from_json(json.dumps(value))


# As files


def test_a_result_is_written_and_read(tmp_path):
    write(tmp_path / "new" / "out", partly())
    assert read(tmp_path / "new" / "out", "bob", LAB) == partly()
    assert [path.name for path in (tmp_path / "new/out/results/bob").iterdir()] == [f"{LAB}.json"]


def test_what_is_not_there_is_none(tmp_path):
    assert read(tmp_path / "nowhere", "bob", LAB) is None
    assert read(tmp_path, "bob", LAB) is None
    write(tmp_path, partly())
    assert read(tmp_path, "bob", "02_streaming") is None


def test_all_are_read_sorted_by_student_and_lab_and_problems_do_not_hide_them(tmp_path):
    made = [result("b"), result("a", lab="02_streaming"), result("a"), result("\udcff")]
    for one in made:
        write(tmp_path, one)
    broken = tmp_path / path_of("b", "02_streaming")
    broken.write_text("{")
    (tmp_path / "results" / "notes.txt").write_text("mine")
    (tmp_path / "results" / "a" / "notes.txt").write_text("mine")
    found = read_all(tmp_path)
    assert [(one.student, one.lab) for one in found.results] == [
        ("a", LAB),
        ("a", "02_streaming"),
        ("b", LAB),
        ("\udcff", LAB),
    ]
    assert [problem.where for problem in found.problems] == [str(broken)]
    assert broken.read_text() == "{"


def test_a_store_that_is_not_there_is_empty(tmp_path):
    assert read_all(tmp_path / "nowhere") == store.Stored()
    assert read_all(tmp_path) == store.Stored()


def test_bytes_that_are_no_text_are_refused(tmp_path):
    write(tmp_path, result("a"))
    (tmp_path / path_of("a", LAB)).write_bytes(b"\xff\xfe{}")
    with pytest.raises(GraderError, match="not a result of this grader"):
        read(tmp_path, "a", LAB)


def test_a_file_that_was_copied_to_another_student_is_refused(tmp_path):
    write(tmp_path, result("a"))
    write(tmp_path, result("b"))
    (tmp_path / path_of("b", LAB)).write_bytes((tmp_path / path_of("a", LAB)).read_bytes())
    with pytest.raises(GraderError, match="the result of someone else") as caught:
        read(tmp_path, "b", LAB)
    assert path_of("a", LAB) in caught.value.hint


@pytest.mark.parametrize(
    "name", ["../../up", "/etc/passwd", "..", ".", "", "a/b", "a\0b", "-rf", "CON", "\udcff", "é" * 300]
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    out = tmp_path / "deep" / "out"
    write(out, result(name, lab=name))
    assert read(out, name, name) == result(name, lab=name)
    (folder,) = (out / "results").iterdir()
    assert folder.name == safe_name(name)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_the_file_of_another_is_not_read_through_a_link(tmp_path):
    write(tmp_path, result("a"))
    secret = tmp_path / "secret"
    secret.write_text(to_json(result("b")))
    target = tmp_path / path_of("b", LAB)
    target.parent.mkdir()
    target.symlink_to(secret)
    with pytest.raises(GraderError, match="symbolic link"):
        read(tmp_path, "b", LAB)
    found = read_all(tmp_path)
    assert [one.student for one in found.results] == ["a"]
    assert len(found.problems) == 1


def test_writing_replaces_a_link_and_leaves_alone_what_it_led_to(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("kept")
    target = tmp_path / path_of("b", LAB)
    target.parent.mkdir(parents=True)
    target.symlink_to(secret)
    write(tmp_path, result("b"))
    assert secret.read_text() == "kept"
    assert not target.is_symlink()


@pytest.mark.parametrize("linked", ["results", "results/a"])
def test_nothing_is_written_or_read_behind_a_linked_folder(tmp_path, linked):
    out, away = tmp_path / "out", tmp_path / "away"
    away.mkdir()
    (out / linked).parent.mkdir(parents=True)
    (out / linked).symlink_to(away, target_is_directory=True)
    with pytest.raises(GraderError, match="cannot be written"):
        write(out, result("a"))
    assert list(away.iterdir()) == []
    found = read_all(out)
    assert found.results == ()
    assert len(found.problems) == 1


def test_a_folder_where_the_file_should_be_is_a_sentence_and_leaves_no_draft(tmp_path):
    (tmp_path / path_of("a", LAB)).mkdir(parents=True)
    with pytest.raises(GraderError, match="cannot be written"):
        write(tmp_path, result("a"))
    with pytest.raises(GraderError, match="folder, not a file"):
        read(tmp_path, "a", LAB)
    assert [path.name for path in (tmp_path / "results/a").iterdir()] == [f"{LAB}.json"]


def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path):
    out = tmp_path / "out"
    out.write_text("")
    with pytest.raises(GraderError, match="cannot be written"):
        write(out, result("a"))
    with pytest.raises(GraderError, match="cannot be opened"):
        read(out, "a", LAB)


def test_a_full_disk_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    write(tmp_path, result("a"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GraderError, match="No space left"):
        write(tmp_path, partly("a"))
    assert read(tmp_path, "a", LAB) == result("a")
    assert len(list((tmp_path / "results/a").iterdir())) == 1


def test_who_may_read_a_file_stays_as_it_was(tmp_path):
    write(tmp_path, result("a"))
    path = tmp_path / path_of("a", LAB)
    path.chmod(0o600)
    write(tmp_path, partly("a"))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_run_that_is_killed_while_it_writes_leaves_whole_files(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from grader.results.store import write\n"
        "from tests.grader.results.made import partly, result\n"
        "out = Path(sys.argv[1])\n"
        "write(out, result('a')); print('began', flush=True)\n"
        "while True: write(out, partly('a')); write(out, result('a'))\n"
    )
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE)
        with child:
            child.stdout.readline()
            for _ in range(20):
                assert read(tmp_path, "a", LAB) in (result("a"), partly("a"))
            child.send_signal(signal.SIGKILL)
        assert read(tmp_path, "a", LAB) in (result("a"), partly("a"))
        assert read_all(tmp_path).problems == ()


def test_leftovers_of_killed_runs_are_ignored_and_swept_once_they_are_old(tmp_path):
    write(tmp_path, result("a"))
    drafts = [tmp_path / "results" / "a" / f".{'0' * 15}{n}.draft" for n in range(2)]
    drafts.append(tmp_path / "results" / f".{'0' * 16}.draft")
    for draft in drafts:
        draft.write_text("{")
    mine = tmp_path / "results" / "a" / ".notes.draft"
    mine.write_text("mine")
    long_ago = time.time() - files.OLD - 60
    for path in (drafts[0], drafts[2], mine):
        os.utime(path, (long_ago, long_ago))
    assert len(read_all(tmp_path).results) == 1
    assert tidy(tmp_path) == 2
    assert [draft.exists() for draft in drafts] == [False, True, False]
    assert mine.exists()
    assert tidy(tmp_path / "nowhere") == 0


@settings(max_examples=25)
@given(RESULTS)
def test_any_result_survives_the_disk(tmp_path_factory, one):
    out = tmp_path_factory.mktemp("out")
    write(out, one)
    assert read(out, one.student, one.lab, one.attempt) == one
    stored = read_all(out)
    assert ((*stored.results, *stored.earlier), stored.problems) == ((one,), ())


def test_three_hundred_are_read_in_order(tmp_path):
    for number in range(300):
        files.write_below(
            tmp_path,
            path_of(f"s{number}", LAB),
            to_json(not_graded("missing", f"s{number}")).encode(),
            durable=False,
        )
    assert len(read_all(tmp_path).results) == 300


def test_earlier_attempts_lie_beside_the_last_one_and_are_told_apart(tmp_path):
    for number in (0, 2, 1):
        store.write(tmp_path, result("ada", attempt=number, path=str(number)))
    store.write(tmp_path, result("ada", lab=f"{LAB}_more"))
    assert (tmp_path / "results" / "ada" / f"{LAB}.attempt-2.json").is_file()
    stored = store.read_all(tmp_path)
    assert [one.lab for one in stored.results] == [LAB, f"{LAB}_more"]
    assert [one.attempt for one in stored.earlier] == [1, 2]
    assert stored.problems == ()
    found = store.read_attempts(tmp_path, "ada", LAB)
    assert sorted(one.attempt for one in found) == [0, 1, 2]
    assert store.read(tmp_path, "ada", LAB, 2) == result("ada", attempt=2, path="2")


def test_an_attempt_under_the_name_of_another_is_a_problem(tmp_path):
    store.write(tmp_path, result("ada", attempt=1))
    folder = tmp_path / "results" / "ada"
    (folder / f"{LAB}.attempt-1.json").rename(folder / f"{LAB}.json")
    (problem,) = store.read_all(tmp_path).problems
    assert f"{LAB}.attempt-1.json, or delete it" in problem.hint
    assert store.read_attempts(tmp_path, "ada", LAB) == ()
