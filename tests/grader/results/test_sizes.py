"""A result holds a bounded number of letters, whatever a program said; what an honest one says is whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.results import sizes
from grader.results.result import Flag, Loss
from grader.results.scrub import scrub, scrubbed
from grader.results.sizes import ALL_SAID, ALL_WORDS, SAID, SHOWN, WORDS, bounded, unusual
from grader.results.store import to_json
from tests.grader.results.made import HOSTILE, RESULTS, check, exercise, hostile, partly, result
from utils.brief import cut

LETTERS = [*HOSTILE, "\U0001f40d", "e\u0301\u0302\u0303", "\u05d0\u202e", "a\n", "\\"]


def said(one) -> list[str]:
    """What came out of the jail."""
    checks = [check for exercise in one.exercises for check in exercise.checks]
    texts = [text for check in checks for text in (check.called, check.returned, check.detail)]
    return [*texts, *(loss.shown for loss in one.losses), *(flag.shown for flag in one.flags)]


def huge(text: str):
    """A result in which everything is long, and there is a lot of it."""
    long = (text * (30_000 // len(text) + 1))[:30_000]
    words = dict.fromkeys(("title", "message", "called", "returned", "expected", "why", "detail"), long)
    words["max_points"] = 0.25
    made = tuple(
        exercise(f"{at}", *(check(f"{n}", "failed", **words) for n in range(60))) for at in range(60)
    )
    losses = tuple(Loss("cell-timeout", long, long, "1.1", n, long) for n in range(2_000))
    flags = tuple(Flag(f"{n}{long}", long, n, long) for n in range(2_000))
    facts = dict.fromkeys(("reason", "do", "name", "path", "submission", "inputs", "title"), long)
    return result(
        exercises=made, losses=losses, flags=flags, notes=(long,) * 500, lacking=(long,) * 500, **facts
    )


@pytest.mark.parametrize("text", LETTERS, ids=lambda text: ascii(text[:12]))
def test_the_hugest_result_becomes_a_small_one(text):
    one = bounded(huge(text))
    assert sum(map(len, said(one))) <= ALL_SAID
    assert max(map(len, said(one))) <= SAID
    assert max(len(loss.shown) for loss in one.losses) <= SHOWN
    assert max(len(check.message) for exercise in one.exercises for check in exercise.checks) <= WORDS
    assert sum(len(text) for text, _ in sizes._texts(one)) <= ALL_SAID + ALL_WORDS + 200 * 5_000
    assert len(one.losses) == sizes.LOSSES
    assert len(one.flags) == sizes.FLAGS
    assert len(one.notes) == sizes.NOTES
    assert bounded(one) == one
    assert unusual(one) == ""
    assert len(to_json(one)) < 6_000_000
    clean = scrubbed(huge(text))
    assert bounded(clean) == clean
    assert scrubbed(clean) == clean


def test_what_is_left_out_is_counted():
    one = bounded(huge("x"))
    assert one.notes[:2] == ("1,900 more losses are left out here.", "1,900 more flags are left out here.")
    assert len(bounded(result(notes=("n",) * 60)).notes) == 50


@given(RESULTS)
def test_an_ordinary_result_stays_as_it_is(one):
    assert bounded(one) == one
    assert unusual(one) == ""


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_who_it_is_stays_whole(text):
    one = bounded(hostile(text))
    assert (one.student, one.lab) == (text, hostile(text).lab)


@given(st.text(max_size=50), st.integers(0, 60))
def test_what_is_cut_says_so(text, most):
    short = cut(text, most)
    assert len(short) <= most
    assert short == text or (short == "" and most == 0) or short == text[: most - 1] + "…"


def test_what_is_said_early_is_kept_and_the_rest_has_what_is_left():
    made = (exercise("1.1", *(check(f"{n}", "failed", returned=f"{n}" + "x" * 1_990) for n in range(50))),)
    one = bounded(partly(exercises=made))
    (kept,) = one.exercises
    whole = [check.returned for check in kept.checks if len(check.returned) == 1_991 + (int(check.check) > 9)]
    assert len(whole) > 25
    assert kept.checks[0].returned.startswith("0xx")
    assert kept.checks[-1].returned == ""


def test_where_a_text_is_cut_does_not_depend_on_what_is_taken_out():
    ids = ["1ef4f797-8335-6428-8001-8a1503f9b875", "0x7f3b2c1d5e80", "12 ms", "9.12345 s"]
    for one in ids:
        text = "".join(f"{one} and word {n}, " for n in range(1_000))
        losses = (Loss("crashed", "what", shown=text),)
        (kept,) = scrubbed(result(losses=losses)).losses
        assert "1ef4f797" not in kept.shown
        assert "0x7" not in kept.shown
        assert kept.shown.startswith(f"{scrub(one)} and word 0, ")
        assert kept.shown.endswith("…")
        assert len(kept.shown) > SHOWN / 4


class Counting:
    """Counts the letters that are scrubbed."""

    def __init__(self) -> None:
        self.letters = 0

    def __call__(self, text: str) -> str:
        self.letters += len(text)
        return scrub(text)


@pytest.mark.parametrize("text", ["x", "0x7f3b2c1d5e80 ", "1ef4f797-8335-6428-8001-8a1503f9b875", "/tmp/a/"])
def test_what_is_scrubbed_is_bounded(text):
    counting = Counting()
    bounded(huge(text), counting)
    assert counting.letters <= (sizes.LOOK + 1) * ALL_SAID


def test_points_and_numbers_are_not_touched():
    kept = bounded(huge("x"))
    assert [exercise.exercise for exercise in kept.exercises] == [f"{n}" for n in range(50)]
    words = dict.fromkeys(("title", "message", "called", "returned", "expected", "why", "detail"), "")
    words["max_points"] = 0.25
    for made in kept.exercises:
        for number, one in enumerate(made.checks):
            assert replace(one, **words) == check(f"{number}", "failed", exercise=made.exercise, **words)
