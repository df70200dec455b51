"""Calls say what overlapped, in rounds that are the same on every run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.utils.observed.asked import AT_ONCE, ONE_BY_ONE, REFILLED, Asked, named
from utils.observed.calls import Call, Span, calls_of, most_open, rounds


def test_most_open_counts_what_overlaps() -> None:
    assert most_open(calls_of(ONE_BY_ONE)) == 1
    assert most_open(calls_of(AT_ONCE)) == 4
    assert most_open(calls_of(REFILLED)) == 2
    assert most_open(()) == 0


def test_a_call_that_is_open_counts_to_the_end() -> None:
    calls = calls_of([named("a", 0, None), named("b", 1, 2), named("c", 3, None)])
    assert most_open(calls) == 2
    assert rounds(calls) == [Span(0, 1), Span(0, 0), Span(1, 1)]


def test_a_new_round_begins_with_an_arrival_after_an_end() -> None:
    assert rounds(calls_of(REFILLED)) == [Span(0, 0), Span(0, 2), Span(1, 1), Span(2, 2)]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.001, 50)), max_size=30))
def test_rounds_and_overlap_agree(times: list[tuple[float, float]]) -> None:
    calls = [Call(str(n), begun, begun + long) for n, (begun, long) in enumerate(times)]
    spans = rounds(calls)
    assert all(0 <= span.first <= span.last for span in spans)
    if calls:
        together = max(sum(s.first <= n <= s.last for s in spans) for n in range(len(calls)))
        assert most_open(calls) <= together
        assert max(span.last for span in spans) < len(calls)
        assert (most_open(calls) == len(calls)) == (together == len(calls) == most_open(calls))


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        (Asked(0, 1, {"query": "weather in Oslo"}), "weather in Oslo"),
        (Asked(0, 1, {"city": "Oslo", "days": 3}), "Oslo, 3"),
        (Asked(0, 1, questions=("sf?", "la?"), kind="model"), "la?"),
        (Asked(0, 1, {}, kind="tool"), "tool"),
    ],
)
def test_a_call_is_named_after_what_was_asked(asked: Asked, label: str) -> None:
    assert calls_of([asked])[0].label == label
