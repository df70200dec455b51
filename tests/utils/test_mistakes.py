"""What everybody gets wrong once is recognised by the error that the libraries of today raise."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph

from utils.mistakes import MISTAKES, Mistake, recognise


class State(TypedDict):
    single: list[int]
    joined: Annotated[list[int], operator.add]


def graph(*works: Any) -> Any:
    """A graph that runs these functions in one step."""
    builder = StateGraph(State)
    for number, work in enumerate(works):
        builder.add_node(f"work {number}", work)
        builder.add_edge(START, f"work {number}")
    return builder.compile()


def adds(state: State) -> dict[str, list[int]]:
    return {"joined": [1]}


async def later(state: State) -> dict[str, list[int]]:
    return {"joined": [1]}


async def a_coroutine_for_an_update() -> None:
    async def wrapped(state: State) -> Any:
        with closing(later(state)) as update:
            return update

    await graph(wrapped).ainvoke({"joined": []})


async def a_text_for_an_input() -> None:
    await graph(adds).ainvoke("hello")


async def a_list_for_an_update() -> None:
    await graph(lambda state: [1]).ainvoke({"joined": []})


async def two_writers_and_no_reducer() -> None:
    await graph(lambda state: {"single": [1]}, lambda state: {"single": [2]}).ainvoke({"joined": []})


async def a_coroutine_taken_apart() -> None:
    with closing(graph(adds).ainvoke({"joined": []})) as run:
        print(run["joined"])


async def an_attribute_of_a_coroutine() -> None:
    with closing(graph(adds).ainvoke({"joined": []})) as run:
        print(run.text)


async def a_word_in_a_coroutine() -> None:
    with closing(graph(adds).ainvoke({"joined": []})) as run:
        print("joined" in run)


async def async_for_over_a_plain_stream() -> None:
    async for _ in graph(adds).stream({"joined": []}):
        pass


async def async_for_over_a_result() -> None:
    with closing(graph(adds).ainvoke({"joined": []})) as run:
        async for _ in run:
            pass


async def a_plain_for_over_an_async_stream() -> None:
    for _ in graph(adds).astream({"joined": []}):
        pass


async def await_before_a_stream() -> None:
    await graph(adds).astream({"joined": []})


async def await_before_a_plain_call() -> None:
    await graph(adds).invoke({"joined": []})


async def a_writer_outside_of_a_run() -> None:
    get_stream_writer()


async def the_calls_of_a_question() -> None:
    print(HumanMessage("hello").tool_calls)  # type: ignore[attr-defined]


async def the_calls_of_a_result() -> None:
    print(ToolMessage("found", tool_call_id="1").tool_calls)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("work", "what", "remedy"),
    [
        (a_coroutine_for_an_update, "an await is missing", "await model.ainvoke"),
        (a_text_for_an_input, "no dict with keys of the state", "name the key"),
        (a_list_for_an_update, "no dict with keys of the state", "name the key"),
        (two_writers_and_no_reducer, "how to join", "reducer"),
        (a_coroutine_taken_apart, "an await is missing", "await agent.ainvoke"),
        (an_attribute_of_a_coroutine, "an await is missing", "await agent.ainvoke"),
        (a_word_in_a_coroutine, "an await is missing", "await agent.ainvoke"),
        (async_for_over_a_plain_stream, "not asynchronous", "agent.astream"),
        (async_for_over_a_result, "one result", "await before ainvoke"),
        (a_plain_for_over_an_async_stream, "plain for", "async for"),
        (await_before_a_stream, "many items", "async for"),
        (await_before_a_plain_call, "not asynchronous", "await agent.ainvoke"),
        (a_writer_outside_of_a_run, "no graph was running", "inside the function"),
        (the_calls_of_a_question, "only the model's", 'message.type == "ai"'),
        (the_calls_of_a_result, "only the model's", 'message.type == "ai"'),
    ],
    ids=lambda value: getattr(value, "__name__", "").replace("_", " "),
)
def test_a_mistake_is_recognised(work: Callable[[], Awaitable[None]], what: str, remedy: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what the test is about
        asyncio.run(work())  # type: ignore[arg-type]
    names = [kind.__name__ for kind in type(caught.value).__mro__]
    found = recognise(names, str(caught.value))
    assert found is not None, repr(caught.value)
    assert what in found.what
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["KeyError"], "'coroutine' object"),
        (["TypeError"], "unsupported operand"),
        (["AttributeError"], "'dict' object has no attribute 'tool_calls'"),
        ([], ""),
    ],
)
def test_other_errors_are_none_of_them(names: list[str], text: str) -> None:
    assert recognise(names, text) is None


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.text.pattern[:40])
def test_what_is_said_fits_on_a_line_each(mistake: Mistake) -> None:
    for said in (f"What happened: {mistake.what}", f"What to do: {mistake.remedy}"):
        assert len(said) <= 100
        assert said.endswith(".")
