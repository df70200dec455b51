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
from utils.lab.lab import Lab


def triples(found: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the items of ``steps``, each of three parts."""
    items = [as_tuple(item) for item in found]
    wrong = [item for item in items if not isinstance(item, tuple) or len(item) != 3]
    expect(
        not wrong,
        "Each item must be a tuple of three: the node, the kind and the text.",
        got=wrong[0] if wrong else None,
        expected="('llm', 'call', '')",
        why="Whoever shows the steps takes each one apart: for node, kind, text in steps(…).",
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
    expect(
        found == told,
        "An item holds the name of the node, the kind, and the text of the message.",
        got=found,
        expected=str(told),
        why="The text is the message's own, whole: what the model wrote, or what the tool found.",
    )


@check("2.1", points=1, title="two results of one turn, and nothing of earlier turns")
def tells_both_results(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(conversation("trip", asked(third), compared(first, second)))
    agent = asked_before(lab, stage, case, third)
    found = triples(Items(lab, stage, "steps", agent, case.thread, compare_question(first, second)).rest())
    results = [text for _, kind, text in found if kind == "result"]
    expect(
        len(results) == 2 and first.name in str(results[0]) and second.name in str(results[1]),
        "A node may add several messages at once: each of them is an item.",
        got=Words(f"results: {results}"),
        expected=f"results: {[first.result, second.result]}",
        why='update["messages"][-1] is only the last of them: the other result would never be shown.',
    )
    expect(
        [kind for _, kind, _ in found] == ["call", "result", "result", "answer"],
        "Only this question's messages are told, each once.",
        got=Words(", ".join(str(kind) for _, kind, _ in found)),
        expected="call, result, result, answer",
        why="The thread remembers earlier turns; they have been shown already.",
    )


@check("2.1", points=1, title="as it happens: the run goes on only as items are taken")
def tells_as_it_happens(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", asked(first)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    seen = []
    with Items(lab, stage, "steps", agent, case.thread, first.question) as items:
        for _ in range(3):
            items.next()
            seen.append(len(stage.requests()))
    expect(
        seen[0] > 0,
        "The first item must be the model's first message: the question is not a step.",
        got=Words("the first item came before the model was asked"),
        expected="the first item after 1 model request",
        why="Who asked knows the question; a step is what the graph has done.",
    )
    expect(
        seen == [1, 1, 2],
        "Each step must come as soon as its node is done, not when the run is over.",
        got=Words(f"model requests made when items 1, 2 and 3 came: {', '.join(map(str, seen))}"),
        expected="1, 1, 2",
        why="A search may take ten seconds. Who sees that it has begun waits; who sees nothing goes away.",
    )
