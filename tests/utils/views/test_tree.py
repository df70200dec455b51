"""The checkpoint tree shows true parents, stays narrow and survives whatever it is given."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from utils.errors import ViewTypeError
from utils.views.tree import CheckpointNode, build_tree, checkpoint_tree, snapshots_to_nodes, tree_html

THREAD: Any = {"configurable": {"thread_id": "1"}}


def row(id: str, parent: str | None = None, **fields: Any) -> CheckpointNode:
    given: dict[str, Any] = {"step": 0, "source": "loop", "next": ("llm",), "messages": 1} | fields
    return CheckpointNode(id, parent, **given)


def text(*rows: CheckpointNode, **options: Any) -> str:
    return checkpoint_tree(rows, **options).text()


def leads(*rows: CheckpointNode) -> list[str]:
    return [line.split("  ")[0] for line in text(*rows).split("\n")]


@pytest.fixture(scope="module")
def graph() -> Any:
    """An agent that asks its tool once per question."""

    def llm(state: MessagesState) -> dict[str, Any]:
        last = state["messages"][-1]
        if last.type == "tool":
            return {"messages": [AIMessage("59 °F")]}
        return {"messages": [AIMessage("", tool_calls=[{"name": "search", "args": {}, "id": str(last.id)}])]}

    def action(state: MessagesState) -> dict[str, Any]:
        call = state["messages"][-1].tool_calls[0]  # type: ignore[union-attr]
        return {"messages": [ToolMessage("59", tool_call_id=call["id"])]}

    def calls(state: MessagesState) -> bool:
        return bool(state["messages"][-1].tool_calls)  # type: ignore[union-attr]

    builder = StateGraph(MessagesState)
    builder.add_node("llm", llm)
    builder.add_node("action", action)
    builder.add_edge(START, "llm")
    builder.add_conditional_edges("llm", calls, {True: "action", False: END})
    builder.add_edge("action", "llm")
    return builder.compile(checkpointer=InMemorySaver())


@pytest.fixture(scope="module")
def history(graph: Any) -> list[Any]:
    """Two questions, then another second question, then a replay from before its tool."""
    graph.invoke({"messages": [HumanMessage("sf?")]}, THREAD)
    answered = graph.get_state(THREAD).config
    graph.invoke({"messages": [HumanMessage("la?")]}, THREAD)
    graph.invoke({"messages": [HumanMessage("ny?")]}, answered)
    before_tool = next(s for s in graph.get_state_history(THREAD) if s.next == ("action",))
    graph.invoke(None, before_tool.config)
    return list(graph.get_state_history(THREAD))


def test_a_real_history_reads_as_agreed(history: list[Any], golden: Callable[[str, str], None]) -> None:
    golden(checkpoint_tree(history).text(), "tree")


def test_the_order_of_the_history_does_not_matter(history: list[Any]) -> None:
    shuffled = random.Random(1).sample(history, len(history))
    assert checkpoint_tree(shuffled).text() == checkpoint_tree(history).text()


def test_the_rows_of_exercise_1_4_draw_the_same_tree(history: list[Any]) -> None:
    keys = ("id", "parent", "step", "source", "next", "messages")
    rows = [{key: getattr(node, key) for key in keys} for node in snapshots_to_nodes(history)]
    assert checkpoint_tree(rows).text() == checkpoint_tree(history).text()


def test_ids_are_shown_only_on_request(history: list[Any]) -> None:
    id = history[0].config["configurable"]["checkpoint_id"]
    assert id not in checkpoint_tree(history).text()
    assert id in checkpoint_tree(history, ids=True).text()


def test_a_straight_run_stays_in_one_column() -> None:
    assert leads(row("a"), row("b", "a"), row("c", "b")) == ["○ c0", "○ c1", "● c2"]


def test_a_fork_indents_the_branch_that_was_left() -> None:
    rows = [row("a"), row("b", "a"), row("c", "b"), row("d", "a"), row("e", "d")]
    assert leads(*rows) == ["○ c0", "├─○ c1", "│ ○ c2", "○ c3", "● c4"]
    assert "from c0" in text(*rows).split("\n")[3]


def test_a_chosen_checkpoint_is_marked_and_its_branch_is_straight() -> None:
    rows = [row("a"), row("b", "a"), row("c", "a")]
    assert [line[:5] for line in text(*rows, current="b").split("\n")] == ["○ c0 ", "├─○ c", "● c1 "]


def test_a_tip_without_a_next_node_is_an_end() -> None:
    assert " end " in text(row("a", next=()))


def test_an_end_with_an_unanswered_call_says_so() -> None:
    call = AIMessage("", tool_calls=[{"name": "search", "args": {}, "id": "1"}])
    builder = StateGraph(MessagesState)
    builder.add_node("llm", lambda state: {"messages": [call]})
    builder.add_edge(START, "llm")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"messages": [HumanMessage("sf?")]}, THREAD)
    last = checkpoint_tree(graph.get_state_history(THREAD)).text().split("\n")[-1]
    assert last.endswith("end         2 messages  a tool call has no answer yet  ◀ current")


def test_a_parent_outside_of_the_list_is_said_to_be_missing() -> None:
    assert "parent not listed" in text(row("b", "a"), row("c", "b"))


def test_a_state_without_messages_has_no_count() -> None:
    assert "message" not in text(row("a", messages=None))


def test_no_checkpoints_are_no_error() -> None:
    assert checkpoint_tree([]).text() == "no checkpoints yet"
    assert "no checkpoints yet" in checkpoint_tree([]).html()


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | st.sampled_from("abcdefghx")), max_size=12)
)
def test_each_checkpoint_is_drawn_once_whatever_the_parents(pairs: list[tuple[str, str | None]]) -> None:
    tree = build_tree(row(id, parent) for id, parent in pairs)
    assert sorted(r.node.id for r in tree.rows) == sorted({id for id, _ in pairs})
    assert sum(r.current for r in tree.rows) == bool(pairs)
    assert tree == build_tree(row(id, parent) for id, parent in pairs)


def test_a_circle_is_cut() -> None:
    assert leads(row("a", "c"), row("b", "a"), row("c", "b")) == ["○ c0", "○ c1", "● c2"]
    assert leads(row("a", "a")) == ["● c0"]


def chain(length: int) -> list[CheckpointNode]:
    return [row(f"{i:06}", f"{i - 1:06}" if i else None) for i in range(length)]


def comb(length: int) -> list[CheckpointNode]:
    return [row(f"{i:06}", f"{max(i - 1 - i % 2, 0):06}" if i else None) for i in range(length)]


def star(length: int) -> list[CheckpointNode]:
    return [row(f"{i:06}", "000000" if i else None) for i in range(length)]


def binary(length: int) -> list[CheckpointNode]:
    return [row(f"{i:06}", f"{(i - 1) // 2:06}" if i else None) for i in range(length)]


@pytest.mark.parametrize("shape", [chain, comb, star, binary])
def test_a_thousand_checkpoints_of_any_shape_stay_narrow(
    shape: Callable[[int], list[CheckpointNode]],
) -> None:
    lines = text(*shape(1_000)).split("\n")
    assert len(lines) == 1_000
    assert max(map(len, lines)) <= 90


def test_a_very_long_thread_shows_its_start_and_its_end() -> None:
    lines = text(*chain(9_000)).split("\n")
    assert len(lines) == 2_001
    assert lines[1_000] == "[… 7,000 more checkpoints …]"
    assert "◀ current" in lines[-1]


def test_hostile_names_stay_names(hostile: str, read_html: Callable[[str], Any]) -> None:
    nodes = [row("a", source=hostile, next=(hostile,) * 100, label=hostile), row(hostile, "a")]
    view = checkpoint_tree(nodes, ids=True)
    assert not {"\x1b", "\u202e", "\r", "\x00"} & set(view.text())
    assert len(view.text().split("\n")) == 2
    assert len(view.text()) < 3_000
    read_html(view.html())


def test_html_has_a_label_and_can_be_scrolled_by_keyboard(
    history: list[Any], read_html: Callable[[str], Any]
) -> None:
    html = tree_html(build_tree(snapshots_to_nodes(history)))
    assert read_html(html).labels == ["Checkpoint tree: 18 checkpoints, 3 branches"]
    assert '<pre class="kit-drawing" tabindex="0">' in html


async def endless() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("text", "got str"),
        (None, "got NoneType"),
        ([1], "got int"),
        ([{"step": 1}], "`id` and `parent`"),
        (endless(), "collect it first"),
    ],
    ids=["text", "none", "numbers", "rows without ids", "asynchronous"],
)
def test_what_is_no_history_is_refused_with_advice(wrong: Any, advice: str) -> None:
    with pytest.raises(ViewTypeError, match=advice):
        checkpoint_tree(wrong)


def test_rows_with_values_of_the_wrong_kind_are_drawn_all_the_same() -> None:
    wrong = {"id": 7, "parent": None, "step": "x", "source": None, "next": "llm", "messages": [1]}
    assert checkpoint_tree([wrong]).text() == "● c0  end  ◀ current"
