"""Parts for what happens while a graph runs: a model that streams blocks, a fed stream, tools that report.

Made on the student's side, like all parts of the kit: ``utils.lab.parts`` finds them here.
"""

from __future__ import annotations

import asyncio
import json
import operator
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_chunk_to_message,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.config import get_stream_writer
from langgraph.types import interrupt

END = object()
Block = Mapping[str, Any]
FRAGMENT = 8
"""letters of a tool call's arguments that come at once"""


class BlocksModel(BaseChatModel):
    """A model that streams its turns as blocks, as Anthropic and Bedrock do."""

    turns: list[list[dict[str, Any]]]
    """each a list of ``{"text": …}`` and ``{"call": name, "args": {…}}``"""

    @property
    def _llm_type(self) -> str:
        return "blocks"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        return self

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        spoken = sum(message.type == "ai" for message in messages)
        for message in _block_chunks(self.turns[spoken % len(self.turns)], spoken):
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                run_manager.on_llm_new_token(message.text, chunk=chunk)
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        whole = reduce(operator.add, (part.message for part in self._stream(messages)))
        return ChatResult(generations=[ChatGeneration(message=message_chunk_to_message(whole))])


def _block_chunks(blocks: Sequence[Block], spoken: int) -> Iterator[AIMessageChunk]:
    """Yield one turn as a provider streams it: pieces of text have one index, each call has its own."""
    for number, block in enumerate(blocks):
        if "call" not in block:
            yield AIMessageChunk(content=[{"type": "text", "text": block["text"], "index": 0}])
            continue
        id = f"toolu_{spoken}_{number}"
        index = number + 1
        head = {"type": "tool_use", "name": block["call"], "id": id, "input": {}, "index": index}
        opening: Any = {"name": block["call"], "args": "", "id": id, "index": index}
        yield AIMessageChunk(content=[head], tool_call_chunks=[opening])
        told = json.dumps(block["args"])
        for start in range(0, len(told), FRAGMENT):
            text = told[start : start + FRAGMENT]
            delta = {"type": "input_json_delta", "partial_json": text, "index": index}
            part: Any = {"name": None, "args": text, "id": None, "index": index}
            yield AIMessageChunk(content=[delta], tool_call_chunks=[part])
    yield AIMessageChunk(content=[])


class TimedStream:
    """A ``messages`` stream that carries its own clock: each item comes at a time of its own."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], start: float) -> None:
        self._rows = iter(rows)
        self._start = start
        self._now = start

    def clock(self) -> float:
        """Return what the clock shows, in seconds."""
        return self._now

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        row = next(self._rows, None)
        if row is None:
            raise StopAsyncIteration
        self._now = self._start + row["at"]
        return _timed(row), {"langgraph_node": row["node"]}

    async def aclose(self) -> None:
        """End the stream, as ``aclosing`` does: nothing comes of it any more."""
        self._rows = iter(())


def _timed(row: Mapping[str, Any]) -> BaseMessage:
    text = str(row.get("text", ""))
    match row["kind"]:
        case "result":
            return ToolMessage(text, tool_call_id="call_1")
        case "blocks":
            return AIMessageChunk(content=[{"type": "text", "text": text, "index": 0}])
        case "block call":
            return AIMessageChunk(content=[{"type": "input_json_delta", "partial_json": text, "index": 1}])
        case "call":
            part: Any = {"name": None, "args": text, "id": None, "index": 0}
            return AIMessageChunk(content="", tool_call_chunks=[part])
    return AIMessageChunk(content=text)


def make_telling_tool(search: BaseTool, steps: Sequence[Any]) -> BaseTool:
    """Return a tool that reports the first steps, does what ``search`` does, and reports the last one."""

    def work(query: str) -> str:
        tell = get_stream_writer()
        for step in steps[:-1]:
            tell({"query": query, "state": step})
        found = search.invoke({"query": query})
        tell({"query": query, "state": steps[-1]})
        return str(found)

    return StructuredTool.from_function(work, name=search.name, description=search.description)


def make_giving_tool(name: str, value: Any) -> BaseTool:
    """Return a tool that gives the same value for whatever is looked up."""

    def work(query: str) -> Any:
        return value

    return StructuredTool.from_function(work, name=name, description="Look something up.")


def make_asking_tool(name: str) -> BaseTool:
    """Return a tool that asks a person before it does anything."""

    def work(query: str) -> str:
        return f"a person said: {interrupt({'query': query})}"

    return StructuredTool.from_function(work, name=name, description="Ask a person first.")


async def custom_items(graph: Any, thread_id: str, text: str) -> AsyncIterator[Any]:
    """Yield what tools report while a graph answers a question, item by item."""
    question = {"messages": [HumanMessage(text)]}
    async for item in graph.astream(
        question, {"configurable": {"thread_id": thread_id}}, stream_mode="custom"
    ):
        yield item


def interrupts_of(graph: Any, thread_id: str) -> list[Any]:
    """Return what a thread waits for a person to answer."""
    state = graph.get_state({"configurable": {"thread_id": thread_id}})
    return [found.value for found in state.interrupts]


def is_asynchronous(value: Any) -> bool:
    """Return whether ``async for`` can loop over something; kept iterators were asked for one already."""
    return hasattr(type(value), "__anext__")


async def read_at_once(streams: Sequence[AsyncIterator[Any]], most: int) -> None:
    """Read some streams at the same time, in one loop, each to its end or to so many items."""

    async def read(stream: AsyncIterator[Any]) -> None:
        for _ in range(most):
            if await anext(stream, END) is END:
                return

    await asyncio.gather(*map(read, streams))


def is_tool(value: Any) -> bool:
    """Return whether something is a tool."""
    return isinstance(value, BaseTool)


PARTS: Mapping[str, Callable[..., Any]] = {
    "asking_tool": make_asking_tool,
    "block_model": lambda turns: BlocksModel(turns=turns),
    "custom_items": custom_items,
    "giving_tool": make_giving_tool,
    "interrupts": interrupts_of,
    "is_asynchronous": is_asynchronous,
    "is_tool": is_tool,
    "read_at_once": read_at_once,
    "telling_tool": make_telling_tool,
    "timed_stream": TimedStream,
}
