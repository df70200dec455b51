"""Exercise 3.2, "Many questions, a few at a time": judged by the answers and by the open requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from utils.checks.async_graphs.gates import PATIENCE, SETTLE, TOGETHER, expect_made, peak, picture
from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.mistakes import expect_awaited, where
from utils.checks.async_graphs.questions import advice, pack_question
from utils.checks.async_graphs.watching import Watch
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import City, asked, conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.observed.calls import Call, calls_of, most_open
from utils.replay.conversation import AnswerTurn, Fault, ToolAnswer, UserTurn
from utils.replay.log import Request
from utils.views.plain import plural

OF_ANOTHER_LOOP = "is bound to a different event loop"
TOOL_S_OWN = "ToolFailed"
"""the type of what the kit's tool raises"""
UNSTARRED = re.compile("unhashable type: 'list'|a coroutine or an awaitable is required")
"""what gather says of a list, and of a generator, that has no star"""
HELD = 3.0
"""seconds for which a first answer is held until all others are there: only what is wrong waits that long"""
SLOW = 0.2
"""seconds that the first answer's tool takes: what a failed question lets begin is open meanwhile"""
LOOKS = 20
"""how often somebody looks, at most, whether it has returned"""
IDLE = 1.0
"""seconds without a request, after which none will come; only what is wrong waits that long"""
UNHURRIED = 0.03
"""seconds that a model takes for an answer: whoever asks more than the limit allows asks it meanwhile"""


def answers(lab: Lab, agent: Ref, questions: Sequence[str], limit: int) -> list[Any]:
    """Return what ``ask_many`` returns, as a list."""
    return told_by(lab, questions, lambda: lab.call("ask_many", agent, list(questions), limit))


def told_by(lab: Lab, questions: Sequence[str], call: Callable[[], Any]) -> list[Any]:  # noqa: RET503 - fail() does not return
    """Return what a call of ``ask_many`` with these questions returns, as a list."""
    try:
        told = call()
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
    contents = [item for item in items if isinstance(item, list) or str(item).startswith("[{")]
    expect(
        not contents,
        "Each item must be text, also where a message's content is a list of blocks.",
        got=contents[:1],
        expected='text, as state["messages"][-1].text is',
        why="OpenAI sends content as a string, Anthropic and Bedrock often as a list; .text reads both.",
    )
    other = [item for item in items if not isinstance(item, str)]
    other = [item for item in other if not (isinstance(item, Ref) and lab.part("is_exception", item))]
    expect(
        not other or any(item is not None for item in other),
        "A place of the list holds None: neither an answer nor an exception was put there.",
        got=Words(f"{plural(len(other), 'place')} with None"),
        expected="an answer for each question, or the exception that its run raised",
        why="The other questions are asked to their end also when one has failed.",
    )
    expect(
        not other,
        "Each item must be the text of an answer, or the exception where there is none.",
        got=other[:1],
        expected='text, as state["messages"][-1].text is',
        why="ainvoke returns the whole state, and you want to read the answer.",
    )


def expect_answers(lab: Lab, items: Sequence[Any]) -> None:
    """Expect no exception where a question has an answer; ``items`` are texts or exceptions."""
    errors = [item for item in items if isinstance(item, Ref)]
    said = str(lab.part("words_of", errors[0])) if errors else ""
    expect(
        OF_ANOTHER_LOOP not in said,
        "Something was made in another event loop, such as a semaphore in a cell of its own.",
        got=Words(f"{errors[0].type}: {said}" if errors else ""),
        expected="a semaphore that ask_many makes itself, one for each time it is called",
        why="A semaphore belongs to the event loop in which somebody first waited for it.",
    )
    broken = [item.type for item in errors]
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


def expect_asked_as_given(lab: Lab, questions: Sequence[str]) -> None:
    """Fail if the model was asked something that is not in the list."""
    others = [miss.asked for miss in lab.misses() if miss.asked not in questions]
    expect(
        not others,
        "The model was asked something else than the questions in the list.",
        got=Words(f"asked: {(others or [''])[0]!r}"),
        expected=f"the text as it stands in the list: {questions[0]!r}",
        why="Each text is a whole question already: question(text) makes a graph's input of it.",
    )


class Desk:
    """A stage with five questions that need no tool, and a watched agent that answers them.

    ``in_blocks`` makes the content of each answer a list of text blocks.
    """

    def __init__(self, lab: Lab, case: Case, *, in_blocks: bool = False) -> None:
        self._lab = lab
        late = Fault(kind="latency", seconds=UNHURRIED)
        self.questions = [pack_question(city) for city in case.cities]
        self.true = [advice(city, case) for city in case.cities]
        turns = [
            (UserTurn(user=question), AnswerTurn(answer=answer, fault=late))
            for question, answer in zip(self.questions, self.true, strict=True)
        ]
        named = zip(self.questions, turns, strict=True)
        self.stage = lab.stage(*(conversation(question, turn) for question, turn in named))
        self.watch = Watch(lab)
        model = self.watch.model_in_blocks(self.stage) if in_blocks else self.watch.model(self.stage)
        self.agent = lab.kit.agent(model, [], lab.kit.saver())

    def ask(self, questions: Sequence[str], limit: int) -> list[Any]:
        """Return the answers to some of the questions: texts, and nothing else."""
        told = answers(self._lab, self.agent, questions, limit)
        self.watch.expect_free_loop("ask_many", "agent.ainvoke(…)")
        expect_asked_as_given(self._lab, questions)
        expect_answers(self._lab, told)
        return told


def expect_limited(stage: Stage, limit: int) -> None:
    """Fail if more requests were open at once than the limit, or never as many as it allows."""
    most = peak(stage)
    expect(
        most <= limit,
        f"With limit {limit}, there must never be more than {limit} requests open.",
        got=picture(stage),
        expected=f"at most {limit} open at once",
        why=(
            "Providers refuse whoever asks too much at a time. All questions share one semaphore, made "
            "before the first of them, and each holds its place until its answer is there; "
            "max_concurrency in a config limits the nodes of that one run only."
        ),
    )
    expect(
        most >= limit,
        f"With limit {limit}, {limit} questions may be asked at once, and are not.",
        got=picture(stage),
        expected=f"{limit} open at once",
        why="A traveller who comes last waits for the sum of all answers, if one is asked after the other.",
    )


def expect_new_threads(stage: Stage) -> None:
    """Fail if a question was asked on a thread that knew another one."""
    mixed = next((request.questions for request in stage.requests() if len(request.questions) != 1), None)
    expect(
        mixed is None,
        "Each question needs a new thread, also when it is asked twice or ask_many is called again.",
        got=Words(f"a request with {len(mixed or ())} questions: {list(mixed or ())}"),
        expected="requests with one question each",
        why="Two runs on one thread see each other's questions, and each may overwrite what the other saved.",
    )


@check("3.2", points=1, title="answers in the order of the questions, each on a new thread")
def answers_in_order(lab: Lab, case: Case) -> None:
    desk = Desk(lab, case, in_blocks=True)
    stage, agent, questions, true = desk.stage, desk.agent, desk.questions, desk.true
    stage.reverse(questions[:TOGETHER], patience=PATIENCE)
    told = desk.ask(questions, TOGETHER)
    expect_limited(stage, TOGETHER)
    expect_made(stage, len(questions))
    expect(
        set(told) <= set(true),
        "These are not the texts of the answers, word by word.",
        got=told,
        expected=str(true),
        why='state["messages"][-1].text is the whole answer, also where content is a list of blocks.',
    )
    expect(
        told == true,
        "The answers must be in the order of the questions, whichever comes first.",
        got=told,
        expected=str(true),
        why="Which request ends first is chance; gather keeps the order, as_completed does not.",
    )
    none = lab.call("ask_many", agent, [], 2)
    expect(
        none == [],
        "No questions, no answers: an empty list.",
        got=none,
        expected="[]",
        why="Whoever counts or joins the answers needs no special case then.",
    )
    stage.clear()
    again = [questions[0], questions[1], questions[0]]
    for _ in range(2):
        told = desk.ask(again, 1)
        expect(
            told == [true[0], true[1], true[0]],
            "Each question must get its own answer, also when it is asked twice.",
            got=told,
            expected=str([true[0], true[1], true[0]]),
            why="Two travellers may ask the same; each is answered.",
        )
    expect_new_threads(stage)
    made = len(stage.requests())
    expect(
        made >= 2 * len(again),
        "Each question must be asked, also when it is in the list twice or was asked before.",
        got=Words(f"{made} model requests for {len(again)} questions, asked twice"),
        expected=f"{2 * len(again)} model requests",
        why="A dict or a set of questions has room for each text once; an answer kept from before grows old.",
    )


def finished(lab: Lab, stage: Stage, agent: Ref, questions: Sequence[str], limit: int) -> list[Any]:
    """Return what ``ask_many`` returns; fail if it does not return although nothing is on its way."""
    called = lab.describe("ask_many", agent, list(questions), limit)
    attempt = lab.make("attempt", lab.get("ask_many"), [agent, list(questions), limit], label="attempt")
    before = -1
    for _ in range(LOOKS):
        if lab.part("rest", attempt, IDLE, called=called) is True:
            break
        made = stage.traffic().requests
        if len(made) == before and all(request.finished is not None for request in made):
            lab.part("drop", attempt)
            _never_returns(stage, questions)
        before = len(made)
    return told_by(lab, questions, lambda: lab.part("outcome", attempt, called=called))


def _never_returns(stage: Stage, questions: Sequence[str]) -> NoReturn:
    asked_for = {question for request in stage.requests() for question in request.questions}
    fail(
        "A question that has failed keeps its place: no other is asked in it, and ask_many never returns.",
        got=Words(f"it waits, and {len(asked_for)} of {len(questions)} questions were asked"),
        expected="as many questions under way as before, also when some have failed",
        why=(
            "async with gives the place back whatever happens in its block. Between acquire() and release() "
            "that takes a try and a finally; and a worker must go on when one of its questions fails."
        ),
    )


def under_way(stage: Stage, cities: Sequence[City]) -> int:
    """Return how many questions were under way at once, each from its first request to its last's end."""
    made = stage.traffic(settle=SETTLE).requests
    runs: list[Call] = []
    for city in cities:
        own = [call for request in made if _is_about(request, city) for call in calls_of([request])]
        ends = [call.ended for call in own if call.ended is not None]
        if ends:
            runs.append(Call(city.name, own[0].began, max(ends)))
    return most_open(runs)


def _is_about(request: Request, city: City) -> bool:
    if request.kind == "model":
        return city.question in request.questions
    return isinstance(request.args, Mapping) and request.args.get("query") == city.query


@check("3.2", points=1, title="an exception stands in the place of its answer")
def keeps_exceptions(lab: Lab, case: Case) -> None:
    first, second, third, last = case.cities[:4]
    down = ToolAnswer(raises=f"no {case.word} today")
    stage = lab.stage(
        conversation("first", asked(first, answer=ToolAnswer(text=first.result, delay=SLOW))),
        conversation("second", asked(second, answer=down)),
        conversation("third", asked(third, answer=down)),
        conversation("last", asked(last)),
    )
    watch = Watch(lab)
    agent = lab.kit.agent(watch.model(stage), [watch.tool(stage)], lab.kit.saver())
    # As many fail as may be under way: a place that is not given back is missed by the last question.
    questions = [first.question, second.question, third.question, last.question]
    stage.cap(2, linger=0.1, patience=PATIENCE)
    # The first question's tool answers after the second one's has failed, on a busy machine as well.
    stage.reverse([first.query, second.query], "tool", patience=PATIENCE)
    told = finished(lab, stage, agent, questions, 2)
    watch.expect_free_loop("ask_many", "agent.ainvoke(…)")
    expect_asked_as_given(lab, questions)
    expect_limited(stage, 2)
    expect_new_threads(stage)
    most = under_way(stage, (first, second, third, last))
    expect(
        most <= 2,
        "When a question has failed, more questions are under way than the limit says.",
        got=Words(f"with limit 2, {most} at once, after the first one had failed"),
        expected="at most 2 at once, also when one has failed",
        why="Each question gives back the one place that it took. A place that comes back twice is one more.",
    )
    failed, answered = told[1:3], [told[0], told[3]]
    expect(
        all(isinstance(item, Ref) for item in failed) or not any(isinstance(item, Ref) for item in answered),
        "The exception must stand in the place of its own question.",
        got=told,
        expected="the exceptions in the second and third place of four",
        why="Whoever reads the list knows by the place which question it was.",
    )
    expect(
        all(isinstance(item, Ref) for item in failed),
        "Where a question fails, the list must hold the exception itself.",
        got=next((item for item in failed if not isinstance(item, Ref)), None),
        expected="the exception, as an object",
        why="Whoever reads the list can tell what failed and why, and ask again.",
    )
    others = [item.type for item in failed if item.type != TOOL_S_OWN]
    expect(
        not others,
        "Where a question fails, the list must hold the exception that was raised, not one made for it.",
        got=Words(f"an exception of the type {', '.join(others[:1])}"),
        expected=f"the tool's own exception, of the type {TOOL_S_OWN}",
        why="A new exception does not know what went wrong; the first one has its type, message and trace.",
    )
    expect(
        answered == [first.answer, last.answer],
        "The other questions must be answered as usual.",
        got=answered,
        expected=str([first.answer, last.answer]),
        why="A failed run is its own thread's affair.",
    )
    # Two for each question that is answered, one for each that fails.
    expect_made(stage, 2 * len(questions) - len(failed))


@check("3.2", points=1, title="never more than limit at once, and as many as allowed")
def keeps_the_limit(lab: Lab, case: Case) -> None:
    limits = (3, 2)
    seen: list[Stage] = []
    for limit in limits:
        desk = Desk(lab, case)
        desk.stage.cap(limit, linger=0.1, patience=PATIENCE)
        desk.ask(desk.questions, limit)
        seen.append(desk.stage)
    peaks = [peak(stage) for stage in seen]
    told = Words(
        "; ".join(f"limit {limit}: {most} at once" for limit, most in zip(limits, peaks, strict=True))
    )
    expect(
        peaks != [limit + 1 for limit in limits],
        "There is always one request more open than the limit says.",
        got=told,
        expected="limit 3: 3 at once; limit 2: 2 at once",
        why="A place is counted from 1, and limit 1 means one question after the other.",
    )
    expect(
        len(set(peaks)) > 1 or peaks[0] in (1, len(case.cities)),
        "As many requests are open as before, although the limit is another one: limit is not used.",
        got=told,
        expected="limit 3: 3 at once; limit 2: 2 at once",
        why="Who calls ask_many knows what the provider allows; a number of your own does not.",
    )
    for limit, stage in zip(limits, seen, strict=True):
        expect_limited(stage, limit)
        expect_made(stage, len(case.cities))


@check("3.2", points=1, title="as soon as one is answered, the next one is asked")
def refills(lab: Lab, case: Case) -> None:
    desk = Desk(lab, case)
    desk.stage.hold(len(desk.questions) - 1, patience=HELD)
    desk.ask(desk.questions, 2)
    expect_limited(desk.stage, 2)
    held, *others = calls_of(desk.stage.requests())
    after = [call for call in others if held.ended is not None and call.began > held.ended]
    expect(
        not after,
        "While one answer was slow, the free place stayed empty.",
        got=Words(f"{len(after)} of {len(others)} other questions had to wait for the first answer"),
        expected="all others are asked and answered while the first answer is still on its way",
        why=(
            "Who asks in batches waits for the slowest each time. A semaphore, or workers that share one "
            "queue, give a free place to the next question at once."
        ),
    )
