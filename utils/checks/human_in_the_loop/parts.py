"""Parts for runs that wait for a person: what waits, and how a run goes on with an answer.

Made on the student's side, like all parts of the kit: ``utils.lab.parts`` finds them here.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from langgraph.types import Command


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


def copy_file(path: str, copy: str) -> None:
    """Let the file ``copy`` hold what a saver's file holds, whatever was in it."""
    with (
        contextlib.closing(sqlite3.connect(path)) as file,
        contextlib.closing(sqlite3.connect(copy)) as other,
    ):
        file.backup(other)


PARTS: Mapping[str, Callable[..., Any]] = {
    "waiting": waiting,
    "go_on": go_on,
    "resume": resume,
    "copy_file": copy_file,
}
