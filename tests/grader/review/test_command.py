"""``grader review`` and ``grader adjust`` as people type them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.results import adjustments, store
from grader.results.adjustments import Adjustment
from tests.grader.results.made import LAB, partly, result
from tests.grader.review.rooms import settings, written
from tests.grader.review.test_server import Page, save

ROOT = Path(__file__).resolve().parents[3]


def type_(*words: str | Path) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def given(out: Path) -> tuple[Adjustment, ...]:
    return adjustments.read(out, store.read_all(out).results).given


# adjust


def test_points_and_a_comment_are_saved_from_the_shell(tmp_path: Path) -> None:
    out = written(tmp_path / "out")
    words = ("--points", "1.5", "--reason", "read by hand", "--comment", "Close it.", "--author", "RM")
    done = type_("adjust", out, "bob", LAB, "1,2", *words)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"saved, with a comment: bob  {LAB}  3.5 of 4\n")
    (one,) = given(out)
    assert (one.exercise, one.points, one.comment, one.author) == ("1.2", 1.5, "Close it.", "RM")
    done = type_("adjust", out, "bob", LAB, "1.2", "--back", "--author", "RM")
    assert done.stdout.startswith(f"taken back: bob  {LAB}  3 of 4\n")
    assert given(out) == ()


def test_what_was_adjusted_is_in_gradebook_and_feedback_after_grading_again(tmp_path: Path) -> None:
    out = written(tmp_path / "out", [partly("bob")])
    type_(
        "adjust",
        out,
        "bob",
        LAB,
        "1.2",
        "--points",
        "2",
        "--reason",
        "r",
        "--comment",
        "Good.",
        "--author",
        "RM",
    )
    store.write(out, result("bob"))
    assert type_("report", out).exit_code == 0
    assert "1.2=2 (RM: r)" in (out / "gradebook.csv").read_text()
    assert "Good." in (out / "feedback" / "bob" / f"{LAB}.html").read_text()
    assert "“Good.”" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("zoe", LAB, "1.1"), "there is no result of a student zoe"),
        (("bob", "x", "1.1"), "bob has no result for x"),
        (("bob", LAB, "7"), "has no exercise 7"),
        (("bob", LAB, "1.2", "--points", "3", "--reason", "r"), "3 points are more than the 2"),
        (("bob", LAB, "1.2", "--points", "1"), "points need a reason"),
        (("bob", LAB, "1.2", "--back"), "there is no decision to take back"),
    ],
    ids=str,
)
def test_what_cannot_be_decided_is_a_sentence(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    out = written(tmp_path / "out")
    done = type_("adjust", out, *words, "--author", "RM")
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (out / "adjustments.csv").exists()


# review


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("nowhere",), "there are no results", 2),
        (("OUT", "nowhere"), "the folder of submissions is not there", 2),
        (("OUT", "--lab", "07_x"), "there are no results of these labs", 2),
        (("OUT", "--port", "70000"), "cannot listen on 127.0.0.1:70000", 2),
    ],
    ids=str,
)
def test_a_room_that_cannot_be_opened_is_a_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str, code: int
) -> None:
    out = written(tmp_path / "out")
    done = type_("review", *(out if word == "OUT" else word for word in words))
    assert (done.exit_code, said in done.stderr) == (code, True), done.output


def test_results_without_a_jail_are_refused_unless_somebody_wants_them(tmp_path: Path) -> None:
    out = written(tmp_path / "out", [result("ada", sandbox="none")])
    done = type_("review", out)
    assert done.exit_code == 1
    assert "1 result here ran without a jail" in done.stderr
    assert "--unsandboxed" in done.stderr


def opened(out: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "grader", "review", str(out), "--author", "RM", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("open: "):
            return child, line.removeprefix("open: ").strip()
    raise AssertionError(child.wait())


def left(child: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    child.send_signal(number)
    assert child.stderr is not None
    with child.stderr:
        said = child.stderr.read()
    return child.wait(), said


def test_ctrl_c_writes_the_views_and_a_kill_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    out = settings(tmp_path).out
    child, address = opened(out)
    with httpx.Client(base_url=address.partition("/start")[0], follow_redirects=True) as client:
        page = Page(client.get(address).text)
        look = next(facts["href"] for tag, facts in page.tags if tag == "a" and facts.get("data-key") == "n")
        assert look is not None
        assert save(client, look.partition("?")[0], comment="Look again.").status_code == 200
    assert left(child, signal.SIGKILL)[0] == -signal.SIGKILL
    (one,) = given(out)
    assert one.comment == "Look again."
    child, address = opened(out)
    with httpx.Client(base_url=address.partition("/start")[0], follow_redirects=True) as client:
        client.get(address)
        assert "Look again." in client.get(look.partition("?")[0]).text
        save(client, look.partition("?")[0], comment="Once more.")
    code, said = left(child, signal.SIGINT)
    assert (code, "1 decision: writing gradebook, feedback and report" in said) == (0, True), said
    assert "Traceback" not in said
    assert "Once more." in (out / "feedback" / one.student / f"{LAB}.html").read_text()
