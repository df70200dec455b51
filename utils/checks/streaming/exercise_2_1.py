"""Exercise 2.1, "Tell each step": judged by the items, and by how far the run is when each of them comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.answers import asked_before
from utils.checks.streaming.items import Items, as_tuple
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
from utils.lab.lab import END, Lab, StudentError
from utils.replay.conversation import ToolAnswer

LONG = 3_000
"""letters of a long result"""


def triples(found: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the items of ``steps``, each of three parts, the last of them a text."""
    items = [as_tuple(item) for item in found]
    wrong = [item for item in items if not isinstance(item, tuple) or len(item) != 3]
    expect(
        not wrong,
        "Each item must be a tuple of three: the node, the kind and the text.",
        got=wrong[0] if wrong else None,
        expected="('llm', 'call', '')",
        why="A loop over the steps takes each one apart: for node, kind, text in steps(…).",
    )
    lists = [text for _, _, text in items if not isinstance(text, str)]
    expect(
        not lists,
        "The text of an item must be a string, also where a message's content is a list of blocks.",
        got=lists[0] if lists else None,
        expected="message.text, which is a string with every provider",
        why="OpenAI's content is text, Anthropic's and Bedrock's a list of blocks.",
    )
    return items


def beside_a_call(case: Case) -> str:
    """Return what the model says beside a call, at such length that nobody shows it in one line."""
    return (
        "I do not want to guess, for it may have changed since yesterday: I look at one place after the "
        "other, I compare them when I know both, and I shall tell you then whether to pack "
        f"{case.word} or rather something warm. This time I look up"
    )


@check("2.1", points=1, title="one item for each message, with its node, kind and text")
def tells_each_message(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    say = beside_a_call(case)
    stage = lab.stage(conversation("tour", one_by_one(first, second, say=say)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    found = triples(Items(lab, stage, "steps", agent, case.thread, tour_question(first, second)).rest())
    true = ["call", "result", "call", "result", "answer"]
    expect(
        all(text != tour_question(first, second) for _, _, text in found),
        "The question is among the items, and is not to be told.",
        got=Words(", ".join(str(kind) for _, kind, _ in found)),
        expected=", ".join(true),
        why="The mode values begins with the state before the first node; updates gives what nodes add.",
    )
    silent = ["answer" if kind == "call" else kind for kind in true]
    expect(
        [kind for _, kind, _ in found] != silent,
        "A message with tool calls was told as an answer: it is a call, also with words beside the calls.",
        got=Words(", ".join(silent)),
        expected=", ".join(true),
        why="A model often says what it is going to look up. Whether it calls a tool stands in tool_calls.",
    )
    expect(
        [kind for _, kind, _ in found] == true,
        "Each message but the question is one item: a call, a result or an answer.",
        got=Words(", ".join(str(kind) for _, kind, _ in found) or "no item"),
        expected=", ".join(true),
        why="A message with tool calls is a call, also when the model writes a sentence beside them.",
    )
    texts = [f"{say} {first.name}.", first.result, f"{say} {second.name}.", second.result]
    told = list(
        zip(["llm", "action"] * 2 + ["llm"], true, [*texts, compare_answer(first, second)], strict=True)
    )
    parts = [
        (node, kind, whole[: len(text)])
        for (_, _, text), (node, kind, whole) in zip(found, told, strict=True)
    ]
    expect(
        found != parts or found == told,
        "The text of an item must be the text of the message, whole: here its end is missing.",
        got=found,
        expected=str(told),
        why="A line of a demonstration may be short. What is cut away here, no reader can get back.",
    )
    expect(
        found == told,
        "An item holds the name of the node, the kind, and the text of the message.",
        got=found,
        expected=str(told),
        why="The text is the message's own, whole: what the model wrote, or what the tool found.",
    )

    tells_of_another_graph(lab, case)


def by_the_nodes_name(got: Any) -> NoReturn:
    fail(
        "The kind of a message is told by the message, not by the name of its node.",
        got=got,
        expected="call, result, answer",
        why="A graph names its nodes as it likes: a tool's message has the type 'tool' in each.",
    )


def tells_of_another_graph(lab: Lab, case: Case) -> None:
    """Fail if messages are not told where content is a list of blocks and the nodes have other names."""
    city = case.cities[2]
    stage = lab.stage(conversation("trip", asked(city, answer=ToolAnswer(text=city.result, pad=LONG))))
    say = ("I look up ", f"{city.name}", ".\n")
    answer = ("It is cold", f" in {city.name}:\n\n", "- take ", case.word, ".")
    call = {"call": "search", "args": {"query": city.query}}
    said, answered = (
        [{"text": piece, "index": number} for number, piece in enumerate(pieces)] for pieces in (say, answer)
    )
    turns = [[*said, call], answered]
    model = lab.make("block_model", turns, label="model")
    agent = lab.make("renamed_agent", model, [stage.tool()], lab.kit.saver(), label="agent")
    try:
        found = triples(Items(lab, stage, "steps", agent, case.thread, city.question).rest())
    except StudentError as error:
        if "no attribute 'tool_calls'" not in error.message:
            raise
        by_the_nodes_name(Words(f"{error.type}: {error.message}"))
    true = [
        ("speaker", "call", "".join(say)),
        ("hands", "result", city.result.ljust(LONG, ".")),
        ("speaker", "answer", "".join(answer)),
    ]
    expect(
        [node for node, _, _ in found] == [node for node, _, _ in true] or len(found) != len(true),
        "An item holds the name of the node that added the message: this graph's nodes have other names.",
        got=Words(", ".join(str(node) for node, _, _ in found)),
        expected="speaker, hands, speaker",
        why="A graph names its nodes as it likes. The name stands in the item of the stream.",
    )
    kinds_told = [kind for _, kind, _ in found]
    expect(
        kinds_told != ["answer", "result", "answer"],
        "A message with tool calls was told as an answer, in another graph with another model.",
        got=Words(", ".join(kinds_told)),
        expected="call, result, answer",
        why=(
            "Whether a message calls a tool stands in its tool_calls, in each graph and with each provider. "
            "Names of nodes and words such as finish_reason differ."
        ),
    )
    if len(found) == len(true) and kinds_told != [kind for _, kind, _ in true]:
        by_the_nodes_name(Words(", ".join(map(str, kinds_told))))
    short = [(node, kind, " ".join(text.split())) for node, kind, text in true]
    expect(
        found == true or [(n, k, " ".join(text.split())) for n, k, text in found] != short,
        "White space is lost: the text of an item must be the text of the message, letter by letter.",
        got=[text[-40:] for _, _, text in found],
        expected=str([text[-40:] for _, _, text in true]),
        why="Lists and paragraphs run together without their line breaks.",
    )
    result, whole = found[1][2] if len(found) == len(true) else "", true[1][2]
    expect(
        not result or result == whole or not whole.startswith(result),
        "The text of an item must be the text of the message, whole: here its end is missing.",
        got=Words(f"{len(result):,} characters of a result"),
        expected=f"{len(whole):,} characters",
        why="A line of a demonstration may be short. What is cut away here, no reader can get back.",
    )
    expect(
        found == true,
        "Where content is a list of blocks, node, kind and text are to be the same as where it is a string.",
        got=found,
        expected=str(true),
        why="OpenAI sends strings, Anthropic and Bedrock lists of blocks; message.text reads both.",
    )


@check("2.1", points=0.5, title="two results of one turn, and nothing of earlier turns")
def tells_both_results(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    question = compare_question(first, second)
    stage = lab.stage(conversation("trip", asked(third), compared(first, second, first, question=question)))
    agent = asked_before(lab, stage, case, third)
    found = triples(Items(lab, stage, "steps", agent, case.thread, question).rest())
    told = ", ".join(str(kind) for _, kind, _ in found)
    every = ["call", "result", "result", "result", "answer"]
    expect(
        all(text not in (third.result, third.answer) for _, _, text in found),
        "Messages of an earlier question are among the items.",
        got=Words(told),
        expected=", ".join(every),
        why="The state holds the whole thread; what this run adds is in the updates of its nodes.",
    )
    results = [text for _, kind, text in found if kind == "result"]
    cities = (first, second, first)
    true = [city.result for city in cities]
    expect(
        results != true[:2],
        "Two messages with the same text are two messages: each of them is an item.",
        got=Words(f"results: {results}"),
        expected=f"results: {true}",
        why="What was told before may be told again: a reader counts the searches.",
    )
    expect(
        len(results) == len(true)
        and all(city.name in text for city, text in zip(cities, results, strict=True)),
        "A node may add several messages at once: each of them is an item.",
        got=Words(f"results: {results}"),
        expected=f"results: {true}",
        why='update["messages"][-1] is only the last of them: the other result would never be shown.',
    )
    expect(
        any(kind == "call" for _, kind, _ in found),
        "A message without text is missing: the model's call is an item, too.",
        got=Words(told),
        expected=", ".join(every),
        why="As a rule a call comes without a word beside it, and a reader wants to see it all the same.",
    )
    expect(
        [kind for _, kind, _ in found] == every,
        "Only this question's messages are told, each once.",
        got=Words(told),
        expected=", ".join(every),
        why="A step that is told twice looks like one that was done twice.",
    )


@check("2.1", points=1.5, title="as it happens: the run goes on only as items are taken")
def tells_as_it_happens(lab: Lab, case: Case) -> None:
    first, say = case.cities[0], "I look it up."
    stage = lab.stage(conversation("trip", asked(first, say=say)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    seen: list[int] = []
    came: list[Any] = []
    with Items(lab, stage, "steps", agent, case.thread, first.question) as items:
        while len(came) < 3 and (item := items.next()) is not END:
            came.append(item)
            seen.append(len(stage.requests()))
    expect(
        bool(seen) and seen[0] > 0,
        "The first item must be the model's first message: the question is not a step.",
        got=Words("the first item came before the model was asked" if seen else "no item"),
        expected="the first item after 1 model request",
        why="The person who asked knows the question; a step is what the graph has done.",
    )
    expect(
        seen == [1, 1, 2],
        "Each step must come as soon as its node is done, not when the run is over.",
        got=Words(f"model requests made when items 1, 2 and 3 came: {', '.join(map(str, seen))}"),
        expected="1, 1, 2",
        why="A search may take ten seconds. A reader who sees that it has begun waits; others go away.",
    )
    true = [("llm", say), ("action", first.result), ("llm", first.answer)]
    told = [(node, text) for node, _, text in triples(came)]
    expect(
        [node for node, _ in told] == [node for node, _ in true]
        and all(text and whole.startswith(text) for (_, text), (_, whole) in zip(told, true, strict=True)),
        "What comes as it happens must be the steps: their nodes and texts.",
        got=came,
        expected=str(true),
        why="A sign that something has happened does not say what.",
    )
