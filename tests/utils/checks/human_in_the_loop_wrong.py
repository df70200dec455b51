"""Lab 4 solved wrongly, as students do: each runs without an error and satisfies the printed example."""

from __future__ import annotations

import operator
from typing import Annotated
from uuid import uuid4

from langchain_core.messages import AIMessage, RemoveMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from tests.utils.checks.human_in_the_loop_right import (
    answer,
    answers_to,
    approve,
    asks_model,
    config,
    decision_for,
    last_message,
    looped,
    runner,
    settled,
    snapshot,
    stop,
    wants_tools,
)
from tests.utils.checks.variants import Table

TABLE = Table()
wrong = TABLE.wrong

MALFORMED = "refused the conversation"


# 4.1


@wrong("4.1", 2, tells_that_nothing_waits="pending raised an error")
def no_look_at_a_thread_without_messages(agent, thread_id):
    return snapshot(agent, thread_id).values["messages"][-1].tool_calls


@wrong("4.1", 2, tells_several_calls="all of them, in their order, and no others")
def only_the_first_call(agent, thread_id):
    state = snapshot(agent, thread_id)
    return state.values["messages"][-1].tool_calls[:1] if state.next else []


@wrong("4.1", 2, tells_several_calls="all of them, in their order, and no others")
def all_calls_of_the_thread_while_it_waits(agent, thread_id):
    state = snapshot(agent, thread_id)
    if not state.next:
        return []
    return [call for m in state.values["messages"] if m.type == "ai" for call in m.tool_calls]


@wrong(
    "4.1",
    1,
    tells_several_calls="all of them, in their order, and no others",
    tells_that_nothing_waits="When the run has ended",
)
def the_newest_message_that_has_calls(agent, thread_id):
    messages = snapshot(agent, thread_id).values.get("messages", [])
    return next((m.tool_calls for m in messages if m.type == "ai" and m.tool_calls), [])


@wrong("4.1", 2, tells_several_calls="all of them, in their order, and no others")
def one_call_for_each_tool(agent, thread_id):
    state = snapshot(agent, thread_id)
    if not state.next:
        return []
    return list({call["name"]: call for call in state.values["messages"][-1].tool_calls}.values())


@wrong(
    "4.1",
    0,
    tells_the_call="Looking must change nothing",
    tells_several_calls="all of them, in their order, and no others",
    tells_that_nothing_waits="all of them, in their order, and no others",
)
def goes_on_to_see_what_comes(agent, thread_id):
    calls = []
    for event in agent.stream(None, config(thread_id), stream_mode="debug"):
        if event["type"] == "task" and event["payload"]["name"] == "action":
            calls += event["payload"]["input"]["messages"][-1].tool_calls
    return calls


@wrong(
    "4.1",
    0,
    tells_the_call="with its id, name and args",
    tells_several_calls="all of them, in their order, and no others",
    tells_that_nothing_waits="all of them, in their order, and no others",
)
def the_id_of_the_message_for_that_of_the_call(agent, thread_id):
    state = snapshot(agent, thread_id)
    if not state.next:
        return []
    message = state.values["messages"][-1]
    return [{**call, "id": message.id} for call in message.tool_calls]


# 4.2


@wrong("4.2", 3, approves_one_pause="not for those that come later")
def approves_whatever_comes():
    def approve(agent, thread_id):
        while snapshot(agent, thread_id).next:
            state = agent.invoke(None, config(thread_id))
        return state["messages"][-1].text

    return approve, stop


@wrong(
    "4.2",
    2,
    approves_to_the_end="must run exactly once",
    approves_one_pause="not for those that come later",
)
def runs_the_tools_by_hand_and_goes_on():
    def approve(agent, thread_id):
        node = agent.nodes["action"].bound
        node.invoke(snapshot(agent, thread_id).values)
        state = agent.invoke(None, config(thread_id))
        return None if snapshot(agent, thread_id).next else state["messages"][-1].text

    return approve, stop


@wrong("4.2", 3, approves_one_pause="must return None")
def the_last_text_whether_it_is_an_answer_or_not():
    def approve(agent, thread_id):
        return agent.invoke(None, config(thread_id))["messages"][-1].text

    return approve, stop


@wrong(
    "4.2",
    2,
    stops_in_good_order="answered by exactly one tool message",
    goes_on_after_stop="the run must be over",
)
def stops_by_doing_nothing():
    return approve, lambda agent, thread_id: None


@wrong(
    "4.2",
    2,
    stops_in_good_order="answered by exactly one tool message",
    goes_on_after_stop="the thread is spoilt",
)
def an_end_with_open_calls():
    def stop(agent, thread_id):
        agent.update_state(config(thread_id), None, as_node=END)

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="answered by exactly one tool message")
def an_answer_to_the_first_call_only():
    def stop(agent, thread_id):
        first = answers_to(last_message(agent, thread_id), "no")[:1]
        agent.update_state(config(thread_id), {"messages": [*first, AIMessage("Stopped.")]}, as_node="llm")

    return approve, stop


@wrong(
    "4.2",
    2,
    stops_in_good_order="the model must have the last word",
    goes_on_after_stop="the run must be over",
)
def tool_messages_and_then_nothing():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")

    return approve, stop


@wrong("4.2", 3, goes_on_after_stop="the run must be over")
def everything_counts_as_the_action_s_work():
    def stop(agent, thread_id):
        refused = [*answers_to(last_message(agent, thread_id), "no"), AIMessage("Stopped.")]
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="The message with the calls must stay")
def the_message_with_the_calls_is_taken_out():
    def stop(agent, thread_id):
        gone = RemoveMessage(last_message(agent, thread_id).id)
        agent.update_state(config(thread_id), {"messages": [gone, AIMessage("Stopped.")]}, as_node="llm")

    return approve, stop


@wrong(
    "4.2",
    2,
    stops_in_good_order="no tool may have run",
    goes_on_after_stop="pause before its own tool",
)
def lets_it_finish_and_says_that_it_stopped():
    def stop(agent, thread_id):
        agent.invoke(None, config(thread_id))

    return approve, stop


@wrong(
    "4.2",
    2,
    stops_in_good_order="The message with the calls must stay",
    goes_on_after_stop="What was said on the thread",
)
def the_whole_thread_is_deleted():
    return approve, lambda agent, thread_id: agent.checkpointer.delete_thread(thread_id)


@wrong("4.2", 3, stops_in_good_order="answered by exactly one tool message")
def stop_answers_every_call_of_the_thread():
    def stop(agent, thread_id):
        messages = snapshot(agent, thread_id).values["messages"]
        refused = [tool for m in messages if m.type == "ai" for tool in answers_to(m, "no")]
        agent.update_state(config(thread_id), {"messages": [*refused, AIMessage("Stopped.")]}, as_node="llm")

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="answered by exactly one tool message")
def stop_answers_the_second_message():
    def stop(agent, thread_id):
        refused = answers_to(snapshot(agent, thread_id).values["messages"][1], "no")
        agent.update_state(config(thread_id), {"messages": [*refused, AIMessage("Stopped.")]}, as_node="llm")

    return approve, stop


# 4.3


def with_args(message, calls):
    return message.model_copy(update={"tool_calls": calls})


def changed(message, args, chosen):
    return [{**call, "args": args} if chosen(n, call) else call for n, call in enumerate(message.tool_calls)]


@wrong(
    "4.3",
    0,
    leaves_it_waiting="must have the new arguments",
    keeps_the_rest="Only the call with this id",
    uses_the_new_arguments="run with the new arguments",
)
def the_snapshot_only(agent, thread_id, call_id, args):
    for call in last_message(agent, thread_id).tool_calls:
        if call["id"] == call_id:
            call["args"] = args


@wrong("4.3", 1, keeps_the_rest="as many messages as before", uses_the_new_arguments=MALFORMED)
def a_new_message_behind_the_old_one(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    new = [{**call, "id": f"{call['id'][:-4]}new{n}"} for n, call in enumerate(calls)]
    agent.update_state(config(thread_id), {"messages": [AIMessage("", tool_calls=new)]})


@wrong("4.3", 1, keeps_the_rest="The calls must keep their ids", uses_the_new_arguments="each call once")
def the_other_call_is_dropped(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [{**call, "args": args} for call in message.tool_calls if call["id"] == call_id]
    written = AIMessage(message.text, tool_calls=calls, id=message.id)
    agent.update_state(config(thread_id), {"messages": [written]})


@wrong("4.3", 3, keeps_the_rest="Only the call with this id")
def always_the_first_call(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda n, _: n == 0)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong("4.3", 2, uses_the_new_arguments="run with the new arguments")
def always_the_last_call(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda n, _: n == len(message.tool_calls) - 1)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong("4.3", 1, keeps_the_rest="Only the call with this id", uses_the_new_arguments="with the new arguments")
def every_call_of_the_tool(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda *_: True)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong("4.3", 3, leaves_it_waiting="take the place of all old ones")
def old_and_new_arguments_together(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [
        {**call, "args": {**call["args"], **args}} if call["id"] == call_id else call
        for call in message.tool_calls
    ]
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong("4.3", 3, keeps_the_rest="The calls must keep their ids")
def a_new_id_for_the_call(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    new = [{**call, "id": f"{call_id[:-3]}new"} if call["id"] == call_id else call for call in calls]
    # Some providers' content has the calls, too, with their old ids: text alone is safe.
    written = AIMessage(message.text, tool_calls=new, id=message.id)
    agent.update_state(config(thread_id), {"messages": [written]})


@wrong("4.3", 3, keeps_the_rest="The messages must keep their ids")
def out_with_the_old_message_in_with_another(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    both = [RemoveMessage(message.id), AIMessage("", tool_calls=calls, id=str(uuid4()))]
    agent.update_state(config(thread_id), {"messages": both}, as_node="llm")


@wrong("4.3", 3, keeps_the_rest="also what the model says beside its calls")
def the_words_beside_the_calls_are_lost(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    written = AIMessage(content="", tool_calls=calls, id=message.id)
    agent.update_state(config(thread_id), {"messages": [written]})


@wrong("4.3", 3, keeps_the_rest="Only the call with this id")
def always_the_second_message(agent, thread_id, call_id, args):
    message = snapshot(agent, thread_id).values["messages"][1]
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


# 4.4


def go_on(agent, thread_id, messages):
    agent.update_state(config(thread_id), {"messages": messages}, as_node="action")
    return agent.invoke(None, config(thread_id))["messages"][-1].text


@wrong("4.4", 3, mocks_every_call=MALFORMED)
def the_first_call_only(agent, thread_id, text):
    return go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text)[:1])


@wrong("4.4", 3, mocks_every_call="Every call that waits must get the text")
def the_text_once_and_then_nothing(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), "")
    mocks[0] = mocks[0].model_copy(update={"content": text})
    return go_on(agent, thread_id, mocks)


@wrong("4.4", 3, mocks_every_call=MALFORMED)
def every_call_of_the_thread(agent, thread_id, text):
    messages = snapshot(agent, thread_id).values["messages"]
    return go_on(agent, thread_id, [tool for m in messages if m.type == "ai" for tool in answers_to(m, text)])


@wrong("4.4", 3, runs_no_tool="The tool must not run at all")
def what_the_tool_found_is_replaced_afterwards(agent, thread_id, text):
    ids = {call["id"] for call in last_message(agent, thread_id).tool_calls}
    found = agent.invoke(None, config(thread_id))["messages"]
    return go_on(
        agent,
        thread_id,
        [m.model_copy(update={"content": text}) for m in found if getattr(m, "tool_call_id", None) in ids],
    )


@wrong(
    "4.4",
    1,
    answers_from_the_text="must be sent the text",
    mocks_every_call="Every call that waits must get the text",
)
def the_text_with_a_word_before(agent, thread_id, text):
    return go_on(agent, thread_id, answers_to(last_message(agent, thread_id), f"Mock: {text}"))


@wrong(
    "4.4",
    2,
    runs_no_tool="The thread must hold the call",
    mocks_every_call="Every call that waits must get the text",
)
def on_a_thread_of_its_own(agent, thread_id, text):
    messages = snapshot(agent, thread_id).values["messages"]
    mocks = answers_to(messages[-1], text)
    return agent.invoke({"messages": [*messages, *mocks]}, config(str(uuid4())))["messages"][-1].text


@wrong("4.4", 3, runs_no_tool="The thread must hold the call")
def asks_a_second_time_to_be_sure(agent, thread_id, text):
    go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text))
    spoken = last_message(agent, thread_id)
    agent.update_state(config(thread_id), {"messages": [AIMessage(spoken.text)]}, as_node="llm")
    return spoken.text


@wrong("4.4", 3, runs_no_tool="The tool must not run at all")
def goes_on_until_nothing_waits(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), text)
    agent.update_state(config(thread_id), {"messages": mocks}, as_node="action")
    while snapshot(agent, thread_id).next:
        state = agent.invoke(None, config(thread_id))
    return state["messages"][-1].text


# 4.5


def in_one_node(model, tools, checkpointer, settle):
    """The usual graph; ``settle`` makes the results of a message's calls."""

    def action(state):
        return {"messages": settle(state["messages"][-1].tool_calls)}

    return looped(model, tools, action, checkpointer)


@wrong("4.5", 3, acts_exactly_once="more than once")
def acts_between_two_questions(model, tools, policy, checkpointer):
    run = runner(tools)
    return in_one_node(
        model, tools, checkpointer, lambda calls: [settled(c, decision_for(c, policy), run) for c in calls]
    )


@wrong("4.5", 3, acts_exactly_once="more than once")
def runs_what_needs_no_question_first(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        free = [call for call in calls if policy[call["name"]] != "ask"]
        made = {call["id"]: settled(call, decision_for(call, policy), run) for call in free}
        decisions = [(call, decision_for(call, policy)) for call in calls if call not in free]
        made |= {call["id"]: settled(call, decision, run) for call, decision in decisions}
        return [made[call["id"]] for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@wrong("4.5", 3, acts_exactly_once="more than once")
def remembers_what_it_did_in_memory(model, tools, policy, checkpointer):
    run, did = runner(tools), {}

    def settle(calls):
        for call in calls:
            if call["id"] not in did:
                did[call["id"]] = settled(call, decision_for(call, policy), run)
            elif policy[call["name"]] == "ask":
                decision_for(call, policy)  # keeps the decisions in step
        return [did[call["id"]] for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@wrong(
    "4.5",
    2,
    asks_where_it_must="in the order of the calls",
    obeys_each_decision="in the order of the calls",
)
def results_of_questions_come_last(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        made = [(call, decision_for(call, policy)) for call in calls]
        made.sort(key=lambda pair: policy[pair[0]["name"]] == "ask")
        return [settled(call, decision, run) for call, decision in made]

    return in_one_node(model, tools, checkpointer, settle)


class Decided(MessagesState):
    decisions: list


@wrong("4.5", 3, acts_exactly_once="The model must be asked twice")
def asks_in_the_node_that_asks_the_model(model, tools, policy, checkpointer):
    ask, run = asks_model(model, tools), runner(tools)

    def llm(state):
        message = ask(state)["messages"][0]
        return {
            "messages": [message],
            "decisions": [decision_for(call, policy) for call in message.tool_calls],
        }

    def action(state):
        pairs = zip(state["messages"][-1].tool_calls, state["decisions"], strict=True)
        return {"messages": [settled(call, decision, run) for call, decision in pairs]}

    graph = StateGraph(Decided)
    graph.add_node("llm", llm)
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", wants_tools, ["action", END])
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


def all_first(model, tools, policy, checkpointer, settle):
    """All decisions first, as is right; ``settle`` makes a result of a call and its decision."""

    def action(state):
        calls = state["messages"][-1].tool_calls
        decisions = [decision_for(call, policy) for call in calls]
        done = [settle(call, decision) for call, decision in zip(calls, decisions, strict=True)]
        return {"messages": [message for message in done if message is not None]}

    return looped(model, tools, action, checkpointer)


@wrong("4.5", 3, obeys_each_decision="what the person decided")
def a_rejection_looks_like_a_result(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "reject":
            return answer(call, decision["message"])
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong("4.5", 1, obeys_each_decision="what the person decided", acts_exactly_once="were allowed must run")
def an_edit_is_an_approval(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "edit":
            decision = {"type": "approve"}
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.5",
    0,
    asks_where_it_must=MALFORMED,
    obeys_each_decision=MALFORMED,
    acts_exactly_once=MALFORMED,
)
def what_is_forbidden_gets_no_result(model, tools, policy, checkpointer):
    def settle(call, decision):
        return None if decision["type"] == "forbid" else settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.5",
    0,
    asks_where_it_must="about no others",
    obeys_each_decision="must be asked about",
    acts_exactly_once="were allowed must run",
)
def whatever_does_not_just_run_is_asked_about(model, tools, policy, checkpointer):
    def settle(call, decision):
        return settled(call, decision, runner(tools))

    strict = {name: "run" if how == "run" else "ask" for name, how in policy.items()}
    return all_first(model, tools, strict, checkpointer, settle)


@wrong("4.5", 3, obeys_each_decision="what the person decided")
def a_response_is_told_as_an_error(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "respond":
            return ToolMessage(decision["message"], tool_call_id=call["id"], status="error")
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


def reviewed(schema, model, tools, checkpointer, review, action):
    """A node that asks, and then one that acts."""
    graph = StateGraph(schema)
    graph.add_node("llm", asks_model(model, tools))
    graph.add_node("review", review)
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", wants_tools, {"action": "review", END: END})
    graph.add_edge("review", "action")
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


class Gathered(MessagesState):
    decisions: Annotated[list, operator.add]


@wrong("4.5", 3, acts_exactly_once="for the call that was shown")
def decisions_of_all_rounds_in_one_list(model, tools, policy, checkpointer):
    run = runner(tools)

    def review(state):
        return {"decisions": [decision_for(call, policy) for call in state["messages"][-1].tool_calls]}

    def action(state):
        pairs = zip(state["messages"][-1].tool_calls, state["decisions"], strict=False)
        return {"messages": [settled(call, decision, run) for call, decision in pairs]}

    return reviewed(Gathered, model, tools, checkpointer, review, action)


class Known(MessagesState):
    decisions: Annotated[dict, operator.or_]


def looks(call):
    return f"{call['name']} {call['args']}"


@wrong("4.5", 3, acts_exactly_once="Each call must be asked about")
def what_was_decided_once_is_not_asked_again(model, tools, policy, checkpointer):
    run = runner(tools)

    def review(state):
        made = dict(state.get("decisions") or {})
        for call in state["messages"][-1].tool_calls:
            if looks(call) not in made:
                made[looks(call)] = decision_for(call, policy)
        return {"decisions": made}

    def action(state):
        calls = state["messages"][-1].tool_calls
        return {"messages": [settled(call, state["decisions"][looks(call)], run) for call in calls]}

    return reviewed(Known, model, tools, checkpointer, review, action)


@wrong("4.5", 3, acts_exactly_once="for the call that was shown")
def calls_that_look_the_same_share_a_decision(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        made = {looks(call): decision_for(call, policy) for call in calls}
        return [settled(call, made[looks(call)], run) for call in calls]

    return in_one_node(model, tools, checkpointer, settle)
