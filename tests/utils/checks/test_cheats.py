"""A check is not satisfied by what only looks like it, and keeps no more than it needs of what comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send, interrupt

from tests.utils.checks import cheats
from tests.utils.checks.every_lab import OF, MakeLab, judge, name_of, told
from tests.utils.checks.variants import Variant
from utils.checks.registry import LabChecks, Words, fail
from utils.checks.run import MOST_LETTERS, run_exercise
from utils.checks.streaming.items import LETTERS
from utils.lab.lab import Lab


@pytest.mark.parametrize("variant", cheats.TABLE.wrongs, ids=name_of)
def test_a_cheat_earns_what_it_does_and_not_what_it_shows(make_lab: MakeLab, variant: Variant) -> None:
    result = judge(OF[variant.exercise].checks, make_lab, variant)
    failed = {check.check: check for check in result.checks if check.status != "passed"}
    assert set(failed) == set(variant.fails), told(result)
    assert result.points == variant.points, told(result)
    for name, part in variant.fails.items():
        assert part in failed[name].message, told(result)


def huge_triples(agent: Any, thread_id: str, text: str) -> Iterator[Any]:
    while True:
        yield "llm", "call", ["x" * 90_000, {"y" * 9_000}, {"z": "z" * 9_000}]


async def huge_texts(agent: Any, thread_id: str, text: str) -> AsyncIterator[Any]:
    while True:
        yield "x" * 90_000


async def empty_texts(agent: Any, thread_id: str, text: str) -> AsyncIterator[Any]:
    while True:
        yield ""


@pytest.mark.parametrize(
    ("number", "work", "most"),
    [
        ("2.1", huge_triples, 15),
        ("2.2", huge_texts, 15),
        ("2.6", huge_texts, 15),
        ("2.2", empty_texts, 2_001),
    ],
)
def test_a_stream_is_read_no_further_than_any_answer_goes(
    make_lab: MakeLab, number: str, work: Any, most: int
) -> None:
    result = judge(OF[number].checks, make_lab, Variant(number, work))
    assert result.points == 0, told(result)
    for check in result.checks:
        if "never comes to an end" in check.message:
            items, letters = (
                int(word.replace(",", "")) for word in check.returned.split() if word[0].isdigit()
            )
            assert items <= most
            assert letters < LETTERS + 200_000
    assert "never comes to an end" in result.checks[0].message


def test_sixty_questions_about_two_calls_are_too_many(make_lab: MakeLab) -> None:
    def build_guarded(model: Any, tools: Any, policy: Any, checkpointer: Any) -> Any:
        def ask(state: Any) -> dict[str, Any]:
            interrupt({"id": str(state["n"]), "name": "book", "args": {}})
            return {}

        graph = StateGraph(MessagesState)
        graph.add_node("ask", ask)
        graph.add_conditional_edges(START, lambda _: [Send("ask", {"n": n}) for n in range(60)], ["ask"])
        return graph.compile(checkpointer=checkpointer)

    result = judge(OF["4.6"].checks, make_lab, Variant("4.6", build_guarded))
    assert {check.message for check in result.checks} == {"Far more is asked than there are calls."}


def test_a_result_is_short_whatever_came_back(make_lab: MakeLab) -> None:
    checks = LabChecks("long", "Long")
    checks.exercise("9.1", "Long", function="work", points=1)

    @checks.check("9.1", points=1, title="short")
    def is_short(lab: Lab, case: Any) -> None:
        fail("It is long.", got=Words("x" * 10 * MOST_LETTERS), expected="", why="")

    (check,) = run_exercise(checks.find("9.1"), make_lab({}), None).checks
    assert check.returned == "x" * MOST_LETTERS + "…"
