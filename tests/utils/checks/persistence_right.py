"""Lab 1 solved rightly, in constructs as different as students' are."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, Send

from tests.utils.checks.variants import Table

TABLE = Table()
right = TABLE.right


def config(thread_id):
    return {"configurable": {"thread_id": thread_id}}


def humans(snapshot):
    return sum(message.type == "human" for message in snapshot.values.get("messages", []))


class Counting(MessagesState):
    searches: Annotated[int, operator.add]


class Joined(TypedDict):
    messages: Annotated[list, operator.add]
    searches: Annotated[int, operator.add]


# 1.1


class Assistant:
    """The notes' class, with a counter."""

    def __init__(self, model, tools, checkpointer, system=""):
        self.system = system
        graph = StateGraph(Joined)
        graph.add_node("llm", self.call_model)
        graph.add_node("action", self.take_action)
        graph.add_conditional_edges("llm", self.exists_action, {True: "action", False: END})
        graph.add_edge("action", "llm")
        graph.set_entry_point("llm")
        self.graph = graph.compile(checkpointer=checkpointer)
        self.tools = {tool.name: tool for tool in tools}
        self.model = model.bind_tools(tools)

    def call_model(self, state):
        return {"messages": [self.model.invoke([SystemMessage(self.system), *state["messages"]])]}

    def exists_action(self, state):
        return len(state["messages"][-1].tool_calls) > 0

    def take_action(self, state):
        results = []
        for call in state["messages"][-1].tool_calls:
            result = self.tools[call["name"]].invoke(call["args"])
            results.append(ToolMessage(tool_call_id=call["id"], name=call["name"], content=str(result)))
        return {"messages": results, "searches": len(results)}


@right("1.1")
def the_class_of_the_notes_with_a_system_prompt(model, tools, checkpointer):
    return Assistant(model, tools, checkpointer, system="You are a smart research assistant.").graph


@right("1.1")
def prebuilt_parts_and_the_model_node_counts(model, tools, checkpointer):
    asking = model.bind_tools(tools)

    def llm(state):
        message = asking.invoke(state["messages"])
        return {"messages": [message], "searches": len(message.tool_calls)}

    graph = StateGraph(Counting)
    graph.add_node("llm", llm)
    graph.add_node("action", ToolNode(tools))
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition, {"tools": "action", END: END})
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


@right("1.1")
def commands_instead_of_edges(model, tools, checkpointer):
    asking = model.bind_tools(tools)
    by_name = {tool.name: tool for tool in tools}

    def llm(state) -> Command:
        message = asking.invoke(state["messages"])
        return Command(update={"messages": [message]}, goto="action" if message.tool_calls else END)

    def action(state) -> Command:
        calls = state["messages"][-1].tool_calls
        found = [ToolMessage(str(by_name[c["name"]].invoke(c["args"])), tool_call_id=c["id"]) for c in calls]
        return Command(update={"messages": found, "searches": len(calls)}, goto="llm")

    graph = StateGraph(Joined)
    graph.add_node("llm", llm)
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    return graph.compile(checkpointer=checkpointer)


@right("1.1")
def one_task_for_each_call(model, tools, checkpointer):
    asking = model.bind_tools(tools)

    def llm(state):
        return {"messages": [asking.invoke(state["messages"])]}

    def share_out(state):
        return [Send("action", call) for call in state["messages"][-1].tool_calls] or END

    def action(call):
        tool = next(tool for tool in tools if tool.name == call["name"])
        return {"messages": [tool.invoke({**call, "type": "tool_call"})], "searches": 1}

    graph = StateGraph(Counting)
    graph.add_node("llm", llm)
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", share_out, ["action", END])
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


@right("1.1", unlike_the_example="an asynchronous graph is awaited, the example invokes")
async def asynchronous_all_the_way(model, tools, checkpointer):
    asking = model.bind_tools(tools)
    by_name = {tool.name: tool for tool in tools}

    async def llm(state):
        return {"messages": [await asking.ainvoke(state["messages"])]}

    async def action(state):
        found = []
        for call in state["messages"][-1].tool_calls:
            result = await by_name[call["name"]].ainvoke(call["args"])
            found.append(ToolMessage(str(result), tool_call_id=call["id"]))
        return {"messages": found, "searches": len(found)}

    async def which(state):
        return "action" if state["messages"][-1].tool_calls else END

    class State(TypedDict):
        messages: Annotated[list, add_messages]
        searches: Annotated[int, lambda old, new: (old or 0) + (new or 0)]

    graph = StateGraph(State)
    graph.add_node("llm", llm)
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", which)
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


# 1.2


@right("1.2")
def the_last_state_of_a_stream(agent, thread_id, text):
    *_, last = agent.stream({"messages": [("user", text)]}, config(thread_id), stream_mode="values")
    return str(last["messages"][-1].text)


@right("1.2")
async def asked_asynchronously(agent, thread_id, text):
    state = await agent.ainvoke({"messages": HumanMessage(text)}, config(thread_id))
    return state["messages"][-1].text


@right("1.2")
def blocks_joined_by_hand_from_the_saved_state(agent, thread_id, text):
    bound = agent.with_config(config(thread_id))
    bound.invoke({"messages": [{"role": "user", "content": text}]})
    content = bound.get_state(config(thread_id)).values["messages"][-1].content
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


# 1.3


@right("1.3")
class OpenSaver:
    """A context manager written out."""

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(self.path, check_same_thread=False)
        return SqliteSaver(self.connection)

    def __exit__(self, *error):
        self.connection.close()


@right("1.3")
def the_saver_s_own_context_manager(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return SqliteSaver.from_conn_string(str(path))


@right("1.3")
@contextmanager
def try_and_finally(path) -> Iterator[SqliteSaver]:
    folder = Path(path).resolve().parent
    if not folder.exists():
        folder.mkdir(parents=True)
    connection = sqlite3.connect(str(path), check_same_thread=False)
    try:
        yield SqliteSaver(connection)
    finally:
        connection.close()


@right("1.3")
@contextmanager
def an_exit_stack(path):
    with ExitStack() as stack:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        yield SqliteSaver(stack.enter_context(closing(sqlite3.connect(path, check_same_thread=False))))


# 1.4


@right("1.4")
def streamed_to_its_end(agent, thread_id):
    for _ in agent.stream(None, config(thread_id)):
        pass
    return agent.get_state(config(thread_id)).values["messages"][-1].text


@right("1.4")
async def gone_on_asynchronously(agent, thread_id):
    return (await agent.ainvoke(None, config(thread_id)))["messages"][-1].text


@right("1.4")
def asked_for_the_newest_values_of_a_stream(agent, thread_id):
    *_, last = agent.stream(None, config(thread_id), stream_mode="values")
    return last["messages"][-1].text


# 1.5


def row(snapshot) -> dict[str, Any]:
    parent = snapshot.parent_config
    return {
        "id": snapshot.config["configurable"]["checkpoint_id"],
        "step": snapshot.metadata["step"],
        "source": snapshot.metadata["source"],
        "next": snapshot.next,
        "messages": len(snapshot.values.get("messages", [])),
        "parent": parent["configurable"]["checkpoint_id"] if parent else None,
    }


@right("1.5")
def oldest_first_and_one_key_more(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    return [{**found, "nr": number} for number, found in enumerate(reversed(rows))]


@right("1.5")
async def collected_in_a_coroutine(agent, thread_id):
    return [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]


@right("1.5")
def by_id_from_the_saver_and_the_graph(agent, thread_id):
    rows = {}
    for saved in list(agent.checkpointer.list(config(thread_id))):
        snapshot = agent.get_state(saved.config)
        rows[saved.checkpoint["id"]] = row(snapshot)
    return list(rows.values())


# 1.6


@right("1.6")
def the_question_written_by_hand(agent, thread_id, turn, text):
    def place(snapshot):
        return snapshot if humans(snapshot) < turn else place(agent.get_state(snapshot.parent_config))

    tip = agent.get_state(config(thread_id))
    fork = agent.update_state(place(tip).config, {"messages": [HumanMessage(text)]}, as_node="__start__")
    return agent.invoke(None, fork)["messages"][-1].text


@right("1.6")
async def rewound_asynchronously(agent, thread_id, turn, text):
    snapshot = await agent.aget_state(config(thread_id))
    while humans(snapshot) >= turn:
        snapshot = await agent.aget_state(snapshot.parent_config)
    state = await agent.ainvoke({"messages": [HumanMessage(text)]}, snapshot.config)
    return state["messages"][-1].text


@right("1.6")
def along_the_parents_of_a_dictionary(agent, thread_id, turn, text):
    history = list(agent.get_state_history(config(thread_id)))
    by_id = {snapshot.config["configurable"]["checkpoint_id"]: snapshot for snapshot in history}
    snapshot = history[0]
    while humans(snapshot) >= turn:
        snapshot = by_id[snapshot.parent_config["configurable"]["checkpoint_id"]]
    *_, last = agent.stream({"messages": [("user", text)]}, snapshot.config, stream_mode="values")
    return last["messages"][-1].text


@right("1.6")
def at_the_end_of_the_turn_before(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= turn or (snapshot.parent_config and snapshot.metadata["source"] == "input"):
        snapshot = agent.get_state(snapshot.parent_config)
    return agent.invoke({"messages": [HumanMessage(text)]}, snapshot.config)["messages"][-1].text


@right("1.6")
def the_way_collected_first(agent, thread_id, turn, text):
    way = [agent.get_state(config(thread_id))]
    while way[-1].parent_config:
        way.append(agent.get_state(way[-1].parent_config))
    place = max((s for s in way if humans(s) == turn - 1), key=lambda s: s.metadata["step"])
    return agent.invoke({"messages": [("user", text)]}, place.config)["messages"][-1].text
