"""The kit's parts for what happens at the same time do what checks rely on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from utils.checks.async_graphs.exercise_3_4 import stations
from utils.checks.async_graphs.parts import (
    Attempt,
    DistantSaver,
    Feed,
    Reader,
    Watch,
    is_coroutine_function,
    is_unawaited,
    make_fetch,
    make_reader,
    pass_time,
    run_in_a_node,
    watched,
    what_ends,
)
from utils.checks.weather import City, asked, conversation
from utils.lab.lab import Lab, Ref, StudentError
from utils.observed.calls import calls_of, most_open

OSLO, ROME = City("Oslo", 3.4), City("Rome", 17.2)
MakeLab = Callable[..., Lab]


async def first(streams: dict[str, Any]) -> Any:
    async for item in streams["a"]:
        yield item


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    return make_lab({"first": first})


def test_turns_are_asked_at_the_same_time(lab: Lab) -> None:
    stage = lab.stage(*(conversation(city.name, asked(city)) for city in (OSLO, ROME)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    stage.cap(2, patience=5)
    told = lab.part("turns", agent, [["1", OSLO.question], ["2", ROME.question]])
    assert [message.text for message in told] == [OSLO.answer, ROME.answer]
    assert stage.traffic().peak() == most_open(calls_of(stage.requests())) == 2


def test_a_distant_saver_can_be_given_up_before_anything_is_saved(lab: Lab) -> None:
    async def ask(seconds: float) -> Any:
        builder = StateGraph(MessagesState).add_node("say", lambda state: {"messages": [AIMessage("hi")]})
        graph = builder.add_edge(START, "say").compile(checkpointer=DistantSaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        try:
            async with asyncio.timeout(seconds):
                return await graph.ainvoke({"messages": [HumanMessage("?")]}, config)
        except TimeoutError:
            return (await graph.aget_state(config)).values

    assert asyncio.run(ask(0)) == {}
    assert [message.text for message in asyncio.run(ask(30))["messages"]] == ["?", "hi"]


def test_fetch_gives_a_number_or_none_for_a_silent_station(lab: Lab) -> None:
    five = tuple(City(name, 1.5) for name in ("a", "b", "c", "d", "e"))

    class Case:
        cities = five

    stage = lab.stage(conversation("stations", stations(Case, five[1])))  # type: ignore[arg-type]
    fetch = lab.part("fetch", stage.model_side.url, label="fetch")
    assert [lab.call(fetch, name) for name in ("a", "b", "b")] == [1.5, None, 1.5]


def test_a_fed_stream_yields_what_it_is_given_when_it_is_given(lab: Lab) -> None:
    feed = lab.part("feed", label="feed")
    items = lab.call("first", {"a": lab.part("stream_of", feed, label="stream")})
    reader = lab.part("reader", items)
    assert isinstance(reader, Ref)
    assert lab.part("take", reader, 0.01) == {}
    lab.part("put", feed, 1, 2)
    assert [lab.part("take", reader, 5) for _ in range(2)] == [{"item": 1}, {"item": 2}]
    lab.part("put", feed, end=True)
    assert lab.part("take", reader, 5) == {"ended": True}
    lab.part("stop_reading", reader)


def test_whoever_cancels_the_wait_for_an_item_ends_the_stream() -> None:
    async def work() -> list[Any]:
        feed = Feed()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(feed.stream), 0.01)
        await feed.put(1)
        return [item async for item in feed.stream]

    assert asyncio.run(work()) == []


def test_a_reader_that_is_stopped_ends_what_it_reads() -> None:
    ended = []

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                await asyncio.sleep(60)
                yield 1
        finally:
            ended.append(True)

    async def work() -> None:
        reader = Reader(endless())
        assert await reader.take(0.01) == {}
        assert await reader.stop() == 0
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(work())
    assert ended == [True]


def leaving_a_task(waits: bool) -> AsyncIterator[int]:
    """A stream that begins a task which waits for ever, and at its end waits for it or not."""

    async def items() -> AsyncIterator[int]:
        task = asyncio.ensure_future(asyncio.Event().wait())
        try:
            yield 1
        finally:
            if waits:
                await task

    return items()


@pytest.mark.parametrize(("waits", "left"), [(False, 1), (True, 2)])
def test_tasks_that_a_stream_leaves_behind_are_counted_and_cancelled(waits: bool, left: int) -> None:
    async def work() -> None:
        reader = Reader(leaving_a_task(waits))
        assert await reader.take(5) == {"item": 1}
        assert await reader.stop(0.01) == left
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(work())


def test_a_fed_stream_fails_after_its_items_when_it_is_told_to(lab: Lab) -> None:
    feed = lab.part("feed", label="feed")
    items = lab.call("first", {"a": lab.part("stream_of", feed, label="stream")})
    reader = lab.part("reader", items)
    lab.part("put", feed, 1, error="no more")
    assert lab.part("take", reader, 5) == {"item": 1}
    with pytest.raises(StudentError, match="StreamBroke: no more"):
        lab.part("take", reader, 5, called="anext(items)")
    assert lab.part("stop_reading", reader) == 0


def test_an_error_of_a_stream_goes_through() -> None:
    async def broken() -> AsyncIterator[int]:
        raise LookupError("gone")
        yield 1

    async def work() -> None:
        with pytest.raises(LookupError):
            await Reader(broken()).take(5)

    asyncio.run(work())


async def failing() -> None:
    raise LookupError("gone")


async def one_and_then_a_failing_task() -> AsyncIterator[int]:
    """A stream whose group of tasks cancels whoever reads, when one of them fails."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
            yield 1
            yield 2
            await asyncio.Event().wait()
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_a_group_of_tasks_that_ends_while_nobody_wants_an_item_ends_the_stream(pause: float) -> None:
    async def work() -> None:
        reader = Reader(one_and_then_a_failing_task())
        assert await reader.take(5) == {"item": 1}
        await asyncio.sleep(pause)
        assert await reader.take(5) == {"item": 2}
        with pytest.raises(LookupError):
            await reader.take(5)
        assert await reader.take(5) == {"ended": True}
        assert await reader.stop() == 0

    asyncio.run(work())


def test_a_loop_can_end_while_a_stream_is_read() -> None:
    async def endless() -> AsyncIterator[int]:
        while True:
            yield 1

    async def work(items: AsyncIterator[int]) -> None:
        assert await Reader(items).take(5) == {"item": 1}

    asyncio.run(work(endless()))
    asyncio.run(work(leaving_a_task(waits=False)))


def test_all_items_are_read_in_one_task() -> None:
    async def tasks() -> AsyncIterator[Any]:
        try:
            while True:
                yield asyncio.current_task()
        finally:
            ended.append(asyncio.current_task())

    ended: list[Any] = []

    async def work() -> None:
        reader = Reader(tasks())
        first, second = [await reader.take(5) for _ in range(2)]
        assert first == second
        await reader.stop()
        assert ended == [first["item"]]

    asyncio.run(work())


def test_a_function_can_be_called_in_a_graph_s_node() -> None:
    called: Any = ToolNode([]).ainvoke

    async def tried() -> Any:
        state = {"messages": [AIMessage("Done.")]}
        return await run_in_a_node(lambda state, tools: called(state), state, {})

    assert asyncio.run(tried()) == {"messages": []}


@pytest.mark.parametrize("items", [[1, 2], iter([1]), None, "text"])
def test_what_is_no_asynchronous_stream_has_no_reader(items: Any) -> None:
    assert make_reader(items) is None


def test_exceptions_are_told_from_other_things(lab: Lab) -> None:
    assert not lab.part("is_exception", "an error")


def test_functions_that_give_coroutines_are_told_from_plain_ones() -> None:
    assert is_coroutine_function(Feed.put)
    assert not is_coroutine_function(make_reader)


def test_work_that_nobody_waited_for_is_known_and_given_up() -> None:
    async def work() -> None:
        coroutine = asyncio.sleep(60)
        task = asyncio.ensure_future(asyncio.sleep(60))
        assert is_unawaited(coroutine)
        assert is_unawaited(task)
        assert not is_unawaited("text")
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(work())


def look_up(query: str) -> str:
    """Look something up."""
    return query


async def alook_up(query: str) -> str:
    """Look something up."""
    return query


def told_by(calling: Callable[[Any, Any], Any]) -> tuple[list[str], list[tuple[bool, bool, bool]]]:
    """What a watch tells of a model and a tool that are called in some way."""

    async def work() -> list[dict[str, Any]]:
        watch = Watch()
        model = watched(FakeListChatModel(responses=["hi"]), watch)
        tool = watched(StructuredTool.from_function(look_up, coroutine=alook_up, name="t"), watch)
        done = calling(model, tool)
        if inspect.isawaitable(done):
            await done
        return watch.calls

    calls = asyncio.run(work())
    return [call["kind"] for call in calls], [(c["sync"], c["thread"], c["blocked"]) for c in calls]


async def awaited(model: Any, tool: Any) -> None:
    await model.ainvoke("?")
    await tool.ainvoke({"query": "?"})


def without_await(model: Any, tool: Any) -> None:
    model.invoke("?")
    tool.invoke({"query": "?"})


async def in_threads(model: Any, tool: Any) -> None:
    await asyncio.to_thread(without_await, model, tool)


async def in_loops_of_their_own(model: Any, tool: Any) -> None:
    await asyncio.to_thread(lambda: asyncio.run(awaited(model, tool)))


def in_a_pool_that_is_waited_for(model: Any, tool: Any) -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(without_await, model, tool).result()


@pytest.mark.parametrize(
    ("calling", "how"),
    [
        (awaited, (False, False, False)),
        (without_await, (True, False, True)),
        (in_threads, (True, True, False)),
        (in_loops_of_their_own, (False, True, False)),
        (in_a_pool_that_is_waited_for, (True, True, True)),
    ],
)
def test_a_watch_tells_how_models_and_tools_are_called(
    monkeypatch: pytest.MonkeyPatch, calling: Callable[[Any, Any], Any], how: tuple[bool, bool, bool]
) -> None:
    monkeypatch.setattr("utils.checks.async_graphs.parts.HELD_UP", 0.2 if how[2] else 5.0)
    assert told_by(calling) == (["model", "tool"], [how, how])


async def as_a_tool(tool: Any) -> None:
    await tool.ainvoke({"query": OSLO.query})


async def in_the_loop(tool: Any) -> None:
    tool.invoke({"query": OSLO.query})


async def past_the_tool(tool: Any) -> None:
    await asyncio.to_thread(tool.func, OSLO.query)


@pytest.mark.parametrize(
    ("call", "blocked", "past"),
    [(as_a_tool, False, False), (in_the_loop, True, False), (past_the_tool, False, True)],
)
def test_a_tool_with_a_synchronous_function_tells_how_that_is_called(
    make_lab: MakeLab, call: Any, blocked: bool, past: bool
) -> None:
    lab = make_lab({"call": call})
    stage = lab.stage(conversation("search", asked(OSLO)))
    watch = lab.make("watch", label="watch")
    lab.call("call", lab.make("sync_tool", stage.model_side.url, "search", watch, label="search"))
    [noted] = lab.part("watched_calls", watch)
    assert (noted["kind"], noted["blocked"], noted["past"]) == ("function", blocked, past)
    assert len(stage.tool_requests()) == 1


def test_time_passes_without_anybody_waiting() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        attempt = Attempt(asyncio.sleep, [3600, "done"])
        assert not await attempt.rest(0.02)
        for _ in range(2):
            await pass_time(1800)
        assert await attempt.rest(5)
        assert await attempt.outcome() == "done"
        assert 3600 <= loop.time() - begun < 3700

    asyncio.run(work())


def test_an_attempt_can_be_dropped() -> None:
    async def work() -> None:
        attempt = Attempt(asyncio.sleep, [3600])
        attempt.drop()
        assert await attempt.rest(5)
        assert attempt.task.cancelled()

    asyncio.run(work())


def test_a_station_that_is_silent_at_first_is_not_even_asked(lab: Lab) -> None:
    async def ask() -> float | None:
        return await make_fetch("http://127.0.0.1:9", ["Oslo"])("Oslo")

    assert asyncio.run(ask()) is None


def test_errors_in_a_group_are_told_one_by_one() -> None:
    async def fail(state: Any) -> Any:
        raise ExceptionGroup("both", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])

    async def work(node: Any) -> list[str]:
        graph: Any = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
        return await what_ends(graph, "1", "?")

    assert asyncio.run(work(fail)) == ["ValueError", "KeyError"]
    assert asyncio.run(work(lambda state: {})) == []
