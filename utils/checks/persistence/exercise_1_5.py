"""Exercise 1.5, "Go on after a crash": judged by the answer, the requests that were made and the thread."""

from __future__ import annotations

from typing import Any

from utils.checks.graphs import kinds
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import roles
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import City, asked, compare_answer, compare_question, compared, conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.replay.conversation import ToolAnswer

DOWN = "the search service is down"


def failing_once(city: City) -> ToolAnswer:
    return ToolAnswer(text=city.result, raises=DOWN, times=1)


def broken(lab: Lab, stage: Stage, case: Case, question: str, earlier: City | None = None) -> Ref:
    """Return an agent whose run on ``question`` has just failed in its tool."""
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    if earlier is not None:
        lab.part("turn", agent, case.thread, earlier.question)
    error = lab.part("break_turn", agent, case.thread, question)
    if error != "ToolFailed":
        fail(
            "The run should have failed in its tool, but did not.",
            got=Words(error or "no error"),
            expected="a run that ends with an error in the tool",
            why="Something in this notebook changes how tools fail; restart the kernel and run it again.",
        )
    stage.clear()
    return agent


def resumed(lab: Lab, agent: Ref, case: Case) -> Any:  # noqa: RET503 - fail() does not return
    """Return what ``resume`` returns; a new input, which the model refuses, is told from other errors."""
    try:
        return lab.call("resume", agent, case.thread)
    except StudentError:
        refused = lab.refusals()
        if not refused:
            raise
    fail(
        "The run was given a new input instead of being let go on: the model refused the conversation.",
        got=Words(f"the model was sent: {' '.join(refused[-1].roles)}"),
        expected="agent.invoke(None, config): no input, the same thread",
        why=(
            "Any input, even an empty one, begins a new run at START. The tool call that failed has no "
            "answer yet, and providers refuse such a history with status 400."
        ),
    )


@check("1.5", points=1, title="the unfinished run ends with its answer")
def finishes(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", asked(first, answer=failing_once(first))))
    agent = broken(lab, stage, case, first.question)
    told = resumed(lab, agent, case)
    expect(
        isinstance(told, str) and told == first.answer,
        "resume must return the text of the answer that the crashed run did not get to.",
        got=told,
        expected=repr(first.answer),
        why="The person who asked still waits for it.",
    )


@check("1.5", points=2, title="the model is not asked again for what is saved")
def asks_once_more(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", asked(first, answer=failing_once(first))))
    agent = broken(lab, stage, case, first.question)
    resumed(lab, agent, case)
    count = len(stage.requests())
    expect(
        count == 1 and roles(stage) == "user assistant tool",
        "Only the one request that was still missing may be made: the model's tool call was saved.",
        got=Words(f"{count} model requests, the last with: {roles(stage)}"),
        expected="1 model request, with: user assistant tool",
        why="Each request costs money and time, and the model may decide otherwise when it is asked twice.",
    )
    state = lab.part("state", agent, case.thread)
    expect(
        kinds(state["messages"]) == "human ai tool ai",
        "The thread must hold the whole conversation, once.",
        got=Words(kinds(state["messages"])),
        expected="human ai tool ai",
        why="The same run goes on; it is not a new one beside it.",
    )


@check("1.5", points=1, title="two tool calls of which one failed, after an earlier question")
def resumes_two_calls(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    answers = (ToolAnswer(text=first.result), failing_once(second))
    stage = lab.stage(conversation("trip", asked(third), compared(first, second, answers=answers)))
    agent = broken(lab, stage, case, compare_question(first, second), earlier=third)
    told = resumed(lab, agent, case)
    state = lab.part("state", agent, case.thread)
    expect(
        kinds(state["messages"]) == "human ai tool ai human ai tool tool ai" and len(stage.requests()) == 1,
        "Both calls must be answered and the model asked once, with the earlier question still there.",
        got=Words(f"{kinds(state['messages'])}; {len(stage.requests())} model requests"),
        expected="human ai tool ai human ai tool tool ai; 1 model request",
        why="The graph knows which node had not finished and runs that one again, with all its calls.",
    )
    expect(
        told == compare_answer(first, second),
        "resume must return the answer to the question that was interrupted.",
        got=told,
        expected=repr(compare_answer(first, second)),
        why="An earlier answer on the thread is not the one that is missing.",
    )
