"""Exercise 2.2, "Show the answer's text": judged by the pieces, when they come and who has to wait."""

from __future__ import annotations

import itertools

from utils.checks.graphs import kinds
from utils.checks.registry import Words, expect
from utils.checks.streaming.answers import arrives_while_open, held, in_words, serves_both
from utils.checks.streaming.items import Items, text_of
from utils.checks.streaming.lab import Case, check
from utils.checks.weather import asked, compare_answer, compare_question, compared, conversation
from utils.lab.lab import Lab
from utils.replay.conversation import AnswerTurn
from utils.views.plain import plural


@check("2.2", points=0.5, title="the pieces make the answer, and nothing else is among them")
def pieces_make_the_answer(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    pieces = (*in_words(compare_answer(first, second)), "\n\n", "Take", f" {case.word}", " with you.")
    whole = "".join(pieces)
    last = AnswerTurn(answer=whole, pieces=pieces)
    say = f"I look up {third.name}. "
    stage = lab.stage(conversation("trip", asked(third, say=say), (*compared(first, second)[:-1], last)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    turns = ((third.question, f"{say}{third.answer}"), (compare_question(first, second), whole))
    for question, answer in turns:
        found = Items(lab, stage, "tokens", agent, case.thread, question).rest()
        told = text_of(found)
        expect(
            all(city.result not in told for city in case.cities),
            "What the tool found must not be among the pieces.",
            got=told,
            expected=repr(answer),
            why="The mode messages also gives the tools' messages, and nobody asked for a page of JSON.",
        )
        expect(
            bool(told),
            "No text came out of the generator.",
            got=Words(plural(len(found), "item") if found else "no piece at all"),
            expected=repr(answer),
            why="Only what is yielded reaches the reader: what the function prints stays where it runs.",
        )
        expect(
            told != third.answer,
            "What the model says beside a call is missing: all of its messages are to be shown.",
            got=told,
            expected=repr(answer),
            why="A reader who sees that something is looked up waits with more patience.",
        )
        expect(
            told == answer
            or told.split() == answer.split()
            or "".join(told.split()) != "".join(answer.split()),
            "White space is lost: a piece must come as it is, letter by letter, be it only a line break.",
            got=told,
            expected=repr(answer),
            why="Words run together without their blanks, and paragraphs without their line breaks.",
        )
        expect(
            told == answer,
            "The pieces put together must be the model's text, letter by letter.",
            got=told,
            expected=repr(answer),
            why="Piece after piece is shown as it is; one may be nothing but a line break.",
        )
        count = sum(bool(piece) for piece in found)
        expect(
            count >= 5,
            "The text must come in the pieces that the model sends.",
            got=Words(plural(count, "piece")),
            expected="about as many pieces as words",
            why="A reader begins with the first words; a text that comes whole is not a stream.",
        )
    remembered = kinds(lab.part("state", agent, case.thread)["messages"])
    expect(
        remembered == "human ai tool ai human ai tool tool ai",
        "The questions must be asked on the thread that was named.",
        got=Words(f"thread {case.thread!r} holds: {remembered}"),
        expected=f"thread {case.thread!r} holds: human ai tool ai human ai tool tool ai",
        why="A thread is one conversation: on another thread the question lands in somebody else's.",
    )


@check("2.2", points=0.5, title="also where content is a list of blocks")
def reads_blocks(lab: Lab, case: Case) -> None:
    city = case.cities[2]
    pieces = ("It is ", "cold, ", "cold, ", "cold in ", f"{city.name}, but take {case.word}", " anyway.")
    before, behind = "I look it up. ", f"One moment, {case.word}! "
    stage = lab.stage(conversation("trip", asked(city)))
    turns = [
        [{"text": before}, {"call": "search", "args": {"query": city.query}}, {"text": behind}],
        [{"text": piece} for piece in pieces],
    ]
    answer = "".join(pieces)
    model = lab.make("block_model", turns, label="model")
    agent = lab.kit.agent(model, [stage.tool()], lab.kit.saver())
    told = text_of(Items(lab, stage, "tokens", agent, case.thread, city.question).rest())
    told = told.replace(city.result, "")  # that it does not belong here is another check's matter
    if told == answer:  # and so is what stands beside a call, where nothing of it is shown
        told = before + behind + answer
    expect(
        told != before + answer,
        "Words behind a call are missing: a piece of a call is no text, and what comes after it may be.",
        got=told,
        expected=repr(before + behind + answer),
        why="A message with a call holds words as well, before it or behind. Look at each chunk by itself.",
    )
    once = "".join(piece for piece, _ in itertools.groupby(pieces))
    expect(
        told != before + behind + once,
        "A piece is missing that is equal to the one before: the model says some words twice.",
        got=told,
        expected=repr(before + behind + answer),
        why="The stream sends no piece twice. Equal pieces are two pieces, and both are text.",
    )
    expect(
        told == before + behind + answer,
        "The text must come whatever the content of the chunks looks like.",
        got=told,
        expected=repr(before + behind + answer),
        why=(
            "OpenAI sends strings, Anthropic and Bedrock lists of blocks, for tool calls as well; "
            "chunk.text reads both."
        ),
    )


@check("2.2", points=1.5, title="the first piece comes while the model is still speaking")
def comes_at_once(lab: Lab, case: Case) -> None:
    items, stage = held(lab, "tokens", case)
    arrives_while_open(items, stage, case)


@check("2.2", points=1.5, title="asynchronous: two readers are served at the same time")
def serves_two_readers(lab: Lab, case: Case) -> None:
    serves_both(lab, "tokens", case)
