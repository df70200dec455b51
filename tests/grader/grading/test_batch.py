"""A class graded: killed and taken up again, in parts, once more, with everything that can lie there."""

from __future__ import annotations

import os
import random
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError, UsageError
from grader.grading.batch import Batch, Graded, grade
from grader.grading.lab_spec import LabSpec, read_lab_spec
from grader.release.course import Course
from grader.results import store
from grader.results.lines import lines
from grader.results.result import Result
from grader.results.views import write_views
from grader.submissions import read_roster
from grader.submissions.layout import NO_OWNER
from make.tools import jail_works
from tests.grader.grading.running import (
    ROOT,
    SECRET,
    Grader,
    contents,
    course,
    gradebook,
    hand_in,
    lean_right,
    result_file,
    small_class,
)
from tests.grader.submissions.files import GOOD, LAB
from tests.grader.submissions.test_malformed import FILES, SYSTEM
from utils.providers import chosen_provider

KILLS = 4
SEED = 20
FULL = 20


@pytest.fixture(scope="module")
def spec() -> LabSpec:
    return read_lab_spec(Course(ROOT), LAB)


# Without any jail: what is read, kept, graded again, refused


class Class:
    """A folder of submissions that nobody runs, and the real batch on it."""

    def __init__(self, folder: Path, spec: LabSpec) -> None:
        self.submissions = folder / "submissions"
        self.submissions.mkdir()
        self.out = folder / "out"
        provider = chosen_provider("openai")
        self.batch = Batch(self.submissions, self.out, {LAB: spec}, SECRET, "digest", provider, jobs=2)
        self.told: list[tuple[str, bool]] = []

    def hand_in(self, **files: bytes) -> None:
        hand_in(self.submissions, files)

    def grade(self, **changed: Any) -> Graded:
        self.told = []
        batch = replace(self.batch, **changed)
        return grade(batch, lambda result, new: self.told.append((result.student, new)), pytest.fail)

    def afresh(self, **changed: Any) -> list[str]:
        """Who is graded now, and was not unchanged."""
        self.grade(**changed)
        return [student for student, new in self.told if new]

    def views(self, graded: Graded | None = None) -> None:
        write_views(self.out, store.read_all(self.out).results)


@pytest.fixture
def unread(tmp_path: Path, spec: LabSpec) -> Class:
    """Three people who handed in what is no notebook."""
    made = Class(tmp_path, spec)
    made.hand_in(ada=b"", ben=GOOD[:30], cem=b"%PDF")
    return made


def test_what_has_not_changed_is_not_graded_again(unread: Class):
    assert unread.afresh() == ["ada", "ben", "cem"]
    before = contents(unread.out)
    assert unread.afresh() == []
    assert [student for student, _ in unread.told] == ["ada", "ben", "cem"], "everyone is told of, each time"
    assert contents(unread.out) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"fresh": True},
        {"secret": bytes(32)},
        {"seconds": 30.0},
        {"digest": "another version of the checks"},
        {"provider": chosen_provider("anthropic")},
        {"sandbox": "none"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_a_result_depends_on_has_everyone_graded_again(unread: Class, changed: dict[str, Any]):
    unread.grade()
    assert unread.afresh(**changed) == ["ada", "ben", "cem"]
    assert unread.afresh(**(changed | {"fresh": False})) == []


def test_more_jobs_and_other_people_change_nothing(unread: Class):
    unread.grade()
    unread.hand_in(dora=b"")
    assert unread.afresh(jobs=1) == ["dora"]
    assert unread.afresh(student="ben") == []


def test_another_file_has_one_person_graded_again(unread: Class):
    unread.grade()
    unread.hand_in(ben=GOOD[:31])
    assert unread.afresh() == ["ben"]


def test_what_matches_nobody_names_who_may_be_meant_and_stays_nobody_s(unread: Class, tmp_path: Path):
    (tmp_path / "roster.csv").write_text("student_id,name\n4711,Ada Okafor\nben,\n")
    unread.hand_in(**{"Ada Okafr": b""})
    (unread.submissions / "okafor ada.txt").write_bytes(b"")
    found = unread.grade(roster=read_roster(tmp_path / "roster.csv"))
    near = "nearest on the roster: Ada Okafor (4711); nothing was assigned"
    stranger = next(one for one in found.results if one.student == "Ada Okafr")
    assert stranger.notes == (f"Ada Okafr is not on the roster; graded all the same; {near}.",)
    assert next(one.status for one in found.results if one.student == "4711") == "missing"
    assert [stray.why for stray in found.handed.strays] == [f"{NO_OWNER}; {near}"]


def test_earlier_attempts_are_graded_where_they_may_count_and_keep_their_results(unread: Class):
    for number, name in enumerate((LAB, f"{LAB}-1")):
        (unread.submissions / "ada" / f"{name}.ipynb").write_bytes(b"%PDF" + bytes([number]))
    assert unread.afresh() == ["ada", "ben", "cem"]
    first = unread.grade()
    assert [stray.path for stray in first.handed.strays] == [f"ada/{LAB}.ipynb"]
    every = {"earlier": frozenset([LAB])}
    assert unread.afresh(**every) == ["ada"]
    assert unread.grade(**every).handed.strays == ()
    (unread.submissions / "ada" / f"{LAB}-2.ipynb").write_bytes(b"%PDF2")
    assert unread.afresh(jobs=1, **every) == ["ada"], "what was the last attempt keeps its result"
    stored = store.read_all(unread.out)
    paths = [(one.attempt, one.path) for one in (*stored.earlier, *stored.results) if one.student == "ada"]
    assert paths == [(1, f"ada/{LAB}.ipynb"), (2, f"ada/{LAB}-1.ipynb"), (0, f"ada/{LAB}-2.ipynb")]


def test_another_time_is_written_down_and_nothing_is_graded_again(unread: Class):
    folder = unread.submissions / "submitted" / "dora" / LAB
    folder.mkdir(parents=True)
    (folder / f"{LAB}.ipynb").write_bytes(b"%PDF")
    assert unread.afresh() == ["dora"]
    (folder / "timestamp.txt").write_text("2026-11-03 15:58:23.948203 UTC")
    assert unread.afresh() == []
    dora = store.read(unread.out, "dora", LAB)
    assert dora is not None
    came = ("2026-11-03T15:58:23+00:00", "nbgrader's timestamp.txt")
    assert (dora.handed_in, dora.told_by) == came
    (folder / "timestamp.txt").unlink()
    assert unread.afresh() == []
    dora = store.read(unread.out, "dora", LAB)
    assert dora is not None
    assert (dora.handed_in, dora.told_by) == came, "a time that nobody tells any more is still known"


def test_files_that_were_handed_in_together_came_at_the_same_time(unread: Class):
    folder = unread.submissions / "submitted" / "dora" / LAB
    folder.mkdir(parents=True)
    for number in ("", "-2"):
        (folder / f"{LAB}{number}.ipynb").write_bytes(b"%PDF" + number.encode())
    (folder / "timestamp.txt").write_text("2026-11-03 15:58:23.948203 UTC")
    unread.grade(earlier=frozenset([LAB]))
    stored = store.read_all(unread.out)
    times = [one.handed_in for one in (*stored.earlier, *stored.results) if one.student == "dora"]
    assert times == ["2026-11-03T15:58:23+00:00"] * 2


def test_a_file_that_was_taken_away_is_missing_or_forgotten(unread: Class, tmp_path: Path):
    (tmp_path / "roster.csv").write_text("student_id\nada\nben\n")
    roster = read_roster(tmp_path / "roster.csv")
    unread.grade(roster=roster)
    shutil.rmtree(unread.submissions / "ada")
    shutil.rmtree(unread.submissions / "cem")
    found = unread.grade(roster=roster)
    assert [(one.student, one.status) for one in found.results] == [("ada", "missing"), ("ben", "unreadable")]
    assert found.afresh == 1


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"version": 7}', b"\xff", b'{"version": 2}'])
def test_a_broken_result_is_graded_afresh_and_named(unread: Class, broken: bytes):
    unread.grade()
    whole = contents(unread.out)
    result_file(unread.out, "ben").write_bytes(broken)
    found = unread.grade()
    assert [student for student, new in unread.told if new] == ["ben"]
    (problem,) = found.problems
    assert str(result_file(unread.out, "ben")) in problem
    assert contents(unread.out) == whole


def test_somebody_else_s_result_under_this_name_is_not_taken(unread: Class):
    unread.grade()
    shutil.copyfile(result_file(unread.out, "ada"), result_file(unread.out, "ben"))
    found = unread.grade()
    assert [student for student, new in unread.told if new] == ["ben"]
    assert "someone else" in found.problems[0]


@pytest.mark.parametrize("inside", ["", "grades", "ada/grades"])
def test_results_among_the_submissions_are_refused(unread: Class, inside: str):
    with pytest.raises(UsageError, match="cannot lie among the submissions"):
        unread.grade(out=unread.submissions / inside)
    assert not (unread.submissions / inside / "results").exists()


def test_results_that_lie_among_the_submissions_by_a_link_are_refused(unread: Class, tmp_path: Path):
    (tmp_path / "link").symlink_to(unread.submissions / "ada")
    with pytest.raises(UsageError, match="cannot lie among the submissions"):
        unread.grade(out=tmp_path / "link" / "grades")


def test_a_student_who_is_not_there_is_refused(unread: Class):
    with pytest.raises(UsageError, match="nobody called 'zoe'"):
        unread.grade(student="zoe")


def test_every_student_is_in_exactly_one_shard(unread: Class):
    unread.hand_in(**{f"student {number}": b"" for number in range(20)})
    parts = [[one.student for one in unread.grade(shard=(part, 3)).results] for part in (1, 2, 3)]
    assert all(parts)
    assert sorted(student for part in parts for student in part) == [
        one.student for one in unread.grade().results
    ]


@pytest.fixture
def no_jails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose bubblewrap can build nothing."""
    program = tmp_path / "programs" / "bwrap"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'bwrap: no permission' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_one_jail_that_cannot_start_costs_nobody_else(unread: Class, no_jails: None):
    unread.hand_in(abe=GOOD)
    graded = unread.grade(warm=False)
    assert [one.student for one in graded.results] == ["ada", "ben", "cem"]
    (failed,) = graded.failed
    assert failed.startswith("abe, 01_persistence: the jail could not be built: no permission")


def test_a_machine_on_which_no_jail_starts_is_said_and_not_tried_for_ever(unread: Class, no_jails: None):
    unread.hand_in(**{f"zoe {number}": GOOD + b" " * number for number in range(5)})
    with pytest.raises(GraderError, match="no permission") as raised:
        unread.grade(warm=False)
    assert "doctor" in raised.value.hint
    assert [one.student for one in store.read_all(unread.out).results] == ["ada", "ben", "cem"]


def test_a_keyboard_interrupt_while_results_are_told_keeps_what_was_written(unread: Class):
    def tell(result: Result, new: bool) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(replace(unread.batch, jobs=1), tell, pytest.fail)
    stored = store.read_all(unread.out)
    assert stored.problems == ()
    assert "ada" in {one.student for one in stored.results}


# Rosters, adjustments

STRANGE = ("Ünïcödé", "O’Brien, Jr", 'Sam "the" Lee', "two\nlines", "=1+1", "+49 30", "-x", "@you", "王小明")


def test_a_roster_with_all_that_csv_knows_lists_who_is_missing_and_strangers_are_graded(
    unread: Class, tmp_path: Path
):
    quoted = ["".join(('"', student.replace('"', '""'), '"')) for student in STRANGE]
    (tmp_path / "roster.csv").write_text("\n".join(["student_id,name", *(f"{q},{q}" for q in quoted)]) + "\n")
    unread.hand_in(**dict.fromkeys(STRANGE[:4], b""))
    found = unread.grade(roster=read_roster(tmp_path / "roster.csv"))
    statuses = {one.student: one.status for one in found.results}
    assert {student for student, status in statuses.items() if status == "missing"} == {*STRANGE[4:]}
    assert {*statuses} == {*STRANGE, "ada", "ben", "cem"}
    strangers = [one.student for one in found.results if any("not on the roster" in n for n in one.notes)]
    assert strangers == ["ada", "ben", "cem"]
    unread.views()
    rows = gradebook(unread.out)
    assert len(rows) == len(statuses)
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert all("\n" not in cell for row in rows for cell in row.values())
    assert {row["score"] for row in rows} == {""}, "nobody who was not judged has 0 points"


def test_adjustments_are_applied_and_survive_grading_again(unread: Class):
    unread.grade()
    unread.views()
    table = unread.out / "adjustments.csv"
    table.write_text(table.read_text() + f'ben,{LAB},*,12.5,R. Miller,"saw it, on paper"\n')
    kept = table.read_bytes()
    for changed in ({}, {"fresh": True}, {"seconds": 99.0}):
        unread.grade(**changed)
        unread.views()
        scores = {row["student_id"]: (row["score"], row["adjusted"]) for row in gradebook(unread.out)}
        assert scores == {
            "ada": ("", ""),
            "ben": ("12.5", "lab=12.5 (R. Miller: saw it, on paper)"),
            "cem": ("", ""),
        }
        assert table.read_bytes() == kept


# Everything that can lie there, beside what is right


@pytest.fixture(scope="module")
def possible() -> None:
    if not jail_works():
        pytest.skip("bubblewrap may not make namespaces here")


@pytest.mark.jail
def test_no_broken_submission_costs_a_right_one_anything(possible, tmp_path: Path, spec: LabSpec):
    folder = tmp_path / "submissions"
    hand_in(folder, {f"broken {name}": content for name, (content, _, _) in FILES.items()})
    for name, (make, _, _) in SYSTEM.items():
        (folder / f"broken {name}").mkdir()
        make(folder / f"broken {name}" / f"{LAB}.ipynb")
    hand_in(folder, {"a right one": lean_right(), "right, the last": lean_right() + b"\n"})
    told: list[Result] = []
    provider = chosen_provider("openai")
    batch = Batch(folder, tmp_path / "out", {LAB: spec}, SECRET, "", provider, seconds=120.0, jobs=2)
    grade(batch, lambda result, new: told.append(result), pytest.fail)
    broken = [one for one in told if one.student.startswith("broken ")]
    right = [one for one in told if one not in broken]
    assert len(broken) == len(FILES) + len(SYSTEM)
    assert [(one.student, one.status, one.points) for one in right] == [
        ("a right one", "graded", FULL),
        ("right, the last", "graded", FULL),
    ]
    assert {one.status for one in broken} == {"unreadable"}
    assert [one.student for one in broken if not (one.reason and one.do)] == []
    write_views(tmp_path / "out", store.read_all(tmp_path / "out").results)
    assert len(gradebook(tmp_path / "out")) == len(told)
    assert max(path.stat().st_size for path in (tmp_path / "out/feedback").rglob("*.html")) <= 40_000


def test_names_of_folders_do_nothing_to_a_terminal(unread: Class):
    hostile = ["\x1b[31mred", "\x1b]0;owned\x07", "\u202egnp", "two\nlines", "a\rb", "\x9b1m", "名前" * 30]
    unread.hand_in(**dict.fromkeys(hostile, b""))
    found = unread.grade()
    said = [line for one in found.results for line in lines(one, 80)]
    assert all(line.isprintable() for line in said)
    assert len(found.results) == len(hostile) + 3


# Killed, interrupted, taken up again; in parts; one at a time


@pytest.fixture(scope="module")
def grader(possible, tmp_path_factory: pytest.TempPathFactory) -> Grader:
    folder = tmp_path_factory.mktemp("grader")
    (folder / "course").mkdir()
    return Grader(course(folder / "course"), folder / "tmp")


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hand_in(tmp_path_factory.mktemp("class") / "submissions", small_class())


@pytest.fixture(scope="module")
def undisturbed(
    grader: Grader, handed_in: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """What a run leaves that nobody disturbs."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    done = grader.grade(handed_in, out, "--jobs", "2", "--json")
    assert done.code == 1, done.err
    assert grader.living() == []
    assert grader.left_behind() == []
    return contents(out)


@pytest.mark.jail
def test_a_run_that_is_killed_again_and_again_ends_like_one_that_is_not(
    grader: Grader, handed_in: Path, undisturbed: dict[str, bytes], tmp_path: Path
):
    rng = random.Random(SEED)
    out = tmp_path / "out"
    words = grader.words(handed_in, out, "--jobs", "2", "--json")
    jailed = 0
    for _ in range(KILLS):
        finished = len(store.read_all(out).results) if out.exists() else 0
        done = grader.stopped(words, signal.SIGKILL, min(finished + rng.randint(0, 3), 12), rng.uniform(0, 1))
        assert done.code in (-signal.SIGKILL, 1), done.err
        jailed += done.jailed
        assert grader.living() == []
        assert not out.exists() or store.read_all(out).problems == (), "what is written is whole"
    assert jailed, "somebody was at work, or nobody could have been left"
    last = grader(*words)
    assert last.code == 1, last.err
    assert [one["student"] for one in last.results] == sorted(path.name for path in handed_in.iterdir())
    assert contents(out) == undisturbed
    assert grader.living() == []
    assert grader.left_behind() == [], "a later run takes away what killed ones have left"


@pytest.mark.jail
def test_two_shards_one_submission_at_a_time_put_together_by_copying_give_the_same_bytes(
    grader: Grader, handed_in: Path, undisturbed: dict[str, bytes], tmp_path: Path
):
    students = []
    for part in ("1/2", "2/2"):
        done = grader.grade(handed_in, tmp_path / part[0], "--shard", part, "--jobs", "1", "--json")
        assert done.code == 1, done.err
        students += [one["student"] for one in done.results]
        shutil.copytree(tmp_path / part[0] / "results", tmp_path / "both" / "results", dirs_exist_ok=True)
    assert sorted(students) == sorted(path.name for path in handed_in.iterdir())
    done = grader("report", tmp_path / "both")
    assert done.code == 0, done.err
    assert contents(tmp_path / "both") == undisturbed


@pytest.mark.jail
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_an_interrupted_run_keeps_what_it_has_and_leaves_nobody_running(
    grader: Grader, tmp_path: Path, sent: signal.Signals
):
    endless = b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "while True: pass"}]}'
    folder = hand_in(tmp_path / "submissions", {"ada": b"", "ben": GOOD[:40], "zoe": endless})
    # The third one is at work for as long as it may be: whoever stops the run does not wait for it.
    grader = replace(grader, temporary=tmp_path / "tmp")
    words = grader.words(folder, tmp_path / "out", "--json", "--jobs", "2")
    done = grader.stopped(words, sent, 2, 0.5)
    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    assert [one["student"] for one in done.results] == ["ada", "ben"]
    assert [one.student for one in store.read_all(tmp_path / "out").results] == ["ada", "ben"]
    assert grader.living() == []
    assert "interrupted" in done.err
    assert grader.left_behind() == []
