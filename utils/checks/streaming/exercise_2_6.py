"""Exercise 2.6, "Survive a dropped line": judged by the text, the requests and the thread after a drop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from utils.checks.graphs import kinds
from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.answers import (
    ONE_BEHIND,
    asked_before,
    going_wrong,
    held_answer,
    in_words,
    said_in,
    serves_both,
)
from utils.checks.streaming.items import Items, text_of
from utils.checks.streaming.lab import Case, check
from utils.checks.weather import (
    asked,
    compare_answer,
    compare_question,
    compared,
    conversation,
    one_by_one,
    tour_question,
)
from utils.lab.lab import END, Lab, Ref, Stage, StudentError
from utils.replay.conversation import AnswerTurn, Fault, ToolAnswer, Turn
from utils.views.plain import plural

MOST_DROPS = 5
"""how often a line drops that is not to be had: who tries for ever comes to an end"""
OWN = ("TypeError", "NameError", "AttributeError", "LookupError", "AssertionError")
NOTHING_TO_RAISE = "No active exception to"
"""errors of Python's that are a mistake in the student's own code, and what it says to a raise too late"""
IN_A_CALL = 3
"""pieces more than words: a name is cut in two at most, and a call has a head and several pieces"""
ANSWERED_BY = 3
"""number of the request that brings the answer, where the first one broke off"""
SECOND_CALL = 3
"""place of the second message with a call in a tour of two cities"""


def dropped(case: Case, times: int | None = 1) -> Fault:
    return Fault(kind="drop", after=case.after + 3, times=times)


def echo(case: Case) -> tuple[str, tuple[str, ...]]:
    """Return a question that needs no tool, and an answer in pieces in which words come again."""
    city = case.cities[2]
    times = f"cold, cold, cold, and {case.word}, and {case.word}, and once more cold"
    told = f"It is {times} in {city.name}: cold, cold, cold."
    return f"How often is it cold in {city.name}?", ("Often", ":", "\n\n", *in_words(told))


def looked_up(case: Case, say: str = "") -> tuple[Turn, ...]:
    """Return the question of ``echo``, with its answer, for which the model looks something up."""
    question, pieces = echo(case)
    _, calls, results, _ = asked(case.cities[2], say=say)
    asks, answers = said_in(pieces, question)
    return asks, calls, results, answers


def streamed(
    lab: Lab, stage: Stage, case: Case, agent: Ref, question: str
) -> tuple[str, StudentError | None]:
    """Return the text that ``resilient_stream`` yields; the error that ends it, ``None`` if it ends well."""
    told: list[Any] = []
    with Items(lab, stage, "resilient_stream", agent, case.thread, question) as items:
        try:
            while (item := items.next()) is not END:
                told.append(item)
        except StudentError as error:
            if error.is_a("NotImplementedError") or lab.refusals() or lab.misses():
                raise
            return text_of(told), error
    return text_of(told), None


NOTICED = "A line that drops once must not be noticed: the error came out."


AGAIN = "The question was asked a second time: after a drop the run must go on, not begin again."
ONCE = "the question once: with None for an input the run goes on from its last checkpoint"
NOT_STREAMED = "The second attempt was not streamed: the answer was asked for as a whole."


@dataclass(frozen=True, slots=True)
class Break:
    """Where a line drops in a text, and what a card says of it."""

    before: str
    """the messages before the one that broke off"""
    shown: str
    """what has come of that one"""
    where: str
    missing: str
    """what is told where letters behind it are missing"""
    why: str


def expect_whole(stage: Stage, question: str, told: str, whole: str, drop: Break) -> None:
    """Fail unless the text is whole in which the line has dropped."""
    if told == whole:
        return
    requests = stage.requests()
    expect(
        all(" ".join(request.questions).count(question) < 2 for request in requests),
        AGAIN,
        got=told,
        expected=ONCE,
        why="The model would read the question twice, and everything that is saved would be done again.",
    )
    expect(
        all(request.stream for request in requests),
        NOT_STREAMED,
        got=told,
        expected=f"{whole!r}, in pieces: go on with astream(None, …)",
        why="What comes whole comes late, and of the last message only: others may come before it.",
    )
    came = drop.before + drop.shown
    goes_on = told.startswith(came)
    if goes_on and len(told) < len(whole) and whole.endswith(told.removeprefix(came)):
        what = f"letters are missing {drop.missing}"
    elif goes_on and len(told) >= len(whole) + len(drop.shown):
        what = "the message that broke off was told again from its beginning"
    elif len(told) < len(whole):
        what = "letters are missing"
    elif len(told) > len(whole):
        what = "letters came twice"
    else:
        what = "other letters came than the model has said"
    fail(
        f"After a drop {drop.where} the text must go on where it stopped, each piece once: {what}.",
        got=told,
        expected=repr(whole),
        why=drop.why,
    )


@check("2.6", points=1, title="after a drop each piece is shown once")
def shows_each_piece_once(lab: Lab, case: Case) -> None:
    question, pieces = echo(case)
    say, fault = f"I look up {case.cities[2].name}. ", dropped(case)
    whole = say + "".join(pieces)
    stage = lab.stage(conversation("trip", asked(case.cities[0]), going_wrong(looked_up(case, say), fault)))
    agent = asked_before(lab, stage, case, case.cities[0])
    told = streamed_to_the_end(lab, stage, case, agent, question, whole)
    expect_its_beginning(told, whole)
    shown = "".join(pieces[: fault.after])
    expect(
        told != say + shown + whole[2 * len(say) + len(shown) :],
        "After a drop too much is left out: as many letters more as the message before has.",
        got=told,
        expected=repr(whole),
        why=(
            "That message is saved and is not said again. A tool's message tells so: both numbers begin at 0 "
            "there, how much the reader has seen of a message and how much of it was said."
        ),
    )
    drop = Break(
        before=say,
        shown=shown,
        where="in the answer",
        missing="behind it, as where whole pieces are left out",
        why=(
            "The model says all of its answer again, in other pieces. Skip as many letters as were shown: "
            "pieces cannot be counted, and a set of them would swallow words that come twice."
        ),
    )
    expect_whole(stage, question, told, whole, drop)
    goes_on_in_a_call(lab, case)
    speaks_behind_a_call(lab, case)


def speaks_behind_a_call(lab: Lab, case: Case) -> None:
    """Fail if words that come behind a call, in the same message, are left out."""
    city = case.cities[1]
    before, behind, answer = "I look it up. ", f"One moment, {case.word}! ", city.answer
    call = {"call": "search", "args": {"query": city.query}}
    turns = [[{"text": before}, call, {"text": behind}], [{"text": answer}]]
    stage = lab.stage(conversation("trip", asked(city)))
    agent = lab.kit.agent(lab.make("block_model", turns, label="model"), [stage.tool()], lab.kit.saver())
    told = text_of(Items(lab, stage, "resilient_stream", agent, case.thread, city.question).rest())
    expect(
        told == before + behind + answer,
        "All words of the model must come, also those around a call, where content is a list of blocks.",
        got=told,
        expected=repr(before + behind + answer),
        why="A message with a call holds words as well, before it or behind. Look at each chunk by itself.",
    )


def expect_its_beginning(told: str, whole: str) -> None:
    """Fail if only the end of a text came, as where pieces are yielded when all is well."""
    expect(
        told == whole or not told or not whole.endswith(told),
        "What the model said before the last message never came.",
        got=told,
        expected=repr(whole),
        why="Each piece is to be yielded when it comes: nobody knows yet whether the line will drop.",
    )


def goes_on_in_a_call(lab: Lab, case: Case) -> None:
    """Fail if a drop within a call, behind words and after another call, is not survived."""
    first, second, _ = case.cities
    say, question = "Let me look up", tour_question(first, second)
    turns = one_by_one(first, second, say=say)
    # So many pieces are the words, whatever they are cut into, and a part of the call behind them.
    fault = Fault(kind="drop", after=len(f"{say} {second.name}.".split()) + IN_A_CALL, times=1)
    stage = lab.stage(conversation("tour", going_wrong(turns, fault, at=SECOND_CALL)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    whole = f"{say} {first.name}.{say} {second.name}.{compare_answer(first, second)}"
    told = streamed_to_the_end(lab, stage, case, agent, question, whole)
    expect_its_beginning(told, whole)
    drop = Break(
        before=f"{say} {first.name}.",
        shown=f"{say} {second.name}.",
        where="in a message with words beside its call",
        missing="in another message, which had not broken off",
        why=(
            "Only the message that broke off is said again, words and call; earlier ones are saved. So count "
            "for each message by itself, and begin at 0 when a tool's message has come."
        ),
    )
    expect_whole(stage, question, told, whole, drop)


def streamed_to_the_end(
    lab: Lab, stage: Stage, case: Case, agent: Ref, question: str, answer: str, noticed: str = NOTICED
) -> str:
    """Return the text that ``resilient_stream`` yields where the line drops once; fail if it raises."""
    told, error = streamed(lab, stage, case, agent, question)
    expect(
        error is None,
        noticed,
        got=Words(f"{error.type}: {error.message}" if error else ""),
        expected=repr(answer),
        why="The run can go on from its last checkpoint: nothing is lost but a second.",
    )
    return told


@check("2.6", points=1, title="the question is not asked again, and nothing saved is done again")
def asks_nothing_again(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    turn = going_wrong(compared(first, second), dropped(case))
    stage = lab.stage(conversation("trip", asked(third), turn))
    agent = asked_before(lab, stage, case, third)
    streamed_to_the_end(
        lab, stage, case, agent, compare_question(first, second), compare_answer(first, second)
    )
    model, tools = len(stage.requests()), len(stage.tool_requests())
    state = lab.part("state", agent, case.thread)
    asked_twice = kinds(state["messages"]).count("human") > 2
    expect(
        not asked_twice,
        AGAIN,
        got=Words(f"{plural(model, 'model request')}, and the thread holds the question twice"),
        expected=ONCE,
        why="The model would read the question twice, and everything that is saved would be done again.",
    )
    expect(
        model > 2,
        "The answer that broke off was not asked for again.",
        got=Words(plural(model, "model request")),
        expected="3 model requests: the calls, the answer that broke off, the answer",
        why="What came before the line dropped is half an answer. Only the model has the rest.",
    )
    expect(
        (model, tools) == (3, 2),
        "Only the answer that broke off may be asked for again.",
        got=Words(f"{plural(model, 'model request')}, {plural(tools, 'request')} of the search"),
        expected="3 model requests (the calls, the answer that broke off, the answer) and 2 of the search",
        why="The tools' results are saved: with None for an input the run goes on from there.",
    )
    expect(
        kinds(state["messages"]) == "human ai tool ai human ai tool tool ai"
        and state["messages"][-1].text == compare_answer(first, second),
        "The thread must hold the conversation once, with the whole answer.",
        got=Words(kinds(state["messages"])),
        expected="human ai tool ai human ai tool tool ai",
        why="Half an answer, or a question asked twice, is what the model reads at the next turn.",
    )
    goes_on_after_a_tool(lab, case)


def goes_on_after_a_tool(lab: Lab, case: Case) -> None:
    """Fail if an error of a tool is not taken for a drop."""
    city, answer = case.cities[1], f"Take {case.word}."
    failing = ToolAnswer(text=city.result, raises="the search service is down", times=1)
    turns = (*asked(city, answer=failing)[:-1], AnswerTurn(answer=answer))
    stage = lab.stage(conversation("tool", turns))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    noticed = "Any Exception of the run is a drop, also a tool's: the error came out."
    told = streamed_to_the_end(lab, stage, case, agent, city.question, answer, noticed)
    expect(
        told == answer,
        "After an error of a tool the run must go on to its answer.",
        got=told,
        expected=repr(answer),
        why="What the model had asked for is saved: the tool is run again, and then the model answers.",
    )


@check("2.6", points=1, title="a second failure is raised")
def raises_at_last(lab: Lab, case: Case) -> None:
    question, _ = echo(case)
    # The first drop is in another message than the second one: it is two in all.
    turns = looked_up(case, "I look up how cold it is now.")
    broken = going_wrong(turns, Fault(kind="drop", after=case.after, times=1), at=1)
    stage = lab.stage(conversation("trip", going_wrong(broken, dropped(case, times=MOST_DROPS))))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    _, error = streamed(lab, stage, case, agent, question)
    count = len(stage.requests())
    expect(
        error is not None,
        "When the line drops a second time the error must be raised.",
        got=Words(f"no error after {plural(count, 'request')}"),
        expected="the error of the connection, after 3 requests",
        why="Half an answer without an error looks like a whole one.",
    )
    mistaken = error is not None and (any(map(error.is_a, OWN)) or NOTHING_TO_RAISE in error.message)
    expect(
        not mistaken,
        "Another error came out than that of the line: something went wrong while the drop was handled.",
        got=Words(f"{error.type}: {error.message}" if error else ""),
        expected="the error of the connection, as the second attempt raised it",
        why="The error says what happened. `raise` alone raises it again, within the except block only.",
    )
    expect(
        count > 1,
        "A dropped line must be tried again, once.",
        got=Words("1 request, then the error"),
        expected="3 requests, then the error",
        why="Most drops are over in a moment; only the second one is the reader's business.",
    )
    expect(
        all(request.stream for request in stage.requests()),
        NOT_STREAMED,
        got=Words(f"{plural(count, 'request')}, and not all of them asked for a stream"),
        expected="3 requests that stream: go on with stream(None, …) or astream(None, …)",
        why="invoke waits for the whole text, and a provider's client repeats such a request by itself.",
    )
    expect(
        count == 3,
        "A dropped line is tried again once in all, whichever message breaks off.",
        got=Words(plural(count, "request")),
        expected="3 requests: two for the message that breaks off first, one for the answer that does",
        why="A service that is down is not helped by more requests, and the person wants to know.",
    )


@check("2.6", points=1, title="pieces still come while the model is speaking, and a reader may leave")
def comes_while_speaking(lab: Lab, case: Case) -> None:
    city = case.cities[0]
    say, pieces = f"I look up {city.name}, and what to take along.", held_answer(case)
    turns = (*asked(city, say=say)[:-1], *said_in(pieces, city.question)[1:])
    turns = going_wrong(turns, Fault(kind="drop", after=case.after - 1, times=1), at=1)
    stage = lab.stage(conversation("held", going_wrong(turns, Fault(kind="stall", after=case.after))))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    due = "".join(pieces[: case.after])
    with Items(lab, stage, "resilient_stream", agent, case.thread, city.question) as items:
        items.expect_asynchronous()
        told = read_while_held(lab, stage, items, due)
        stage.release()
    expect(
        due in told or not told.endswith("".join(pieces[: case.after - 1])),
        ONE_BEHIND,
        got=Words(f"the model was held behind {due!r}, and before it had ended came {told!r}"),
        expected=f"{due!r} as well",
        why="Where the model makes a pause, its last word waits with it. Yield a piece when it comes.",
    )
    expect(
        due in told,
        "The pieces must come while the model is still speaking, also after a drop.",
        got=Words(f"the model was held in the middle of its answer, and before it had ended came {told!r}"),
        expected=f"{due!r} as well: what the model has sent of its answer",
        why="What is collected until all is safe comes late: a reader sees nothing until all is over.",
    )
    leaves(lab, case)
    serves_both(lab, "resilient_stream", case, Fault(kind="drop", after=2, times=1))


def read_while_held(lab: Lab, stage: Stage, items: Items, due: str) -> str:
    """Return what comes, until ``due`` is among it, before the model goes on that is held in its answer."""
    told = ""
    while due not in told:
        try:
            item = items.next()
        except StudentError as error:
            if lab.refusals() or lab.misses():
                raise
            fail(
                NOTICED,
                got=Words(f"{error.type}: {error.message}"),
                expected=repr(due),
                why="The run can go on from its last checkpoint: nothing is lost but a second.",
            )
        held_no_more = len(stage.requests()) >= ANSWERED_BY and not stage.traffic().open()
        if item is END or held_no_more:
            break
        told += text_of([item])
    return told


def leaves(lab: Lab, case: Case) -> None:
    """Fail if a reader who leaves in the middle is taken for a dropped line."""
    why = (
        "Closing a generator raises GeneratorExit in it. A bare `except:` takes that for a dropped line and "
        "asks the model again, for nobody."
    )
    message = "A reader who leaves is no dropped line: the generator must end, and ask nothing more."
    expected = "an end without an error and without another request: `except Exception`"
    city = case.cities[0]
    stage = lab.stage(conversation("left", said_in(held_answer(case), city.question)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    items = Items(lab, stage, "resilient_stream", agent, case.thread, city.question)
    items.next()
    try:
        lab.close(items.given)
    except StudentError as error:
        fail(message, got=Words(f"{error.type}: {error.message}"), expected=expected, why=why)
    made = len(stage.requests())
    expect(made == 1, message, got=Words(plural(made, "request")), expected=expected, why=why)
