"""The studio does what its buttons and methods say, and keeps nothing of what failed."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph

from utils.errors import ExerciseError, ViewError, ViewTypeError
from utils.questions import asking
from utils.views.studio import Studio, studio


@pytest.fixture
def world(weather: Any) -> Any:
    return weather()


@pytest.fixture
def asked(world: Any) -> Studio:
    """A studio with a question whose call waits."""
    return studio(world.graph, world.config).ask("sf?")


def count(world: Any) -> int:
    return len(list(world.graph.get_state_history(world.config)))


def last(world: Any) -> Any:
    return world.graph.get_state(world.config).values["messages"][-1]


def test_the_text_form_reads_as_agreed(asked: Studio, golden: Callable[[str, str], None]) -> None:
    golden(asked.text(), "studio")


def test_to_look_changes_nothing(world: Any) -> None:
    view = studio(world.graph, world.config)
    view.text(), view.html(), view.refresh()
    assert count(world) == 0
    view.ask("sf?")
    before = count(world)
    view.select("c1").compare("c0").compare(None).refresh()
    view.text(), view.html()
    assert count(world) == before


def test_a_question_is_asked_and_its_call_is_approved(world: Any, asked: Studio) -> None:
    assert "1 call waits at a breakpoint before action" in asked.heading()
    assert "waits for you" in asked.graph_html()
    asked.decide("approve")
    assert last(world).content == "Results: 20 in city 0"
    assert "Results: 20 in city 0" in asked.talk_html()
    assert "graph.invoke(None, config)" in asked.done


def test_the_thread_is_what_the_graphs_own_methods_would_have_left(weather: Any, asked: Studio) -> None:
    asked.decide("approve")
    other = weather()
    other.ask()
    other.graph.invoke(None, other.config)

    def facts(graph: Any, config: Any) -> list[Any]:
        return [(s.next, s.metadata, len(s.values["messages"])) for s in graph.get_state_history(config)]

    theirs = facts(other.graph, other.config)
    assert facts(asked.explorer._thread.graph, other.config) == theirs


@pytest.mark.parametrize("act", ["approve", "fork", "ask"])
def test_what_fails_leaves_no_checkpoint_and_says_why(world: Any, asked: Studio, act: str) -> None:
    if act == "ask":
        asked.decide("reject")
        world.graph.invoke(None, world.config)
        asked.refresh()
    before, world.breaks = count(world), True
    world.llm = world.action = None  # what is not reached is not called
    match act:
        case "approve":
            asked.decide("approve")
        case "fork":
            asked.fork()
        case _:
            world.graph.nodes["llm"].bound.func = broken
            asked.ask("la?")
    assert asked.problem.endswith("Nothing of this run was kept.")
    assert "closed" in asked.problem
    assert "ValueError" not in asked.text() + asked.html()
    assert count(world) == before
    assert asked.done == ""


def broken(state: Any) -> Any:
    raise ValueError("the <weather> service is closed")


def test_an_error_that_somebody_can_explain_is_explained(world: Any) -> None:
    view = studio(world.graph, world.config, explain=lambda error: f"In words: {error}").ask("sf?")
    world.breaks = True
    view.decide("approve")
    assert view.problem.startswith("In words: the <weather> service is closed.")


def test_a_providers_own_words_are_told() -> None:
    class Refused(Exception):
        def __init__(self) -> None:
            super().__init__("Error code: 401 - {…}")
            self.body = {"message": "this key is not valid", "code": 401}

    def node(state: Any) -> Any:
        raise Refused

    view = studio(adding(node), {"configurable": {"thread_id": "1"}}).ask("hi")
    assert view.problem == "this key is not valid. Nothing of this run was kept."


class Added(TypedDict):
    messages: Annotated[list[AnyMessage], operator.add]


def adding(node: Callable[[Any], Any]) -> Any:
    """A graph of one node, whose reducer adds messages and replaces none."""
    builder = StateGraph(Added)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=InMemorySaver())


def test_a_question_is_refused_while_a_call_has_no_answer(world: Any, asked: Studio) -> None:
    before = count(world)
    assert "decide about it first" in asked.ask("la?").problem
    assert "no answer at this checkpoint" in asked.fork("la?").problem
    assert count(world) == before


def test_a_message_is_edited_in_a_fork_and_run_again(world: Any, asked: Studio) -> None:
    asked.select("c1").edit(1, "la?")
    assert asked.explorer.selected == "c3"
    assert "edited = message.model_copy(update={\"content\": 'la?'})" in asked.done
    asked.fork()
    messages = world.graph.get_state(world.config).values["messages"]
    assert [message.content for message in messages] == ["la?", ""]
    assert asked.explorer.tree.branches == 2


def test_an_edit_that_would_be_added_to_the_end_is_refused() -> None:
    graph, config = (
        adding(lambda state: {"messages": [AIMessage("hi")]}),
        {"configurable": {"thread_id": "1"}},
    )
    view = studio(graph, config).ask("hello")
    before = len(list(graph.get_state_history(config)))
    view.edit(1, "good morning")
    assert "adds an edited message to the end" in view.problem
    assert len(list(graph.get_state_history(config))) == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda view: view.edit(9, "x"), "no message 9"),
        (lambda view: view.edit(1, " "), "needs the new text"),
        (lambda view: view.ask(" "), "needs a question"),
        (lambda view: view.select("c99"), "no checkpoint 'c99'"),
        (lambda view: view.compare("c99"), "no checkpoint 'c99'"),
        (lambda view: view.decide("edit"), "needs the arguments"),
    ],
)
def test_what_makes_no_sense_is_an_error_with_advice(asked: Studio, wrong: Any, said: str) -> None:
    with pytest.raises(ViewError, match=said):
        wrong(asked)


def test_where_nothing_can_be_done_that_is_said(world: Any) -> None:
    view = studio(world.graph, world.config)
    assert view.decide("approve").problem == "There is nothing to approve: nothing waits."
    assert view.fork("sf?").problem == "There is no checkpoint to fork at."
    view.ask("sf?").decide("approve")
    assert view.fork().problem == "Nothing follows c4, so there is nothing to run again."


def test_two_branches_are_compared(asked: Studio) -> None:
    asked.select("c1").edit(1, "la?").compare("c2")
    assert "compared with c2" in asked.text()
    page = asked.html()
    assert "<strong>c3</strong> compared with <strong>c2</strong>" in page
    assert "<dt>changed: human</dt>" in page


def test_page_and_text_say_the_same(asked: Studio, read_html: Callable[[str], Any]) -> None:
    page = " ".join(" ".join(read_html(asked.html()).words).split())
    text = asked.text()
    for word in ("1 call waits", "sf?", "no result yet", "◀ current", "step 1", "waits for you", "Done"):
        assert word in page
        assert word in text


def test_no_id_that_differs_from_run_to_run_is_stored(asked: Studio) -> None:
    asked.select("c1").edit(1, "la?")
    for id in asked.explorer._snapshots:
        assert id not in asked.text() + asked.html()
    assert any(id in asked.code() for id in asked.explorer._snapshots)


def test_of_several_calls_each_is_decided(weather: Any) -> None:
    world = weather(calls=2)
    view = studio(world.graph, world.config).ask("sf?")
    before = count(world)
    view.decide("approve", id="call_0")
    assert "1 of 2; sent when all are decided" in view.text()
    assert count(world) == before
    view.decide("approve", id="call_1")
    assert last(world).content == "Results: 20 in city 0; 20 in city 1"


def test_an_agent_is_taken_for_its_graph(world: Any) -> None:
    assert studio(world, world.config).ask("sf?").card.waiting


@pytest.mark.parametrize(("graph", "kind"), [(3, ViewTypeError), (StateGraph(Added), ViewTypeError)])
def test_what_is_no_graph_is_refused(graph: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="needs a compiled graph"):
        studio(graph, {"configurable": {"thread_id": "1"}})


def test_a_check_may_not_use_it(world: Any) -> None:
    with asking(), pytest.raises(ExerciseError, match="does for a person"):
        studio(world.graph, world.config)


# Beside the kernel


def test_a_button_starts_a_thread_and_code_waits(world: Any, tmp_path: Path) -> None:
    held, threads = threading.Event(), []

    def node(state: Any) -> Any:
        threads.append(threading.current_thread().name)
        assert held.wait(10)
        return {"messages": [AIMessage("hi")]}

    with closing(sqlite3.connect(tmp_path / "x.db", check_same_thread=False)) as file:
        graph = adding(node)
        graph.checkpointer = SqliteSaver(file)
        view = studio(graph, {"configurable": {"thread_id": "1"}})
        view.work.pressed = True
        view.ask("hello")
        assert view.busy
        assert "the run before is not over" in view.refresh().text()
        held.set()
        view.work.join(10)
        assert "Not taken" not in view.text()
        assert not view.busy
        assert "hi" in view.talk_html()
        view.work.pressed = False
        view.ask("hello again")
        assert not view.busy


@pytest.mark.parametrize("only_async", [True, False], ids=["asynchronous nodes", "an asynchronous saver"])
def test_where_the_graph_has_to_be_awaited_it_is(weather: Any, tmp_path: Path, only_async: bool) -> None:
    async def work() -> None:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "x.db")) as saver:
            world = weather()
            graph = world.built(saver, only_async=only_async)
            view = await studio(graph, world.config)
            view.work.pressed = True
            await view.ask("sf?")
            assert view.card.waiting
            await view.decide("approve")
            assert "Results: 20 in city 0" in view.talk_html()
            assert view.done == "await graph.ainvoke(None, config)"
            world.breaks = True
            before = len([s async for s in graph.aget_state_history(world.config)])
            await view.select("c2").fork()
            assert "closed" in view.problem
            assert len([s async for s in graph.aget_state_history(world.config)]) == before

    asyncio.run(work())


def test_a_database_of_another_thread_is_told_in_words(world: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as file:
        graph = adding(lambda state: {"messages": [AIMessage("hi")]})
        graph.checkpointer = SqliteSaver(file)
        view = studio(graph, {"configurable": {"thread_id": "1"}})
        view.work.pressed = True
        view.ask("hello")
        view.work.join(10)
        assert "check_same_thread=False" in view.problem
