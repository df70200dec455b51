"""Parts for what savers keep: a tool and a model to build with, and what a killed process leaves behind.

Made on the student's side, like all parts of the kit: ``utils.lab.parts`` finds them here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool

from utils.lab.http import apost, post
from utils.lab.parts import answer_of, run_turn

_WORD = re.compile(r"\S+\s*")


def make_forecast(url: str) -> BaseTool:
    """Return a tool with two arguments that does its work by one request to the model's side."""
    address = httpx2.URL(f"{url}/tool/forecast")

    def work(city: str, days: int) -> str:
        return answer_of(post(address, {"city": city, "days": days}))

    async def awork(city: str, days: int) -> str:
        return answer_of(await apost(address, {"city": city, "days": days}))

    return StructuredTool.from_function(
        work, coroutine=awork, name="forecast", description="How warm it will be in a city in some days."
    )


class InBlocks(BaseChatModel):
    """A model that says what another one says, word by word in a list of text blocks."""

    inner: Any

    @property
    def _llm_type(self) -> str:
        return "in-blocks"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        return InBlocks(inner=self.inner.bind_tools(tools), callbacks=self.callbacks)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return _in_blocks(self.inner.invoke(messages))

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return _in_blocks(await self.inner.ainvoke(messages))


def _in_blocks(message: Any) -> ChatResult:
    words = _WORD.findall(message.text)
    blocks: list[str | dict[Any, Any]] = [{"type": "text", "text": word} for word in words]
    answer = AIMessage(blocks or "", tool_calls=message.tool_calls)
    return ChatResult(generations=[ChatGeneration(message=answer)])


def make_task_agent(model: Any, tools: Sequence[BaseTool], saver: Any) -> Any:
    """Return the library's agent, in which each tool call is a task that is saved by itself."""
    return create_agent(model, list(tools), checkpointer=saver)


def most_given(graph: Any, thread_id: str) -> int:
    """Return how many messages the longest input of a thread held: its state does not show replaced ones."""
    history = graph.get_state_history({"configurable": {"thread_id": thread_id}})
    given = [task.result for state in history for task in state.tasks if task.name == "__start__"]
    lists = [found.get("messages") for found in given if isinstance(found, dict)]
    return max((len(found) for found in lists if isinstance(found, list)), default=0)


def turn_after(graph: Any, thread_id: str, past: Sequence[Sequence[str]], text: str) -> Any:
    """Ask a question behind a conversation that another graph has had; return the state as a coroutine.

    ``past`` are its questions and answers. As many searches go in with them.
    """
    said = [kind(part) for pair in past for kind, part in zip((HumanMessage, AIMessage), pair, strict=True)]
    given = {"messages": [*said, HumanMessage(text)], "searches": len(past)}
    return graph.ainvoke(given, {"configurable": {"thread_id": thread_id}})


async def talk(graph: Any, thread_id: str, texts: Sequence[str]) -> None:
    """Ask questions on a thread, one after the other."""
    for text in texts:
        await run_turn(graph, thread_id, text)


def write_checkpoint(graph: Any, thread_id: str, text: str) -> None:
    """Let a saver write one checkpoint, from the thread that runs this."""
    graph.update_state(
        {"configurable": {"thread_id": thread_id}}, {"messages": [HumanMessage(text)]}, as_node="llm"
    )


def lose_newest(saver: Any, thread_id: str, count: int) -> None:
    """Leave a saver in memory as a killed process leaves its file.

    A process writes what a task returned before it writes the checkpoint that holds it. So the newest
    checkpoints go, with all that was written behind them, and what led to the first of those stays.
    """
    kept = saver.storage[thread_id][""]
    for lost in sorted(kept)[-count:]:
        del kept[lost]
        saver.writes.pop((thread_id, "", lost), None)


PARTS: Mapping[str, Callable[..., Any]] = {
    "forecast_tool": make_forecast,
    "model_in_blocks": lambda inner: InBlocks(inner=inner),
    "task_agent": make_task_agent,
    "most_given": most_given,
    "as_path": Path,
    "talk": talk,
    "turn_after": turn_after,
    "write_checkpoint": write_checkpoint,
    "lose_newest": lose_newest,
}
