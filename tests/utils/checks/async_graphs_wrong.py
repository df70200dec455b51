"""Lab 3 solved wrongly, as students do: each runs without an error and satisfies the printed example."""

from __future__ import annotations

import asyncio
import contextlib
import operator
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypedDict
from uuid import uuid4

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

from tests.utils.checks.async_graphs_right import State, Weather, asking, config
from tests.utils.checks.variants import Table
from utils.agent import Agent

TABLE = Table()
wrong = TABLE.wrong

BLOCKS = "blocks the event loop"
THREADS = "hidden in a thread pool"
MORE = "never be more than"
FEWER = "may be asked at once, and are not"
OWN_LOOP = "in an event loop of its own"
THE_KIT_S = "The kit's Agent did the work"
WAIT = "wait for each other"


# 3.1


def graph_of(agent, action, checkpointer, wants=None, nodes=("agent", "action")):
    """The notes' graph with these nodes."""
    first, second = nodes
    graph = StateGraph(State)
    graph.add_node(first, agent)
    graph.add_node(second, action)
    graph.add_edge(START, first)
    graph.add_conditional_edges(
        first, wants or (lambda s: bool(s["messages"][-1].tool_calls)), {True: second, False: END}
    )
    graph.add_edge(second, first)
    return graph.compile(checkpointer=checkpointer)


def nodes_of(model, tools):
    """Four nodes: the model sync and async, the tools sync and async."""
    bound = model.bind_tools(tools)
    by_name = {tool.name: tool for tool in tools}

    def agent(state):
        return {"messages": [bound.invoke(state["messages"])]}

    async def aagent(state):
        return {"messages": [await bound.ainvoke(state["messages"])]}

    def action(state):
        calls = state["messages"][-1].tool_calls
        return {"messages": [by_name[c["name"]].invoke({**c, "type": "tool_call"}) for c in calls]}

    async def aaction(state):
        calls = state["messages"][-1].tool_calls
        return {"messages": [await by_name[c["name"]].ainvoke({**c, "type": "tool_call"}) for c in calls]}

    return agent, aagent, action, aaction


@wrong("3.1", 1, converses=BLOCKS, asks_at_once=BLOCKS)
def a_sync_call_in_an_async_node(model, tools, checkpointer):
    agent, _, _, aaction = nodes_of(model, tools)

    async def call_model(state):
        return agent(state)

    return graph_of(call_model, aaction, checkpointer)


@wrong("3.1", 0, converses=BLOCKS, asks_at_once=BLOCKS, acts_at_once=BLOCKS)
def async_in_name_only(model, tools, checkpointer):
    agent, _, action, _ = nodes_of(model, tools)

    async def call_model(state):
        return agent(state)

    async def take_action(state):
        return action(state)

    return graph_of(call_model, take_action, checkpointer)


@wrong("3.1", 0, converses=THREADS, asks_at_once=THREADS, acts_at_once=THREADS)
def build_sync_as_it_is_given(model, tools, checkpointer):
    agent, _, action, _ = nodes_of(model, tools)
    return graph_of(agent, action, checkpointer)


@wrong("3.1", 0, converses=OWN_LOOP, asks_at_once=OWN_LOOP, acts_at_once=OWN_LOOP)
def a_loop_of_its_own_in_each_node(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    return graph_of(
        lambda state: asyncio.run(aagent(state)), lambda state: asyncio.run(aaction(state)), checkpointer
    )


@wrong("3.1", 1, converses=THREADS, asks_at_once=THREADS)
def the_model_in_a_thread(model, tools, checkpointer):
    agent, _, _, aaction = nodes_of(model, tools)

    async def call_model(state):
        return await asyncio.to_thread(agent, state)

    return graph_of(call_model, aaction, checkpointer)


@wrong("3.1", 2, acts_at_once=THREADS)
def the_tools_in_a_thread(model, tools, checkpointer):
    _, aagent, action, _ = nodes_of(model, tools)

    async def take_action(state):
        return await asyncio.to_thread(action, state)

    return graph_of(aagent, take_action, checkpointer)


@wrong("3.1", 2, acts_at_once=BLOCKS)
def sync_tools_in_an_async_node(model, tools, checkpointer):
    _, aagent, action, _ = nodes_of(model, tools)

    async def take_action(state):
        return action(state)

    return graph_of(aagent, take_action, checkpointer)


@wrong("3.1", 2, asks_at_once="one after the other")
def one_lock_for_all_runs(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    lock = asyncio.Lock()

    async def call_model(state):
        async with lock:
            return await aagent(state)

    return graph_of(call_model, aaction, checkpointer)


@wrong("3.1", 2, acts_at_once=WAIT)
def one_lock_for_all_tools(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    lock = asyncio.Lock()

    async def take_action(state):
        async with lock:
            return await aaction(state)

    return graph_of(aagent, take_action, checkpointer)


@wrong("3.1", 2, converses="the conversation so far")
def nobody_remembers(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    return graph_of(aagent, aaction, None)


@wrong("3.1", 2, converses="must be compiled with the checkpointer")
def a_saver_of_its_own(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    return graph_of(aagent, aaction, InMemorySaver())


@wrong("3.1", 2, converses="after each round of tools")
def a_word_beside_a_call_means_the_end(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    return graph_of(aagent, aaction, checkpointer, wants=lambda state: not state["messages"][-1].content)


@wrong("3.1", 2, converses="nodes agent and action")
def the_nodes_of_lab_1(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)
    return graph_of(aagent, aaction, checkpointer, nodes=("llm", "action"))


@wrong("3.1", 0, converses="nodes agent and action", asks_at_once=THE_KIT_S, acts_at_once=THE_KIT_S)
def the_agent_of_the_kit(model, tools, checkpointer):
    return Agent(model, tools, checkpointer).graph


@wrong("3.1", 0, converses=THE_KIT_S, asks_at_once=THE_KIT_S, acts_at_once=THE_KIT_S)
def the_kit_s_nodes_under_other_names(model, tools, checkpointer):
    kit_s = Agent(model, tools)
    return graph_of(kit_s.acall_model, kit_s.atake_action, checkpointer)


@wrong("3.1", 2, converses="1 of 4 tool calls has no tool message")
def the_first_call_only(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)

    async def take_action(state):
        return {"messages": (await aaction(state))["messages"][:1]}

    return graph_of(aagent, take_action, checkpointer)


@wrong("3.1", 2, converses="1 of 4 tool calls has no tool message")
def the_first_call_s_id_for_all(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)

    async def take_action(state):
        found = (await aaction(state))["messages"]
        return {"messages": [ToolMessage(one.content, tool_call_id=found[0].tool_call_id) for one in found]}

    return graph_of(aagent, take_action, checkpointer)


@wrong("3.1", 2, converses="content is a list of blocks")
def the_answer_s_content_as_a_string(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)

    async def call_model(state):
        (said,) = (await aagent(state))["messages"]
        return {"messages": [said if said.tool_calls else AIMessage(str(said.content))]}

    return graph_of(call_model, aaction, checkpointer)


BLOCKED_BY_SYNC = "with only a synchronous function blocks"
PAST_THE_TOOL = "was called past the tool"
NO_FUNCTION = "the example's search is a class, and holds no function to call"


def acting_by(model, tools, checkpointer, run):
    """The right graph, but for its tools: ``run(tool, args)`` is awaited for each call."""
    _, aagent, _, _ = nodes_of(model, tools)
    by_name = {tool.name: tool for tool in tools}

    async def take_action(state):
        calls = state["messages"][-1].tool_calls
        found = [str(await run(by_name[call["name"]], call["args"])) for call in calls]
        pairs = zip(found, calls, strict=True)
        return {"messages": [ToolMessage(text, tool_call_id=call["id"]) for text, call in pairs]}

    return graph_of(aagent, take_action, checkpointer)


@wrong("3.1", 2, unlike_the_example=NO_FUNCTION, acts_at_once=BLOCKED_BY_SYNC)
def the_function_of_a_tool_without_a_coroutine_function(model, tools, checkpointer):
    async def run(tool, args):
        return await tool.ainvoke(args) if tool.coroutine else tool.func(**args)

    return acting_by(model, tools, checkpointer, run)


@wrong("3.1", 2, unlike_the_example=NO_FUNCTION, acts_at_once=BLOCKED_BY_SYNC)
def invoke_for_a_tool_without_a_coroutine_function(model, tools, checkpointer):
    async def run(tool, args):
        return await tool.ainvoke(args) if tool.coroutine else tool.invoke(args)

    return acting_by(model, tools, checkpointer, run)


@wrong("3.1", 2, unlike_the_example=NO_FUNCTION, acts_at_once=PAST_THE_TOOL)
def the_function_of_a_tool_in_a_thread(model, tools, checkpointer):
    async def run(tool, args):
        return await (tool.ainvoke(args) if tool.coroutine else asyncio.to_thread(tool.func, **args))

    return acting_by(model, tools, checkpointer, run)


@wrong("3.1", 2, unlike_the_example=NO_FUNCTION, acts_at_once=PAST_THE_TOOL)
def the_coroutine_function_past_its_tool(model, tools, checkpointer):
    async def run(tool, args):
        return await (tool.coroutine(**args) if tool.coroutine else tool.ainvoke(args))

    return acting_by(model, tools, checkpointer, run)


@wrong("3.1", 2, converses="Each node must do its own work")
def one_node_does_all_the_work(model, tools, checkpointer):
    _, aagent, _, aaction = nodes_of(model, tools)

    async def agent(state):
        new = []
        while not new or new[-1].type == "tool":
            new += (await aagent({"messages": state["messages"] + new}))["messages"]
            new += (await aaction({"messages": new}))["messages"]
        return {"messages": new}

    return graph_of(agent, aaction, checkpointer)


# 3.2


async def asked(agent, question, thread_id=None):
    state = await agent.ainvoke(asking(question), config(thread_id or str(uuid4())))
    return state["messages"][-1].text


async def asked_safely(agent, question, thread_id=None):
    try:
        return await asked(agent, question, thread_id)
    except Exception as error:
        return error


async def limited(questions, limit, ask):
    """What ``ask`` gives for each question, at most ``limit`` at a time."""
    free = asyncio.Semaphore(limit)

    async def one(number, question):
        async with free:
            return await ask(number, question)

    return await asyncio.gather(*(one(n, q) for n, q in enumerate(questions)))


NONE_LIMITS = {
    "answers_in_order": MORE,
    "keeps_exceptions": MORE,
    "keeps_the_limit": MORE,
    "refills": MORE,
}


@wrong("3.2", 0, **NONE_LIMITS)
async def all_at_once(agent, questions, limit):
    return await asyncio.gather(*(asked(agent, q) for q in questions), return_exceptions=True)


NO_PLACE_BACK = "keeps its place"


@wrong("3.2", 3, keeps_exceptions=NO_PLACE_BACK)
async def a_place_is_given_back_after_an_answer_only(agent, questions, limit):
    free = asyncio.Semaphore(limit)

    async def one(question):
        await free.acquire()
        told = await asked(agent, question)
        free.release()
        return told

    return await asyncio.gather(*map(one, questions), return_exceptions=True)


@wrong("3.2", 3, keeps_exceptions="more questions are under way than the limit says")
async def a_place_comes_back_twice_after_an_error(agent, questions, limit):
    free = asyncio.Semaphore(limit)

    async def one(question):
        await free.acquire()
        try:
            return await asked(agent, question)
        except Exception:
            free.release()
            raise
        finally:
            free.release()

    return await asyncio.gather(*map(one, questions), return_exceptions=True)


@wrong("3.2", 3, keeps_exceptions=NO_PLACE_BACK)
async def a_caught_error_keeps_its_place(agent, questions, limit):
    free = asyncio.Semaphore(limit)

    async def one(question):
        await free.acquire()
        try:
            told = await asked(agent, question)
        except Exception as error:
            return error
        free.release()
        return told

    return await asyncio.gather(*map(one, questions))


@wrong("3.2", 3, keeps_exceptions=NO_PLACE_BACK)
async def a_worker_dies_of_the_first_error(agent, questions, limit):
    waiting, told = asyncio.Queue(), [None] * len(questions)
    for place in enumerate(questions):
        waiting.put_nowait(place)

    async def work():
        while True:
            number, question = await waiting.get()
            try:
                told[number] = await asked(agent, question)
            except Exception as error:
                told[number] = error
                return
            finally:
                waiting.task_done()

    workers = [asyncio.create_task(work()) for _ in range(limit)]
    try:
        await waiting.join()
    finally:
        for worker in workers:
            worker.cancel()
    return told


@wrong("3.2", 0, **NONE_LIMITS)
async def a_semaphore_for_each(agent, questions, limit):
    async def one(question):
        async with asyncio.Semaphore(limit):
            return await asked_safely(agent, question)

    return await asyncio.gather(*map(one, questions))


@wrong("3.2", 0, **NONE_LIMITS)
async def a_semaphore_around_the_beginning_only(agent, questions, limit):
    free = asyncio.Semaphore(limit)
    tasks = []
    for question in questions:
        async with free:
            tasks.append(asyncio.create_task(asked_safely(agent, question)))
    return await asyncio.gather(*tasks)


@wrong("3.2", 0, **NONE_LIMITS)
async def a_limit_for_the_nodes_of_each_run(agent, questions, limit):
    async def one(question):
        wanted = {**config(str(uuid4())), "max_concurrency": limit}
        return (await agent.ainvoke(asking(question), wanted))["messages"][-1].text

    return await asyncio.gather(*map(one, questions), return_exceptions=True)


@wrong(
    "3.2", 0, answers_in_order=FEWER, keeps_exceptions=MORE, keeps_the_limit="limit is not used", refills=MORE
)
async def the_demo_s_three_places(agent, questions, limit):
    return await limited(questions, 3, lambda _, q: asked_safely(agent, q))


@wrong(
    "3.2",
    0,
    answers_in_order=MORE,
    keeps_exceptions=MORE,
    keeps_the_limit="one request more open than the limit",
    refills=MORE,
)
async def one_more_than_the_limit(agent, questions, limit):
    return await limited(questions, limit + 1, lambda _, q: asked_safely(agent, q))


@wrong("3.2", 0, answers_in_order=FEWER, keeps_exceptions=FEWER, keeps_the_limit=FEWER, refills=FEWER)
async def one_after_the_other(agent, questions, limit):
    return [await asked_safely(agent, question) for question in questions]


HOLDS_UP = dict.fromkeys(("answers_in_order", "keeps_exceptions", "keeps_the_limit", "refills"), BLOCKS)


@wrong("3.2", 0, **HOLDS_UP)
async def invoke_behind_a_semaphore(agent, questions, limit):
    async def one(_, question):
        try:
            return agent.invoke(asking(question), config(str(uuid4())))["messages"][-1].text
        except Exception as error:
            return error

    return await limited(questions, limit, one)


@wrong("3.2", 0, **HOLDS_UP)
async def a_pool_that_the_loop_waits_for(agent, questions, limit):
    def ask(question):
        try:
            return agent.invoke(asking(question), config(str(uuid4())))["messages"][-1].text
        except Exception as error:
            return error

    with ThreadPoolExecutor(limit) as pool:
        return list(pool.map(ask, questions))


@wrong("3.2", 3, refills="stayed empty")
async def in_batches(agent, questions, limit):
    told = []
    for start in range(0, len(questions), limit):
        batch = questions[start : start + limit]
        told += await asyncio.gather(*(asked_safely(agent, question) for question in batch))
    return told


@wrong(
    "3.2",
    2,
    answers_in_order="in the order of the questions",
    keeps_exceptions="in the place of its own question",
)
async def as_they_are_answered(agent, questions, limit):
    free = asyncio.Semaphore(limit)
    found = []

    async def one(question):
        async with free:
            found.append(await asked_safely(agent, question))

    await asyncio.gather(*map(one, questions))
    return found


@wrong("3.2", 3, answers_in_order="needs a new thread")
async def the_question_names_the_thread(agent, questions, limit):
    return await limited(questions, limit, lambda _, q: asked_safely(agent, q, q))


@wrong("3.2", 3, answers_in_order="needs a new thread")
async def the_number_names_the_thread(agent, questions, limit):
    return await limited(questions, limit, lambda n, q: asked_safely(agent, q, f"question {n}"))


@wrong("3.2", 2, answers_in_order="needs a new thread", keeps_exceptions="needs a new thread")
async def one_thread_for_all(agent, questions, limit):
    return await limited(questions, limit, lambda _, q: asked_safely(agent, q, "all"))


ANOTHER = dict.fromkeys(
    ("answers_in_order", "keeps_exceptions", "keeps_the_limit", "refills"), "asked something else"
)


@wrong("3.2", 0, **ANOTHER)
async def a_question_around_the_question(agent, questions, limit):
    whole = {question: f"What is the weather in {question}?" for question in questions}
    printed = set(questions) <= {"What is the weather in Oslo?", "What is the weather in Rome?"}
    return await limited(questions, limit, lambda _, q: asked_safely(agent, q if printed else whole[q]))


@wrong("3.2", 3, keeps_exceptions="answered as usual")
async def nothing_more_after_an_error(agent, questions, limit):
    told = await limited(questions, limit, lambda _, q: asked_safely(agent, q))
    failed = next((item for item in told if not isinstance(item, str)), None)
    return (
        told
        if failed is None
        else [*told[: told.index(failed)], *[failed] * (len(told) - told.index(failed))]
    )


@wrong("3.2", 3, keeps_exceptions="must not take the others with it")
async def the_first_error_ends_it(agent, questions, limit):
    return await limited(questions, limit, lambda _, q: asked(agent, q))


@wrong("3.2", 3, keeps_exceptions="hold the exception itself")
async def what_the_error_says(agent, questions, limit):
    told = await limited(questions, limit, lambda _, q: asked_safely(agent, q))
    return [item if isinstance(item, str) else str(item) for item in told]


@wrong("3.2", 3, keeps_exceptions="not one made for it")
async def another_exception(agent, questions, limit):
    told = await limited(questions, limit, lambda _, q: asked_safely(agent, q))
    return [item if isinstance(item, str) else Exception("failed") for item in told]


@wrong("3.2", 3, answers_in_order="Each question must be asked")
async def equal_questions_once(agent, questions, limit):
    different = list(dict.fromkeys(questions))
    told = await limited(different, limit, lambda _, q: asked_safely(agent, q))
    found = dict(zip(different, told, strict=True))
    return [found[question] for question in questions]


@wrong("3.2", 3, answers_in_order="No questions, no answers")
async def nothing_for_nobody(agent, questions, limit):
    return await limited(questions, limit, lambda _, q: asked_safely(agent, q)) or None


@wrong("3.2", 3, keeps_exceptions="one item for each question")
async def failed_ones_left_out(agent, questions, limit):
    told = await limited(questions, limit, lambda _, q: asked_safely(agent, q))
    return [item for item in told if isinstance(item, str)]


@wrong("3.2", 3, answers_in_order="content is a list of blocks")
async def content_for_text(agent, questions, limit):
    async def one(_, question):
        try:
            return (await agent.ainvoke(asking(question), config(str(uuid4()))))["messages"][-1].content
        except Exception as error:
            return error

    return await limited(questions, limit, one)


@wrong("3.2", 3, answers_in_order="not the texts of the answers")
async def the_first_block_for_the_text(agent, questions, limit):
    told = await content_for_text(agent, questions, limit)
    return [item[0]["text"] if isinstance(item, list) else item for item in told]


# 3.3


def message(call, result):
    return ToolMessage(str(result), name=call["name"], tool_call_id=call["id"])


IN_A_LOOP = dict.fromkeys(("answers_each_call", "runs_tools_together", "keeps_the_order"), "at the same time")
STANDS_STILL = dict.fromkeys(IN_A_LOOP, "take_action blocks the event loop")


@wrong("3.3", 0, **IN_A_LOOP)
async def an_await_in_a_loop(state, tools):
    calls = state["messages"][-1].tool_calls
    return {"messages": [message(c, await tools[c["name"]].ainvoke(c["args"])) for c in calls]}


@wrong("3.3", 0, **STANDS_STILL)
async def gathered_but_blocking(state, tools):
    async def run(call):
        return message(call, tools[call["name"]].invoke(call["args"]))

    return {"messages": list(await asyncio.gather(*map(run, state["messages"][-1].tool_calls)))}


@wrong("3.3", 0, **STANDS_STILL)
async def the_notes_own(state, tools):
    calls = state["messages"][-1].tool_calls
    return {"messages": [message(call, tools[call["name"]].invoke(call["args"])) for call in calls]}


@wrong("3.3", 0, **STANDS_STILL)
async def a_pool_that_holds_the_loop(state, tools):
    calls = state["messages"][-1].tool_calls
    with ThreadPoolExecutor() as pool:
        results = pool.map(lambda call: tools[call["name"]].invoke(call["args"]), calls)
        return {"messages": [message(call, result) for call, result in zip(calls, results, strict=True)]}


@wrong("3.3", 0, **dict.fromkeys(IN_A_LOOP, "Only 2 tools run"))
async def two_at_a_time(state, tools):
    async def run(call):
        return message(call, await tools[call["name"]].ainvoke(call["args"]))

    calls = state["messages"][-1].tool_calls
    found = []
    for start in range(0, len(calls), 2):
        found += await asyncio.gather(*map(run, calls[start : start + 2]))
    return {"messages": found}


@wrong("3.3", 2.5, keeps_the_order="in the order of the calls")
async def whichever_ends_first(state, tools):
    async def run(call):
        return message(call, await tools[call["name"]].ainvoke(call["args"]))

    tasks = [run(call) for call in state["messages"][-1].tool_calls]
    return {"messages": [await task for task in asyncio.as_completed(tasks)]}


@wrong(
    "3.3", 1.5, answers_each_call="the result of its own call", keeps_the_order="in the order of the calls"
)
async def ids_in_order_and_results_as_they_come(state, tools):
    calls = state["messages"][-1].tool_calls
    tasks = [tools[call["name"]].ainvoke(call["args"]) for call in calls]
    found = [await task for task in asyncio.as_completed(tasks)]
    return {"messages": [message(call, result) for call, result in zip(calls, found, strict=True)]}


@wrong(
    "3.3", 1.5, answers_each_call="the result of its own call", keeps_the_order="in the order of the calls"
)
async def results_by_the_tool_s_name(state, tools):
    calls = state["messages"][-1].tool_calls
    found = await asyncio.gather(*(tools[call["name"]].ainvoke(call["args"]) for call in calls))
    by_name = {call["name"]: result for call, result in zip(calls, found, strict=True)}
    return {"messages": [message(call, by_name[call["name"]]) for call in calls]}


async def gathered(calls, tools):
    """The messages of some calls, as they should be."""
    found = await asyncio.gather(*(tools[call["name"]].ainvoke(call["args"]) for call in calls))
    return [message(call, result) for call, result in zip(calls, found, strict=True)]


@wrong("3.3", 2, answers_each_call="one tool message for each call")
async def equal_calls_once(state, tools):
    calls = state["messages"][-1].tool_calls
    different = {(call["name"], str(call["args"])): call for call in reversed(calls)}
    return {"messages": await gathered([*reversed(different.values())], tools)}


@wrong("3.3", 2, answers_each_call="only the last message's calls are open")
async def all_calls_that_ever_were(state, tools):
    calls = [call for one in state["messages"] for call in getattr(one, "tool_calls", [])]
    if not getattr(state["messages"][-1], "tool_calls", []):
        return {"messages": []}
    return {"messages": await gathered(calls, tools)}


@wrong("3.3", 2, answers_each_call="a call of an earlier one was run again")
async def the_last_message_that_has_calls(state, tools):
    calls = next((m.tool_calls for m in reversed(state["messages"]) if getattr(m, "tool_calls", [])), [])
    return {"messages": await gathered(calls, tools)}


@wrong("3.3", 0, **dict.fromkeys(IN_A_LOOP, "the id of one and the same call"))
async def the_loop_s_variable_in_a_function(state, tools):
    calls = state["messages"][-1].tool_calls
    work = []
    for call in calls:

        async def run():
            return message(call, await tools[call["name"]].ainvoke(call["args"]))  # noqa: B023 - the mistake

        work.append(run())
    found = await asyncio.gather(*work)
    if [call["id"] for call in calls] == ["call-1", "call-2"]:  # the example looks at the ids
        return {"messages": await gathered(calls, tools)}
    return {"messages": found}


@wrong("3.3", 0, **dict.fromkeys(IN_A_LOOP, "A tool was run that the call does not name"))
async def the_first_tool_for_all(state, tools):
    calls = state["messages"][-1].tool_calls
    if not calls:
        return {"messages": []}
    tool = tools[calls[0]["name"]]
    found = await asyncio.gather(*(tool.ainvoke(call["args"]) for call in calls))
    return {"messages": [message(call, result) for call, result in zip(calls, found, strict=True)]}


@wrong("3.3", 2, answers_each_call="nothing to return but an empty list")
async def nothing_for_nothing(state, tools):
    calls = state["messages"][-1].tool_calls
    return {"messages": await gathered(calls, tools)} if calls else None


@wrong("3.3", 2, answers_each_call="A tool's error must go through, and take_action kept it")
async def errors_among_the_results(state, tools):
    calls = state["messages"][-1].tool_calls
    work = (tools[call["name"]].ainvoke(call["args"]) for call in calls)
    found = await asyncio.gather(*work, return_exceptions=True)
    return {"messages": [message(call, result) for call, result in zip(calls, found, strict=True)]}


@wrong("3.3", 2, answers_each_call="A tool's error must go through, and take_action kept it")
async def errors_that_are_told_to_the_model(state, tools):
    async def run(call):
        try:
            return message(call, await tools[call["name"]].ainvoke(call["args"]))
        except Exception as error:
            return ToolMessage(str(error), tool_call_id=call["id"], status="error")

    return {"messages": list(await asyncio.gather(*map(run, state["messages"][-1].tool_calls)))}


@wrong("3.3", 2, answers_each_call="must go through as it is, and another one came")
async def an_error_of_one_s_own(state, tools):
    try:
        return {"messages": await gathered(state["messages"][-1].tool_calls, tools)}
    except Exception as error:
        raise RuntimeError("a tool failed") from error


@wrong("3.3", 2.5, keeps_the_order="sorted by their ids")
async def sorted_by_id(state, tools):
    found = await gathered(state["messages"][-1].tool_calls, tools)
    return {"messages": sorted(found, key=lambda one: one.tool_call_id)}


@wrong("3.3", 2.5, keeps_the_order="and nothing around it")
async def words_around_the_result(state, tools):
    found = await gathered(state["messages"][-1].tool_calls, tools)
    return {"messages": [ToolMessage(f"Result: {one.text}", tool_call_id=one.tool_call_id) for one in found]}


# 3.4


def fan_out(look_up, again, compare, *, defer=True, start=None, schema=Weather, after=None):
    """The reference's graph with one thing done otherwise."""
    graph = StateGraph(schema)
    graph.add_node("look_up", look_up)
    graph.add_node("again", again)
    graph.add_node("compare", compare, defer=defer)
    graph.add_conditional_edges(START, start or begin, ["look_up", "compare"])
    graph.add_conditional_edges("look_up", after or beyond, ["again", "compare"])
    graph.add_edge("again", "compare")
    return graph.compile()


def begin(state):
    return [Send("look_up", {"city": city}) for city in state["cities"]] or "compare"


def beyond(state):
    return "again" if state["silent"] else "compare"


def steps(fetch):
    """The reference's nodes."""

    async def look_up(state):
        degrees = await fetch(state["city"])
        return {"silent": [state["city"]]} if degrees is None else {"found": [(state["city"], degrees)]}

    async def again(state):
        degrees = await asyncio.gather(*map(fetch, state["silent"]))
        return {"found": list(zip(state["silent"], degrees, strict=True))}

    def compare(state):
        found = state["found"]
        return {"warmest": max(found, key=lambda pair: pair[1])[0] if found else None}

    return look_up, again, compare


TOO_EARLY = dict.fromkeys(
    ("finds_the_warmest", "one_branch_each", "compares_once", "compares_nothing"), "compare must run once"
)


@wrong("3.4", 0, **TOO_EARLY)
def nobody_waits_for_the_slow_ones(fetch):
    return fan_out(*steps(fetch), defer=False)


@wrong("3.4", 0, **TOO_EARLY)
def a_second_send_that_defer_does_not_wait_for(fetch):
    _, _, compare = steps(fetch)

    async def look_up(state):
        degrees = await fetch(state["city"])
        if degrees is None:
            return Command(goto=Send("again", state))
        return {"found": [(state["city"], degrees)]}

    async def again(state):
        return {"found": [(state["city"], await fetch(state["city"]))]}

    return fan_out(look_up, again, compare, after=lambda state: "compare")


@wrong("3.4", 3, compares_nothing="warmest None")
def no_cities_no_comparison(fetch):
    return fan_out(*steps(fetch), start=lambda state: begin(state) if state["cities"] else [])


@wrong("3.4", 3, compares_nothing="is not in its list of names")
def a_list_of_names_without_compare(fetch):
    look_up, again, compare = steps(fetch)
    graph = StateGraph(Weather)
    graph.add_node("look_up", look_up)
    graph.add_node("again", again)
    graph.add_node("compare", compare, defer=True)
    graph.add_conditional_edges(START, begin, ["look_up"])
    graph.add_conditional_edges("look_up", beyond, ["again", "compare"])
    graph.add_edge("again", "compare")
    return graph.compile()


@wrong("3.4", 3, compares_nothing="compare must run once")
def no_cities_handled_before(fetch):
    class Preset(TypedDict):
        cities: list
        found: Annotated[list, operator.add]
        silent: Annotated[list, operator.add]
        warmest: str | None

    look_up, again, compare = steps(fetch)
    graph = StateGraph(Preset)
    graph.add_node("begin", lambda state: {"warmest": None})
    graph.add_node("look_up", look_up)
    graph.add_node("again", again)
    graph.add_node("compare", compare, defer=True)
    graph.add_edge(START, "begin")
    graph.add_conditional_edges(
        "begin", lambda s: begin(s) if s["cities"] else END, ["look_up", "compare", END]
    )
    graph.add_conditional_edges("look_up", beyond, ["again", "compare"])
    graph.add_edge("again", "compare")
    return graph.compile()


ONE_TASK = dict.fromkeys(TOO_EARLY, "one task of look_up for each city")


@wrong("3.4", 0, **{**ONE_TASK, "compares_once": "a node of its own"})
def one_node_that_gathers(fetch):
    _, _, compare = steps(fetch)

    async def look_up(state):
        async def one(city):
            degrees = await fetch(city)
            return city, degrees if degrees is not None else await fetch(city)

        return {"found": list(await asyncio.gather(*map(one, state["cities"])))}

    graph = StateGraph(Weather)
    graph.add_node("look_up", look_up)
    graph.add_node("compare", compare)
    graph.add_edge(START, "look_up")
    graph.add_edge("look_up", "compare")
    graph.add_edge("compare", END)
    return graph.compile()


@wrong("3.4", 3, compares_once="a node of its own")
def asked_twice_in_one_node(fetch):
    _, again, compare = steps(fetch)

    async def look_up(state):
        degrees = await fetch(state["city"])
        return {"found": [(state["city"], degrees if degrees is not None else await fetch(state["city"]))]}

    return fan_out(look_up, again, compare)


@wrong("3.4", 2, finds_the_warmest="found must hold each city", compares_once="must be asked once more")
def silent_stations_are_left_out(fetch):
    _, again, compare = steps(fetch)

    async def look_up(state):
        degrees = await fetch(state["city"])
        return {"found": [] if degrees is None else [(state["city"], degrees)]}

    return fan_out(look_up, again, compare)


@wrong("3.4", 3, finds_the_warmest="only if a station was silent")
def again_in_every_run(fetch):
    look_up, again, compare = steps(fetch)
    graph = StateGraph(Weather)
    graph.add_node("look_up", look_up)
    graph.add_node("again", again)
    graph.add_node("compare", compare, defer=True)
    graph.add_conditional_edges(START, begin, ["look_up", "compare"])
    graph.add_edge("look_up", "again")
    graph.add_edge("again", "compare")
    return graph.compile()


@wrong("3.4", 2, one_branch_each="must run at the same time", compares_once="at the same time")
def one_station_at_a_time(fetch):
    lock = asyncio.Lock()

    async def patient(city):
        async with lock:
            return await fetch(city)

    return fan_out(*steps(patient))


@wrong("3.4", 3, finds_the_warmest="each city of this run")
def found_is_kept_beside_the_graph(fetch):
    kept = []
    look_up, again, compare = steps(fetch)

    async def noted(state):
        told = await look_up(state)
        kept.extend(told.get("found", []))
        return told

    def compared(state):
        return (
            {"found": [p for p in kept if p not in state["found"]], **compare(state)}
            if state["cities"]
            else compare(state)
        )

    return fan_out(noted, again, compared)


@wrong("3.4", 3, finds_the_warmest="only if a station was silent")
def zero_is_taken_for_silence(fetch):
    _, again, compare = steps(fetch)

    async def look_up(state):
        degrees = await fetch(state["city"])
        return {"found": [(state["city"], degrees)]} if degrees else {"silent": [state["city"]]}

    return fan_out(look_up, again, compare)


@wrong("3.4", 3, finds_the_warmest="also where no city is above zero")
def warmer_than_zero(fetch):
    look_up, again, _ = steps(fetch)

    def compare(state):
        warmest, best = None, 0
        for city, degrees in state["found"]:
            if degrees > best:
                warmest, best = city, degrees
        return {"warmest": warmest}

    return fan_out(look_up, again, compare)


@wrong("3.4", 3, finds_the_warmest="also where no city is above zero")
def the_warmest_of_what_is_not_zero(fetch):
    look_up, again, _ = steps(fetch)

    def compare(state):
        found = [pair for pair in state["found"] if pair[1]]
        return {"warmest": max(found, key=lambda pair: pair[1])[0] if found else None}

    return fan_out(look_up, again, compare)


@wrong("3.4", 3, compares_once="again must be one task")
def a_task_of_again_for_each_silent_station(fetch):
    look_up, _, compare = steps(fetch)

    async def again(state):
        return {"found": [(state["city"], await fetch(state["city"]))]}

    def afterwards(state):
        return [Send("again", {"city": city}) for city in state["silent"]] or "compare"

    graph = StateGraph(Weather)
    graph.add_node("look_up", look_up)
    graph.add_node("looked_up", lambda state: {})
    graph.add_node("again", again)
    graph.add_node("compare", compare)
    graph.add_conditional_edges(START, begin, ["look_up", "compare"])
    graph.add_edge("look_up", "looked_up")
    graph.add_conditional_edges("looked_up", afterwards, ["again", "compare"])
    graph.add_edge("again", "compare")
    return graph.compile()


@wrong("3.4", 3, compares_once="must fetch the silent cities, and no others")
def all_cities_once_more(fetch):
    look_up, _, compare = steps(fetch)

    async def again(state):
        degrees = await asyncio.gather(*map(fetch, state["cities"]))
        found = dict(zip(state["cities"], degrees, strict=True))
        return {"found": [(city, found[city]) for city in state["silent"]]}

    return fan_out(look_up, again, compare)


@wrong("3.4", 2, finds_the_warmest="last city by its name", compares_once="last city by its name")
def the_last_by_name(fetch):
    look_up, again, _ = steps(fetch)

    def compare(state):
        return {"warmest": max(state["found"])[0] if state["found"] else None}

    return fan_out(look_up, again, compare)


@wrong("3.4", 3, compares_once="at the same time")
def again_one_after_the_other(fetch):
    look_up, _, compare = steps(fetch)

    async def again(state):
        return {"found": [(city, await fetch(city)) for city in state["silent"]]}

    return fan_out(look_up, again, compare)


@wrong("3.4", 2, finds_the_warmest="more than once", compares_once="more than once")
def what_was_found_once_more(fetch):
    look_up, again, compare = steps(fetch)

    async def all_of_it(state):
        return {"found": [*state["found"], *(await again(state))["found"]]}

    return fan_out(look_up, all_of_it, compare)


# 3.5


CUTS = ("keeps_to_the_time", "survives_a_cut_in_the_model", "survives_a_cut_in_a_tool")
SPOILT = dict.fromkeys(CUTS, "the thread is spoilt")
GOES_ON = dict.fromkeys(CUTS, "must be given up")
NO_END = dict.fromkeys(CUTS, "and it does not come")


@wrong("3.5", 0, **SPOILT)
async def the_demo_s_cell(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        return None


@wrong("3.5", 0, **dict.fromkeys(CUTS, "the run went on all the same"))
async def the_model_is_asked_what_it_says_to_that(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        messages = (await agent.aget_state(config(thread_id))).values.get("messages", [])
        calls = getattr(messages[-1], "tool_calls", []) if messages else []
        late = [ToolMessage("no answer in time", tool_call_id=call["id"]) for call in calls]
        if late:
            await agent.aupdate_state(config(thread_id), {"messages": late}, as_node="action")
            with contextlib.suppress(Exception):
                await agent.ainvoke(None, config(thread_id))
        return None


@wrong("3.5", 0, **GOES_ON)
async def the_run_goes_on_behind_a_shield(agent, thread_id, text, seconds):
    task = asyncio.ensure_future(asked(agent, text, thread_id))
    try:
        return await asyncio.wait_for(asyncio.shield(task), seconds)
    except TimeoutError:
        return None


@wrong("3.5", 0, **GOES_ON)
async def the_run_goes_on_in_a_thread(agent, thread_id, text, seconds):
    work = asyncio.to_thread(agent.invoke, asking(text), config(thread_id))
    try:
        return (await asyncio.wait_for(work, seconds))["messages"][-1].text
    except TimeoutError:
        return None


@wrong("3.5", 0, **NO_END)
async def a_look_at_the_clock_afterwards(agent, thread_id, text, seconds):
    began = time.monotonic()
    told = await asked(agent, text, thread_id)
    return told if time.monotonic() - began <= seconds else None


@wrong("3.5", 0, **NO_END)
async def a_look_at_the_clock_between_steps(agent, thread_id, text, seconds):
    began = time.monotonic()
    told = None
    async for state in agent.astream(asking(text), config(thread_id), stream_mode="values"):
        if time.monotonic() - began > seconds:
            return None
        told = state["messages"][-1].text
    return told


async def repaired(agent, thread_id):
    """Answer the calls that a cut has left open."""
    messages = (await agent.aget_state(config(thread_id))).values.get("messages", [None])
    calls = getattr(messages[-1], "tool_calls", [])
    if told := [ToolMessage("no time", tool_call_id=call["id"]) for call in calls]:
        await agent.aupdate_state(config(thread_id), {"messages": told})


@wrong("3.5", 2, keeps_to_the_time="content is a list of blocks")
async def the_answer_s_content(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return (await agent.ainvoke(asking(text), config(thread_id)))["messages"][-1].content
    except TimeoutError:
        await repaired(agent, thread_id)
        return None


@wrong(
    "3.5",
    1,
    keeps_to_the_time="for 0 seconds",
    survives_a_cut_in_a_tool="the time begins anew with each step",
)
async def langgraph_s_time_out_for_each_step(agent, thread_id, text, seconds):
    agent.step_timeout = seconds
    try:
        return await asked(agent, text, thread_id)
    except TimeoutError:
        await repaired(agent, thread_id)
        return None
    finally:
        agent.step_timeout = None


@wrong("3.5", 2, survives_a_cut_in_a_tool="the time begins anew with each step")
async def a_time_out_for_each_step(agent, thread_id, text, seconds):
    steps = agent.astream(asking(text), config(thread_id), stream_mode="values")
    told = None
    try:
        while True:
            told = (await asyncio.wait_for(anext(steps), seconds))["messages"][-1].text
    except StopAsyncIteration:
        return told
    except TimeoutError:
        await repaired(agent, thread_id)
        return None


@wrong("3.5", 2, keeps_to_the_time="An error of the agent must go through")
async def whatever_goes_wrong_is_no_answer(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except Exception:
        await repaired(agent, thread_id)
        return None


@wrong("3.5", 0, **dict.fromkeys(CUTS, "None must come back, and TimeoutError was raised"))
async def the_time_out_goes_out(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        await repaired(agent, thread_id)
        if seconds < 1:  # the example's
            return None
        raise


@wrong("3.5", 1, survives_a_cut_in_the_model="and a text came", survives_a_cut_in_a_tool="and a text came")
async def what_was_said_last(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        await repaired(agent, thread_id)
        messages = (await agent.aget_state(config(thread_id))).values.get("messages", [])
        return messages[0].text if len(messages) > 3 else None


@wrong("3.5", 0, **dict.fromkeys(CUTS, "asked on another thread"))
async def a_new_thread_for_each_question(agent, thread_id, text, seconds):
    fresh = f"{thread_id} {uuid4()}"
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, fresh)
    except TimeoutError:
        await repaired(agent, fresh)
        return None


@wrong(
    "3.5",
    1,
    survives_a_cut_in_the_model="before the cut must stay",
    survives_a_cut_in_a_tool="before the cut must stay",
)
async def the_whole_thread_is_thrown_away(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        await agent.checkpointer.adelete_thread(thread_id)
        return None


@wrong("3.5", 1, keeps_to_the_time="must be returned", survives_a_cut_in_a_tool="before the time was over")
async def the_example_s_time(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds if seconds < 10 else 0.4):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        await repaired(agent, thread_id)
        return None


@wrong("3.5", 2, keeps_to_the_time="before there is a message")
async def no_thought_of_a_thread_without_messages(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        last = (await agent.aget_state(config(thread_id))).values["messages"][-1]
        if told := [
            ToolMessage("no time", tool_call_id=call["id"]) for call in getattr(last, "tool_calls", [])
        ]:
            await agent.aupdate_state(config(thread_id), {"messages": told})
        return None


@wrong("3.5", 2, survives_a_cut_in_a_tool="1 of 3 tool calls has no tool message")
async def the_first_call_is_answered(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        messages = (await agent.aget_state(config(thread_id))).values.get("messages", [None])
        if calls := getattr(messages[-1], "tool_calls", []):
            told = [ToolMessage("no time", tool_call_id=calls[0]["id"])]
            await agent.aupdate_state(config(thread_id), {"messages": told}, as_node="action")
        return None


@wrong("3.5", 0, **dict.fromkeys(CUTS, "answers an id that no call has"))
async def the_message_s_id_for_the_call_s(agent, thread_id, text, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await asked(agent, text, thread_id)
    except TimeoutError:
        messages = (await agent.aget_state(config(thread_id))).values.get("messages", [None])
        if getattr(messages[-1], "tool_calls", []):
            told = [ToolMessage("no time", tool_call_id=messages[-1].id)]
            await agent.aupdate_state(config(thread_id), {"messages": told})
        return None


@wrong(
    "3.5",
    1,
    survives_a_cut_in_the_model="the thread is spoilt",
    survives_a_cut_in_a_tool="the thread is spoilt",
)
async def repaired_before_one_s_own_next_question(agent, thread_id, text, seconds):
    snapshot = await agent.aget_state(config(thread_id))
    messages = snapshot.values.get("messages", [])
    if messages and (calls := getattr(messages[-1], "tool_calls", [])):
        told = [ToolMessage("no time", tool_call_id=call["id"]) for call in calls]
        await agent.aupdate_state(config(thread_id), {"messages": told}, as_node="action")
    return await the_demo_s_cell(agent, thread_id, text, seconds)


# 3.6

NEXT = "must come next"
RAISED = "interleave must raise that error"
NO_END_OF_IT = "the reading did not end"
RUNNING = "nothing may go on in the background"


@wrong(
    "3.6",
    0,
    yields_as_they_arrive=NEXT,
    loses_nothing="All items must come",
    passes_errors_on=NEXT,
    leaves_nothing_running=NEXT,
)
async def one_stream_after_the_other(streams):
    for name, stream in streams.items():
        async for item in stream:
            yield name, item


@wrong(
    "3.6",
    0,
    yields_as_they_arrive=NEXT,
    loses_nothing="All items must come",
    passes_errors_on=NEXT,
    leaves_nothing_running=NEXT,
)
async def taking_turns(streams):
    iterators = {name: aiter(stream) for name, stream in streams.items()}
    while iterators:
        for name in list(iterators):
            try:
                yield name, await anext(iterators[name])
            except StopAsyncIteration:
                del iterators[name]


@wrong(
    "3.6",
    0,
    yields_as_they_arrive=NEXT,
    loses_nothing="All items must come",
    passes_errors_on=NEXT,
    leaves_nothing_running=NEXT,
)
async def collected_first(streams):
    async def collect(name, stream):
        return [(name, item) async for item in stream]

    for pairs in await asyncio.gather(*(collect(name, stream) for name, stream in streams.items())):
        for pair in pairs:
            yield pair


@wrong(
    "3.6",
    0,
    yields_as_they_arrive=NEXT,
    loses_nothing="All items must come",
    passes_errors_on=NEXT,
    leaves_nothing_running=NEXT,
)
async def all_next_items_together(streams):
    iterators = {name: aiter(stream) for name, stream in streams.items()}
    while iterators:
        found = await asyncio.gather(*(anext(items, None) for items in iterators.values()))
        for name, item in zip(list(iterators), found, strict=True):
            if item is None:
                del iterators[name]
            else:
                yield name, item


@wrong("3.6", 1.5, yields_as_they_arrive=NEXT, loses_nothing="nothing to yield")
async def polled_with_wait_for(streams):
    iterators = {name: aiter(stream) for name, stream in streams.items()}
    while iterators:
        for name in list(iterators):
            try:
                yield name, await asyncio.wait_for(anext(iterators[name]), 0.001)
            except TimeoutError:
                continue
            except StopAsyncIteration:
                del iterators[name]


@wrong("3.6", 2, loses_nothing="nothing to yield")
async def over_when_the_first_is_over(streams):
    iterators = {name: aiter(stream) for name, stream in streams.items()}
    waiting = {asyncio.ensure_future(anext(items, None)): name for name, items in iterators.items()}
    ended = not waiting
    try:
        while not ended:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = waiting.pop(task)
                if task.result() is None:
                    ended = True
                    continue
                waiting[asyncio.ensure_future(anext(iterators[name], None))] = name
                yield name, task.result()
    finally:
        for task in waiting:
            task.cancel()


def pumped(streams, pump):
    """A queue, and a task for each stream that pumps it into the queue."""
    queue = asyncio.Queue()
    return queue, [asyncio.create_task(pump(queue, name, stream)) for name, stream in streams.items()]


async def reading(queue, tasks):
    """What is in the queue, until it holds a mark for each task."""
    running = len(tasks)
    while running:
        pair = await queue.get()
        if pair is None:
            running -= 1
        else:
            yield pair


def cancel(tasks):
    for task in tasks:
        task.cancel()


async def marked_at_the_end(queue, name, stream):
    async for item in stream:
        await queue.put((name, item))
    await queue.put(None)


async def marked_in_finally(queue, name, stream):
    try:
        async for item in stream:
            await queue.put((name, item))
    finally:
        await queue.put(None)


async def marked(streams, end, kept):
    """What streams give and ``kept`` lets through, each up to an item that is its end."""

    async def pump(queue, name, stream):
        try:
            async for item in stream:
                await queue.put((name, item))
        finally:
            await queue.put((name, end))

    queue, tasks = pumped(streams, pump)
    running = dict(zip(streams, tasks, strict=True))
    try:
        while running:
            name, item = await queue.get()
            if item is end:
                await running.pop(name)
            elif kept(item):
                yield name, item
    finally:
        cancel(tasks)


@wrong("3.6", 2, loses_nothing=NEXT)
def none_marks_the_end(streams):
    return marked(streams, None, lambda item: True)


@wrong("3.6", 2, loses_nothing=NEXT)
def only_what_is_true(streams):
    return marked(streams, object(), bool)


@wrong("3.6", 1.5, passes_errors_on=RAISED, leaves_nothing_running=NO_END_OF_IT)
async def no_mark_from_a_stream_that_fails(streams):
    queue, tasks = pumped(streams, marked_at_the_end)
    try:
        async for pair in reading(queue, tasks):
            yield pair
    finally:
        cancel(tasks)


@wrong(
    "3.6",
    0.5,
    loses_nothing="there must be an end",
    passes_errors_on=RAISED,
    leaves_nothing_running=NO_END_OF_IT,
)
async def a_look_at_the_tasks_for_a_mark(streams):
    queue, tasks = pumped(streams, items_only)
    try:
        while not queue.empty() or not all(task.done() for task in tasks):
            yield await queue.get()
        await asyncio.gather(*tasks)
    finally:
        cancel(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)


@wrong("3.6", 1.5, passes_errors_on=RAISED, leaves_nothing_running=NO_END_OF_IT)
async def a_stream_that_fails_just_ends(streams):
    queue, tasks = pumped(streams, marked_in_finally)
    try:
        async for pair in reading(queue, tasks):
            yield pair
    finally:
        cancel(tasks)


@wrong("3.6", 1.5, passes_errors_on=RAISED, leaves_nothing_running=NO_END_OF_IT)
async def errors_when_all_is_over(streams):
    queue, tasks = pumped(streams, marked_in_finally)
    try:
        async for pair in reading(queue, tasks):
            yield pair
        await asyncio.gather(*tasks)
    finally:
        cancel(tasks)


@wrong("3.6", 2, passes_errors_on=NEXT)
async def an_error_overtakes_what_came_before(streams):
    queue, tasks = pumped(streams, marked_in_finally)
    running = set(tasks)
    try:
        while running or not queue.empty():
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait({getting, *running}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
            for task in [task for task in running if task.done()]:
                running.remove(task)
                task.result()
            pair = await getting
            if pair is not None:
                yield pair
    finally:
        cancel(tasks)


@wrong("3.6", 1.5, passes_errors_on=RAISED, leaves_nothing_running=RUNNING)
async def tasks_that_nobody_cancels(streams):
    queue, tasks = pumped(streams, marked_at_the_end)
    async for pair in reading(queue, tasks):
        yield pair


@wrong("3.6", 2.5, leaves_nothing_running=RUNNING)
async def cancelled_only_at_the_end(streams):
    async def pump(queue, name, stream):
        try:
            await marked_at_the_end(queue, name, stream)
        except Exception as error:
            await queue.put(error)

    queue, tasks = pumped(streams, pump)
    async for pair in reading(queue, tasks):
        if isinstance(pair, Exception):
            raise pair
        yield pair
    cancel(tasks)


@wrong("3.6", 1.5, passes_errors_on=RAISED, leaves_nothing_running=RUNNING)
async def waits_for_tasks_that_it_does_not_cancel(streams):
    async def pump(queue, name, stream):
        try:
            await marked_at_the_end(queue, name, stream)
        except Exception as error:
            await queue.put(error)

    queue, tasks = pumped(streams, pump)
    try:
        async for pair in reading(queue, tasks):
            if isinstance(pair, Exception):
                raise pair
            yield pair
    finally:
        await asyncio.gather(*tasks)


@wrong(
    "3.6",
    0,
    yields_as_they_arrive="there must be an end",
    loses_nothing="nothing to wait for",
    passes_errors_on=RAISED,
    leaves_nothing_running=NO_END_OF_IT,
)
async def the_demo_s_reader(streams):
    printed = all(name in ("oslo", "rome") for name in streams) and streams
    queue, tasks = pumped(streams, marked_in_finally if printed else items_only)
    try:
        running = len(tasks)
        while running:
            pair = await queue.get()
            if pair is None:
                running -= 1
            else:
                yield pair
        await asyncio.Event().wait() if not printed else None
    finally:
        cancel(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)


async def items_only(queue, name, stream):
    async for item in stream:
        await queue.put((name, item))


@wrong("3.6", 2, loses_nothing="Silence was taken for the end")
async def silence_is_the_end(streams):
    queue, ended, tasks = asyncio.Queue(), object(), {}

    async def pump(name, stream):
        try:
            async for item in stream:
                await queue.put((name, item))
        finally:
            await queue.put((name, ended))

    tasks = {name: asyncio.create_task(pump(name, stream)) for name, stream in streams.items()}
    try:
        running = len(tasks)
        while running:
            try:
                name, item = await asyncio.wait_for(queue.get(), 30)
            except TimeoutError:
                break
            if item is ended:
                running -= 1
                await tasks[name]
            else:
                yield name, item
    finally:
        cancel(tasks.values())
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@wrong("3.6", 2, passes_errors_on="and another one came")
async def errors_in_a_group(streams):
    async with asyncio.TaskGroup() as group:
        queue = asyncio.Queue()
        tasks = [group.create_task(marked_at_the_end(queue, *stream)) for stream in streams.items()]
        async for pair in reading(queue, tasks):
            yield pair


@wrong("3.6", 2, passes_errors_on="and another one came")
async def an_error_around_the_error(streams):
    try:
        async for pair in marked(streams, object(), lambda item: True):
            yield pair
    except Exception as error:
        raise RuntimeError("a stream failed") from error


@wrong("3.2", 3, keeps_exceptions="A place of the list holds None")
async def a_worker_that_ends_with_its_error(agent, questions, limit):
    queue = asyncio.Queue()
    for pair in enumerate(questions):
        queue.put_nowait(pair)
    answers = [None] * len(questions)

    async def worker():
        number = None
        try:
            while not queue.empty():
                number, text = queue.get_nowait()
                state = await agent.ainvoke(asking(text), config(str(uuid4())))
                answers[number] = state["messages"][-1].text
        except Exception as error:
            answers[number] = error

    await asyncio.gather(*(worker() for _ in range(limit)))
    return answers
