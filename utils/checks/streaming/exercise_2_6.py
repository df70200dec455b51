"""Exercise 2.6, "Survive a dropped line": judged by the text, the requests and the thread after a drop."""

from __future__ import annotations

from typing import Any

from utils.checks.graphs import kinds
from utils.checks.registry import Words, expect
from utils.checks.streaming.answers import (
    arrives_while_open,
    asked_before,
    held,
    in_words,
    last_answer,
    said_in,
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
from utils.replay.conversation import Fault


def dropped(case: Case, times: int | None = 1) -> Fault:
    return Fault(kind="drop", after=case.after + 3, times=times)


def echo(case: Case) -> tuple[str, tuple[str, ...]]:
    """Return a question that needs no tool, and an answer in pieces in which words come again."""
    city = case.cities[2]
    times = f"cold, cold, cold, and {case.word}, and {case.word}, and once more cold"
    told = f"It is {times} in {city.name}: cold, cold, cold."
    return f"How often is it cold in {city.name}?", ("Often", ":", "\n\n", *in_words(told))


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


@check("2.6", points=1, title="after a drop each piece is shown once")
def shows_each_piece_once(lab: Lab, case: Case) -> None:
    question, pieces = echo(case)
    answer = "".join(pieces)
    stage = lab.stage(
        conversation("trip", asked(case.cities[0]), last_answer(said_in(pieces, question), dropped(case)))
    )
    agent = asked_before(lab, stage, case, case.cities[0])
    told = streamed_to_the_end(lab, stage, case, agent, question, answer)
    expect(
        told == answer,
        "After a drop the text must go on where it stopped: each piece once, none left out.",
        got=told,
        expected=repr(answer),
        why=(
            "The model says all of its answer again, in other pieces. Skip as many letters as were shown: "
            "pieces cannot be counted, and a set of them would swallow words that come twice."
        ),
    )
    goes_on_after_words_beside_calls(lab, case)


def goes_on_after_words_beside_calls(lab: Lab, case: Case) -> None:
    """Fail if a drop in the last answer is answered by counting what earlier messages said."""
    first, second, _ = case.cities
    say, question = "Let me look up", tour_question(first, second)
    stage = lab.stage(conversation("tour", last_answer(one_by_one(first, second, say=say), dropped(case))))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    whole = f"{say} {first.name}.{say} {second.name}.{compare_answer(first, second)}"
    told = streamed_to_the_end(lab, stage, case, agent, question, whole)
    expect(
        told == whole or not whole.endswith(told),
        "What the model said before the last message never came.",
        got=told,
        expected=repr(whole),
        why="Each piece is to be yielded when it comes: nobody knows yet whether the line will drop.",
    )
    expect(
        told == whole,
        "Where the model wrote words beside its tool calls, the text after a drop is not right.",
        got=told,
        expected=repr(whole),
        why=(
            "Only the message that broke off is said again; earlier ones are saved. "
            "So count for each message by itself: begin at 0 when a tool's message has come."
        ),
    )


def streamed_to_the_end(lab: Lab, stage: Stage, case: Case, agent: Ref, question: str, answer: str) -> str:
    """Return the text that ``resilient_stream`` yields where the line drops once; fail if it raises."""
    told, error = streamed(lab, stage, case, agent, question)
    expect(
        error is None,
        "A line that drops once must not be noticed.",
        got=Words(f"{error.type}: {error.message}" if error else ""),
        expected=repr(answer),
        why="The run can go on from its last checkpoint: nothing is lost but a second.",
    )
    return told


@check("2.6", points=1, title="the question is not asked again, and nothing saved is done again")
def asks_nothing_again(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    turn = last_answer(compared(first, second), dropped(case))
    stage = lab.stage(conversation("trip", asked(third), turn))
    agent = asked_before(lab, stage, case, third)
    streamed(lab, stage, case, agent, compare_question(first, second))
    model, tools = len(stage.requests()), len(stage.tool_requests())
    expect(
        (model, tools) == (3, 2),
        "Only the answer that broke off may be asked for again.",
        got=Words(f"{model} model requests, {tools} searches"),
        expected="3 model requests (the calls, the answer that broke off, the answer), 2 searches",
        why="The tools' results are saved: with None for an input the run goes on from there.",
    )
    state = lab.part("state", agent, case.thread)
    expect(
        kinds(state["messages"]) == "human ai tool ai human ai tool tool ai"
        and state["messages"][-1].text == compare_answer(first, second),
        "The thread must hold the conversation once, with the whole answer.",
        got=Words(kinds(state["messages"])),
        expected="human ai tool ai human ai tool tool ai",
        why="Half an answer, or a question asked twice, is what the model reads at the next turn.",
    )


@check("2.6", points=1, title="a second failure is raised")
def raises_at_last(lab: Lab, case: Case) -> None:
    question, pieces = echo(case)
    city = case.cities[0]
    broken = last_answer(said_in(pieces, question), dropped(case, times=None))
    stage = lab.stage(conversation("trip", broken), conversation("later", asked(city)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    _, error = streamed(lab, stage, case, agent, question)
    count = len(stage.requests())
    expect(
        error is not None,
        "When the line drops a second time the error must be raised.",
        got=Words(f"no error after {count} requests"),
        expected="the error of the connection, after 2 requests",
        why="Half an answer without an error looks like a whole one.",
    )
    expect(
        count > 1,
        "A dropped line must be tried again, once.",
        got=Words("1 request, then the error"),
        expected="2 requests, then the error",
        why="Most drops are over in a moment; only the second one is the reader's business.",
    )
    expect(
        count == 2,
        "A dropped line is tried again once.",
        got=Words(f"{count} requests"),
        expected="2 requests",
        why="A service that is down is not helped by more requests, and the person wants to know.",
    )
    lab.part("turn", agent, case.thread, city.question, called=f"agent.invoke(…), thread {case.thread!r}")


@check("2.6", points=1, title="pieces still come while the model is speaking")
def comes_while_speaking(lab: Lab, case: Case) -> None:
    items, stage = held(lab, "resilient_stream", case)
    items.expect_asynchronous()
    arrives_while_open(items, stage, case)
