"""Lab 3 solved rightly, in constructs as different as students' are."""

from __future__ import annotations

import asyncio
import operator
from contextlib import AsyncExitStack
from typing import Annotated, TypedDict
from uuid import uuid4

import anyio
from langchain_core.messages import HumanMessage, RemoveMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send

from tests.utils.checks.variants import Table

TABLE = Table()
right = TABLE.right


def config(thread_id):
    return {"configurable": {"thread_id": thread_id}}


def asking(text):
    return {"messages": [HumanMessage(text)]}


class State(TypedDict):
    messages: Annotated[list, add_messages]


# 3.1


@right("3.1")
def a_prebuilt_tool_node(model, tools, checkpointer):
    bound = model.bind_tools(tools)

    async def call_model(state):
        return {"messages": [await bound.ainvoke(state["messages"])]}

    def should_continue(state):
        return "continue" if state["messages"][-1].tool_calls else "end"

    graph = StateGraph(MessagesState)
    graph.add_node("agent", call_model)
    graph.add_node("action", ToolNode(tools))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", should_continue, {"continue": "action", "end": END})
    graph.add_edge("action", "agent")
    return graph.compile(checkpointer=checkpointer)


class Assistant:
    """A class whose nodes have a sync and an async form."""

    def __init__(self, model, tools, checkpointer):
        self.model = model.bind_tools(tools)
        self.tools = {tool.name: tool for tool in tools}
        graph = StateGraph(State)
        graph.add_node("agent", RunnableLambda(self.call, afunc=self.acall, name="agent"))
        graph.add_node("action", RunnableLambda(self.act, afunc=self.aact, name="action"))
        graph.add_conditional_edges(
            "agent", lambda s: bool(s["messages"][-1].tool_calls), {True: "action", False: END}
        )
        graph.add_edge("action", "agent")
        graph.set_entry_point("agent")
        self.graph = graph.compile(checkpointer=checkpointer)

    def call(self, state):
        return {"messages": [self.model.invoke(state["messages"])]}

    async def acall(self, state):
        return {"messages": [await self.model.ainvoke(state["messages"])]}

    def act(self, state):
        calls = state["messages"][-1].tool_calls
        return {"messages": [self.tools[c["name"]].invoke({**c, "type": "tool_call"}) for c in calls]}

    async def aact(self, state):
        calls = state["messages"][-1].tool_calls
        return {"messages": [await self.tools[c["name"]].ainvoke({**c, "type": "tool_call"}) for c in calls]}


@right("3.1")
def a_class_with_twins(model, tools, checkpointer):
    return Assistant(model, tools, checkpointer).graph


@right("3.1")
def commands_and_a_stream_instead_of_an_answer(model, tools, checkpointer):
    bound = model.bind_tools(tools)
    by_name = {tool.name: tool for tool in tools}

    async def agent(state):
        whole = None
        async for chunk in bound.astream(state["messages"]):
            whole = chunk if whole is None else whole + chunk
        return Command(goto="action" if whole.tool_calls else END, update={"messages": [whole]})

    async def action(state):
        calls = state["messages"][-1].tool_calls
        found = await asyncio.gather(*(by_name[call["name"]].ainvoke(call["args"]) for call in calls))
        told = [ToolMessage(str(f), tool_call_id=c["id"]) for f, c in zip(found, calls, strict=True)]
        return Command(goto="agent", update={"messages": told})

    graph = StateGraph(MessagesState)
    graph.add_node("agent", agent, destinations=("action", END))
    graph.add_node("action", action, destinations=("agent",))
    graph.add_edge(START, "agent")
    return graph.compile(checkpointer=checkpointer)


# 3.2


@right("3.2")
async def the_library_s_own_batch(agent, questions, limit):
    configs = [{**config(str(uuid4())), "max_concurrency": limit} for _ in questions]
    states = await agent.abatch([asking(q) for q in questions], configs, return_exceptions=True)
    return [s if isinstance(s, Exception) else s["messages"][-1].text for s in states]


@right("3.2")
async def workers_that_share_a_queue(agent, questions, limit):
    queue = asyncio.Queue()
    answers = [None] * len(questions)
    for item in enumerate(questions):
        queue.put_nowait(item)

    async def work():
        while not queue.empty():
            number, question = queue.get_nowait()
            try:
                state = await agent.ainvoke(asking(question), config(f"{uuid4()}"))
                answers[number] = state["messages"][-1].text
            except Exception as error:
                answers[number] = error

    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(work())
    return answers


@right("3.2")
async def a_set_of_tasks_that_is_filled_up(agent, questions, limit):
    async def ask(number, question):
        state = await agent.ainvoke(asking(question), config(f"{uuid4()}-{number}"))
        return state["messages"][-1].text

    tasks, running = [], set()
    for number, question in enumerate(questions):
        if len(running) >= limit:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        tasks.append(asyncio.create_task(ask(number, question)))
        running.add(tasks[-1])
    return await asyncio.gather(*tasks, return_exceptions=True)


@right("3.2")
async def threads_that_the_loop_does_not_wait_for(agent, questions, limit):
    places = asyncio.Semaphore(limit)

    async def ask(question):
        async with places:
            state = await asyncio.to_thread(agent.invoke, asking(question), config(str(uuid4())))
        return state["messages"][-1].text

    return await asyncio.gather(*map(ask, questions), return_exceptions=True)


# 3.3


@right("3.3")
async def a_group_of_tasks(state, tools):
    async with asyncio.TaskGroup() as group:
        tasks = [
            (call, group.create_task(tools[call["name"]].ainvoke(call["args"])))
            for call in state["messages"][-1].tool_calls
        ]
    return {"messages": [ToolMessage(str(task.result()), tool_call_id=call["id"]) for call, task in tasks]}


@right("3.3")
async def threads_for_tools_that_are_sync(state, tools):
    async def run(call):
        result = await asyncio.to_thread(tools[call["name"]].invoke, call["args"])
        return ToolMessage(str(result), name=call["name"], tool_call_id=call["id"])

    return {"messages": list(await asyncio.gather(*map(run, state["messages"][-1].tool_calls)))}


@right("3.3")
async def as_completed_and_sorted_again(state, tools):
    calls = state["messages"][-1].tool_calls

    async def run(number, call):
        return number, await tools[call["name"]].ainvoke({**call, "type": "tool_call"})

    done = [await task for task in asyncio.as_completed([run(n, call) for n, call in enumerate(calls)])]
    return {"messages": [message for _, message in sorted(done, key=lambda pair: pair[0])]}


@right("3.3", unlike_the_example="LangGraph's own node for tools works in a graph only")
async def langgraph_s_own_node(state, tools):
    return await ToolNode(list(tools.values()), handle_tool_errors=False).ainvoke(state)


# 3.4


class Weather(TypedDict):
    cities: list
    found: Annotated[list, operator.add]
    silent: Annotated[list, operator.add]
    warmest: str | None


@right("3.4")
def a_plan_that_commands(fetch):
    def plan(state):
        sends = [Send("look_up", city) for city in state["cities"]]
        return Command(goto=sends or "compare", update={"found": [], "silent": []})

    async def look_up(city):
        degrees = await fetch(city)
        if degrees is None:
            return Command(goto="again", update={"silent": [city]})
        return Command(goto="compare", update={"found": [(city, degrees)]})

    async def again(state):
        degrees = await asyncio.gather(*map(fetch, state["silent"]))
        return {"found": list(zip(state["silent"], degrees, strict=True))}

    async def compare(state):
        return {"warmest": max(state["found"], key=lambda pair: pair[1], default=(None,))[0]}

    graph = StateGraph(Weather)
    graph.add_node("plan", plan, destinations=("look_up", "compare"))
    graph.add_node("look_up", look_up, destinations=("again", "compare"))
    graph.add_node("again", again)
    graph.add_node("compare", compare, defer=True)
    graph.add_edge(START, "plan")
    graph.add_edge("again", "compare")
    return graph.compile()


def joined(old, new):
    return {**(old or {}), **new}


@right("3.4")
def its_own_reducer_and_always_an_edge_to_compare(fetch):
    class Temperatures(TypedDict):
        cities: list
        seen: Annotated[dict, joined]
        found: list
        warmest: str | None

    async def look_up(state):
        return {"seen": {state["city"]: await fetch(state["city"])}}

    async def again(state):
        missing = [city for city, degrees in state["seen"].items() if degrees is None]
        found = await asyncio.gather(*map(fetch, missing))
        return {"seen": dict(zip(missing, found, strict=True))}

    def compare(state):
        found = sorted((state.get("seen") or {}).items(), key=lambda pair: -pair[1])
        return {"found": found, "warmest": found[0][0] if found else None}

    def silent(state):
        return "again" if None in state["seen"].values() else "compare"

    graph = StateGraph(Temperatures)
    graph.add_node("look_up", look_up)
    graph.add_node("again", again)
    graph.add_node("compare", compare, defer=True)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("look_up", {"city": city}) for city in state["cities"]] or ["compare"],
        ["look_up", "compare"],
    )
    graph.add_conditional_edges("look_up", silent, ["again", "compare"])
    graph.add_edge("again", "compare")
    return graph.compile()


# 3.5


@right("3.5")
async def the_turn_taken_out_again(agent, thread_id, text, seconds):
    before = (await agent.aget_state(config(thread_id))).values.get("messages", [])
    try:
        state = await asyncio.wait_for(agent.ainvoke(asking(text), config(thread_id)), seconds)
    except TimeoutError:
        after = (await agent.aget_state(config(thread_id))).values.get("messages", [])
        known = {message.id for message in before}
        gone = [RemoveMessage(message.id) for message in after if message.id not in known]
        if gone:
            await agent.aupdate_state(config(thread_id), {"messages": gone}, as_node="__start__")
        return None
    return state["messages"][-1].text


@right("3.5")
async def a_task_that_is_cancelled(agent, thread_id, text, seconds):
    task = asyncio.create_task(agent.ainvoke(asking(text), config(thread_id)))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if done:
        return task.result()["messages"][-1].text
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    messages = (await agent.aget_state(config(thread_id))).values.get("messages", [])
    answered = {message.tool_call_id for message in messages if message.type == "tool"}
    calls = [call for message in messages for call in getattr(message, "tool_calls", [])]
    told = [ToolMessage("no time", tool_call_id=call["id"]) for call in calls if call["id"] not in answered]
    if told:
        await agent.aupdate_state(config(thread_id), {"messages": told}, as_node="action")
    return None


@right("3.5")
async def on_a_copy_of_the_thread_first(agent, thread_id, text, seconds):
    """The turn is tried elsewhere; only what came to its end is written down."""
    before = (await agent.aget_state(config(thread_id))).values.get("messages", [])
    scratch = config(f"{thread_id}-{uuid4()}")
    try:
        async with asyncio.timeout(seconds):
            state = await agent.ainvoke({"messages": [*before, HumanMessage(text)]}, scratch)
    except TimeoutError:
        return None
    new = state["messages"][len(before) :]
    await agent.aupdate_state(config(thread_id), {"messages": new}, as_node="llm")
    return state["messages"][-1].text


@right("3.5")
async def a_scope_of_anyio(agent, thread_id, text, seconds):
    with anyio.move_on_after(seconds):
        state = await agent.ainvoke(asking(text), config(thread_id))
        return state["messages"][-1].text
    last = (await agent.aget_state(config(thread_id))).values.get("messages", [None])[-1]
    told = [ToolMessage("no time", tool_call_id=call["id"]) for call in getattr(last, "tool_calls", [])]
    if told:
        await agent.aupdate_state(config(thread_id), {"messages": told})
    return None


# 3.6


@right("3.6")
async def waits_for_any_next_item(streams):
    iterators = {name: aiter(stream) for name, stream in streams.items()}
    waiting = {asyncio.ensure_future(anext(items)): name for name, items in iterators.items()}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = waiting.pop(task)
                try:
                    item = task.result()
                except StopAsyncIteration:
                    continue
                waiting[asyncio.ensure_future(anext(iterators[name]))] = name
                yield name, item
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@right("3.6")
async def one_queue_with_a_single_place_and_a_stack(streams):
    queue = asyncio.Queue(maxsize=1)

    async def pump(name, stream):
        async for item in stream:
            await queue.put((name, item))

    async def close(tasks):
        try:
            await asyncio.gather(*tasks)
        except Exception as error:
            await queue.put(error)
        else:
            await queue.put(None)

    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(pump(name, stream)) for name, stream in streams.items()]
        closing = asyncio.create_task(close(tasks))
        for task in (*tasks, closing):
            stack.callback(task.cancel)
        while (pair := await queue.get()) is not None:
            if isinstance(pair, Exception):
                raise pair
            yield pair


@right("3.6")
async def errors_go_through_the_queue(streams):
    queue = asyncio.Queue()

    async def pump(name, stream):
        try:
            async for item in stream:
                queue.put_nowait((name, item, None))
        except Exception as error:
            queue.put_nowait((name, None, error))
        else:
            queue.put_nowait((name, None, StopAsyncIteration()))

    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(pump(name, stream)) for name, stream in streams.items()}
        try:
            while tasks:
                name, item, error = await queue.get()
                if isinstance(error, StopAsyncIteration):
                    del tasks[name]
                elif error is not None:
                    break
                else:
                    yield name, item
            else:
                error = None
        finally:
            for task in tasks.values():
                task.cancel()
    if error is not None:
        raise error


@right("3.6")
async def a_group_around_the_reading(streams):
    queue, end = asyncio.Queue(), object()

    async def pump(name, stream):
        async for item in stream:
            await queue.put((name, item))
        await queue.put((name, end))

    try:
        async with asyncio.TaskGroup() as group:
            for name, stream in streams.items():
                group.create_task(pump(name, stream))
            left = len(streams)
            while left:
                name, item = await queue.get()
                if item is end:
                    left -= 1
                else:
                    yield name, item
    except* Exception as errors:
        raise errors.exceptions[0] from None
