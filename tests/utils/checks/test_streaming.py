"""Lab 2 calls each mistake by its name."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.config import get_stream_writer

from tests.utils.checks import streaming_wrong
from tests.utils.checks.conftest import MakeLabOf
from tests.utils.checks.every_lab import OF, MakeLab, judge, told
from tests.utils.checks.streaming_right import asking
from tests.utils.checks.variants import Variant, solves
from utils.checks.run import run_exercise
from utils.checks.streaming.lab import LAB
from utils.providers import PROVIDERS

run = functools.partial(judge, LAB)


def test_of_two_functions_the_one_that_is_written_is_judged(make_lab: MakeLab) -> None:
    authored = OF["2.4"].authored
    namespace = {**authored.untouched(), "search_aloud": authored.solved("2.4")["search_aloud"]}
    result = run_exercise(LAB.find("2.4"), make_lab(namespace), LAB.example)
    assert [check.message for check in result.checks] == ["", *["show is not written yet."] * 2]


GENERATOR = "must be a generator"


async def a_list_that_is_awaited(*_: Any) -> list[str]:
    return ["a list"]


def endless(*_: Any) -> Any:
    while True:
        yield "llm", "answer", "on and on"


@pytest.mark.parametrize(
    ("number", "work", "said"),
    [
        ("2.1", lambda *_: None, GENERATOR),
        ("2.1", lambda *_: [("llm", "answer", "It is sunny.")], GENERATOR),
        ("2.1", lambda *_: iter(["llm", "action", "llm"]), "must be a tuple of three"),
        ("2.1", lambda *_: iter([]), "a call, a result or an answer"),
        ("2.1", lambda *_: lambda: 1, GENERATOR),
        ("2.1", endless, "never comes to an end"),
        ("2.2", lambda *_: "It is sunny.", GENERATOR),
        ("2.2", a_list_that_is_awaited, GENERATOR),
        ("2.2", lambda *_: iter([]), "No text came out of the generator"),
        ("2.2", lambda *_: iter([["It"]]), "must be text"),
        ("2.3", lambda *_, clock: None, "must return a dict of dicts"),
        ("2.3", lambda *_, clock: {"llm": {"first": 1.0}}, "must return a dict of dicts"),
        ("2.3", lambda *_, clock: {}, "The question must be put to the agent once"),
        ("2.5", "take_action", "must be a function"),
        ("2.5", lambda state, tools: None, "exactly one tool message for each call"),
        ("2.6", lambda *_: None, GENERATOR),
        ("2.6", lambda *_: iter([]), "must go on where it stopped"),
    ],
)
def test_what_has_not_the_form_asked_for_gets_a_sentence(
    make_lab: MakeLab, number: str, work: Any, said: str
) -> None:
    result = run(make_lab, Variant(number, work))
    assert not result.passed, told(result)
    assert said in result.checks[0].message, told(result)
    assert {check.status for check in result.checks} == {"failed"}, told(result)


@pytest.mark.parametrize(
    ("search_aloud", "show", "said"),
    [
        (lambda search: None, lambda *_: None, ["must return a tool", GENERATOR, "must return a tool"]),
        (
            lambda search: "search",
            lambda *_: iter("ab"),
            ["must return a tool", "must be", "must return a tool"],
        ),
        (
            lambda search: search,
            lambda *_: iter([]),
            ["must report once", "is one item", "must come out of show"],
        ),
    ],
)
def test_tools_and_what_shows_them_have_a_form(
    make_lab: MakeLab, search_aloud: Any, show: Any, said: list[str]
) -> None:
    result = run(make_lab, Variant("2.4", lambda: (search_aloud, show)))
    assert result.points == 0, told(result)
    for check, part in zip(result.checks, said, strict=True):
        assert part in check.message, told(result)


PLAIN = [variant for variant in streaming_wrong.TABLE.wrongs if variant.unlike_the_example]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("variant", PLAIN, ids=lambda variant: variant.name)
def test_what_the_example_shows_is_told_by_its_name(
    make_lab_of: MakeLabOf, variant: Variant, provider: str
) -> None:
    exercise = LAB.find(variant.exercise)
    result = run_exercise(exercise, make_lab_of(solves(exercise, variant), provider), LAB.example)
    failed = {check.check: check for check in result.checks if check.status != "passed"}
    assert set(failed) == set(variant.fails), told(result)
    assert result.points == variant.points, told(result)
    for name, part in variant.fails.items():
        assert part in failed[name].message, told(result)


def every_state(agent: Any, thread_id: str, text: str) -> Any:
    config = {"configurable": {"thread_id": thread_id}}
    for state in agent.stream(asking(text), config, stream_mode="values"):
        message = state["messages"][-1]
        calls, result = getattr(message, "tool_calls", []), message.type == "tool"
        kind = "call" if calls else "result" if result else "answer"
        yield "action" if result else "llm", kind, message.text


async def chunks_without_their_mode(agent: Any, thread_id: str, text: str) -> Any:
    config = {"configurable": {"thread_id": thread_id}}
    async for chunk, _ in agent.astream(asking(text), config):
        yield chunk.text


def a_tool_without_a_docstring(search: Any) -> Any:
    @tool
    def reporting_search(query: str) -> str:
        return str(search.invoke({"query": query}))

    return reporting_search


def no_arguments_are_bad(state: Any, tools: Any) -> Any:
    calls = [call for call in state["messages"][-1].tool_calls if "place" in call["args"]]
    return {"messages": [tools[call["name"]].invoke(call) and None for call in calls]}


def no_tool_raises(state: Any, tools: Any) -> Any:
    calls = [call for call in state["messages"][-1].tool_calls if call["name"] == "harbour"]
    return {"messages": [tools[call["name"]].invoke(call["args"]) for call in calls]}


async def pieces_when_all_is_well(agent: Any, thread_id: str, text: str) -> Any:
    config = {"configurable": {"thread_id": thread_id}}
    for given in (asking(text), None):
        pieces: list[str] = []
        with contextlib.suppress(Exception):
            async for chunk, _ in agent.astream(given, config, stream_mode="messages"):
                if chunk.type != "tool":
                    pieces.append(chunk.text)
            break
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    ("number", "work", "at", "said"),
    [
        ("2.1", every_state, 0, "The question is among the items"),
        ("2.2", chunks_without_their_mode, 0, "takes each item apart"),
        ("2.4", lambda: (a_tool_without_a_docstring, lambda *_: iter([])), 0, "needs a docstring"),
        ("2.5", no_arguments_are_bad, 0, "A call with bad arguments must be answered"),
        ("2.5", no_tool_raises, 0, "A tool that raises must be answered"),
        ("2.6", pieces_when_all_is_well, 0, "before the last message never came"),
    ],
)
def test_a_card_names_the_mistake_that_was_made(
    make_lab: MakeLab, number: str, work: Any, at: int, said: str
) -> None:
    check = run(make_lab, Variant(number, work)).checks[at]
    assert (check.status, check.points) == ("failed", 0)
    assert said in check.message


async def async_for_over_a_plain_stream(agent: Any, thread_id: str, text: str) -> Any:
    config = {"configurable": {"thread_id": thread_id}}
    async for chunk, _ in agent.stream(asking(text), config, stream_mode="messages"):
        yield chunk.text


def a_writer_taken_too_early(search: Any) -> Any:
    tell = get_stream_writer()
    return tell and search


@pytest.mark.parametrize(
    ("number", "work", "said"),
    [
        ("2.2", async_for_over_a_plain_stream, "agent.astream"),
        ("2.4", lambda: (a_writer_taken_too_early, lambda *_: iter([])), "call it inside the function"),
    ],
)
def test_an_error_that_everybody_makes_once_is_explained(
    make_lab: MakeLab, number: str, work: Any, said: str
) -> None:
    first = run(make_lab, Variant(number, work)).checks[0]
    assert "raised an error" in first.message
    assert said in first.why
