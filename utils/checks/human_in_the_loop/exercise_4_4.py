"""Exercise 4.4, "Answer instead of the tool".

What the model is sent as results is judged, what comes back, and that no tool runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from utils.checks.graphs import kinds
from utils.checks.human_in_the_loop.conversations import anyhow, anyhow_one_by_one, searches
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import ask, count, finish, state_of, watched
from utils.checks.registry import Words, expect
from utils.checks.weather import asked, compare_answer, compare_question, conversation, tour_question
from utils.lab.lab import Lab, Ref, Stage
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, ToolAnswer


def mock(case: Case) -> str:
    return f"The station reports {case.word}, and nothing else."


def mocked(lab: Lab, stage: Stage, case: Case, question: str) -> tuple[Any, tuple[Message, ...]]:
    """Return what ``mock_answer`` returns for a paused run, and the messages after it."""
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, question)
    stage.clear()
    told = lab.call("mock_answer", agent, case.thread, mock(case))
    return told, tuple(state_of(lab, agent, case.thread)["messages"])


@check("4.4", points=2, title="the model answers from the text")
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
    told, messages = mocked(lab, stage, case, first.question)
    sent = [text for request in stage.requests()[-1:] for text in request.results]
    expect(
        sent == [mock(case)],
        "The model must be sent the text as the result of its call.",
        got=Words(f"{count(len(stage.requests()), 'model request')}; results in the last one: {sent}"),
        expected=f"1 model request; results in the last one: {[mock(case)]}",
        why=_why_not_sent(stage, messages),
    )
    expect(
        told == answer,
        "mock_answer must return the model's answer.",
        got=told,
        expected=repr(answer),
        why="What the model makes of the text is what you want to see.",
    )


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
        "A result that is replaced afterwards was still fetched: the booking is made, the bill is sent.",
    )
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
    mocked(lab, stage, case, tour_question(first, second))
    _expect_no_search(
        stage, "Here the model calls again when it has read the text: the person has not seen this call yet."
    )


def _expect_no_search(stage: Stage, why_not: str) -> None:
    """Expect that the model was asked once and no tool has run; ``why_not`` says why none should."""
    ran, made = len(stage.tool_requests()), len(stage.requests())
    expect(
        (ran, made) == (0, 1),
        "The tool must not run at all, and the model must be asked once.",
        got=Words(f"{count(ran, 'search')}, {count(made, 'model request')} after the pause"),
        expected="0 searches, 1 model request after the pause",
        why=why_not if ran else "Only the model can say what it makes of the text, and once is enough.",
    )


@check("4.4", points=1, title="two calls wait: both get the text")
def mocks_every_call(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(
        conversation("trip", asked(third), anyhow(first, second)),
        conversation("search", searches(first, second)),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    told, messages = mocked_next(lab, agent, case, compare_question(first, second))
    ids = [call["id"] for call in messages[5].tool_calls] if len(messages) > 5 else []
    pairs = [(message.tool_call_id, message.text) for message in messages[6:] if message.type == "tool"]
    expect(
        sorted(pairs, key=str) == sorted(((id, mock(case)) for id in ids), key=str),
        "Every call that waits must get the text, each in a tool message of its own.",
        got=Words(f"{count(len(pairs), 'tool message')} with {[text for _, text in pairs]}"),
        expected=f"2 tool messages with {[mock(case)] * 2}",
        why="A history with an open call is refused by the provider, and the text is the whole result.",
    )
    expect(
        told == compare_answer(first, second),
        "mock_answer must return the model's answer.",
        got=told,
        expected=repr(compare_answer(first, second)),
        why="The results are there; once the run goes on, the model speaks.",
    )


def mocked_next(lab: Lab, agent: Ref, case: Case, question: str) -> tuple[Any, tuple[Message, ...]]:
    """Call ``mock_answer`` on a thread that has a turn behind it; return its result and the messages."""
    ask(lab, agent, case.thread, question)
    told = lab.call("mock_answer", agent, case.thread, mock(case))
    return told, tuple(state_of(lab, agent, case.thread)["messages"])
