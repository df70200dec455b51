"""Lab 4 calls each mistake by its name and gives the reason that holds."""

from __future__ import annotations

import functools
import random
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt

from tests.utils.checks import human_in_the_loop_right
from tests.utils.checks.every_lab import MakeLab, judge, told
from tests.utils.checks.human_in_the_loop_right import (
    answer,
    answers_to,
    config,
    decision_for,
    looped,
    runner,
    settled,
    snapshot,
)
from tests.utils.checks.human_in_the_loop_wrong import (
    all_first,
    in_one_node,
    no_loop_after_the_first_results,
    only_call,
    shown_call,
    stop_answers_every_call_of_the_thread,
    told_once,
)
from tests.utils.checks.variants import Variant
from utils.agent import Agent
from utils.checks.human_in_the_loop.desk import POLICY, alike, tasks
from utils.checks.human_in_the_loop.lab import LAB

run = functools.partial(judge, LAB)


# Mistakes that the printed examples would show at once


def the_snapshots_interrupts(agent: Any, thread_id: str) -> list[Any]:
    return [found.value for found in snapshot(agent, thread_id).interrupts]


def yes_as_a_message(agent: Any, thread_id: str) -> str:
    state = agent.invoke({"messages": [("user", "yes")]}, config(thread_id))
    return str(state["messages"][-1].text)


def as_the_last_writer(agent: Any, thread_id: str, text: str) -> str:
    calls = snapshot(agent, thread_id).values["messages"][-1].tool_calls
    mocks = [("tool", text, call["id"]) for call in calls]
    messages = [{"role": role, "content": said, "tool_call_id": id} for role, said, id in mocks]
    agent.update_state(config(thread_id), {"messages": messages})
    return str(agent.invoke(None, config(thread_id))["messages"][-1].text)


def the_text_itself(agent: Any, thread_id: str, text: str) -> str:
    return text


def the_action_instead(agent: Any, thread_id: str, call_id: str, args: Any) -> None:
    agent.update_state(config(thread_id), {"messages": []}, as_node="action")


def interrupts_are_taken_for_errors(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    def settle(calls: Any) -> Any:
        made = []
        for call in calls:
            try:
                made.append(settled(call, decision_for(call, policy), runner(tools)))
            except Exception as error:
                made.append(answer(call, error, "error"))
        return made

    return in_one_node(model, tools, checkpointer, settle)


def one_question_for_all(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    def settle(calls: Any) -> Any:
        said = interrupt([{"id": c["id"], "name": c["name"], "args": c["args"]} for c in calls])
        return [settled(call, said, runner(tools)) for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


def without_a_checkpointer(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    return human_in_the_loop_right.all_decisions_first(model, tools, policy, None)


def with_a_checkpointer_of_its_own(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    return human_in_the_loop_right.all_decisions_first(model, tools, policy, InMemorySaver())


def a_breakpoint_instead(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    return Agent(model, tools, checkpointer, interrupt_before=["action"]).graph


def everybody_is_asked(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    every = dict.fromkeys(policy, "ask")
    return human_in_the_loop_right.all_decisions_first(model, tools, every, checkpointer)


def nobody_is_asked(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    run_tool = runner(tools)

    def action(state: Any) -> Any:
        calls = state["messages"][-1].tool_calls
        return {"messages": [settled(call, {"type": "approve"}, run_tool) for call in calls]}

    return looped(model, tools, action, checkpointer)


@pytest.mark.parametrize(
    ("number", "work", "said"),
    [
        ("4.1", the_snapshots_interrupts, "pending must list it, with its id, name and args"),
        ("4.1", lambda *_: None, "pending must return a list of tool calls."),
        ("4.1", lambda *_: ["search"], "pending must return a list of tool calls."),
        ("4.1", lambda *_: [], "pending must list it, with its id, name and args"),
        ("4.3", lambda *_: None, "edit has written nothing into the thread"),
        ("4.3", the_action_instead, "the run must still wait"),
        ("4.4", lambda *_: None, "must be sent the text"),
        ("4.4", the_text_itself, "must be sent the text"),
        ("4.4", as_the_last_writer, "must be sent the text"),
        ("4.6", lambda *_: None, "build_guarded must return the compiled graph."),
        ("4.6", without_a_checkpointer, "must be compiled with the checkpointer"),
        ("4.6", nobody_is_asked, "about no others"),
        ("4.6", interrupts_are_taken_for_errors, "about no others"),
        ("4.6", one_question_for_all, "must be the call: its id, name and args"),
        ("4.6", with_a_checkpointer_of_its_own, "must be compiled with the checkpointer"),
        ("4.6", a_breakpoint_instead, "about no others"),
    ],
)
def test_what_cannot_be_right_gets_nothing_and_a_sentence(
    make_lab: MakeLab, number: str, work: Any, said: str
) -> None:
    result = run(make_lab, Variant(number, work))
    assert result.points == 0, told(result)
    assert said in result.checks[0].message, told(result)
    assert {check.status for check in result.checks} == {"failed"}, told(result)


def test_a_yes_typed_as_a_message_is_told_to_be_one(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("4.2", lambda: (yes_as_a_message, yes_as_a_message)))
    assert result.points == 0, told(result)
    assert {"has sent a new message of a person" in c.message for c in result.checks} == {True}, told(result)


def test_what_does_nothing_gets_nothing_for_approve_and_stop(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("4.2", lambda: (lambda *_: None, lambda *_: None)))
    assert result.points == 0, told(result)
    assert {check.status for check in result.checks} == {"failed"}, told(result)


@pytest.mark.parametrize("written", ["approve", "stop"])
def test_approve_and_stop_are_judged_each_on_its_own(make_lab: MakeLab, written: str) -> None:
    def missing(*_: Any) -> None:
        raise NotImplementedError

    work = {"approve": human_in_the_loop_right.approve, "stop": human_in_the_loop_right.stop}
    both = tuple(work[name] if name == written else missing for name in work)
    result = run(make_lab, Variant("4.2", lambda: both))
    other = next(name for name in work if name != written)
    assert result.points == 2, told(result)
    messages = {check.message for check in result.checks if check.status == "not begun"}
    assert messages == {f"{other} is not written yet."}


# The reason that is given is the one that holds


def going_on_from_the_pause(agent: Any, thread_id: str, text: str) -> str:
    paused = snapshot(agent, thread_id)
    mocks = answers_to(paused.values["messages"][-1], text)
    agent.update_state(paused.config, {"messages": mocks}, as_node="action")
    return str(agent.invoke(None, paused.config)["messages"][-1].text)


def without_going_on(agent: Any, thread_id: str, text: str) -> str:
    mocks = answers_to(snapshot(agent, thread_id).values["messages"][-1], text)
    agent.update_state(config(thread_id), {"messages": mocks}, as_node="action")
    return text


def with_a_word_before(agent: Any, thread_id: str, text: str) -> str:
    return str(human_in_the_loop_right.written_as_the_action_and_then_on(agent, thread_id, f"Mock: {text}"))


@pytest.mark.parametrize(
    ("number", "work", "why"),
    [
        ("4.4", going_on_from_the_pause, "the paused snapshot's config does not"),
        ("4.4", without_going_on, "invoke with None lets the run go on"),
        ("4.4", as_the_last_writer, "Written as the node action, llm comes next"),
        ("4.4", with_a_word_before, "exactly as given"),
        ("4.6", interrupts_are_taken_for_errors, "except GraphBubbleUp: raise"),
        ("4.6", a_breakpoint_instead, "a breakpoint, which asks nothing"),
        ("4.6", everybody_is_asked, "Too many questions"),
    ],
)
def test_the_reason_fits_the_mistake(make_lab: MakeLab, number: str, work: Any, why: str) -> None:
    result = run(make_lab, Variant(number, work))
    assert why in result.checks[0].why, told(result)


def a_list_of_messages(state: Any, tool: Any) -> Any:
    call = shown_call(only_call(state))
    interrupt(call)
    return [answer(call, "done")]


async def an_asynchronous_node(state: Any, tool: Any) -> Any:
    return a_list_of_messages(state, tool)


def a_message_of_an_approval(state: Any, tool: Any) -> Any:
    call = shown_call(only_call(state))
    return told_once(call, interrupt(call)["message"])


def the_list_for_the_call(state: Any, tool: Any) -> Any:
    return interrupt(state["messages"][-1].tool_calls["args"])


def values_of_an_unused_thread(agent: Any, thread_id: str) -> Any:
    return snapshot(agent, thread_id).values["messages"][-1].tool_calls


@pytest.mark.parametrize(
    ("number", "work", "why"),
    [
        ("4.1", values_of_an_unused_thread, "nobody has used it"),
        ("4.5", a_list_of_messages, "put the list into a dict"),
        ("4.5", an_asynchronous_node, "write def"),
        ("4.5", a_message_of_an_approval, "only reject and respond have a message"),
        ("4.5", the_list_for_the_call, "tool_calls is a list of calls"),
    ],
)
def test_an_error_of_python_s_is_told_in_the_exercise_s_words(
    make_lab: MakeLab, number: str, work: Any, why: str
) -> None:
    result = run(make_lab, Variant(number, work))
    failed = [check for check in result.checks if check.status == "failed"]
    assert why in failed[-1].why or why in failed[0].why, told(result)


def test_what_does_not_go_on_is_told_how_to(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("4.2", lambda: (lambda *_: None, human_in_the_loop_right.stop)))
    for check in result.checks[:2]:
        assert "approve must let the run go on" in check.message, told(result)
        assert "with None as input" in check.why, told(result)


@pytest.mark.parametrize("work", [nobody_is_asked, interrupts_are_taken_for_errors])
def test_what_a_run_came_to_is_told_with_the_call_that_ran_it(make_lab: MakeLab, work: Any) -> None:
    result = run(make_lab, Variant("4.6", work))
    assert all(check.called.startswith("agent.invoke(") for check in result.checks), told(result)


# Decisions and questions are matched by their place


def asks_in_a_different_order_each_time(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    def settle(calls: Any) -> Any:
        made = {call["id"]: decision_for(call, policy) for call in random.sample(calls, len(calls))}
        return [settled(call, made[call["id"]], runner(tools)) for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


def test_whoever_asks_in_a_different_order_each_time_does_not_slip_through(make_lab: MakeLab) -> None:
    """Five questions, each decided otherwise: by chance the places agree in one of 86 million turns."""
    for _ in range(4):
        result = run(make_lab, Variant("4.6", asks_in_a_different_order_each_time))
        (check,) = (found for found in result.checks if found.check == "obeys_each_decision")
        assert check.status == "failed", told(result)
        assert "decided about" in check.message, told(result)


def test_each_of_five_questions_is_decided_otherwise() -> None:
    decided = [task.decision for task in tasks(LAB.example) if task.decision]
    assert len(decided) == 5
    assert all(decided.count(decision) == 1 for decision in decided)
    assert {decision["type"] for decision in decided} == {"approve", "edit", "reject", "respond"}
    assert {POLICY[task.tool] for task in tasks(LAB.example)} == {"run", "ask", "forbid"}


def no_answer(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
    """A graph that ends after the tools."""

    def settle(call: Any, decision: Any) -> Any:
        return settled(call, decision, runner(tools))

    graph = all_first(model, tools, policy, checkpointer, settle).builder
    graph.edges.discard(("action", "llm"))
    graph.add_edge("action", "__end__")
    return graph.compile(checkpointer=checkpointer)


def test_an_agent_that_stops_after_its_tools_is_told_so(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("4.6", no_answer))
    assert result.points == 0, told(result)
    messages = [check.message for check in result.checks]
    assert all("and then the answer" in message for message in messages[:2]), told(result)
    assert "The model must be asked twice" in messages[2]


# A question may take several rounds of calls, and calls may look alike


def test_an_agent_without_a_loop_is_told_that_the_model_may_call_again(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("4.6", no_loop_after_the_first_results))
    (failed,) = (check for check in result.checks if check.status != "passed")
    assert (failed.check, result.points) == ("acts_exactly_once", 2), told(result)
    assert "and then the answer" in failed.message, told(result)
    assert "until it has an answer" in failed.why, told(result)


def test_calls_that_look_alike_are_decided_otherwise() -> None:
    earlier, later = alike(LAB.example)
    looks = [(task.tool, task.args) for task in (*earlier, *later)]
    decided = [task.decision and task.decision["type"] for task in (*earlier, *later)]
    assert looks[0] == looks[2]
    assert looks[1] == looks[5]
    assert looks[3] == looks[4]
    assert decided == ["approve", "reject", "reject", "approve", "respond", "approve"]


def test_whoever_stops_earlier_calls_is_told_which_wait(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("4.2", stop_answers_every_call_of_the_thread))
    (failed,) = (check for check in result.checks if check.status != "passed")
    assert "those that wait are in the last message" in failed.why, told(result)
