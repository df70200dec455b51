"""Lab 4 solved rightly, in constructs as different as students' are."""

from __future__ import annotations

import json
import operator
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.errors import GraphBubbleUp
from langgraph.func import task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt

from tests.utils.checks.variants import Table

TABLE = Table()
right = TABLE.right


def config(thread_id):
    return {"configurable": {"thread_id": thread_id}}


def asking(text):
    return {"messages": [HumanMessage(text)]}


def snapshot(agent, thread_id):
    return agent.get_state(config(thread_id))


def last_message(agent, thread_id):
    return snapshot(agent, thread_id).values["messages"][-1]


def answers_to(message, text, **options):
    return [ToolMessage(text, tool_call_id=call["id"], **options) for call in message.tool_calls]


# 4.1


@right("4.1")
def calls_of_the_last_message_where_action_is_next(agent, thread_id):
    state = snapshot(agent, thread_id)
    return state.values["messages"][-1].tool_calls if state.next == ("action",) else []


@right("4.1")
def calls_that_have_no_tool_message_while_the_run_waits(agent, thread_id):
    state = snapshot(agent, thread_id)
    messages = state.values.get("messages", []) if "action" in state.next else []
    answered = {m.tool_call_id for m in messages if m.type == "tool"}
    return [
        call
        for m in messages
        if isinstance(m, AIMessage)
        for call in m.tool_calls
        if call["id"] not in answered
    ]


@right("4.1")
def from_the_newest_of_the_history_in_dicts_of_its_own(agent, thread_id):
    newest = next(agent.get_state_history(config(thread_id), limit=1), None)
    if newest is None or "action" not in newest.next:
        return ()
    calls = newest.values["messages"][-1].tool_calls
    return tuple({key: call[key] for key in ("id", "name", "args")} for call in calls)


@right("4.1", unlike_the_example="a coroutine takes await, the example has none")
async def asynchronous_pending(agent, thread_id):
    state = await agent.aget_state(config(thread_id))
    return list(state.values["messages"][-1].tool_calls) if "action" in state.next else []


# 4.2


def approve(agent, thread_id):
    state = agent.invoke(None, config(thread_id))
    return None if snapshot(agent, thread_id).next else state["messages"][-1].text


def stop(agent, thread_id):
    message = last_message(agent, thread_id)
    refused = [*answers_to(message, "refused", status="error"), AIMessage("I have stopped.")]
    agent.update_state(config(thread_id), {"messages": refused}, as_node="llm")


@right("4.2")
def a_word_of_its_own_at_the_end():
    return approve, stop


@right("4.2")
def streams_and_lets_the_model_speak():
    def approve(agent, thread_id):
        answer = None
        for event in agent.stream(None, config(thread_id), stream_mode="updates"):
            for node, update in event.items():
                if node == "llm":
                    message = update["messages"][-1]
                    answer = None if message.tool_calls else message.text
        return answer

    def stop(agent, thread_id):
        refused = answers_to(last_message(agent, thread_id), "The person said no.")
        agent.update_state(config(thread_id), {"messages": refused}, as_node="action")
        agent.invoke(None, config(thread_id))
        if again := answers_to(last_message(agent, thread_id), "The person said no."):
            said = [*again, AIMessage("I have stopped.")]
            agent.update_state(config(thread_id), {"messages": said}, as_node="llm")

    return approve, stop


@right("4.2")
def puts_its_own_word_in_the_place_of_the_model_s_new_calls():
    def stop(agent, thread_id):
        where = config(thread_id)
        refused = answers_to(last_message(agent, thread_id), "The person said no.")
        agent.update_state(where, {"messages": refused}, as_node="action")
        word = agent.invoke(None, where)["messages"][-1]
        if word.tool_calls:
            agent.update_state(where, {"messages": [AIMessage("I have stopped.", id=word.id)]})

    return approve, stop


@right("4.2")
def resumes_by_a_command_and_stops_in_two_steps():
    def approve(agent, thread_id):
        state = agent.invoke(Command(resume=True), config(thread_id))
        last = state["messages"][-1]
        return last.text if last.type == "ai" and not last.tool_calls else None

    def stop(agent, thread_id):
        where = config(thread_id)
        where = agent.update_state(
            where, {"messages": answers_to(last_message(agent, thread_id), "no")}, as_node="action"
        )
        agent.update_state(where, {"messages": [AIMessage("Nothing was done.")]}, as_node="llm")

    return approve, stop


# 4.3


@right("4.3")
def a_copy_of_the_message_under_its_id(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = [{**call, "args": args} if call["id"] == call_id else call for call in message.tool_calls]
    corrected = message.model_copy(update={"tool_calls": calls})
    agent.update_state(config(thread_id), {"messages": [corrected]})


@right("4.3")
def a_new_message_with_the_same_id(agent, thread_id, call_id, args):
    message = last_message(agent, thread_id)
    calls = []
    for call in message.tool_calls:
        wanted = args if call["id"] == call_id else call["args"]
        calls.append({"name": call["name"], "args": wanted, "id": call["id"]})
    written = AIMessage(content=message.text, tool_calls=calls, id=message.id)
    agent.update_state(config(thread_id), {"messages": written}, as_node="llm")


@right("4.3")
def the_notes_way_changed_in_place_and_then_written(agent, thread_id, call_id, args):
    state = snapshot(agent, thread_id)
    for call in state.values["messages"][-1].tool_calls:
        if call["id"] == call_id:
            call["args"] = dict(args)
    agent.update_state(state.config, state.values)


# 4.4


def spoken(agent, thread_id, state):
    """The text of the answer; None while calls wait."""
    return None if snapshot(agent, thread_id).next else state["messages"][-1].text


@right("4.4")
def written_as_the_action_and_then_on(agent, thread_id, text):
    mocks = answers_to(last_message(agent, thread_id), text)
    agent.update_state(config(thread_id), {"messages": mocks}, as_node="action")
    return spoken(agent, thread_id, agent.invoke(None, config(thread_id)))


@right("4.4")
def given_as_the_input_of_a_run(agent, thread_id, text):
    mocks = [
        {"role": "tool", "content": text, "tool_call_id": call["id"]}
        for call in last_message(agent, thread_id).tool_calls
    ]
    return spoken(agent, thread_id, agent.invoke({"messages": mocks}, config(thread_id)))


@right("4.4")
def as_an_update_with_its_own_config_and_streamed(agent, thread_id, text):
    where = config(thread_id)
    mocks = [
        ToolMessage(content=text, tool_call_id=call["id"], name=call["name"])
        for call in last_message(agent, thread_id).tool_calls
    ]
    forked = agent.update_state(where, {"messages": mocks}, "action")
    *_, state = agent.stream(None, forked, stream_mode="values")
    last = state["messages"][-1]
    return None if last.tool_calls else last.text


# 4.5


@right("4.5")
def a_call_of_its_own_with_three_keys(state, tool):
    [call] = state["messages"][-1].tool_calls
    decision = interrupt({"id": call["id"], "name": call["name"], "args": call["args"]})
    if decision["type"] == "approve":
        done = ToolMessage(tool.invoke(call["args"]), tool_call_id=call["id"])
    else:
        done = ToolMessage(decision["message"], tool_call_id=call["id"], status="error")
    return {"messages": [done]}


@right("4.5")
def the_call_as_it_is_and_langchain_makes_the_message(state, tool):
    call = state["messages"][-1].tool_calls[0]
    match interrupt(call):
        case {"type": "approve"}:
            return {"messages": [tool.invoke(call)]}
        case {"message": message}:
            refused = f"The person has refused: {message}"
            return {"messages": ToolMessage(refused, tool_call_id=call["id"], status="error")}


@right("4.5")
def asks_in_a_function_of_its_own_and_lets_interrupts_pass(state, tool):
    call = dict(state["messages"][-1].tool_calls[-1])
    call.pop("type", None)

    def result():
        decision = interrupt(call)
        return tool.invoke(call["args"]) if decision["type"] == "approve" else None, decision

    try:
        text, decision = result()
    except GraphBubbleUp:
        raise
    except Exception as error:
        text, decision = str(error), {}
    status = "success" if text else "error"
    text = text or decision["message"]
    return Command(update={"messages": [ToolMessage(text, tool_call_id=call["id"], status=status)]})


# 4.6


def asks_model(model, tools):
    bound = model.bind_tools(tools)
    return lambda state: {"messages": [bound.invoke(state["messages"])]}


def answer(call, text, status="success"):
    return ToolMessage(str(text), tool_call_id=call["id"], name=call["name"], status=status)


def wants_tools(state):
    return "action" if state["messages"][-1].tool_calls else END


def asked(call):
    return interrupt({"id": call["id"], "name": call["name"], "args": call["args"]})


def settled(call, decision, run):
    """The tool message that a decision leads to; ``run`` does a tool's work."""
    match decision:
        case {"type": "approve"}:
            return answer(call, run(call["name"], call["args"]))
        case {"type": "edit", "args": args}:
            return answer(call, run(call["name"], args))
        case {"type": "reject", "message": message}:
            return answer(call, message, "error")
        case {"type": "respond", "message": message}:
            return answer(call, message)
        case {"type": "forbid"}:
            return answer(call, f"{call['name']} is forbidden", "error")
    raise ValueError(decision)


def runner(tools):
    by_name = {tool.name: tool for tool in tools}
    return lambda name, args: by_name[name].invoke(args)


def decision_for(call, policy):
    how = policy[call["name"]]
    return asked(call) if how == "ask" else {"type": "approve" if how == "run" else "forbid"}


def looped(model, tools, action, checkpointer, llm=None):
    """The usual graph around one node for the tools."""
    graph = StateGraph(MessagesState)
    graph.add_node("llm", llm or asks_model(model, tools))
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", wants_tools, ["action", END])
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


@right("4.6")
def all_decisions_first(model, tools, policy, checkpointer):
    def action(state):
        calls = state["messages"][-1].tool_calls
        decisions = [decision_for(call, policy) for call in calls]
        run = runner(tools)
        return {"messages": [settled(call, made, run) for call, made in zip(calls, decisions, strict=True)]}

    return looped(model, tools, action, checkpointer)


@right("4.6")
def one_branch_for_each_call(model, tools, policy, checkpointer):
    run = runner(tools)

    def action(given):
        return {"messages": [settled(given["call"], decision_for(given["call"], policy), run)]}

    def fan_out(state):
        return [Send("action", {"call": call}) for call in state["messages"][-1].tool_calls] or END

    graph = StateGraph(MessagesState)
    graph.add_node("llm", asks_model(model, tools))
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", fan_out, ["action", END])
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


class Reviewed(MessagesState):
    decisions: dict[str, Any]


@right("4.6")
class Guard:
    """A class with a node that asks and a node that acts; what was decided is in the state."""

    def __new__(cls, model, tools, policy, checkpointer):
        guard = super().__new__(cls)
        guard.policy, guard.run = policy, runner(tools)
        graph = StateGraph(Reviewed)
        graph.add_node("llm", asks_model(model, tools))
        graph.add_node("review", guard.review)
        graph.add_node("action", guard.act)
        graph.add_edge(START, "llm")
        graph.add_conditional_edges("llm", wants_tools, {"action": "review", END: END})
        graph.add_edge("review", "action")
        graph.add_edge("action", "llm")
        return graph.compile(checkpointer=checkpointer)

    def review(self, state):
        made = {}
        for call in state["messages"][-1].tool_calls:
            made[call["id"]] = decision_for(call, self.policy)
        return {"decisions": made}

    def act(self, state):
        calls = state["messages"][-1].tool_calls
        return {"messages": [settled(call, state["decisions"][call["id"]], self.run) for call in calls]}


@right("4.6")
def acts_between_questions_in_tasks_that_are_saved(model, tools, policy, checkpointer):
    @task
    def work(name, args):
        return runner(tools)(name, args)

    def action(state):
        messages = []
        for call in state["messages"][-1].tool_calls:
            made = decision_for(call, policy)
            messages.append(settled(call, made, lambda name, args: work(name, args).result()))
        return {"messages": messages}

    return looped(model, tools, action, checkpointer)


@right("4.6")
def a_command_that_edits_the_calls_before_a_prebuilt_tool_node(model, tools, policy, checkpointer):
    def review(state):
        message = state["messages"][-1]
        calls, said = [], {}
        for call in message.tool_calls:
            made = decision_for(call, policy)
            if made["type"] in ("approve", "edit"):
                calls.append({**call, "args": made.get("args", call["args"])})
            else:
                said[call["id"]] = settled(call, made, None)
        ran = {}
        if calls:
            # Saved as this node's result: nothing of it runs before the last question is answered.
            found = ToolNode(tools).invoke([message.model_copy(update={"tool_calls": calls})])
            ran = {m.tool_call_id: m for m in found}
        done = [said.get(call["id"]) or ran[call["id"]] for call in message.tool_calls]
        return Command(update={"messages": done}, goto="llm")

    graph = StateGraph(MessagesState)
    graph.add_node("llm", asks_model(model, tools))
    graph.add_node("action", review, destinations=("llm",))
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", wants_tools, ["action", END])
    return graph.compile(checkpointer=checkpointer)


@right("4.6")
def errors_of_tools_are_caught_and_interrupts_are_not(model, tools, policy, checkpointer):
    def decide_all(calls):
        made = {}
        for call in calls:
            try:
                made[call["id"]] = decision_for(call, policy)
            except GraphBubbleUp:
                raise
            except Exception as error:
                made[call["id"]] = {"type": "reject", "message": json.dumps(str(error))}
        return made

    def action(state):
        calls = state["messages"][-1].tool_calls
        made = decide_all(calls)
        return {"messages": [settled(call, made[call["id"]], runner(tools)) for call in calls]}

    return looped(model, tools, action, checkpointer)


@right("4.6")
def forbidden_tools_are_not_offered(model, tools, policy, checkpointer):
    allowed = [tool for tool in tools if policy[tool.name] != "forbid"]

    def action(state):
        calls = state["messages"][-1].tool_calls
        decisions = [decision_for(call, policy) for call in calls]
        run = runner(allowed)
        return {"messages": [settled(call, made, run) for call, made in zip(calls, decisions, strict=True)]}

    return looped(model, allowed, action, checkpointer)


@right("4.6")
def the_whole_call_is_shown(model, tools, policy, checkpointer):
    def action(state):
        calls = state["messages"][-1].tool_calls
        made = [
            interrupt(call) if policy[call["name"]] == "ask" else decision_for(call, policy) for call in calls
        ]
        return {"messages": [settled(*pair, runner(tools)) for pair in zip(calls, made, strict=True)]}

    return looped(model, tools, action, checkpointer)


@right("4.6")
def edits_are_written_into_the_message_as_langchain_does(model, tools, policy, checkpointer):
    """The message with the calls is replaced under its id, so that the history shows what has run."""

    def action(state):
        message = state["messages"][-1]
        made = [decision_for(call, policy) for call in message.tool_calls]
        calls = [
            {**call, "args": decision.get("args", call["args"])}
            for call, decision in zip(message.tool_calls, made, strict=True)
        ]
        results = [settled(call, decision, runner(tools)) for call, decision in zip(calls, made, strict=True)]
        return {"messages": [message.model_copy(update={"tool_calls": calls}), *results]}

    return looped(model, tools, action, checkpointer)


class Kept(MessagesState):
    decisions: Annotated[dict[str, Any], operator.or_]


@right("4.6")
def asks_backwards_and_keeps_all_decisions_by_id(model, tools, policy, checkpointer):
    def review(state):
        made = {}
        for call in reversed(state["messages"][-1].tool_calls):
            made[call["id"]] = decision_for(call, policy)
        return {"decisions": made}

    def act(state):
        calls, run = state["messages"][-1].tool_calls, runner(tools)
        return {"messages": [settled(call, state["decisions"][call["id"]], run) for call in calls]}

    graph = StateGraph(Kept)
    graph.add_node("llm", asks_model(model, tools))
    graph.add_sequence([("review", review), ("action", act)])
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", wants_tools, {"action": "review", END: END})
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)
