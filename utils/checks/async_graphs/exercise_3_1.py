"""Exercise 3.1, "Make it asynchronous": judged by conversations, one alone and then four at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from utils.checks.async_graphs.gates import PATIENCE, TOGETHER, expect_made, peak, picture
from utils.checks.async_graphs.histories import expect_accepted
from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.mistakes import expect_results_awaited
from utils.checks.async_graphs.questions import turn
from utils.checks.async_graphs.watching import Watch
from utils.checks.graphs import compiled, expect_own_methods, kinds
from utils.checks.registry import Words, expect
from utils.checks.weather import (
    City,
    asked,
    compare_answer,
    compare_question,
    compared,
    conversation,
    one_by_one,
    tour_question,
)
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.replay.conversation import CallsTurn, ToolCall, Turn

SYNC = "archive"
"""a tool that has only a synchronous function"""


def built(lab: Lab, stage: Stage, watch: Watch, saver: Ref | None = None) -> Ref:
    """Return the graph that ``build_async`` returns; with a ``saver``, its model's content is in blocks.

    It has two tools: the search, and one that has only a synchronous function.
    """
    called = "build_async(model, tools, checkpointer)"
    expect(
        not lab.part("is_coroutine_function", lab.get("build_async"), called=called),
        "build_async must be a plain function, and it is a coroutine function.",
        got=Words("async def build_async(…)"),
        expected="def build_async(…); only its nodes are async def",
        why="agent = build_async(…) would be a coroutine, which has no ainvoke. Building waits for nothing.",
    )
    model = watch.model(stage) if saver is None else watch.model_in_blocks(stage)
    tools = [watch.tool(stage), watch.sync_tool(stage, SYNC)]
    given = lab.call("build_async", model, tools, saver or lab.kit.saver())
    why = "Building and compiling do nothing that takes time: build_async itself is a plain function."
    graph = compiled(lab, given, "build_async", why=why)
    expect_own_methods(lab, graph, "build_async", made="Streams, checkpoints and tasks")
    return Ref(graph.number, graph.type, "agent", lab)


def conversed(lab: Lab, agent: Ref, thread: str, text: str) -> dict[str, Any]:
    """Return a graph's state after one question; a tool that nobody waited for gets its own sentence."""
    try:
        return turn(lab, agent, thread, text)
    except StudentError:
        expect_results_awaited(saved(lab, agent, thread))
        expect_accepted(lab)
        raise


def asked_at_once(lab: Lab, agent: Ref, case: Case) -> None:
    """Ask four questions at the same time, each on a thread of its own."""
    turns = [[f"{case.thread} {n}", city.question] for n, city in enumerate(case.cities[:TOGETHER])]
    called = "await asyncio.gather(…) of four agent.ainvoke(…), each on a thread of its own"
    try:
        lab.part("turns", agent, turns, called=called)
    except StudentError:
        expect_results_awaited(saved(lab, agent, turns[0][0]))
        expect_accepted(lab)
        raise


def saved(lab: Lab, agent: Ref, thread: str) -> Any:
    """Return the messages that a thread holds; empty if the graph cannot say."""
    try:
        state = lab.part("state", agent, thread, called=lab.last_call)
    except StudentError:
        return ()
    return state.get("messages", ()) if isinstance(state, dict) else ()


def expect_the_model_s_answer(state: Mapping[str, Any], true: str) -> None:
    """Fail unless the last message says what the model said, whatever the form of its content."""
    told = state["messages"][-1].text
    expect(
        told == true,
        "The last message must be the model's own, also where its content is a list of blocks.",
        got=told,
        expected=repr(true),
        why="OpenAI sends content as a string, Anthropic and Bedrock often as a list: hand on the message.",
    )


@check("3.1", points=1, title="it asks, runs tools, remembers")
def converses(lab: Lab, case: Case) -> None:
    first, second, third, fourth, _ = case.cities
    tour, both = one_by_one(first, second, say="Let me look up"), compared(third, fourth)
    stage = lab.stage(conversation("trip", tour, both), conversation("forgotten", both))
    saver = lab.kit.saver()
    watch = Watch(lab)
    agent = built(lab, stage, watch, saver)
    nodes = agent.get("nodes")
    named = sorted(nodes) if isinstance(nodes, dict) else []
    expect(
        {"agent", "action"} <= set(named),
        "The graph must have the nodes agent and action.",
        got=Words(", ".join(named)),
        expected="agent, action",
        why="Streams and checkpoints speak of these nodes by name.",
    )
    state = conversed(lab, agent, case.thread, tour_question(first, second))
    expect(
        kinds(state.get("messages")) == "human ai tool ai tool ai",
        "The model must be asked again after each round of tools, until it asks for no more.",
        got=Words(kinds(state.get("messages"))),
        expected="human ai tool ai tool ai",
        why="An edge leads from action back to agent; should_continue looks at tool_calls, not at the text.",
    )
    expect_the_model_s_answer(state, compare_answer(first, second))
    state = conversed(lab, agent, case.thread, compare_question(third, fourth))
    questions = stage.requests()[-1].questions
    expect(
        questions == (tour_question(first, second), compare_question(third, fourth)),
        "On the same thread the model must be sent the conversation so far.",
        got=Words(f"the model was sent: {list(questions)}"),
        expected=str([tour_question(first, second), compare_question(third, fourth)]),
        why="A graph remembers only if it was compiled with the checkpointer that build_async is given.",
    )
    expect(
        bool(lab.part("remembers", agent, saver)),
        "The graph must be compiled with the checkpointer that build_async is given.",
        got=Words("a graph with another checkpointer"),
        expected="graph.compile(checkpointer=checkpointer)",
        why="Whoever builds the graph decides where its threads are kept: in memory, in a file, elsewhere.",
    )
    waited = {name for snapshot in lab.part("states", agent, case.thread) for name in snapshot["next"]}
    expect(
        {"agent", "action"} <= waited,
        "Each node must do its own work: agent asks the model, and action runs the tools.",
        got=Words(f"steps of {', '.join(sorted(waited & set(named))) or 'none'} only"),
        expected="steps of agent and of action, one after the other",
        why="A loop inside of one node shows no steps, and saves nothing before its end.",
    )
    messages = state.get("messages")
    expect(
        isinstance(messages, list | tuple) and kinds(messages[-4:]) == "ai tool tool ai",
        "Two tool calls in one message must both be answered, and the answer comes last.",
        got=Words(kinds(messages)),
        expected="… human ai tool tool ai",
        why="Each call needs a tool message of its own before the model can go on.",
    )
    expect_the_model_s_answer(state, compare_answer(third, fourth))
    watch.expect_awaited("model")


@check("3.1", points=1, title="four model requests are open at once, without threads")
def asks_at_once(lab: Lab, case: Case) -> None:
    stage = lab.stage(*(conversation(city.name, asked(city)) for city in case.cities[:TOGETHER]))
    watch = Watch(lab)
    agent = built(lab, stage, watch)
    stage.cap(TOGETHER, patience=PATIENCE)
    asked_at_once(lab, agent, case)
    watch.expect_awaited("model")
    expect(
        not any(request.client == "sync" for request in stage.requests()),
        "The model is asked by its sync client, and not awaited.",
        got=Words("requests of the sync client"),
        expected="requests of the async client: await model.ainvoke(…) in an async def node",
        why="A sync call blocks the loop, or a thread: few fit into the pool, and none can be cancelled.",
    )
    expect(
        peak(stage) >= TOGETHER,
        "The model requests were made one after the other.",
        got=picture(stage),
        expected=f"{TOGETHER} model requests open at once",
        why="Runs on different threads have nothing to wait for: no lock and no queue between them.",
    )
    expect_made(stage, 2 * TOGETHER)


@check("3.1", points=1, title="four tools run at once, without threads")
def acts_at_once(lab: Lab, case: Case) -> None:
    last = case.cities[TOGETHER]
    stage = lab.stage(
        *(conversation(city.name, asked(city)) for city in case.cities[:TOGETHER]),
        conversation(SYNC, looked_up(last)),
    )
    watch = Watch(lab)
    agent = built(lab, stage, watch)
    stage.cap(TOGETHER, "tool", patience=PATIENCE)
    asked_at_once(lab, agent, case)
    watch.expect_awaited("tool")
    expect(
        peak(stage, "tool") >= TOGETHER,
        "The tools of different runs wait for each other.",
        got=picture(stage, "tool"),
        expected=f"{TOGETHER} tool requests open at once",
        why="Each of the four travellers has a run of his own; nothing may stand between them.",
    )
    expect_made(stage, TOGETHER, "tool")
    conversed(lab, agent, case.other, last.question)
    watch.expect_run_as_tools(TOGETHER)
    expect_made(stage, TOGETHER + 1, "tool")


def looked_up(city: City) -> tuple[Turn, ...]:
    """Return one question about a city, answered by the tool that has only a synchronous function."""
    question, _, *rest = asked(city)
    return (question, CallsTurn(calls=(ToolCall(tool=SYNC, args={"query": city.query}),)), *rest)
