"""The kit's parts for streams are ordinary LangChain and LangGraph objects."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphBubbleUp, GraphInterrupt

from utils.agent import Agent
from utils.checks.parts import load_parts
from utils.checks.streaming.parts import AFTERWARDS, BlocksModel, TimedAgent

PARTS = load_parts()

CALL = {"call": "search", "args": {"query": "weather in Oslo"}}
TURNS = [[{"text": "Let me look."}, CALL], [{"text": "It is "}, {"text": "cold"}, {"text": "."}]]
CONFIG: Any = {"configurable": {"thread_id": "trip"}}


@tool
def search(query: str) -> str:
    """Search."""
    return f"{query}: cold"


def test_a_model_that_streams_blocks_says_the_same_whole_and_in_pieces() -> None:
    model = BlocksModel(turns=TURNS)
    chunks = list(model.stream("Oslo?"))
    assert all(isinstance(chunk.content, list) for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == model.invoke("Oslo?").text == "Let me look."
    assert model.invoke("Oslo?").tool_calls[0]["args"] == CALL["args"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_it_works_in_an_agent_turn_after_turn(asynchronous: bool) -> None:
    graph = Agent(BlocksModel(turns=TURNS), [search], InMemorySaver()).graph
    asked: Any = {"messages": [HumanMessage("Oslo?")]}
    for _ in range(2):
        state = asyncio.run(graph.ainvoke(asked, CONFIG)) if asynchronous else graph.invoke(asked, CONFIG)
        assert state["messages"][-1].text == "It is cold."
        assert state["messages"][-2].text == "weather in Oslo: cold"


def timed(ticks: Sequence[float]) -> TimedAgent:
    graph = Agent(BlocksModel(turns=TURNS), [search], InMemorySaver()).graph
    return TimedAgent(graph, 1000.0, 2.0, ticks)


TIMES = [1002.5, 1003.0, 1003.5, 1004.0]
"""what the clock shows at the four pieces of text in ``TURNS``"""
MODES: list[dict[str, Any]] = [
    {"stream_mode": "messages"},
    {"stream_mode": ["updates", "messages"]},
    {"stream_mode": "messages", "version": "v2"},
    {"stream_mode": ["updates", "messages"], "subgraphs": True},
]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_clock_goes_on_at_tokens_only_whatever_the_modes(mode: Mapping[str, Any]) -> None:
    agent = timed([0.5] * 4)
    asked: Any = {"messages": [HumanMessage("Oslo?")]}
    seen = [agent.clock() for _ in agent.stream(asked, CONFIG, **mode)]
    assert sorted({*seen} - {1002.0}) == TIMES
    assert agent.clock() == TIMES[-1] + AFTERWARDS


@pytest.mark.parametrize("method", ["astream", "astream_events"])
def test_a_clock_goes_on_in_asynchronous_streams_as_well(method: str) -> None:
    agent = timed([0.5] * 4)
    asked: Any = {"messages": [HumanMessage("Oslo?")]}
    options: dict[str, Any] = {"stream_mode": "messages"} if method == "astream" else {"version": "v2"}

    async def read() -> list[float]:
        return [agent.clock() async for _ in getattr(agent, method)(asked, CONFIG, **options)]

    assert sorted({*asyncio.run(read())} - {1002.0}) == TIMES


def test_a_timed_agent_is_the_agent_in_all_else() -> None:
    agent = timed([])
    assert agent.invoke({"messages": [HumanMessage("Oslo?")]}, CONFIG)["messages"][-1].text == "It is cold."
    assert agent.get_state(CONFIG).next == ()


def test_voices_speak_in_the_order_of_their_script() -> None:
    graph = PARTS["voices"]([["writer", ["a", "b"]], ["critic", ["c"]], ["writer", ["d"]]])
    asked: Any = {"messages": [HumanMessage("Oslo?")]}
    said = [
        (metadata["langgraph_node"], chunk.text)
        for chunk, metadata in graph.stream(asked, CONFIG, stream_mode="messages")
        if chunk.text
    ]
    assert said == [("writer", "a"), ("writer", "b"), ("critic", "c"), ("writer", "d")]


def test_a_voice_of_one_string_is_a_whole_message() -> None:
    graph = PARTS["voices"]([["writer", ["a", "b"]], ["editor", "whole"]])
    asked: Any = {"messages": [HumanMessage("Oslo?")]}
    said = [
        (type(chunk).__name__, chunk.text)
        for chunk, _ in graph.stream(asked, CONFIG, stream_mode="messages")
        if chunk.text
    ]
    assert said == [("AIMessageChunk", "a"), ("AIMessageChunk", "b"), ("AIMessage", "whole")]


@pytest.mark.parametrize("value", [7, [1, 2], "text"])
def test_a_giving_tool_gives_values_as_they_are(value: Any) -> None:
    giving = PARTS["giving_tool"]("ledger", value)
    assert (giving.name, giving.invoke({"query": "Oslo", "unit": "mm"})) == ("ledger", value)


def test_a_tool_that_asks_a_person_pauses_the_run() -> None:
    model = BlocksModel(turns=[[{"call": "ask", "args": {"query": "fly?"}}]])
    graph = Agent(model, [PARTS["asking_tool"]("ask")], InMemorySaver()).graph
    graph.invoke({"messages": [HumanMessage("Oslo?")]}, CONFIG)
    assert PARTS["interrupts"](graph, "trip") == [{"query": "fly?"}]


def test_a_tool_that_hands_over_raises_no_error_and_no_interrupt() -> None:
    handing = PARTS["handing_tool"]("colleague")
    with pytest.raises(GraphBubbleUp) as raised:
        handing.invoke({"query": "Oslo"})
    assert not isinstance(raised.value, GraphInterrupt)


def test_a_telling_tool_reports_around_its_work() -> None:
    telling = PARTS["telling_tool"](search, ["one", "two", "three"])
    graph = Agent(BlocksModel(turns=TURNS), [telling], InMemorySaver()).graph

    async def read() -> list[Any]:
        return [item async for item in PARTS["custom_items"](graph, "trip", "Oslo?")]

    *came, kept = asyncio.run(read())
    assert [item["state"] for item in came] == ["one", "two", "three"]
    assert kept == came


@pytest.mark.parametrize(("value", "expected"), [(search, True), (len, False), ("search", False)])
def test_a_tool_is_told_from_other_things(value: Any, expected: bool) -> None:
    assert PARTS["is_tool"](value) is expected


def items(texts: list[str]) -> Iterator[str]:
    yield from texts


async def asynchronous_items(texts: list[str]) -> AsyncIterator[str]:
    for text in texts:
        yield text


def test_an_asynchronous_stream_is_told_from_other_things() -> None:
    assert PARTS["is_asynchronous"](asynchronous_items([]))
    assert not PARTS["is_asynchronous"](items([]))
    assert not PARTS["is_asynchronous"]("text")


async def meeting(texts: list[str], met: asyncio.Event, others: asyncio.Event) -> AsyncIterator[str]:
    """Items that come only when another such stream has begun."""
    met.set()
    await others.wait()
    for text in texts:
        yield text


def test_streams_are_read_at_once_in_one_loop() -> None:
    async def read() -> None:
        one, two = asyncio.Event(), asyncio.Event()
        streams = [meeting(["a"], one, two), meeting(["b", "c"], two, one)]
        assert await PARTS["read_at_once"](streams, 10) == []

    asyncio.run(read())


async def dozing() -> AsyncIterator[str]:
    time.sleep(0)  # noqa: ASYNC251
    yield "a"


def test_who_sleeps_in_the_loop_is_told_and_a_profiler_is_put_back() -> None:
    before = sys.getprofile()
    assert asyncio.run(PARTS["read_at_once"]([dozing()], 10)) == [("time.sleep", "dozing")]
    assert sys.getprofile() is before


async def reading_in_a_plain_loop() -> AsyncIterator[str]:
    graph = PARTS["voices"]([["writer", ["a"]]])
    for chunk, _ in graph.stream({"messages": [HumanMessage("Oslo?")]}, CONFIG, stream_mode="messages"):
        yield chunk.text


def test_who_reads_a_plain_stream_in_the_loop_is_told() -> None:
    found = asyncio.run(PARTS["read_at_once"]([reading_in_a_plain_loop()], 10))
    assert found == [("stream", "reading_in_a_plain_loop")]


def test_a_stream_without_an_end_is_read_to_a_limit() -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[int]:
        for number in itertools.count():
            read.append(number)
            yield number

    asyncio.run(PARTS["read_at_once"]([endless()], 3))
    assert read == [0, 1, 2]
