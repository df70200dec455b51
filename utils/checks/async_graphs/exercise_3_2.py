"""Exercise 3.2, "Many questions, a few at a time": judged by the answers and by the open requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from utils.checks.async_graphs.gates import PATIENCE, TOGETHER, expect_made, peak, picture
from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.mistakes import expect_awaited, where
from utils.checks.async_graphs.questions import advice, pack_question
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import asked, conversation, plain
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.observed.calls import calls_of
from utils.replay.conversation import ToolAnswer

TOOL_S_OWN = "ToolFailed"
"""the type of what the kit's tool raises"""
UNSTARRED = re.compile("unhashable type: 'list'|a coroutine or an awaitable is required")
"""what gather says of a list, and of a generator, that has no star"""


def answers(lab: Lab, agent: Ref, questions: Sequence[str], limit: int) -> list[Any]:  # noqa: RET503 - fail() does not return
    """Return what ``ask_many`` returns, as a list."""
    try:
        told = lab.call("ask_many", agent, list(questions), limit)
    except StudentError as error:
        if not error.is_a(TOOL_S_OWN):
            explain_gather(error)
            raise
        told = Words(f"{error.type}: {error.message}")
    items = list(told) if isinstance(told, list | tuple) else [told]
    expect_awaited(lab, items)
    if isinstance(told, list | tuple) and len(items) == len(questions):
        expect_texts(lab, items)
        return items
    if isinstance(told, Words):
        fail(
            "A question that fails must not take the others with it.",
            got=told,
            expected="a list, with the exception in its place",
            why="Nine travellers should get their answers even if the tenth one's search is down.",
        )
    fail(
        "ask_many must return one item for each question.",
        got=told,
        expected=f"a list of {len(questions)}",
        why="Whoever asks finds the answer at the place of the question.",
    )


def explain_gather(error: StudentError) -> None:
    """End the check with a sentence if ``gather`` was given a list."""
    lines = [str(step.get("source")) for step in error.trace]
    at_gather = not lines or any("gather(" in line for line in lines)
    if error.is_a("TypeError") and at_gather and UNSTARRED.search(error.message):
        fail(
            "asyncio.gather was given one list, and takes each coroutine by itself.",
            got=Words(f"{error.type}: {error.message}{where(error)}"),
            expected="asyncio.gather(*(ask(text) for text in questions)), with a star",
            why="The star hands over what is in the list, one by one.",
        )


def expect_texts(lab: Lab, items: Sequence[Any]) -> None:
    """Expect that each item is an answer's text, or an exception."""
    other = [item for item in items if not isinstance(item, str)]
    other = [item for item in other if not (isinstance(item, Ref) and lab.part("is_exception", item))]
    expect(
        not other,
        "Each item must be the text of an answer, or the exception where there is none.",
        got=other[:1],
        expected='text, as state["messages"][-1].text is',
        why="ainvoke returns the whole state; whoever asked wants to read the answer.",
    )


def expect_answers(items: Sequence[Any]) -> None:
    """Expect no exception where a question has an answer; ``items`` are texts or exceptions."""
    broken = [item.type for item in items if isinstance(item, Ref)]
    expect(
        not broken,
        "Each of these questions has an answer, and an exception came instead.",
        got=Words(f"{len(broken)} of {len(items)} items are exceptions: {', '.join(dict.fromkeys(broken))}"),
        expected="texts only",
        why=(
            "return_exceptions=True keeps the errors of your own code quiet, too. Leave it out for a moment "
            "and run the example: then you see the traceback."
        ),
    )


def packed(lab: Lab, case: Case) -> tuple[Stage, Ref, list[str], list[str]]:
    """Return a stage, an agent, five questions that need no tool, and their answers."""
    questions = [pack_question(city) for city in case.cities]
    told = [advice(city, case) for city in case.cities]
    pairs = zip(questions, told, strict=True)
    stage = lab.stage(*(conversation(question, plain(question, answer)) for question, answer in pairs))
    return stage, lab.kit.agent(stage.model(), [], lab.kit.saver()), questions, told


@check("3.2", points=1, title="answers in the order of the questions, each on a new thread")
def answers_in_order(lab: Lab, case: Case) -> None:
    stage, agent, questions, true = packed(lab, case)
    expect(
        answers(lab, agent, [], 2) == [],
        "No questions, no answers: an empty list.",
        got="something else",
        expected="[]",
        why="Whoever counts or joins the answers needs no special case then.",
    )
    stage.reverse(questions[:TOGETHER], patience=PATIENCE)
    told = answers(lab, agent, questions[:TOGETHER], TOGETHER)
    expect_answers(told)
    expect(
        told == true[:TOGETHER],
        "The answers must be in the order of the questions, whichever comes first.",
        got=told,
        expected=str(true[:TOGETHER]),
        why="Which request ends first is chance; gather keeps the order, as_completed does not.",
    )
    stage.clear()
    again = [questions[0], questions[1], questions[0]]
    for _ in range(2):
        told = answers(lab, agent, again, 1)
        expect(
            told == [true[0], true[1], true[0]],
            "Each question must get its own answer, also when it is asked twice.",
            got=told,
            expected=str([true[0], true[1], true[0]]),
            why="Two travellers may ask the same; each is answered.",
        )
    mixed = next((request.questions for request in stage.requests() if len(request.questions) != 1), None)
    expect(
        mixed is None,
        "Each question needs a new thread, also when it is asked twice or ask_many is called again.",
        got=Words(f"a request with {len(mixed or ())} questions: {list(mixed or ())}"),
        expected="requests with one question each",
        why="Two runs on one thread see each other's questions, and each may overwrite what the other saved.",
    )
    made = len(stage.requests())
    expect(
        made >= 2 * len(again),
        "Each question must be asked, also when it is in the list twice or was asked before.",
        got=Words(f"{made} model requests for {len(again)} questions, asked twice"),
        expected=f"{2 * len(again)} model requests",
        why="A dict or a set of questions has room for each text once; an answer kept from before grows old.",
    )


@check("3.2", points=1, title="an exception stands in the place of its answer")
def keeps_exceptions(lab: Lab, case: Case) -> None:
    first, second, third = case.cities[:3]
    down = ToolAnswer(raises=f"no {case.word} today")
    stage = lab.stage(
        conversation("first", asked(first)),
        conversation("second", asked(second, answer=down)),
        conversation("third", asked(third)),
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    told = answers(lab, agent, [first.question, second.question, third.question], 1)
    failed = told[1]
    expect(
        isinstance(failed, Ref) and bool(lab.part("is_exception", failed)),
        "Where a question fails, the list must hold the exception itself.",
        got=failed,
        expected="the exception, as an object",
        why="Whoever reads the list can tell what failed and why, and ask again.",
    )
    expect(
        failed.type == TOOL_S_OWN,
        "Where a question fails, the list must hold the exception that was raised, not one made for it.",
        got=Words(f"an exception of the type {failed.type}"),
        expected=f"the tool's own exception, of the type {TOOL_S_OWN}",
        why="A new exception does not know what went wrong; the first one has its type, message and trace.",
    )
    expect(
        [told[0], told[2]] == [first.answer, third.answer],
        "The other questions must be answered as usual.",
        got=[told[0], told[2]],
        expected=str([first.answer, third.answer]),
        why="A failed run is its own thread's affair.",
    )


@check("3.2", points=1, title="never more than limit at once, and as many as allowed")
def keeps_the_limit(lab: Lab, case: Case) -> None:
    for limit in (3, 2):
        stage, agent, questions, _ = packed(lab, case)
        stage.cap(limit, linger=0.1, patience=PATIENCE)
        expect_answers(answers(lab, agent, questions, limit))
        expect(
            peak(stage) <= limit,
            f"With limit {limit}, there must never be more than {limit} requests open.",
            got=picture(stage),
            expected=f"at most {limit} open at once",
            why=(
                "Providers refuse whoever asks too much at a time. All runs must share one semaphore; "
                "max_concurrency in a config limits the nodes of that one run only."
            ),
        )
        expect(
            peak(stage) >= limit,
            f"With limit {limit}, {limit} questions may be asked at once, and are not.",
            got=picture(stage),
            expected=f"{limit} open at once",
            why="Whoever asks one by one waits for the sum of all answers.",
        )
        expect_made(stage, len(questions))


@check("3.2", points=1, title="as soon as one is answered, the next one is asked")
def refills(lab: Lab, case: Case) -> None:
    stage, agent, questions, _ = packed(lab, case)
    stage.hold(len(questions) - 1, patience=PATIENCE)
    expect_answers(answers(lab, agent, questions, 2))
    held, *others = calls_of(stage.requests())
    after = [call for call in others if held.ended is not None and call.began > held.ended]
    expect(
        not after,
        "While one answer was slow, the free place stayed empty.",
        got=Words(f"{len(after)} of {len(others)} other questions had to wait for the first answer"),
        expected="all others are asked and answered while the first answer is still on its way",
        why=(
            "Who asks one by one, or in batches, waits for the slowest each time. A semaphore, or workers "
            "that share one queue, give a free place to the next question at once."
        ),
    )
