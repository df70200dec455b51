"""Exercise 4.4, "Answer instead of the tool".

What the model is sent as results is judged, what comes back, and that no tool runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from utils.checks.graphs import kinds
from utils.checks.human_in_the_loop.conversations import anyhow, anyhow_one_by_one, searches
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import (
    ANSWERED,
    ask,
    asks_anew,
    broken,
    called,
    expect_text,
    finish,
    state_of,
    watched,
)
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import asked, compare_answer, compare_question, conversation, tour_question
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, ToolAnswer
from utils.views.plain import plural


def mock(case: Case) -> str:
    return f"  The station reports {case.word},\n  and nothing else.\n"


def mocked(
    lab: Lab, stage: Stage, case: Case, question: str, agent: Ref | None = None
) -> tuple[Any, tuple[Message, ...]]:
    """Return what ``mock_answer`` returns for a paused run, and the messages after it."""
    agent = agent or watched(lab, stage)
    ask(lab, agent, case.thread, question)
    stage.clear()
    try:
        told = called(lab, stage, "mock_answer", agent, case.thread, mock(case))
    except StudentError:
        _explain(lab, stage)
        raise
    return told, tuple(state_of(lab, agent, case.thread)["messages"])


def _explain(lab: Lab, stage: Stage) -> None:
    """Fail with a sentence for what has made the model, or the tool, answer with an error."""
    if ran := stage.tool_requests():
        fail(
            "The tool must not run at all, and it was asked for the text.",
            got=Words(f"the tool was asked for {[request.args for request in ran]}"),
            expected="no request of the tool",
            why="The text is the result, not an argument: the call stays as it is, and its answer is yours.",
        )
    if asks_anew(lab):
        fail(
            "The text was sent as a new message of a person, and the calls still wait for their results.",
            got=Words(f"the model was sent {broken(lab)}"),
            expected=ANSWERED,
            why="A result is a ToolMessage with the id of its call; nothing may come before it.",
        )
    if lab.refusals():
        fail(
            "The model refused the conversation: not every call that waits has its one result.",
            got=Words(f"the model was sent {broken(lab)}"),
            expected=ANSWERED,
            why=(
                "Every call that waits gets a ToolMessage with the call's id, before the model is asked. "
                "Two messages with the same id of their own are one: give them none."
            ),
        )
    if any(miss.reason == "results" for miss in lab.misses()):
        sent = [text for request in stage.requests()[-1:] for text in request.results]
        fail(
            "The model must be sent the text as the result of its call.",
            got=Words(f"results in the last model request: {sent}"),
            expected="the text that mock_answer was given, and nothing else",
            why="To the model a mock is a tool message like any other, with the text exactly as given.",
        )


def expect_answer(told: Any, answer: str, why: str) -> None:
    """Expect that the model's answer came back, as text."""
    expect_text(told, answer, "mock_answer")
    expect(
        not isinstance(told, Mapping | Message),
        "mock_answer must return the text of the model's answer, and no message or state.",
        got=told,
        expected=repr(answer),
        why='The text of a message is message.text; the last message is state["messages"][-1].',
    )
    expect(
        told == answer,
        "mock_answer must return the model's answer.",
        got=told,
        expected=repr(answer),
        why=why,
    )


@check("4.4", points=1, title="the model answers from the text")
def answers_from_the_text(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    answer = f"For {first.name} they report {case.word}."
    stage = lab.stage(
        conversation("real", asked(first)),
        conversation(
            "mocked",
            (*asked(first, answer=ToolAnswer(text=mock(case), edited=True))[:3], AnswerTurn(answer=answer)),
        ),
    )
    told, messages = mocked(lab, stage, case, first.question, watched(lab, stage, in_blocks=True))
    sent = [text for request in stage.requests()[-1:] for text in request.results]
    expect(
        sent == [mock(case)],
        "The model must be sent the text as the result of its call.",
        got=Words(f"{plural(len(stage.requests()), 'model request')}; results in the last one: {sent}"),
        expected=f"1 model request; results in the last one: {[mock(case)]}",
        why=_why_not_sent(stage, messages),
    )
    expect_answer(told, answer, "What the model makes of the text is what you want to see.")


def _why_not_sent(stage: Stage, messages: Sequence[Message]) -> str:
    if stage.tool_requests():
        return (
            "The tool ran: the run went on from the pause itself. The mock is in the checkpoint that "
            "update_state wrote; thread(thread_id) goes on from there, the paused snapshot's config does not."
        )
    if not stage.requests() and messages and messages[-1].type == "tool":
        return (
            "The mock was written, and the model has not read it. Written as the node action, llm comes "
            "next; invoke with None lets the run go on."
        )
    return "To the model a mock is a tool message like any other, with the text exactly as given."


@check("4.4", points=1, title="no tool runs, and the model is asked once")
def runs_no_tool(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", anyhow(first)), conversation("search", searches(first)))
    _, messages = mocked(lab, stage, case, first.question)
    _expect_no_search(
        stage,
        messages,
        "A result that is replaced afterwards was still fetched: the booking is made, the bill is sent.",
    )
    _expect_written(messages)
    expect(
        kinds(messages) == "human ai tool ai",
        "The thread must hold the call, the mock as its result, and the answer.",
        got=Words(kinds(messages)),
        expected="human ai tool ai",
        why="The next question is asked with this history.",
    )
    stage = lab.stage(
        conversation("tour", anyhow_one_by_one(first, second)),
        conversation("search", searches(first, second)),
    )
    agent = watched(lab, stage)
    told, messages = mocked(lab, stage, case, tour_question(first, second), agent)
    _expect_no_search(
        stage,
        messages,
        "Here the model calls again when it has read the text: the person has not seen this call yet.",
    )
    expect(
        told is None,
        "If the model asks for another tool, mock_answer must return None: the run has paused again.",
        got=told,
        expected="None",
        why="There is no answer yet; the model's word beside a call is not one.",
    )
    following = state_of(lab, agent, case.thread)["next"]
    expect(
        following == ("action",),
        "The call that the model made after it had read the text must be left waiting.",
        got=Words(f"next: {following}"),
        expected="next: ('action',)",
        why="The person decides about it next: to let it run, to stop, to edit or to mock.",
    )


def _expect_written(messages: Sequence[Message]) -> None:
    """Expect that the thread does not wait as before: the mock may have gone to another one."""
    expect(
        not messages or messages[-1].type != "ai" or not messages[-1].tool_calls,
        "mock_answer has written nothing into the thread that it was given: its call waits as before.",
        got=Words(f"the thread holds: {kinds(messages)}"),
        expected="the call, the mock as its result, and the answer, on this thread",
        why="The next question is asked on this thread. What is on another one, it does not know.",
    )


def _expect_no_search(stage: Stage, messages: Sequence[Message], why_not: str) -> None:
    """Expect that the model was asked once and no tool has run; ``why_not`` says why none should."""
    ran, made = len(stage.tool_requests()), len(stage.requests())
    expect(
        ran == 0,
        "The tool must not run at all.",
        got=Words(f"{plural(ran, 'search')} after the pause"),
        expected="0 searches after the pause",
        why=why_not,
    )
    expect(
        made <= 1 or kinds(messages) != "human ai tool ai tool ai",
        "mock_answer has also answered the next call, which the model made after it had read the text.",
        got=Words(f"{plural(made, 'model request')}; the thread holds: {kinds(messages)}"),
        expected="1 model request; the thread holds: human ai tool ai",
        why="The text is for the calls that waited. The run has paused again, for the person to decide.",
    )
    expect(
        made == 1,
        "The model must be asked once.",
        got=Words(f"{plural(made, 'model request')} after the pause"),
        expected="1 model request after the pause",
        why="Only the model can say what it makes of the text, and once is enough: each request costs.",
    )


@check("4.4", points=1, title="several calls wait: each gets the text")
def mocks_every_call(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    cities = (first, second, first)
    stage = lab.stage(
        conversation("trip", asked(third), anyhow(*cities)),
        conversation("search", searches(*cities)),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    told, messages = mocked(lab, stage, case, compare_question(*cities), agent)
    _expect_written(messages)
    ids = [call["id"] for call in messages[5].tool_calls] if len(messages) > 5 else []
    pairs = [(message.tool_call_id, message.text) for message in messages[6:] if message.type == "tool"]
    expect(
        len(ids) == len(cities)
        and sorted(pairs, key=str) == sorted(((id, mock(case)) for id in ids), key=str),
        "Every call that waits must get the text, each in a tool message of its own.",
        got=Words(f"{plural(len(pairs), 'tool message')} with {[text for _, text in pairs]}"),
        expected=f"{len(cities)} tool messages with {[mock(case)] * len(cities)}",
        why="A history with an open call is refused by the provider, and the text is the whole result.",
    )
    sent = [text for request in stage.requests()[-1:] for text in request.results][-len(cities) :]
    expect(
        sent == [mock(case)] * len(cities),
        "The model must be sent the text for every call that waited.",
        got=Words(f"results in the last model request: {sent}"),
        expected=f"results in the last model request: {[mock(case)] * len(cities)}",
        why=_why_not_sent(stage, messages),
    )
    expect_answer(
        told, compare_answer(*cities), "The results are there; once the run goes on, the model speaks."
    )
