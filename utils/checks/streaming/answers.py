"""Answers as several exercises need them: given before, going wrong at their end, or held in the middle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.items import Items, text_of
from utils.checks.streaming.lab import Case
from utils.checks.weather import City, conversation, plain
from utils.lab.lab import END, Lab, Ref, Stage
from utils.replay.conversation import AnswerTurn, Fault, Turn
from utils.views.timeline import Moment


def asked_before(lab: Lab, stage: Stage, case: Case, city: City) -> Ref:
    """The kit's agent with one question answered on the case's thread; its requests are forgotten."""
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    lab.part("turn", agent, case.thread, city.question)
    stage.clear()
    return agent


def last_answer(turns: Sequence[Turn], fault: Fault) -> tuple[Turn, ...]:
    """The turns, with something going wrong in the answer at their end."""
    *before, answer = turns
    return (*before, cast("AnswerTurn", answer).model_copy(update={"fault": fault}))


def held_answer(case: Case) -> str:
    """An answer whose first word nobody can guess."""
    city = case.cities[0]
    return f"{case.word.capitalize()} for {city.name}: it is {city.celsius} °C there, with a light wind."


def held(lab: Lab, function: str, case: Case) -> tuple[Items, Stage]:
    """What a function yields for a question that needs no tool; the model is held in its answer."""
    city = case.cities[0]
    fault = Fault(kind="stall", after=case.after)
    stage = lab.stage(conversation("held", last_answer(plain(city.question, held_answer(case)), fault)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    return Items(lab, stage, function, agent, case.thread, city.question), stage


def arrives_while_open(items: Items, stage: Stage, answer: str) -> None:
    """Fail if the first piece of an answer comes only when the model, which is held, has ended."""
    with items:
        first = next(moments(items, stage), None)
        stage.release()
        if first is not None and first.open == 1:
            items.rest()
    if first is None:
        fail(
            "There must be pieces of text.",
            got=Words("no piece at all"),
            expected=repr(answer),
            why="Whoever shows the answer prints piece after piece.",
        )
    expect(
        first.open == 1,
        "The first piece must come while the model is still speaking.",
        got=Words("the model was held in the middle of its answer, and no piece came until it had ended"),
        expected="a piece as soon as the model has sent one",
        why="Collecting first and yielding later looks the same in a list, and is no faster than invoke.",
    )
    expect(
        answer.startswith(first.text),
        "The first piece must be what the model has said first.",
        got=first.text,
        expected=f"the beginning of {answer!r}",
        why="A sign that something is going on is no part of the answer.",
    )


def moments(items: Items, stage: Stage) -> Iterator[Moment]:
    """The pieces of text, each with how many model requests were open when it came."""
    while (item := items.next()) is not END:
        if text := text_of([item]):
            yield Moment("llm", "token", text, open=stage.open())
