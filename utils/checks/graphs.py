"""What the checks of several labs say and demand of graphs and their messages."""

from __future__ import annotations

from typing import Any

from utils.checks.registry import Words, expect, fail
from utils.lab.lab import Lab, Ref
from utils.lab.plain import Message


def kinds(messages: Any) -> str:
    """Return the types of messages in their order, such as ``human ai tool ai``; others are left out."""
    found = messages if isinstance(messages, list | tuple) else ()
    return " ".join(message.type for message in found if isinstance(message, Message)) or "nothing"


def compiled(
    lab: Lab,
    graph: Any,
    function: str,
    *,
    why: str,
    expected: str = "what graph.compile(checkpointer=checkpointer) returns",
) -> Ref:
    """Return what ``function`` returned, if it is a compiled graph; fail if it is not, and say ``why``."""
    if not isinstance(graph, Ref) or not lab.part("is_graph", graph):
        fail(f"{function} must return the compiled graph.", got=graph, expected=expected, why=why)
    return graph


def expect_own_methods(
    lab: Lab, graph: Ref, function: str = "", *, made: str = "Pauses and checkpoints"
) -> None:
    """Fail if what a graph does when it is run, or says of itself, is not LangGraph's doing.

    ``function`` returned the graph; ``made`` is what the lab teaches of LangGraph's doing.
    """
    expect(
        lab.part("has_own_methods", graph) is True,
        f"{f'What {function} returns' if function else 'The graph'} must be run by LangGraph itself.",
        got=Words("a graph whose methods were replaced"),
        expected="the compiled graph, as compile(…) returns it",
        why=f"{made} are what LangGraph makes of nodes and edges.",
    )
