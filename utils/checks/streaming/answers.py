"""Answers as several exercises need them: given before, going wrong at their end, or held in the middle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import cast

from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.items import MOST, Items, text_of
from utils.checks.streaming.lab import Case
from utils.checks.weather import City, conversation, plain
from utils.lab.lab import END, Lab, Ref, Stage
from utils.observed.moments import Moment
from utils.replay.conversation import AnswerTurn, CallsTurn, Fault, Turn, UserTurn
from utils.views.plain import plural

PATIENCE = 0.6
"""seconds that a gate waits in vain: only what is wrong waits that long"""


ONE_BEHIND = "Each piece must come at once: yours is held back until the next one has come."


def asked_before(lab: Lab, stage: Stage, case: Case, city: City) -> Ref:
    """Return the kit's agent with one question answered on the case's thread; its requests are forgotten."""
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    lab.part("turn", agent, case.thread, city.question)
    stage.clear()
    return agent


def going_wrong(turns: Sequence[Turn], fault: Fault, at: int = -1) -> tuple[Turn, ...]:
    """Return the turns, with something going wrong in one of the model's, as a rule in the last."""
    found = list(turns)
    found[at] = cast("AnswerTurn | CallsTurn", found[at]).model_copy(update={"fault": fault})
    return tuple(found)


def in_words(text: str) -> tuple[str, ...]:
    """Return a text in pieces that are a word each, with the blanks before it."""
    return tuple(re.findall(r"\s*\S+", text))


def said_in(pieces: Sequence[str], question: str) -> tuple[Turn, ...]:
    """Return one question that needs no tool, and its answer in these pieces."""
    return UserTurn(user=question), AnswerTurn(answer="".join(pieces), pieces=tuple(pieces))


def held_answer(case: Case) -> tuple[str, ...]:
    """Return an answer in its pieces; nobody can guess the first of them."""
    city = case.cities[0]
    return in_words(
        f"{case.word.capitalize()} for {city.name}: it is {city.celsius} °C there, with a light wind."
    )


def held(lab: Lab, function: str, case: Case) -> tuple[Items, Stage]:
    """Return what a function yields for a question without a tool; the model is held in its answer."""
    city = case.cities[0]
    fault = Fault(kind="stall", after=case.after)
    stage = lab.stage(conversation("held", going_wrong(said_in(held_answer(case), city.question), fault)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    return Items(lab, stage, function, agent, case.thread, city.question), stage


def arrives_while_open(items: Items, stage: Stage, case: Case) -> None:
    """Fail if what the model, which is held, has sent of its answer comes only when it has ended.

    All of it is due, the last piece as well: who waits for the next one to come shows each of them too late.
    """
    pieces = held_answer(case)
    answer, sent = "".join(pieces), "".join(pieces[: case.after])
    came: list[Moment] = []
    with items:
        for moment in moments(items, stage):
            came.append(moment)
            if moment.open != 1 or sum(len(piece.text) for piece in came) >= len(sent):
                break
        stage.release()
        if came and came[-1].open == 1:
            items.rest()
    first = came[0] if came else None
    if first is None:
        fail(
            "No text came out of the generator.",
            got=Words("no piece at all"),
            expected=repr(answer),
            why="Only what is yielded reaches the reader: what the function prints stays where it runs.",
        )
    expect(
        first.open == 1,
        "The first piece must come while the model is still speaking.",
        got=Words("the model was held in the middle of its answer, and no piece came until it had ended"),
        expected="a piece as soon as the model has sent one",
        why="Collecting first and yielding later looks the same in a list, and is not faster than invoke.",
    )
    expect(
        answer.startswith(first.text),
        "The first piece must be what the model has said first.",
        got=first.text,
        expected=f"the beginning of {answer!r}",
        why="A sign that something is going on is not a part of the answer.",
    )
    early = "".join(moment.text for moment in came if moment.open == 1)
    got = Words(f"the model was held after {sent!r}, and of this only {early!r} came before it had ended")
    expect(
        early != "".join(pieces[: case.after - 1]),
        ONE_BEHIND,
        got=got,
        expected=repr(sent),
        why="Where the model makes a pause, its last word waits with it. Yield a piece when it comes.",
    )
    expect(
        len(early) >= len(sent),
        "Each piece must come while the model is still speaking, not the first alone.",
        got=got,
        expected=repr(sent),
        why="A reader waits for the rest as long as for a text that comes whole.",
    )


def moments(items: Items, stage: Stage) -> Iterator[Moment]:
    """Yield the pieces of text, each with how many model requests were open when it came."""
    while (item := items.next()) is not END:
        if text := text_of([item]):
            yield Moment("llm", "token", text, open=stage.traffic().open())


def serves_both(lab: Lab, function: str, case: Case, fault: Fault | None = None) -> None:
    """Fail if one of two readers has to wait for the other one, or for somebody who sleeps.

    ``fault`` is what goes wrong once with each one's answer; the model is asked again then.
    """
    cities = case.cities[:2]
    told = {city.name: plain(city.question, city.answer) for city in cities}
    stage = lab.stage(
        *(conversation(name, going_wrong(turns, fault) if fault else turns) for name, turns in told.items())
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    readers = [
        Items(lab, stage, function, agent, f"{case.thread} {number}", city.question)
        for number, city in enumerate(cities, 1)
    ]
    for reader in readers:
        reader.expect_asynchronous()
    # Code that blocks the loop asks for the second reader when the first one has everything.
    stage.cap(len(readers), patience=PATIENCE)
    called = f"{lab.last_call}, beside one on another thread"
    blocked = lab.part("read_at_once", [reader.given for reader in readers], MOST, called=called)
    what, where = blocked[0] if blocked else ("", "")
    expect(
        stage.traffic().peak() == len(readers),
        "One reader has to wait until the other one has the whole answer.",
        got=Words(f"{plural(stage.traffic().peak(), 'model request')} open at a time"),
        expected=f"{len(readers)} model requests open at once",
        why=(
            "async def alone leaves no room for others: agent.stream(…) in it holds everything up "
            "while it waits, async for … in agent.astream(…) does not."
        ),
    )
    expect(
        what != "stream",
        "All readers wait while this function reads a synchronous stream: agent.stream(…) holds up the loop.",
        got=Words(f"stream(…) was called in {where}"),
        expected="async for … in agent.astream(…), also where a run goes on",
        why="A plain loop does not let others work between two pieces. At an await they go on.",
    )
    expect(
        not blocked,
        "All readers wait while this function sleeps: time.sleep(…) holds up the whole loop.",
        got=Words(f"time.sleep(…) was called in {where}"),
        expected="await asyncio.sleep(…) where there must be a pause, or no pause at all",
        why="One reader's pause is then everybody's. At an await the others go on.",
    )
    made, true = len(stage.requests()), len(readers) * (2 if fault else 1)
    expect(
        made == true,
        "Each question must be put to the model once."
        if not fault
        else "Each answer that breaks off must be asked for once more, and no other.",
        got=Words(f"{plural(made, 'model request')} for {len(readers)} questions"),
        expected=f"{true} model requests",
        why="Each request is paid for, and nobody reads what comes of the others.",
    )
