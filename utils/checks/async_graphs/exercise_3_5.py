"""Exercise 3.5, "Give up in time": judged by what is given up in time, and by the thread's next answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.questions import advice, pack_question, turn
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import City, asked, compare_question, compared, conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, Fault, ToolAnswer, Turn, UserTurn

CUTS = ((0.15, 1.3), (1.5, 3.0))
TOOL_CUTS = ((0.3, 1.3), (1.5, 3.0))
"""seconds until something is to be given up, and seconds that it takes; the second only where nothing was
asked in the first: the machine may have been busy"""
TIME = 6
"""seconds in which an answer comes"""
SETTLE = 1.0
"""seconds that requests have for coming to their end before they are counted"""
UNHURRIED = 0.45
"""seconds that an answer in time may take: longer than the notebook's examples wait"""


def slow(city: City, case: Case, hang: float) -> tuple[Turn, ...]:
    """Return a question whose answer takes far too long."""
    late = Fault(kind="latency", seconds=hang)
    return (UserTurn(user=pack_question(city)), AnswerTurn(answer=advice(city, case), fault=late))


def unhurried(city: City) -> tuple[Turn, ...]:
    """Return a question whose answer takes its time, and comes."""
    return asked(city, answer=ToolAnswer(text=city.result, delay=UNHURRIED))


def timed(lab: Lab, agent: Ref, thread: str, text: str, seconds: float) -> Any:
    return lab.call("ask_with_timeout", agent, thread, text, seconds)


def answered_in_time(lab: Lab, agent: Ref, thread: str, city: City) -> None:
    """Ask with far more time than it takes, and expect the answer."""
    told = timed(lab, agent, thread, city.question, TIME)
    expect(
        isinstance(told, str) and told == city.answer,
        "An answer that comes in time must be returned, as text.",
        got=told,
        expected=repr(city.answer),
        why=f"Most answers do come in time; seconds, here {TIME}, says how long that is.",
    )


def expect_none(told: Any) -> None:
    expect(
        told is None,
        "When the time is over, None must come back.",
        got=told,
        expected="None",
        why=(
            "Time can be up only at an await: agent.invoke(…) has none, and blocks until the answer is there."
            if isinstance(told, str)
            else "Whoever waits can tell an answer from none, and need not catch anything."
        ),
    )


def expect_asked(came: Sequence[object], seconds: float) -> None:
    """Fail if nothing was asked that could be given up."""
    expect(
        bool(came),
        "None came back, and nothing had been asked.",
        got=Words(f"no request in {seconds:g} seconds"),
        expected="the question is asked, and given up when the time is over",
        why="Nobody knows beforehand how long an answer takes.",
    )


def expect_given_up(gave_up: Sequence[bool]) -> None:
    """Fail if one of these requests was not given up."""
    expect(
        all(gave_up),
        "When the time is over, the open request must be given up.",
        got=Words("nobody hung up: the request went on, or was waited for"),
        expected="the connection is closed when the time is over",
        why=(
            "A run that goes on in the background costs money and writes into the thread later. "
            "Cancelling an await ends what is below it; a thread, or asyncio.shield, goes on."
        ),
    )


def goes_on(lab: Lab, stage: Stage, agent: Ref, case: Case, earlier: City, city: City) -> None:
    """Ask the next question on the thread, and expect an answer."""
    try:
        state = turn(lab, agent, case.thread, city.question)
    except StudentError:
        refused = lab.refusals()
        if not refused:
            raise
        fail(
            "After the cut the thread is spoilt: the model refused the next question.",
            got=Words(f"the model was sent: {' '.join(refused[-1].roles)}"),
            expected="a history in which every tool call is answered",
            why=(
                "The model's tool calls were saved, their results were not. Answer each of them with a tool "
                "message that says so, or take the turn's messages out."
            ),
        )
    questions = stage.requests()[-1].questions
    expect(
        # Some providers' clients join what was asked in vain and what is asked now into one message.
        questions[:1] == (earlier.question,) and questions[-1].endswith(city.question),
        "What was said on the thread before the cut must stay.",
        got=Words(f"the model was sent: {list(questions)}"),
        expected=f"{earlier.question!r} first, {city.question!r} last",
        why="Only the question that ran out of time may be lost, not the conversation.",
    )
    messages = state.get("messages") or [None]
    expect(
        isinstance(messages[-1], Message) and messages[-1].text == city.answer,
        "The next question on the thread must be answered.",
        got=messages[-1],
        expected=repr(city.answer),
        why="Giving up one question is not a reason to lose the traveller.",
    )


@check("3.5", points=1, title="the answer in time, else None, and the request is given up")
def keeps_to_the_time(lab: Lab, case: Case) -> None:
    first, second = case.cities[:2]
    in_vain = pack_question(second)
    for seconds, hang in CUTS:
        stage = lab.stage(
            conversation("in time", unhurried(first)),
            conversation("slow", slow(second, case, hang)),
        )
        agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
        answered_in_time(lab, agent, case.thread, first)
        expect_none(timed(lab, agent, case.other, in_vain, seconds))
        if came := [r for r in stage.traffic(settle=SETTLE).requests if r.questions[-1:] == (in_vain,)]:
            break
    expect_asked(came, seconds)
    # A client that does not say that it is asynchronous (AWS has none) works in threads, which go on.
    expect_given_up([request.gave_up for request in came if request.client])
    gives_up_before_anything_is_there(lab, case, stage)


def gives_up_before_anything_is_there(lab: Lab, case: Case, stage: Stage) -> None:
    """Fail if a cut before the first step, which leaves a fresh thread without a message, is an error."""
    # In memory nothing is waited for before the question is saved: no cut could come sooner.
    saver = lab.make("distant_saver", label="saver")
    agent = lab.kit.agent(stage.model(), [stage.tool()], saver)
    try:
        told = timed(lab, agent, case.thread, pack_question(case.cities[1]), 0)
    except StudentError as error:
        fail(
            "On a fresh thread a cut can come before there is a message, and None must come back then, too.",
            got=Words(f"{error.type}: {error.message}"),
            expected="None for a time of 0 seconds",
            why="snapshot.values is {} until something is saved; values.get('messages', []) is empty then.",
        )
    expect_none(told)


@check("3.5", points=1, title="the thread goes on after a cut in the model's answer")
def survives_a_cut_in_the_model(lab: Lab, case: Case) -> None:
    first, second, third = case.cities[:3]
    in_vain = pack_question(second)
    for seconds, hang in CUTS:
        stage = lab.stage(
            conversation("trip", asked(first)),
            conversation("slow", slow(second, case, hang)),
            conversation("next", asked(third)),
        )
        agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
        answered_in_time(lab, agent, case.thread, first)
        expect_none(timed(lab, agent, case.thread, in_vain, seconds))
        if came := [r for r in stage.requests() if r.questions[-1:] == (in_vain,)]:
            break
    expect_asked(came, seconds)
    goes_on(lab, stage, agent, case, first, third)


@check("3.5", points=1, title="the thread goes on after a cut in a tool")
def survives_a_cut_in_a_tool(lab: Lab, case: Case) -> None:
    first, second, third, fourth, _ = case.cities
    searched = {"query": third.query}
    for seconds, hang in TOOL_CUTS:
        results = (ToolAnswer(text=second.result), ToolAnswer(text=third.result, delay=hang))
        stage = lab.stage(
            conversation("trip", asked(first)),
            conversation("slow", compared(second, third, answers=results)),
            conversation("next", asked(fourth)),
        )
        agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
        answered_in_time(lab, agent, case.thread, first)
        expect_none(timed(lab, agent, case.thread, compare_question(second, third), seconds))
        if came := [r for r in stage.traffic(settle=SETTLE).of("tool") if r.args == searched]:
            break
    expect_asked(came, seconds)
    expect_given_up([request.gave_up for request in came])
    goes_on(lab, stage, agent, case, first, fourth)
