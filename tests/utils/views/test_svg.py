"""Drawings are read out as words, mean nothing by colour alone, and stay small whatever they show."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from utils.observed.moments import Moment
from utils.views import gantt, stylesheet, token_timeline
from utils.views.lanes import MARKS


@dataclass
class Asked:
    opened_at: float
    finished_at: float | None
    args: dict[str, str]
    gave_up: bool = False
    kind: str = "search"


def asked(name: str, opened_at: float, finished_at: float | None, *, gave_up: bool = False) -> Asked:
    return Asked(opened_at, finished_at, {"query": name}, gave_up)


ONE_BY_ONE = [asked(f"city {n}", n, n + 0.9) for n in range(4)]
AT_ONCE = [asked(f"city {n}", 10 + n / 100, 11 - n / 100) for n in range(4)]


def svg(page: str) -> ElementTree.Element:
    (found,) = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    return ElementTree.fromstring(found)


def words_and_titles(drawn: ElementTree.Element) -> dict[str, str]:
    """What is written, and what is shown to those who point at it."""
    return {text.text or "": text.findtext("title", "") for text in drawn.iter("text")}


def words(drawn: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in drawn.iter("text")]


def shapes(drawn: ElementTree.Element, kind: str) -> list[str]:
    """Shapes of this class, each with its place."""
    return [
        part
        for path in drawn.iter("path")
        if path.get("class") == kind
        for part in re.findall(r"M[^M]*", path.get("d", ""))
    ]


VIEWS: dict[str, Any] = {
    "timeline": token_timeline([Moment("llm", kind, "x", mode) for kind in MARKS for mode in ("a", "b")]),
    "timeline with a clock": token_timeline(
        [Moment("llm", "token", "x", at=n / 4, open=n) for n in range(4)]
    ),
    "gantt": gantt({"one": ONE_BY_ONE, "all": AT_ONCE}),
    "gantt with seconds": gantt(AT_ONCE, seconds=True),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_drawing_has_a_title_and_says_in_words_what_it_shows(name: str) -> None:
    drawn = svg(VIEWS[name].html())
    assert drawn.get("role") == "img"
    assert [child.tag for child in drawn][:2] == ["title", "desc"]
    assert all(child.text for child in list(drawn)[:2])


@pytest.mark.parametrize("name", VIEWS)
def test_a_drawing_takes_the_width_of_the_page_and_its_colours_from_the_theme(name: str) -> None:
    page = VIEWS[name].html()
    assert svg(page).get("width") == "100%"
    assert not re.search(r"""(fill|stroke|style)=|#[0-9a-f]{3,6}\b""", page.replace("&#x27;", ""))
    classes = set(re.findall(r'<(?:path|text)[^>]* class="([^"]+)"', page))
    assert all(f".{name}" in stylesheet("drawing") for name in classes)


@pytest.mark.parametrize("name", VIEWS)
def test_the_text_form_can_be_opened_below(name: str, read_html: Callable[[str], Any]) -> None:
    page = VIEWS[name].html()
    assert '<pre class="kit-drawing" tabindex="0">' in page
    assert VIEWS[name].text().split("\n")[-1] in "".join(read_html(page).words)


def test_each_kind_has_a_shape_of_its_own_and_stands_in_the_legend(read_html: Callable[[str], Any]) -> None:
    page = token_timeline([Moment("llm", kind, "x") for kind in MARKS]).html()
    drawn = svg(page)
    found = {kind: re.sub(r"^M\S+ [\d.]+", "", *shapes(drawn, f"kit-{kind}")) for kind in MARKS}
    found["empty"] += " (a thinner dot)"
    assert len(set(found.values())) == len(MARKS)
    text = " ".join(read_html(page).words)
    assert all(means in text for _, means in MARKS.values())


def test_modes_stand_below_each_other_each_with_its_lanes() -> None:
    moments = [
        Moment(lane, "token", "x", mode) for mode in ("messages", "updates") for lane in ("llm", "action")
    ]
    assert words(svg(token_timeline(moments).html()))[:9:2] == [
        "mode messages",
        "1",
        "1",
        "llm",
        "action",
    ]


def test_a_lane_says_when_its_first_token_came() -> None:
    drawn = svg(token_timeline([Moment("llm", "token", "x", at=0.5 + n) for n in range(3)]).html())
    assert "3, first 0.50 s" in words(drawn)
    assert len(shapes(drawn, "kit-token")) == 3


def test_open_requests_are_drawn_and_counted() -> None:
    drawn = svg(token_timeline([Moment("llm", "token", "x", at=n, open=n) for n in range(4)]).html())
    assert "at most 3" in words(drawn)
    assert len(shapes(drawn, "kit-held")) == 3
    never = svg(token_timeline([Moment("llm", "token", "x", at=0.0, open=0)]).html())
    assert shapes(never, "kit-held") == []


def bars(opened: list[int | None]) -> list[tuple[float, float, float]]:
    """From where to where a bar of open requests is drawn, and how high."""
    moments = [Moment("llm", "token", "x", at=float(n), open=held) for n, held in enumerate(opened)]
    found = shapes(svg(token_timeline(moments).html()), "kit-held")
    parts = (re.fullmatch(r"M([\d.]+) [\d.]+v-([\d.]+)H([\d.]+)v\2z", part) for part in found)
    return [(float(p[1]), float(p[3]), float(p[2])) for p in parts if p]


def test_a_request_that_is_open_from_here_to_there_is_one_bar_from_here_to_there() -> None:
    (alone,) = bars([1, 1, 1, 1, 1])
    edges = [bar[:2] for n in range(5) for bar in bars([int(n == at) for at in range(5)])]
    assert alone[:2] == (edges[0][0], edges[4][1])
    first, second = bars([0, 1, 1, 0, 1])
    assert first[:2] == (edges[1][0], edges[2][1])
    assert second[:2] == edges[4]
    assert bars([None, 1, None, 1, None])[0][:2] == (edges[1][0], edges[3][1])


def test_where_more_requests_are_open_the_bar_is_higher_and_goes_on() -> None:
    low, high, again = bars([1, 1, 2, 1])
    assert (low[1], high[1]) == (high[0], again[0])
    assert low[2] == again[2] == high[2] / 2


def test_in_a_crowded_place_the_mark_that_says_most_is_drawn_and_the_rest_is_counted() -> None:
    drawn = svg(token_timeline([Moment("llm", kind, at=1.0) for kind in reversed(MARKS)]).html())
    assert len(shapes(drawn, "kit-result")) == 1
    assert shapes(drawn, "kit-token") == []
    assert "up to 6 items in one mark" in words(drawn)


def test_bars_of_calls_at_once_lie_below_each_other_and_others_follow() -> None:
    drawn = svg(gantt({"one": ONE_BY_ONE, "all": AT_ONCE}).html())
    left = [part.split()[0] for part in shapes(drawn, "kit-bar")]
    assert len(set(left[:4])) == 4
    assert len(set(left[4:])) == 1


def test_what_a_run_took_stands_beside_what_its_calls_took() -> None:
    drawn = svg(gantt({"one": ONE_BY_ONE, "all": AT_ONCE}).html())

    def wide(kind: str) -> list[str]:
        return [re.findall(r"h([\d.]+)", part)[0] for part in shapes(drawn, kind)]

    assert wide("kit-total")[0] == wide("kit-total-sum")[0] == wide("kit-total-sum")[1]
    assert float(wide("kit-total")[1]) * 4 == pytest.approx(float(wide("kit-total-sum")[1]), abs=0.5)
    assert {"4 rounds", "1 round", "4"} <= set(words(drawn))


def test_a_scale_of_its_own_is_named() -> None:
    assert "1 round (own scale)" in words(svg(gantt(AT_ONCE).html()))


def test_names_of_calls_are_whole_where_they_fit_and_in_full_for_those_who_listen() -> None:
    fits, long = "current weather in Amsterdam", "current weather in " + "z" * 40
    drawn = svg(gantt([asked(fits, 0, 1)]).html())
    assert words_and_titles(drawn)[fits] == ""
    assert "in full" not in drawn.findtext("desc", "")
    drawn = svg(gantt([asked(fits, 0, 1), asked(long, 0, 1)]).html())
    assert words_and_titles(drawn)["…" + "z" * 30 + "…"] == long
    assert long in drawn.findtext("desc", "")
    assert "characters)" not in "".join(drawn.itertext())


def test_a_long_title_leaves_what_stands_behind_it() -> None:
    drawn = svg(gantt({"t" * 100: AT_ONCE}).html())
    (heading,) = [word for word in words(drawn) if word.startswith("ttt")]
    assert heading == "t" * 47 + "…: 4 calls, at most 4 open at once"
    assert "t" * 100 in drawn.findtext("desc", "")


def test_lanes_are_cut_with_an_ellipsis_and_in_full_for_those_who_listen() -> None:
    lanes = ["the node that asks the model", "the node that asks the tools"]
    view = token_timeline([Moment(lane, "result", "x") for lane in lanes])
    assert {"…that asks the model", "…that asks the tools"} <= set(words(svg(view.html())))
    assert all(lane in svg(view.html()).findtext("desc", "") for lane in lanes)
    assert "characters)" not in view.text() + view.html()


def test_calls_that_did_not_end_have_another_outline_and_a_word() -> None:
    calls = [asked("a", 0, 2), asked("b", 0, 1, gave_up=True), asked("c", 1, None)]
    drawn = svg(gantt(calls).html())
    assert [len(shapes(drawn, kind)) for kind in ("kit-bar", "kit-bar-given-up", "kit-bar-open")] == [1, 1, 1]
    assert {"given up", "still open"} <= set(words(drawn))


def test_no_calls_are_no_error(read_html: Callable[[str], Any]) -> None:
    for view in (gantt([]), gantt({}), gantt({"before": []})):
        read_html(view.html())
    assert "before: no calls" in words(svg(gantt({"before": []}).html()))


def test_the_order_of_arrival_within_a_round_does_not_show() -> None:
    other = [asked(f"city {n}", 20 + n / 50, 22 - n / 70) for n in (3, 1, 0, 2)]
    assert gantt(AT_ONCE).html() == gantt(other).html()


# Sizes


def test_five_thousand_tokens_are_a_small_drawing() -> None:
    page = token_timeline([Moment("llm", "token", "x") for _ in range(5_000)]).html()
    assert len(page) < 8_000
    assert len(shapes(svg(page), "kit-token")) <= 140


def test_many_lanes_of_many_modes_are_a_bounded_drawing() -> None:
    moments = [
        Moment(f"node {n % 50}", "result", "x", f"mode {n % 7}", at=float(n), open=n) for n in range(5_000)
    ]
    assert len(token_timeline(moments).html()) < 200_000


def test_a_thousand_calls_are_a_bounded_drawing() -> None:
    page = gantt([asked(f"{n:04}", n, n + 0.5) for n in range(1_000)]).html()
    assert len(page) < 60_000
    assert "940 more calls" in words(svg(page))


def test_hundreds_of_runs_are_a_bounded_drawing() -> None:
    page = gantt({f"run {n}": AT_ONCE for n in range(300)}).html()
    assert len(re.findall(r"<svg.*?</svg>", page, re.DOTALL)[0]) < 40_000


def test_hostile_names_stay_names(hostile: str, read_html: Callable[[str], Any]) -> None:
    for view in (
        token_timeline([Moment(hostile, "token", hostile, mode) for mode in ("messages", hostile)]),
        gantt({hostile: [asked(hostile, 0, 1)]}),
    ):
        read_html(view.html())
        svg(view.html())
        assert len(view.html()) < 20_000
