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


MOVED = "this name is from LangChain before version 1, and it has moved."
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
        "interrupt() or get_stream_writer() was called while no graph was running.",
        "call it inside the function of a node or a tool, and run the graph.",
    ),
    mistake(
        "KeyError",
        r"\A'__pregel_scratchpad'\Z",
        "interrupt() was called in a tool while no graph was running.",
        "run the graph: only a graph with a checkpointer can pause and go on.",
    ),
    mistake(
        "RuntimeError",
        r"multiple pending interrupts",
        "several interrupts wait, and one answer does not say which of them it is for.",
        "answer by id: Command(resume={interrupt.id: answer, ...}).",
    ),
    mistake(
        "AttributeError",
        r"'(HumanMessage|ToolMessage|SystemMessage)' object has no attribute 'tool_calls'",
        "tool_calls was read from a question or a tool's result: only the model's have it.",
        'ask message.type == "ai" first; is the model\'s message missing? Its node returns it.',
    ),
    mistake(
        "ProgrammingError",
        r"SQLite objects created in a thread",
        "a graph saves from worker threads, and this connection works in one thread only.",
        "open it with sqlite3.connect(path, check_same_thread=False).",
    ),
    mistake(
        "AttributeError",
        r"'_(Async)?GeneratorContextManager' object has no attribute",
        "a context manager was used as if it were what it gives.",
        "open it: with SqliteSaver.from_conn_string(path) as saver.",
    ),
    mistake(
        "ValueError",
        r"No checkpointer set",
        "this graph was compiled without a checkpointer, so it keeps no state.",
        "compile it with one: graph.compile(checkpointer=InMemorySaver()).",
    ),
    mistake(
        "KeyError",
        r"\A'configurable'\Z",
        "this config has no key 'configurable', so it does not say whose conversation it is.",
        'pass a config with a thread id: {"configurable": {"thread_id": "1"}}.',
    ),
    mistake(
        "EmptyInputError",
        r"Received no input for __start__",
        "the run began without input, and nothing on this thread waits to go on.",
        "give it a question; None only goes on with an unfinished run of the same thread_id.",
    ),
    mistake(
        "InvalidUpdateError",
        r"Ambiguous update, specify as_node",
        "several nodes ran last, so nobody can tell whose update this is.",
        'name the node: update_state(config, values, as_node="llm").',
    ),
    mistake(
        "InvalidUpdateError",
        r"\ANode \S+ does not exist\Z",
        "as_node names a node that this graph does not have.",
        "look at the names: list(agent.nodes).",
    ),
    mistake(
        "TypeError",
        r"Type is not msgpack serializable",
        "the state holds what a checkpoint cannot keep, such as a function or a connection.",
        "keep plain data and messages in the state, and the rest outside of it.",
    ),
    mistake(
        "GraphRecursionError",
        r"Recursion limit of \d+ reached",
        "the graph took as many super-steps as it may, and no edge had led to END.",
        "see which edge should end it; a larger recursion_limit in the config allows more.",
    ),
    mistake(
        "KeyError",
        r"\A'__end__'\Z",
        "a route leads to END, and the mapping of add_conditional_edges has no END.",
        "add it to the mapping (END: END), or leave the mapping out.",
    ),
    mistake(
        "ValueError",
        r"Branch did not return a valid destination",
        "the function of a conditional edge returned nothing.",
        "return the name of a node or END, on every way through the function.",
    ),
    mistake(
        "ValueError",
        r"Found edge (starting|ending) at unknown node",
        "an edge names a node that the graph does not have.",
        "add_node it, or spell its name as add_node does.",
    ),
    mistake(
        "ValueError",
        r"\ANode `[^`]{1,200}` already present",
        "this graph has a node of this name already.",
        "begin with a new StateGraph(...) in the same cell, or choose another name.",
    ),
    mistake(
        "ValueError",
        r"Graph must have an entrypoint",
        "no edge says where the graph begins.",
        'add one: graph.add_edge(START, "llm").',
    ),
    mistake(
        "AttributeError",
        r"'StateGraph' object has no attribute",
        "this graph is described, and not yet compiled.",
        "run what agent = graph.compile(...) returns.",
    ),
    mistake(
        "ValueError",
        r"Found AIMessages with tool_calls that do not have a corresponding ToolMessage",
        "a tool call has no answer yet, so the model cannot be asked.",
        "add a ToolMessage with its tool_call_id first, an error message if need be.",
    ),
    mistake(
        "NotImplementedError",
        r"Unsupported message type: ",
        "something that is not a message stands among the messages.",
        "put messages there, such as HumanMessage(text).",
    ),
    mistake(
        "ValueError",
        r"Message dict must contain 'role' and 'content' keys",
        "a dict among the messages does not say who speaks, or what.",
        'write {"role": "user", "content": text}, or HumanMessage(text).',
    ),
    mistake(
        "TypeError",
        r"'StructuredTool' object is not callable",
        "a tool is an object, and it was called like a function.",
        "call it by its arguments' names: tool.invoke({...}), or await tool.ainvoke({...}).",
    ),
    mistake(
        "ValueError",
        r"Missing required config key 'N/A' for 'tools'",
        "ToolNode was called while no graph was running.",
        'make it a node, graph.add_node("action", ToolNode(tools)), and run the graph.',
    ),
    mistake(
        "ValueError",
        r"(mermaid\.ink|Mermaid\.INK) API",
        "draw_mermaid_png() has a server in the web draw the graph, and it was not reached.",
        "write the graph as the cell's last line: it is drawn here, without a network.",
    ),
    mistake(
        "ImportError",
        r"Install pygraphviz to draw graphs",
        "draw_png() needs a program that is not installed here.",
        "write the graph as the cell's last line: it is drawn without it.",
    ),
    mistake(
        "ImportError",
        r"'ChatOpenAI' from 'langchain\.chat_models'|No module named 'langchain\.chat_models\.openai'",
        MOVED,
        "from langchain_openai import ChatOpenAI.",
    ),
    mistake(
        "ImportError",
        r"No module named 'langchain\.schema",
        MOVED,
        "from langchain_core.messages import HumanMessage, AIMessage, ToolMessage.",
    ),
    mistake(
        "ImportError",
        r"No module named 'langchain\.prompts'",
        MOVED,
        "from langchain_core.prompts import ChatPromptTemplate.",
    ),
    mistake(
        "ImportError",
        r"No module named 'langchain\.tools\.tavily_search'",
        MOVED,
        "from langchain_community.tools.tavily_search import TavilySearchResults.",
    ),
    mistake(
        "ImportError",
        r"No module named 'langchain\.memory'",
        "LangChain's memory classes are gone since its version 1.",
        "compile the graph with a checkpointer: it keeps the conversation.",
    ),
    mistake(
        "ImportError",
        r"cannot import name '(AgentExecutor|initialize_agent|create_openai_tools_agent)'",
        "this way to make an agent is gone since version 1 of LangChain.",
        "build the graph yourself, or from langchain.agents import create_agent.",
    ),
    mistake(
        "ImportError",
        r"cannot import name '(ToolExecutor|ToolInvocation)'",
        "this part of LangGraph is gone since its version 1.",
        'run the tool yourself: tool.invoke(call["args"]), or use ToolNode(tools).',
    ),
    mistake(
        "ImportError",
        r"cannot import name '(Memory|InMemory)Saver' from 'langgraph\.checkpoint'",
        "this saver is one module further down.",
        "from langgraph.checkpoint.memory import InMemorySaver.",
    ),
    mistake(
        "ImportError",
        r"No module named 'langgraph\.checkpoint\.aiosqlite'",
        "this module of LangGraph has moved.",
        "from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver.",
    ),
    mistake(
        "ImportError",
        r"No module named 'langchain_core\.pydantic_v1'",
        "this module was for pydantic's version 1, and it is gone.",
        "from pydantic import BaseModel, Field.",
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
