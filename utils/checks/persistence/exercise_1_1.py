"""Exercise 1.1, "Build the graph": judged by what the state holds and what the model was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from utils.checks.graphs import compiled, expect_own_methods, kinds
from utils.checks.persistence.follow_up import NO_IDEA, WARMER
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import explain_refusal, questions, roles, sent
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import (
    City,
    asked,
    compare_answer,
    compare_question,
    compared,
    conversation,
    one_by_one,
    plain,
    tour_question,
)
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolAnswer, ToolCall, Turn, UserTurn
from utils.views.plain import plural

DAYS = 3
PAST = 12
"""questions that were answered before a conversation came to a graph, and searches that were counted"""


SAY = "Let me look up"


def config(thread: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}}


def turn(
    lab: Lab, agent: Ref, thread: str, text: str, past: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return a graph's state after one question; after a search, searches must be counted in it.

    ``past`` are questions and answers that go in before it, with as many searches.
    """
    before = f"… {plural(2 * len(past), 'message')}, " if past else ""
    counted = f', "searches": {len(past)}' if past else ""
    called = f'agent.invoke({{"messages": [{before}("user", {text!r})]{counted}}}, thread {thread!r})'
    try:
        if past:
            found = lab.part("turn_after", agent, thread, [list(pair) for pair in past], text, called=called)
        else:
            found = lab.part("turn", agent, thread, text, called=called)
    except StudentError as error:
        explain_refusal(lab)
        explain_arguments(error)
        explain_results(lab)
        raise
    state = found if isinstance(found, dict) else {}
    asked = [message.text for message in messages_of(state) if message.type == "human"]
    expect(
        len(set(asked)) == len(asked),
        "The same messages are in the state twice: a node must return only what it adds.",
        got=Words(f"the messages are: {kinds(messages_of(state))}"),
        expected="each message once",
        why="The reducer adds what a node returns. A node that returns the whole list doubles it.",
    )
    count = state.get("searches")
    searched = any(message.type == "tool" for message in messages_of(state))
    expect(
        not searched or (isinstance(count, int) and not isinstance(count, bool)),
        "The state must count the searches, under the key searches.",
        got=Words(f"the state has the keys: {', '.join(map(str, state)) or 'none'}"),
        expected="messages, searches",
        why="That the graph counts its searches is what this exercise adds to the agent that the lab shows.",
    )
    return state


def explain_arguments(error: StudentError) -> None:
    """Fail with what is wrong if a tool was run with other arguments than the model wrote for it."""
    if error.is_a("ValidationError") or (error.is_a("KeyError") and "query" in error.message):
        fail(
            "A tool was run with other arguments than the model wrote for it.",
            got=Words(f"{error.type}: {error.message}"),
            expected='the tool that call["name"] names, with all of call["args"]',
            why="An agent has several tools, and each takes arguments of its own.",
        )


def explain_results(lab: Lab) -> None:
    """Fail with what is wrong if the model was told of other results than the tools gave."""
    if any(miss.reason == "results" for miss in lab.misses()):
        fail(
            "Each tool message must carry the result of its own call.",
            got=Words(" ".join(lab.complaints())),
            expected="for each call what the tool returned for it, as text",
            why="The model reads a result by its tool_call_id, and answers with what it finds there.",
        )


def long_past(case: Case) -> list[tuple[str, str]]:
    """Return questions and answers of a long conversation."""
    names = [city.name for city in case.cities]
    return [
        (f"Who lives in {names[n % 3]}, part {n}?", f"People who take {case.word}, part {n}.")
        for n in range(PAST)
    ]


def messages_of(state: dict[str, Any]) -> list[Message]:
    found = state.get("messages")
    return [m for m in found if isinstance(m, Message)] if isinstance(found, list | tuple) else []


def results(stage: Stage) -> list[tuple[str, str]]:
    """Return the queries of the last model request, each with the result that its own call was given."""
    messages = stage.requests()[-1].messages
    found = {message.call_id: message.text for message in messages if message.role == "tool"}
    calls = [call for message in messages for call in message.calls]
    return [(str(call.args.get("query")), found.get(call.id, "no result")) for call in calls]


def planned(first: City, second: City) -> tuple[Turn, ...]:
    """Return one question for which the model asks for two tools in one message, for one of them twice."""
    calls = (
        ToolCall(tool="forecast", args={"city": second.name, "days": DAYS}),
        ToolCall(tool="search", args={"query": first.query}),
        ToolCall(tool="search", args={"query": second.query}),
    )
    later = ToolAnswer(text=f"{second.celsius} degrees in {DAYS} days")
    told = (later, ToolAnswer(text=first.result), ToolAnswer(text=second.result))
    return (
        UserTurn(user=plan_question(first, second)),
        CallsTurn(calls=calls),
        ResultsTurn(results=told),
        AnswerTurn(answer=compare_answer(first, second)),
    )


def plan_question(first: City, second: City) -> str:
    return f"How warm is it in {first.name} now, and in {second.name} in {DAYS} days?"


def last_text(state: dict[str, Any]) -> str:
    messages = messages_of(state)
    return messages[-1].text if messages else ""


def built(lab: Lab, stage: Stage, saver: Ref | None = None, *more: Ref) -> Ref:
    """Return the graph that ``build_agent`` returns, for the search and ``more`` tools."""
    given = lab.call("build_agent", stage.model(), [stage.tool(), *more], saver or lab.kit.saver())
    why = "Only a compiled graph can be invoked, and compiling is where the checkpointer comes in."
    graph = compiled(lab, given, "build_agent", why=why)
    expect_own_methods(lab, graph, "build_agent")
    return Ref(graph.number, graph.type, "agent", lab)


@check("1.1", points=1, title="several tool rounds, with text beside a call")
def goes_round(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(
        conversation("tour", one_by_one(first, second, say=SAY)),
        conversation("long tour", one_by_one(*case.cities, first, say="")),
    )
    agent = built(lab, stage)
    state = turn(lab, agent, case.thread, tour_question(first, second))
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
        why="Who asks reads the last message of the state.",
    )
    said = [message.text for message in messages_of(state) if message.tool_calls]
    expect(
        said == [f"{SAY} {first.name}.", f"{SAY} {second.name}."],
        "What the model wrote beside a tool call must stay in its message.",
        got=said,
        expected=str([f"{SAY} {first.name}.", f"{SAY} {second.name}."]),
        why="The node llm adds the message that the model gave, as it is: its text and its calls.",
    )
    goes_on_for_long(lab, case, stage, agent)


def goes_on_for_long(lab: Lab, case: Case, stage: Stage, agent: Ref) -> None:
    """Fail if a run ends before its answer because of what its thread has seen before."""
    past = long_past(case)
    state = turn(lab, agent, case.thread, tour_question(*case.cities, case.cities[0]), past)
    last = messages_of(state)[-1:]
    expect(
        not (last and last[0].tool_calls),
        "The run ended, and a tool call was left open: whether it goes on is told by tool_calls alone.",
        got=Words(
            f"{plural(len(stage.tool_requests()), 'run')} of the tool, then a message with an open call"
        ),
        expected="the tool runs whenever the model's message has tool calls, also late in a conversation",
        why=(
            "searches and messages live on from question to question. A limit on them, or on rounds that "
            "are never counted afresh, ends every later run on the thread before its answer."
        ),
    )
    expect(
        last_text(state) == compare_answer(*case.cities, case.cities[0]),
        "The last message must be the model's answer.",
        got=last_text(state),
        expected=compare_answer(*case.cities, case.cities[0]),
        why="Who asks reads the last message of the state.",
    )


@check("1.1", points=1, title="several tool calls in one message")
def answers_every_call(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    question = compare_question(first, second)
    stage = lab.stage(conversation("compare", compared(first, first, second, question=question)))
    state = turn(lab, built(lab, stage), case.thread, question)
    expect(
        kinds(messages_of(state)) == "human ai tool tool tool ai",
        "Each tool call of a message needs a tool message of its own, and all messages are kept.",
        got=Words(kinds(messages_of(state))),
        expected="human ai tool tool tool ai",
        why="The next request must hold every call with its answer; the state is where they are kept.",
    )
    told = results(stage)
    true = [(city.query, city.result) for city in (first, first, second)]
    expect(
        len(told) == len(true)
        and all(
            query == asked and result in said
            for (query, result), (asked, said) in zip(true, told, strict=True)
        ),
        "Each tool message must carry the result of its own call.",
        got=told,
        expected=str(true),
        why=(
            "The model reads a result by its tool_call_id; with a wrong one it gives a wrong answer, "
            "and nobody sees why."
        ),
    )


@check("1.1", points=1, title="two tools, each with its own arguments")
def runs_the_tool_asked_for(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("plan", planned(first, second)))
    forecast = lab.make("forecast_tool", stage.model_side.url, label="forecast")
    agent = built(lab, stage, None, forecast)
    state = turn(lab, agent, case.thread, plan_question(first, second))
    ran = sorted((request.tool, str(request.args)) for request in stage.tool_requests())
    true = [
        ("forecast", str({"city": second.name, "days": DAYS})),
        *sorted(("search", str({"query": city.query})) for city in (first, second)),
    ]
    expect(
        ran == true,
        "The tool that the model asks for must run, with the arguments that the model wrote.",
        got=Words(f"these ran: {ran}"),
        expected=str(true),
        why="An agent has several tools. A call names the one it means, and each takes arguments of its own.",
    )
    # How many calls of a turn are counted is another check's matter; here it is those of which tool.
    searched = sum(tool == "search" for tool, _ in ran)
    expect(
        state.get("searches") != searched,
        "searches must count the calls of every tool.",
        got=Words(f"{state.get('searches')!r} after {searched} calls of search and one of forecast"),
        expected=str(len(true)),
        why="searches counts all tool calls, of whichever tool: a name tells nothing about what a tool does.",
    )
    expect(
        last_text(state) == compare_answer(first, second),
        "The last message must be the model's answer.",
        got=last_text(state),
        expected=compare_answer(first, second),
        why="Who asks reads the last message of the state.",
    )


@check("1.1", points=1, title="searches counts the tool calls, by a reducer")
def counts_searches(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    question = compare_question(first, second)
    alike = compared(first, first, question=question)
    stage = lab.stage(
        conversation("both", alike, asked(third)),
        conversation("only the second question", asked(third)),
    )
    agent = built(lab, stage)
    one = turn(lab, agent, case.thread, question).get("searches")
    two = turn(lab, agent, case.thread, third.question).get("searches")
    expect(
        one == 2,
        "searches must count the tool calls of a turn, all of them.",
        got=Words(f"{one!r} after one message with two calls that are alike"),
        expected="2",
        why="One message may hold several calls, and each of them is a search, also two that are alike.",
    )
    expect(
        two != 1,
        "searches began again with the second question on the same thread.",
        got=Words("2 after two calls, then 1 after one more"),
        expected="2 after two calls, then 3 after one more",
        why=(
            "What is saved on a thread lives on from run to run. That needs the checkpointer, and a reducer "
            "that adds what a node returns to what is there."
        ),
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
        got=Words(f"{plural(len(stage.tool_requests()), 'run')} of the tool for three calls"),
        expected="3 runs",
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
    state = turn(lab, agent, case.thread, WARMER)
    if questions(stage) != (first.question, WARMER) and kinds(messages_of(state)).count("human") == 2:
        fail(
            "The state holds the whole conversation, but the node llm did not send all of it.",
            got=sent(stage),
            expected=str([first.question, WARMER]),
            why="The model remembers nothing by itself. It knows what its request holds, and nothing else.",
        )
    expect(
        questions(stage) == (first.question, WARMER),
        "On the same thread the model must be sent the conversation so far.",
        got=sent(stage),
        expected=str([first.question, WARMER]),
        why=(
            "A graph remembers only if it was compiled with the checkpointer that build_agent is given, "
            "and if a reducer adds new messages to the old ones."
        ),
    )
    turn(lab, agent, case.other, WARMER)
    expect(
        questions(stage) == (WARMER,),
        "On another thread the conversation must start afresh.",
        got=sent(stage),
        expected=str([WARMER]),
        why="Each person's conversation is their own.",
    )
    expect_all_sent(lab, case, stage, agent)
    kept = saver.call("get_tuple", config(case.thread))
    expect(
        kept is not None,
        "The checkpoints must be in the checkpointer that was given.",
        got=Words("nothing was saved there"),
        expected="checkpoints of the thread",
        why="Who passes a checkpointer decides where conversations are kept: in memory or in a file.",
    )


def expect_all_sent(lab: Lab, case: Case, stage: Stage, agent: Ref) -> None:
    """Fail if the model is sent only the end of a long conversation."""
    past = long_past(case)
    thread = f"{case.thread}, a long one"
    turn(lab, agent, thread, WARMER, past)
    true = (*(question for question, _ in past), WARMER)
    expect(
        questions(stage) == true,
        "The conversation is long, and the node llm did not send all of it.",
        got=Words(
            f"{plural(len(questions(stage)), 'question')} of {len(true)}, from {questions(stage)[:1]} on"
        ),
        expected=f"{len(true)} questions, from {true[:1]} on",
        why="What is left out the model does not know: it forgets, and nobody sees why.",
    )
