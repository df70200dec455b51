"""Exercise 1.1, "Build the graph": judged by what the state holds and what the model was sent."""

from __future__ import annotations

from typing import Any

from utils.checks.graphs import compiled, kinds
from utils.checks.persistence.follow_up import NO_IDEA, WARMER
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import questions, roles
from utils.checks.registry import Words, expect
from utils.checks.weather import (
    asked,
    compare_answer,
    compare_question,
    compared,
    conversation,
    one_by_one,
    plain,
    tour_question,
)
from utils.lab.lab import Lab, Ref, Stage
from utils.lab.plain import Message


def config(thread: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}}


def turn(lab: Lab, agent: Ref, thread: str, text: str) -> dict[str, Any]:
    """Return a graph's state after one question."""
    called = f'agent.invoke({{"messages": [("user", {text!r})]}}, thread {thread!r})'
    state = lab.part("turn", agent, thread, text, called=called)
    return state if isinstance(state, dict) else {}


def messages_of(state: dict[str, Any]) -> list[Message]:
    found = state.get("messages")
    return [m for m in found if isinstance(m, Message)] if isinstance(found, list | tuple) else []


def results_by_query(stage: Stage) -> dict[str, str]:
    """Return what the last model request gave as the result of each search."""
    messages = stage.requests()[-1].messages
    queries = {call.id: str(call.args.get("query")) for message in messages for call in message.calls}
    return {queries.get(m.call_id, m.call_id): m.text for m in messages if m.role == "tool"}


def last_text(state: dict[str, Any]) -> str:
    messages = messages_of(state)
    return messages[-1].text if messages else ""


def built(lab: Lab, stage: Stage, saver: Ref | None = None) -> Ref:
    """Return the graph that ``build_agent`` returns."""
    given = lab.call("build_agent", stage.model(), [stage.tool()], saver or lab.kit.saver())
    why = "Only a compiled graph can be invoked, and compiling is where the checkpointer comes in."
    graph = compiled(lab, given, "build_agent", why=why)
    return Ref(graph.number, graph.type, "agent", lab)


@check("1.1", points=1, title="several tool rounds, with text beside a call")
def goes_round(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("tour", one_by_one(first, second, say="Let me look up")))
    state = turn(lab, built(lab, stage), case.thread, tour_question(first, second))
    expect(
        bool(stage.tool_requests()),
        "The model wrote a sentence and asked for a tool beside it, but no tool ran.",
        got=Words(f"the messages were: {kinds(messages_of(state))}"),
        expected="the tool runs whenever the model's message has tool calls",
        why="Whether the model wants a tool is told by tool_calls; content need not be empty then.",
    )
    expect(
        roles(stage) == "user assistant tool assistant tool",
        "After a tool has answered, the model must be asked again, until it asks for no more tools.",
        got=Words(f"the last request held: {roles(stage)}"),
        expected="user assistant tool assistant tool",
        why="A model may look things up several times; an edge leads from action back to llm.",
    )
    expect(
        last_text(state) == compare_answer(first, second),
        "The last message must be the model's answer.",
        got=last_text(state),
        expected=compare_answer(first, second),
        why="Whoever asks reads the last message of the state.",
    )


@check("1.1", points=1, title="two tool calls in one turn")
def answers_every_call(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("compare", compared(first, second)))
    state = turn(lab, built(lab, stage), case.thread, compare_question(first, second))
    expect(
        kinds(messages_of(state)) == "human ai tool tool ai",
        "Each tool call of a turn needs a tool message of its own, and all messages are kept.",
        got=Words(kinds(messages_of(state))),
        expected="human ai tool tool ai",
        why="The next request must hold every call with its answer; the state is where they are kept.",
    )
    told = results_by_query(stage)
    expect(
        all(city.result in told.get(city.query, "") for city in (first, second)),
        "Each tool message must carry the result of its own call.",
        got=told,
        expected=f"{first.query!r}: {first.result}; {second.query!r}: {second.result}",
        why=(
            "The model reads a result by its tool_call_id; with a wrong one it gives a wrong answer, "
            "and nobody sees why."
        ),
    )


@check("1.1", points=1, title="searches counts the tool calls, by a reducer")
def counts_searches(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(conversation("both", compared(first, second), asked(third)))
    agent = built(lab, stage)
    one = turn(lab, agent, case.thread, compare_question(first, second)).get("searches")
    two = turn(lab, agent, case.thread, third.question).get("searches")
    expect(
        one == 2,
        "searches must count the tool calls of a turn, all of them.",
        got=Words(f"{one!r} after one message with two calls"),
        expected="2",
        why="One message may hold several calls, and each of them is a search.",
    )
    expect(
        two == 3,
        "searches must go on counting: a node returns what it adds, and nothing more.",
        got=Words(f"{one!r} after two calls, then {two!r} after one more"),
        expected="2 after two calls, then 3 after one more",
        why=(
            "The key lives on from run to run, like messages do, and the reducer adds. "
            "Without one the new value replaces the old; with one, a node that adds itself counts twice."
        ),
    )
    # The async form runs what a graph's edges are made of, sync or async.
    agent.call("aupdate_state", config(case.thread), {"searches": 4})
    expect(
        len(stage.tool_requests()) == 3,
        "The tools must be run, once for each call.",
        got=Words(f"{len(stage.tool_requests())} searches were made for three calls"),
        expected="3 searches",
        why="searches is to say how many searches there were, not how many there might have been.",
    )
    lab.last_call = "a node that returns {'searches': 4}"
    total = lab.part("values", agent, case.thread).get("searches")
    expect(
        total == 7,
        "searches must be added up by a reducer: what a node returns for it is added to what is there.",
        got=Words(f"3, then a node returned 4: {total!r}"),
        expected="3, then a node returned 4: 7",
        why=(
            "Without a reducer the new value replaces the old one, and two nodes that write the key "
            "in the same step are an error."
        ),
    )


@check("1.1", points=1, title="the nodes have their names and the checkpointer remembers")
def remembers(lab: Lab, case: Case) -> None:
    first, _, _ = case.cities
    stage = lab.stage(
        conversation("trip", asked(first), plain(WARMER, f"{first.name}, and take {case.word}.")),
        conversation("no context", plain(WARMER, NO_IDEA)),
    )
    saver = lab.kit.saver()
    agent = built(lab, stage, saver)
    nodes = agent.get("nodes")
    named = sorted(nodes) if isinstance(nodes, dict) else []
    expect(
        {"llm", "action"} <= set(named),
        "The graph must have the nodes llm and action.",
        got=Words(", ".join(named)),
        expected="llm, action",
        why="Later exercises, streams and checkpoints speak of these nodes by name.",
    )
    turn(lab, agent, case.thread, first.question)
    turn(lab, agent, case.thread, WARMER)
    expect(
        questions(stage) == (first.question, WARMER),
        "On the same thread the model must be sent the conversation so far.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([first.question, WARMER]),
        why="A graph remembers only if it was compiled with the checkpointer that build_agent is given.",
    )
    turn(lab, agent, case.other, WARMER)
    expect(
        questions(stage) == (WARMER,),
        "On another thread the conversation must start afresh.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([WARMER]),
        why="Each person's conversation is their own.",
    )
    kept = saver.call("get_tuple", config(case.thread))
    expect(
        kept is not None,
        "The checkpoints must be in the checkpointer that was given.",
        got=Words("nothing was saved there"),
        expected="checkpoints of the thread",
        why="Whoever passes a checkpointer decides where conversations are kept: memory, a file, a database.",
    )
