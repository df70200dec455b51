"""The kit's parts for runs that wait for a person do what checks rely on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send, interrupt

from utils.checks.human_in_the_loop.desk import other_id
from utils.checks.human_in_the_loop.parts import SEARCH_MODULE
from utils.checks.parts import load_parts
from utils.checks.streaming.parts import BlocksModel

PARTS = load_parts()

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


def test_whether_a_graph_remembers_by_this_saver_can_be_asked() -> None:
    saver = InMemorySaver()
    assert PARTS["remembers"](two_questions(saver), saver) is True
    assert PARTS["remembers"](two_questions(InMemorySaver()), saver) is False
    assert PARTS["remembers"](two_questions(None), saver) is False


def test_a_saver_s_file_is_put_back_to_what_it_held(tmp_path: Path) -> None:
    path, kept = str(tmp_path / "saver.db"), str(tmp_path / "kept.db")
    with SqliteSaver.from_conn_string(path) as saver:
        PARTS["sync_turn"](two_questions(saver), "trip", "Which?")
    PARTS["copy_file"](path, kept)
    for _ in range(2):
        with SqliteSaver.from_conn_string(path) as saver:
            graph = two_questions(saver)
            waiting = PARTS["waiting"](graph, "trip")
            PARTS["resume"](graph, "trip", {item["id"]: "yes" for item in waiting})
        assert len(waiting) == 2
        PARTS["copy_file"](kept, path)


def test_a_run_is_declared_over_with_its_call_open() -> None:
    tool = PARTS["asking_tool"]("search")
    graph = PARTS["agent"](BlocksModel(turns=TURNS), [tool], InMemorySaver(), interrupt_before=["action"])
    PARTS["sync_turn"](graph, "trip", "Oslo?")
    before = PARTS["written"](graph, "trip")
    PARTS["give_up"](graph, "trip")
    state = PARTS["state"](graph, "trip")
    assert state["next"] == ()
    assert state["messages"][-1].tool_calls
    assert len(PARTS["written"](graph, "trip")) == len(before) + 1


def test_a_run_that_begins_anew_waits_before_the_model_with_its_call_open() -> None:
    tool = PARTS["asking_tool"]("search")
    graph = PARTS["agent"](BlocksModel(turns=TURNS), [tool], InMemorySaver(), interrupt_before=["action"])
    PARTS["sync_turn"](graph, "trip", "Oslo?")
    PARTS["begin_anew"](graph, "trip")
    state = PARTS["state"](graph, "trip")
    assert state["next"] == ("llm",)
    assert state["messages"][-1].tool_calls


def test_what_is_handed_over_waits_on_another_thread_under_other_ids(tmp_path: Path) -> None:
    path = str(tmp_path / "desk.db")
    saver = PARTS["saver"](path)
    PARTS["sync_turn"](asking(saver), "trip", "Oslo?")
    [call] = PARTS["state"](asking(saver), "trip")["messages"][-1].tool_calls
    PARTS["close_saver"](saver)
    other = other_id(call["id"])
    assert (other != call["id"], len(other)) == (True, len(call["id"]))
    PARTS["hand_over"](path, "another trip", {call["id"]: other})
    saver = PARTS["saver"](path)
    assert PARTS["waiting"](asking(saver), "trip") == []
    [waiting] = PARTS["waiting"](asking(saver), "another trip")
    assert waiting["value"] == {"id": other, "name": "search", "args": call["args"]}
    state = PARTS["resume"](answering(saver), "another trip", {waiting["id"]: "yes"})
    PARTS["close_saver"](saver)
    assert [message.tool_call_id for message in state["messages"] if message.type == "tool"] == [other]


def asking(saver: Any) -> Any:
    """An agent with one tool, whose node is the kit's: it only asks."""
    return agent_with(PARTS["asking_node"](), saver)


def answering(saver: Any) -> Any:
    """The same agent with a node that has never asked."""

    def answer(state: Any, tool: Any) -> Any:
        [call] = state["messages"][-1].tool_calls
        return {"messages": [ToolMessage(interrupt("Well?"), tool_call_id=call["id"])]}

    return agent_with(answer, saver)


def agent_with(node: Any, saver: Any) -> Any:
    return PARTS["agent_with"](BlocksModel(turns=TURNS), PARTS["asking_tool"]("search"), saver, node)


def test_looking_writes_no_checkpoint() -> None:
    graph = two_questions(InMemorySaver())
    assert PARTS["written"](graph, "trip") == []
    PARTS["sync_turn"](graph, "trip", "Which?")
    before = PARTS["written"](graph, "trip")
    PARTS["waiting"](graph, "trip")
    assert before
    assert PARTS["written"](graph, "trip") == before


def test_the_notebook_s_search_asks_elsewhere_while_a_function_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    search = ModuleType(SEARCH_MODULE)
    search.TAVILY_API_URL = "http://before"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, SEARCH_MODULE, search)

    async def where(path: str) -> str:
        return f"{search.TAVILY_API_URL}{path}"

    def fails() -> None:
        raise ValueError(search.TAVILY_API_URL)

    assert asyncio.run(PARTS["seen"]("http://check", where, "/search")) == "http://check/tavily/search"
    with pytest.raises(ValueError, match="http://check/tavily"):
        asyncio.run(PARTS["seen"]("http://check", fails))
    assert search.TAVILY_API_URL == "http://before"


def test_without_a_search_of_the_notebook_s_a_function_is_called_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, SEARCH_MODULE, raising=False)
    assert asyncio.run(PARTS["seen"]("http://check", lambda: 7)) == 7


def test_a_node_stands_in_for_the_agent_s_action() -> None:
    def node(state: Any, tool: Any) -> dict[str, Any]:
        (call,) = state["messages"][-1].tool_calls
        answer = f"{tool.name}: {interrupt(call['args'])}"
        return {"messages": [{"role": "tool", "content": answer, "tool_call_id": call["id"]}]}

    tool = PARTS["asking_tool"]("search")
    graph = PARTS["agent_with"](BlocksModel(turns=TURNS), tool, InMemorySaver(), node)
    PARTS["sync_turn"](graph, "trip", "Oslo?")
    (waiting,) = PARTS["waiting"](graph, "trip")
    assert waiting["value"] == {"query": "Oslo"}
    state = PARTS["resume"](graph, "trip", {waiting["id"]: "yes"})
    assert [message.text for message in state["messages"][2:]] == ["search: yes", "It is cold."]
