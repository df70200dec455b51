"""What everybody gets wrong once is recognised by the error that the libraries of today raise."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.chat_agent_executor import _validate_chat_history
from langgraph.types import Command, interrupt

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


ONE: RunnableConfig = {"configurable": {"thread_id": "1"}}


def two_nodes(saver: Any = None, *, wide: bool = False, router: tuple[Any, ...] = ()) -> Any:
    """A graph of two nodes, one after the other; with ``wide`` both at once."""
    builder = StateGraph(State)
    builder.add_node("a", adds)
    builder.add_node("b", adds)
    builder.add_edge(START, "a")
    if wide:
        builder.add_edge(START, "b")
    elif router:
        builder.add_conditional_edges("a", *router)
    else:
        builder.add_edge("a", "b")
    return builder.compile(checkpointer=saver)


async def a_graph_on_a_sync_saver_runs_async() -> None:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        await two_nodes(saver).ainvoke({"joined": []}, ONE)


async def a_graph_on_an_async_saver_runs_sync() -> None:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        two_nodes(saver).invoke({"joined": []}, ONE)


async def a_second_loop() -> None:
    with closing(graph(adds).ainvoke({"joined": []})) as run:
        asyncio.run(run)


async def a_closed_sqlite_saver() -> None:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        pass
    two_nodes(saver).invoke({"joined": []}, ONE)


async def a_closed_async_saver() -> None:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        pass
    await two_nodes(saver).ainvoke({"joined": []}, ONE)


async def a_closed_async_saver_that_was_used() -> None:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        await two_nodes(saver).ainvoke({"joined": []}, ONE)
    await two_nodes(saver).ainvoke({"joined": []}, ONE)


async def no_thread_id() -> None:
    two_nodes(InMemorySaver()).invoke({"joined": []})


async def a_lock_of_another_loop() -> None:
    # What a saver that was made in another loop meets at its lock.
    lock = asyncio.Lock()

    async def waits() -> None:
        async with lock, asyncio.timeout(0.01):
            await asyncio.gather(lock.acquire())

    with suppress(TimeoutError):
        await waits()
    await asyncio.to_thread(asyncio.run, waits_twice(lock))


async def waits_twice(lock: asyncio.Lock) -> None:
    await asyncio.gather(lock.acquire(), lock.acquire())


async def a_saver_that_is_not_open() -> None:
    two_nodes(SqliteSaver.from_conn_string(":memory:"))


async def a_coroutine_among_the_messages() -> None:
    with closing(graph(adds).ainvoke({"joined": []})) as run:
        add_messages([], [run])  # type: ignore[list-item]


async def an_async_node_runs_sync() -> None:
    graph(later).invoke({"joined": []})


async def interrupt_in_a_plain_call() -> None:
    interrupt("ok?")


@tool
def asks(what: str) -> str:
    """Ask a person."""
    return str(interrupt(what))


async def interrupt_in_a_tool_called_by_hand() -> None:
    asks.invoke({"what": "ok?"})


async def one_answer_to_two_interrupts() -> None:
    builder = StateGraph(State)
    for name in ("a", "b"):
        builder.add_node(name, lambda state: {"joined": [interrupt("ok?")]})
        builder.add_edge(START, name)
    paused = builder.compile(checkpointer=InMemorySaver())
    paused.invoke({"joined": []}, ONE)
    paused.invoke(Command(resume=True), ONE)


async def a_connection_of_one_thread() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        two_nodes(SqliteSaver(connection)).invoke({"joined": []}, ONE)


async def a_context_manager_for_a_saver() -> None:
    SqliteSaver.from_conn_string(":memory:").get(ONE)  # type: ignore[attr-defined]


async def state_without_a_checkpointer() -> None:
    two_nodes().get_state(ONE)


async def state_of_nobody() -> None:
    two_nodes(InMemorySaver()).get_state({})


async def nothing_to_go_on_with() -> None:
    two_nodes(InMemorySaver()).invoke(None, ONE)


async def an_update_after_two_nodes() -> None:
    both = two_nodes(InMemorySaver(), wide=True)
    both.invoke({"joined": []}, ONE)
    both.update_state(ONE, {"joined": [2]})


async def an_update_as_nobody() -> None:
    both = two_nodes(InMemorySaver())
    both.invoke({"joined": []}, ONE)
    both.update_state(ONE, {"joined": [2]}, as_node="nobody")


async def a_function_in_the_state() -> None:
    both = two_nodes(InMemorySaver())
    both.invoke({"joined": [adds]}, ONE)


async def a_circle() -> None:
    builder = StateGraph(State)
    builder.add_node("a", adds)
    builder.add_edge(START, "a")
    builder.add_edge("a", "a")
    builder.compile().invoke({"joined": []}, {"recursion_limit": 3})


async def a_route_that_the_mapping_lacks() -> None:
    two_nodes(router=(lambda state: END, {"b": "b"})).invoke({"joined": []})


async def a_route_to_nowhere() -> None:
    two_nodes(router=(lambda state: None,)).invoke({"joined": []})


async def an_edge_to_nobody() -> None:
    builder = StateGraph(State)
    builder.add_node("a", adds)
    builder.add_edge(START, "a")
    builder.add_edge("a", "nobody")
    builder.compile()


async def a_cell_that_ran_twice() -> None:
    builder = StateGraph(State)
    builder.add_node("a", adds)
    builder.add_node("a", adds)


async def no_beginning() -> None:
    builder = StateGraph(State)
    builder.add_node("a", adds)
    builder.compile()


async def a_graph_that_is_not_compiled() -> None:
    StateGraph(State).invoke({"joined": []})  # type: ignore[attr-defined]


async def an_open_call_for_a_prebuilt_agent() -> None:
    call: ToolCall = {"name": "asks", "args": {}, "id": "1", "type": "tool_call"}
    _validate_chat_history([AIMessage("", tool_calls=[call])])


async def a_number_among_the_messages() -> None:
    add_messages([], [5])  # type: ignore[list-item]


async def a_dict_that_says_nobody() -> None:
    add_messages([], [{"text": "hi"}])


async def a_tool_called_like_a_function() -> None:
    asks("ok?")


async def a_tool_node_called_by_hand() -> None:
    ToolNode([asks]).invoke({"messages": [HumanMessage("hi")]})


async def a_picture_from_the_web() -> None:
    # Tests have no network, and no test waits for one: this is how langchain_core says so.
    message = "Failed to reach https://mermaid.ink API while trying to render your graph after 1 retries."
    raise ValueError(message)


async def a_picture_by_another_program() -> None:
    two_nodes().get_graph().draw_png()


def importing(line: str) -> Callable[[], Awaitable[None]]:
    """A cell with one line of an older course."""

    async def imports() -> None:
        exec(line, {})

    imports.__name__ = line
    return imports


IMPORTS = [
    ("from langchain.chat_models import ChatOpenAI", "from langchain_openai"),
    ("from langchain.chat_models.openai import ChatOpenAI", "from langchain_openai"),
    ("from langchain.schema import HumanMessage", "from langchain_core.messages"),
    ("from langchain.schema.messages import HumanMessage", "from langchain_core.messages"),
    ("from langchain.prompts import ChatPromptTemplate", "from langchain_core.prompts"),
    ("from langchain.tools.tavily_search import TavilySearchResults", "langchain_community"),
    ("from langchain.memory import ConversationBufferMemory", "checkpointer"),
    ("from langchain.agents import AgentExecutor", "create_agent"),
    ("from langgraph.prebuilt import ToolExecutor", "ToolNode"),
    ("from langgraph.checkpoint import MemorySaver", "langgraph.checkpoint.memory"),
    ("from langgraph.checkpoint.aiosqlite import AsyncSqliteSaver", "langgraph.checkpoint.sqlite.aio"),
    ("from langchain_core.pydantic_v1 import BaseModel", "from pydantic"),
]

REAL: list[tuple[Callable[[], Awaitable[None]], str, str]] = [
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
    (a_graph_on_a_sync_saver_runs_async, "SqliteSaver is synchronous", "AsyncSqliteSaver"),
    (a_graph_on_an_async_saver_runs_sync, "AsyncSqliteSaver is asynchronous", "await graph.ainvoke"),
    (a_second_loop, "event loop is running already", "await work()"),
    (a_closed_sqlite_saver, "connection is closed", "inside the block"),
    (a_closed_async_saver, "connection is closed", "inside the block"),
    (a_closed_async_saver_that_was_used, "connection is closed", "inside the block"),
    (no_thread_id, "whose conversation it is", "thread_id"),
    (a_lock_of_another_loop, "another event loop", "in the loop that uses it"),
    (a_saver_that_is_not_open, "not yet a saver", "as saver"),
    (a_coroutine_among_the_messages, "an await is missing", "await model.ainvoke"),
    (an_async_node_runs_sync, "a node is asynchronous", "await graph.ainvoke"),
    (interrupt_in_a_plain_call, "interrupt()", "run the graph"),
    (interrupt_in_a_tool_called_by_hand, "interrupt()", "checkpointer"),
    (one_answer_to_two_interrupts, "several interrupts wait", "by id"),
    (a_connection_of_one_thread, "worker threads", "check_same_thread"),
    (a_context_manager_for_a_saver, "context manager", "as saver"),
    (state_without_a_checkpointer, "without a checkpointer", "checkpointer="),
    (state_of_nobody, "'configurable'", "thread_id"),
    (nothing_to_go_on_with, "nothing on this thread waits", "question"),
    (an_update_after_two_nodes, "several nodes ran last", "as_node"),
    (an_update_as_nobody, "as_node", "agent.nodes"),
    (a_function_in_the_state, "cannot keep", "plain data"),
    (a_circle, "super-steps", "recursion_limit"),
    (a_route_that_the_mapping_lacks, "has no END", "END: END"),
    (a_route_to_nowhere, "returned nothing", "END"),
    (an_edge_to_nobody, "does not have", "add_node"),
    (a_cell_that_ran_twice, "already", "new StateGraph"),
    (no_beginning, "begins", "START"),
    (a_graph_that_is_not_compiled, "not yet compiled", "graph.compile"),
    (an_open_call_for_a_prebuilt_agent, "no answer yet", "ToolMessage"),
    (a_number_among_the_messages, "not a message", "HumanMessage"),
    (a_dict_that_says_nobody, "who speaks", '"role"'),
    (a_tool_called_like_a_function, "called like a function", "tool.invoke"),
    (a_tool_node_called_by_hand, "no graph was running", "add_node"),
    (a_picture_from_the_web, "server in the web", "last line"),
    (a_picture_by_another_program, "not installed", "last line"),
    *((importing(line), "", remedy) for line, remedy in IMPORTS),
]


def raised(work: Callable[[], Awaitable[None]]) -> tuple[list[str], str]:
    """The names of the classes of the error that some code raises, and its text."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what the test is about
        asyncio.run(work())  # type: ignore[arg-type]
    return [kind.__name__ for kind in type(caught.value).__mro__], str(caught.value)


@pytest.mark.parametrize(
    ("work", "what", "remedy"),
    REAL,
    ids=lambda value: getattr(value, "__name__", "").replace("_", " "),
)
def test_a_mistake_is_recognised(work: Callable[[], Awaitable[None]], what: str, remedy: str) -> None:
    names, text = raised(work)
    found = recognise(names, text)
    assert found is not None, (names, text)
    assert what in found.what
    assert remedy in found.remedy
    # The same words from an error of another kind are somebody else's, and not this mistake.
    assert recognise(["SomebodysError"], text) is None


def test_every_mistake_is_one_that_the_libraries_of_today_raise() -> None:
    seen = {recognise(*raised(work)) for work, _, _ in REAL}
    assert [mistake.text.pattern for mistake in MISTAKES if mistake not in seen] == []


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["KeyError"], "'coroutine' object"),
        (["TypeError"], "unsupported operand"),
        (["AttributeError"], "'dict' object has no attribute 'tool_calls'"),
        (["AttributeError"], "'StateGraphs' object has no attribute 'invoke'"),
        (["AttributeError"], "'generator' object has no attribute 'get'"),
        (["ProgrammingError"], "Incorrect number of bindings supplied"),
        (["RuntimeError"], "no running event loop"),
        (["RuntimeError"], "multiple interrupts were answered"),
        (["KeyError"], "'__end__ of my dict'"),
        (["KeyError"], "'configurable_fields'"),
        (["KeyError"], "'__pregel_scratchpad__'"),
        (["KeyError"], "'thread_id'"),
        (["ValueError"], "No checkpointer"),
        (["ValueError"], "Node `llm` is missing"),
        (["ValueError"], "Missing required config key 'x' for 'llm'"),
        (["ValueError"], "Graph must have an end"),
        (["ValueError"], "Found edge twice"),
        (["ValueError"], "Message dict is empty"),
        (["ValueError"], "mermaid.ink is a web site"),
        (["InvalidUpdateError"], "Node llm and node action do not exist"),
        (["InvalidUpdateError"], "Ambiguous"),
        (["TypeError"], "Object of type function is not JSON serializable"),
        (["TypeError"], "'NoneType' object is not callable"),
        (["NotImplementedError"], ""),
        (["ImportError", "ModuleNotFoundError"], "No module named 'langchain_schema'"),
        (["ImportError", "ModuleNotFoundError"], "No module named 'langgraph.checkpoint.redis'"),
        (["ImportError"], "cannot import name 'add_message' from 'langgraph.graph'"),
        (["GraphRecursionError"], "maximum recursion depth exceeded"),
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
