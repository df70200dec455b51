"""The approval card shows what waits, sends what was decided, and changes nothing else."""

from __future__ import annotations

import asyncio
import operator
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from ipywidgets import DOMWidget
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from utils.errors import ViewError, ViewTypeError
from utils.views import approval_card
from utils.views.pending import ArgumentsError, read_arguments
from utils.views.touch import WIDGET_VIEW

KINDS = pytest.mark.parametrize("interrupting", [False, True], ids=["breakpoint", "interrupt"])


def messages(agent: Any) -> list[Any]:
    found: list[Any] = agent.graph.get_state(agent.config).values["messages"]
    return found


def checkpoints(agent: Any) -> int:
    return len(list(agent.graph.get_state_history(agent.config)))


# What waits


@KINDS
def test_a_waiting_call_has_its_name_and_arguments(weather: Any, interrupting: bool) -> None:
    agent = weather(interrupting=interrupting)
    agent.ask()
    (call,) = approval_card(agent.graph, agent.config).waiting
    assert (call.id, call.name, call.args) == ("call_0", "search", {"city": "city 0"})


def test_a_breakpoint_reads_as_agreed(weather: Any, golden: Callable[[str, str], None]) -> None:
    agent = weather(calls=2)
    agent.ask()
    golden(approval_card(agent.graph, agent.config).text(), "approval-breakpoint")


def test_an_interrupt_reads_as_agreed(weather: Any, golden: Callable[[str, str], None]) -> None:
    agent = weather(interrupting=True)
    agent.ask()
    golden(approval_card(agent.graph, agent.config).text(), "approval-interrupt")


def test_nothing_waits_on_an_unknown_thread_nor_after_the_end(weather: Any) -> None:
    agent = weather()
    card = approval_card(agent.graph, agent.config)
    assert (card.waiting, card.answer) == ((), None)
    assert "nothing waits" in card.text()
    agent.ask()
    agent.graph.invoke(None, agent.config)
    assert card.refresh().waiting == ()
    assert card.answer == "Results: 20 in city 0"


def test_to_look_changes_nothing(weather: Any) -> None:
    agent = weather()
    agent.ask()
    before = checkpoints(agent)
    card = approval_card(agent.graph, agent.config)
    card.refresh().html()
    card.widget()
    assert checkpoints(agent) == before
    assert agent.ran == []


def test_the_id_of_an_old_checkpoint_is_left_out(weather: Any) -> None:
    agent = weather()
    agent.ask()
    old = agent.graph.get_state(agent.config).config
    agent.graph.invoke(None, agent.config)
    assert approval_card(agent.graph, old).waiting == ()


def test_a_breakpoint_of_one_call_only_is_said_not_to_be_kept(weather: Any) -> None:
    agent = weather(interrupting=True)
    agent.graph.invoke({"messages": [HumanMessage("?")]}, agent.config, interrupt_before=["action"])
    card = approval_card(agent.graph, agent.config)
    assert card.waiting[0].id == "call_0"
    assert any("without asking again" in note for note in card.notes())
    kept = weather()
    kept.ask()
    assert approval_card(kept.graph, kept.config).notes() == ()


# What a decision does


@KINDS
def test_approve_runs_the_call_and_gives_the_answer(weather: Any, interrupting: bool) -> None:
    agent = weather(interrupting=interrupting)
    agent.ask()
    card = approval_card(agent.graph, agent.config)
    assert card.decide("approve") is card
    assert (card.waiting, card.answer, card.problem) == ((), "Results: 20 in city 0", "")
    assert agent.ran == [{"city": "city 0"}]


@KINDS
def test_the_card_goes_to_the_next_pause(weather: Any, interrupting: bool) -> None:
    agent = weather(interrupting=interrupting, rounds=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("approve")
    assert [call.id for call in card.waiting] == ["call_1"]
    assert card.answer is None
    assert card.decide("approve").answer == "Results: 20 in city 0; 20 in city 1"


def test_an_edit_at_a_breakpoint_waits_on_with_the_new_arguments(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    before = [message.id for message in messages(agent)]
    card = approval_card(agent.graph, agent.config).decide("edit", args={"city": "Oslo"}, id="call_1")
    assert [call.args for call in card.waiting] == [{"city": "city 0"}, {"city": "Oslo"}]
    assert [message.id for message in messages(agent)] == before
    assert agent.ran == []
    card.decide("approve")
    assert agent.ran == [{"city": "city 0"}, {"city": "Oslo"}]


def test_an_edit_of_an_interrupt_runs_the_call_with_the_new_arguments(weather: Any) -> None:
    agent = weather(interrupting=True)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("edit", args={"city": "Oslo"})
    assert card.answer == "Results: 20 in Oslo"
    assert agent.ran == [{"city": "Oslo"}]


@KINDS
@pytest.mark.parametrize("decision", ["reject", "respond"])
def test_reject_and_respond_never_run_the_tool(weather: Any, interrupting: bool, decision: Any) -> None:
    agent = weather(interrupting=interrupting)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide(decision, message="it is late")
    assert card.answer == "Results: it is late"
    assert agent.ran == []


@KINDS
def test_the_card_says_what_became_of_each_call_and_what_the_model_said(
    weather: Any, interrupting: bool
) -> None:
    agent = weather(interrupting=interrupting)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("approve")
    answer = ("Answer", "Results: 20 in city 0")
    assert list(card.outcome()) == [("Result", "search: 20 in city 0"), answer]
    assert "Result: search: 20 in city 0" in card.text()
    assert list(card.refresh().outcome()) == [answer]


def test_results_stand_in_the_order_of_the_calls(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config)
    card.decide("respond", message="17", id="call_1").decide("reject", message="it is late", id="call_0")
    assert list(card.outcome()) == [
        ("Result", "search: it is late"),
        ("Result", "search: 17"),
        ("Answer", "Results: it is late; 17"),
    ]


def test_what_came_before_the_next_pause_is_told_beside_what_waits(weather: Any) -> None:
    agent = weather(rounds=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("approve")
    assert list(card.outcome()) == [("Result", "search: 20 in city 0")]
    card.decide("edit", args={"city": "Oslo"})
    assert [word for word, _ in card.outcome()] == ["Edited"]
    assert [said for _, said in card.decide("approve").outcome()] == [
        "search: 20 in Oslo",
        "Results: 20 in city 0; 20 in Oslo",
    ]


def test_a_run_that_fails_tells_no_result(weather: Any) -> None:
    agent = weather(rounds=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("approve")
    agent.breaks = True
    assert [word for word, _ in card.decide("approve").outcome()] == ["Problem"]


def test_bookings_without_tool_messages_are_told_one_by_one() -> None:
    def book(task: Any) -> Any:
        decision = interrupt(task)
        if decision["type"] == "reject":
            return {"messages": [AIMessage(f"not booked: {decision['message']}")]}
        return {"messages": [AIMessage(f"booked: {decision['args']['city']}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("book", book)
    calls = [{"id": id, "name": "book", "args": {"city": id}} for id in ("Oslo", "Rome")]
    builder.add_conditional_edges(START, lambda _: [Send("book", call) for call in calls], ["book"])
    graph = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"messages": [HumanMessage("two, please")]}, config)
    card = approval_card(graph, config).decide("edit", args={"city": "Bergen"}, id="Oslo")
    card.decide("reject", message="not in August", id="Rome")
    assert list(card.outcome()) == [
        ("Sent", "book  Oslo: edit, {'city': 'Bergen'}"),
        ("Sent", "book  Rome: reject, not in August"),
        ("Answer", "booked: Bergen"),
        ("Answer", "not booked: not in August"),
    ]


def test_the_code_says_what_its_names_stand_for(weather: Any) -> None:
    agent = weather()
    agent.ask()
    card = approval_card(agent.graph, agent.config)
    for _ in range(2):
        assert card.text().count("# graph, config: what you gave to approval_card") == 1
        assert card.code_html().count("# graph, config: what you gave to approval_card") == 1
        card.decide("approve")


def test_a_call_rejected_at_a_breakpoint_is_answered_as_an_error(weather: Any) -> None:
    agent = weather()
    agent.ask()
    approval_card(agent.graph, agent.config).decide("reject")
    (answer,) = [message for message in messages(agent) if message.type == "tool"]
    assert (answer.status, answer.tool_call_id, answer.name) == ("error", "call_0", "search")
    assert answer.content


def test_several_calls_of_a_message_are_sent_when_all_are_decided(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("reject", message="no", id="call_0")
    assert list(card.decided) == ["call_0"]
    assert len(card.waiting) == 2
    assert "1 of 2" in card.text()
    assert card.decide("respond", message="17", id="call_1").answer == "Results: no; 17"
    assert agent.ran == []


def test_at_a_breakpoint_some_of_both_is_not_taken_and_changes_nothing(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("approve", id="call_0")
    before = checkpoints(agent)
    card.decide("reject", id="call_1")
    assert "all calls run or none" in card.problem
    assert list(card.decided) == ["call_0"]
    assert (agent.ran, checkpoints(agent)) == ([], before)


def test_a_decision_without_an_id_is_for_all_and_replaces_those_before(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config).decide("reject", id="call_0").decide("approve")
    assert card.answer == "Results: 20 in city 0; 20 in city 1"


class Found(TypedDict):
    found: Annotated[list[str], operator.add]


def test_several_interrupts_are_resumed_together_each_with_its_own_decision() -> None:
    def ask(city: str) -> Found:
        decision = interrupt({"id": city, "name": "book", "args": {"city": city}})
        return {"found": [f"{city} {decision['type']}"]}

    builder = StateGraph(Found)
    builder.add_node("ask", ask)
    builder.add_conditional_edges(START, lambda _: [Send("ask", "Oslo"), Send("ask", "Rome")], ["ask"])
    graph = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"found": []}, config)
    card = approval_card(graph, config).decide("approve", id="Rome")
    assert graph.get_state(config).values == {"found": []}
    card.decide("reject", id="Oslo")
    assert graph.get_state(config).values == {"found": ["Oslo reject", "Rome approve"]}
    assert (card.waiting, card.answer) == ((), None)


class Step(TypedDict):
    x: Any


def questioning(value: Any) -> tuple[Any, Any]:
    builder = StateGraph(Step)
    builder.add_node("ask", lambda state: {"x": interrupt(value)})
    builder.add_edge(START, "ask")
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({"x": 0}, config)
    return graph, config


def test_a_question_in_another_form_can_be_approved_or_answered() -> None:
    graph, config = questioning({"sure?": [1, 2]})
    card = approval_card(graph, config)
    assert card.waiting[0].args == {"sure?": [1, 2]}
    assert '{"sure?": [1, 2]}' in card.text()
    with pytest.raises(ViewError, match="edit is for calls"):
        card.decide("edit", args={})
    card.decide("respond", message="quite")
    assert graph.get_state(config).values == {"x": {"type": "respond", "message": "quite"}}


@KINDS
def test_the_code_shown_does_the_same(weather: Any, interrupting: bool) -> None:
    for decision in ("approve", "edit", "reject", "respond"):
        by_button, by_code = (weather(interrupting=interrupting, calls=1) for _ in range(2))
        for agent in (by_button, by_code):
            agent.ask()
        card = approval_card(by_button.graph, by_button.config)
        card.decide(
            decision,
            args={"city": "Oslo"} if decision == "edit" else None,
            message="" if decision == "approve" else "late",
        )
        names = {"graph": by_code.graph, "config": by_code.config}
        exec(card.done, names | {"Command": Command, "ToolMessage": ToolMessage})
        assert [(m.type, m.content) for m in messages(by_code)] == [
            (m.type, m.content) for m in messages(by_button)
        ]
        assert by_code.ran == by_button.ran


# What goes wrong


@KINDS
def test_a_tool_that_raises_is_told_in_the_card_and_the_call_waits_on(
    weather: Any, interrupting: bool, read_html: Callable[[str], Any]
) -> None:
    agent = weather(interrupting=interrupting)
    agent.ask()
    agent.breaks = True
    card = approval_card(agent.graph, agent.config).decide("approve")
    assert card.problem == "ValueError: the <weather> service is closed"
    assert not card.busy
    assert "the <weather> service is closed" in " ".join(read_html(card.html()).words)
    agent.breaks = False
    assert card.decide("approve").answer == "Results: 20 in city 0"


def test_a_card_that_is_out_of_date_sends_nothing_and_looks_again(weather: Any) -> None:
    agent = weather(rounds=2)
    agent.ask()
    card = approval_card(agent.graph, agent.config)
    agent.graph.invoke(None, agent.config)
    card.decide("approve")
    assert "moved on" in card.problem
    assert [call.id for call in card.waiting] == ["call_1"]
    assert agent.ran == [{"city": "city 0"}]


def test_a_decision_about_nothing_is_told(weather: Any) -> None:
    agent = weather()
    card = approval_card(agent.graph, agent.config).decide("approve")
    assert card.problem == "There is nothing to approve: nothing waits."


def test_a_reducer_that_only_adds_refuses_an_edit() -> None:
    class Adding(TypedDict):
        messages: Annotated[list[Any], operator.add]

    call: Any = {"name": "search", "args": {}, "id": "1"}
    builder = StateGraph(Adding)
    builder.add_node("llm", lambda state: {"messages": [AIMessage("", tool_calls=[call])]})
    builder.add_node("action", lambda state: {"messages": []})
    builder.add_edge(START, "llm")
    builder.add_edge("llm", "action")
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["action"])
    config: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"messages": [HumanMessage("?")]}, config)
    card = approval_card(graph, config).decide("edit", args={"city": "Oslo"})
    assert card.problem.startswith("the reducer of `messages` adds an edited message to the end")
    assert "What to do: use add_messages" in card.problem
    assert len(graph.get_state(config).values["messages"]) == 2


def test_a_stop_without_calls_says_what_goes_on(weather: Any) -> None:
    agent = weather()
    agent.graph.update_state(agent.config, {"messages": [HumanMessage("sf?")]}, as_node="__start__")
    card = approval_card(agent.graph, agent.config)
    assert card.waiting == ()
    assert "nothing to decide; llm runs next" in card.text()
    assert "graph.invoke(None, config)" in card.text()


def test_answers_that_several_nodes_could_give_are_refused() -> None:
    call: Any = {"name": "search", "args": {}, "id": "1"}

    class Adding(TypedDict):
        messages: Annotated[list[Any], operator.add]

    builder = StateGraph(Adding)
    builder.add_node("llm", lambda state: {"messages": [AIMessage("", tool_calls=[call])]})
    for name in ("a", "b"):
        builder.add_node(name, lambda state: {"messages": []})
        builder.add_edge("llm", name)
        builder.add_edge(name, END)
    builder.add_edge(START, "llm")
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["a", "b"])
    config: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"messages": []}, config)
    card = approval_card(graph, config).decide("reject")
    assert "several nodes run next (a, b)" in card.problem
    assert len(card.waiting) == 1


@pytest.mark.parametrize(
    ("decision", "more", "advice"),
    [
        (
            "aprove",
            {},
            r"'aprove' is not a decision\n.*one of these: approve, edit, reject, respond",
        ),
        ("edit", {}, "needs the arguments as a dict, got None"),
        ("edit", {"args": {"x": {1, 2}}, "id": "call_0"}, "cannot be written as JSON"),
        ("edit", {"args": {}}, "say which one to edit"),
        ("approve", {"args": {}}, "arguments go with edit"),
        ("respond", {}, "respond needs the answer"),
        (
            "approve",
            {"id": "call_9"},
            r"no call 'call_9' waits\n.*name one that waits: call_0, call_1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_advice(
    weather: Any, decision: Any, more: dict[str, Any], advice: str
) -> None:
    agent = weather(calls=2)
    agent.ask()
    with pytest.raises(ViewError, match=advice):
        approval_card(agent.graph, agent.config).decide(decision, **more)
    assert agent.ran == []


def test_a_message_that_is_no_text_is_refused(weather: Any) -> None:
    agent = weather()
    with pytest.raises(ViewTypeError, match="a message is a text, got int"):
        approval_card(agent.graph, agent.config).decide("reject", message=7)  # type: ignore[arg-type]


def test_what_is_no_graph_or_no_thread_is_refused_with_advice(weather: Any) -> None:
    agent = weather()
    with pytest.raises(ViewTypeError, match=r"needs a compiled graph, got Weather\n.*give its \.graph"):
        approval_card(agent, agent.config)
    with pytest.raises(ViewTypeError, match=r"call \.compile\(\) first"):
        approval_card(StateGraph(Step), agent.config)
    with pytest.raises(ViewTypeError, match=r"needs a thread, got .*\n.*name it as graph.invoke takes it"):
        approval_card(agent.graph, {"thread_id": "1"})
    with pytest.raises(ViewError, match="needs a graph with a checkpointer"):
        approval_card(agent.built(None), agent.config)


def test_a_saver_that_cannot_be_read_is_told_in_the_card(weather: Any) -> None:
    class Broken(InMemorySaver):
        def get_tuple(self, config: Any) -> Any:
            raise OSError("the disk is gone")

    agent = weather(saver=Broken())
    card = approval_card(agent.graph, agent.config)
    assert card.problem == "OSError: the disk is gone"
    assert "could not be read" in card.text()


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ('{"city":\n "Oslo",}', "line 2, column"),
        ("{'city': 'Oslo'}", "double quotes"),
        ('{"sure": True}', "JSON writes True as true"),
        ('{"sure": None}', "JSON writes None as null"),
        ("[1]", "this is a list"),
        ('"Oslo"', "this is a text"),
        ("3", "this is a number"),
        ("true", "this is true or false"),
        ("null", "this is null"),
        ("", "line 1, column 1"),
        ("[" * 100_000, "too deeply nested"),
    ],
)
def test_arguments_that_are_no_json_object_are_refused_with_place_and_reason(typed: str, advice: str) -> None:
    with pytest.raises(ArgumentsError, match=advice):
        read_arguments(typed)


# Another process, and another loop


def test_it_works_on_after_a_restart(weather: Any, tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        weather(saver=saver).ask()
    with SqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        agent = weather(saver=saver)
        assert approval_card(agent.graph, agent.config).decide("approve").answer == "Results: 20 in city 0"


@KINDS
def test_an_asynchronous_graph_is_awaited(weather: Any, tmp_path: Path, interrupting: bool) -> None:
    async def play() -> None:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
            agent = weather(interrupting=interrupting)
            graph = agent.built(saver, only_async=True)
            await graph.ainvoke({"messages": [HumanMessage("sf?")]}, agent.config)
            card = approval_card(graph, agent.config)
            assert "being read" in card.text()
            assert card.decide("approve").problem.startswith("Not taken: this is still at work")
            assert (await card).waiting[0].id == "call_0"
            assert "await graph.ainvoke" in card.text()
            card.decide("respond", message="17")
            assert card.busy
            assert (await card).answer == "Results: 17"
            assert agent.ran == []

    asyncio.run(play())


def test_nodes_that_are_asynchronous_are_awaited_with_any_saver(weather: Any) -> None:
    async def play() -> None:
        agent = weather()
        graph = agent.built(InMemorySaver(), only_async=True)
        await graph.ainvoke({"messages": [HumanMessage("sf?")]}, agent.config)
        card = await approval_card(graph, agent.config)
        assert (await card.decide("approve")).answer == "Results: 20 in city 0"

    asyncio.run(play())


def test_an_asynchronous_node_inside_of_a_subgraph_is_found() -> None:
    async def play() -> None:
        async def ask(state: Step) -> Step:
            return {"x": interrupt("sure?")}

        inner = StateGraph(Step).add_node("ask", RunnableLambda(ask)).add_edge(START, "ask").compile()
        builder = StateGraph(Step).add_node("inner", inner).add_edge(START, "inner")
        graph: Any = builder.compile(checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        await graph.ainvoke({"x": 0}, config)
        card = await approval_card(graph, config)
        await card.decide("respond", message="quite")
        assert card.problem == ""
        assert graph.get_state(config).values["x"]["message"] == "quite"

    asyncio.run(play())


def test_a_saver_whose_loop_has_ended_is_told_instead_of_waiting_for_ever(
    weather: Any, tmp_path: Path
) -> None:
    agent = weather()

    async def build() -> Any:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
            return agent.built(saver)

    graph = asyncio.run(build())
    assert "belongs to an event loop that is not running" in approval_card(graph, agent.config).problem


def test_a_button_pressed_in_another_thread_acts_in_the_cells_own(weather: Any) -> None:
    async def play() -> None:
        agent = weather()
        agent.ask()
        card = approval_card(agent.graph, agent.config)
        ran_in: list[int] = []
        acted = agent.acted
        agent.acted = lambda *given: (ran_in.append(threading.get_ident()), acted(*given))[1]
        await asyncio.to_thread(card.decide, "approve")
        await asyncio.sleep(0)
        await card
        assert card.answer == "Results: 20 in city 0"

    asyncio.run(play())


# The controls


def controls(agent: Any) -> tuple[Any, Any]:
    card = approval_card(agent.graph, agent.config)
    card.widget()
    return card, card._controls


@KINDS
def test_the_button_approves(weather: Any, interrupting: bool) -> None:
    agent = weather(interrupting=interrupting)
    agent.ask()
    card, shown = controls(agent)
    shown.items[0].by_type["approve"].click()
    assert card.answer == "Results: 20 in city 0"
    assert shown.items == ()
    assert "Results: 20 in city 0" in shown.outcome.value
    assert 'role="status"' in shown.outcome.value


def test_edited_arguments_are_sent_from_their_field(weather: Any) -> None:
    agent = weather()
    agent.ask()
    _, shown = controls(agent)
    shown.items[0].args.value = '{"city": "Oslo"}'
    shown.items[0].by_type["edit"].click()
    assert agent.ran == []
    shown.items[0].by_type["approve"].click()
    assert agent.ran == [{"city": "Oslo"}]


def test_an_edit_that_waits_on_says_so_until_it_is_approved(weather: Any) -> None:
    agent = weather()
    agent.ask()
    card, shown = controls(agent)
    shown.items[0].args.value = '{"city": "Oslo"}'
    shown.items[0].by_type["edit"].click()
    assert "waits with its new arguments" in shown.outcome.value
    assert "Edited: the call waits with its new arguments" in card.text()
    card.refresh()
    assert "Edited" not in card.text()
    card.decide("edit", args={"city": "Rome"})
    shown.items[0].by_type["approve"].click()
    assert "Edited" not in card.text()


@KINDS
@pytest.mark.parametrize("everything", [False, True], ids=["one call", "all calls"])
def test_what_was_typed_and_not_sent_is_not_passed_over_by_approve(
    weather: Any, interrupting: bool, everything: bool
) -> None:
    agent = weather(interrupting=interrupting)
    agent.ask()
    card, shown = controls(agent)
    (item,) = shown.items
    approve = shown.together[0] if everything else item.by_type["approve"]
    came_with = item.args.value
    item.args.value = '{"city": "Oslo"}'
    approve.click()
    assert "press Send edited arguments first" in item.error.value
    assert (agent.ran, len(card.waiting)) == ([], 1)
    item.args.value = came_with
    item.by_type["approve"].click()
    assert agent.ran == [{"city": "city 0"}]


def test_text_that_is_no_json_is_told_under_its_field_and_sends_nothing(weather: Any) -> None:
    agent = weather(interrupting=True)
    agent.ask()
    card, shown = controls(agent)
    (item,) = shown.items
    item.args.value = '{"city": <b>}'
    item.by_type["edit"].click()
    assert "line 1, column 10" in item.error.value
    assert 'role="alert"' in item.error.value
    assert (agent.ran, card.problem) == ([], "")
    item.args.value = '{"city": "Oslo"}'
    item.by_type["edit"].click()
    assert item.error.value == ""
    assert agent.ran == [{"city": "Oslo"}]


def test_an_answer_without_words_is_asked_for(weather: Any) -> None:
    agent = weather()
    agent.ask()
    card, shown = controls(agent)
    (item,) = shown.items
    item.by_type["respond"].click()
    assert "Message: write the answer" in item.error.value
    item.message.value = "17"
    item.by_type["respond"].click()
    assert card.answer == "Results: 17"


def enter(field: Any) -> None:
    """Press Enter in a field, as the front end tells it."""
    field._handle_custom_msg({"event": "submit"}, [])


def test_enter_in_a_message_that_only_one_button_sends_presses_it() -> None:
    graph, config = questioning("sure?")
    card = approval_card(graph, config)
    card.widget()
    (item,) = card._controls.items  # type: ignore[union-attr]
    item.message.value = "quite"
    enter(item.message)
    assert graph.get_state(config).values == {"x": {"type": "respond", "message": "quite"}}


def test_enter_in_a_message_that_two_buttons_send_decides_nothing(weather: Any) -> None:
    agent = weather()
    agent.ask()
    card, shown = controls(agent)
    (item,) = shown.items
    item.message.value = "17"
    enter(item.message)
    assert "press Reject or Answer instead" in item.error.value
    assert (len(card.waiting), card.decided, agent.ran) == (1, {}, [])


def test_what_was_typed_for_one_call_stays_when_another_is_edited(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    _, shown = controls(agent)
    first, second = shown.items
    second.args.value = '{"city": "typed, not sent"}'
    first.args.value = '{"city": "Oslo"}'
    first.by_type["edit"].click()
    assert shown.items[0] is not first
    assert shown.items[1] is second
    assert second.args.value == '{"city": "typed, not sent"}'


def buttons(shown: Any) -> list[Any]:
    """All buttons that are shown, in their order on the page."""
    return [*(one for item in shown.items for one in item.buttons), *shown.foot.children]


@pytest.fixture
def focused(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The controls that were given the focus, in their order."""
    given: list[Any] = []
    monkeypatch.setattr(DOMWidget, "focus", lambda one: given.append(one))
    return given


@pytest.mark.parametrize("kind", ["approve", "edit", "reject"])
def test_a_button_pressed_twice_decides_nothing_else(weather: Any, focused: list[Any], kind: str) -> None:
    agent = weather(calls=2)
    agent.ask()
    _, shown = controls(agent)
    shown.items[1].by_type[kind].click()
    assert focused == [shown.items[1].by_type[kind]]


def test_a_key_pressed_again_decides_nothing_about_the_call_that_comes_next(
    weather: Any, focused: list[Any]
) -> None:
    agent = weather(rounds=2)
    agent.ask()
    _, shown = controls(agent)
    shown.items[0].by_type["approve"].click()
    assert shown.items[0].waiting.id == "call_1"
    assert focused == [shown.items[0].args]


def test_the_focus_is_settled_before_the_outcome_can_be_read(
    weather: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = weather()
    agent.ask()
    _, shown = controls(agent)
    read: list[str] = []
    monkeypatch.setattr(type(shown.again), "focus", lambda _: read.append(shown.outcome.value))
    shown.items[0].by_type["approve"].click()
    assert ["Running" in said for said in read] == [True]
    assert "20 in city 0" in shown.outcome.value


def test_several_calls_have_buttons_for_all(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    card, shown = controls(agent)
    labels = [one.description for one in shown.foot.children]
    assert labels == ["Approve all", "Reject all", "Look again"]
    shown.together[1].click()
    assert card.answer is not None
    assert agent.ran == []


def test_look_again_shows_what_came_since(weather: Any) -> None:
    agent = weather()
    card, shown = controls(agent)
    assert shown.items == ()
    agent.ask()
    shown.again.click()
    assert [item.waiting.id for item in shown.items] == ["call_0"]
    assert card.waiting


def test_while_the_graph_runs_nothing_can_be_pressed(weather: Any) -> None:
    agent = weather()
    agent.ask()
    _, shown = controls(agent)
    seen: list[bool] = []
    acted = agent.acted
    agent.acted = lambda *given: (seen.extend(one.disabled for one in buttons(shown)), acted(*given))[1]
    shown.items[0].by_type["approve"].click()
    assert seen
    assert all(seen)
    assert not any(one.disabled for one in buttons(shown))


def test_every_control_has_a_label(weather: Any) -> None:
    agent = weather(calls=2)
    agent.ask()
    _, shown = controls(agent)
    fields = [field for item in shown.items for field in (item.args, item.message)]
    assert all(control.description for control in (*fields, *buttons(shown)))
    assert all(button.tooltip for button in buttons(shown))


def test_arguments_too_long_for_a_field_are_shown_in_part_and_not_edited(weather: Any) -> None:
    graph, config = questioning({"id": "1", "name": "write", "args": {"text": "z" * 100_000}})
    card = approval_card(graph, config)
    card.widget()
    (item,) = card._controls.items  # type: ignore[union-attr]
    assert len(item.args.value) < 5_000
    assert item.args.disabled
    assert item.by_type["edit"].disabled
    assert not item.by_type["approve"].disabled


# What a notebook gets


def test_without_a_kernel_there_are_only_the_static_forms(weather: Any) -> None:
    agent = weather()
    agent.ask()
    bundle = approval_card(agent.graph, agent.config)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}


def test_where_widgets_are_shown_the_bundle_has_one(weather: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.views.touch.widgets_here", lambda: True)
    agent = weather()
    agent.ask()
    card = approval_card(agent.graph, agent.config)
    bundle = card._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", WIDGET_VIEW}
    assert bundle[WIDGET_VIEW]["model_id"] == card.widget().model_id


def test_the_static_form_is_safe_whatever_was_asked(hostile: str, read_html: Callable[[str], Any]) -> None:
    # No saver stores a lone surrogate; an address that is shown as text is no reference.
    text = hostile.encode("utf-8", "ignore").decode().replace("http:", "")
    graph, config = questioning({"id": text, "name": text, "args": {text: text}})
    card = approval_card(graph, config)
    read = read_html(card.html())
    assert read.labels == ["Approval, thread 1: 1 call waits in ask, which interrupted itself"]
    assert len(card.html()) < 60_000
    assert not {"\x1b", "\u202e", "\r", "\x00"} & set(card.text())
    shown = [card.widget(), *card.widget().children]
    read_html("".join(getattr(one, "value", "") for one in shown))
