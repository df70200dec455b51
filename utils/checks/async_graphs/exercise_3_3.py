"""Exercise 3.3, "The tools of one turn at once": judged in the kit's agent, on four calls of two tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from utils.checks.async_graphs.gates import PATIENCE, TOGETHER, expect_made, peak, picture
from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.mistakes import expect_awaited, expect_results_awaited
from utils.checks.registry import Words, expect
from utils.checks.weather import TOOL, asked, compare_answer, compare_question, conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolAnswer, ToolCall, UserTurn

SECOND = "forecast"
"""a second tool, beside the search"""


def both_tools(case: Case) -> tuple[list[ToolCall], list[str]]:
    """Return four calls of two tools, and what each finds."""
    calls = [
        ToolCall(tool=SECOND if n % 2 else TOOL, args={"query": city.query})
        for n, city in enumerate(case.cities[:TOGETHER])
    ]
    return calls, [city.result for city in case.cities[:TOGETHER]]


def acting(lab: Lab, case: Case) -> tuple[Stage, Ref, str]:
    """Return the kit's agent with the student's ``take_action``, and a question that needs four calls."""
    calls, results = both_tools(case)
    cities = case.cities[:TOGETHER]
    question = compare_question(*cities)
    turns = (
        UserTurn(user=question),
        CallsTurn(calls=tuple(calls)),
        ResultsTurn(results=tuple(ToolAnswer(text=text) for text in results)),
        AnswerTurn(answer=compare_answer(*cities)),
    )
    stage = lab.stage(conversation("four calls", turns))
    tools = [stage.tool(), stage.tool(SECOND)]
    work = lab.get("take_action")
    agent = lab.make("acting_agent", stage.model(), tools, lab.kit.saver(), work, label="agent")
    return stage, agent, question


def acted(lab: Lab, agent: Ref, case: Case, question: str) -> list[Message]:
    """Return the tool messages after a turn with four calls."""
    called = "await take_action(state, tools), for a message with four calls"
    try:
        state = lab.part("turn", agent, case.thread, question, called=called)
    except StudentError:
        if not lab.misses() and not lab.refusals():
            raise
        # The model did not know what to say to these results, or refused them: they are in the state.
        state = lab.part("state", agent, case.thread)
    messages = state.get("messages", ()) if isinstance(state, dict) else ()
    return [message for message in messages if isinstance(message, Message) and message.type == "tool"]


def called_for(lab: Lab, stage: Stage) -> list[tuple[str, str]]:
    """Return id and query of each call, in the order in which the model asked."""
    requests = stage.requests()
    return [(c.id, str(c.args.get("query"))) for message in requests[-1].messages for c in message.calls]


def expect_each_answered(messages: Sequence[Message]) -> None:
    """Expect a tool message for each of the four calls, with a result in it."""
    expect_results_awaited(messages)
    expect(
        len(messages) == TOGETHER,
        "There must be one tool message for each call.",
        got=Words(f"{len(messages)} tool messages for {TOGETHER} calls"),
        expected=f"{TOGETHER} tool messages",
        why=(
            "Providers refuse a history with an unanswered call. One turn may call the same tool several "
            "times, and a dict by the tools' names has room for one call of each."
        ),
    )


@check("3.3", points=1, title="every call is answered, under its own id")
def answers_each_call(lab: Lab, case: Case) -> None:
    called = "await take_action(state, tools), for a message without tool calls"
    # In a graph, as all calls are: LangGraph's own node for tools works nowhere else.
    state = {"messages": [Message(type="ai", text="Done.")]}
    idle = lab.part("in_a_node", lab.get("take_action"), state, {}, called=called)
    if isinstance(idle, Mapping):
        expect_awaited(lab, [idle.get("messages")], "{'messages': []}")
    expect(
        isinstance(idle, Mapping) and idle.get("messages") == [],
        "For a message without tool calls there is nothing to return but an empty list.",
        got=idle,
        expected="{'messages': []}",
        why="A node returns what it adds to the state, in the state's form.",
    )
    stage, agent, question = acting(lab, case)
    stage.reverse([city.query for city in case.cities[:TOGETHER]], "tool", patience=PATIENCE)
    messages = acted(lab, agent, case, question)
    expect_each_answered(messages)
    found = {message.tool_call_id: message.text for message in messages}
    results = {city.query: city.result for city in case.cities}
    wrong = [query for id, query in called_for(lab, stage) if results[query] not in found.get(id, "")]
    expect(
        not wrong,
        "Each tool message must carry the result of its own call.",
        got=Words(f"another result than its own for: {', '.join(wrong)}"),
        expected="for each call its id and what the tool found for its arguments",
        why="A turn may call the same tool several times: a tool's name does not tell the calls apart.",
    )
    expect_errors_go_through(lab, case)


def expect_errors_go_through(lab: Lab, case: Case) -> None:
    """Fail unless what a tool raises ends the turn."""
    failing = asked(case.cities[0], answer=ToolAnswer(raises=f"no {case.word} today"))
    stage = lab.stage(conversation("a tool that fails", failing))
    work = lab.get("take_action")
    agent = lab.make("acting_agent", stage.model(), [stage.tool()], lab.kit.saver(), work, label="agent")
    called = "await take_action(state, tools), for a tool that raises ToolFailed"
    raised = False
    try:
        lab.part("turn", agent, case.other, case.cities[0].question, called=called)
    except StudentError as error:
        raised = error.is_a("ToolFailed") or error.is_a("BaseExceptionGroup")
        # The model does not know what to say to an error's text.
        if not raised and not lab.misses() and not lab.refusals():
            raise
    expect(
        raised,
        "A tool's error must go through, and take_action kept it.",
        got=Words("no error"),
        expected="ToolFailed, as the tool raised it",
        why=(
            "With return_exceptions=True errors stand among the results, and the model would take their text "
            "for what the tool found. Whoever runs the agent decides what an error means."
        ),
    )


@check("3.3", points=1, title="the tools run at the same time")
def runs_tools_together(lab: Lab, case: Case) -> None:
    stage, agent, question = acting(lab, case)
    stage.cap(TOGETHER, "tool", patience=PATIENCE)
    expect_each_answered(acted(lab, agent, case, question))
    expect(
        peak(stage, "tool") == TOGETHER,
        "The tools must run at the same time.",
        got=picture(stage, "tool"),
        expected=f"{TOGETHER} tool requests open at once",
        why=(
            "An await in a loop waits for each tool before it begins the next; tool.invoke(…) blocks "
            "whatever stands around it. Begin all of them, then wait for all."
        ),
    )
    expect_made(stage, TOGETHER, "tool")


@check("3.3", points=1, title="results in the order of the calls, whichever ends first")
def keeps_the_order(lab: Lab, case: Case) -> None:
    stage, agent, question = acting(lab, case)
    stage.reverse([city.query for city in case.cities[:TOGETHER]], "tool", patience=PATIENCE)
    messages = acted(lab, agent, case, question)
    expect_each_answered(messages)
    results = {city.query: city.result for city in case.cities}
    true = [results[query] for _, query in called_for(lab, stage)]
    told = [message.text for message in messages]
    wrapped = [text for text, result in zip(told, true, strict=False) if result in text and text != result]
    expect(
        not wrapped,
        "The text of a tool message must be what the tool found, and nothing around it.",
        got=wrapped[:1],
        expected=str(true[:1]),
        why=(
            'ainvoke(call["args"]) gives the tool\'s result. With the whole call, ainvoke(call) gives a '
            "ToolMessage that is complete already."
        ),
    )
    expect(
        told == true,
        "The messages must be in the order of the calls, even when the last tool ends first.",
        got=told,
        expected=str(true),
        why=(
            "The same run should give the same history each time; asyncio.gather keeps the order, "
            "asyncio.as_completed does not."
        ),
    )
