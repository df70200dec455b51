"""The kit's parts for runs that wait for a person do what checks rely on."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send, interrupt

from utils.lab.parts import PARTS
from utils.lab.streams import BlocksModel

TURNS: list[list[dict[str, Any]]] = [
    [{"call": "search", "args": {"query": "Oslo"}}],
    [{"text": "It is cold."}],
]


def two_questions(saver: Any = None) -> Any:
    """A graph with two branches, each of which asks a person."""

    def ask(given: dict[str, str]) -> dict[str, Any]:
        return {"messages": [("ai", f"{given['city']}: {interrupt({'city': given['city']})}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)  # type: ignore[call-overload]
    graph.add_conditional_edges(START, lambda _: [Send("ask", {"city": city}) for city in ("Oslo", "Rome")])
    return graph.compile(checkpointer=saver)


def test_several_interrupts_wait_and_each_is_answered_by_its_id() -> None:
    graph = two_questions(InMemorySaver())
    PARTS["sync_turn"](graph, "trip", "Which?")
    waiting = PARTS["waiting"](graph, "trip")
    assert [item["value"] for item in waiting] == [{"city": "Oslo"}, {"city": "Rome"}]
    state = PARTS["resume"](graph, "trip", {item["id"]: item["value"]["city"].upper() for item in waiting})
    assert [message.text for message in state["messages"][1:]] == ["Oslo: OSLO", "Rome: ROME"]
    assert PARTS["waiting"](graph, "trip") == []


def test_one_answer_leaves_the_other_question_waiting() -> None:
    graph = two_questions(InMemorySaver())
    PARTS["sync_turn"](graph, "trip", "Which?")
    first, _ = PARTS["waiting"](graph, "trip")
    PARTS["resume"](graph, "trip", {first["id"]: "yes"})
    assert [item["value"] for item in PARTS["waiting"](graph, "trip")] == [{"city": "Rome"}]


def test_nothing_waits_on_a_thread_that_nobody_has_used() -> None:
    assert PARTS["waiting"](two_questions(InMemorySaver()), "new") == []


def test_a_run_that_paused_before_its_tools_goes_on() -> None:
    tool = PARTS["asking_tool"]("search")
    graph = PARTS["agent"](BlocksModel(turns=TURNS), [tool], InMemorySaver(), interrupt_before=["action"])
    PARTS["sync_turn"](graph, "trip", "Oslo?")
    assert PARTS["state"](graph, "trip")["next"] == ("action",)
    PARTS["go_on"](graph, "trip")
    assert PARTS["waiting"](graph, "trip")[0]["value"] == {"query": "Oslo"}


@pytest.mark.parametrize(("saver", "expected"), [(InMemorySaver(), True), (None, False)])
def test_whether_a_graph_remembers_can_be_asked(saver: Any, expected: bool) -> None:
    assert PARTS["remembers"](two_questions(saver)) is expected
