"""Lab 1 solved wrongly, as students do; most satisfy the printed example."""

from __future__ import annotations

import operator
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated, TypedDict

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command

from tests.utils.checks.persistence_right import config, humans, row
from tests.utils.checks.variants import Table
from utils.agent import Agent

TABLE = Table()
wrong = TABLE.wrong


class State(TypedDict):
    messages: Annotated[list, add_messages]
    searches: Annotated[int, operator.add]


class Overwritten(TypedDict):
    messages: Annotated[list, add_messages]
    searches: int


class Unreduced(TypedDict):
    messages: list
    searches: Annotated[int, operator.add]


def built(
    model,
    tools,
    checkpointer,
    *,
    schema=State,
    sent=None,
    acted=None,
    wants=None,
    run=None,
    names=("llm", "action"),
):
    """The reference's graph with one thing done otherwise."""
    asking = model.bind_tools(tools)
    llm, action = names

    def ask_model(state):
        return {"messages": [asking.invoke(sent(state) if sent else state["messages"])]}

    def run_tools(state):
        calls = state["messages"][-1].tool_calls
        found = [answered(call, tools, run) for call in calls]
        return acted(state, calls, found) if acted else {"messages": found, "searches": len(calls)}

    graph = StateGraph(schema)
    graph.add_node(llm, ask_model)
    graph.add_node(action, run_tools)
    graph.add_edge(START, llm)
    graph.add_conditional_edges(
        llm, wants or (lambda state: bool(state["messages"][-1].tool_calls)), {True: action, False: END}
    )
    graph.add_edge(action, llm)
    return graph.compile(checkpointer=checkpointer)


def answered(call, tools, run=None):
    tool = next(tool for tool in tools if tool.name == call["name"])
    result = run(call) if run else tool.invoke(call["args"])
    return ToolMessage(str(result), tool_call_id=call["id"])


# 1.1


@wrong("1.1", 4, goes_round="The model wrote a sentence and asked for a tool beside it")
def empty_content_means_a_tool_call(model, tools, checkpointer):
    return built(model, tools, checkpointer, wants=lambda state: not state["messages"][-1].content)


@wrong("1.1", 4, goes_round="until it asks for no more tools")
def one_round_of_tools_only(model, tools, checkpointer):
    def wants(state):
        since = state["messages"][max(i for i, m in enumerate(state["messages"]) if m.type == "human") :]
        return bool(state["messages"][-1].tool_calls) and not any(m.type == "tool" for m in since)

    return built(model, tools, checkpointer, wants=wants)


@wrong(
    "1.1",
    2,
    answers_every_call="A tool call has no tool message of its own behind it",
    runs_the_tool_asked_for="A tool call has no tool message of its own behind it",
    counts_searches="A tool call has no tool message of its own behind it",
)
def the_first_call_only(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found[:1], "searches": 1}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 4, answers_every_call="Each tool message must carry the result of its own call")
def results_under_the_wrong_ids(model, tools, checkpointer):
    def acted(state, calls, found):
        swapped = [
            ToolMessage(message.content, tool_call_id=call["id"])
            for call, message in zip(reversed(calls), found, strict=True)
        ]
        return {"messages": swapped, "searches": len(calls)}

    return built(model, tools, checkpointer, acted=acted)


@wrong(
    "1.1",
    3,
    answers_every_call="Each tool message must carry the result of its own call",
    runs_the_tool_asked_for="Each tool message must carry the result of its own call",
)
def results_by_the_tool_s_name(model, tools, checkpointer):
    def acted(state, calls, found):
        by_name = {call["name"]: message.content for call, message in zip(calls, found, strict=True)}
        messages = [ToolMessage(by_name[call["name"]], tool_call_id=call["id"]) for call in calls]
        return {"messages": messages, "searches": len(calls)}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 4, counts_searches="searches must count the tool calls of a turn, all of them")
def rounds_are_counted(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": 1}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 4, counts_searches="a node returns what it adds, and nothing more")
def the_total_is_added_again(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": state.get("searches", 0) + len(calls)}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 4, counts_searches="what a node returns for it is added to what is there")
def the_node_adds_and_the_last_writer_wins(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": state.get("searches", 0) + len(calls)}

    return built(model, tools, checkpointer, schema=Overwritten, acted=acted)


@wrong("1.1", 4, remembers="but the node llm did not send all of it")
def only_the_newest_turn_is_sent(model, tools, checkpointer):
    def sent(state):
        newest = max(i for i, message in enumerate(state["messages"]) if message.type == "human")
        return state["messages"][newest:]

    return built(model, tools, checkpointer, sent=sent)


@wrong("1.1", 4, remembers="On the same thread the model must be sent the conversation so far")
def the_list_of_messages_is_replaced(model, tools, checkpointer):
    asking = model.bind_tools(tools)

    def llm(state):
        return {"messages": [*state["messages"], asking.invoke(state["messages"])]}

    def action(state):
        calls = state["messages"][-1].tool_calls
        found = [answered(call, tools) for call in calls]
        return {"messages": state["messages"] + found, "searches": len(calls)}

    graph = StateGraph(Unreduced)
    graph.add_node("llm", llm)
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", lambda s: "action" if s["messages"][-1].tool_calls else END)
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


@wrong(
    "1.1",
    3,
    counts_searches="searches began again with the second question on the same thread",
    remembers="On the same thread the model must be sent the conversation so far",
)
def compiled_without_the_checkpointer(model, tools, checkpointer):
    return built(model, tools, None)


@wrong("1.1", 4, remembers="The checkpoints must be in the checkpointer that was given")
def a_checkpointer_of_its_own(model, tools, checkpointer):
    return built(model, tools, InMemorySaver())


@wrong("1.1", 4, remembers="The graph must have the nodes llm and action")
def nodes_called_otherwise(model, tools, checkpointer):
    return built(model, tools, checkpointer, names=("model", "tools"))


@wrong(
    "1.1",
    0,
    "it counts nothing",
    goes_round="The state must count the searches, under the key searches",
    answers_every_call="The state must count the searches, under the key searches",
    runs_the_tool_asked_for="The state must count the searches, under the key searches",
    counts_searches="The state must count the searches, under the key searches",
    remembers="The state must count the searches, under the key searches",
)
def the_kit_s_own_agent(model, tools, checkpointer):
    return Agent(model, tools, checkpointer).graph


@wrong(
    "1.1",
    0,
    "the model refuses what it is sent",
    goes_round="The question was lost on the way: the key messages needs a reducer",
    answers_every_call="The question was lost on the way: the key messages needs a reducer",
    runs_the_tool_asked_for="The question was lost on the way: the key messages needs a reducer",
    counts_searches="The question was lost on the way: the key messages needs a reducer",
    remembers="The question was lost on the way: the key messages needs a reducer",
)
def messages_without_a_reducer(model, tools, checkpointer):
    return built(model, tools, checkpointer, schema=Unreduced)


@wrong(
    "1.1",
    0,
    "its messages come twice",
    goes_round="The same messages are in the state twice",
    answers_every_call="The same messages are in the state twice",
    runs_the_tool_asked_for="The same messages are in the state twice",
    counts_searches="The same messages are in the state twice",
    remembers="The same messages are in the state twice",
)
def the_whole_list_is_returned_and_added(model, tools, checkpointer):
    class Doubled(TypedDict):
        messages: Annotated[list, operator.add]
        searches: Annotated[int, operator.add]

    asking = model.bind_tools(tools)

    def llm(state):
        return {"messages": [*state["messages"], asking.invoke(state["messages"])]}

    def action(state):
        calls = state["messages"][-1].tool_calls
        return {"messages": [answered(call, tools) for call in calls], "searches": len(calls)}

    graph = StateGraph(Doubled)
    graph.add_node("llm", llm)
    graph.add_node("action", action)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", lambda s: "action" if s["messages"][-1].tool_calls else END)
    graph.add_edge("action", "llm")
    return graph.compile(checkpointer=checkpointer)


@wrong(
    "1.1",
    0,
    "the model asks for no tool that it does not know",
    goes_round="The model was asked without being told of its tools",
    answers_every_call="The model was asked without being told of its tools",
    runs_the_tool_asked_for="The model was asked without being told of its tools",
    counts_searches="The model was asked without being told of its tools",
    remembers="The model was asked without being told of its tools",
)
def the_model_does_not_know_its_tools(model, tools, checkpointer):
    class Deaf:
        def bind_tools(self, tools):
            return model

    return built(Deaf(), tools, checkpointer)


@wrong("1.1", 4, runs_the_tool_asked_for="A tool was run with other arguments than the model wrote for it")
def the_first_tool_always(model, tools, checkpointer):
    return built(model, tools, checkpointer, run=lambda call: tools[0].invoke(call["args"]))


@wrong("1.1", 4, runs_the_tool_asked_for="A tool was run with other arguments than the model wrote for it")
def only_the_argument_query(model, tools, checkpointer):
    by_name = {tool.name: tool for tool in tools}
    return built(
        model, tools, checkpointer, run=lambda call: by_name[call["name"]].invoke(call["args"]["query"])
    )


@wrong("1.1", 4, remembers="On another thread the conversation must start afresh")
def one_thread_for_everybody(model, tools, checkpointer):
    heard = []

    def sent(state):
        heard.extend(message for message in state["messages"] if message not in heard)
        return list(heard)

    return built(model, tools, checkpointer, sent=sent)


OPEN = "The run ended, and a tool call was left open"


@wrong("1.1", 4, goes_round=OPEN)
def a_limit_on_the_searches_of_the_thread(model, tools, checkpointer):
    def wants(state):
        return state["searches"] < 3 and bool(state["messages"][-1].tool_calls)

    return built(model, tools, checkpointer, wants=wants)


@wrong("1.1", 4, goes_round=OPEN)
def rounds_that_are_never_counted_afresh(model, tools, checkpointer):
    class Rounds(State):
        rounds: Annotated[int, operator.add]

    def acted(state, calls, found):
        return {"messages": found, "searches": len(calls), "rounds": 1}

    def wants(state):
        return state.get("rounds", 0) < 5 and bool(state["messages"][-1].tool_calls)

    return built(model, tools, checkpointer, schema=Rounds, acted=acted, wants=wants)


@wrong("1.1", 4, goes_round=OPEN)
def three_rounds_for_a_question(model, tools, checkpointer):
    def wants(state):
        newest = max(i for i, message in enumerate(state["messages"]) if message.type == "human")
        said = sum(message.type == "ai" for message in state["messages"][newest:])
        return said <= 3 and bool(state["messages"][-1].tool_calls)

    return built(model, tools, checkpointer, wants=wants)


@wrong("1.1", 4, goes_round=OPEN)
def a_limit_on_messages(model, tools, checkpointer):
    def wants(state):
        return len(state["messages"]) < 20 and bool(state["messages"][-1].tool_calls)

    return built(model, tools, checkpointer, wants=wants)


@wrong("1.1", 4, goes_round="What the model wrote beside a tool call must stay in its message")
def the_words_beside_a_call_left_out(model, tools, checkpointer):
    class Terse:
        def __init__(self, inner):
            self.inner = inner

        def bind_tools(self, tools):
            return Terse(self.inner.bind_tools(tools))

        def invoke(self, messages):
            said = self.inner.invoke(messages)
            return AIMessage("", tool_calls=said.tool_calls) if said.tool_calls else said

    return built(Terse(model), tools, checkpointer)


@wrong("1.1", 4, remembers="The conversation is long, and the node llm did not send all of it")
def a_window_of_ten_messages(model, tools, checkpointer):
    return built(model, tools, checkpointer, sent=lambda state: state["messages"][-10:])


@wrong("1.1", 4, runs_the_tool_asked_for="searches must count the calls of every tool")
def calls_of_the_search_alone_are_counted(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": sum("search" in call["name"] for call in calls)}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 4, counts_searches="searches must count the tool calls of a turn, all of them")
def calls_that_are_alike_are_counted_once(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": len({str(call["args"]) for call in calls})}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 4, runs_the_tool_asked_for="The model was asked without being told of its tools")
def the_model_knows_the_first_tool_alone(model, tools, checkpointer):
    class Narrow:
        def bind_tools(self, tools):
            return model.bind_tools(tools[:1])

    return built(Narrow(), tools, checkpointer)


# 1.2


@wrong("1.2", 1, gives_text="whatever the content of the message looks like")
def the_content_as_it_came(agent, thread_id, text):
    return agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content


@wrong("1.2", 1, gives_text="ask returned only a part of the answer's text")
def the_first_block_only(agent, thread_id, text):
    content = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content
    return content if isinstance(content, str) else content[0]["text"]


@wrong("1.2", 1, gives_text="whatever the content of the message looks like")
def blocks_on_lines_of_their_own(agent, thread_id, text):
    content = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content
    return content if isinstance(content, str) else "\n".join(block["text"] for block in content)


@wrong("1.2", 1, gives_text="whatever the content of the message looks like")
def the_repr_of_blocks(agent, thread_id, text):
    return str(agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content)


@wrong("1.2", 1, asks_in_context="Another thread must not know of this conversation")
def always_the_same_thread(agent, thread_id, text):
    return agent.invoke({"messages": [("user", text)]}, config("1"))["messages"][-1].text


@wrong(
    "1.2",
    0,
    asks_in_context="The model did not get the earlier questions of the thread",
    gives_text="The model did not get the earlier questions of the thread",
)
def a_thread_for_every_question(agent, thread_id, text):
    return agent.invoke({"messages": [("user", text)]}, config(f"{thread_id} {text}"))["messages"][-1].text


@wrong(
    "1.2",
    0,
    asks_in_context="Only the new question may go in: the checkpointer brings the rest",
    gives_text="Only the new question may go in: the checkpointer brings the rest",
)
def everything_goes_in_again(agent, thread_id, text):
    before = agent.get_state(config(thread_id)).values.get("messages", [])
    again = [("user" if message.type == "human" else "assistant", message.text) for message in before]
    told = [message for message in again if message[1]]
    return agent.invoke({"messages": [*told, ("user", text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.2",
    0,
    asks_in_context="ask must return the text of the model's answer",
    gives_text="whatever the content of the message looks like",
)
def the_first_answer_on_the_thread(agent, thread_id, text):
    messages = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"]
    return next(message.text for message in messages if message.type == "ai" and message.text)


@wrong("1.2", 1, asks_in_context="ask returned more than the answer: also the text of other messages")
def every_text_of_the_turn(agent, thread_id, text):
    messages = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"]
    newest = max(i for i, message in enumerate(messages) if message.type == "human")
    return "".join(message.text for message in messages[newest + 1 :])


@wrong("1.2", 1, asks_in_context="ask returned more than the answer: also the text of other messages")
def all_that_the_model_says_in_the_run(agent, thread_id, text):
    return all_said(agent.stream({"messages": [HumanMessage(text)]}, config(thread_id)))


def all_said(events):
    """Return what the model says in a run, also beside a tool call."""
    return "".join(
        message.text
        for event in events
        for update in event.values()
        for message in update.get("messages", [])
        if message.type == "ai"
    )


@wrong(
    "1.2",
    0,
    asks_in_context="The question that ask is given must be the one that goes in",
    gives_text="The question that ask is given must be the one that goes in",
)
def the_lab_s_cell(agent, thread_id, text):
    state = agent.invoke({"messages": [HumanMessage("Which one is warmer?")]}, config("2"))
    return state["messages"][-1].text


@wrong("1.2", 1, asks_in_context="Only the new question may go in: the checkpointer brings the rest")
def everything_goes_in_again_under_its_ids(agent, thread_id, text):
    before = agent.get_state(config(thread_id)).values.get("messages", [])
    return agent.invoke({"messages": [*before, ("user", text)]}, config(thread_id))["messages"][-1].text


# 1.3


@wrong(
    "1.3",
    0,
    makes_folder="The folder of the file must be made, with all the folders above it",
    keeps_the_conversation="The folder of the file must be made, with all the folders above it",
    closes_the_file="The folder of the file must be made, with all the folders above it",
)
@contextmanager
def no_folder_is_made(path):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


@wrong("1.2", 1, gives_text="ask ran the agent more than once for one question")
def asked_once_more_where_the_answer_is_in_blocks(agent, thread_id, text):
    question = {"messages": [HumanMessage(text)]}
    if isinstance(agent.invoke(question, config(thread_id))["messages"][-1].content, str):
        return agent.get_state(config(thread_id)).values["messages"][-1].content
    return agent.invoke(question, config(thread_id))["messages"][-1].text


@wrong(
    "1.2",
    0,
    asks_in_context="ask ran the agent more than once for one question",
    gives_text="ask ran the agent more than once for one question",
)
def shown_first_and_asked_again(agent, thread_id, text):
    question = {"messages": [HumanMessage(text)]}
    for _ in agent.stream(question, config(thread_id)):
        pass
    return agent.invoke(question, config(thread_id))["messages"][-1].text


@wrong("1.3", 2, makes_folder="The folder of the file must be made, with all the folders above it")
@contextmanager
def one_folder_is_made_but_none_above(path):
    Path(path).parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@wrong("1.3", 2, keeps_the_conversation="it came from another thread than the opening")
@contextmanager
def for_one_thread_only(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        yield SqliteSaver(connection)


@wrong(
    "1.3",
    0,
    makes_folder="What the saver keeps must be in the file that the path names",
    keeps_the_conversation="What was saved in one block is not there in the next one",
    closes_the_file="What the saver keeps must be in the file that the path names",
)
@contextmanager
def in_memory(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(":memory:") as saver:
        yield saver


@wrong("1.3", 2, keeps_the_conversation="What was saved in one block is not there in the next one")
@contextmanager
def a_fresh_file_each_time(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


@wrong(
    "1.3",
    0,
    makes_folder="What the saver keeps must be in the file that the path names",
    keeps_the_conversation="What was saved in one block is not there in the next one",
    closes_the_file="What the saver keeps must be in the file that the path names",
)
@contextmanager
def in_another_folder(path):
    folder = Path(path).parent / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(str(folder / Path(path).name)) as saver:
        yield saver


@wrong("1.3", 2, closes_the_file="The file must be closed at the end of the block")
@contextmanager
def the_connection_as_a_context_manager(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path, check_same_thread=False) as connection:
        yield SqliteSaver(connection)


@wrong("1.3", 2, closes_the_file="also when the block raises an error")
@contextmanager
def closed_only_if_all_goes_well(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    yield SqliteSaver(connection)
    connection.close()


@wrong("1.3", 2, closes_the_file="An error in the block must go through")
@contextmanager
def errors_are_swallowed(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(str(path)) as saver, suppress(Exception):
        yield saver


@wrong("1.3", 2, closes_the_file="The block raised an error, and another error came out of it")
@contextmanager
def another_error_comes_out(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        try:
            yield saver
        except Exception:
            msg = "something went wrong"
            raise RuntimeError(msg) from None


@wrong(
    "1.3",
    0,
    makes_folder="The folder of the file must be made, with all the folders above it",
    keeps_the_conversation="The folder of the file must be made, with all the folders above it",
    closes_the_file="The folder of the file must be made, with all the folders above it",
)
def the_lab_s_line(path):
    return SqliteSaver.from_conn_string(str(path))


@wrong(
    "1.3",
    1,
    "the example has a Path",
    keeps_the_conversation="open_saver was given a Path, and cannot work with it",
    closes_the_file="open_saver was given a Path, and cannot work with it",
)
@contextmanager
def strings_only(path):
    if "/" in path:
        os.makedirs(path.rsplit("/", 1)[0], exist_ok=True)  # noqa: PTH103 - a string is all it knows
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@wrong(
    "1.3",
    1,
    makes_folder="open_saver was given a string, and cannot work with it",
    keeps_the_conversation="open_saver was given a string, and cannot work with it",
)
@contextmanager
def paths_only(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@wrong(
    "1.3",
    1,
    "the example's folder is there",
    keeps_the_conversation="The folder was there already, and open_saver took that for an error",
    closes_the_file="The folder was there already, and open_saver took that for an error",
)
@contextmanager
def the_folder_must_be_new(path):
    Path(path).parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@wrong(
    "1.3",
    0,
    "the example prints the type",
    makes_folder="The with block must be given a saver",
    keeps_the_conversation="The with block must be given a saver",
    closes_the_file="The with block must be given a saver",
)
@contextmanager
def the_connection_itself(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield connection


@wrong(
    "1.3",
    0,
    makes_folder="What the saver keeps must be in the file that the path names",
    keeps_the_conversation="What was saved in one block is not there in the next one",
    closes_the_file="What the saver keeps must be in the file that the path names",
)
@contextmanager
def in_memory_beside_a_file_that_stays_empty(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()
    with SqliteSaver.from_conn_string(":memory:") as saver:
        yield saver


@wrong("1.3", 2, closes_the_file="also when the block raises an error: KeyboardInterrupt")
@contextmanager
def left_open_when_a_person_interrupts(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        yield SqliteSaver(connection)
    except Exception:
        connection.close()
        raise
    connection.close()


@wrong("1.3", 2, closes_the_file="An error in the block must go through")
@contextmanager
def errors_of_the_file_are_swallowed(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        yield SqliteSaver(connection)
    except sqlite3.Error as error:
        print(error)
    finally:
        connection.close()


# 1.4


@wrong(
    "1.4",
    0,
    goes_on_after_an_error="The model was asked again for what is saved already",
    resumes_two_calls="The question was asked again, instead of the same run going on",
    goes_on_after_a_kill="The question was asked again, instead of the same run going on",
)
def asked_again_on_a_new_thread(agent, thread_id):
    question = agent.get_state(config(thread_id)).values["messages"]
    text = [message.text for message in question if message.type == "human"][-1]
    return agent.invoke({"messages": [("user", text)]}, config(f"{thread_id}, again"))["messages"][-1].text


@wrong(
    "1.4",
    0,
    goes_on_after_an_error="The model was asked again for what is saved already",
    resumes_two_calls="resume raised an error with another compiled graph",
    goes_on_after_a_kill="The model was asked again for what is saved already",
)
def from_where_the_model_had_not_answered(agent, thread_id):
    history = agent.get_state_history(config(thread_id))
    before = next(snapshot for snapshot in history if snapshot.next == ("llm",))
    return agent.invoke(None, before.config)["messages"][-1].text


@wrong(
    "1.4",
    0,
    goes_on_after_an_error="The model was asked again for what is saved already",
    resumes_two_calls="resume raised an error with another compiled graph",
    goes_on_after_a_kill="resume raised an error on a thread whose next is empty",
)
def the_open_call_removed_and_the_question_asked_again(agent, thread_id):
    asked, calls = agent.get_state(config(thread_id)).values["messages"][-2:]
    removed = [RemoveMessage(calls.id), RemoveMessage(asked.id)]
    agent.update_state(config(thread_id), {"messages": removed}, as_node="__start__")
    return agent.invoke({"messages": [("user", asked.text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.4",
    0,
    goes_on_after_an_error="The question was asked again, instead of the same run going on",
    resumes_two_calls="The question was asked again, instead of the same run going on",
    goes_on_after_a_kill="The question was asked again, instead of the same run going on",
)
def gone_on_and_then_asked_once_more(agent, thread_id):
    state = agent.invoke(None, config(thread_id))
    text = [message.text for message in state["messages"] if message.type == "human"][-1]
    return agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.4",
    0,
    goes_on_after_an_error="The thread must hold the whole conversation, once",
    resumes_two_calls="resume raised an error with another compiled graph",
    goes_on_after_a_kill="The thread must hold the whole conversation, once",
)
def finished_on_a_copy_of_the_thread(agent, thread_id):
    copy = config(f"copy of {thread_id}")
    messages = agent.get_state(config(thread_id)).values["messages"]
    agent.update_state(copy, {"messages": messages}, as_node="llm")
    return agent.invoke(None, copy)["messages"][-1].text


@wrong(
    "1.4",
    0,
    goes_on_after_an_error="resume must return the text of the answer that the crashed run did not",
    resumes_two_calls="resume must return the text of the answer that the crashed run did not",
    goes_on_after_a_kill="resume must return the text of the answer that the crashed run did not",
)
def the_first_answer_of_the_thread(agent, thread_id):
    messages = agent.invoke(None, config(thread_id))["messages"]
    return next(message.text for message in messages if message.type == "ai" and message.text)


@wrong(
    "1.4",
    0,
    goes_on_after_an_error="resume must return the text of the answer that the crashed run did not",
    resumes_two_calls="resume must return the text of the answer that the crashed run did not",
    goes_on_after_a_kill="resume must return the text of the answer that the crashed run did not",
)
def a_sentence_at_most(agent, thread_id):
    text = agent.invoke(None, config(thread_id))["messages"][-1].text
    return text if len(text) > 100 else text.split(",")[0]


@wrong(
    "1.4",
    1,
    resumes_two_calls="The run was given a new input instead of being let go on",
    goes_on_after_a_kill="resume raised an error on a thread whose next is empty",
)
def sent_to_the_node_that_is_next(agent, thread_id):
    waiting = agent.get_state(config(thread_id)).next
    state = agent.invoke(Command(goto=waiting), config(thread_id))
    return state["messages"][-1].text


@wrong(
    "1.4",
    1,
    resumes_two_calls="A tool was run again whose result is saved already",
    goes_on_after_a_kill="The model was asked again for what is saved already",
)
def from_the_newest_checkpoint_by_its_id(agent, thread_id):
    newest = next(agent.get_state_history(config(thread_id)))
    return agent.invoke(None, newest.config)["messages"][-1].text


@wrong("1.4", 2, goes_on_after_a_kill="but its last message is no answer yet")
def an_empty_next_is_the_end(agent, thread_id):
    snapshot = agent.get_state(config(thread_id))
    if not snapshot.next:
        return snapshot.values["messages"][-1].text
    return agent.invoke(None, config(thread_id))["messages"][-1].text


@wrong(
    "1.4",
    0,
    "the model refuses what it is sent",
    goes_on_after_an_error="The run was given a new input instead of being let go on",
    resumes_two_calls="The run was given a new input instead of being let go on",
    goes_on_after_a_kill="The question was asked again, instead of the same run going on",
)
def the_question_put_in_again(agent, thread_id):
    messages = agent.get_state(config(thread_id)).values["messages"]
    text = [message.text for message in messages if message.type == "human"][-1]
    return agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.4",
    0,
    "the recorded model knows no such result",
    goes_on_after_an_error="The model was sent what a tool had not said",
    resumes_two_calls="resume raised an error with another compiled graph",
    goes_on_after_a_kill="The run was given a new input instead of being let go on",
)
def the_results_written_by_hand(agent, thread_id):
    calls = agent.get_state(config(thread_id)).values["messages"][-1].tool_calls
    told = [ToolMessage("The search is down.", tool_call_id=call["id"]) for call in calls]
    agent.update_state(config(thread_id), {"messages": told}, as_node="action")
    return agent.invoke(None, config(thread_id))["messages"][-1].text


@wrong(
    "1.4",
    0,
    "the first event has no answer",
    goes_on_after_an_error="resume stopped before the run had come to its answer",
    resumes_two_calls="but its last message is no answer yet",
    goes_on_after_a_kill="but its last message is no answer yet",
)
def the_first_event(agent, thread_id):
    event = next(agent.stream(None, config(thread_id)))
    return next(iter(event.values()))["messages"][-1].text


@wrong("1.4", 2, resumes_two_calls="resume must return the text of the answer that the crashed run did not")
def its_content_as_it_came(agent, thread_id):
    return agent.invoke(None, config(thread_id))["messages"][-1].content


@wrong(
    "1.4",
    0,
    "there is no answer yet",
    goes_on_after_an_error="but its last message is no answer yet",
    resumes_two_calls="but its last message is no answer yet",
    goes_on_after_a_kill="but its last message is no answer yet",
)
def what_is_saved_already(agent, thread_id):
    return agent.get_state(config(thread_id)).values["messages"][-1].text


@wrong("1.4", 2, resumes_two_calls="A tool was run again whose result is saved already")
def the_checkpoint_named_unless_next_is_empty(agent, thread_id):
    newest = agent.get_state(config(thread_id))
    place = newest.config if newest.next else config(thread_id)
    return agent.invoke(None, place)["messages"][-1].text


@wrong(
    "1.4", 2, goes_on_after_an_error="resume returned more than the answer: also the text of other messages"
)
def all_that_the_model_says_as_it_goes_on(agent, thread_id):
    return all_said(agent.stream(None, config(thread_id)))


@wrong(
    "1.4",
    0,
    "the example returns one text",
    goes_on_after_an_error="resume returned more than the answer: also the text of other messages",
    resumes_two_calls="resume returned more than the answer: also the text of other messages",
    goes_on_after_a_kill="resume returned more than the answer: also the text of other messages",
)
def every_text_of_the_thread(agent, thread_id):
    return " ".join(message.text for message in agent.invoke(None, config(thread_id))["messages"])


@wrong("1.4", 2, goes_on_after_an_error="resume stopped before the run had come to its answer")
def until_the_model_has_said_something(agent, thread_id):
    for event in agent.stream(None, config(thread_id)):
        for update in event.values():
            said = [message.text for message in update.get("messages", []) if message.type == "ai"]
            if any(said):
                return said[-1]
    return ""


@wrong("1.4", 2, goes_on_after_a_kill="resume wrote a checkpoint by hand")
def the_missing_checkpoint_written_by_hand(agent, thread_id):
    if not agent.get_state(config(thread_id)).next:
        agent.update_state(config(thread_id), {"messages": []}, as_node="llm")
    return agent.invoke(None, config(thread_id))["messages"][-1].text


# 1.5


EARLIER = "There are rows of an earlier call: each call of history must begin with"


@wrong(
    "1.5",
    0,
    "the example calls it once",
    one_row_per_checkpoint=EARLIER,
    lists_all_branches=EARLIER,
    tells_true_parents=EARLIER,
)
def added_to_the_rows_of_an_earlier_call(agent, thread_id):
    # A default argument would keep them for the next test as well.
    rows = [{"id": "1f0", "step": -1, "source": "input", "next": (), "messages": 0, "parent": None}]
    rows.extend(row(snapshot) for snapshot in agent.get_state_history(config(thread_id)))
    return rows


@wrong("1.5", 2, tells_true_parents="parent must be the id of the checkpoint that this one came from")
def the_parent_is_the_next_row(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    for newer, older in zip(rows, [*rows[1:], {"id": None}], strict=True):
        newer["parent"] = older["id"]
    return rows


@wrong("1.5", 2, tells_true_parents="parent must be the id of the checkpoint that this one came from")
def the_parent_is_one_step_before(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    by_step = {found["step"]: found["id"] for found in rows}
    return [{**found, "parent": by_step.get(found["step"] - 1)} for found in rows]


@wrong("1.5", 2, tells_true_parents="parent must be the id of the checkpoint that this one came from")
def the_parent_is_a_config(agent, thread_id):
    snapshots = agent.get_state_history(config(thread_id))
    return [{**row(snapshot), "parent": snapshot.parent_config} for snapshot in snapshots]


@wrong(
    "1.5",
    1,
    lists_all_branches="There must be exactly one row for each checkpoint of the thread",
    tells_true_parents="There must be exactly one row for each checkpoint of the thread",
)
def the_current_branch_only(agent, thread_id):
    snapshot, rows = agent.get_state(config(thread_id)), []
    while snapshot.config["configurable"].get("checkpoint_id"):
        rows.append(row(snapshot))
        if snapshot.parent_config is None:
            break
        snapshot = agent.get_state(snapshot.parent_config)
    return rows


@wrong(
    "1.5",
    1,
    lists_all_branches="There must be exactly one row for each checkpoint of the thread",
    tells_true_parents="There must be exactly one row for each checkpoint of the thread",
)
def one_row_for_each_step(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    return list({found["step"]: found for found in rows}.values())


@wrong(
    "1.5",
    1,
    lists_all_branches="The oldest checkpoints are missing: history stops too early",
    tells_true_parents="The oldest checkpoints are missing: history stops too early",
)
def the_newest_ten(agent, thread_id):
    return [row(snapshot) for snapshot in agent.get_state_history(config(thread_id), limit=10)]


@wrong("1.5", 2, one_row_per_checkpoint="A row must say what its own checkpoint holds")
def the_first_of_the_next_nodes(agent, thread_id):
    snapshots = agent.get_state_history(config(thread_id))
    return [{**row(found), "next": found.next[0] if found.next else None} for found in snapshots]


@wrong("1.5", 2, one_row_per_checkpoint="A row must say what its own checkpoint holds")
def the_nodes_that_ran_instead_of_those_to_come(agent, thread_id):
    snapshots = list(agent.get_state_history(config(thread_id)))
    before = [*snapshots[1:], None]
    return [
        {**row(found), "next": tuple(older.next) if older else ()}
        for found, older in zip(snapshots, before, strict=True)
    ]


@wrong(
    "1.5",
    0,
    one_row_per_checkpoint="There must be exactly one row for each checkpoint of the thread",
    lists_all_branches="There must be exactly one row for each checkpoint of the thread",
    tells_true_parents="There must be exactly one row for each checkpoint of the thread",
)
def the_first_three_and_the_ends_of_turns(agent, thread_id):
    snapshots = list(agent.get_state_history(config(thread_id)))
    return [row(found) for found in snapshots if found.metadata["step"] < 2 or not found.next]


NO_LIST = "must return a list of dicts"
NO_KEYS = "needs all six keys"


@wrong(
    "1.5",
    0,
    one_row_per_checkpoint="history must return a list of dicts",
    lists_all_branches="history must return a list of dicts",
    tells_true_parents="history must return a list of dicts",
)
def a_generator(agent, thread_id):
    return (row(snapshot) for snapshot in agent.get_state_history(config(thread_id)))


@wrong(
    "1.5",
    0,
    one_row_per_checkpoint="Every row needs all six keys",
    lists_all_branches="Every row needs all six keys",
    tells_true_parents="Every row needs all six keys",
)
def only_the_keys_that_the_example_shows(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    return [{key: found[key] for key in ("step", "source", "messages")} for found in rows]


@wrong("1.5", 2, lists_all_branches="step and source must still be those of the checkpoint itself")
def steps_by_counting(agent, thread_id):
    oldest_first = [*agent.get_state_history(config(thread_id))][::-1]
    return [{**row(found), "step": number} for number, found in enumerate(oldest_first, start=-1)]


@wrong(
    "1.5",
    0,
    one_row_per_checkpoint="id must be the id of the checkpoint",
    lists_all_branches="id must be the id of the checkpoint",
    tells_true_parents="id must be the id of the checkpoint",
)
def the_thread_for_the_id(agent, thread_id):
    return [{**row(found), "id": thread_id} for found in agent.get_state_history(config(thread_id))]


@wrong(
    "1.5",
    0,
    "the example has a first checkpoint",
    one_row_per_checkpoint="The very first checkpoint came from no other one",
    lists_all_branches="The very first checkpoint came from no other one",
    tells_true_parents="The very first checkpoint came from no other one",
)
def the_first_has_a_parent_too(agent, thread_id):
    found = agent.get_state_history(config(thread_id))
    return [{**row(s), "parent": s.parent_config["configurable"]["checkpoint_id"]} for s in found]


@wrong(
    "1.5",
    0,
    "the example has another thread",
    one_row_per_checkpoint="the thread that history is given was not the one that was read",
    lists_all_branches="the thread that history is given was not the one that was read",
    tells_true_parents="the thread that history is given was not the one that was read",
)
def the_lab_s_thread(agent, thread_id):
    return [row(found) for found in agent.get_state_history(config("1"))]


@wrong("1.5", 2, one_row_per_checkpoint="There are rows of checkpoints that are not of this thread")
def everybody_s_checkpoints(agent, thread_id):
    return [row(agent.get_state(saved.config)) for saved in list(agent.checkpointer.list(None))]


@wrong(
    "1.5",
    0,
    one_row_per_checkpoint="The checkpoints of the thread must be left as they are",
    lists_all_branches="The checkpoints of the thread must be left as they are",
    tells_true_parents="The checkpoints of the thread must be left as they are",
)
def a_note_left_on_the_thread(agent, thread_id):
    rows = [row(found) for found in agent.get_state_history(config(thread_id))]
    agent.update_state(config(thread_id), {"messages": [("user", "read")]}, as_node="llm")
    return rows


@wrong(
    "1.5",
    0,
    "nothing comes back",
    one_row_per_checkpoint="history must return a list of dicts",
    lists_all_branches="history must return a list of dicts",
    tells_true_parents="history must return a list of dicts",
)
def printed_as_the_lab_does(agent, thread_id):
    for found in agent.get_state_history(config(thread_id)):
        print(found.metadata["step"], found.next)


@wrong(
    "1.5",
    2,
    "the example shows the number",
    one_row_per_checkpoint="A row must say what its own checkpoint holds",
)
def questions_counted_instead_of_messages(agent, thread_id):
    snapshots = agent.get_state_history(config(thread_id))
    return [{**row(found), "messages": humans(found)} for found in snapshots]


# 1.6


@wrong(
    "1.6",
    2,
    rewinds_again="What was kept belongs to another branch than the one that the thread",
    follows_the_current_branch="a turn before the one that is asked anew is missing",
)
def the_nth_question_in_the_whole_list(agent, thread_id, turn, text):
    history = agent.get_state_history(config(thread_id))
    inputs = [snapshot for snapshot in reversed(list(history)) if snapshot.metadata["source"] == "input"]
    return agent.invoke({"messages": [("user", text)]}, inputs[turn - 1].config)["messages"][-1].text


@wrong(
    "1.6",
    2,
    rewinds_again="a turn before the one that is asked anew is missing",
    follows_the_current_branch="a turn before the one that is asked anew is missing",
)
def the_nth_input_on_the_way_to_the_tip(agent, thread_id, turn, text):
    snapshot, inputs = agent.get_state(config(thread_id)), []
    while True:
        if snapshot.metadata["source"] == "input":
            inputs.append(snapshot)
        if snapshot.parent_config is None:
            break
        snapshot = agent.get_state(snapshot.parent_config)
    place = inputs[::-1][turn - 1]
    return agent.invoke({"messages": [("user", text)]}, place.config)["messages"][-1].text


@wrong(
    "1.6", 3, keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn"
)
def messages_removed_at_the_tip(agent, thread_id, turn, text):
    messages = agent.get_state(config(thread_id)).values["messages"]
    at = [number for number, message in enumerate(messages) if message.type == "human"][turn - 1]
    removed = [RemoveMessage(message.id) for message in messages[at:]]
    return agent.invoke({"messages": [*removed, ("user", text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.6", 3, keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn"
)
def the_question_edited_in_place(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    parent = agent.get_state(snapshot.parent_config)
    while humans(parent) >= turn:
        snapshot, parent = parent, agent.get_state(parent.parent_config)
    asked = HumanMessage(text, id=snapshot.values["messages"][-1].id)
    edited = agent.update_state(snapshot.config, {"messages": [asked]}, as_node="__start__")
    return agent.invoke(None, edited)["messages"][-1].text


@wrong(
    "1.6",
    2,
    keeps_the_old_branch="Every old checkpoint must still be there, as it was",
    follows_the_current_branch="The old branch is gone, so the thread cannot follow it again",
)
def the_thread_written_anew(agent, thread_id, turn, text):
    messages = agent.get_state(config(thread_id)).values["messages"]
    at = [number for number, message in enumerate(messages) if message.type == "human"][turn - 1]
    agent.checkpointer.delete_thread(thread_id)
    if messages[:at]:
        agent.update_state(config(thread_id), {"messages": messages[:at]}, as_node="llm")
    return agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.6",
    0,
    branches_off="From now on the thread must follow the new branch",
    starts_over="From now on the thread must follow the new branch",
    keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn",
    rewinds_again="From now on the thread must follow the new branch",
    follows_the_current_branch="From now on the thread must follow the new branch",
)
def on_a_copy_of_the_thread(agent, thread_id, turn, text):
    messages = agent.get_state(config(thread_id)).values["messages"]
    at = [number for number, message in enumerate(messages) if message.type == "human"][turn - 1]
    copy = config(f"{thread_id}, from turn {turn}")
    agent.update_state(copy, {"messages": messages[:at]}, as_node="llm")
    return agent.invoke({"messages": [("user", text)]}, copy)["messages"][-1].text


@wrong(
    "1.6",
    2.5,
    starts_over="rewind found no place to begin for turn 1",
    follows_the_current_branch="What was kept belongs to another branch than the one that the thread",
)
def never_the_very_beginning(agent, thread_id, turn, text):
    history = agent.get_state_history(config(thread_id))
    ends = [s for s in history if s.next == () and humans(s) == turn - 1 and s.metadata["source"] == "loop"]
    return agent.invoke({"messages": [("user", text)]}, ends[0].config)["messages"][-1].text


@wrong(
    "1.6",
    0.5,
    branches_off="the turn that is asked anew, or one after it, is still there",
    keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn",
    rewinds_again="the turn that is asked anew, or one after it, is still there",
    follows_the_current_branch="the turn that is asked anew, or one after it, is still there",
)
def turns_counted_in_steps_of_four(agent, thread_id, turn, text):
    history = agent.get_state_history(config(thread_id))
    place = next(s for s in history if s.metadata["step"] == 5 * (turn - 1) - 2 + (turn == 1))
    return agent.invoke({"messages": [("user", text)]}, place.config)["messages"][-1].text


@wrong(
    "1.6",
    3,
    follows_the_current_branch="What was kept belongs to another branch than the one that the thread",
)
def the_newest_in_the_list_that_is_early_enough(agent, thread_id, turn, text):
    history = agent.get_state_history(config(thread_id))
    place = next(snapshot for snapshot in history if humans(snapshot) == turn - 1)
    return agent.invoke({"messages": [("user", text)]}, place.config)["messages"][-1].text


@wrong(
    "1.6",
    0,
    branches_off="a turn before the one that is asked anew is missing",
    starts_over="the turn that is asked anew, or one after it, is still there",
    keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn",
    rewinds_again="a turn before the one that is asked anew is missing",
    follows_the_current_branch="a turn before the one that is asked anew is missing",
)
def the_lab_s_cell_about_oslo(agent, thread_id, turn, text):
    after_first = next(
        s
        for s in agent.get_state_history(config(thread_id))
        if s.next == () and len(s.values["messages"]) == 4
    )
    return agent.invoke({"messages": [HumanMessage(text)]}, after_first.config)["messages"][-1].text


@wrong(
    "1.6",
    0,
    branches_off="the turn that is asked anew, or one after it, is still there",
    starts_over="the turn that is asked anew, or one after it, is still there",
    keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn",
    rewinds_again="the turn that is asked anew, or one after it, is still there",
    follows_the_current_branch="the turn that is asked anew, or one after it, is still there",
)
def asked_at_the_end(agent, thread_id, turn, text):
    return agent.invoke({"messages": [HumanMessage(text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.6",
    0.5,
    branches_off="The model refused the conversation: a tool call has no answer",
    keeps_the_old_branch="The model refused the conversation: a tool call has no answer",
    rewinds_again="the turn that is asked anew, or one after it, is still there",
    follows_the_current_branch="the turn that is asked anew, or one after it, is still there",
)
def four_messages_in_each_turn(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while len(snapshot.values.get("messages", [])) > 4 * (turn - 1):
        snapshot = agent.get_state(snapshot.parent_config)
    return agent.invoke({"messages": [HumanMessage(text)]}, snapshot.config)["messages"][-1].text


@wrong("1.6", 3.5, starts_over="the turn that is asked anew, or one after it, is still there")
def a_new_run_on_the_thread_for_turn_one(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= turn:
        snapshot = agent.get_state(snapshot.parent_config)
    place = snapshot.config if turn > 1 else config(thread_id)
    return agent.invoke({"messages": [HumanMessage(text)]}, place)["messages"][-1].text


@wrong(
    "1.6",
    0.5,
    "the example goes back to turn 2",
    branches_off="a turn before the one that is asked anew is missing",
    keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn",
    rewinds_again="a turn before the one that is asked anew is missing",
    follows_the_current_branch="a turn before the one that is asked anew is missing",
)
def one_turn_too_far_back(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= max(turn - 1, 1):
        snapshot = agent.get_state(snapshot.parent_config)
    return agent.invoke({"messages": [HumanMessage(text)]}, snapshot.config)["messages"][-1].text


@wrong("1.6", 3.5, branches_off="rewind must return the text of the new answer")
def the_content_of_the_new_answer(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= turn:
        snapshot = agent.get_state(snapshot.parent_config)
    return agent.invoke({"messages": [HumanMessage(text)]}, snapshot.config)["messages"][-1].content


@wrong("1.6", 3.5, branches_off="rewind returned more than the new answer: also the text of other messages")
def all_that_the_model_says_in_the_new_run(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= turn:
        snapshot = agent.get_state(snapshot.parent_config)
    return all_said(agent.stream({"messages": [HumanMessage(text)]}, snapshot.config))


@wrong("1.6", 3.5, branches_off="rewind must return the text of the new answer")
def the_first_that_the_model_says_in_the_new_run(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= turn:
        snapshot = agent.get_state(snapshot.parent_config)
    known = len(snapshot.values.get("messages", []))
    new = agent.invoke({"messages": [HumanMessage(text)]}, snapshot.config)["messages"][known:]
    return next(message.text for message in new if message.type == "ai" and message.text)


@wrong("1.6", 3.5, branches_off="a turn before the one that is asked anew is missing")
def found_by_the_words_of_the_old_question(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    old = [message.text for message in snapshot.values["messages"] if message.type == "human"][turn - 1]
    while old in [message.text for message in snapshot.values.get("messages", [])]:
        snapshot = agent.get_state(snapshot.parent_config)
    return agent.invoke({"messages": [HumanMessage(text)]}, snapshot.config)["messages"][-1].text


@wrong("1.6", 3.5, branches_off="rewind ran the agent more than once for one question")
def the_new_run_shown_first_and_made_again(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= turn:
        snapshot = agent.get_state(snapshot.parent_config)
    question = {"messages": [HumanMessage(text)]}
    for _ in agent.stream(question, snapshot.config):
        pass
    return agent.invoke(question, snapshot.config)["messages"][-1].text


@wrong("1.6", 3.5, branches_off="rewind ran the agent more than once for one question")
def the_old_turn_replayed_first(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    while humans(snapshot) >= turn:
        snapshot = agent.get_state(snapshot.parent_config)
    agent.invoke(None, snapshot.config)
    return agent.invoke({"messages": [HumanMessage(text)]}, snapshot.config)["messages"][-1].text


@wrong(
    "1.6", 3, keeps_the_old_branch="The new branch must leave the old one where turn 2 is answered and turn"
)
def the_turns_before_put_in_again_at_the_beginning(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    messages = snapshot.values["messages"]
    at = [number for number, message in enumerate(messages) if message.type == "human"][turn - 1]
    while snapshot.parent_config:
        snapshot = agent.get_state(snapshot.parent_config)
    given = {"messages": [*messages[:at], HumanMessage(text)]}
    return agent.invoke(given, snapshot.config)["messages"][-1].text


@wrong("1.4", 2, resumes_two_calls="the answer that the crashed run did not get to")
def answer_of_a_node_called_llm(agent, thread_id):
    answer = ""
    for event in agent.stream(None, config(thread_id), stream_mode="updates"):
        if "llm" in event:
            answer = event["llm"]["messages"][-1].text
    return answer
