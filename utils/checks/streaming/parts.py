"""Parts for what happens while a graph runs: a model that streams blocks, a clock, tools that report.

Made on the student's side, like all parts of the kit: ``utils.lab.parts`` finds them here.
"""

from __future__ import annotations

import asyncio
import json
import operator
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import reduce
from types import FrameType
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    message_chunk_to_message,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.errors import GraphBubbleUp
from langgraph.graph import END as GRAPH_END
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel import Pregel
from langgraph.types import interrupt

from utils.agent import Agent, AgentState

END = object()
Block = Mapping[str, Any]
AFTERWARDS = 100.0
"""seconds that pass at the end of a timed stream, after its last token"""
KEPT = 20
"""reports that are told once more"""
FRAGMENT = 8
"""letters of a tool call's arguments that come at once"""


class BlocksModel(BaseChatModel):
    """A model that streams its turns as blocks, as Anthropic and Bedrock do."""

    turns: list[list[dict[str, Any]]]
    """each a list of ``{"text": …}`` and ``{"call": name, "args": {…}}``; a text with an ``index`` is
    one block of several
    """

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
    """Yield one turn as a provider streams it: pieces of a text have one index, each call has its own."""
    for number, block in enumerate(blocks):
        if "call" not in block:
            yield AIMessageChunk(
                content=[{"type": "text", "text": block["text"], "index": block.get("index", 0)}]
            )
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


class TimedAgent:
    """A compiled graph with a clock that its streams move: a token of a model takes the time that is given.

    Nothing else takes time but the beginning and the end, so that an asker knows what the clock shows
    whatever else a stream holds.
    """

    def __init__(self, graph: Any, start: float, before: float, ticks: Sequence[float]) -> None:
        self._graph = graph
        self._now = start
        self._before = before
        self._ticks = iter(ticks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)

    def clock(self) -> float:
        """Return what the clock shows, in seconds."""
        return self._now

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yield what the graph's own method yields."""
        self._now += self._before
        for item in self._graph.stream(*args, **kwargs):
            self._passes(item)
            yield item
        self._now += AFTERWARDS

    async def astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Yield what the graph's own method yields."""
        self._now += self._before
        async for item in self._graph.astream(*args, **kwargs):
            self._passes(item)
            yield item
        self._now += AFTERWARDS

    async def astream_events(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Yield what the graph's own method yields."""
        self._now += self._before
        async for event in self._graph.astream_events(*args, **kwargs):
            if event["event"] == "on_chat_model_stream":
                self._passes(event["data"]["chunk"])
            yield event
        self._now += AFTERWARDS

    def _passes(self, item: Any) -> None:
        if _is_token(item):
            self._now += next(self._ticks, 0.0)


def _is_token(item: Any) -> bool:
    """Return whether an item of a stream, in whatever modes, is a piece of a model's text."""
    match item:
        case AIMessageChunk():
            return bool(item.text)
        case ("messages", data) | (_, "messages", data) | {"type": "messages", "data": data}:
            return _is_token(data)
        case (AIMessageChunk() as chunk, _):
            return bool(chunk.text)
    return False


def make_renamed_agent(model: BaseChatModel, tools: Sequence[BaseTool], saver: Any = None) -> Any:
    """Return the reference agent's graph with nodes of other names: ``speaker`` and ``hands``."""
    agent = Agent(model, tools)
    graph = StateGraph(AgentState)
    graph.add_node("speaker", RunnableLambda(agent.call_model, afunc=agent.acall_model))
    graph.add_node("hands", RunnableLambda(agent.take_action, afunc=agent.atake_action))
    graph.add_edge(START, "speaker")
    graph.add_conditional_edges("speaker", agent.exists_action, {True: "hands", False: GRAPH_END})
    graph.add_edge("hands", "speaker")
    return graph.compile(checkpointer=saver)


def make_voices(script: Sequence[tuple[str, Sequence[str] | str]]) -> Any:
    """Return a graph whose nodes speak one after the other, each as the script says: a node, its pieces.

    What is one string there is no model's: the node returns it as a whole message.
    """
    model = BlocksModel(turns=[[{"text": piece} for piece in pieces] for _, pieces in script])

    def spoken(state: MessagesState) -> int:
        return sum(message.type == "ai" for message in state["messages"])

    def speak(state: MessagesState) -> dict[str, Any]:
        whole = script[spoken(state)][1]
        said = AIMessage(whole) if isinstance(whole, str) else model.invoke(state["messages"])
        return {"messages": [said]}

    def turn(state: MessagesState) -> str:
        return script[spoken(state)][0] if spoken(state) < len(script) else GRAPH_END

    names = sorted({name for name, _ in script})
    graph = StateGraph(MessagesState)
    for name in names:
        graph.add_node(name, speak)
    for source in (START, *names):
        graph.add_conditional_edges(source, turn, [*names, GRAPH_END])
    return graph.compile(checkpointer=InMemorySaver())


def make_telling_tool(search: BaseTool, steps: Sequence[Any], aside: Any = None) -> BaseTool:
    """Return a tool that reports the first steps, does what ``search`` does, and reports the last one.

    ``aside`` is a report of another form, which comes behind the first steps.
    """

    def work(query: str) -> str:
        tell = get_stream_writer()
        for step in steps[:-1]:
            tell({"query": query, "state": step})
        if aside is not None:
            tell(aside)
        found = search.invoke({"query": query})
        tell({"query": query, "state": steps[-1]})
        return str(found)

    return StructuredTool.from_function(work, name=search.name, description=search.description)


def make_giving_tool(name: str, value: Any) -> BaseTool:
    """Return a tool that gives the same value for whatever is looked up, and takes two arguments."""

    def work(query: str, unit: str) -> Any:
        return value

    return StructuredTool.from_function(work, name=name, description="Look something up.")


def make_asking_tool(name: str) -> BaseTool:
    """Return a tool that asks a person before it does anything."""

    def work(query: str) -> str:
        return f"a person said: {interrupt({'query': query})}"

    return StructuredTool.from_function(work, name=name, description="Ask a person first.")


class HandedOver(GraphBubbleUp):
    """Somebody else goes on: no error, and no interrupt either."""


def make_handing_tool(name: str) -> BaseTool:
    """Return a tool that hands the conversation over to somebody else."""

    def work(query: str) -> str:
        raise HandedOver(query)

    return StructuredTool.from_function(work, name=name, description="Hand over to somebody else.")


async def custom_items(graph: Any, thread_id: str, text: str) -> AsyncIterator[Any]:
    """Yield what tools report while a graph answers a question, and at the end all of it once more.

    What is told at the end is what a reader has who kept the reports; of many the first are enough.
    """
    kept: list[Any] = []
    question = {"messages": [HumanMessage(text)]}
    async for item in graph.astream(
        question, {"configurable": {"thread_id": thread_id}}, stream_mode="custom"
    ):
        kept.append(item)
        yield item
    yield kept[:KEPT]


def interrupts_of(graph: Any, thread_id: str) -> list[Any]:
    """Return what a thread waits for a person to answer."""
    state = graph.get_state({"configurable": {"thread_id": thread_id}})
    return [found.value for found in state.interrupts]


def is_asynchronous(value: Any) -> bool:
    """Return whether ``async for`` can loop over something; kept iterators were asked for one already."""
    return hasattr(type(value), "__anext__")


async def read_at_once(streams: Sequence[AsyncIterator[Any]], most: int) -> list[tuple[str, str]]:
    """Read some streams at the same time, in one loop, each to its end or to so many items.

    Return what was called meanwhile in the loop's thread and lets everybody wait, and by which function.
    """
    blocked: list[tuple[str, str]] = []
    stream = Pregel.stream.__code__

    def notice(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called is time.sleep:
            blocked.append(("time.sleep", frame.f_code.co_name))
        elif event == "call" and frame.f_code is stream and frame.f_back is not None:
            blocked.append(("stream", frame.f_back.f_code.co_name))

    async def read(stream: AsyncIterator[Any]) -> None:
        for _ in range(most):
            if await anext(stream, END) is END:
                return

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        await asyncio.gather(*map(read, streams))
    finally:
        sys.setprofile(before)
    return blocked[:1]


def is_tool(value: Any) -> bool:
    """Return whether something is a tool."""
    return isinstance(value, BaseTool)


PARTS: Mapping[str, Callable[..., Any]] = {
    "asking_tool": make_asking_tool,
    "block_model": lambda turns: BlocksModel(turns=turns),
    "custom_items": custom_items,
    "giving_tool": make_giving_tool,
    "handing_tool": make_handing_tool,
    "interrupts": interrupts_of,
    "is_asynchronous": is_asynchronous,
    "is_tool": is_tool,
    "read_at_once": read_at_once,
    "renamed_agent": make_renamed_agent,
    "telling_tool": make_telling_tool,
    "timed_agent": TimedAgent,
    "voices": make_voices,
}
