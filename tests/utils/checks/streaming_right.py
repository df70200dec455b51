"""Lab 2 solved rightly, in constructs as different as students' are."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from contextlib import aclosing, suppress

from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.config import get_stream_writer
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt import ToolNode

from tests.utils.checks.variants import Table

TABLE = Table()
right = TABLE.right

ASYNCHRONOUS = "an asynchronous generator takes async for, the example loops without"


def config(thread_id):
    return {"configurable": {"thread_id": thread_id}}


def asking(text):
    return {"messages": [HumanMessage(text)]}


def kind_of(message):
    if message.type == "tool":
        return "result"
    return "call" if message.tool_calls else "answer"


# 2.1


@right("2.1")
def results_of_tasks(agent, thread_id, text):
    for event in agent.stream(asking(text), config(thread_id), stream_mode="tasks"):
        for message in event.get("result", {}).get("messages", []):
            yield event["name"], kind_of(message), message.text


@right("2.1", unlike_the_example=ASYNCHRONOUS)
async def asynchronous_updates(agent, thread_id, text):
    async for event in agent.astream(asking(text), config(thread_id)):
        for node, update in event.items():
            for message in update["messages"]:
                yield node, kind_of(message), message.text


@right("2.1")
def debug_events_and_lists_for_items(agent, thread_id, text):
    for event in agent.stream(asking(text), config(thread_id), stream_mode="debug"):
        if event["type"] == "task_result":
            payload = event["payload"]
            for message in dict(payload["result"])["messages"]:
                yield [payload["name"], kind_of(message), message.text]


@right("2.1")
class Steps:
    """An iterator written out."""

    def __init__(self, agent, thread_id, text):
        self.events = agent.stream(asking(text), config(thread_id), stream_mode=["updates"])
        self.waiting = []

    def __iter__(self):
        return self

    def __next__(self):
        while not self.waiting:
            _, update = next(self.events)
            for node, values in update.items():
                self.waiting += [(node, kind_of(m), m.text) for m in values["messages"]]
        return self.waiting.pop(0)


# 2.2


@right("2.2")
async def events_of_the_model(agent, thread_id, text):
    async for event in agent.astream_events(asking(text), config(thread_id), version="v2"):
        if event["event"] == "on_chat_model_stream" and event["data"]["chunk"].text:
            yield event["data"]["chunk"].text


@right("2.2")
async def a_thread_that_reads_the_synchronous_stream(agent, thread_id, text):
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    def read():
        try:
            for chunk, _ in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
                if isinstance(chunk, AIMessageChunk):
                    loop.call_soon_threadsafe(queue.put_nowait, chunk.text)
        finally:
            loop.call_soon_threadsafe(queue.put_nowait, None)

    reading = asyncio.create_task(asyncio.to_thread(read))
    while (piece := await queue.get()) is not None:
        yield piece
    await reading


@right("2.2")
class Tokens:
    """An asynchronous iterator written out."""

    def __init__(self, agent, thread_id, text):
        self.chunks = agent.astream(asking(text), config(thread_id), stream_mode="messages")

    def __aiter__(self):
        return self

    async def __anext__(self):
        while True:
            chunk, _ = await anext(self.chunks)
            if chunk.text and chunk.type != "tool":
                return chunk.text


@right("2.2")
async def one_of_several_modes_with_blocks_by_hand(agent, thread_id, text):
    async for mode, data in agent.astream(
        asking(text), config(thread_id), stream_mode=["updates", "messages"]
    ):
        if mode != "messages" or data[0].type == "tool":
            continue
        content = data[0].content
        blocks = [{"text": content}] if isinstance(content, str) else content
        for block in blocks:
            if block.get("text"):
                yield block["text"]


@right("2.2")
async def by_the_node_s_name_and_a_queue(agent, thread_id, text):
    queue = asyncio.Queue()

    async def fill():
        async for chunk, metadata in agent.astream(asking(text), config(thread_id), stream_mode="messages"):
            if metadata["langgraph_node"] == "llm":
                await queue.put(chunk.text)
        await queue.put(None)

    task = asyncio.create_task(fill())
    try:
        while (piece := await queue.get()) is not None:
            if piece:
                yield piece
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@right("2.2")
async def with_a_pause_that_lets_others_work(agent, thread_id, text):
    async for chunk, _ in agent.astream(asking(text), config(thread_id), stream_mode="messages"):
        if chunk.text and chunk.type != "tool":
            await asyncio.sleep(0.001)
            yield chunk.text


# 2.3


def messages_of(agent, thread_id, text):
    return agent.stream(asking(text), config(thread_id), stream_mode="messages")


def figures_of(at, start):
    return {
        "first": at[0] - start,
        "tokens": len(at),
        "per_second": 0.0 if at[-1] == at[0] else (len(at) - 1) / (at[-1] - at[0]),
    }


@right("2.3")
def all_times_and_then_arithmetic(agent, thread_id, text, clock=time.perf_counter):
    start, times = clock(), defaultdict(list)
    for message, metadata in messages_of(agent, thread_id, text):
        if isinstance(message, AIMessageChunk) and message.text:
            times[metadata["langgraph_node"]].append(clock())
    return {node: figures_of(at, start) for node, at in times.items()}


class Gauge:
    def __init__(self, first):
        self.first = self.last = first
        self.tokens = 1

    def told(self, start):
        try:
            rate = (self.tokens - 1) / (self.last - self.first)
        except ZeroDivisionError:
            rate = 0.0
        return {"first": self.first - start, "tokens": self.tokens, "per_second": rate}


@right("2.3")
def a_gauge_for_each_node_and_several_modes(agent, thread_id, text, clock=time.perf_counter):
    stream = agent.stream(asking(text), config(thread_id), stream_mode=["updates", "messages"])
    start = clock()
    gauges = {}
    for mode, data in stream:
        if mode != "messages" or not isinstance(data[0], AIMessageChunk) or data[0].text == "":
            continue
        now, node = clock(), data[1]["langgraph_node"]
        if node in gauges:
            gauges[node].tokens += 1
            gauges[node].last = now
        else:
            gauges[node] = Gauge(now)
    return {node: gauge.told(start) for node, gauge in gauges.items()}


AWAITED = "a coroutine is awaited, the example does not"


@right("2.3", unlike_the_example=AWAITED)
async def asynchronously_and_closed_when_the_block_ends(agent, thread_id, text, clock=time.perf_counter):
    start, times = clock(), defaultdict(list)
    chunks = agent.astream(asking(text), config(thread_id), stream_mode="messages")
    async with aclosing(chunks):
        async for chunk, metadata in chunks:
            if chunk.text and isinstance(chunk, AIMessageChunk):
                times[metadata["langgraph_node"]].append(clock())
    return {node: figures_of(at, start) for node, at in times.items()}


@right("2.3", unlike_the_example=AWAITED)
async def by_events_of_the_model(agent, thread_id, text, clock=time.perf_counter):
    start, times = clock(), defaultdict(list)
    async for event in agent.astream_events(asking(text), config(thread_id), version="v2"):
        if event["event"] == "on_chat_model_stream" and event["data"]["chunk"].text:
            times[event["metadata"]["langgraph_node"]].append(clock())
    return {node: figures_of(at, start) for node, at in times.items()}


@right("2.3")
def parts_of_version_2(agent, thread_id, text, clock=time.perf_counter):
    start, times = clock(), defaultdict(list)
    parts = agent.stream(asking(text), config(thread_id), stream_mode="messages", version="v2")
    for part in parts:
        chunk, metadata = part["data"]
        if chunk.type == "AIMessageChunk" and chunk.text:
            times[metadata["langgraph_node"]].append(clock())
    return {node: figures_of(at, start) for node, at in times.items()}


# 2.4

# Each is a tool and what shows it: the exercise asks for both.


def shown(agent, thread_id, text):
    for mode, data in agent.stream(asking(text), config(thread_id), stream_mode=["updates", "custom"]):
        if mode == "custom":
            yield "progress", data
        else:
            for node in data:
                yield "node", node


def reporting(search):
    @tool
    def search_aloud(query: str) -> str:
        """Search the web, and say so."""
        writer = get_stream_writer()
        writer({"query": query, "state": "searching"})
        result = search.invoke({"query": query})
        writer({"query": query, "state": "found"})
        return result

    return search_aloud


@right("2.4", unlike_the_example=ASYNCHRONOUS)
def a_class_and_parts_of_version_2():
    class Aloud(BaseTool):
        name: str = "web_search"
        description: str = "Search the web."
        search: BaseTool

        def _run(self, query: str) -> str:
            tell = get_stream_writer()
            tell({"query": query, "state": "searching"})
            try:
                return self.search.invoke(query)
            finally:
                tell({"query": query, "state": "found"})

    async def show(agent, thread_id, text):
        parts = agent.astream(
            asking(text), config(thread_id), stream_mode=["custom", "updates"], version="v2"
        )
        async for part in parts:
            if part["type"] == "custom":
                yield "progress", part["data"]
            else:
                yield "node", next(iter(part["data"]))

    return lambda search: Aloud(search=search), show


@right("2.4")
def synchronous_and_asynchronous_work_and_names_from_tasks():
    def search_aloud(search):
        def work(query: str) -> str:
            """Search."""
            get_stream_writer()({"query": query, "state": "searching"})
            found = search.invoke({"query": query})
            get_stream_writer()({"query": query, "state": "found"})
            return found

        async def awork(query: str) -> str:
            get_stream_writer()({"query": query, "state": "searching"})
            found = await search.ainvoke({"query": query})
            get_stream_writer()({"query": query, "state": "found"})
            return found

        return StructuredTool.from_function(work, coroutine=awork, name="search")

    def show(agent, thread_id, text):
        for mode, data in agent.stream(asking(text), config(thread_id), stream_mode=["tasks", "custom"]):
            if mode == "custom":
                yield ["progress", data]
            elif "result" in data:
                yield ["node", data["name"]]

    return search_aloud, show


# 2.5


def tool_message(call, text, **more):
    return ToolMessage(text, tool_call_id=call["id"], name=call["name"], **more)


def cut(text):
    return text if len(text) <= 2_000 else text[:2_000] + "…"


@right("2.5")
def one_small_function_for_each_call(state, tools):
    def answered(call):
        found = tools.get(call["name"])
        if found is None:
            return tool_message(call, f"There is no tool {call['name']}.", status="error")
        try:
            return tool_message(call, cut(str(found.invoke(call["args"]))))
        except GraphBubbleUp:
            raise
        except Exception as error:
            return tool_message(call, cut(f"{type(error).__name__}: {error}"), status="error")

    return {"messages": [answered(call) for call in state["messages"][-1].tool_calls]}


@right("2.5", unlike_the_example="a ToolNode runs inside of a graph only")
def the_prebuilt_node_wrapped(state, tools):
    def shorter(request, run):
        message = run(request)
        text = message.text
        if len(text) > 2_000:
            message = message.model_copy(update={"content": f"{text[:2_000]} [… cut]"})
        return message

    node = ToolNode(list(tools.values()), handle_tool_errors=True, wrap_tool_call=shorter)
    return node.invoke(state)


@right("2.5", unlike_the_example="an asynchronous function is awaited by the graph")
async def asynchronously_and_errors_by_their_kind(state, tools):
    messages = []
    for call in state["messages"][-1].tool_calls:
        status = "success"
        try:
            if call["name"] not in tools:
                msg = f"unknown tool {call['name']!r}"
                raise LookupError(msg)
            text = str(await tools[call["name"]].ainvoke(call["args"]))
        except Exception as error:
            if isinstance(error, GraphBubbleUp):
                raise
            text, status = repr(error), "error"
        if len(text) > 2_000:
            text = text[:2_000] + "... (cut)"
        messages.append(tool_message(call, text, status=status))
    return {"messages": messages}


@right("2.5")
def results_as_json(state, tools):
    def answered(call):
        if call["name"] not in tools:
            return tool_message(call, f"{call['name']} is unknown", status="error")
        try:
            found = tools[call["name"]].invoke(call["args"])
            text = found if isinstance(found, str) else json.dumps(found)
        except GraphBubbleUp:
            raise
        except Exception as error:
            return tool_message(call, cut(str(error)), status="error")
        return tool_message(call, cut(text))

    return {"messages": [answered(call) for call in state["messages"][-1].tool_calls]}


@right("2.5")
def the_call_itself_given_to_the_tool(state, tools):
    messages = []
    for call in state["messages"][-1].tool_calls:
        try:
            if call["name"] not in tools:
                msg = f"no tool is called {call['name']}"
                raise ValueError(msg)
            message = tools[call["name"]].invoke(call)
            content = message.content
            message.content = cut(content if isinstance(content, str) else str(content))
        except GraphBubbleUp:
            raise
        except Exception as error:
            message = tool_message(call, cut(f"{error}"), status="error")
        messages.append(message)
    return {"messages": messages}


# 2.6


@right("2.6")
async def the_rest_beyond_what_was_shown(agent, thread_id, text):
    stream = {"config": config(thread_id), "stream_mode": "messages"}
    shown = ""
    try:
        async for chunk, _ in agent.astream(asking(text), **stream):
            if chunk.type == "tool":
                shown = ""
            elif chunk.text:
                shown += chunk.text
                yield chunk.text
    except Exception:
        again = ""
        async for chunk, _ in agent.astream(None, **stream):
            if chunk.type == "tool":
                shown = again = ""
                continue
            before = len(again)
            again += chunk.text
            if rest := chunk.text[max(len(shown) - before, 0) :]:
                yield rest


@right("2.6")
async def events_and_a_counter_of_letters(agent, thread_id, text):
    shown = 0
    for given in (asking(text), None):
        at = 0
        try:
            async for event in agent.astream_events(given, config(thread_id), version="v2"):
                if event["event"] == "on_chat_model_end":
                    shown = at = 0
                if event["event"] == "on_chat_model_stream":
                    piece = event["data"]["chunk"].text
                    new = piece[max(shown - at, 0) :]
                    at += len(piece)
                    shown = max(shown, at)
                    if new:
                        yield new
            return
        except Exception:
            if given is None:
                raise


@right("2.6")
async def letters_counted_for_each_step_of_the_graph(agent, thread_id, text):
    shown = defaultdict(int)
    for given in (asking(text), None):
        said = defaultdict(int)
        try:
            async for chunk, metadata in agent.astream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool":
                    continue
                step = metadata["langgraph_step"]
                new = chunk.text[max(shown[step] - said[step], 0) :]
                said[step] += len(chunk.text)
                shown[step] = max(shown[step], said[step])
                yield new
            return
        except Exception:
            if given is None:
                raise


@right("2.6")
async def called_once_more_with_what_to_skip(agent, thread_id, text):
    async def attempt(given, skip):
        async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
            if not isinstance(chunk, AIMessageChunk):
                skip = 0
                yield None
                continue
            dropped, skip = chunk.text[:skip], max(skip - len(chunk.text), 0)
            yield chunk.text[len(dropped) :]

    shown = 0
    try:
        async for piece in attempt(asking(text), 0):
            shown = 0 if piece is None else shown + len(piece)
            if piece:
                yield piece
    except Exception:
        async for piece in attempt(None, shown):
            if piece:
                yield piece
