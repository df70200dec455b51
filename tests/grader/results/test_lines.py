"""What a terminal says: one line for what is right, at most five for the rest, nothing that acts."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.results.lines import MOST, NARROW, as_json_line, lines, summary
from grader.results.result import Flag, Loss
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
from utils.views.plain import width as columns_of


def test_what_is_right_is_one_line():
    assert lines(result("ada"), 80) == [f"ada  {LAB}  4 of 4"]


def test_what_is_wrong_says_which_exercise_and_what():
    assert lines(partly(late=True, sandbox="none"), 80) == [
        f"bob  {LAB}  3 of 4  late  unsandboxed",
        "  1.2  After a tool has answered, the model must be asked again.",
    ]


@pytest.mark.parametrize("status", ["missing", "unreadable", "tampered"])
def test_what_could_not_be_judged_says_why_and_what_to_do(status):
    assert lines(not_graded(status), 80) == [
        f"eve  {LAB}  – of 4  {status}",
        f"  Reason of {status}. Do about {status}.",
    ]


def test_without_a_reason_there_is_still_a_sentence():
    assert lines(not_graded("missing", reason="", do=""), 80)[1] == "  It is missing."


def test_flags_losses_and_exercises_are_named_in_this_order():
    one = not_graded(
        "timeout",
        flags=(Flag("a", "It patches langgraph."), Flag("a", "It patches langgraph.")),
        losses=(Loss("cell-timeout", "The cell took too long.", "Look for a loop.", "1.2", 7),),
        exercises=(exercise("1.1", check("a", "not run")),),
    )
    assert lines(one, 80)[1:] == [
        "  Reason of timeout. Do about timeout.",
        "  look: It patches langgraph. (2 times)",
        "  1.2, cell 7: The cell took too long. Look for a loop.",
        "  1.1  not run",
    ]


def test_a_right_one_with_a_flag_or_a_loss_is_no_single_line():
    assert len(lines(result(flags=(Flag("a", "x"),)), 80)) == 2
    assert len(lines(result(losses=(Loss("cell-error", "x"),)), 80)) == 2


def test_what_is_more_than_five_lines_is_counted():
    one = result(exercises=tuple(exercise(f"1.{at}", check("a", "failed")) for at in range(9)))
    found = lines(one, 80)
    assert len(found) == MOST
    assert found[-1] == "  and 6 more, see report.html"
    four = result(exercises=tuple(exercise(f"1.{at}", check("a", "failed")) for at in range(4)))
    assert lines(four, 80)[-1].startswith("  1.3  After")


MORE = (
    "e" + "\u0301" * 500_000,
    "\u0301" * 1_000_000,
    "\U0001f40d" * 500_000,
    "\u05d0\u202e" * 500_000,
    "a\n" * 500_000,
)


@pytest.mark.parametrize("text", [*HOSTILE, *MORE], ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("width", [0, 60, 200])
def test_hostile_text_does_nothing_and_fits(text, width):
    found = lines(hostile(text), width)
    assert len(found) <= MOST
    assert all(columns_of(line) <= max(width, NARROW) for line in found)
    # Letters without a width, such as accents, are letters all the same.
    assert all(len(line) < 2_000 for line in found)
    assert LAB in found[0]
    assert not {"\x1b", "\n", "\u202e", "\r", "\x85"} & set("".join(found))
    "".join(found).encode()


@given(RESULTS, st.integers(-5, 120))
def test_any_result_is_at_most_five_lines_that_fit(one, width):
    found = lines(one, width)
    assert 1 <= len(found) <= MOST
    assert all(columns_of(line) <= max(width, NARROW) for line in found)
    assert "\n" not in "".join(found)
    assert json.loads(as_json_line(one))["student"] == one.student


def test_the_summary_counts_and_says_where_everything_lies():
    everyone = [result("a"), partly("b", flags=(Flag("a", "x"),)), not_graded("missing", "c", sandbox="none")]
    assert summary(everyone, Path("out")) == (
        "3 results: 2 graded, 1 missing, 1 fully right, 1 flagged: look at report.html, 1 unsandboxed\n"
        "in out: gradebook.csv, report.html, feedback/, results/"
    )
    assert "\x1b" not in summary([], Path("o\x1b]0;x\x07ut"))


def test_a_line_of_json_is_one_line_that_programs_read():
    line = as_json_line(partly(name="Jos\u00e9\n\x1b"))
    assert line.isascii()
    assert "\n" not in line
    plain = json.loads(line)
    assert (plain["score"], plain["max_score"], plain["status"]) == (3, 4, "graded")
    assert plain["exercises"][1]["checks"][1]["message"].startswith("After a tool")
    assert json.loads(as_json_line(not_graded("tampered")))["score"] is None
