"""The explorer shows what each checkpoint made, forks where it is told to, and changes nothing else."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph

from utils.errors import ViewError
from utils.views import checkpoint_explorer
from utils.views.changes import MOST, Change, changes
from utils.views.folding import Fold, fold
from utils.views.touch import WIDGET_VIEW
from utils.views.tree import CheckpointNode, Tree, build_tree


@pytest.fixture
def agent(weather: Any) -> Any:
    """A thread with one answered question: c0 to c4, the call in c2, its result in c3."""
    agent = weather()
    agent.ask()
    agent.graph.invoke(None, agent.config)
    agent.ran.clear()
    return agent


def history(agent: Any) -> list[tuple[str, str | None]]:
    """Ids and parents, oldest first."""
    found = [
        (
            s.config["configurable"]["checkpoint_id"],
            s.parent_config and s.parent_config["configurable"]["checkpoint_id"],
        )
        for s in agent.graph.get_state_history(agent.config)
    ]
    return found[::-1]


# What is seen


def test_a_selected_checkpoint_reads_as_agreed(agent: Any, golden: Callable[[str, str], None]) -> None:
    golden(checkpoint_explorer(agent.graph, agent.config).select("c2").text(), "explorer")


def test_what_is_stored_holds_no_ids_and_what_is_copied_does(agent: Any) -> None:
    explorer = checkpoint_explorer(agent.graph, agent.config)
    for _ in range(2):
        ids = {id for id, _ in history(agent)}
        assert not any(id in explorer.text() or id in explorer.html() for id in ids)
        assert any(id in explorer.code() for id in ids)
        explorer.fork("and city 1?")


def test_the_code_says_what_its_names_stand_for(agent: Any) -> None:
    explorer = checkpoint_explorer(agent.graph, agent.config)
    for _ in range(2):
        assert explorer.code().startswith("# graph: what you gave to checkpoint_explorer\nconfig = ")
        explorer.fork("la?")


def test_at_first_the_current_checkpoint_is_selected(agent: Any) -> None:
    explorer = checkpoint_explorer(agent.graph, agent.config)
    assert explorer.selected == "c4"
    assert explorer.changes() == (Change("+", "ai", "Results: 20 in city 0"),)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("c0", []),
        ("c1", ["+ human: sf?"]),
        ("c2", ["+ ai: search(city='city 0')"]),
        ("c3", ["+ tool: 20 in city 0"]),
    ],
)
def test_a_checkpoint_shows_the_difference_to_its_parent(agent: Any, name: str, made: list[str]) -> None:
    explorer = checkpoint_explorer(agent.graph, agent.config).select(name)
    assert [f"{c.sign} {c.what}: {c.text}" for c in explorer.changes()] == made


def test_it_is_selected_by_id_as_well(agent: Any) -> None:
    id, _ = history(agent)[1]
    assert checkpoint_explorer(agent.graph, agent.config).select(id).selected == "c1"


def test_to_look_and_to_select_change_nothing(agent: Any) -> None:
    before = history(agent)
    explorer = checkpoint_explorer(agent.graph, agent.config)
    for name in ("c0", "c1", "c2", "c3"):
        explorer.select(name).html()
    explorer.refresh()
    explorer.widget()
    assert history(agent) == before
    assert agent.ran == []


def test_an_unknown_thread_has_none(weather: Any, read_html: Callable[[str], Any]) -> None:
    agent = weather()
    explorer = checkpoint_explorer(agent.graph, agent.config)
    assert (explorer.selected, explorer.changes(), explorer.notes()) == (None, (), ())
    assert explorer.text() == "Checkpoints of thread 1: 0 checkpoints"
    assert "no checkpoints yet" in " ".join(read_html(explorer.html()).words)
    assert explorer.fork("la?").problem == "There is no checkpoint to fork at."


# Forks


def test_a_question_is_asked_at_the_selected_checkpoint_and_the_old_branch_stays(agent: Any) -> None:
    before = history(agent)
    explorer = checkpoint_explorer(agent.graph, agent.config).select("c1")
    explorer.fork("la?")
    after = history(agent)
    assert after[: len(before)] == before
    assert after[len(before)][1] == before[1][0]
    assert explorer.selected == f"c{len(after) - 1}"
    assert explorer.tree.branches == 2
    contents = [m.content for m in agent.graph.get_state(agent.config).values["messages"]]
    assert contents == ["sf?", "la?", ""]


def test_values_are_written_as_a_child_of_the_selected_checkpoint_and_nothing_runs(agent: Any) -> None:
    before = history(agent)
    explorer = checkpoint_explorer(agent.graph, agent.config).select("c2")
    answer = {"role": "tool", "content": "9", "tool_call_id": "call_0"}
    explorer.fork(values={"messages": [answer]}, as_node="action")
    after = history(agent)
    assert after[:-1] == before
    assert after[-1][1] == before[2][0]
    assert agent.graph.get_state(agent.config).next == ("llm",)
    assert explorer.changes() == (Change("+", "tool", "9"),)
    assert agent.ran == []


def test_to_run_again_runs_the_nodes_that_follow_again(agent: Any) -> None:
    explorer = checkpoint_explorer(agent.graph, agent.config).select("c2")
    assert any("does not pause" in note for note in explorer.notes())
    explorer.fork()
    assert agent.ran == [{"city": "city 0"}]
    assert explorer.tree.branches == 2


def test_where_nothing_follows_nothing_is_run_again(agent: Any) -> None:
    before = history(agent)
    explorer = checkpoint_explorer(agent.graph, agent.config).fork()
    assert "Nothing follows c4" in explorer.problem
    assert history(agent) == before


def test_a_fork_shows_the_code_that_does_it(agent: Any) -> None:
    explorer = checkpoint_explorer(agent.graph, agent.config).select("c1").fork("la?")
    forked = len(history(agent))
    exec(explorer.done, {"graph": agent.graph})
    assert len(history(agent)) == 2 * forked - 5
    assert "'content': 'la?'" in explorer.text()
    explorer.select("c2").fork(values={"messages": []}, as_node="llm")
    exec(explorer.done, {"graph": agent.graph})
    assert "as_node='llm'" in explorer.done


def test_a_node_that_raises_is_told_and_the_tree_is_read_again(agent: Any) -> None:
    agent.breaks = True
    explorer = checkpoint_explorer(agent.graph, agent.config).select("c2").fork()
    assert explorer.problem == "ValueError: the <weather> service is closed"
    assert not explorer.busy
    assert len(explorer.tree.rows) == len(history(agent))


def test_a_saver_that_cannot_be_read_is_told(weather: Any) -> None:
    class Broken(InMemorySaver):
        def list(self, *given: Any, **named: Any) -> Any:
            raise OSError("the disk is gone")

    agent = weather(saver=Broken())
    assert checkpoint_explorer(agent.graph, agent.config).problem == "OSError: the disk is gone"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"text": "la?", "values": {}}, "not both"),
        ({"text": "  "}, "needs a question, got '  '"),
        ({"text": 7}, "needs a question, got 7"),
        ({"values": [1]}, "a dict of state keys, got list"),
        ({"as_node": "llm"}, "as_node without values"),
        ({"values": {}, "as_node": "tools"}, "no node 'tools'\n  What to do: name one of these: llm, action"),
    ],
)
def test_a_fork_that_makes_no_sense_is_refused(agent: Any, given: dict[str, Any], advice: str) -> None:
    with pytest.raises(ViewError, match=advice):
        checkpoint_explorer(agent.graph, agent.config).fork(**given)


def test_a_checkpoint_that_is_not_there_is_refused(agent: Any) -> None:
    with pytest.raises(ViewError, match=r"no checkpoint 'c9'\n.*select one that it has: c0 to c4"):
        checkpoint_explorer(agent.graph, agent.config).select("c9")


class Count(TypedDict):
    n: Annotated[int, operator.add]


def counting(saver: Any = None) -> Any:
    builder = StateGraph(Count)
    builder.add_node("one", lambda state: {"n": 1})
    builder.add_edge(START, "one")
    return builder.compile(checkpointer=saver or InMemorySaver())


THREAD: Any = {"configurable": {"thread_id": "1"}}


def test_a_state_without_messages_takes_values_only() -> None:
    graph = counting()
    graph.invoke({"n": 1}, THREAD)
    explorer = checkpoint_explorer(graph, THREAD)
    assert explorer.changes() == (Change("~", "n", "1 → 2"),)
    with pytest.raises(ViewError, match="no `messages`"):
        explorer.fork("la?")
    explorer.fork(values={"n": 5}, as_node="one")
    assert explorer.changes() == (Change("~", "n", "2 → 7"),)


def test_an_asynchronous_saver_is_awaited(weather: Any, tmp_path: Path) -> None:
    async def play() -> None:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
            agent = weather()
            graph = agent.built(saver, only_async=True)
            await graph.ainvoke({"messages": [HumanMessage("sf?")]}, agent.config)
            explorer = checkpoint_explorer(graph, agent.config)
            assert "being read" in explorer.text()
            assert "still at work" in explorer.select("c0").problem
            assert (await explorer).selected == "c2"
            await explorer.select("c2").fork()
            assert explorer.changes() == (Change("+", "ai", "Results: 20 in city 0"),)
            assert "await graph.ainvoke" in explorer.done

    asyncio.run(play())


def test_it_works_on_after_a_restart(weather: Any, tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        weather(saver=saver).ask()
    with SqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        agent = weather(saver=saver)
        explorer = checkpoint_explorer(agent.graph, agent.config).select("c1").fork("la?")
        assert explorer.tree.branches == 2


# Differences


def test_messages_are_compared_by_id_and_keys_by_value() -> None:
    old, edited = AIMessage("one", id="1"), AIMessage("uno", id="1")
    gone, new = HumanMessage("bye", id="2"), HumanMessage("hi", id="3")
    assert changes({"messages": [edited, new], "b": 2}, {"messages": [old, gone], "a": 1}) == (
        Change("~", "ai", "uno"),
        Change("+", "human", "hi"),
        Change("−", "human", "bye"),
        Change("+", "b", "2"),
        Change("−", "a", "1"),
    )


def test_the_same_state_has_no_difference() -> None:
    values = {"messages": [AIMessage("one", id="1")], "n": 1}
    assert changes(values, dict(values)) == ()
    assert changes(None, None) == ()


class Awkward:
    def __eq__(self, other: object) -> bool:
        raise ValueError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_values_that_refuse_to_be_compared_or_shown_are_shown_all_the_same() -> None:
    (change,) = changes({"x": Awkward()}, {"x": Awkward()})
    assert "whose repr raises RuntimeError" in change.text


def test_differences_are_few_and_short_whatever_the_state(hostile: str) -> None:
    found = changes({hostile + str(n): [hostile] for n in range(100)}, {"messages": 3})
    assert len(found) == MOST
    assert all(len(change.text) < 300 and len(change.what) < 80 for change in found)


def test_a_list_of_many_is_counted() -> None:
    assert changes({"x": list(range(1_000))}, {})[0].text == "1,000 items"
    assert changes([1], [2]) == (Change("~", "state", "[2] → [1]"),)


def test_a_removed_message_is_gone(agent: Any) -> None:
    last = agent.graph.get_state(agent.config).values["messages"][-1]
    agent.graph.update_state(agent.config, {"messages": [RemoveMessage(last.id)]}, as_node="llm")
    explorer = checkpoint_explorer(agent.graph, agent.config)
    assert explorer.changes() == (Change("−", "ai", "Results: 20 in city 0"),)


# Long threads


def node(n: int, parent: int | None) -> CheckpointNode:
    id = None if parent is None else f"{parent:06}"
    return CheckpointNode(f"{n:06}", id, n, "loop", ("llm",), n)


def chain(length: int) -> Tree:
    return build_tree(node(n, n - 1 if n else None) for n in range(length))


def comb(length: int) -> Tree:
    return build_tree(node(n, max(n - 1 - n % 2, 0) if n else None) for n in range(length))


def star(length: int) -> Tree:
    return build_tree(node(n, 0 if n else None) for n in range(length))


@pytest.mark.parametrize("shape", [chain, comb, star])
def test_a_thousand_checkpoints_are_some_lines_that_leave_none_out(shape: Callable[[int], Tree]) -> None:
    tree = shape(1_000)
    shown = fold(tree)
    assert len(shown) < 200
    rows = [r for part in shown for r in (part.rows if isinstance(part, Fold) else (part,))]
    assert tuple(rows) == tree.rows


def test_a_branch_in_a_long_thread_is_seen_where_it_leaves_and_ends() -> None:
    nodes = [node(n, n - 1 if n else None) for n in range(300)]
    nodes += [node(300, 150), *(node(n, n - 1) for n in range(301, 400))]
    names = {row.name for row in fold(build_tree(nodes))}
    assert {"c0", "c150", "c151", "c299", "c300", "c399"} <= names
    assert len(names) < 40


def test_a_short_thread_is_shown_whole() -> None:
    assert not any(isinstance(part, Fold) for part in fold(chain(60)))


@pytest.fixture(scope="module")
def long() -> Any:
    """A thread of a thousand checkpoints, put there through the graph's own saver."""
    graph = counting()
    graph.invoke({"n": 0}, THREAD)
    for _ in range(997):
        graph.update_state(THREAD, {"n": 1}, as_node="one")
    return graph


def test_a_thousand_checkpoints_make_a_small_page(long: Any, read_html: Callable[[str], Any]) -> None:
    explorer = checkpoint_explorer(long, THREAD)
    assert len(explorer.tree.rows) == 1_000
    assert len(explorer.html()) < 20_000
    read_html(explorer.html())
    assert len(explorer.text().split("\n")) < 60


def test_a_fold_opens_when_it_is_selected_and_a_folded_checkpoint_when_it_is_named(long: Any) -> None:
    explorer = checkpoint_explorer(long, THREAD)
    (folded,) = [part for part in explorer.shown() if isinstance(part, Fold)]
    before = len(explorer.shown())
    explorer.select(folded.name)
    assert explorer.selected == folded.rows[0].name
    assert len(explorer.shown()) == before + 50
    explorer.select("c500")
    assert "c500" in {part.name for part in explorer.shown()}
    assert explorer.refresh().selected == "c500"


# The controls


def controls(agent: Any) -> tuple[Any, Any]:
    explorer = checkpoint_explorer(agent.graph, agent.config)
    explorer.widget()
    return explorer, explorer._controls


def test_the_list_selects(agent: Any) -> None:
    explorer, shown = controls(agent)
    assert [name for _, name in shown.list.options] == ["c0", "c1", "c2", "c3", "c4"]
    shown.list.value = "c2"
    assert explorer.selected == "c2"
    assert "search(city=" in shown.detail.value
    assert not shown.replay.disabled
    shown.list.value = "c4"
    assert shown.replay.disabled


def test_buttons_select_the_checkpoint_above_and_below_and_stop_at_the_ends(agent: Any) -> None:
    explorer, shown = controls(agent)
    shown.later.click()
    assert explorer.selected == "c4"
    shown.earlier.click()
    assert explorer.selected == shown.list.value == "c3"
    shown.later.click()
    assert explorer.selected == "c4"
    for _ in range(9):
        shown.earlier.click()
    assert explorer.selected == "c0"


def test_the_button_below_opens_a_fold(long: Any) -> None:
    explorer = checkpoint_explorer(long, THREAD)
    explorer.widget()
    shown: Any = explorer._controls
    explorer.select("c4")
    shown.later.click()
    assert explorer.selected == "c5"
    assert len(shown.list.options) > 60


def test_the_button_asks_and_the_list_has_what_came(agent: Any) -> None:
    explorer, shown = controls(agent)
    shown.list.value = "c1"
    shown.question.value = "la?"
    shown.ask.click()
    assert explorer.selected == shown.list.value == "c7"
    assert len(shown.list.options) == 8
    assert 'role="status"' in shown.outcome.value


def enter(field: Any) -> None:
    """Press Enter in a field, as the front end tells it."""
    field._handle_custom_msg({"event": "submit"}, [])


def test_enter_in_the_question_asks_it(agent: Any) -> None:
    explorer, shown = controls(agent)
    shown.list.value = "c1"
    shown.question.value = "la?"
    assert explorer.tree.branches == 1
    enter(shown.question)
    assert explorer.tree.branches == 2
    assert shown.question.value == ""


def test_enter_in_a_field_that_cannot_be_used_does_nothing(weather: Any) -> None:
    explorer, shown = controls(weather())
    enter(shown.question)
    assert (explorer.problem, shown.outcome.value) == ("", "")


def test_what_came_is_said_below_the_row_of_the_button(agent: Any) -> None:
    explorer, shown = controls(agent)
    shown.list.value = "c2"
    below = shown.box.children
    for pressed, word in ((shown.replay, "Done"), (shown.ask, "Not done"), (shown.write, "Done")):
        pressed.click()
        (row,) = [n for n, one in enumerate(below) if pressed in getattr(one, "children", ())]
        said = [n for n, one in enumerate(below) if 'class="kit-word"' in (getattr(one, "value", "") or "")]
        assert said == [row + 1]
        assert f">{word}<" in below[row + 1].value
    explorer.select("c1")
    assert shown.outcome.value == ""


def test_a_refusal_goes_when_another_checkpoint_is_selected(agent: Any) -> None:
    _, shown = controls(agent)
    shown.ask.click()
    assert "Not done" in shown.below_ask.value
    shown.earlier.click()
    assert shown.below_ask.value == ""


def test_an_empty_question_is_asked_for(agent: Any) -> None:
    before = history(agent)
    _, shown = controls(agent)
    shown.ask.click()
    assert "Question: write" in shown.outcome.value
    assert history(agent) == before


def test_the_button_writes_values_as_the_chosen_node(agent: Any) -> None:
    explorer, shown = controls(agent)
    shown.list.value = "c2"
    shown.values.value = '{"messages": [{"role": "tool", "content": "9", "tool_call_id": "call_0"}]}'
    shown.node.value = "action"
    shown.write.click()
    assert explorer.changes() == (Change("+", "tool", "9"),)


def test_values_that_are_no_json_are_told_with_their_place(agent: Any) -> None:
    before = history(agent)
    _, shown = controls(agent)
    shown.values.value = '{"messages": <b>}'
    shown.write.click()
    assert "line 1, column 14" in shown.outcome.value
    assert history(agent) == before


def test_the_button_runs_again_and_looks_again(agent: Any) -> None:
    explorer, shown = controls(agent)
    shown.list.value = "c2"
    shown.replay.click()
    assert explorer.tree.branches == 2
    agent.ask("ny?")
    shown.again.click()
    assert len(shown.list.options) == len(history(agent))


def test_while_the_graph_runs_nothing_can_be_pressed(agent: Any) -> None:
    _, shown = controls(agent)
    shown.list.value = "c2"
    seen: list[bool] = []
    acted = agent.acted
    agent.acted = lambda *given: (seen.extend(b.disabled for b in shown.buttons), acted(*given))[1]
    shown.replay.click()
    assert seen
    assert all(seen)


def test_the_focus_is_settled_before_the_outcome_can_be_read(
    agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer, shown = controls(agent)
    shown.list.value = "c2"
    read: list[str] = []
    monkeypatch.setattr(type(shown.list), "focus", lambda _: read.append(shown.head.value))
    shown.replay.click()
    assert "2 branches" in shown.head.value
    assert explorer.tree.branches == 2
    assert ["2 branches" in said for said in read] == [False]


def test_every_control_has_a_label(agent: Any) -> None:
    _, shown = controls(agent)
    fields = (shown.list, shown.question, shown.values, shown.node)
    assert all(control.description for control in (*fields, *shown.buttons))
    assert all(button.tooltip for button in shown.buttons)


def test_a_list_of_a_thousand_is_short_and_opens(long: Any) -> None:
    explorer = checkpoint_explorer(long, THREAD)
    explorer.widget()
    shown: Any = explorer._controls
    assert len(shown.list.options) < 40
    fold = next(name for _, name in shown.list.options if name.startswith("fold:"))
    shown.list.value = fold
    assert shown.list.value == explorer.selected
    assert len(shown.list.options) > 60


def test_a_notebook_gets_a_widget_and_both_static_forms(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(checkpoint_explorer(agent.graph, agent.config)._repr_mimebundle_()) == {
        "text/plain",
        "text/html",
    }
    monkeypatch.setattr("utils.views.touch.widgets_here", lambda: True)
    bundle = checkpoint_explorer(agent.graph, agent.config)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", WIDGET_VIEW}


def test_the_page_is_safe_whatever_the_messages(
    weather: Any, hostile: str, read_html: Callable[[str], Any]
) -> None:
    agent = weather()
    agent.graph.update_state(
        agent.config,
        {"messages": [HumanMessage(hostile.encode("utf-8", "ignore").decode().replace("http:", ""))]},
        as_node="llm",
    )
    explorer = checkpoint_explorer(agent.graph, agent.config)
    read_html(explorer.html())
    assert len(explorer.html()) < 10_000
    assert not {"\x1b", "\u202e", "\r", "\x00"} & set(explorer.text())
    shown: Any = explorer.widget()
    read_html("".join(getattr(one, "value", None) or "" for one in shown.children))
