"""The kit's parts for streams are ordinary LangChain and LangGraph objects."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from utils.agent import Agent
from utils.checks.parts import load_parts
from utils.checks.streaming.parts import BlocksModel, TimedStream

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


def test_a_fed_stream_moves_its_own_clock_and_nothing_else_does() -> None:
    rows = [
        {"at": 0.5, "node": "llm", "kind": "token", "text": "It"},
        {"at": 2.0, "node": "action", "kind": "result", "text": "cold"},
    ]
    stream = TimedStream(rows, 1000.0)

    async def read() -> list[Any]:
        return [(stream.clock(), message, metadata) async for message, metadata in stream]

    assert stream.clock() == 1000.0
    (first, token, where), (second, result, _) = asyncio.run(read())
    assert (first, second) == (1000.5, 1002.0)
    assert (token.text, where) == ("It", {"langgraph_node": "llm"})
    assert isinstance(result, ToolMessage)


def test_a_fed_stream_can_be_closed_and_gives_nothing_any_more() -> None:
    rows = [{"at": at, "node": "llm", "kind": "token", "text": "It"} for at in (0.5, 1.0, 1.5)]

    async def read() -> list[Any]:
        async with contextlib.aclosing(TimedStream(rows, 0.0)) as stream:
            first = [await anext(stream)]
        return first + [item async for item in stream]

    assert len(asyncio.run(read())) == 1


@pytest.mark.parametrize("value", [7, [1, 2], "text"])
def test_a_giving_tool_gives_values_as_they_are(value: Any) -> None:
    giving = PARTS["giving_tool"]("ledger", value)
    assert (giving.name, giving.invoke({"query": "Oslo"})) == ("ledger", value)


def test_a_tool_that_asks_a_person_pauses_the_run() -> None:
    model = BlocksModel(turns=[[{"call": "ask", "args": {"query": "fly?"}}]])
    graph = Agent(model, [PARTS["asking_tool"]("ask")], InMemorySaver()).graph
    graph.invoke({"messages": [HumanMessage("Oslo?")]}, CONFIG)
    assert PARTS["interrupts"](graph, "trip") == [{"query": "fly?"}]


def test_a_telling_tool_reports_around_its_work() -> None:
    telling = PARTS["telling_tool"](search, ["one", "two", "three"])
    graph = Agent(BlocksModel(turns=TURNS), [telling], InMemorySaver()).graph

    async def read() -> list[Any]:
        return [item async for item in PARTS["custom_items"](graph, "trip", "Oslo?")]

    assert [item["state"] for item in asyncio.run(read())] == ["one", "two", "three"]


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
        await PARTS["read_at_once"]([meeting(["a"], one, two), meeting(["b", "c"], two, one)], 10)

    asyncio.run(read())


def test_a_stream_without_an_end_is_read_to_a_limit() -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[int]:
        for number in itertools.count():
            read.append(number)
            yield number

    asyncio.run(PARTS["read_at_once"]([endless()], 3))
    assert read == [0, 1, 2]
