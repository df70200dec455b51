"""Exercise 2.1, "Tell each step": judged by the items, and by how far the run is when each of them comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from utils.checks.registry import Words, expect
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
from utils.lab.lab import END, Lab


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

    tells_blocks(lab, case)


def tells_blocks(lab: Lab, case: Case) -> None:
    """Fail if a message's text is not told where its content is a list of blocks."""
    city = case.cities[2]
    stage = lab.stage(conversation("trip", asked(city)))
    say = ("I look up ", f"{city.name}", ".")
    answer = ("It is cold", f" in {city.name}: take ", case.word, ".")
    call = {"call": "search", "args": {"query": city.query}}
    turns = [[*({"text": piece} for piece in say), call], [{"text": piece} for piece in answer]]
    agent = lab.kit.agent(lab.make("block_model", turns, label="model"), [stage.tool()], lab.kit.saver())
    found = triples(Items(lab, stage, "steps", agent, case.thread, city.question).rest())
    true = [
        ("llm", "call", "".join(say)),
        ("action", "result", city.result),
        ("llm", "answer", "".join(answer)),
    ]
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
    stage = lab.stage(conversation("trip", asked(third), compared(first, second)))
    agent = asked_before(lab, stage, case, third)
    found = triples(Items(lab, stage, "steps", agent, case.thread, compare_question(first, second)).rest())
    told = ", ".join(str(kind) for _, kind, _ in found)
    expect(
        all(text not in (third.result, third.answer) for _, _, text in found),
        "Messages of an earlier question are among the items.",
        got=Words(told),
        expected="call, result, result, answer",
        why="The state holds the whole thread; what this run adds is in the updates of its nodes.",
    )
    results = [text for _, kind, text in found if kind == "result"]
    expect(
        len(results) == 2 and first.name in results[0] and second.name in results[1],
        "A node may add several messages at once: each of them is an item.",
        got=Words(f"results: {results}"),
        expected=f"results: {[first.result, second.result]}",
        why='update["messages"][-1] is only the last of them: the other result would never be shown.',
    )
    expect(
        any(kind == "call" for _, kind, _ in found),
        "A message without text is missing: the model's call is an item, too.",
        got=Words(told),
        expected="call, result, result, answer",
        why="As a rule a call comes without a word beside it, and a reader wants to see it all the same.",
    )
    expect(
        [kind for _, kind, _ in found] == ["call", "result", "result", "answer"],
        "Only this question's messages are told, each once.",
        got=Words(told),
        expected="call, result, result, answer",
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
