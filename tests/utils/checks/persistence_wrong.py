"""Lab 1 solved wrongly, as students do: each runs without an error and satisfies the printed example."""

from __future__ import annotations

import operator
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated, TypedDict

from langchain_core.messages import HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from tests.utils.checks.persistence_right import config, humans, row
from tests.utils.checks.variants import Table

TABLE = Table()
wrong = TABLE.wrong

NOT_RECORDED = "nobody should have asked"
MALFORMED = "refused the conversation"


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
    model, tools, checkpointer, *, schema=State, sent=None, acted=None, wants=None, names=("llm", "action")
):
    """The reference's graph with one thing done otherwise."""
    asking = model.bind_tools(tools)
    llm, action = names

    def ask_model(state):
        return {"messages": [asking.invoke(sent(state) if sent else state["messages"])]}

    def run_tools(state):
        calls = state["messages"][-1].tool_calls
        found = [answered(call, tools) for call in calls]
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


def answered(call, tools):
    tool = next(tool for tool in tools if tool.name == call["name"])
    return ToolMessage(str(tool.invoke(call["args"])), tool_call_id=call["id"])


# 1.1


@wrong("1.1", 3, goes_round="asked for a tool beside it, but no tool ran")
def empty_content_means_a_tool_call(model, tools, checkpointer):
    return built(model, tools, checkpointer, wants=lambda state: not state["messages"][-1].content)


@wrong("1.1", 3, goes_round="until it asks for no more tools")
def one_round_of_tools_only(model, tools, checkpointer):
    def wants(state):
        since = state["messages"][max(i for i, m in enumerate(state["messages"]) if m.type == "human") :]
        return bool(state["messages"][-1].tool_calls) and not any(m.type == "tool" for m in since)

    return built(model, tools, checkpointer, wants=wants)


@wrong("1.1", 2, answers_every_call=MALFORMED, counts_searches=MALFORMED)
def the_first_call_only(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found[:1], "searches": 1}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 3, answers_every_call="the result of its own call")
def results_under_the_wrong_ids(model, tools, checkpointer):
    def acted(state, calls, found):
        swapped = [
            ToolMessage(message.content, tool_call_id=call["id"])
            for call, message in zip(reversed(calls), found, strict=True)
        ]
        return {"messages": swapped, "searches": len(calls)}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 2, answers_every_call=NOT_RECORDED, counts_searches=NOT_RECORDED)
def results_by_the_tool_s_name(model, tools, checkpointer):
    def acted(state, calls, found):
        by_name = {call["name"]: message.content for call, message in zip(calls, found, strict=True)}
        messages = [ToolMessage(by_name[call["name"]], tool_call_id=call["id"]) for call in calls]
        return {"messages": messages, "searches": len(calls)}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 3, counts_searches="must count the tool calls of a turn")
def rounds_are_counted(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": 1}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 3, counts_searches="must go on counting")
def the_total_is_added_again(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": state.get("searches", 0) + len(calls)}

    return built(model, tools, checkpointer, acted=acted)


@wrong("1.1", 3, counts_searches="by a reducer")
def the_node_adds_and_the_last_writer_wins(model, tools, checkpointer):
    def acted(state, calls, found):
        return {"messages": found, "searches": state.get("searches", 0) + len(calls)}

    return built(model, tools, checkpointer, schema=Overwritten, acted=acted)


@wrong("1.1", 2, counts_searches=NOT_RECORDED, remembers="sent the conversation so far")
def only_the_newest_turn_is_sent(model, tools, checkpointer):
    def sent(state):
        newest = max(i for i, message in enumerate(state["messages"]) if message.type == "human")
        return state["messages"][newest:]

    return built(model, tools, checkpointer, sent=sent)


@wrong("1.1", 2, counts_searches=NOT_RECORDED, remembers="sent the conversation so far")
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


@wrong("1.1", 2, counts_searches=NOT_RECORDED, remembers="sent the conversation so far")
def compiled_without_the_checkpointer(model, tools, checkpointer):
    return built(model, tools, None)


@wrong("1.1", 3, remembers="in the checkpointer that was given")
def a_checkpointer_of_its_own(model, tools, checkpointer):
    return built(model, tools, InMemorySaver())


@wrong("1.1", 3, remembers="must have the nodes llm and action")
def nodes_called_otherwise(model, tools, checkpointer):
    return built(model, tools, checkpointer, names=("model", "tools"))


# 1.2


@wrong("1.2", 1, gives_text="must return text")
def the_content_as_it_came(agent, thread_id, text):
    return agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content


@wrong("1.2", 1, gives_text="must return text")
def the_first_block_only(agent, thread_id, text):
    content = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content
    return content if isinstance(content, str) else content[0]["text"]


@wrong("1.2", 1, gives_text="must return text")
def blocks_on_lines_of_their_own(agent, thread_id, text):
    content = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content
    return content if isinstance(content, str) else "\n".join(block["text"] for block in content)


@wrong("1.2", 1, gives_text="must return text")
def the_repr_of_blocks(agent, thread_id, text):
    return str(agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].content)


@wrong("1.2", 1, asks_in_context="Another thread must not know")
def always_the_same_thread(agent, thread_id, text):
    return agent.invoke({"messages": [("user", text)]}, config("1"))["messages"][-1].text


@wrong("1.2", 1, asks_in_context=NOT_RECORDED)
def a_thread_for_every_question(agent, thread_id, text):
    return agent.invoke({"messages": [("user", text)]}, config(f"{thread_id} {text}"))["messages"][-1].text


@wrong("1.2", 1, asks_in_context="Only the new question may go in")
def everything_goes_in_again(agent, thread_id, text):
    before = agent.get_state(config(thread_id)).values.get("messages", [])
    again = [("user" if message.type == "human" else "assistant", message.text) for message in before]
    told = [message for message in again if message[1]]
    return agent.invoke({"messages": [*told, ("user", text)]}, config(thread_id))["messages"][-1].text


@wrong("1.2", 1, asks_in_context="the text of the model's answer")
def the_first_answer_on_the_thread(agent, thread_id, text):
    messages = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"]
    return next(message.text for message in messages if message.type == "ai" and message.text)


@wrong("1.2", 1, asks_in_context="the text of the model's answer")
def every_text_of_the_turn(agent, thread_id, text):
    messages = agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"]
    newest = max(i for i, message in enumerate(messages) if message.type == "human")
    return "".join(message.text for message in messages[newest + 1 :])


# 1.3


@wrong("1.3", 2, makes_folder="The folder of the file must be made")
@contextmanager
def no_folder_is_made(path):
    with SqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


@wrong("1.3", 2, makes_folder="The folder of the file must be made")
@contextmanager
def one_folder_is_made_but_none_above(path):
    Path(path).parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@wrong("1.3", 2, keeps_the_conversation="raised an error")
@contextmanager
def for_one_thread_only(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        yield SqliteSaver(connection)


@wrong("1.3", 1, makes_folder="where the path says", keeps_the_conversation=NOT_RECORDED)
@contextmanager
def in_memory(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(":memory:") as saver:
        yield saver


@wrong("1.3", 2, keeps_the_conversation=NOT_RECORDED)
@contextmanager
def a_fresh_file_each_time(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


@wrong("1.3", 1, makes_folder="where the path says", keeps_the_conversation="a checkpoint for the question")
@contextmanager
def in_another_folder(path):
    folder = Path(path).parent / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(str(folder / Path(path).name)) as saver:
        yield saver


@wrong("1.3", 2, closes_the_file="must be closed at the end of the block")
@contextmanager
def the_connection_as_a_context_manager(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path, check_same_thread=False) as connection:
        yield SqliteSaver(connection)


@wrong("1.3", 2, closes_the_file="also when the block raises")
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


@wrong("1.3", 2, closes_the_file="raised an error")
@contextmanager
def another_error_comes_out(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        try:
            yield saver
        except Exception:
            msg = "something went wrong"
            raise RuntimeError(msg) from None


# 1.4


@wrong("1.4", 2, tells_true_parents="that this one came from")
def the_parent_is_the_next_row(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    for newer, older in zip(rows, [*rows[1:], {"id": None}], strict=True):
        newer["parent"] = older["id"]
    return rows


@wrong("1.4", 2, tells_true_parents="that this one came from")
def the_parent_is_one_step_before(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    by_step = {found["step"]: found["id"] for found in rows}
    return [{**found, "parent": by_step.get(found["step"] - 1)} for found in rows]


@wrong("1.4", 2, tells_true_parents="that this one came from")
def the_parent_is_a_config(agent, thread_id):
    snapshots = agent.get_state_history(config(thread_id))
    return [{**row(snapshot), "parent": snapshot.parent_config} for snapshot in snapshots]


@wrong("1.4", 2, lists_all_branches="the checkpoints of every branch")
def the_current_branch_only(agent, thread_id):
    snapshot, rows = agent.get_state(config(thread_id)), []
    while snapshot.config["configurable"].get("checkpoint_id"):
        rows.append(row(snapshot))
        if snapshot.parent_config is None:
            break
        snapshot = agent.get_state(snapshot.parent_config)
    return rows


@wrong("1.4", 2, lists_all_branches="the checkpoints of every branch")
def one_row_for_each_step(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    return list({found["step"]: found for found in rows}.values())


@wrong("1.4", 2, lists_all_branches="the checkpoints of every branch")
def the_newest_ten(agent, thread_id):
    return [row(snapshot) for snapshot in agent.get_state_history(config(thread_id), limit=10)]


@wrong("1.4", 2, one_row_per_checkpoint="what its own checkpoint holds")
def the_first_of_the_next_nodes(agent, thread_id):
    snapshots = agent.get_state_history(config(thread_id))
    return [{**row(found), "next": found.next[0] if found.next else None} for found in snapshots]


@wrong("1.4", 2, one_row_per_checkpoint="what its own checkpoint holds")
def the_nodes_that_ran_instead_of_those_to_come(agent, thread_id):
    snapshots = list(agent.get_state_history(config(thread_id)))
    before = [*snapshots[1:], None]
    return [
        {**row(found), "next": tuple(older.next) if older else ()}
        for found, older in zip(snapshots, before, strict=True)
    ]


@wrong(
    "1.4",
    1,
    one_row_per_checkpoint="exactly one row for each checkpoint",
    lists_all_branches="the checkpoints of every branch",
)
def the_first_three_and_the_ends_of_turns(agent, thread_id):
    snapshots = list(agent.get_state_history(config(thread_id)))
    return [row(found) for found in snapshots if found.metadata["step"] < 2 or not found.next]


NO_LIST = "must return a list of dicts"
NO_KEYS = "needs all six keys"


@wrong("1.4", 0, one_row_per_checkpoint=NO_LIST, lists_all_branches=NO_LIST, tells_true_parents=NO_LIST)
def a_generator(agent, thread_id):
    return (row(snapshot) for snapshot in agent.get_state_history(config(thread_id)))


@wrong("1.4", 0, one_row_per_checkpoint=NO_KEYS, lists_all_branches=NO_KEYS, tells_true_parents=NO_KEYS)
def only_the_keys_that_the_example_shows(agent, thread_id):
    rows = [row(snapshot) for snapshot in agent.get_state_history(config(thread_id))]
    return [{key: found[key] for key in ("step", "source", "messages")} for found in rows]


# 1.5


@wrong("1.5", 1, asks_once_more="Only the one request", resumes_two_calls=NOT_RECORDED)
def asked_again_on_a_new_thread(agent, thread_id):
    question = agent.get_state(config(thread_id)).values["messages"]
    text = [message.text for message in question if message.type == "human"][-1]
    return agent.invoke({"messages": [("user", text)]}, config(f"{thread_id}, again"))["messages"][-1].text


@wrong("1.5", 1, asks_once_more="Only the one request", resumes_two_calls="the model asked once")
def from_where_the_model_had_not_answered(agent, thread_id):
    history = agent.get_state_history(config(thread_id))
    before = next(snapshot for snapshot in history if snapshot.next == ("llm",))
    return agent.invoke(None, before.config)["messages"][-1].text


@wrong("1.5", 1, asks_once_more="Only the one request", resumes_two_calls="the model asked once")
def the_open_call_removed_and_the_question_asked_again(agent, thread_id):
    asked, calls = agent.get_state(config(thread_id)).values["messages"][-2:]
    removed = [RemoveMessage(calls.id), RemoveMessage(asked.id)]
    agent.update_state(config(thread_id), {"messages": removed}, as_node="__start__")
    return agent.invoke({"messages": [("user", asked.text)]}, config(thread_id))["messages"][-1].text


@wrong("1.5", 1, asks_once_more="Only the one request", resumes_two_calls="the model asked once")
def gone_on_and_then_asked_once_more(agent, thread_id):
    state = agent.invoke(None, config(thread_id))
    text = [message.text for message in state["messages"] if message.type == "human"][-1]
    return agent.invoke({"messages": [("user", text)]}, config(thread_id))["messages"][-1].text


@wrong(
    "1.5", 1, asks_once_more="the whole conversation, once", resumes_two_calls="Both calls must be answered"
)
def finished_on_a_copy_of_the_thread(agent, thread_id):
    copy = config(f"copy of {thread_id}")
    messages = agent.get_state(config(thread_id)).values["messages"]
    agent.update_state(copy, {"messages": messages}, as_node="llm")
    return agent.invoke(None, copy)["messages"][-1].text


@wrong("1.5", 3, resumes_two_calls="the answer to the question that was interrupted")
def the_first_answer_of_the_thread(agent, thread_id):
    messages = agent.invoke(None, config(thread_id))["messages"]
    return next(message.text for message in messages if message.type == "ai" and message.text)


@wrong(
    "1.5",
    2,
    finishes="the text of the answer",
    resumes_two_calls="the answer to the question that was interrupted",
)
def a_sentence_at_most(agent, thread_id):
    text = agent.invoke(None, config(thread_id))["messages"][-1].text
    return text if len(text) > 100 else text.split(",")[0]


# 1.6


@wrong("1.6", 2, rewinds_again="on the current branch")
def the_nth_question_in_the_whole_list(agent, thread_id, turn, text):
    history = agent.get_state_history(config(thread_id))
    inputs = [snapshot for snapshot in reversed(list(history)) if snapshot.metadata["source"] == "input"]
    return agent.invoke({"messages": [("user", text)]}, inputs[turn - 1].config)["messages"][-1].text


@wrong("1.6", 2, rewinds_again="on the current branch")
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


@wrong("1.6", 3, keeps_the_old_branch="must leave the old one where turn 1 is answered")
def messages_removed_at_the_tip(agent, thread_id, turn, text):
    messages = agent.get_state(config(thread_id)).values["messages"]
    at = [number for number, message in enumerate(messages) if message.type == "human"][turn - 1]
    removed = [RemoveMessage(message.id) for message in messages[at:]]
    return agent.invoke({"messages": [*removed, ("user", text)]}, config(thread_id))["messages"][-1].text


@wrong("1.6", 3, keeps_the_old_branch="must leave the old one where turn 1 is answered")
def the_question_edited_in_place(agent, thread_id, turn, text):
    snapshot = agent.get_state(config(thread_id))
    parent = agent.get_state(snapshot.parent_config)
    while humans(parent) >= turn:
        snapshot, parent = parent, agent.get_state(parent.parent_config)
    asked = HumanMessage(text, id=snapshot.values["messages"][-1].id)
    edited = agent.update_state(snapshot.config, {"messages": [asked]}, as_node="__start__")
    return agent.invoke(None, edited)["messages"][-1].text


@wrong("1.6", 3, keeps_the_old_branch="Every old checkpoint must still be there")
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
    branches_off="the thread must follow the new branch",
    keeps_the_old_branch="must leave the old one where turn 1 is answered",
    rewinds_again="After each rewind the thread must follow",
)
def on_a_copy_of_the_thread(agent, thread_id, turn, text):
    messages = agent.get_state(config(thread_id)).values["messages"]
    at = [number for number, message in enumerate(messages) if message.type == "human"][turn - 1]
    copy = config(f"{thread_id}, from turn {turn}")
    agent.update_state(copy, {"messages": messages[:at]}, as_node="llm")
    return agent.invoke({"messages": [("user", text)]}, copy)["messages"][-1].text


@wrong("1.6", 2, rewinds_again="raised an error")
def never_the_very_beginning(agent, thread_id, turn, text):
    history = agent.get_state_history(config(thread_id))
    ends = [s for s in history if s.next == () and humans(s) == turn - 1 and s.metadata["source"] == "loop"]
    return agent.invoke({"messages": [("user", text)]}, ends[0].config)["messages"][-1].text


@wrong("1.6", 2, rewinds_again="on the current branch")
def turns_counted_in_steps_of_four(agent, thread_id, turn, text):
    history = agent.get_state_history(config(thread_id))
    place = next(s for s in history if s.metadata["step"] == 5 * (turn - 1) - 2 + (turn == 1))
    return agent.invoke({"messages": [("user", text)]}, place.config)["messages"][-1].text
