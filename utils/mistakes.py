"""The errors that everybody makes once, and what to say of them: in the notebook and on check cards."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """An error that everybody makes once: its name, a part of its text, and a sentence each for what
    happened and what to do."""

    error: str
    text: re.Pattern[str]
    what: str
    remedy: str


def mistake(error: str, text: str, what: str, remedy: str) -> Mistake:
    """Return a mistake; ``error`` is a class's name or several joined by |, ``text`` a linear expression."""
    return Mistake(error, re.compile(text), what, remedy)


MISTAKES = (
    mistake(
        "NotImplementedError",
        r"SqliteSaver does not support async methods",
        "SqliteSaver is synchronous, and this run is asynchronous (ainvoke, astream).",
        "take the other one: async with AsyncSqliteSaver.from_conn_string(path) as saver.",
    ),
    mistake(
        "InvalidStateError",
        r"Synchronous calls to AsyncSqliteSaver",
        "AsyncSqliteSaver is asynchronous, and this run is synchronous (invoke, stream).",
        "use the asynchronous twins: await graph.ainvoke(...), await graph.aget_state(...).",
    ),
    mistake(
        "RuntimeError",
        r"asyncio\.run\(\) cannot be called from a running event loop|This event loop is already running",
        "a notebook's event loop is running already, and no second one can run inside it.",
        "write await work() in the cell; asyncio.run(work()) is for scripts.",
    ),
    mistake(
        "ValueError",
        r"no active connection",
        "the saver's connection is closed: its async with block is over.",
        "run the graph inside the block, or open the saver again.",
    ),
    mistake(
        "ProgrammingError",
        r"Cannot operate on a closed database",
        "the saver's connection is closed: its with block is over.",
        "run the graph inside the block, or open the saver again.",
    ),
    mistake(
        "RuntimeError",
        r"threads can only be started once",
        "the saver's connection is closed: its async with block is over.",
        "run the graph inside the block, or make a new saver: none can be opened twice.",
    ),
    mistake(
        "ValueError",
        r"Checkpointer requires one or more of the following 'configurable' keys",
        "this graph has a checkpointer, but the run does not say whose conversation it is.",
        'pass a config with a thread id: {"configurable": {"thread_id": "1"}}.',
    ),
    mistake(
        "RuntimeError",
        r"is bound to a different event loop",
        "something here, most likely the saver, was made in another event loop.",
        "make the saver in the loop that uses it, in the same cell or in one further up.",
    ),
    mistake(
        "TypeError",
        r"Invalid checkpointer provided.{0,200}Received _(Async)?GeneratorContextManager",
        "from_conn_string gives a context manager, and not yet a saver.",
        "open it: with SqliteSaver.from_conn_string(path) as saver (async with for the other).",
    ),
    mistake(
        "NotImplementedError",
        r"Unsupported message type: <class 'coroutine'>",
        "a coroutine stands where a message should be: an await is missing.",
        "write await before the call: await model.ainvoke(...).",
    ),
    mistake(
        "TypeError",
        r"No synchronous function provided",
        "a node is asynchronous, and this run is synchronous (invoke, stream).",
        "use the asynchronous twin with await: await graph.ainvoke(...).",
    ),
    mistake(
        "InvalidUpdateError",
        r"Expected dict, got <coroutine",
        "a node returned a coroutine instead of its result: an await is missing.",
        'make it async def, and write await: {"messages": [await model.ainvoke(...)]}.',
    ),
    mistake(
        "InvalidUpdateError",
        r"Expected dict, got ",
        "a graph was given, or a node returned, no dict with keys of the state.",
        'name the key: {"messages": [...]}.',
    ),
    mistake(
        "InvalidUpdateError",
        r"Can receive only one value per step",
        "two tasks of one step wrote the same key, and nothing says how to join that.",
        "give the key a reducer: found: Annotated[list, operator.add].",
    ),
    mistake(
        "TypeError|AttributeError",
        r"'coroutine' object|argument of type 'coroutine'",
        "a coroutine stands where its result is needed: an await is missing.",
        "write await before the call: await agent.ainvoke(...).",
    ),
    mistake(
        "TypeError",
        r"'async for' requires an object with __aiter__ method, got coroutine",
        "async for reads a stream, and this is one result that is still to come.",
        "read astream(...) by async for; write await before ainvoke(...).",
    ),
    mistake(
        "TypeError",
        r"'async for' requires an object with __aiter__ method",
        "async for was given what is not asynchronous, such as agent.stream(...).",
        "read the asynchronous twin: async for ... in agent.astream(...).",
    ),
    mistake(
        "TypeError",
        r"'async_generator' object is not (iterable|an iterator)",
        "an asynchronous stream was read by a plain for.",
        "write async for, inside async def: async for ... in agent.astream(...).",
    ),
    mistake(
        "TypeError",
        r"object async_generator can't be used in 'await' expression",
        "await was put before a stream: it has many items, and no single result.",
        "read it by async for: async for ... in agent.astream(...).",
    ),
    mistake(
        "TypeError",
        r"object \w+ can't be used in 'await' expression",
        "await stands before a call that is not asynchronous.",
        "call the asynchronous twin (await agent.ainvoke(...)), or leave await out.",
    ),
    mistake(
        "RuntimeError",
        r"Called get_config outside of a runnable context",
        "get_stream_writer() was called while no graph was running.",
        "call it inside the function that a node or a tool runs, not around it.",
    ),
    mistake(
        "AttributeError",
        r"'(HumanMessage|ToolMessage|SystemMessage)' object has no attribute 'tool_calls'",
        "tool_calls was read from a question or a tool's result: only the model's have it.",
        'ask message.type == "ai" first; is the model\'s message missing? Its node returns it.',
    ),
)


def recognise(names: Collection[str], text: str, own: Iterable[Mistake] = ()) -> Mistake | None:
    """Return the mistake behind an error, given the names of its classes and its text.

    An exercise's ``own`` mistakes come first. ``None`` where it is not one of them.
    """
    return next(
        (
            one
            for one in (*own, *MISTAKES)
            if not set(one.error.split("|")).isdisjoint(names) and one.text.search(text)
        ),
        None,
    )
