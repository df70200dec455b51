"""The kit's own parts, made where the student's objects live: models, tools, savers, agents.

They are ordinary LangChain and LangGraph objects; a check gets references to them and hands those to
the student's functions. Those of a single lab are in that lab's folder, ``utils/checks/<slug>/parts.py``.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.pregel import Pregel

from utils.agent import Agent, AgentState
from utils.lab.http import apost, post
from utils.providers import chosen_provider

Parts = Mapping[str, Callable[..., Any]]


class ToolError(Exception):
    """A graded tool failed, as the check told it to."""


class ToolFailed(ToolError):
    """The tool's service answered with an error."""


def make_model(url: str, name: str | None = None) -> Any:
    """Return a provider's chat model that talks to the recorded model at ``url``."""
    provider = chosen_provider(name)
    model: Any = provider.make(url + provider.path)
    if provider.name != "openai":
        return model
    from utils.lab.model import with_quick_clients  # noqa: PLC0415 - the SDK, for those who need it

    return with_quick_clients(model)


def make_tool(url: str, name: str, error: str = "") -> BaseTool:
    """Return a tool with one argument, ``query``, that does its work by one request to the model's side.

    Where its service fails it raises ToolFailed, or Python's own error of that name.
    """
    raised = getattr(builtins, error) if error else ToolFailed
    address = httpx2.URL(f"{url}/tool/{name}")

    def work(query: str) -> str:
        return answer_of(post(address, {"query": query}), raised)

    async def awork(query: str) -> str:
        return answer_of(await apost(address, {"query": query}), raised)

    return StructuredTool.from_function(
        work,
        coroutine=awork,
        name=name,
        description="Look something up; the query says what.",
        args_schema=_args_of(name),
    )


@functools.cache
def _args_of(name: str) -> Any:
    """Return what a tool of this name takes: making such a class costs more than all else of a tool."""

    def work(query: str) -> str:
        return query

    return StructuredTool.from_function(work, name=name, description=name).args_schema


def answer_of(response: httpx2.Response, raised: type[Exception] = ToolFailed) -> str:
    """Return what a tool's service has answered. Raises ``raised``, with its words, where it failed."""
    data = response.json()
    if response.status_code != httpx2.codes.OK:
        raise raised(data.get("error", "the tool's service failed"))
    return str(data["text"])


def make_saver(path: str | None = None) -> Any:
    """Return a saver in memory, or on disk at ``path``; on disk it works from a graph's worker threads."""
    if path is None:
        return InMemorySaver()
    return SqliteSaver(sqlite3.connect(path, check_same_thread=False))


def close_saver(saver: Any) -> None:
    """Close the file of a saver that ``make_saver`` made."""
    if isinstance(saver, SqliteSaver):
        saver.conn.close()


def make_agent(model: Any, tools: Sequence[BaseTool], saver: Any = None, **options: Any) -> Any:
    """Return the reference agent's compiled graph."""
    return Agent(model, tools, saver, **options).graph


def make_acting_agent(
    model: Any,
    tools: Sequence[BaseTool],
    saver: Any,
    take_action: Callable[..., Any],
    unknown: Sequence[str] = (),
) -> Any:
    """Return the reference agent's graph with another ``take_action(state, tools)``.

    The model knows all tools, the function is not given those in ``unknown``.
    """
    known = {tool.name: tool for tool in tools if tool.name not in unknown}

    class Acting(Agent):
        async def atake_action(self, state: AgentState) -> Any:
            done = take_action(state, dict(known))
            return await done if inspect.isawaitable(done) else done

    return Acting(model, tools, saver).graph


def make_blocks_model(answers: Sequence[Sequence[str]]) -> Any:
    """Return a model whose answers are lists of text blocks, as several providers send them."""
    messages = [AIMessage([{"type": "text", "text": text} for text in answer]) for answer in answers]
    return FakeMessagesListChatModel(responses=list(messages))


def run_turn(graph: Any, thread_id: str, text: str) -> Any:
    """Ask one question on a thread and return the state as a coroutine: nodes may be sync or async."""
    return graph.ainvoke({"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": thread_id}})


def run_sync_turn(graph: Any, thread_id: str, text: str) -> Any:
    """Ask one question on a thread and return the state, for savers that are sync only."""
    return graph.invoke({"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": thread_id}})


async def break_turn(graph: Any, thread_id: str, text: str) -> str:
    """Return the type of the error that ends a run early; empty if the run ends as usual."""
    try:
        await run_turn(graph, thread_id, text)
    except ToolError as error:
        return type(error).__name__
    return ""


def state_of(graph: Any, thread_id: str, checkpoint_id: str | None = None) -> Any:
    """Return a thread's state as plain data; its newest one unless another is named."""
    where = {"thread_id": thread_id}
    if checkpoint_id is not None:
        where["checkpoint_id"] = checkpoint_id
    return _plain_snapshot(graph.get_state({"configurable": where}))


def values_of(graph: Any, thread_id: str) -> dict[str, Any]:
    """Return the newest values of a thread's state."""
    return dict(graph.get_state({"configurable": {"thread_id": thread_id}}).values)


def states_of(graph: Any, thread_id: str) -> list[dict[str, Any]]:
    """Return all of a thread's states as plain data, newest first, branches mixed."""
    history = graph.get_state_history({"configurable": {"thread_id": thread_id}})
    return [_plain_snapshot(snapshot) for snapshot in history]


def _plain_snapshot(snapshot: Any) -> dict[str, Any]:
    metadata = snapshot.metadata or {}
    parent = (snapshot.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    return {
        "id": snapshot.config["configurable"].get("checkpoint_id"),
        "parent": parent,
        "step": metadata.get("step"),
        "source": metadata.get("source"),
        "next": tuple(snapshot.next),
        "messages": list(snapshot.values.get("messages", ())) if snapshot.values else [],
    }


def replay_from(graph: Any, thread_id: str, checkpoint_id: str) -> Any:
    """Run a graph again from an old checkpoint: the new checkpoints are a branch."""
    return graph.invoke(None, {"configurable": {"thread_id": thread_id, "checkpoint_id": checkpoint_id}})


def edit_from(graph: Any, thread_id: str, checkpoint_id: str, text: str) -> None:
    """Add a message beside an old checkpoint: another branch."""
    where = {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}}
    graph.update_state(where, {"messages": [HumanMessage(text)]}, as_node="action")


def is_graph(value: Any) -> bool:
    """Return whether something is a compiled graph."""
    return issubclass(type(value), Pregel)


def is_saver(value: Any) -> bool:
    """Return whether something is a checkpointer."""
    return issubclass(type(value), BaseCheckpointSaver)


def remembers(graph: Any, saver: Any) -> bool:
    """Return whether a graph was compiled with this checkpointer: without one nothing can wait."""
    return graph.checkpointer is saver


def enter(manager: Any) -> Any:
    """Enter a context manager and return what it gives when its block begins."""
    return manager.__enter__()


class BodyError(sqlite3.Error):
    """Raised in the block of a context manager, to see what it does then."""


class BodyInterrupt(KeyboardInterrupt):
    """Raised there as by a person who interrupts the block."""


def leave(manager: Any, *, failing: str = "") -> bool:
    """Return whether a context manager swallows what its block raises.

    ``failing`` names what it raises: ``sqlite3.Error``, ``KeyboardInterrupt`` or, empty, nothing.
    """
    if not failing:
        manager.__exit__(None, None, None)
        return False
    kind = BodyInterrupt if failing == "KeyboardInterrupt" else BodyError
    error = kind("the block of the with statement failed")
    try:
        return bool(manager.__exit__(kind, error, error.__traceback__))
    except kind:
        return False


def open_handles(path: str) -> int:
    """Return how many of this process's open files are the one at ``path``."""
    import psutil  # noqa: PLC0415 - one check needs it

    real = os.path.realpath(path)
    return sum(1 for file in psutil.Process().open_files() if os.path.realpath(file.path) == real)


PARTS: Parts = {
    "model": make_model,
    "tool": make_tool,
    "saver": make_saver,
    "close_saver": close_saver,
    "agent": make_agent,
    "acting_agent": make_acting_agent,
    "blocks_model": make_blocks_model,
    "turn": run_turn,
    "sync_turn": run_sync_turn,
    "break_turn": break_turn,
    "state": state_of,
    "states": states_of,
    "values": values_of,
    "replay": replay_from,
    "edit": edit_from,
    "is_graph": is_graph,
    "is_saver": is_saver,
    "remembers": remembers,
    "enter": enter,
    "leave": leave,
    "open_handles": open_handles,
}
