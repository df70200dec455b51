"""Exercise 2.2, "Show the answer's text": judged by the pieces, when they come and who has to wait."""

from __future__ import annotations

from utils.checks.graphs import kinds
from utils.checks.registry import Words, expect
from utils.checks.streaming.answers import arrives_while_open, held, in_words
from utils.checks.streaming.items import MOST, Items, text_of
from utils.checks.streaming.lab import Case, check
from utils.checks.weather import asked, compare_answer, compare_question, compared, conversation, plain
from utils.lab.lab import Lab
from utils.replay.conversation import AnswerTurn

PATIENCE = 0.6
"""seconds that a gate waits in vain: only what is wrong waits that long"""


@check("2.2", points=1, title="the pieces make the answer, and nothing else is among them")
def pieces_make_the_answer(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    pieces = (*in_words(compare_answer(first, second)), "\n\n", "Take", f" {case.word}", " with you.")
    whole = "".join(pieces)
    last = AnswerTurn(answer=whole, pieces=pieces)
    stage = lab.stage(conversation("trip", asked(third), (*compared(first, second)[:-1], last)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    turns = ((third.question, third.answer), (compare_question(first, second), whole))
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
            told == answer,
            "The pieces put together must be the model's text, letter by letter.",
            got=told,
            expected=repr(answer),
            why="Whoever shows the answer prints piece after piece; one may be nothing but a line break.",
        )
        count = sum(bool(piece) for piece in found)
        expect(
            count >= 5,
            "The text must come in the pieces that the model sends.",
            got=Words(f"{count} pieces"),
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


@check("2.2", points=1, title="also where content is a list of blocks")
def reads_blocks(lab: Lab, case: Case) -> None:
    city = case.cities[2]
    pieces = ("It is ", "cold", " in ", f"{city.name}, ", f"but take {case.word}", " anyway.")
    stage = lab.stage(conversation("trip", asked(city)))
    turns = [
        [{"call": "search", "args": {"query": city.query}}],
        [{"text": piece} for piece in pieces],
    ]
    model = lab.make("block_model", turns, label="model")
    agent = lab.kit.agent(model, [stage.tool()], lab.kit.saver())
    told = text_of(Items(lab, stage, "tokens", agent, case.thread, city.question).rest())
    told = told.replace(city.result, "")  # that it does not belong here is another check's matter
    expect(
        told == "".join(pieces),
        "The text must come whatever the content of the chunks looks like.",
        got=told,
        expected=repr("".join(pieces)),
        why=(
            "OpenAI sends strings, Anthropic and Bedrock lists of blocks, for tool calls as well; "
            "chunk.text reads both."
        ),
    )


@check("2.2", points=1, title="the first piece comes while the model is still speaking")
def comes_at_once(lab: Lab, case: Case) -> None:
    items, stage = held(lab, "tokens", case)
    arrives_while_open(items, stage, case)


@check("2.2", points=1, title="asynchronous: two readers are served at the same time")
def serves_two_readers(lab: Lab, case: Case) -> None:
    cities = case.cities[:2]
    stage = lab.stage(*(conversation(city.name, plain(city.question, city.answer)) for city in cities))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    readers = [
        Items(lab, stage, "tokens", agent, f"{case.thread} {number}", city.question)
        for number, city in enumerate(cities, 1)
    ]
    for reader in readers:
        reader.expect_asynchronous()
    # Code that blocks the loop asks for the second reader when the first one has everything.
    stage.cap(len(readers), patience=PATIENCE)
    called = f"{lab.last_call}, beside one on another thread"
    lab.part("read_at_once", [reader.given for reader in readers], MOST, called=called)
    expect(
        stage.traffic().peak() == len(readers),
        "One reader has to wait until the other one has the whole answer.",
        got=Words(f"{stage.traffic().peak()} model request open at a time"),
        expected=f"{len(readers)} model requests open at once",
        why=(
            "async def alone leaves no room for others: agent.stream(…) in it holds everything up "
            "while it waits, async for … in agent.astream(…) does not."
        ),
    )
    made = len(stage.requests())
    expect(
        made == len(readers),
        "Each question must be put to the model once.",
        got=Words(f"{made} model requests for {len(readers)} questions"),
        expected=f"{len(readers)} model requests",
        why="Each request is paid for; what comes of the others nobody reads.",
    )
