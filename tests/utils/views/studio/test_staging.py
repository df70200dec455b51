"""What a run writes reaches the real saver when the run has gone well, and not before."""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from utils.views.studio.staging import StagingSaver


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        yield InMemorySaver()
        return
    with closing(sqlite3.connect(tmp_path / "x.db", check_same_thread=False)) as file:
        yield SqliteSaver(file)


def staged(graph: Any) -> tuple[Any, StagingSaver]:
    made = copy.copy(graph)
    made.checkpointer = StagingSaver(graph.checkpointer)
    return made, made.checkpointer


def facts(world: Any, graph: Any = None) -> list[Any]:
    history = (graph or world.graph).get_state_history(world.config)
    return [
        (
            snapshot.config["configurable"]["checkpoint_id"],
            (snapshot.parent_config or {}).get("configurable", {}).get("checkpoint_id"),
            snapshot.next,
            [(message.type, message.content) for message in snapshot.values.get("messages", [])],
            [interrupt.value for interrupt in snapshot.interrupts],
            snapshot.metadata,
        )
        for snapshot in history
    ]


QUESTION = {"messages": [("user", "sf?")]}


def test_a_run_is_seen_beside_what_there_was_and_then_passed_on(weather: Any, saver: Any) -> None:
    world = weather(saver=saver)
    world.ask()
    before = facts(world)
    graph, staging = staged(world.graph)
    graph.invoke(None, world.config)
    assert facts(world) == before
    seen = facts(world, graph)
    assert len(seen) > len(before)
    staging.pass_on()
    assert facts(world) == seen
    world.ask("and la?")
    assert len(facts(world)) > len(seen)


def test_a_run_that_was_dropped_leaves_nothing(weather: Any, saver: Any) -> None:
    world = weather(saver=saver)
    world.ask()
    before = facts(world)
    world.breaks = True
    graph, _ = staged(world.graph)
    with pytest.raises(ValueError, match="closed"):
        graph.invoke(None, world.config)
    assert facts(world) == before
    world.breaks = False
    assert world.graph.invoke(None, world.config)["messages"][-1].content == "Results: 20 in city 0"


def test_an_answer_to_an_interrupt_is_passed_on(weather: Any, saver: Any) -> None:
    world = weather(saver=saver, interrupting=True)
    world.ask()
    world.breaks = True
    graph, _ = staged(world.graph)
    with pytest.raises(ValueError, match="closed"):
        graph.invoke(Command(resume={"type": "approve"}), world.config)
    assert facts(world)[0][4], "the interrupt still waits"
    world.breaks = False
    graph, staging = staged(world.graph)
    graph.invoke(Command(resume={"type": "approve"}), world.config)
    seen = facts(world, graph)
    staging.pass_on()
    assert world.graph.get_state(world.config).values["messages"][-1].content == "Results: 20 in city 0"
    assert facts(world) == seen


def test_a_fork_and_a_written_state_are_passed_on(weather: Any, saver: Any) -> None:
    world = weather(saver=saver)
    world.ask()
    first = list(world.graph.get_state_history(world.config))[-1].config
    graph, staging = staged(world.graph)
    graph.invoke(QUESTION, first)
    graph.update_state(world.config, {"messages": [("user", "never mind")]})
    seen = facts(world, graph)
    staging.pass_on()
    assert facts(world) == seen


def test_the_asynchronous_twins_do_the_same(weather: Any, run_async: Callable[..., Any]) -> None:
    world = weather()

    async def work() -> None:
        graph, staging = staged(world.graph)
        await graph.ainvoke(QUESTION, world.config)
        assert facts(world) == []
        seen = [s.config async for s in graph.aget_state_history(world.config, limit=2)]
        await staging.apass_on()
        assert [s.config async for s in world.graph.aget_state_history(world.config, limit=2)] == seen

    run_async(work)


@pytest.fixture
def run_async() -> Callable[..., Any]:
    return lambda work: asyncio.run(work())
