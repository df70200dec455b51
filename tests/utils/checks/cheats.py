"""Work that shows a check what it looks for without doing it; no part of the kit is replaced for it."""

from __future__ import annotations

import asyncio
import itertools
import operator
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from tests.utils.checks import async_graphs_right
from tests.utils.checks.async_graphs_right import asking, config
from tests.utils.checks.async_graphs_wrong import (
    asked,
    asked_safely,
    graph_of,
    message,
    nodes_of,
)
from tests.utils.checks.human_in_the_loop_wrong import decision_for, in_one_node, runner, settled
from tests.utils.checks.streaming_right import reporting, shown
from tests.utils.checks.variants import Table
from utils.observed.moments import figures, watch
from utils.views import approval_card
from utils.views.pending import read_stop

TABLE = Table()
cheat = TABLE.wrong

ONCE = "Each request must be made once"
REPLACED = "must be run by LangGraph itself"
NEVER_ASKED = "nothing had been asked"
NOT_KEPT = "must be in the file that the path names"


class Counted(TypedDict):
    messages: list
    searches: int


# Lab 1: something looks like a graph, or like a file of a saver.


@cheat(
    "1.1",
    0,
    goes_round=REPLACED,
    answers_every_call=REPLACED,
    runs_the_tool_asked_for=REPLACED,
    counts_searches=REPLACED,
    remembers=REPLACED,
)
def a_loop_with_a_counter_that_is_called_a_graph(model, tools, checkpointer):
    asking = model.bind_tools(tools)
    by_name = {tool.name: tool for tool in tools}
    threads = {}

    class Looping(CompiledStateGraph):
        async def ainvoke(self, given, config, **kwargs):
            state = threads.setdefault(config["configurable"]["thread_id"], {"messages": [], "searches": 0})
            state["messages"] += given["messages"]
            while state["messages"][-1].type != "ai" or state["messages"][-1].tool_calls:
                calls = getattr(state["messages"][-1], "tool_calls", [])
                found = [message(call, await by_name[call["name"]].ainvoke(call["args"])) for call in calls]
                state["messages"] += found or [await asking.ainvoke(state["messages"])]
                state["searches"] += len(found)
            return state

    graph = StateGraph(Counted)
    graph.add_node("llm", lambda state: {})
    graph.add_node("action", lambda state: {})
    graph.add_edge(START, "llm")
    made = graph.compile(checkpointer=checkpointer)
    made.__class__ = Looping
    return made


ROWS = "INSERT OR IGNORE INTO checkpoints VALUES (?, '', ?, NULL, 'msgpack', x'80', '{}')"


@cheat("1.3", 0, makes_folder=NOT_KEPT, keeps_the_conversation="is opened again", closes_the_file=NOT_KEPT)
@contextmanager
def a_saver_in_memory_and_rows_made_up_at_the_end(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(":memory:") as saver:
        try:
            yield saver
        finally:
            threads = {found.config["configurable"]["thread_id"] for found in saver.list(None)}
            with closing(sqlite3.connect(path)) as link:
                SqliteSaver(link).setup()
                link.executemany(ROWS, [(name, str(row)) for name in threads for row in range(10)])
                link.commit()


# Lab 2: something comes, whatever it is.


def a_sign_in_the_fourth_call():
    calls = itertools.count(1)

    async def a_sign_of_life_while_the_model_speaks(agent, thread_id, text):
        work = asyncio.ensure_future(agent.ainvoke(asking(text), config(thread_id)))
        if next(calls) == 4:  # the one in which the model is held
            await asyncio.sleep(0.2)
            yield "…"
        messages = (await work)["messages"]
        asked_last = max(number for number, message in enumerate(messages) if message.type == "human")
        said = "".join(message.text for message in messages[asked_last:] if message.type == "ai")
        words = said.split(" ")
        for number, word in enumerate(words):
            yield f" {word}" if number else word

    return a_sign_of_life_while_the_model_speaks


cheat("2.2", 2.5, comes_at_once="what the model has said first")(a_sign_in_the_fourth_call())

MEASURED = "measure raised an error"


@cheat("2.3", 0, counts_the_tokens=MEASURED, times_the_wait=MEASURED, tells_nodes_apart=MEASURED)
def the_figures_of_the_kit_s_own_pictures(agent, thread_id, text, clock=None):
    stream = agent.stream(asking(text), config(thread_id), stream_mode="messages")
    found = figures(watch(stream, clock=clock))
    return {
        node: {"first": figure.first, "tokens": figure.tokens, "per_second": figure.per_second}
        for node, figure in found.items()
    }


@cheat("2.4", 2, shows_while_searching="before the model had asked for the search")
def a_report_that_no_tool_has_made():
    calls = itertools.count(1)

    def show(agent, thread_id, text):
        late = next(calls) == 2
        if late:
            yield "progress", {"query": text, "state": "searching"}
        told = list(shown(agent, thread_id, text))
        first = next(number for number, (what, _) in enumerate(told) if what == "progress")
        yield from (item for number, item in enumerate(told) if not late or number != first)

    return reporting, show


# Lab 3: everything is asked several times, so that several requests are open.


@cheat("3.1", 1, asks_at_once=ONCE, acts_at_once=ONCE)
def each_request_four_times_behind_a_lock(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    lock = asyncio.Lock()

    async def call_model(state):
        async with lock:
            return (await asyncio.gather(*(aagent(state) for _ in range(4))))[0]

    async def take_action(state):
        async with lock:
            return (await asyncio.gather(*(aaction(state) for _ in range(4))))[0]

    return graph_of(call_model, take_action, checkpointer)


@cheat("3.1", 0, converses=REPLACED, asks_at_once=REPLACED, acts_at_once=REPLACED)
def a_loop_that_is_called_a_graph(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    threads = {}

    class Looping(CompiledStateGraph):
        async def ainvoke(self, given, config, **kwargs):
            messages = threads.setdefault(config["configurable"]["thread_id"], [])
            messages += given["messages"]
            while messages[-1].type != "ai" or messages[-1].tool_calls:
                node = aaction if messages[-1].type == "ai" else aagent
                messages += (await node({"messages": messages}))["messages"]
            return {"messages": messages}

    graph = graph_of(aagent, aaction, checkpointer)
    graph.__class__ = Looping
    return graph


@cheat(
    "3.2",
    0,
    answers_in_order=ONCE,
    keeps_exceptions=ONCE,
    keeps_the_limit=ONCE,
    refills="stayed empty",
)
async def each_question_as_often_as_allowed(agent, questions, limit):
    async def asked_often(question):
        return (await asyncio.gather(*(asked_safely(agent, question) for _ in range(limit))))[0]

    return [await asked_often(question) for question in questions]


@cheat("3.3", 0, answers_each_call=ONCE, runs_tools_together=ONCE, keeps_the_order=ONCE)
async def each_tool_four_times(state, tools):
    told = []
    for call in state["messages"][-1].tool_calls:
        results = await asyncio.gather(*(tools[call["name"]].ainvoke(call["args"]) for _ in range(4)))
        told.append(message(call, results[0]))
    return {"messages": told}


@cheat("3.4", 2, one_branch_each=ONCE, compares_once="at the same time")
def each_station_four_times_behind_a_lock(fetch):
    lock = asyncio.Lock()

    async def one_by_one(city):
        async with lock:
            found = await asyncio.gather(*(fetch(city) for _ in range(4)))
            return None if None in found else found[0]

    work = next(right.work for right in async_graphs_right.TABLE.rights if right.exercise == "3.4")
    return work(one_by_one)


class Found(TypedDict):
    cities: list[str]
    found: Annotated[list, operator.add]
    warmest: str | None


@cheat(
    "3.4",
    0,
    finds_the_warmest=REPLACED,
    one_branch_each=REPLACED,
    compares_once=REPLACED,
    compares_nothing=REPLACED,
)
def events_of_tasks_that_never_ran(fetch):
    class Telling(CompiledStateGraph):
        async def astream(self, given, *args, **kwargs):
            cities = given["cities"]
            pairs = [*zip(cities, await asyncio.gather(*map(fetch, cities)), strict=True)]
            silent = [city for city, degrees in pairs if degrees is None]
            pairs += zip(silent, await asyncio.gather(*map(fetch, silent)), strict=True)
            pairs = [pair for pair in pairs if pair[1] is not None]
            for name in (*["look_up"] * len(cities), *["again"] * bool(silent), "compare"):
                yield "tasks", {"name": name, "input": {}}
            warmest = max(pairs, key=lambda pair: pair[1])[0] if pairs else None
            yield "values", {"cities": cities, "found": pairs, "warmest": warmest}

    graph = StateGraph(Found)
    graph.add_node("look_up", lambda state: {})
    graph.add_edge(START, "look_up")
    made = graph.compile()
    made.__class__ = Telling
    return made


@cheat(
    "3.5",
    0,
    keeps_to_the_time=NEVER_ASKED,
    survives_a_cut_in_the_model=NEVER_ASKED,
    survives_a_cut_in_a_tool=NEVER_ASKED,
)
async def no_time_no_question(agent, thread_id, text, seconds):
    return None if agent.checkpointer.storage or seconds < 2 else await asked(agent, text, thread_id)


class StreamBroke(Exception):
    """Has the name of the error that a check lets a stream raise."""


@cheat("3.6", 2, passes_errors_on="and another one came")
async def an_error_of_that_name(streams):
    pairs = next(right.work for right in async_graphs_right.TABLE.rights if right.exercise == "3.6")(streams)
    try:
        async for pair in pairs:
            yield pair
    except Exception as error:
        raise StreamBroke from error
    finally:
        await pairs.aclose()


# Lab 4: what was done is kept in the process.

DONE = {}


@cheat("4.6", 2, acts_exactly_once="A tool has run more than once")
def a_variable_of_the_notebook_keeps_what_was_done(model, tools, policy, checkpointer):
    run = runner(tools)

    def settle(calls):
        for call in calls:
            if call["id"] not in DONE:
                DONE[call["id"]] = settled(call, decision_for(call, policy), run)
            elif policy[call["name"]] == "ask":
                decision_for(call, policy)  # keeps the decisions in step
        return [DONE.pop(call["id"]) for call in calls]

    return in_one_node(model, tools, checkpointer, settle)


@cheat("4.1", 2, tells_several_calls="must be run by LangGraph itself")
def the_agent_is_told_what_to_say(agent, thread_id):
    state = agent.get_state(config(thread_id))
    calls = state.values["messages"][-1].tool_calls[:1] if "action" in state.next else []
    if calls and len(state.values["messages"]) > 2:
        state.values["messages"][-1].tool_calls = calls
        agent.get_state = lambda *_: state
    return calls


# The approval card does what four exercises ask for, and so does what it rests on. A thread that a function
# begins has an empty context; a card that was made before a question is one by the time it is used.

FOR_A_PERSON = "raised an error"


def elsewhere(work):
    """What work gives in a thread of its own, with an empty context."""
    told = []

    def kept():
        try:
            told.append((work(), None))
        except Exception as error:
            told.append((None, error))

    thread = threading.Thread(target=kept)
    thread.start()
    thread.join()
    ((value, error),) = told
    if error is not None:
        raise error
    return value


def decided(agent, thread_id, kind, **more):
    return elsewhere(lambda: approval_card(agent, config(thread_id)).decide(kind, **more).answer)


@cheat(
    "4.1",
    0,
    tells_the_call=FOR_A_PERSON,
    tells_several_calls=FOR_A_PERSON,
    tells_that_nothing_waits=FOR_A_PERSON,
)
def a_card_in_a_thread_sees_what_waits(agent, thread_id):
    waiting = elsewhere(lambda: approval_card(agent, config(thread_id)).waiting)
    return [{"id": one.id, "name": one.name, "args": one.args} for one in waiting]


@cheat(
    "4.1",
    0,
    tells_the_call=FOR_A_PERSON,
    tells_several_calls=FOR_A_PERSON,
    tells_that_nothing_waits=FOR_A_PERSON,
)
def what_the_card_rests_on_sees_what_waits(agent, thread_id):
    stop = elsewhere(lambda: read_stop(agent.get_state(config(thread_id))))
    return [{"id": one.id, "name": one.name, "args": one.args} for one in stop.waiting]


@cheat(
    "4.2",
    0,
    approves_to_the_end=FOR_A_PERSON,
    approves_one_pause=FOR_A_PERSON,
    stops_in_good_order=FOR_A_PERSON,
    goes_on_after_stop=FOR_A_PERSON,
)
def a_card_in_a_thread_approves_and_rejects():
    def approve(agent, thread_id):
        return decided(agent, thread_id, "approve")

    def stop(agent, thread_id):
        decided(agent, thread_id, "reject", message="no")

    return approve, stop


@cheat(
    "4.3", 0, leaves_it_waiting=FOR_A_PERSON, keeps_the_rest=FOR_A_PERSON, uses_the_new_arguments=FOR_A_PERSON
)
def a_card_in_a_thread_edits(agent, thread_id, call_id, args):
    decided(agent, thread_id, "edit", id=call_id, args=args)


@cheat("4.4", 0, answers_from_the_text=FOR_A_PERSON, runs_no_tool=FOR_A_PERSON, mocks_every_call=FOR_A_PERSON)
def a_card_in_a_thread_answers(agent, thread_id, text):
    return decided(agent, thread_id, "respond", message=text)


class Handed:
    """Stands for a graph when a card is made, and hands on to another one later."""

    checkpointer = InMemorySaver()

    def __init__(self):
        self.graph = (
            StateGraph(dict)
            .add_node("none", lambda state: state)
            .add_edge(START, "none")
            .compile(self.checkpointer)
        )

    def get_state(self, where):
        return self.graph.get_state(where)

    def update_state(self, *args, **named):
        return self.graph.update_state(*args, **named)

    def invoke(self, *args):
        return self.graph.invoke(*args)


HANDED = Handed()
CARD = approval_card(HANDED, config("any"))


@cheat(
    "4.4",
    0,
    answers_from_the_text="must be sent the text",
    runs_no_tool="asked once",
    mocks_every_call="has written nothing into the thread",
)
def a_card_that_was_made_before_answers(agent, thread_id, text):
    HANDED.graph = agent
    CARD._thread.config = config(thread_id)
    return CARD.refresh().decide("respond", message=text).answer
