"""The picture of calls says what overlapped, the same on every run, whatever it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.views.gantt import Call, Span, calls_of, gantt, most_open, rounds


@dataclass
class Asked:
    opened_at: float
    finished_at: float | None
    args: Any = None
    kind: str = "search"
    gave_up: bool = False
    questions: tuple[str, ...] = field(default=())


def named(name: str, opened_at: float, finished_at: float | None, **facts: Any) -> Asked:
    return Asked(opened_at, finished_at, {"query": name}, **facts)


ONE_BY_ONE = [named(f"city {n}", n, n + 0.9) for n in range(4)]
AT_ONCE = [named(f"city {n}", 10 + n / 100, 11 - n / 100) for n in (2, 0, 3, 1)]
REFILLED = [named("a", 0, 1), named("b", 0.1, 2.9), named("c", 1.5, 2), named("d", 2.5, 3)]


def test_two_runs_read_as_agreed(golden: Callable[[str, str], None]) -> None:
    runs = {"one after the other": ONE_BY_ONE, "at once": AT_ONCE, "two at a time": REFILLED}
    golden(gantt(runs).text(), "gantt")


def test_by_the_clock_it_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    given_up = named("e", 1, 3, gave_up=True)
    golden(gantt([*REFILLED, given_up, named("f", 2, None)], seconds=True).text(), "gantt_seconds")


def test_the_order_of_arrival_within_a_round_does_not_show() -> None:
    other = [named(f"city {n}", 20 + n / 50, 22 - n / 70) for n in (3, 1, 0, 2)]
    assert gantt(AT_ONCE).text() == gantt(other).text()


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
    gantt([Asked(c.began, c.ended) for c in calls]).text()


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


def test_a_label_that_is_too_long_is_cut_with_an_ellipsis_and_fits_its_column() -> None:
    lines = gantt([named("x" * 33, 0, 1), named("y" * 32, 0, 1)]).text().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["x" * 31 + "…", "y" * 32]
    cities = ("Amsterdam", "Athens")
    alike = gantt([named(f"what is the current weather in {city}", 0, 1) for city in cities]).text()
    assert "…current weather in Amsterdam  █" in alike


def test_nothing_is_drawn_as_nothing() -> None:
    assert gantt([]).text() == "no calls"
    assert gantt({}).text() == "no calls"
    assert gantt({"before": []}).text() == "before: no calls"


@pytest.mark.parametrize("given", ["text", 3, [1, 2], None])
def test_what_is_no_log_gets_a_sentence(given: Any) -> None:
    with pytest.raises(TypeError, match="gantt"):
        gantt(given)


@pytest.mark.parametrize("seconds", [False, True])
def test_very_many_calls_stay_a_picture(seconds: bool) -> None:
    lines = gantt([named(f"{n:04}", n, n + 0.5) for n in range(1000)], seconds=seconds).text().splitlines()
    assert len(lines) == 202
    assert lines[-1] == "[… 800 more calls …]"
    assert max(map(len, lines)) < 100


def test_the_page_is_safe_whatever_the_names(read_html: Callable[[str], Any], hostile: str) -> None:
    view = gantt({hostile: [named(hostile, 0, 1), named("b", 0.5, None)]})
    read = read_html(view.html())
    assert read.labels == ["Calls side by side: 2 calls"]
    assert len(view.text().splitlines()) == 3


def test_a_notebook_gets_both_forms() -> None:
    bundle = gantt(AT_ONCE)._repr_mimebundle_()
    assert bundle["text/plain"] == repr(gantt(AT_ONCE))
    assert "kit-drawing" in bundle["text/html"]


def test_what_a_kit_logs_can_be_drawn(setup_here: Callable[..., Any]) -> None:
    kit = setup_here("03_async_graphs")
    search = kit.search()
    for city in ("Oslo", "Rome"):
        search.invoke({"query": f"current weather in {city}"})
    text = gantt(kit.requests("search")).text()
    assert text.startswith("2 calls, at most 1 open at once; took 2 rounds")
    assert "current weather in Oslo" in text
