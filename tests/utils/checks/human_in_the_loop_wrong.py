"""Lab 4 solved wrongly, as students do.

Each satisfies the printed example, but for those that say why not.
"""

from __future__ import annotations

import operator
import warnings
from typing import Annotated
from uuid import uuid4

from langchain_core.messages import AIMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

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
    spoken,
    stop,
    wants_tools,
)
from tests.utils.checks.variants import Table

with warnings.catch_warnings():  # the package says that it is old
    warnings.simplefilter("ignore")
    from langchain_community.tools.tavily_search import TavilySearchResults

TABLE = Table()
wrong = TABLE.wrong

ASKED_AGAIN = "asked about a call again"
AT_ONCE = "the example shows it"
"""a mistake that nobody hands in who has tried the printed example"""


def own_search():
    """The notebook's own search tool, beside the agent's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TavilySearchResults(max_results=2, tavily_api_key="none")


# 4.1


@wrong("4.1", 2, tells_that_nothing_waits="pending raised an error")
def no_look_at_a_thread_without_messages(agent, thread_id):
    return snapshot(agent, thread_id).values["messages"][-1].tool_calls


@wrong("4.1", 2, tells_several_calls="all of them, in their order, and no others")
def only_the_first_call(agent, thread_id):
    state = snapshot(agent, thread_id)
    return state.values["messages"][-1].tool_calls[:1] if "action" in state.next else []


@wrong("4.1", 2, tells_several_calls="all of them, in their order, and no others")
def all_calls_of_the_thread_while_it_waits(agent, thread_id):
    state = snapshot(agent, thread_id)
    if "action" not in state.next:
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
    if "action" not in state.next:
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
    if "action" not in state.next:
        return []
    message = state.values["messages"][-1]
    return [{**call, "id": message.id} for call in message.tool_calls]


@wrong("4.1", 2, tells_that_nothing_waits="When the run waits before llm, the list must be empty")
def an_open_call_waits_whatever_next_says(agent, thread_id):
    messages = snapshot(agent, thread_id).values.get("messages", [])
    return list(getattr(messages[-1], "tool_calls", [])) if messages else []


@wrong("4.1", 2, tells_that_nothing_waits="When the run waits before llm, the list must be empty")
def calls_without_a_tool_message(agent, thread_id):
    messages = snapshot(agent, thread_id).values.get("messages", [])
    answered = {m.tool_call_id for m in messages if m.type == "tool"}
    calls = [call for m in messages if isinstance(m, AIMessage) for call in m.tool_calls]
    return [call for call in calls if call["id"] not in answered]


@wrong("4.1", 2, tells_several_calls="pending must list the calls that wait, all of them, in their")
def two_calls_alike_are_listed_once(agent, thread_id):
    state = snapshot(agent, thread_id)
    if "action" not in state.next:
        return []
    return list({str(call["args"]): call for call in state.values["messages"][-1].tool_calls}.values())


@wrong("4.1", 2, tells_the_call="Looking must change nothing, and pending has written into the")
def a_note_in_the_thread_for_each_look(agent, thread_id):
    state = snapshot(agent, thread_id)
    if "action" not in state.next:
        return []
    agent.update_state(config(thread_id), {"messages": []})
    return state.values["messages"][-1].tool_calls


@wrong(
    "4.1",
    0,
    tells_the_call="pending has asked the notebook's own search, beside the agent",
    tells_several_calls="pending has asked the notebook's own search, beside the agent",
    tells_that_nothing_waits="pending has asked the notebook's own search, beside the agent",
)
def looks_it_up_to_see_whether_it_works(agent, thread_id):
    state = snapshot(agent, thread_id)
    calls = state.values["messages"][-1].tool_calls if "action" in state.next else []
    for call in calls:
        own_search().invoke(call["args"])
    return calls


@wrong("4.1", 2, tells_several_calls="pending must list the calls that wait, all of them, in their")
def calls_in_alphabetical_order(agent, thread_id):
    state = snapshot(agent, thread_id)
    calls = state.values["messages"][-1].tool_calls if "action" in state.next else []
    return sorted(calls, key=lambda call: str(call["args"]), reverse=True)


@wrong(
    "4.1",
    0,
    AT_ONCE,
    tells_the_call="The run waits before a tool call: pending must list it, with",
    tells_several_calls="pending must list the calls that wait, all of them, in their",
    tells_that_nothing_waits="pending must list the calls that wait, all of them, in their",
)
def the_demo_s_interrupts(agent, thread_id):
    return [found.value for found in snapshot(agent, thread_id).interrupts]


@wrong("4.1", 2, tells_that_nothing_waits="When the run waits before llm, the list must be empty")
def any_node_that_is_next(agent, thread_id):
    state = snapshot(agent, thread_id)
    return state.values["messages"][-1].tool_calls if state.next else []


# 4.2


@wrong(
    "4.2",
    2,
    approves_to_the_end="One approval is for the calls that wait now, not for those",
    approves_one_pause="not for those that come later",
)
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
    approves_one_pause="Each call that was approved must run exactly once",
)
def runs_the_tools_by_hand_and_goes_on():
    def approve(agent, thread_id):
        node = agent.nodes["action"].bound
        node.invoke(snapshot(agent, thread_id).values)
        state = agent.invoke(None, config(thread_id))
        return None if snapshot(agent, thread_id).next else state["messages"][-1].text

    return approve, stop


@wrong(
    "4.2",
    2,
    approves_to_the_end="When the run has paused again, approve must return None",
    approves_one_pause="must return None",
)
def the_last_text_whether_it_is_an_answer_or_not():
    def approve(agent, thread_id):
        return agent.invoke(None, config(thread_id))["messages"][-1].text

    return approve, stop


@wrong(
    "4.2",
    2,
    AT_ONCE,
    stops_in_good_order="answered by exactly one tool message",
    goes_on_after_stop="the run must be over",
)
def stops_by_doing_nothing():
    return approve, lambda agent, thread_id: None


@wrong(
    "4.2",
    2,
    AT_ONCE,
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
    AT_ONCE,
    stops_in_good_order="the model must have the last word",
    goes_on_after_stop="the run must be over",
)
def tool_messages_and_then_nothing():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="The last message says nothing")
def an_empty_last_word():
    def stop(agent, thread_id):
        mocks = answers_to(last_message(agent, thread_id), "The person did not allow this.")
        agent.update_state(config(thread_id), {"messages": [*mocks, AIMessage("")]}, as_node="llm")

    return approve, stop


@wrong("4.2", 3, goes_on_after_stop="the run must be over")
def everything_counts_as_the_action_s_work():
    def stop(agent, thread_id):
        refused = [*answers_to(last_message(agent, thread_id), "no"), AIMessage("Stopped.")]
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")

    return approve, stop


@wrong("4.2", 3, AT_ONCE, stops_in_good_order="The message with the calls must stay")
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
    AT_ONCE,
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


@wrong(
    "4.2",
    2,
    approves_to_the_end="approve has asked the notebook's own search, beside the agent",
    approves_one_pause="approve has asked the notebook's own search, beside the agent",
)
def runs_the_notebook_s_own_search_and_goes_on():
    def approve(agent, thread_id):
        for call in last_message(agent, thread_id).tool_calls:
            own_search().invoke(call["args"])
        state = agent.invoke(None, config(thread_id))
        return None if snapshot(agent, thread_id).next else state["messages"][-1].text

    return approve, stop


@wrong(
    "4.2",
    2,
    AT_ONCE,
    approves_to_the_end="approve has sent a new message of a person, and the calls",
    approves_one_pause="approve has sent a new message of a person, and the calls",
)
def a_yes_typed_as_a_message():
    def approve(agent, thread_id):
        state = agent.invoke({"messages": [("user", "yes")]}, config(thread_id))
        return None if snapshot(agent, thread_id).next else state["messages"][-1].text

    return approve, stop


@wrong(
    "4.2",
    0,
    AT_ONCE,
    approves_to_the_end="One approval is for the calls that wait now, not for those",
    approves_one_pause="One approval is for the calls that wait now, not for those",
    stops_in_good_order="Every call that waited must be answered by exactly one tool",
    goes_on_after_stop="After stop the thread is spoilt: the model refused the next",
)
def the_demo_s_loop_and_the_demo_s_end():
    def approve(agent, thread_id):
        while agent.get_state(config(thread_id)).next:
            state = agent.invoke(None, config(thread_id))
        return state["messages"][-1].text

    def stop(agent, thread_id):
        agent.update_state(config(thread_id), None, as_node=END)

    return approve, stop


@wrong(
    "4.2",
    0,
    AT_ONCE,
    approves_to_the_end="At the end of the run approve must return the answer's text",
    approves_one_pause="The second approval must bring the answer",
    stops_in_good_order="stop has sent a new message of a person, and the calls still",
    goes_on_after_stop="stop has sent a new message of a person, and the calls still",
)
def the_demo_s_stream_and_the_demo_s_other_question():
    def approve(agent, thread_id):
        for event in agent.stream(None, config(thread_id)):
            print("event of", list(event))

    def stop(agent, thread_id):
        agent.invoke({"messages": [("user", "What should I pack for fog?")]}, config(thread_id))

    return approve, stop


@wrong("4.2", 3, approves_one_pause="also where a message's content is a list of blocks")
def the_content_of_the_answer():
    def approve(agent, thread_id):
        state = agent.invoke(None, config(thread_id))
        return None if snapshot(agent, thread_id).next else state["messages"][-1].content

    return approve, stop


@wrong("4.2", 3, approves_one_pause="also where a message's content is a list of blocks")
def the_content_of_the_answer_as_a_string():
    def approve(agent, thread_id):
        state = agent.invoke(None, config(thread_id))
        return None if snapshot(agent, thread_id).next else str(state["messages"][-1].content)

    return approve, stop


@wrong("4.2", 3, approves_one_pause="When the run has paused again, approve must return None")
def the_state_s_last_message_is_the_answer():
    def approve(agent, thread_id):
        state = agent.invoke(None, config(thread_id))
        last = state["messages"][-1]
        return None if getattr(last, "tool_calls", None) and not last.text else last.text

    return approve, stop


@wrong("4.2", 3, AT_ONCE, stops_in_good_order="The model was asked once more, after the last word was said")
def a_command_that_goes_to_the_end():
    def stop(agent, thread_id):
        refused = [*answers_to(last_message(agent, thread_id), "no"), AIMessage("Stopped.")]
        agent.invoke(Command(update={"messages": refused}, goto=END), config(thread_id))

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="stop has asked the model, and the model refused the")
def the_model_speaks_after_the_first_result():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")[:1]
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")
        agent.invoke(None, config(thread_id))

    return approve, stop


@wrong(
    "4.2",
    2,
    AT_ONCE,
    stops_in_good_order="stop has sent a new message of a person, and the calls still",
    goes_on_after_stop="stop has sent a new message of a person, and the calls still",
)
def a_no_typed_as_a_message():
    def stop(agent, thread_id):
        agent.invoke({"messages": [("user", "no")]}, config(thread_id))

    return approve, stop


@wrong("4.2", 3, AT_ONCE, goes_on_after_stop="To stop may take one model request at most")
def a_command_asks_the_model_and_then_the_run_asks_it_again():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")
        agent.invoke(Command(update={"messages": refused}, goto="llm"), config(thread_id))
        word = last_message(agent, thread_id)
        if word.tool_calls:
            said = [AIMessage("I have stopped.", id=word.id)]
            agent.update_state(config(thread_id), {"messages": said})

    return approve, stop


@wrong(
    "4.2",
    2,
    stops_in_good_order="To stop may take one model request at most",
    goes_on_after_stop="To stop may take one model request at most",
)
def the_model_is_asked_twice_for_its_last_word():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")
        agent.invoke(None, config(thread_id))
        again = answers_to(last_message(agent, thread_id), "no")
        agent.update_state(config(thread_id), {"messages": again}, as_node="action")
        word = agent.invoke(None, config(thread_id))["messages"][-1]
        agent.update_state(config(thread_id), {"messages": [RemoveMessage(word.id)]}, as_node="llm")

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="has made a new call, and stop has left that call open")
def the_model_is_trusted_to_make_no_new_call():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")
        agent.invoke(None, config(thread_id))

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="To stop may take one model request at most")
def the_model_is_refused_until_it_gives_up():
    def stop(agent, thread_id):
        while snapshot(agent, thread_id).next:
            refused = answers_to(last_message(agent, thread_id), "no")
            agent.update_state(config(thread_id), {"messages": refused}, as_node="action")
            agent.invoke(None, config(thread_id))

    return approve, stop


@wrong("4.2", 3, stops_in_good_order="has made a new call, and stop has left that call open")
def new_calls_of_the_model_are_declared_over():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")
        agent.invoke(None, config(thread_id))
        if snapshot(agent, thread_id).next:
            agent.update_state(config(thread_id), None, as_node=END)

    return approve, stop


@wrong(
    "4.2",
    2,
    AT_ONCE,
    stops_in_good_order="Every call that waited must be answered by exactly one tool",
    goes_on_after_stop="After stop the thread is spoilt: the model refused the next",
)
def the_last_word_comes_first():
    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "no")
        both = [AIMessage("I have stopped."), *refused, AIMessage("As you wished.")]
        agent.update_state(config(thread_id), {"messages": both}, as_node="llm")

    return approve, stop


# 4.3


def with_args(message, calls):
    return message.model_copy(update={"tool_calls": calls})


def changed(message, args, chosen):
    return [{**call, "args": args} if chosen(n, call) else call for n, call in enumerate(message.tool_calls)]


@wrong(
    "4.3",
    0,
    leaves_it_waiting="edit has written nothing into the thread",
    keeps_the_rest="edit has written nothing into the thread",
    uses_the_new_arguments="run with the new arguments",
)
def the_snapshot_only(agent, thread_id, call_id, args):
    for call in last_message(agent, thread_id).tool_calls:
        if call["id"] == call_id:
            call["args"] = args


@wrong(
    "4.3",
    0,
    leaves_it_waiting="There must be as many messages as before",
    keeps_the_rest="as many messages as before",
    uses_the_new_arguments="There must be as many messages as before",
)
def a_new_message_behind_the_old_one(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    new = [{**call, "id": f"{call['id'][:-4]}new{n}"} for n, call in enumerate(calls)]
    agent.update_state(config(thread_id), {"messages": [AIMessage("", tool_calls=new)]})


@wrong(
    "4.3",
    1,
    keeps_the_rest="Every call must stay, also those that were not edited",
    uses_the_new_arguments="each call once",
)
def the_other_call_is_dropped(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [{**call, "args": args} for call in message.tool_calls if call["id"] == call_id]
    written = AIMessage(message.text, tool_calls=calls, id=message.id)
    agent.update_state(config(thread_id), {"messages": [written]})


@wrong("4.3", 2, keeps_the_rest="The call with this id must have the new arguments, all of")
def always_the_first_call(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda n, _: n == 0)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong(
    "4.3",
    1,
    keeps_the_rest="The call with this id must have the new arguments, all of",
    uses_the_new_arguments="run with the new arguments",
)
def always_the_last_call(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda n, _: n == len(message.tool_calls) - 1)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong(
    "4.3",
    1,
    keeps_the_rest="The call with this id must have the new arguments, all of",
    uses_the_new_arguments="with the new arguments",
)
def every_call_of_the_tool(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda *_: True)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong("4.3", 2, leaves_it_waiting="take the place of all old ones")
def old_and_new_arguments_together(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [
        {**call, "args": {**call["args"], **args}} if call["id"] == call_id else call
        for call in message.tool_calls
    ]
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong("4.3", 2, keeps_the_rest="The calls must keep their ids")
def a_new_id_for_the_call(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    new = [{**call, "id": f"{call_id[:-3]}new"} if call["id"] == call_id else call for call in calls]
    # Some providers' content has the calls, too, with their old ids: text alone is safe.
    written = AIMessage(message.text, tool_calls=new, id=message.id)
    agent.update_state(config(thread_id), {"messages": [written]})


@wrong("4.3", 2, keeps_the_rest="The messages must keep their ids")
def out_with_the_old_message_in_with_another(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    both = [RemoveMessage(message.id), AIMessage("", tool_calls=calls, id=str(uuid4()))]
    agent.update_state(config(thread_id), {"messages": both}, as_node="llm")


@wrong("4.3", 2, keeps_the_rest="also what the model says beside its calls")
def the_words_beside_the_calls_are_lost(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    written = AIMessage(content="", tool_calls=calls, id=message.id)
    agent.update_state(config(thread_id), {"messages": [written]})


@wrong("4.3", 2, keeps_the_rest="edit has written a message, but every call in it has its old")
def always_the_second_message(agent, thread_id, call_id, args):
    message = snapshot(agent, thread_id).values["messages"][1]
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong(
    "4.3",
    1,
    keeps_the_rest="The calls must keep their order: the edited one stays in its",
    uses_the_new_arguments="The next model request must show the call with its new",
)
def the_edited_call_moves_to_the_end(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [call for call in message.tool_calls if call["id"] != call_id]
    calls += [{**call, "args": args} for call in message.tool_calls if call["id"] == call_id]
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong(
    "4.3",
    0,
    leaves_it_waiting="edit has written a message, but every call in it has its old",
    keeps_the_rest="edit has written a message, but every call in it has its old",
    uses_the_new_arguments="The tools must run with the new arguments, each call once",
)
def the_id_is_compared_with_the_name(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["name"] == call_id)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong(
    "4.3",
    0,
    AT_ONCE,
    leaves_it_waiting="After edit the run must still wait, before the same tools",
    keeps_the_rest="After edit the run must still wait, before the same tools",
    uses_the_new_arguments="After edit the run must still wait, before the same tools",
)
def written_as_the_action(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]}, as_node="action")


@wrong(
    "4.3",
    0,
    AT_ONCE,
    leaves_it_waiting="After edit the run must still wait, before the same tools",
    keeps_the_rest="After edit the run must still wait, before the same tools",
    uses_the_new_arguments="After edit the run must still wait, before the same tools",
)
def written_and_then_let_go_on(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})
    agent.invoke(None, config(thread_id))


@wrong("4.3", 2, leaves_it_waiting="The call with this id must have the new arguments, all of")
def the_query_alone_is_taken_over(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    only = {"query": args["query"]}
    calls = changed(message, only, lambda _, call: call["id"] == call_id)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong(
    "4.3",
    0,
    leaves_it_waiting="edit has written a message, but every call in it has its old",
    keeps_the_rest="edit has written a message, but every call in it has its old",
    uses_the_new_arguments="The tools must run with the new arguments, each call once",
)
def the_demo_s_new_content(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    corrected = message.model_copy(update={"content": str(args)})
    agent.update_state(config(thread_id), {"messages": [corrected]})


@wrong("4.3", 2, keeps_the_rest="The call with this id must have the new arguments, all of")
def two_calls_alike_are_edited_both(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    meant = next(call for call in message.tool_calls if call["id"] == call_id)
    calls = changed(message, args, lambda _, call: call["args"] == meant["args"])
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong(
    "4.3",
    0,
    leaves_it_waiting="edit has asked the notebook's own search, beside the agent",
    keeps_the_rest="edit has asked the notebook's own search, beside the agent",
    uses_the_new_arguments="edit has asked the notebook's own search, beside the agent",
)
def tries_the_new_arguments_first(agent, thread_id, call_id, args):
    own_search().invoke({"query": args["query"]})
    message = last_message(agent, thread_id)
    calls = changed(message, args, lambda _, call: call["id"] == call_id)
    agent.update_state(config(thread_id), {"messages": [with_args(message, calls)]})


@wrong("4.3", 2, keeps_the_rest="The texts of the messages must stay")
def the_content_as_a_string(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [{**call, "args": args} if call["id"] == call_id else call for call in message.tool_calls]
    told = AIMessage(str(message.content), id=message.id, tool_calls=calls)
    agent.update_state(config(thread_id), {"messages": [told]})


@wrong("4.3", 2, keeps_the_rest="The texts of the messages must stay")
def the_first_block_of_the_content(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [{**call, "args": args} if call["id"] == call_id else call for call in message.tool_calls]
    content = message.content if isinstance(message.content, str) else message.content[0]["text"]
    told = AIMessage(content, id=message.id, tool_calls=calls)
    agent.update_state(config(thread_id), {"messages": [told]})


# 4.4


def go_on(agent, thread_id, messages):
    agent.update_state(config(thread_id), {"messages": messages}, as_node="action")
    return spoken(agent, thread_id, agent.invoke(None, config(thread_id)))


@wrong(
    "4.4",
    1,
    answers_from_the_text="must be sent the text",
    mocks_every_call="Every call that waits must get the text",
)
def the_text_made_tidy(agent, thread_id, text):
    return go_on(agent, thread_id, answers_to(last_message(agent, thread_id), " ".join(text.split())))


@wrong("4.4", 2, answers_from_the_text="also where a message's content is a list of blocks")
def the_content_of_what_the_model_says(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), text)
    agent.update_state(config(thread_id), {"messages": mocks}, as_node="action")
    state = agent.invoke(None, config(thread_id))
    return None if snapshot(agent, thread_id).next else state["messages"][-1].content


@wrong(
    "4.4", 1, answers_from_the_text="must be sent the text", mocks_every_call="Every call that waits must get"
)
def the_text_without_its_edges(agent, thread_id, text):
    return go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text.strip()))


@wrong("4.4", 2, runs_no_tool="must be left waiting")
def a_further_call_is_declared_over(agent, thread_id, text):
    told = go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text))
    if snapshot(agent, thread_id).next:
        agent.update_state(config(thread_id), None, as_node=END)
        return None
    return told


@wrong("4.4", 2, mocks_every_call="The model refused the conversation: not every call that waits")
def the_first_call_only(agent, thread_id, text):
    return go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text)[:1])


@wrong("4.4", 2, mocks_every_call="Every call that waits must get the text")
def the_text_once_and_then_nothing(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), "")
    mocks[0] = mocks[0].model_copy(update={"content": text})
    return go_on(agent, thread_id, mocks)


@wrong("4.4", 2, mocks_every_call="The model refused the conversation: not every call that waits")
def every_call_of_the_thread(agent, thread_id, text):
    messages = snapshot(agent, thread_id).values["messages"]
    return go_on(agent, thread_id, [tool for m in messages if m.type == "ai" for tool in answers_to(m, text)])


@wrong("4.4", 2, runs_no_tool="The tool must not run at all")
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
    1,
    runs_no_tool="written nothing into the thread that it was given",
    mocks_every_call="written nothing into the thread that it was given",
)
def on_a_thread_of_its_own(agent, thread_id, text):
    messages = snapshot(agent, thread_id).values["messages"]
    mocks = answers_to(messages[-1], text)
    return agent.invoke({"messages": [*messages, *mocks]}, config(str(uuid4())))["messages"][-1].text


@wrong("4.4", 2, runs_no_tool="The thread must hold the call")
def asks_a_second_time_to_be_sure(agent, thread_id, text):
    go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text))
    spoken = last_message(agent, thread_id)
    agent.update_state(config(thread_id), {"messages": [AIMessage(spoken.text)]}, as_node="llm")
    return spoken.text


@wrong("4.4", 2, runs_no_tool="The tool must not run at all")
def goes_on_until_nothing_waits(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), text)
    agent.update_state(config(thread_id), {"messages": mocks}, as_node="action")
    while snapshot(agent, thread_id).next:
        state = agent.invoke(None, config(thread_id))
    return state["messages"][-1].text


@wrong(
    "4.4",
    0,
    AT_ONCE,
    answers_from_the_text="The tool must not run at all, and it was asked for the text",
    runs_no_tool="The tool must not run at all, and it was asked for the text",
    mocks_every_call="The tool must not run at all, and it was asked for the text",
)
def the_text_becomes_the_call_s_argument(agent, thread_id, text):
    message = last_message(agent, thread_id)
    calls = [{**call, "args": {"query": text}} for call in message.tool_calls]
    agent.update_state(config(thread_id), {"messages": [message.model_copy(update={"tool_calls": calls})]})
    return spoken(agent, thread_id, agent.invoke(None, config(thread_id)))


@wrong(
    "4.4",
    0,
    AT_ONCE,
    answers_from_the_text="The text was sent as a new message of a person, and the calls",
    runs_no_tool="The text was sent as a new message of a person, and the calls",
    mocks_every_call="The text was sent as a new message of a person, and the calls",
)
def the_text_as_a_person_s_message(agent, thread_id, text):
    state = agent.invoke({"messages": [("user", text)]}, config(thread_id))
    return spoken(agent, thread_id, state)


@wrong("4.4", 2, runs_no_tool="The model must be asked once")
def the_model_is_asked_twice(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), text)
    go_on(agent, thread_id, mocks)
    word = last_message(agent, thread_id)
    if snapshot(agent, thread_id).next:
        return None
    agent.update_state(config(thread_id), {"messages": [RemoveMessage(word.id)]}, as_node="action")
    return spoken(agent, thread_id, agent.invoke(None, config(thread_id)))


@wrong(
    "4.4",
    1,
    AT_ONCE,
    answers_from_the_text="mock_answer must return the text of the model's answer, and",
    mocks_every_call="mock_answer must return the text of the model's answer, and",
)
def the_state_in_place_of_the_text(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), text)
    agent.update_state(config(thread_id), {"messages": mocks}, as_node="action")
    state = agent.invoke(None, config(thread_id))
    return None if snapshot(agent, thread_id).next else state


@wrong("4.4", 2, mocks_every_call="The model refused the conversation: not every call that waits")
def one_id_for_all(agent, thread_id, text):
    calls = last_message(agent, thread_id).tool_calls
    return go_on(agent, thread_id, [ToolMessage(text, tool_call_id=calls[0]["id"]) for _ in calls])


@wrong("4.4", 2, runs_no_tool="mock_answer has also answered the next call")
def every_later_call_gets_the_text_as_well(agent, thread_id, text):
    while snapshot(agent, thread_id).next:
        said = go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text))
    return said


@wrong("4.4", 2, runs_no_tool="If the model asks for another tool, mock_answer must return")
def the_word_beside_the_next_call_is_the_answer(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), text)
    agent.update_state(config(thread_id), {"messages": mocks}, as_node="action")
    return agent.invoke(None, config(thread_id))["messages"][-1].text


@wrong(
    "4.4",
    0,
    answers_from_the_text="mock_answer has asked the notebook's own search, beside the",
    runs_no_tool="mock_answer has asked the notebook's own search, beside the",
    mocks_every_call="mock_answer has asked the notebook's own search, beside the",
)
def looks_it_up_all_the_same(agent, thread_id, text):
    for call in last_message(agent, thread_id).tool_calls:
        own_search().invoke(call["args"])
    return go_on(agent, thread_id, answers_to(last_message(agent, thread_id), text))


@wrong(
    "4.4",
    0,
    AT_ONCE,
    answers_from_the_text="The model must be sent the text as the result of its call",
    runs_no_tool="The model must be asked once",
    mocks_every_call="The model must be sent the text for every call that waited",
)
def written_as_llm_as_in_the_demo(agent, thread_id, text):
    agent.update_state(
        config(thread_id), {"messages": answers_to(last_message(agent, thread_id), text)}, as_node="llm"
    )
    return spoken(agent, thread_id, agent.invoke(None, config(thread_id)))


# 4.5


def only_call(state):
    [call] = state["messages"][-1].tool_calls
    return call


def shown_call(call):
    return {key: call[key] for key in ("id", "name", "args")}


def told_once(call, text, status="success"):
    return {"messages": [ToolMessage(text, tool_call_id=call["id"], status=status)]}


@wrong(
    "4.5",
    0,
    asks_before_it_acts="Nothing may have happened before the person has decided",
    obeys_the_decision="A tool has run more than once",
    acts_once="A tool has run more than once",
)
def books_before_it_asks(state, tool):
    call = only_call(state)
    text = tool.invoke(call["args"])
    decision = interrupt(shown_call(call))
    if decision["type"] == "approve":
        return told_once(call, text)
    return told_once(call, decision["message"], "error")


@wrong(
    "4.5",
    1,
    obeys_the_decision="Exactly the calls that were allowed must run, with the",
    acts_once="Exactly the calls that were allowed must run, with the",
)
def books_whatever_the_person_says(state, tool):
    call = only_call(state)
    interrupt(shown_call(call))
    return told_once(call, tool.invoke(call["args"]))


def not_asked_again(state, tool, decided):
    """Ask, but take an earlier decision of this kind for granted when a call looks the same."""
    call = only_call(state)
    statuses = {m.tool_call_id: m.status for m in state["messages"] if m.type == "tool"}
    earlier = [old for m in state["messages"][:-1] if m.type == "ai" for old in m.tool_calls]
    if any(looks(old) == looks(call) and statuses.get(old["id"]) == decided for old in earlier):
        decision = {"type": "approve"} if decided == "success" else {"type": "reject", "message": "no"}
    else:
        decision = interrupt(shown_call(call))
    if decision["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


@wrong("4.5", 2, acts_once="Each call must be asked about, also one that looks like an")
def approved_once_is_enough(state, tool):
    return not_asked_again(state, tool, "success")


@wrong("4.5", 2, acts_once="Each call must be asked about, also one that looks like an")
def rejected_once_is_enough(state, tool):
    return not_asked_again(state, tool, "error")


@wrong(
    "4.5",
    1,
    asks_before_it_acts="A result is the text of a whole ToolMessage",
    obeys_the_decision="A result is the text of a whole ToolMessage",
)
def a_tool_message_in_a_tool_message(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    if decision["type"] == "approve":
        return told_once(call, str(tool.invoke({**call, "type": "tool_call"})))
    return told_once(call, decision["message"], "error")


@wrong(
    "4.5",
    1,
    asks_before_it_acts="What comes of a call must be what the policy and the person",
    obeys_the_decision="What comes of a call must be what the policy and the person",
)
def a_result_with_a_word_before(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    if decision["type"] == "approve":
        return told_once(call, f"Done: {tool.invoke(call['args'])}")
    return told_once(call, decision["message"], "error")


@wrong("4.5", 2, obeys_the_decision="A call that was refused has no status error")
def a_no_looks_like_a_result(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    text = tool.invoke(call["args"]) if decision["type"] == "approve" else decision["message"]
    return told_once(call, text)


@wrong("4.5", 2, obeys_the_decision="What comes of a call must be what the policy and the person")
def a_no_without_the_person_s_reason(state, tool):
    call = only_call(state)
    if interrupt(shown_call(call))["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, "The person did not allow this.", "error")


@wrong(
    "4.5",
    1,
    obeys_the_decision="The model refused the conversation: a call has no result, or",
    acts_once="The model refused the conversation: a call has no result, or",
)
def a_no_gets_no_result(state, tool):
    call = only_call(state)
    if interrupt(shown_call(call))["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return {"messages": []}


@wrong("4.5", 2, AT_ONCE, asks_before_it_acts="The person must be asked about the call, with its name and")
def asks_about_half_of_the_call(state, tool):
    call = only_call(state)
    decision = interrupt({**shown_call(call), "args": dict(list(call["args"].items())[:1])})
    if decision["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


@wrong(
    "4.5",
    0,
    AT_ONCE,
    asks_before_it_acts="The value of each interrupt must be the call: its id, name",
    obeys_the_decision="The value of each interrupt must be the call: its id, name",
    acts_once="The value of each interrupt must be the call: its id, name",
)
def a_question_in_words_of_its_own(state, tool):
    call = only_call(state)
    decision = interrupt({"question": f"May I {call['name']} {call['args']}?"})
    if decision["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


@wrong(
    "4.5",
    0,
    AT_ONCE,
    asks_before_it_acts="The value of each interrupt must be the call: its id, name",
    obeys_the_decision="The value of each interrupt must be the call: its id, name",
    acts_once="The model refused the conversation: a call has no result, or",
)
def the_demo_s_node(state, tool):
    decision = interrupt({"question": "Book a hotel in Oslo?"})
    return {"messages": [AIMessage(f"The person said {decision!r}.")]}


@wrong(
    "4.5",
    0,
    AT_ONCE,
    asks_before_it_acts="Nothing may have happened before the person has decided",
    obeys_the_decision="Each call must be asked about, also one that looks like an",
    acts_once="Each call must be asked about, also one that looks like an",
)
def lab_1_s_node(state, tool):
    calls = state["messages"][-1].tool_calls
    return {"messages": [ToolMessage(tool.invoke(c["args"]), tool_call_id=c["id"]) for c in calls]}


@wrong(
    "4.5",
    0,
    AT_ONCE,
    asks_before_it_acts="The person must be asked about the call, with its name and",
    obeys_the_decision="Each call must be asked about, also one that looks like an",
    acts_once="Each call must be asked about, also one that looks like an",
)
def the_interrupt_is_taken_for_an_error(state, tool):
    call = only_call(state)
    try:
        decision = interrupt(shown_call(call))
        return told_once(call, tool.invoke(call["args"]) if decision["type"] == "approve" else "no")
    except Exception as error:
        return told_once(call, str(error) or "failed", "error")


@wrong(
    "4.5",
    0,
    AT_ONCE,
    asks_before_it_acts="Exactly the calls that were allowed must run, with the",
    obeys_the_decision="Exactly the calls that were allowed must run, with the",
    acts_once="Exactly the calls that were allowed must run, with the",
)
def the_decision_is_compared_with_a_word(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    if decision == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, str(decision), "error")


ASKED_ABOUT = {}


@wrong("4.5", 2, obeys_the_decision="A call that was refused has no status error")
def a_yes_that_is_spelled_otherwise(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    if decision["type"] != "reject" and not decision.get("message"):
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, f"rejected: {decision}", "success")


@wrong("4.5", 2, acts_once="Each call must be asked about, also one that looks like an")
def a_booking_that_was_decided_once_is_not_asked_again(state, tool):
    call = only_call(state)
    looks = state["messages"][0].id, str(call["args"])
    if looks not in ASKED_ABOUT:
        ASKED_ABOUT[looks] = interrupt(shown_call(call))
    if ASKED_ABOUT[looks]["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, ASKED_ABOUT[looks]["message"], "error")


@wrong(
    "4.5",
    0,
    asks_before_it_acts="Exactly the calls that were allowed must run, with the",
    obeys_the_decision="Exactly the calls that were allowed must run, with the",
    acts_once="Exactly the calls that were allowed must run, with the",
)
def only_the_first_argument_is_used(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    if decision["type"] == "approve":
        named = {key: call["args"][key] for key in ("query", "city", "nights") if key in call["args"]}
        return told_once(call, tool.invoke(named))
    return told_once(call, decision["message"], "error")


@wrong(
    "4.5",
    0,
    asks_before_it_acts="The id that the person is shown must be the call's",
    obeys_the_decision="The id that the person is shown must be the call's",
    acts_once="The id that the person is shown must be the call's",
)
def the_message_s_id_for_that_of_the_call(state, tool):
    call = only_call(state)
    decision = interrupt({**shown_call(call), "id": state["messages"][-1].id})
    if decision["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


@wrong("4.5", 2, acts_once="a variable had a say in it")
def what_was_done_is_kept_with_the_tool(state, tool):
    call = only_call(state)
    kept = tool.metadata = tool.metadata or {}
    if call["id"] not in kept:
        decision = interrupt(shown_call(call))
        if decision["type"] == "approve":
            kept[call["id"]] = told_once(call, tool.invoke(call["args"]))
        else:
            kept[call["id"]] = told_once(call, decision["message"], "error")
    return kept[call["id"]]


@wrong(
    "4.5",
    1,
    AT_ONCE,
    asks_before_it_acts="What comes of a call must be what the policy and the person",
    obeys_the_decision="What comes of a call must be what the policy and the person",
)
def an_approved_call_only_says_done(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    if decision["type"] == "approve":
        tool.invoke(call["args"])
        return told_once(call, "done")
    return told_once(call, decision["message"], "error")


@wrong(
    "4.5",
    0,
    AT_ONCE,
    asks_before_it_acts=ASKED_AGAIN,
    obeys_the_decision=ASKED_AGAIN,
    acts_once=ASKED_AGAIN,
)
def asks_whether_the_person_is_sure(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    decision = interrupt(shown_call(call))
    if decision["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


@wrong(
    "4.5",
    1,
    obeys_the_decision="Exactly the calls that were allowed must run",
    acts_once="Exactly the calls that were allowed must run",
)
def a_no_in_which_the_word_stands(state, tool):
    call = only_call(state)
    decision = interrupt(shown_call(call))
    if "approve" in str(decision):
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


ASKED, WAITING, SEEN = set(), {}, []
NOT_ASKED_HERE = "came to a process that had not asked"


@wrong("4.5", 2, acts_once=NOT_ASKED_HERE)
def what_is_to_be_done_waits_in_a_variable(state, tool):
    call = only_call(state)
    first = call["id"] not in ASKED
    ASKED.add(call["id"])
    decision = interrupt(shown_call(call))
    if not first:
        WAITING[call["id"]] = call["args"]
    if decision["type"] == "reject":
        return told_once(call, decision["message"], "error")
    args = WAITING.pop(call["id"], None)
    return told_once(call, tool.invoke(args) if args else "done already")


@wrong("4.5", 2, acts_once=NOT_ASKED_HERE)
def noted_when_the_run_pauses(state, tool):
    call = only_call(state)
    try:
        decision = interrupt(shown_call(call))
    except GraphInterrupt:
        WAITING[call["id"]] = call
        raise
    call = WAITING.pop(call["id"])
    if decision["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


@wrong("4.5", 2, acts_once=NOT_ASKED_HERE)
def the_newest_call_that_was_asked_about(state, tool):
    try:
        decision = interrupt(shown_call(only_call(state)))
    except GraphInterrupt:
        SEEN.append(only_call(state))
        raise
    call = SEEN.pop()
    if decision["type"] == "approve":
        return told_once(call, tool.invoke(call["args"]))
    return told_once(call, decision["message"], "error")


# 4.6


def in_one_node(model, tools, checkpointer, settle):
    """The usual graph; ``settle`` makes the results of a message's calls."""

    def action(state):
        return {"messages": settle(state["messages"][-1].tool_calls)}

    return looped(model, tools, action, checkpointer)


@wrong("4.6", 2, acts_exactly_once="more than once")
def acts_between_two_questions(model, tools, policy, checkpointer):
    run = runner(tools)
    return in_one_node(
        model, tools, checkpointer, lambda calls: [settled(c, decision_for(c, policy), run) for c in calls]
    )


@wrong(
    "4.6",
    0,
    AT_ONCE,
    asks_where_it_must=ASKED_AGAIN,
    obeys_each_decision=ASKED_AGAIN,
    acts_exactly_once=ASKED_AGAIN,
)
def asks_for_each_call_whether_the_person_is_sure(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        decisions = [(decision_for(call, policy), decision_for(call, policy))[1] for call in calls]
        return [settled(call, decision, run) for call, decision in zip(calls, decisions, strict=True)]

    return in_one_node(model, tools, checkpointer, settle)


@wrong(
    "4.6",
    1,
    obeys_each_decision="policy and the person have decided",
    acts_exactly_once="Exactly the calls that were allowed must run",
)
def a_word_in_the_decision_is_enough(model, tools, policy, checkpointer):
    run = runner(tools)

    def decide(call):
        decision = decision_for(call, policy)
        return {"type": "approve"} if "approve" in str(decision) else decision

    def settle(calls):
        decisions = [decide(call) for call in calls]
        return [settled(call, decision, run) for call, decision in zip(calls, decisions, strict=True)]

    return in_one_node(model, tools, checkpointer, settle)


CALLS, ASKED_FOR = [], {}


@wrong("4.6", 2, acts_exactly_once="asked about a call that another process knew")
def the_calls_stand_in_a_variable(model, tools, policy, checkpointer):
    ask, run = asks_model(model, tools), runner(tools)

    def llm(state):
        told = ask(state)
        CALLS[:] = told["messages"][0].tool_calls
        return told

    def action(state):
        decisions = [decision_for(call, policy) for call in CALLS]
        pairs = zip(CALLS, decisions, strict=True)
        return {"messages": [settled(call, decision, run) for call, decision in pairs]}

    return looped(model, tools, action, checkpointer, llm=llm)


@wrong("4.6", 2, acts_exactly_once=NOT_ASKED_HERE)
def what_was_asked_about_stands_in_a_variable(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        try:
            decisions = [decision_for(call, policy) for call in calls]
        except GraphInterrupt:
            ASKED_FOR.update({call["id"]: call for call in calls})
            raise
        asked = [call["id"] for call in calls if policy[call["name"]] == "ask"]
        known = {call["id"]: call for call in calls} | {id: ASKED_FOR[id] for id in asked}
        return [settled(known[c["id"]], decision, run) for c, decision in zip(calls, decisions, strict=True)]

    return in_one_node(model, tools, checkpointer, settle)


@wrong("4.6", 2, acts_exactly_once="more than once")
def runs_what_needs_no_question_first(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        free = [call for call in calls if policy[call["name"]] != "ask"]
        made = {call["id"]: settled(call, decision_for(call, policy), run) for call in free}
        decisions = [(call, decision_for(call, policy)) for call in calls if call not in free]
        made |= {call["id"]: settled(call, decision, run) for call, decision in decisions}
        return [made[call["id"]] for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@wrong("4.6", 2, acts_exactly_once="more than once")
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
    "4.6",
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


@wrong(
    "4.6",
    0,
    asks_where_it_must="asked before the model's message with the calls was in the thread",
    obeys_each_decision="asked before the model's message with the calls was in the thread",
    acts_exactly_once="asked before the model's message with the calls was in the thread",
)
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


@wrong("4.6", 3, obeys_each_decision="A call that was refused has no status error")
def a_rejection_looks_like_a_result(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "reject":
            return answer(call, decision["message"])
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.6",
    1,
    obeys_each_decision="What comes of a call must be what the policy and the person",
    acts_exactly_once="were allowed must run",
)
def an_edit_is_an_approval(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "edit":
            decision = {"type": "approve"}
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.6",
    0,
    asks_where_it_must="The model refused the conversation: a call has no result, or",
    obeys_each_decision="The model refused the conversation: a call has no result, or",
    acts_exactly_once="The model refused the conversation: a call has no result, or",
)
def what_is_forbidden_gets_no_result(model, tools, policy, checkpointer):
    def settle(call, decision):
        return None if decision["type"] == "forbid" else settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.6",
    0,
    asks_where_it_must="about no others",
    obeys_each_decision="What comes of a call must be what the policy and the person",
    acts_exactly_once="were allowed must run",
)
def whatever_does_not_just_run_is_asked_about(model, tools, policy, checkpointer):
    def settle(call, decision):
        return settled(call, decision, runner(tools))

    strict = {name: "run" if how == "run" else "ask" for name, how in policy.items()}
    return all_first(model, tools, strict, checkpointer, settle)


@wrong("4.6", 3, obeys_each_decision="What comes of a call must be what the policy and the person")
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


@wrong("4.6", 2, acts_exactly_once="for the call that was shown")
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


@wrong("4.6", 2, acts_exactly_once="Each call must be asked about")
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


def earlier_decisions_hold(model, tools, policy, checkpointer, kind):
    """Ask, but not about a call that looks like one that was decided in this way before, also just now."""
    run = runner(tools)

    def review(state):
        known, made = dict(state.get("decisions") or {}), []
        for call in state["messages"][-1].tool_calls:
            if looks(call) in known:
                made.append(known[looks(call)])
                continue
            made.append(decision_for(call, policy))
            if made[-1]["type"] == kind:
                known[looks(call)] = made[-1]
        return {"decisions": {**known, "now": made}}

    def action(state):
        pairs = zip(state["messages"][-1].tool_calls, state["decisions"]["now"], strict=True)
        return {"messages": [settled(call, decision, run) for call, decision in pairs]}

    return reviewed(Known, model, tools, checkpointer, review, action)


@wrong("4.6", 2, acts_exactly_once="Each call must be asked about, also one that is like another")
def approved_once_is_approved_for_good(model, tools, policy, checkpointer):
    return earlier_decisions_hold(model, tools, policy, checkpointer, "approve")


@wrong("4.6", 2, acts_exactly_once="Each call must be asked about, also one that is like another")
def rejected_once_is_rejected_for_good(model, tools, policy, checkpointer):
    return earlier_decisions_hold(model, tools, policy, checkpointer, "reject")


@wrong("4.6", 2, acts_exactly_once="Each call must be asked about, also one that is like another")
def approved_once_is_approved_for_this_message(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        made = []
        for call in calls:
            yes = [old for old, said in made if looks(old) == looks(call) and said["type"] == "approve"]
            made.append((call, {"type": "approve"} if yes else decision_for(call, policy)))
        return [settled(call, decision, run) for call, decision in made]

    return in_one_node(model, tools, checkpointer, settle)


@wrong("4.6", 3, obeys_each_decision="A result is the text of a whole ToolMessage")
def results_are_whole_tool_messages(model, tools, policy, checkpointer):
    def settle(call, decision):
        made = settled(call, decision, runner(tools))
        return answer(call, repr(made)) if decision["type"] in ("run", "approve", "edit") else made

    return all_first(model, tools, policy, checkpointer, settle)


@wrong("4.6", 3, obeys_each_decision="What comes of a call must be what the policy and the person")
def results_get_a_word_before(model, tools, policy, checkpointer):
    def settle(call, decision):
        made = settled(call, decision, runner(tools))
        if decision["type"] in ("run", "approve", "edit"):
            return answer(call, f"Done: {made.text}")
        return made

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.6",
    1,
    obeys_each_decision="A call has got what was decided about another call",
    acts_exactly_once="run",  # what exactly, depends on the decision that comes last
)
def the_last_decision_holds_for_all_calls_of_a_tool(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        made = {}
        for call in calls:
            made[call["name"]] = decision_for(call, policy)
        return [settled(call, made[call["name"]], run) for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@wrong("4.6", 2, acts_exactly_once="for the call that was shown")
def calls_that_look_the_same_share_a_decision(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        made = {looks(call): decision_for(call, policy) for call in calls}
        return [settled(call, made[looks(call)], run) for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@wrong(
    "4.6",
    1,
    obeys_each_decision="What comes of a call must be what the policy and the person",
    acts_exactly_once="Exactly the calls that were allowed must run, with the",
)
def an_edit_is_merged_with_the_call_s_arguments(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "edit":
            decision = {**decision, "args": {**call["args"], **decision["args"]}}
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


MADE = {}


@wrong("4.6", 2, acts_exactly_once="a variable had a say in it")
def results_are_kept_in_a_variable_by_the_call_s_id(model, tools, policy, checkpointer):
    if isinstance(checkpointer, InMemorySaver):
        MADE.clear()  # nothing is left of what another test has done

    def settle(calls):
        decisions = [decision_for(call, policy) for call in calls]
        for call, decision in zip(calls, decisions, strict=True):
            if call["id"] not in MADE:
                MADE[call["id"]] = settled(call, decision, runner(tools))
        return [MADE[call["id"]] for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@wrong(
    "4.6",
    0,
    AT_ONCE,
    asks_where_it_must="The model refused the conversation: a call has no result, or",
    obeys_each_decision="The model refused the conversation: a call has no result, or",
    acts_exactly_once="The model refused the conversation: a call has no result, or",
)
def only_the_first_call_is_answered(model, tools, policy, checkpointer):
    def settle(calls):
        return [settled(call, decision_for(call, policy), runner(tools)) for call in calls[:1]]

    return in_one_node(model, tools, checkpointer, settle)


@wrong("4.6", 3, AT_ONCE, obeys_each_decision="What comes of a call must be what the policy and the person")
def what_runs_by_itself_tells_nothing(model, tools, policy, checkpointer):
    def settle(call, decision):
        made = settled(call, decision, runner(tools))
        return answer(call, "done") if policy[call["name"]] == "run" else made

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.6",
    2,
    asks_where_it_must="A forbidden tool must not run; its tool message has the",
    obeys_each_decision="A call that was refused has no status error",
)
def a_forbidden_call_is_a_success(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "forbid":
            return answer(call, f"{call['name']} is forbidden")
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.6",
    0,
    AT_ONCE,
    asks_where_it_must="The model refused the conversation: a call has no result, or",
    obeys_each_decision="The model refused the conversation: a call has no result, or",
    acts_exactly_once="The model refused the conversation: a call has no result, or",
)
def edits_are_put_behind_as_a_new_message(model, tools, policy, checkpointer):
    def action(state):
        calls = state["messages"][-1].tool_calls
        decisions = [decision_for(call, policy) for call in calls]
        edited = [
            {**call, "args": decision.get("args", call["args"])}
            for call, decision in zip(calls, decisions, strict=True)
        ]
        done = [settled(call, made, runner(tools)) for call, made in zip(edited, decisions, strict=True)]
        return {"messages": [AIMessage("", tool_calls=edited), *done]}

    return looped(model, tools, action, checkpointer)


@wrong("4.6", 3, obeys_each_decision="What comes of a call must be what the policy and the person")
def the_response_gets_a_word_before(model, tools, policy, checkpointer):
    def settle(call, decision):
        if decision["type"] == "respond":
            return answer(call, f"The person says: {decision['message']}")
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.6",
    0,
    AT_ONCE,
    asks_where_it_must="A person must be asked about the calls of the tools with the",
    obeys_each_decision="Nobody was asked about any call",
    acts_exactly_once="Exactly the calls that were allowed must run, with the",
)
def lab_1_s_agent(model, tools, policy, checkpointer):
    def action(state):
        run = runner(tools)
        calls = state["messages"][-1].tool_calls
        return {"messages": [settled(call, {"type": "approve"}, run) for call in calls]}

    return looped(model, tools, action, checkpointer)


@wrong("4.6", 2, acts_exactly_once="There must be one tool message for each call, in the order of")
def no_loop_after_the_first_results(model, tools, policy, checkpointer):
    def action(state):
        calls = state["messages"][-1].tool_calls
        made = [decision_for(call, policy) for call in calls]
        return {"messages": [settled(c, said, runner(tools)) for c, said in zip(calls, made, strict=True)]}

    graph = StateGraph(MessagesState)
    graph.add_node("llm", asks_model(model, tools))
    graph.add_node("action", action)
    graph.add_node("answer", asks_model(model, tools))
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", wants_tools, ["action", END])
    graph.add_edge("action", "answer")
    return graph.compile(checkpointer=checkpointer)


@wrong(
    "4.6",
    0,
    asks_where_it_must="The graph must be compiled with the checkpointer that",
    obeys_each_decision="The graph must be compiled with the checkpointer that",
    acts_exactly_once="The graph must be compiled with the checkpointer that",
)
def a_checkpointer_of_its_own(model, tools, policy, checkpointer):
    def action(state):
        calls = state["messages"][-1].tool_calls
        made = [decision_for(call, policy) for call in calls]
        return {"messages": [settled(c, said, runner(tools)) for c, said in zip(calls, made, strict=True)]}

    return looped(model, tools, action, InMemorySaver())


@wrong(
    "4.6",
    0,
    AT_ONCE,
    asks_where_it_must="build_guarded must return the compiled graph",
    obeys_each_decision="build_guarded must return the compiled graph",
    acts_exactly_once="build_guarded must return the compiled graph",
)
def the_graph_is_not_compiled(model, tools, policy, checkpointer):
    def settle(call, decision):
        return settled(call, decision, runner(tools))

    return all_first(model, tools, policy, checkpointer, settle).builder


@wrong(
    "4.6",
    2,
    AT_ONCE,
    asks_where_it_must="A person must be asked about the calls of the tools with the",
    obeys_each_decision="Each call of a tool with the policy ask must be asked about",
)
def what_runs_is_asked_about_as_well(model, tools, policy, checkpointer):
    def settle(call, decision):
        return settled(call, decision, runner(tools))

    strict = {name: "forbid" if how == "forbid" else "ask" for name, how in policy.items()}
    return all_first(model, tools, strict, checkpointer, settle)


@wrong(
    "4.6",
    0,
    AT_ONCE,
    asks_where_it_must="The value of each interrupt must be the call: its id, name",
    obeys_each_decision="The value of each interrupt must be the call: its id, name",
    acts_exactly_once="The value of each interrupt must be the call: its id, name",
)
def one_question_for_all_calls(model, tools, policy, checkpointer):
    def settle(calls):
        said = interrupt([shown_call(call) for call in calls])
        return [settled(call, said, runner(tools)) for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@wrong(
    "4.6",
    0,
    AT_ONCE,
    asks_where_it_must="What the policy lets run must run, and what the person has",
    obeys_each_decision="What comes of a call must be what the policy and the person",
    acts_exactly_once="Exactly the calls that were allowed must run, with the",
)
def an_approval_is_compared_with_a_word(model, tools, policy, checkpointer):
    def settle(call, decision):
        if policy[call["name"]] != "ask" or decision == "approve":
            return settled(call, decision, runner(tools))
        return answer(call, decision.get("message", "no"), "error")

    return all_first(model, tools, policy, checkpointer, settle)


@wrong(
    "4.5",
    1,
    obeys_the_decision="asked about an earlier call, not about a call of the last message",
    acts_once="asked about an earlier call, not about a call of the last message",
)
def the_first_call_of_the_thread(state, tool):
    with_calls = [message for message in state["messages"] if getattr(message, "tool_calls", None)]
    call = with_calls[0].tool_calls[0]
    decision = interrupt({"id": call["id"], "name": call["name"], "args": call["args"]})
    if decision["type"] == "approve":
        done = ToolMessage(tool.invoke(call["args"]), tool_call_id=call["id"])
    else:
        done = ToolMessage(decision["message"], tool_call_id=call["id"], status="error")
    return {"messages": [done]}
