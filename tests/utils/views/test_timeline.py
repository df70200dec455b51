"""The timeline shows what came, from where and in which order, and survives whatever it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph

from tests.utils.observed.clock import Clock
from utils.errors import ViewTypeError
from utils.observed.moments import Kind, Moment
from utils.views.lanes import MARKS
from utils.views.timeline import timeline_html, token_timeline

MODES = ["messages", "updates", "values", "custom", "tasks", "debug"]


@pytest.fixture
def graph() -> Any:
    """A node that speaks word by word and one that answers with a tool's message and reports."""
    model = GenericFakeChatModel(messages=iter([AIMessage("It is sunny") for _ in range(9)]))

    def llm(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    def action(state: MessagesState) -> dict[str, Any]:
        get_stream_writer()({"state": "searching"})
        return {"messages": [ToolMessage("20.5", tool_call_id="1")]}

    builder = StateGraph(MessagesState)
    builder.add_node("llm", llm)
    builder.add_node("action", action)
    builder.add_edge(START, "llm")
    builder.add_edge("llm", "action")
    builder.add_edge("action", END)
    return builder.compile()


QUESTION = {"messages": [HumanMessage("sf?")]}


def test_several_modes_read_as_agreed(graph: Any, golden: Callable[[str, str], None]) -> None:
    golden(token_timeline(graph.stream(QUESTION, stream_mode=MODES)).text(), "timeline")


def test_seconds_and_open_requests_read_as_agreed(graph: Any, golden: Callable[[str, str], None]) -> None:
    stream = graph.stream(QUESTION, stream_mode="messages")
    golden(
        token_timeline(stream, clock=Clock(), open_requests=iter([1, 1, 2, 0, 0, 0, 0, 0]).__next__).text(),
        "timeline-seconds",
    )


def test_the_same_run_gives_the_same_bytes_without_a_clock(graph: Any) -> None:
    pictures = {token_timeline(graph.stream(QUESTION, stream_mode=MODES)).html() for _ in range(3)}
    assert len(pictures) == 1


def test_in_a_crowded_column_a_result_is_seen_before_a_token_and_that_before_nothing() -> None:
    moments = [Moment("llm", kind, at=1.0) for kind in reversed(MARKS)]
    marks = token_timeline(moments).text().split("\n")[2]
    assert "■" in marks
    assert "·" not in marks


def test_a_long_stream_still_fits_the_page() -> None:
    moments = [Moment("llm", "token", "x") for _ in range(5_000)]
    lines = token_timeline(moments).text().split("\n")
    assert max(map(len, lines)) <= 80
    assert "5000" in lines[2]


def test_a_stream_that_never_ends_ends_in_the_picture() -> None:
    def stream() -> Iterator[Any]:
        while True:
            yield AIMessageChunk(content="on"), {"langgraph_node": "llm"}

    assert token_timeline(stream()).text().startswith("20,000 items")


def test_a_thousand_nodes_are_some_lanes() -> None:
    text = token_timeline([Moment(f"node {n}", "token", "x") for n in range(1_000)]).text()
    assert len(text.split("\n")) < 100


def test_nothing_is_no_error() -> None:
    assert token_timeline([]).text() == "nothing came"
    assert "nothing came" in token_timeline([]).html()


def test_html_has_a_label_and_can_be_scrolled_by_keyboard(read_html: Callable[[str], Any]) -> None:
    html = timeline_html([Moment("llm", "token", "x", at=at) for at in (0.5, 1.0)])
    assert read_html(html).labels == ["Timeline of a stream: 2 items in 1.00 s"]
    assert '<pre class="kit-drawing" tabindex="0">' in html


def test_hostile_names_stay_names(hostile: str, read_html: Callable[[str], Any]) -> None:
    view = token_timeline([Moment(hostile, "token", hostile, mode) for mode in ("messages", hostile)])
    assert not {"\x1b", "\u202e", "\r", "\x00"} & set(view.text())
    assert len(view.text()) < 2_000
    read_html(view.html())


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(list(MARKS)),
            st.none() | st.floats(0, 9),
            st.none() | st.integers(0, 20),
        ),
        max_size=30,
    )
)
def test_every_lane_counts_its_moments_whatever_they_are(rows: list[tuple[str, Kind, Any, Any]]) -> None:
    view = token_timeline([Moment(lane, kind, "x", at=at, open=held) for lane, kind, at, held in rows])
    for lane in {lane for lane, *_ in rows}:
        (line,) = (
            line for line in view.text().split("\n") if line.startswith(f"{lane} ") and line[-1].isdigit()
        )
        assert int(line.split()[-1]) == sum(row[0] == lane for row in rows)


class Loose(TypedDict):
    x: int


@pytest.mark.parametrize("mode", MODES)
def test_a_graph_without_messages_has_lanes_as_well(mode: str) -> None:
    builder = StateGraph(Loose)
    builder.add_node("one", lambda state: {"x": 1})
    builder.add_edge(START, "one")
    stream = builder.compile().stream({"x": 0}, stream_mode=[mode])
    assert token_timeline(stream).text()


async def later() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("text", "got str"),
        (None, "got NoneType"),
        ([{"llm": {}}], r"got dict\n.*a list of modes"),
        (later(), "not graph.astream"),
    ],
    ids=["text", "none", "one mode without messages", "asynchronous"],
)
def test_what_is_no_stream_is_refused_with_advice(wrong: Any, advice: str) -> None:
    with pytest.raises(ViewTypeError, match=advice):
        token_timeline(wrong)
