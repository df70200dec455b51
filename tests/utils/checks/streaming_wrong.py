"""Lab 2 solved wrongly, as students do: each runs without an error and satisfies the printed example."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter

from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from pydantic import ValidationError

from tests.utils.checks.streaming_right import (
    asking,
    config,
    cut,
    kind_of,
    reporting,
    shown,
    tool_message,
)
from tests.utils.checks.variants import Table

TABLE = Table()
wrong = TABLE.wrong

PLAIN = "the printed example shows this mistake as well: here its card matters"


def plainly(exercise, points, **fails):
    return wrong(exercise, points, PLAIN, **fails)


ANOTHER = "with other words around it"
ELSEWHERE = "on the thread that was named: it was asked elsewhere"
ONE_BEHIND = "held back until the next one has come"
WITHOUT_BEFORE = "without the conversation that belongs before it"


# 2.1


def updates(agent, thread_id, text):
    for event in agent.stream(asking(text), config(thread_id)):
        for node, update in event.items():
            for message in update["messages"]:
                yield node, message


@wrong("2.1", 1.5, tells_as_it_happens="not when the run is over")
def everything_first_and_then_item_by_item(agent, thread_id, text):
    yield from [(node, kind_of(m), m.text) for node, m in list(updates(agent, thread_id, text))]


@wrong("2.1", 1.5, tells_as_it_happens="not when the run is over")
def one_message_behind(agent, thread_id, text):
    before = None
    for node, message in updates(agent, thread_id, text):
        if before:
            yield before
        before = node, kind_of(message), message.text
    yield before


@wrong("2.1", 2.5, tells_both_results="each of them is an item")
def the_last_message_of_each_node(agent, thread_id, text):
    for event in agent.stream(asking(text), config(thread_id)):
        for node, update in event.items():
            message = update["messages"][-1]
            yield node, kind_of(message), message.text


@wrong("2.1", 1.5, tells_each_message="nodes have other names", tells_both_results="each of them is an item")
def the_newest_message_of_each_state(agent, thread_id, text):
    for state in agent.stream(asking(text), config(thread_id), stream_mode="values"):
        message = state["messages"][-1]
        if message.type != "human":
            yield {"ai": "llm", "tool": "action"}[message.type], kind_of(message), message.text


@wrong("2.1", 2, tells_each_message="told as an answer")
def a_text_means_an_answer(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, "result" if message.type == "tool" else "answer" if message.text else "call", message.text


@wrong("2.1", 2, tells_each_message="the text of the message")
def texts_shortened(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, kind_of(message), message.text[:30]


@wrong("2.1", 2, tells_each_message="the text of the message")
def texts_shortened_as_in_the_demonstration(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, kind_of(message), message.text[:60]


@wrong("2.1", 2, tells_each_message="the text of the message")
def texts_shortened_to_two_hundred(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, kind_of(message), message.text[:200]


@wrong(
    "2.1",
    0,
    tells_each_message="nodes have other names",
    tells_both_results="Messages of an earlier question",
    tells_as_it_happens="not when the run is over",
)
def the_thread_after_the_run(agent, thread_id, text):
    state = agent.invoke(asking(text), config(thread_id))
    told = [m for m in state["messages"] if m.type != "human"]
    results = [m for m in told if m.type == "tool"][-2:]
    for message in told:
        if message.type != "tool" or message in results[-2:]:
            yield "action" if message.type == "tool" else "llm", kind_of(message), message.text


@wrong(
    "2.1", 2, tells_each_message="Where content is a list of blocks, node, kind and text are to be the same"
)
def text_of_the_first_block(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        words = message.content
        if isinstance(words, list):
            words = words[0].get("text", "") if words else ""
        yield node, kind_of(message), words


@wrong("2.1", 2, tells_each_message="also where a message's content is a list of blocks")
def content_instead_of_the_text(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, kind_of(message), message.content


@wrong("2.1", 2.5, tells_both_results=WITHOUT_BEFORE)
def always_the_same_thread(agent, thread_id, text):
    for node, message in updates(agent, "trip", text):
        yield node, kind_of(message), message.text


@wrong("2.1", 2, tells_each_message="this graph's nodes have other names")
def the_names_llm_and_action(agent, thread_id, text):
    for _, message in updates(agent, thread_id, text):
        yield "action" if message.type == "tool" else "llm", kind_of(message), message.text


@wrong("2.1", 2, tells_each_message="told by the message, not by the name of its node")
def a_result_by_its_node_s_name(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        kind = "result" if node == "action" else "call" if message.tool_calls else "answer"
        yield node, kind, message.text


@wrong("2.1", 2, tells_each_message="here its end is missing")
def texts_shortened_to_five_hundred(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, kind_of(message), message.text[:500]


@wrong("2.1", 2, tells_each_message="White space is lost")
def texts_stripped(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, kind_of(message), message.text.strip()


@wrong("2.1", 2, tells_each_message="White space is lost")
def texts_on_one_line(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        yield node, kind_of(message), " ".join(message.text.split())


@wrong("2.1", 2.5, tells_both_results="Two messages with the same text are two messages")
def items_that_are_alike_told_once(agent, thread_id, text):
    seen = set()
    for node, message in updates(agent, thread_id, text):
        item = node, kind_of(message), message.text
        if item not in seen:
            seen.add(item)
            yield item


# 2.2


async def messages(agent, thread_id, text):
    async for chunk, metadata in agent.astream(asking(text), config(thread_id), stream_mode="messages"):
        yield chunk, metadata


@wrong("2.2", 3.5, reads_blocks="Each piece must be text")
async def content_instead_of_text(agent, thread_id, text):
    async for chunk, metadata in messages(agent, thread_id, text):
        if chunk.content and metadata["langgraph_node"] == "llm":
            yield chunk.content


@wrong("2.2", 3.5, reads_blocks="whatever the content of the chunks looks like")
async def content_only_where_it_is_a_string(agent, thread_id, text):
    async for chunk, _ in messages(agent, thread_id, text):
        if isinstance(chunk.content, str) and chunk.type != "tool":
            yield chunk.content


@wrong("2.2", 3.5, pieces_make_the_answer="What the tool found must not be")
async def the_tools_messages_as_well(agent, thread_id, text):
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.text:
            yield chunk.text


@wrong("2.2", 2.5, comes_at_once="while the model is still speaking")
async def collected_first(agent, thread_id, text):
    found = [chunk async for chunk, _ in messages(agent, thread_id, text)]
    for chunk in found:
        if chunk.type != "tool" and chunk.text:
            yield chunk.text


@wrong(
    "2.2",
    2,
    pieces_make_the_answer="beside a call is missing",
    comes_at_once="while the model is still speaking",
)
async def the_finished_text_split_into_words(agent, thread_id, text):
    state = await agent.ainvoke(asking(text), config(thread_id))
    for word in re.findall(r"\S+\s*|\s+", state["messages"][-1].text):
        yield word


@wrong(
    "2.2",
    2,
    pieces_make_the_answer="in the pieces that the model sends",
    comes_at_once="while the model is still speaking",
)
async def the_answer_in_one_piece(agent, thread_id, text):
    async for event in agent.astream(asking(text), config(thread_id)):
        for update in event.values():
            for message in update["messages"]:
                if message.type == "ai":
                    yield message.text


@wrong("2.2", 3.5, pieces_make_the_answer="letter by letter")
async def pieces_without_their_spaces(agent, thread_id, text):
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.type != "tool" and chunk.text:
            # A blank before a sign: there is none in the example.
            yield re.sub(r"^\s(?=\W)", "", chunk.text)


@wrong("2.2", 3.5, pieces_make_the_answer="White space is lost")
async def pieces_of_white_space_left_out(agent, thread_id, text):
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.type != "tool" and chunk.text.strip():
            yield chunk.text


@wrong("2.2", 3.5, pieces_make_the_answer="on the thread that was named")
async def the_thread_of_the_demonstration(agent, thread_id, text):
    async for chunk, _ in messages(agent, "4", text):
        if chunk.type != "tool" and chunk.text:
            yield chunk.text


@wrong("2.2", 2.5, comes_at_once="not the first alone")
async def the_first_piece_at_once_and_the_rest_later(agent, thread_id, text):
    rest = None
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.type == "tool" or not chunk.text:
            continue
        if rest is None:
            rest = []
            yield chunk.text
        else:
            rest.append(chunk.text)
    for piece in rest or ():
        yield piece


@wrong("2.2", 2.5, comes_at_once=ONE_BEHIND)
async def one_piece_behind(agent, thread_id, text):
    before = ""
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.type != "tool" and chunk.text:
            if before:
                yield before
            before = chunk.text
    yield before


@wrong("2.2", 2.5, serves_two_readers="One reader has to wait")
async def the_synchronous_stream_inside_async_def(agent, thread_id, text):
    for chunk, _ in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
        if chunk.text and chunk.type != "tool":
            yield chunk.text


@wrong("2.2", 2.5, serves_two_readers="One reader has to wait")
async def the_synchronous_stream_with_pauses(agent, thread_id, text):
    for chunk, _ in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
        await asyncio.sleep(0)
        if chunk.text and chunk.type != "tool":
            yield chunk.text


@wrong("2.2", 2.5, serves_two_readers="time.sleep(…) holds up the whole loop")
async def typed_with_a_pause_that_blocks(agent, thread_id, text):
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.type != "tool" and chunk.text:
            time.sleep(0.001)  # noqa: ASYNC251
            yield chunk.text


@wrong("2.2", 3.5, reads_blocks="Words behind a call are missing")
async def nothing_more_of_a_message_with_a_call(agent, thread_id, text):
    calls = set()
    async for chunk, _ in messages(agent, thread_id, text):
        if getattr(chunk, "tool_call_chunks", None):
            calls.add(chunk.id)
        if chunk.type != "tool" and chunk.id not in calls:
            yield chunk.text


@wrong("2.2", 3.5, reads_blocks="A piece is missing that is equal to the one before")
async def a_piece_that_comes_twice_running_left_out(agent, thread_id, text):
    last = None
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.type != "tool" and chunk.text and chunk.text != last:
            last = chunk.text
            yield chunk.text


# 2.3


def is_token(message):
    return isinstance(message, AIMessageChunk) and bool(message.text)


def counted(
    agent,
    thread_id,
    text,
    clock,
    counts=is_token,
    *,
    rate=None,
    guard=True,
    node_of=None,
    absolute=False,
    first_of=None,
    given=None,
):
    """The reference with one thing done otherwise."""
    begun, times = clock(), {}
    stream = agent.stream(given or asking(text), config(thread_id), stream_mode="messages")
    for message, metadata in stream:
        if counts(message):
            node = node_of(metadata) if node_of else metadata["langgraph_node"]
            times.setdefault(node, []).append(clock())
    told = {}
    for node, at in times.items():
        span = at[-1] - at[0]
        if rate:
            per_second = rate(at, begun)
        else:
            per_second = (len(at) - 1) / span if span or not guard else 0.0
        first = first_of(at, begun) if first_of else at[0] - (0.0 if absolute else begun)
        told[node] = {"first": first, "tokens": len(at), "per_second": per_second}
    return told


def figures_of(first, at):
    span = at[-1] - at[0]
    return {"first": first, "tokens": len(at), "per_second": (len(at) - 1) / span if span else 0.0}


NUMBER = "The number of tokens is not right"
WAIT, RATE = "The wait for the first token is not right", "The rate is not right"
IS_RESULT = "A tool's message was counted"
NODES = "for each node that gave text"


@wrong("2.3", 1.5, counts_the_tokens=NUMBER)
def every_chunk_of_the_model(agent, thread_id, text, clock=time.perf_counter):
    def in_words(message):
        # In the example there is neither a call nor an end without a text.
        return message.type != "tool" and (message.text or getattr(message, "tool_call_chunks", []))

    return counted(agent, thread_id, text, clock, in_words)


@wrong("2.3", 1.5, counts_the_tokens=NUMBER)
def whatever_has_content(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, lambda m: m.type != "tool" and m.content)


@wrong("2.3", 1.5, counts_the_tokens=IS_RESULT)
def the_tools_messages_are_counted(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, lambda message: message.text)


@wrong("2.3", 0, counts_the_tokens=NODES, times_the_wait=NODES, tells_nodes_apart=NODES)
def only_strings_are_counted(agent, thread_id, text, clock=time.perf_counter):
    def is_string(message):
        return is_token(message) and isinstance(message.content, str)

    return counted(agent, thread_id, text, clock, is_string)


@wrong("2.3", 1.5, counts_the_tokens=NUMBER)
def white_space_is_no_text(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, lambda m: is_token(m) and m.text.strip())


@wrong("2.3", 1.5, times_the_wait=RATE, tells_nodes_apart=RATE)
def divided_by_the_time_from_the_start(agent, thread_id, text, clock=time.perf_counter):
    def rate(at, begun):
        return (len(at) - 1) / (at[-1] - begun) if at[-1] > begun else 0.0

    return counted(agent, thread_id, text, clock, rate=rate)


ONE_LESS = "the number of tokens was divided, and not one less"


@wrong("2.3", 1.5, times_the_wait=ONE_LESS, tells_nodes_apart=ONE_LESS)
def all_tokens_divided_by_the_time(agent, thread_id, text, clock=time.perf_counter):
    def rate(at, begun):
        return len(at) / (at[-1] - at[0]) if at[-1] > at[0] else 0.0

    return counted(agent, thread_id, text, clock, rate=rate)


@wrong("2.3", 1.5, times_the_wait=WAIT, tells_nodes_apart=WAIT)
def started_at_the_first_item(agent, thread_id, text, clock=time.perf_counter):
    start, times = None, {}
    for message, metadata in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
        if start is None:
            start = clock() if not is_token(message) else clock() - 0.0
        if is_token(message):
            times.setdefault(metadata["langgraph_node"], []).append(clock())
    return {node: figures_of(at[0] - start, at) for node, at in times.items()}


@wrong("2.3", 1.5, times_the_wait=WAIT, tells_nodes_apart=WAIT)
def what_the_clock_shows(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, absolute=True)


@wrong("2.3", 1.5, times_the_wait=WAIT, tells_nodes_apart=WAIT)
def the_wait_for_the_last_token(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, first_of=lambda at, begun: at[-1] - begun)


@wrong("2.3", 2, tells_nodes_apart="divided by no time")
def a_division_by_nothing(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, guard=False)


@wrong("2.3", 2, tells_nodes_apart=NODES)
def all_nodes_in_one(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, node_of=lambda _: "llm")


@wrong("2.3", 1.5, times_the_wait=WAIT, tells_nodes_apart=WAIT)
def a_clock_of_its_own(agent, thread_id, text, clock=time.perf_counter):
    # One that stands still, for what is told of it is to be the same in each run.
    return counted(agent, thread_id, text, lambda: 7.0)


@wrong("2.3", 2, tells_nodes_apart=NODES)
def only_the_node_of_the_model(agent, thread_id, text, clock=time.perf_counter):
    told = counted(agent, thread_id, text, clock)
    return {"llm": told["llm"]} if "llm" in told else {}


@wrong("2.3", 0, counts_the_tokens=NUMBER, times_the_wait=WAIT, tells_nodes_apart=NODES)
def words_of_the_answer_after_the_run(agent, thread_id, text, clock=time.perf_counter):
    begun = clock()
    answer = agent.invoke(asking(text), config(thread_id))["messages"][-1].text
    # As many as the example has.
    pieces = re.findall(r"\s?\w+|[^\w\s]", answer)
    return {"llm": {"first": clock() - begun, "tokens": len(pieces), "per_second": 0.0}}


@wrong("2.3", 1.5, counts_the_tokens="put to the agent once")
def a_run_for_each_figure(agent, thread_id, text, clock=time.perf_counter):
    told = counted(agent, thread_id, text, clock)
    if "llm" in told:
        agent.invoke(asking(text), config(f"{thread_id} once more"))
    return told


WHOLE = "A whole message was counted"


@wrong("2.3", 1.5, counts_the_tokens=WHOLE)
def all_but_the_tools_messages(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, lambda m: m.type != "tool" and m.text)


@wrong("2.3", 1.5, counts_the_tokens=WHOLE)
def whole_messages_of_the_model(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, thread_id, text, clock, lambda m: isinstance(m, AIMessage) and m.text)


@wrong("2.3", 1.5, counts_the_tokens="those behind a call were left out")
def no_token_behind_a_call(agent, thread_id, text, clock=time.perf_counter):
    calls = set()

    def counts(message):
        if getattr(message, "tool_call_chunks", None):
            calls.add(message.id)
        return is_token(message) and message.id not in calls

    return counted(agent, thread_id, text, clock, counts)


@wrong("2.3", 1.5, counts_the_tokens="on the thread that was named")
def measured_on_the_thread_of_the_example(agent, thread_id, text, clock=time.perf_counter):
    return counted(agent, "trip", text, clock)


@wrong("2.3", 1.5, counts_the_tokens=IS_RESULT)
def nodes_without_a_token_as_well(agent, thread_id, text, clock=time.perf_counter):
    start, times = clock(), {}
    for message, metadata in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
        at = times.setdefault(metadata["langgraph_node"], [])
        if is_token(message):
            at.append(clock())
    none = {"first": 0.0, "tokens": 0, "per_second": 0.0}
    return {node: figures_of(at[0] - start, at) if at else none for node, at in times.items()}


# 2.4


@wrong("2.4", 2, tool_reports="once for each call")
def the_search_asked_twice():
    def search_aloud(search):
        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            get_stream_writer()({"query": query, "state": "searching"})
            search.invoke({"query": query})
            get_stream_writer()({"query": query, "state": "found"})
            return search.invoke({"query": query})

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 1, tool_reports="before its search", shows_while_searching="must come out of show")
def printed_instead_of_reported():
    def search_aloud(search):
        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            print({"query": query, "state": "searching"}, file=sys.stderr)
            found = search.invoke({"query": query})
            print({"query": query, "state": "found"}, file=sys.stderr)
            return found

        return search_aloud

    return search_aloud, shown


@wrong(
    "2.4",
    1,
    tool_reports="The search must lie between the two reports",
    shows_while_searching="while the search still runs",
)
def both_reports_after_the_search():
    def search_aloud(search):
        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            found = search.invoke({"query": query})
            for state in ("searching", "found"):
                get_stream_writer()({"query": query, "state": state})
            return found

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, tool_reports="was changed after it had been reported")
def one_dictionary_that_is_changed():
    def search_aloud(search):
        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            report = {"query": query, "state": "searching"}
            get_stream_writer()(report)
            found = search.invoke({"query": query})
            report["state"] = "found"
            get_stream_writer()(report)
            return found

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, shows_while_searching="while the search still runs")
def one_item_behind():
    def show(agent, thread_id, text):
        before = None
        for item in shown(agent, thread_id, text):
            if before:
                yield before
            before = item
        yield before

    return reporting, show


@wrong("2.4", 2, shows_both=ELSEWHERE)
def a_run_for_each_mode():
    def show(agent, thread_id, text):
        for data in agent.stream(asking(text), config(f"{thread_id} reports"), stream_mode="custom"):
            yield "progress", data
        for event in agent.stream(asking(text), config(thread_id)):
            for node in event:
                yield "node", node

    return reporting, show


@wrong("2.4", 2, shows_while_searching="while the search still runs")
def collected_by_show():
    def show(agent, thread_id, text):
        yield from list(shown(agent, thread_id, text))

    return reporting, show


@wrong("2.4", 1, shows_both="is one item", shows_while_searching="must come out of show")
def the_mode_custom_forgotten():
    def show(agent, thread_id, text):
        for event in agent.stream(asking(text), config(thread_id)):
            for node in event:
                yield "node", node

    return reporting, show


@wrong("2.4", 1, shows_both="is one item", shows_while_searching="while the search still runs")
def reports_given_out_with_their_node():
    def show(agent, thread_id, text):
        waiting = []
        for what, data in shown(agent, thread_id, text):
            if what == "progress":
                waiting.append((what, data))
                continue
            yield what, data
            yield from waiting
            waiting = []

    return reporting, show


@wrong("2.4", 2, tool_reports="with the query and the state")
def only_the_state_is_reported():
    def search_aloud(search):
        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            get_stream_writer()({"state": "searching"})
            found = search.invoke({"query": query})
            get_stream_writer()({"state": "found"})
            return found

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, shows_both="is one item")
def a_node_is_shown_when_it_begins():
    def show(agent, thread_id, text):
        for mode, data in agent.stream(asking(text), config(thread_id), stream_mode=["tasks", "custom"]):
            if mode == "custom":
                yield "progress", data
            elif "input" in data:
                yield "node", data["name"]

    return reporting, show


@wrong("2.4", 2, tool_reports="must return what the search returned")
def the_result_in_capitals():
    def search_aloud(search):
        found = reporting(search)

        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            return str(found.invoke({"query": query})).upper()

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, tool_reports="The search must lie between the two reports")
def both_reports_before_the_search():
    def search_aloud(search):
        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            for state in ("searching", "found"):
                get_stream_writer()({"query": query, "state": state})
            return search.invoke({"query": query})

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, shows_both=ELSEWHERE)
def shown_on_another_thread():
    def show(agent, thread_id, text):
        yield from shown(agent, "trip", text)

    return reporting, show


@wrong("2.4", 2, tool_reports="in each run anew")
def a_writer_that_is_kept():
    def search_aloud(search):
        kept = []

        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            if not kept:
                kept.append(get_stream_writer())
            kept[0]({"query": query, "state": "searching"})
            found = search.invoke({"query": query})
            kept[0]({"query": query, "state": "found"})
            return found

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, tool_reports="whole: a part of it is missing")
def the_beginning_of_the_result():
    def search_aloud(search):
        aloud = reporting(search)

        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            return str(aloud.invoke({"query": query}))[:1_000]

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, tool_reports="one argument, query, and no other")
def a_second_argument():
    def search_aloud(search):
        @tool
        def search_aloud(query: str, max_results: int = 2) -> str:
            """Search."""
            return reporting(search).invoke({"query": query})

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, tool_reports="A search that finds nothing is over as well")
def found_only_if_something_was():
    def search_aloud(search):
        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            get_stream_writer()({"query": query, "state": "searching"})
            found = search.invoke({"query": query})
            if found:
                get_stream_writer()({"query": query, "state": "found"})
            return found

        return search_aloud

    return search_aloud, shown


@wrong("2.4", 2, tool_reports="with the query and the state")
def another_query_than_the_model_s():
    def search_aloud(search):
        aloud = reporting(search)

        @tool
        def search_aloud(query: str) -> str:
            """Search."""
            return aloud.invoke({"query": query.lower()})

        return search_aloud

    return search_aloud, shown


def with_modes(node, report):
    """A ``show`` that does one thing otherwise with what the two modes give."""

    def show(agent, thread_id, text):
        modes = ["updates", "custom"]
        for mode, data in agent.stream(asking(text), config(thread_id), stream_mode=modes):
            yield from report(data) if mode == "custom" else node(data)

    return show


def nodes_of(data):
    return [("node", name) for name in data]


@wrong("2.4", 2, shows_both="this graph's nodes have other names")
def two_nodes_by_their_names():
    def node(data):
        return [("node", "llm" if "llm" in data else "action")]

    return reporting, with_modes(node, lambda data: [("progress", data)])


AS_MADE = "Each report must be shown as it was made"


@wrong("2.4", 2, shows_both=AS_MADE)
def reports_put_together_anew():
    def report(data):
        return [("progress", {"query": data["query"], "state": data["state"]})]

    return reporting, with_modes(nodes_of, report)


@wrong("2.4", 2, shows_both=AS_MADE)
def only_reports_that_are_dictionaries():
    def report(data):
        return [("progress", data)] if isinstance(data, dict) else []

    return reporting, with_modes(nodes_of, report)


# 2.5


def answered(call, tools):
    """One call, done as it should be."""
    if call["name"] not in tools:
        return tool_message(call, f"there is no tool {call['name']}", status="error")
    try:
        return tool_message(call, cut(str(tools[call["name"]].invoke(call["args"]))))
    except GraphBubbleUp:
        raise
    except Exception as error:
        return tool_message(call, cut(str(error)), status="error")


def every(state, tools, work):
    return {"messages": [work(call, tools) for call in state["messages"][-1].tool_calls]}


RAISED = "raised an error out of take_action"
ONE_EACH = "exactly one tool message for each call"
ALIKE = "also for two calls that are alike"


@wrong("2.5", 0, answers_every_call=RAISED, says_what_failed=RAISED, lets_interrupts_pass=RAISED)
def the_notes_own(state, tools):
    return every(
        state, tools, lambda call, _: tool_message(call, str(tools[call["name"]].invoke(call["args"])))
    )


@wrong("2.5", 1, answers_every_call=ONE_EACH, says_what_failed=ONE_EACH)
def unknown_tools_are_skipped(state, tools):
    calls = [call for call in state["messages"][-1].tool_calls if call["name"] in tools]
    return {"messages": [answered(call, tools) for call in calls]}


@wrong("2.5", 0, answers_every_call=ONE_EACH, says_what_failed=ONE_EACH, lets_interrupts_pass=ONE_EACH)
def one_try_around_all(state, tools):
    found = []
    try:
        for call in state["messages"][-1].tool_calls:
            found.append(tool_message(call, cut(str(tools[call["name"]].invoke(call["args"])))))
    except GraphBubbleUp:
        raise
    except Exception as error:
        found.append(tool_message(call, cut(str(error)), status="error"))
    return {"messages": found}


@wrong("2.5", 1, answers_every_call=ONE_EACH, says_what_failed=ONE_EACH)
def errors_told_by_a_person(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        return HumanMessage(message.text) if message.status == "error" else message

    return every(state, tools, work)


@wrong("2.5", 2, answers_every_call="in the order of the calls")
def errors_at_the_end(state, tools):
    found = every(state, tools, answered)["messages"]
    return {"messages": sorted(found, key=lambda message: message.status == "error")}


@wrong("2.5", 2, says_what_failed="must have the status error")
def no_status(state, tools):
    def work(call, tools):
        return tool_message(call, answered(call, tools).text)

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="was taken for an unknown tool")
def a_key_error_is_an_unknown_tool(state, tools):
    def work(call, tools):
        try:
            return tool_message(call, cut(str(tools[call["name"]].invoke(call["args"]))))
        except KeyError:
            return tool_message(call, f"there is no tool {call['name']}", status="error")
        except GraphBubbleUp:
            raise
        except Exception as error:
            return tool_message(call, cut(str(error)), status="error")

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="the name of the unknown tool")
def an_unknown_tool_is_not_named(state, tools):
    def work(call, tools):
        if call["name"] not in tools:
            return tool_message(call, "there is no such tool", status="error")
        return answered(call, tools)

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="the tool's own words")
def something_went_wrong(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        return tool_message(call, "Error!", status="error") if message.status == "error" else message

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="the first 2,000 characters stay")
def nothing_is_cut(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        if message.status == "error":
            return message
        return tool_message(call, str(tools[call["name"]].invoke(call["args"])))

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="with a mark behind")
def cut_without_a_mark(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        return tool_message(call, message.text[:2_000], status=message.status)

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="Whatever a long text is made of")
def errors_are_not_cut(state, tools):
    def work(call, tools):
        if call["name"] not in tools:
            return tool_message(call, f"there is no tool {call['name']}", status="error")
        try:
            return tool_message(call, cut(str(tools[call["name"]].invoke(call["args"]))))
        except GraphBubbleUp:
            raise
        except Exception as error:
            return tool_message(call, str(error), status="error")

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="exactly 2,000 characters")
def cut_one_letter_too_early(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        if len(message.text) == 2_000:
            return tool_message(call, message.text + "…", status=message.status)
        return message

    return every(state, tools, work)


@wrong("2.5", 1, answers_every_call=RAISED, says_what_failed=RAISED)
def the_errors_of_python_alone(state, tools):
    known = (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError)

    def work(call, tools):
        if call["name"] not in tools:
            return tool_message(call, f"there is no tool {call['name']}", status="error")
        try:
            return tool_message(call, cut(str(tools[call["name"]].invoke(call["args"]))))
        except known as error:
            return tool_message(call, cut(str(error)), status="error")

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="Whatever a long text is made of")
def only_strings_are_cut(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        if message.status == "error":
            return message
        found = tools[call["name"]].invoke(call["args"])
        return message if isinstance(found, str) else tool_message(call, str(found))

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="Whatever a long text is made of")
def a_list_is_cut_by_its_items(state, tools):
    def work(call, tools):
        if call["name"] != "ledger":
            return answered(call, tools)
        found = tools[call["name"]].invoke(call["args"])
        return tool_message(call, str(found) if len(found) <= 2_000 else str(found[:2_000]))

    return every(state, tools, work)


@wrong("2.5", 2, lets_interrupts_pass="its interrupt has to go through")
def every_exception_is_an_error(state, tools):
    def work(call, tools):
        if call["name"] not in tools:
            return tool_message(call, f"there is no tool {call['name']}", status="error")
        try:
            return tool_message(call, cut(str(tools[call["name"]].invoke(call["args"]))))
        except Exception as error:
            return tool_message(call, cut(str(error)), status="error")

    return every(state, tools, work)


@wrong("2.5", 2, lets_interrupts_pass="every GraphBubbleUp has to go through")
def interrupts_alone_pass(state, tools):
    def work(call, tools):
        try:
            return answered(call, tools)
        except GraphInterrupt:
            raise
        except Exception as error:
            return tool_message(call, cut(str(error)), status="error")

    return every(state, tools, work)


WRONG_ID = "must be the id of the call that it answers"


@wrong("2.5", 1, answers_every_call=WRONG_ID, says_what_failed=WRONG_ID)
def the_tool_s_name_for_an_id(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        id = call["name"] if len(state["messages"]) > 1 else call["id"]
        return ToolMessage(message.text, tool_call_id=id, name=call["name"], status=message.status)

    return every(state, tools, work)


@wrong("2.5", 1, answers_every_call=ALIKE, says_what_failed=ALIKE)
def a_call_that_was_made_before_is_left_out(state, tools):
    unlike = {str((call["name"], call["args"])): call for call in state["messages"][-1].tool_calls}
    return {"messages": [answered(call, tools) for call in unlike.values()]}


@wrong("2.5", 1, answers_every_call="a number must be answered", says_what_failed="Whatever a long text")
def one_argument_alone(state, tools):
    def work(call, tools):
        name = next(iter(call["args"]))
        return answered({**call, "args": {name: call["args"][name]}}, tools)

    return every(state, tools, work)


@wrong("2.5", 2, lets_interrupts_pass=ONE_EACH)
def the_first_calls_of_the_thread(state, tools):
    asking_ = next(message for message in state["messages"] if getattr(message, "tool_calls", []))
    before = next(message for message in state["messages"] if message.type != "human")
    if before is not asking_:
        return {"messages": []}
    return every({"messages": [asking_]}, tools, answered)


GLUED = "its strings are glued together"


@wrong("2.5", 2, answers_every_call=GLUED)
def the_text_of_the_tool_s_own_message(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        if message.status == "error":
            return message
        return tool_message(call, cut(tools[call["name"]].invoke(call).text))

    return every(state, tools, work)


@wrong("2.5", 2, answers_every_call=GLUED)
def the_items_of_a_list_joined(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        if message.status == "error":
            return message
        found = tools[call["name"]].invoke(call["args"])
        return tool_message(call, cut("".join(map(str, found)) if isinstance(found, list) else str(found)))

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="what stands before the error's own words as well")
def an_error_cut_before_its_text_is_whole(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        if message.status != "error":
            return message
        return tool_message(call, f"Error: {message.text}", status="error")

    return every(state, tools, work)


@wrong("2.5", 2, answers_every_call="must be answered as well, be it 0")
def nothing_found_for_what_is_false(state, tools):
    def work(call, tools):
        message = answered(call, tools)
        if message.status == "error":
            return message
        return tool_message(call, cut(str(tools[call["name"]].invoke(call["args"]) or "nothing found")))

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="must have the status error")
def no_status_for_an_unknown_tool(state, tools):
    def work(call, tools):
        if call["name"] not in tools:
            return tool_message(call, f"there is no tool {call['name']}")
        return answered(call, tools)

    return every(state, tools, work)


@wrong("2.5", 2, says_what_failed="with bad arguments must have the error's own words")
def bad_arguments_without_the_error_s_words(state, tools):
    def work(call, tools):
        if call["name"] not in tools:
            return answered(call, tools)
        try:
            return tool_message(call, cut(str(tools[call["name"]].invoke(call["args"]))))
        except ValidationError:
            return tool_message(call, "bad arguments", status="error")
        except GraphBubbleUp:
            raise
        except Exception as error:
            return tool_message(call, cut(str(error)), status="error")

    return every(state, tools, work)


# 2.6


LEFT = "A reader who leaves is no dropped line"
SPEAKING = "while the model is still speaking, also after a drop"
AGAIN = "The question was asked a second time"


async def chunks(agent, thread_id, given):
    async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
        if chunk.type != "tool" and chunk.text:
            yield chunk.text


async def unseen(agent, thread_id, given, seen):
    """The pieces that were not shown yet; ``seen`` has the letters of the message that is being spoken."""
    said = 0
    async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
        if chunk.type == "tool":
            seen["letters"] = said = 0
            continue
        new = chunk.text[max(seen["letters"] - said, 0) :]
        said += len(chunk.text)
        seen["letters"] = max(seen["letters"], said)
        if new:
            yield new


@wrong("2.6", 3, shows_each_piece_once="as many letters more as the message before has")
async def letters_counted_over_all_messages(agent, thread_id, text):
    shown = 0
    for given in (asking(text), None):
        said = 0
        try:
            async for piece in chunks(agent, thread_id, given):
                new, said = piece[max(shown - said, 0) :], said + len(piece)
                shown = max(shown, said)
                yield new
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 2, shows_each_piece_once=AGAIN, asks_nothing_again=AGAIN)
async def the_question_asked_again(agent, thread_id, text):
    try:
        async for piece in chunks(agent, thread_id, asking(text)):
            yield piece
    except Exception:
        async for piece in chunks(agent, thread_id, asking(text)):
            yield piece


@wrong("2.6", 3, asks_nothing_again=AGAIN)
async def asked_again_and_what_was_shown_skipped(agent, thread_id, text):
    shown = 0
    for attempt in (1, 2):
        at = 0
        try:
            async for piece in chunks(agent, thread_id, asking(text)):
                new, at = piece[max(shown - at, 0) :], at + len(piece)
                shown = max(shown, at)
                yield new
            return
        except Exception:
            if attempt == 2:
                raise


@wrong("2.6", 3, shows_each_piece_once="was told again from its beginning")
async def gone_on_but_told_from_the_start(agent, thread_id, text):
    try:
        async for piece in chunks(agent, thread_id, asking(text)):
            yield piece
    except Exception:
        async for piece in chunks(agent, thread_id, None):
            yield piece


@wrong("2.6", 3, shows_each_piece_once="each piece once")
async def a_set_of_what_was_shown(agent, thread_id, text):
    seen = set()
    try:
        async for piece in chunks(agent, thread_id, asking(text)):
            seen.add(piece)
            yield piece
    except Exception:
        async for piece in chunks(agent, thread_id, None):
            if piece not in seen:
                yield piece


async def whole_pieces(agent, thread_id, text, size):
    """The pieces that end behind what was shown, where each is as long as ``size`` says."""
    shown = 0
    for given in (asking(text), None):
        said = 0
        try:
            async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool":
                    shown = said = 0
                elif chunk.text:
                    said += size(chunk.text)
                    if said > shown:
                        shown = said
                        yield chunk.text
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 3, shows_each_piece_once="as where whole pieces are left out")
def pieces_counted_instead_of_letters(agent, thread_id, text):
    return whole_pieces(agent, thread_id, text, lambda piece: 1)


@wrong("2.6", 3, shows_each_piece_once="must go on where it stopped")
def whole_pieces_left_out_until_enough_letters_were(agent, thread_id, text):
    return whole_pieces(agent, thread_id, text, len)


@wrong("2.6", 3, shows_each_piece_once="must go on where it stopped")
async def pieces_of_white_space_not_shown(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                if piece.strip():
                    yield piece
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 3, comes_while_speaking=SPEAKING)
async def the_first_piece_and_the_rest_when_it_is_safe(agent, thread_id, text):
    seen, found = Counter(), []
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                if not found:
                    yield piece
                found.append(piece)
            break
        except Exception:
            if given is None:
                raise
    for piece in found[1:]:
        yield piece


@wrong("2.6", 3, raises_at_last="a second time the error must be raised")
async def the_second_failure_swallowed(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except Exception:
            pass


@wrong(
    "2.6",
    0,
    shows_each_piece_once="letters are missing",
    asks_nothing_again="was not asked for again",
    raises_at_last="must be raised",
    comes_while_speaking=SPEAKING,
)
async def what_came_is_saved_as_the_answer(agent, thread_id, text):
    came = ""
    try:
        async for piece in chunks(agent, thread_id, asking(text)):
            came += piece
            yield piece
    except Exception:
        await agent.aupdate_state(config(thread_id), {"messages": [AIMessage(came)]}, as_node="llm")


@wrong("2.6", 3, raises_at_last="Another error came out than that of the line")
async def raised_when_it_is_over(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except Exception:
            pass
    raise


@wrong("2.6", 2, shows_each_piece_once=WITHOUT_BEFORE, asks_nothing_again=WITHOUT_BEFORE)
async def always_the_thread_of_the_example(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, "trip", given, seen):
                yield piece
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 3, raises_at_last="tried again once")
async def tried_five_times(agent, thread_id, text):
    seen, given = Counter(), asking(text)
    for attempt in range(5):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except Exception:
            given = None
            if attempt == 4:
                raise


@wrong("2.6", 3, comes_while_speaking=ONE_BEHIND)
async def a_piece_held_back_in_each_message(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        before = ""
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                if before:
                    yield before
                before = piece
        except Exception:
            if before:
                yield before
            if given is None:
                raise
        else:
            yield before
            return


@wrong(
    "2.6",
    1,
    shows_each_piece_once="The second attempt was not streamed",
    raises_at_last="The second attempt was not streamed",
    comes_while_speaking=SPEAKING,
)
async def the_rest_of_the_last_message_by_invoke(agent, thread_id, text):
    seen = Counter()
    try:
        async for piece in unseen(agent, thread_id, asking(text), seen):
            yield piece
    except Exception:
        state = await agent.ainvoke(None, config(thread_id))
        yield state["messages"][-1].text[seen["letters"] :]


@wrong("2.6", 3, comes_while_speaking=SPEAKING)
async def told_when_all_is_safe(agent, thread_id, text):
    seen, given, found = Counter(), asking(text), []
    for attempt in (1, 2):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                found.append(piece)  # noqa: PERF401 - a comprehension would lose what came before the error
            break
        except Exception:
            given = None
            if attempt == 2:
                raise
    for piece in found:
        yield piece


@wrong("2.6", 3, asks_nothing_again="hold the conversation once")
async def the_answer_written_once_more(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            break
        except Exception:
            if given is None:
                raise
    if given is None:
        state = await agent.aget_state(config(thread_id))
        again = AIMessage(state.values["messages"][-1].text)
        await agent.aupdate_state(config(thread_id), {"messages": [again]}, as_node="llm")


@wrong("2.6", 3, comes_while_speaking=LEFT)
async def every_end_is_a_dropped_line(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except:  # noqa: E722
            if given is None:
                raise


@wrong("2.6", 3, comes_while_speaking=SPEAKING)
async def what_comes_after_a_drop_is_collected(agent, thread_id, text):
    seen = Counter()
    try:
        async for piece in unseen(agent, thread_id, asking(text), seen):
            yield piece
    except Exception:
        rest = [piece async for piece in unseen(agent, thread_id, None, seen)]
        yield "".join(rest)


@wrong("2.6", 3, shows_each_piece_once="in a message with words beside its call")
async def a_piece_of_a_call_begins_a_message(agent, thread_id, text):
    shown = 0
    for given in (asking(text), None):
        said = 0
        try:
            async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool" or getattr(chunk, "tool_call_chunks", []):
                    shown = said = 0
                    continue
                new = chunk.text[max(shown - said, 0) :]
                said += len(chunk.text)
                shown = max(shown, said)
                if new:
                    yield new
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 2, raises_at_last="The second attempt was not streamed", comes_while_speaking=SPEAKING)
async def the_rest_by_invoke(agent, thread_id, text):
    seen = Counter()
    try:
        async for piece in unseen(agent, thread_id, asking(text), seen):
            yield piece
    except Exception:
        count = len((await agent.aget_state(config(thread_id))).values["messages"])
        state = await agent.ainvoke(None, config(thread_id))
        told = "".join(message.text for message in state["messages"][count:] if message.type == "ai")
        yield told[seen["letters"] :]


@wrong("2.6", 3, raises_at_last="a second time the error must be raised")
async def tried_until_it_works(agent, thread_id, text):
    seen, given = Counter(), asking(text)
    while True:
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except Exception:
            given = None


@wrong("2.6", 3, shows_each_piece_once="was told again from its beginning")
async def what_was_said_is_not_counted_anew(agent, thread_id, text):
    shown = said = 0
    for given in (asking(text), None):
        try:
            async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool":
                    shown = said = 0
                    continue
                new = chunk.text[max(shown - said, 0) :]
                said += len(chunk.text)
                shown = max(shown, said)
                yield new
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 3, comes_while_speaking="One reader has to wait")
async def the_synchronous_stream_that_goes_on(agent, thread_id, text):
    shown = 0
    for given in (asking(text), None):
        said = 0
        try:
            for chunk, _ in agent.stream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool":
                    shown = said = 0
                    continue
                new, said = chunk.text[max(shown - said, 0) :], said + len(chunk.text)
                shown = max(shown, said)
                yield new
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 3, comes_while_speaking="time.sleep(…) holds up the whole loop")
async def a_pause_that_blocks(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                time.sleep(0.001)  # noqa: ASYNC251
                yield piece
            return
        except Exception:
            if given is None:
                raise


@wrong(
    "2.6",
    0,
    shows_each_piece_once="must not be noticed",
    asks_nothing_again="must not be noticed",
    raises_at_last="must be tried again",
    comes_while_speaking="must not be noticed",
)
async def tokens_as_in_the_exercise_before(agent, thread_id, text):
    async for piece in chunks(agent, thread_id, asking(text)):
        yield piece


@wrong(
    "2.6",
    0,
    shows_each_piece_once="must not be noticed",
    asks_nothing_again="must not be noticed",
    raises_at_last="must be tried again",
    comes_while_speaking="must not be noticed",
)
async def only_a_time_out_is_a_drop(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except TimeoutError:
            if given is None:
                raise


# Each says of itself what begins anew at a tool's message, and what it takes for a drop.


async def counting(agent, thread_id, text, anew, skips=None):
    """The reference, where only some of the two numbers begin anew."""
    count = Counter()
    for given in (asking(text), None):
        count["said"] = 0
        try:
            async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool":
                    for name in anew:
                        count[name] = 0
                    continue
                if skips and skips(chunk):
                    continue
                new = chunk.text[max(count["seen"] - count["said"], 0) :]
                count["said"] += len(chunk.text)
                count["seen"] = max(count["seen"], count["said"])
                if new:
                    yield new
            return
        except Exception:
            if given is None:
                raise


@wrong("2.6", 3, shows_each_piece_once="as many letters more as the message before has")
def only_what_was_seen_begins_anew(agent, thread_id, text):
    return counting(agent, thread_id, text, ["seen"])


@wrong("2.6", 2, shows_each_piece_once="letters are missing", comes_while_speaking=SPEAKING)
def only_what_was_said_begins_anew(agent, thread_id, text):
    return counting(agent, thread_id, text, ["said"])


@wrong("2.6", 3, shows_each_piece_once="also those around a call")
def nothing_behind_a_piece_of_a_call(agent, thread_id, text):
    calls = set()

    def skips(chunk):
        if chunk.tool_call_chunks:
            calls.add(chunk.id)
        return chunk.id in calls

    return counting(agent, thread_id, text, ["seen", "said"], skips)


@wrong("2.6", 3, raises_at_last="tried again once in all, whichever message breaks off")
async def one_drop_for_each_message(agent, thread_id, text):
    seen, given, tried = 0, asking(text), 1
    while True:
        said = 0
        try:
            async for chunk, _ in agent.astream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool":
                    seen, said, tried = 0, 0, 1
                    continue
                new = chunk.text[max(seen - said, 0) :]
                said += len(chunk.text)
                seen = max(seen, said)
                if new:
                    yield new
            return
        except Exception:
            given, tried = None, tried + 1
            if tried > 2:
                raise


@wrong("2.6", 3, asks_nothing_again="Any Exception of the run is a drop, also a tool's")
async def an_error_of_a_tool_is_no_drop(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except Exception as error:
            if given is None or type(error).__name__ == "ToolFailed":
                raise


@wrong("2.6", 3, comes_while_speaking="time.sleep(…) holds up the whole loop")
async def a_pause_that_blocks_after_a_drop(agent, thread_id, text):
    seen = Counter()
    for given in (asking(text), None):
        try:
            async for piece in unseen(agent, thread_id, given, seen):
                yield piece
            return
        except Exception:
            if given is None:
                raise
            time.sleep(0.001)  # noqa: ASYNC251


@wrong("2.6", 3, comes_while_speaking="agent.stream(…) holds up the loop")
async def the_second_attempt_read_in_a_plain_loop(agent, thread_id, text):
    seen = Counter()
    try:
        async for piece in unseen(agent, thread_id, asking(text), seen):
            yield piece
    except Exception:
        said = 0
        for chunk, _ in agent.stream(None, config(thread_id), stream_mode="messages"):
            if chunk.type == "tool":
                seen["letters"] = said = 0
                continue
            new = chunk.text[max(seen["letters"] - said, 0) :]
            said += len(chunk.text)
            if new:
                yield new


# What the printed example shows, too

NAME = "must have `search` in it"
INPUT = "did not get into the graph's state"
NO_INPUT = {"tells_each_message": INPUT, "tells_both_results": INPUT, "tells_as_it_happens": INPUT}


def told_of(events):
    for event in events:
        for node, update in event.items():
            for message in update["messages"]:
                yield node, kind_of(message), message.text


@plainly("2.1", 0.5, tells_each_message="the name of the node", tells_as_it_happens="nodes and texts")
def the_model_s_name_for_the_node(agent, thread_id, text):
    for _, message in updates(agent, thread_id, text):
        yield "llm", kind_of(message), message.text


@plainly("2.1", 2.5, tells_both_results="A message without text is missing")
def messages_without_text_left_out(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        if message.text:
            yield node, kind_of(message), message.text


@plainly("2.1", 0, **NO_INPUT)
def a_text_for_the_input(agent, thread_id, text):
    yield from told_of(agent.stream(text, config(thread_id)))


@plainly("2.1", 0, **NO_INPUT)
def a_message_for_the_input(agent, thread_id, text):
    yield from told_of(agent.stream(HumanMessage(text), config(thread_id)))


@plainly("2.1", 0, **NO_INPUT)
def another_key_in_the_input(agent, thread_id, text):
    yield from told_of(agent.stream({"message": [HumanMessage(text)]}, config(thread_id)))


@plainly("2.1", 0, **dict.fromkeys(NO_INPUT, ANOTHER))
def another_question(agent, thread_id, text):
    yield from told_of(agent.stream(asking(f"{text} Be brief."), config(thread_id)))


@plainly("2.2", 2.5, serves_two_readers="must be an asynchronous generator")
def a_plain_generator(agent, thread_id, text):
    for chunk, _ in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
        if chunk.text and chunk.type != "tool":
            yield chunk.text


@plainly("2.6", 3, comes_while_speaking="must be an asynchronous generator")
def a_plain_generator_that_goes_on(agent, thread_id, text):
    shown = 0
    for given in (asking(text), None):
        said = 0
        try:
            for chunk, _ in agent.stream(given, config(thread_id), stream_mode="messages"):
                if chunk.type == "tool":
                    shown = said = 0
                    continue
                new, said = chunk.text[max(shown - said, 0) :], said + len(chunk.text)
                shown = max(shown, said)
                yield new
            return
        except Exception:
            if given is None:
                raise


@plainly(
    "2.5",
    1,
    answers_every_call="a number must be answered",
    says_what_failed="Whatever a long text is made of",
)
def results_taken_for_text(state, tools):
    def work(call, tools):
        if call["name"] not in tools:
            return tool_message(call, f"there is no tool {call['name']}", status="error")
        try:
            text = tools[call["name"]].invoke(call["args"])
            if len(text) > 2_000:
                text = text[:2_000] + "…"
            return tool_message(call, text)
        except GraphBubbleUp:
            raise
        except Exception as error:
            return tool_message(call, cut(str(error)), status="error")

    return every(state, tools, work)


@plainly("2.1", 0, **dict.fromkeys(NO_INPUT, "must be a generator"))
def the_demonstration_s_loop(agent, thread_id, text):
    for event in agent.stream(asking(text), config(thread_id)):
        for node, update in event.items():
            print(node, [message.type for message in update["messages"]])


@plainly(
    "2.1",
    0,
    tells_each_message="a tuple of three",
    tells_both_results="a tuple of three",
    tells_as_it_happens="a tuple of three",
)
def the_events_as_they_are(agent, thread_id, text):
    yield from agent.stream(asking(text), config(thread_id))


GENERATOR = "must be a generator"


@plainly(
    "2.2",
    0,
    pieces_make_the_answer=GENERATOR,
    reads_blocks=GENERATOR,
    comes_at_once=GENERATOR,
    serves_two_readers=GENERATOR,
)
async def the_demonstration_of_tokens(agent, thread_id, text):
    for chunk, metadata in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
        if metadata["langgraph_node"] == "llm":
            print(chunk.text, end="|", flush=True)


NO_TEXT = "No text came out of the generator"


@plainly(
    "2.2", 1.5, pieces_make_the_answer=NO_TEXT, reads_blocks="whatever the content", comes_at_once=NO_TEXT
)
async def printed_and_not_yielded(agent, thread_id, text):
    async for chunk, _ in messages(agent, thread_id, text):
        if chunk.type != "tool" and chunk.text:
            print(chunk.text, end="")
            yield ""


DICTS = "a dict of dicts"


@plainly("2.3", 0, counts_the_tokens=DICTS, times_the_wait=DICTS, tells_nodes_apart=DICTS)
def the_demonstration_without_its_picture(agent, thread_id, text, clock=time.perf_counter):
    for chunk, _ in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
        print(chunk.text, end="|", flush=True)


RETURNED = "The tool returned nothing"


@plainly("2.4", 1, tool_reports=RETURNED, shows_while_searching="reached the model as None")
def a_tool_that_returns_nothing():
    def search_aloud(search):
        @tool
        def search_aloud(query: str):
            """Search."""
            reporting(search).invoke({"query": query})

        return search_aloud

    return search_aloud, shown


TOOL = "must return a tool"


@plainly("2.4", 1, tool_reports=TOOL, shows_while_searching=TOOL)
def the_search_s_name_alone():
    return lambda search: search.name, shown


@plainly("2.4", 0, tool_reports=NAME, shows_both='("node", name)', shows_while_searching=NAME)
def the_demonstration_s_tool_and_loop():
    def search_aloud(search):
        @tool
        def weigh(thing: str) -> int:
            """How heavy a thing is, in grams."""
            get_stream_writer()({"weighing": thing})
            return 100 * len(thing)

        return weigh

    def show(agent, thread_id, text):
        yield from agent.stream(asking(text), config(thread_id), stream_mode=["updates", "custom"])

    return search_aloud, show


@plainly("2.5", 0, answers_every_call=RAISED, says_what_failed=RAISED, lets_interrupts_pass=RAISED)
def the_agent_s_own(state, tools):
    results = []
    for call in state["messages"][-1].tool_calls:
        result = tools[call["name"]].invoke(call["args"])
        results.append(ToolMessage(str(result), name=call["name"], tool_call_id=call["id"]))
    return {"messages": results}


@plainly(
    "2.6",
    0,
    shows_each_piece_once=GENERATOR,
    asks_nothing_again=GENERATOR,
    raises_at_last="raised an error",
    comes_while_speaking=GENERATOR,
)
def the_demonstration_of_a_drop(agent, thread_id, text):
    try:
        for chunk, _ in agent.stream(asking(text), config(thread_id), stream_mode="messages"):
            print(chunk.text, end="")
    except Exception as error:
        print(type(error).__name__)
    print(agent.invoke(None, config(thread_id))["messages"][-1].text)


NAME = "must have `search` in it"


@plainly("2.4", 1, tool_reports=NAME, shows_while_searching=NAME)
def a_tool_of_another_name():
    def search_aloud(search):
        @tool
        def loud_lookup(query: str) -> str:
            """Search the web."""
            return reporting(search).invoke({"query": query})

        return loud_lookup

    return search_aloud, shown


ARGUMENT = "must be called query"


@plainly("2.4", 1, tool_reports=ARGUMENT, shows_while_searching=ARGUMENT)
def a_tool_with_another_argument():
    def search_aloud(search):
        @tool
        def loud_search(question: str) -> str:
            """Search the web."""
            return reporting(search).invoke({"query": question})

        return loud_search

    return search_aloud, shown


@wrong("2.1", 2, tells_each_message="told as an answer, in another graph with another model")
def kind_by_a_providers_own_word(agent, thread_id, text):
    for node, message in updates(agent, thread_id, text):
        if message.type == "tool":
            kind = "result"
        elif message.response_metadata.get("finish_reason") == "tool_calls":
            kind = "call"
        else:
            kind = "answer"
        yield node, kind, message.text


@wrong(
    "2.5",
    1,
    answers_every_call="A call that went well has the status of an error",
    says_what_failed="Whatever a long text is made of",
)
def a_status_that_stays(state, tools):
    messages = []
    status = "success"
    for call in state["messages"][-1].tool_calls:
        if call["name"] not in tools:
            text = f"unknown tool: {call['name']}"
            status = "error"
        else:
            try:
                text = str(tools[call["name"]].invoke(call["args"]))
            except GraphBubbleUp:
                raise
            except Exception as error:
                text = str(error)
                status = "error"
        if len(text) > 2000:
            text = text[:2000] + "…"
        messages.append(ToolMessage(text, tool_call_id=call["id"], status=status))
    return {"messages": messages}
