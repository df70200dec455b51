"""Parts for runs that wait for a person: what waits, and how a run goes on with an answer.

Made on the student's side, like all parts of the kit: ``utils.lab.parts`` finds them here.
"""

from __future__ import annotations

import contextlib
import inspect
import sqlite3
import sys
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.graph import END, START
from langgraph.types import Command, interrupt

from utils.agent import Agent, AgentState
from utils.lab.http import post
from utils.lab.parts import answer_of

SEARCH_MODULE = "langchain_community.utilities.tavily_search"
"""has the address of the notebook's own search as a constant"""
ROWS = (
    (
        "SELECT rowid, checkpoint FROM checkpoints",
        "UPDATE checkpoints SET thread_id = ?, checkpoint = ? WHERE rowid = ?",
    ),
    ("SELECT rowid, value FROM writes", "UPDATE writes SET thread_id = ?, value = ? WHERE rowid = ?"),
)
"""how what a saver's file holds is read and written: two tables of it"""


def waiting(graph: Any, thread_id: str) -> list[dict[str, Any]]:
    """Return the dynamic interrupts of a thread: the ``id`` of each and the ``value`` shown to a person."""
    state = graph.get_state({"configurable": {"thread_id": thread_id}})
    return [{"id": found.id, "value": found.value} for found in state.interrupts]


def go_on(graph: Any, thread_id: str) -> Any:
    """Return a graph's state after a paused run has gone on, up to the next pause or the end."""
    return graph.invoke(None, {"configurable": {"thread_id": thread_id}})


def resume(graph: Any, thread_id: str, answers: Mapping[str, Any]) -> Any:
    """Return a graph's state after interrupts have been answered, each by its id."""
    return graph.invoke(Command(resume=dict(answers)), {"configurable": {"thread_id": thread_id}})


def begin_anew(graph: Any, thread_id: str) -> None:
    """Let a paused run begin again, with its calls open: it waits before its first node then."""
    graph.update_state({"configurable": {"thread_id": thread_id}}, None, as_node=START)


def give_up(graph: Any, thread_id: str) -> None:
    """Declare a paused run over, with its calls open."""
    graph.update_state({"configurable": {"thread_id": thread_id}}, None, as_node=END)


def written(graph: Any, thread_id: str) -> list[str]:
    """Return the ids of a thread's checkpoints: to look adds none."""
    history = graph.get_state_history({"configurable": {"thread_id": thread_id}})
    return [snapshot.config["configurable"]["checkpoint_id"] for snapshot in history]


def copy_file(path: str, copy: str) -> None:
    """Let the file ``copy`` hold what a saver's file holds, whatever was in it."""
    with (
        contextlib.closing(sqlite3.connect(path)) as file,
        contextlib.closing(sqlite3.connect(copy)) as other,
    ):
        file.backup(other)


def hand_over(path: str, thread_id: str, renamed: Mapping[str, str]) -> None:
    """Let all that a saver's file holds be of the thread ``thread_id``; ids in it become others, as long.

    To a process that knew the old ids the file is then what another process's file would be.
    """
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        for read, write in ROWS:
            for row, data in file.execute(read).fetchall():
                for old, new in renamed.items():
                    data = data.replace(old.encode(), new.encode())
                file.execute(write, (thread_id, data, row))


def make_asking_node() -> Callable[..., Any]:
    """Return a node of a state and a tool that asks about the last message's call, as exercise 4.5 says.

    A graph with another node, made from the same thread, is asked as by another process.
    """

    def ask(state: AgentState, tool: BaseTool) -> Any:
        [call] = getattr(state["messages"][-1], "tool_calls", [])
        return interrupt({"id": call["id"], "name": call["name"], "args": call["args"]})

    return ask


async def seen(url: str, work: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns; meanwhile the notebook's own search asks at ``url`` as well.

    So a check's model sees what the function looks up beside the agent that it is given.
    """
    search: Any = sys.modules.get(SEARCH_MODULE)  # a notebook that has none yet has no search
    before = getattr(search, "TAVILY_API_URL", None)
    if search is not None:
        search.TAVILY_API_URL = f"{url}/tavily"
    try:
        result = work(*args)
        return await result if inspect.isawaitable(result) else result
    finally:
        if search is not None:
            search.TAVILY_API_URL = before


def make_booking_tool(url: str, name: str) -> BaseTool:
    """Return a tool with an argument that may be left out; it works by one request to the model's side."""
    address = httpx2.URL(f"{url}/tool/{name}")

    def work(query: str, note: str = "") -> str:
        return answer_of(post(address, {"query": query, **({"note": note} if note else {})}))

    return StructuredTool.from_function(work, name=name, description="Do something; the query says what.")


def make_agent_with(model: Any, tool: BaseTool, saver: Any, node: Callable[..., Any]) -> Any:
    """Return the reference agent's graph with one tool and ``node(state, tool)`` as its ``action``."""

    class Asking(Agent):
        def take_action(self, state: AgentState) -> Any:
            done = node(state, tool)
            if inspect.iscoroutine(done):
                done.close()  # it is no update, and LangGraph says so; here nobody would ever await it
            return done

    return Asking(model, [tool], saver).graph


PARTS: Mapping[str, Callable[..., Any]] = {
    "waiting": waiting,
    "go_on": go_on,
    "resume": resume,
    "begin_anew": begin_anew,
    "give_up": give_up,
    "written": written,
    "copy_file": copy_file,
    "hand_over": hand_over,
    "asking_node": make_asking_node,
    "seen": seen,
    "booking_tool": make_booking_tool,
    "agent_with": make_agent_with,
}
