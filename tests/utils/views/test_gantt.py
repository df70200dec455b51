"""The picture of calls says what overlapped, the same on every run, whatever it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.utils.observed.asked import AT_ONCE, ONE_BY_ONE, REFILLED, named
from utils.errors import ViewTypeError
from utils.views.gantt import gantt


def test_two_runs_read_as_agreed(golden: Callable[[str, str], None]) -> None:
    runs = {"one after the other": ONE_BY_ONE, "at once": AT_ONCE, "two at a time": REFILLED}
    golden(gantt(runs).text(), "gantt")


def test_by_the_clock_it_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    given_up = named("e", 1, 3, gave_up=True)
    golden(gantt([*REFILLED, given_up, named("f", 2, None)], seconds=True).text(), "gantt_seconds")


def test_the_order_of_arrival_within_a_round_does_not_show() -> None:
    other = [named(f"city {n}", 20 + n / 50, 22 - n / 70) for n in (3, 1, 0, 2)]
    assert gantt(AT_ONCE).text() == gantt(other).text()


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
    with pytest.raises(ViewTypeError, match="gantt"):
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
