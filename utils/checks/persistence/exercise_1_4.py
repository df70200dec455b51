"""Exercise 1.4, "Go on after a crash": judged by the answer, the requests that were made and the thread."""

from __future__ import annotations

from typing import Any

from utils.checks.graphs import kinds
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import questions, roles
from utils.checks.registry import Words, expect, fail
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
from utils.replay.conversation import ToolAnswer
from utils.views.plain import plural

DOWN = "the search service is down"


def failing_once(city: City) -> ToolAnswer:
    return ToolAnswer(text=city.result, raises=DOWN, times=1)


def broken(lab: Lab, stage: Stage, case: Case, question: str, earlier: City | None = None) -> Ref:
    """Return an agent whose run on ``question`` has just failed in its tool.

    Where there was an ``earlier`` question, its model answers in blocks, and each call is a task of its own.
    """
    if earlier is None:
        agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    else:
        model = lab.make("model_in_blocks", stage.model(), label="model")
        agent = lab.make("task_agent", model, [stage.tool()], lab.kit.saver(), label="agent")
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


def killed(lab: Lab, stage: Stage, case: Case, lost: int) -> Ref:
    """Return an agent whose process was killed in the second question.

    It had written what its node returned, and not yet the checkpoint behind it. ``lost`` counts the
    checkpoints that a whole run would have written after that.
    """
    first, _, third = case.cities
    saver = lab.kit.saver()
    agent = lab.kit.agent(stage.model(), [stage.tool()], saver)
    lab.part("talk", agent, case.thread, [third.question, first.question])
    lab.part("lose_newest", saver, case.thread, lost)
    stage.clear()
    return agent


def resumed(lab: Lab, stage: Stage, agent: Ref, case: Case, *true: str) -> Any:
    """Return what ``resume`` returns, if the model was asked about no other conversation than ``true``."""
    raised: StudentError | None = None
    told = None
    try:
        told = lab.call("resume", agent, case.thread)
    except StudentError as error:
        raised = error
    if refused := lab.refusals():
        fail(
            "The run was given a new input instead of being let go on: the model refused the conversation.",
            got=Words(f"the model was sent: {' '.join(refused[-1].roles)}"),
            expected="the same run, with nothing added to its conversation",
            why=(
                "Any input, even an empty one, begins a new run at START. The tool call that failed has no "
                "answer yet, and providers refuse such a history with status 400."
            ),
        )
    if lab.misses() or any(request.questions != true for request in stage.requests()):
        other = next((r.questions for r in stage.requests() if r.questions != true), None)
        fail(
            "The model was sent what a tool had not said: its result was written by hand."
            if other is None
            else "The question was asked again, instead of the same run going on.",
            got=Words(f"the model was sent: {list(questions(stage))}"),
            expected=f"{list(true)}, and what the tool really found",
            why="The run that failed is saved. What it did need not be done, or made up, a second time.",
        )
    if raised is not None:
        raise raised
    return told


def expect_finished(
    lab: Lab,
    stage: Stage,
    agent: Ref,
    case: Case,
    told: Any,
    *,
    answer: str,
    messages: str,
    searches: int,
    asks: int = 1,
) -> None:
    """Fail unless a run has ended with its answer, on its thread, with only what was missing done.

    ``asks`` counts the model requests that were missing, ``searches`` the runs of the tool.
    """
    state = lab.part("state", agent, case.thread)
    requests, searched = len(stage.requests()), len(stage.tool_requests())
    expect(
        requests >= asks or requests == searched == 0,
        "resume stopped before the run had come to its answer.",
        got=told,
        expected=repr(answer),
        why="After a search the model is asked again. Only a message of its own without calls is the answer.",
    )
    expect(
        requests > 0 or not by_hand(lab, agent, case),
        "resume wrote a checkpoint by hand, and so the run lost what was saved behind the last one.",
        got=told,
        expected=repr(answer),
        why="What a task returned may be saved without its checkpoint. It is used if nothing comes between.",
    )
    expect(
        requests > 0,
        "resume took the run for finished, but its last message is no answer yet.",
        got=told,
        expected=repr(answer),
        why="An empty next is not always the end: what a task returned may be saved, and its checkpoint not.",
    )
    expect(
        requests == asks,
        "The model was asked again for what is saved already.",
        got=Words(f"{plural(requests, 'model request')}, the last with: {roles(stage)}"),
        expected=f"{plural(asks, 'model request')}, for what was missing",
        why="Each request costs money and time, and the model may decide otherwise when it is asked twice.",
    )
    expect(
        searched <= searches,
        "A tool was run again whose result is saved already.",
        got=Words(f"the tool ran {plural(searched, 'time')}"),
        expected=f"it runs {plural(searches, 'time')} at most",
        why=(
            "A tool may book or pay. What it did is saved behind a checkpoint, and a run that is told to "
            "start at a checkpoint does not look there."
        ),
    )
    expect(
        kinds(state["messages"]) == messages,
        "The thread must hold the whole conversation, once.",
        got=Words(kinds(state["messages"])),
        expected=messages,
        why="The same run goes on; it is not a new one beside it.",
    )
    expect(
        told == answer or not isinstance(told, str) or answer not in told,
        "resume returned more than the answer: also the text of other messages of the run.",
        got=told,
        expected=repr(answer),
        why="What the model says beside a tool call, and what a tool says, is how it got to its answer.",
    )
    expect(
        isinstance(told, str) and told == answer,
        "resume must return the text of the answer that the crashed run did not get to.",
        got=told,
        expected=repr(answer),
        why=(
            "The person who asked still waits for it. An earlier answer, or a tool's result, is not it."
            if told
            else "It is the last message of the state, whatever the node is called that has written it."
        ),
    )


def by_hand(lab: Lab, agent: Ref, case: Case) -> bool:
    """Return whether a checkpoint of the thread was written by hand."""
    return any(state["source"] == "update" for state in lab.part("states", agent, case.thread))


@check("1.4", points=1, title="a search failed, and the run goes on to its answer")
def goes_on_after_an_error(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    question = tour_question(first, second)
    answers = (failing_once(first), ToolAnswer(text=second.result))
    stage = lab.stage(conversation("trip", one_by_one(first, second, say="Let me look up", answers=answers)))
    agent = broken(lab, stage, case, question)
    told = resumed(lab, stage, agent, case, question)
    expect_finished(
        lab,
        stage,
        agent,
        case,
        told,
        answer=compare_answer(first, second),
        messages="human ai tool ai tool ai",
        searches=2,
        asks=2,
    )


@check("1.4", points=1, title="one of two searches failed, after an earlier question")
def resumes_two_calls(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    answers = (ToolAnswer(text=first.result), failing_once(second))
    question = compare_question(first, second)
    comparison = compared(first, second, answers=answers)
    stage = lab.stage(
        conversation("trip", asked(third), comparison), conversation("without the earlier one", comparison)
    )
    agent = broken(lab, stage, case, question, earlier=third)
    try:
        told = resumed(lab, stage, agent, case, third.question, question)
    except StudentError as error:
        fail(
            "resume raised an error with another compiled graph, whose nodes have other names.",
            got=Words(f"{error.type}: {error.message}"),
            expected=repr(compare_answer(first, second)),
            why="Every graph knows itself where its run had stopped. Nobody has to know its nodes.",
        )
    expect_finished(
        lab,
        stage,
        agent,
        case,
        told,
        answer=compare_answer(first, second),
        messages="human ai tool ai human ai tool tool ai",
        searches=1,  # the other one's result is saved
    )


@check("1.4", points=1, title="the process was killed, and next is empty")
def goes_on_after_a_kill(lab: Lab, case: Case) -> None:
    first, _, third = case.cities
    for lost, searches in ((3, 1), (2, 0)):  # killed behind the node llm, and behind action
        stage = lab.stage(
            conversation("trip", asked(third), asked(first)),
            conversation("without the earlier one", asked(first)),
        )
        agent = killed(lab, stage, case, lost)
        try:
            told = resumed(lab, stage, agent, case, third.question, first.question)
        except StudentError as error:
            fail(
                "resume raised an error on a thread whose next is empty, though its run is not finished.",
                got=Words(f"{error.type}: {error.message}"),
                expected=repr(first.answer),
                why="What a task returned may be saved without a checkpoint behind it. Then next is empty.",
            )
        expect_finished(
            lab,
            stage,
            agent,
            case,
            told,
            answer=first.answer,
            messages="human ai tool ai human ai tool ai",
            searches=searches,
        )
