"""``python -m grader grade`` as people type it: one sentence for what is wrong, and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from grader.grading import command
from grader.results import store
from make.tools import jail_works
from tests.grader.grading.running import ROOT, SECRET, Grader, contents, gradebook, hand_in, lean_right
from tests.grader.submissions.files import GOOD, LAB

ESCAPE = "\x1b"


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    """Two people who handed in what is no notebook: graded without starting anything."""
    return hand_in(tmp_path / "submissions", {"ada": b"", "ben": GOOD[:30]})


@pytest.fixture
def type_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Types a command, with a secret of its own and without a sandbox, for there is nothing to run."""
    # Who edits the grader meanwhile does not have everybody graded again.
    monkeypatch.setattr(command, "digest", lambda course: "the same")
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "secret").chmod(0o600)

    def run(*words: str | Path, sandbox: bool = False) -> Result:
        usual = [] if words[0] != "grade" else ["--secret", tmp_path / "secret", "--root", ROOT, "--lab", LAB]
        usual += [] if sandbox or words[0] != "grade" else ["--no-sandbox"]
        return CliRunner().invoke(app, [str(word) for word in [*words, *usual]])

    return run


# Wrong use


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--lab", "07_nothing"], "there is no lab '07_nothing'\n  What to do: the labs are: 01_persistence"),
        (["--lab", "../labs"], "there is no lab '../labs'"),
        (["--shard", "3/2"], "--shard 3/2: name a part"),
        (["--shard", "0/2"], "--shard 0/2: name a part"),
        (["--shard", "1"], "--shard 1: name a part"),
        (["--shard", "a/b"], "the second of four is --shard 2/4"),
        (["--timeout", "0"], "--timeout 0: "),
        (["--timeout", "-1"], "for example --timeout 30"),
        (["--timeout", "nan"], "--timeout nan"),
        (["--timeout", "inf"], "--timeout inf"),
        (["--show"], "--show needs to know whose work\n  What to do: add --student ID"),
        (["--exercise", "1.2"], "--exercise says what to show\n  What to do: add --show"),
        (["--student", "ada", "--show", "--exercise", "9.9"], "there is no exercise '9.9'"),
        (["--student", "zoe"], "nobody called 'zoe' has handed anything in"),
        (["--student", "zoe", "--show"], "nobody called 'zoe' has handed anything in"),
        (["--roster", "nowhere.csv"], "the roster cannot be read: No such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_sentence_and_exit_code_2(type_, submissions, tmp_path, words, said):
    done = type_("grade", submissions, "--out", tmp_path / "out", *words)
    assert done.exit_code == 2, done.output
    error = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(error) == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["--jobs", "0"], ["--jobs", "two"], ["--timeout", "soon"], ["--what"]])
def test_a_word_that_is_no_option_or_number_is_exit_code_2(type_, submissions, words):
    done = type_("grade", submissions, *words)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


@pytest.mark.parametrize("place", ["nowhere", "submissions/ada/01_persistence.ipynb"])
def test_a_folder_that_is_none_is_one_sentence(type_, submissions, tmp_path, place):
    done = type_("grade", tmp_path / place, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert place in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_results_among_the_submissions_are_refused(type_, submissions):
    done = type_("grade", submissions, "--out", submissions / "grades")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the results cannot lie among the submissions" in done.stderr
    assert "name another folder with --out" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,group\nAda,7\n", "student_id"),
        ("student_id\nada\nada\n", "line 3: ada is already in line 2"),
        ("student_id,name\nada,O'Brien, Jr\n", "line 2: 3 cells under 2 columns"),
        ('student_id\n"ada\n', "a quotation mark is never closed"),
    ],
    ids=["no id", "twice", "a comma too much", "an open quote"],
)
def test_a_roster_with_a_fault_is_refused_with_its_line(type_, submissions, tmp_path, text, said):
    (tmp_path / "roster.csv").write_text(text)
    done = type_("grade", submissions, "--out", tmp_path / "out", "--roster", tmp_path / "roster.csv")
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_report_needs_a_folder_that_grade_wrote(type_, tmp_path):
    done = type_("report", tmp_path)
    assert done.exit_code == 2
    assert "there are no results\n  What to do: name the folder that grade --out wrote" in done.stderr


# What is said


def test_results_go_to_stdout_and_all_else_to_stderr(type_, submissions, tmp_path):
    done = type_("grade", submissions, "--out", tmp_path / "out")
    assert done.exit_code == 1
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [head.split()[0] for head in heads] == ["ada", "ben"]
    assert "limits: 2 s of processor time" in done.stderr
    assert "2 results: 2 unreadable" in done.stderr
    assert "gradebook.csv" in done.stderr


def test_without_a_sandbox_it_is_said_and_every_row_is_stamped(type_, submissions, tmp_path):
    done = type_("grade", submissions, "--out", tmp_path / "out")
    assert "NO SANDBOX" in done.stderr
    assert [row["sandbox"] for row in gradebook(tmp_path / "out")] == ["unsandboxed"] * 2
    assert done.stdout.count("unsandboxed") == 2


def test_nothing_handed_in_is_said_and_no_failure(type_, tmp_path):
    (tmp_path / "empty").mkdir()
    done = type_("grade", tmp_path / "empty", "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "nothing was handed in here for these labs" in done.stderr


def test_who_is_missing_is_no_failure_either(type_, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "roster.csv").write_text("student_id\nada\n")
    done = type_("grade", tmp_path / "empty", "--out", tmp_path / "out", "--roster", tmp_path / "roster.csv")
    assert done.exit_code == 0
    assert "1 missing" in done.stderr


def test_json_is_one_line_each_and_the_same_for_what_had_not_changed(type_, submissions, tmp_path):
    first = type_("grade", submissions, "--out", tmp_path / "out", "--json")
    told = [json.loads(line) for line in first.stdout.splitlines()]
    assert [(one["student"], one["status"], one["score"]) for one in told] == [
        ("ada", "unreadable", None),
        ("ben", "unreadable", None),
    ]
    again = type_("grade", submissions, "--out", tmp_path / "out", "--json")
    assert again.stdout == first.stdout
    assert "2 unchanged since the last time; --fresh grades them again" in again.stderr


def test_what_had_not_changed_is_counted_and_who_needs_somebody_is_said_again(type_, submissions, tmp_path):
    first = type_("grade", submissions, "--out", tmp_path / "out")
    again = type_("grade", submissions, "--out", tmp_path / "out")
    assert (again.exit_code, again.stdout) == (1, first.stdout)
    assert "2 unchanged" in again.stderr
    fresh = type_("grade", submissions, "--out", tmp_path / "out", "--fresh")
    assert "unchanged" not in fresh.stderr
    assert fresh.stdout != ""


def test_a_broken_result_is_said_and_replaced(type_, submissions, tmp_path):
    type_("grade", submissions, "--out", tmp_path / "out")
    whole = contents(tmp_path / "out")
    (tmp_path / "out/results/ben" / f"{LAB}.json").write_text("{")
    done = type_("grade", submissions, "--out", tmp_path / "out")
    assert "note: " in done.stderr
    assert f"results/ben/{LAB}.json" in done.stderr
    assert "1 unchanged" in done.stderr
    assert contents(tmp_path / "out") == whole


def test_files_of_nobody_are_counted_and_named_in_the_report(type_, submissions, tmp_path):
    (submissions / "notes.docx").write_bytes(b"PK")
    done = type_("grade", submissions, "--out", tmp_path / "out")
    assert "1 file" in done.stderr
    assert "notes.docx" in (tmp_path / "out/report.html").read_text("utf-8")


def test_a_broken_adjustments_file_keeps_results_and_says_what_to_do(type_, submissions, tmp_path):
    type_("grade", submissions, "--out", tmp_path / "out")
    (tmp_path / "out/adjustments.csv").write_text("student,points\nada,3\n")
    for words in (("grade", submissions, "--out", tmp_path / "out"), ("report", tmp_path / "out")):
        done = type_(*words)
        assert done.exit_code == 2
        assert "adjustments.csv" in done.stderr
        assert "Traceback" not in done.output
    assert len(store.read_all(tmp_path / "out").results) == 2


# Machines that cannot


def programs(folder: Path, **scripts: str) -> dict[str, str]:
    """An environment in which only these programs are found."""
    folder.mkdir()
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder)}


@pytest.fixture
def grader(tmp_path: Path) -> Grader:
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "secret").chmod(0o600)
    return Grader(tmp_path, tmp_path / "tmp")


def here(grader: Grader, submissions: Path, *more: str | Path, **environment: str) -> Any:
    """A run on this repository itself."""
    environment = {"PYTHONPATH": str(ROOT), **environment}
    return grader.grade(submissions, grader.course / "out", "--root", ROOT, *more, **environment)


def test_without_bubblewrap_it_says_what_to_install_and_writes_nothing(grader, submissions, tmp_path):
    done = here(grader, submissions, **programs(tmp_path / "bin"))
    assert (done.code, done.out) == (1, "")
    assert "bubblewrap is not installed" in done.err
    assert "apt install bubblewrap" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()
    assert grader.left_behind() == []


def test_a_bubblewrap_that_may_not_build_jails_is_said_and_results_so_far_are_kept(
    grader, submissions, tmp_path
):
    hand_in(submissions, {"zoe": GOOD})
    bins = programs(tmp_path / "bin", bwrap="echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    done = here(grader, submissions, "--json", **bins)
    assert done.code == 1
    assert [one["student"] for one in done.results] == ["ada", "ben"]
    assert (
        "error: zoe, 01_persistence: the jail could not be built: setting up uid map: Permission denied"
        in done.err
    )
    assert "doctor says what this machine lacks" in done.err
    assert "Traceback" not in done.err
    assert [one.student for one in store.read_all(tmp_path / "out").results] == ["ada", "ben"]
    assert grader.left_behind() == []


def test_no_colour_and_no_progress_where_nobody_looks(grader, submissions, tmp_path):
    done = here(grader, submissions, "--no-sandbox", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="")
    assert ESCAPE not in done.out + done.err
    assert "\r" not in done.out + done.err
    assert done.code == 1


# One student's work, shown


@pytest.mark.jail
def test_show_asks_once_more_and_prints_questions_answers_and_traffic(type_, tmp_path):
    if not jail_works():
        pytest.skip("bubblewrap may not make namespaces here")
    folder = hand_in(tmp_path / "submissions", {"ada": lean_right(), "ben": b""})
    done = type_(
        *("grade", folder, "--out", tmp_path / "out", "--student", "ada", "--show", "--timeout", "120"),
        sandbox=True,
    )
    assert done.exit_code == 0, done.stderr
    said = done.stdout
    for number in range(1, 7):
        assert f"\n1.{number}  " in said
    assert "  asked  ask(" in said
    assert "  came   " in said
    assert "  model  model request 1, status 200" in said
    assert "  passed, 1 of 1: " in said
    assert said.rstrip().endswith("graded: 20 points")
    assert all(line.isprintable() for line in said.splitlines())
    assert not (tmp_path / "out").exists(), "showing is no grading"
    assert "✗" not in said


@pytest.mark.jail
def test_show_of_one_exercise_marks_the_question_that_failed_and_ends_with_the_true_points(type_, tmp_path):
    if not jail_works():
        pytest.skip("bubblewrap may not make namespaces here")
    folder = hand_in(tmp_path / "submissions", {"ada": lean_right().replace(b"def ask(", b"def ask_not(")})
    out = tmp_path / "out"
    out.mkdir()
    head = "student_id,lab,exercise,points,author,reason"
    (out / "adjustments.csv").write_text(f"{head}\nada,{LAB},1.2,1,RM,by hand\n")
    words = ("--student", "ada", "--show", "--exercise", "1.2", "--timeout", "120")
    done = type_("grade", folder, "--out", out, *words, sandbox=True)
    assert done.exit_code == 0, done.stderr
    said = done.stdout
    assert "\n1.2  " in said
    assert "\n1.1  " not in said
    assert "\n✗ asked  " in said
    assert said.rstrip().endswith(" as people decided: 1.2=1 (RM: by hand)")


def test_show_says_of_what_cannot_be_read_why(type_, submissions, tmp_path):
    done = type_("grade", submissions, "--out", tmp_path / "out", "--student", "ada", "--show")
    assert done.exit_code == 0
    assert "The file is empty" in done.stdout
