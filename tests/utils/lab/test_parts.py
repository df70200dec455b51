"""Tools and ``fetch`` are what they are with a client of httpx for each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool

from tests.utils.lab import sdk_parts
from tests.utils.lab.scripted import Scripted, answer, serving
from utils.checks.async_graphs import parts as together
from utils.lab import parts
from utils.lab.parts import make_tool

MAKERS = (sdk_parts.make_tool, parts.make_tool)


@pytest.mark.parametrize("name", ["search", "weather_of"])
def test_a_tool_describes_itself_as_before(name: str) -> None:
    seen = [
        (
            type(tool),
            tool.name,
            tool.description,
            tool.args,
            convert_to_openai_tool(tool),
            tool.get_input_jsonschema(),
            tool.get_output_jsonschema(),
            tool.tool_call_schema.model_json_schema(),  # type: ignore[union-attr]
            tool.return_direct,
            tool.handle_tool_error,
        )
        for tool in (make("http://127.0.0.1:9", name) for make in MAKERS)
    ]
    assert seen[0] == seen[1]


def test_what_a_tool_takes_is_described_once() -> None:
    first, same, other = (make_tool("http://127.0.0.1:9", name) for name in ("search", "search", "other"))
    assert first.args_schema is same.args_schema
    assert first.args_schema is not other.args_schema


def sync(tool: Any, query: Any) -> Any:
    return tool.invoke({"query": query})


def asynchronous(tool: Any, query: Any) -> Any:
    return asyncio.run(tool.ainvoke({"query": query}))


def outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("ask", [sync, asynchronous])
@pytest.mark.parametrize("error", ["", "ValueError", "ConnectionError", "TimeoutError", "KeyError"])
@pytest.mark.parametrize(
    "said",
    [
        answer(200, {"text": "20 °C"}),
        answer(200, {"text": 20}),
        answer(500, {"error": "out of order"}),
        answer(404, {"other": 1}),
        answer(422, {"error": "nobody recorded “that”"}, "As told"),
        answer(200, {}),
        answer(200, []),
        answer(500, b"<html>"),
    ],
)
def test_a_tool_tells_and_fails_as_before(ask: Callable[..., Any], error: str, said: bytes) -> None:
    found, heard = [], []
    for make in MAKERS:
        with serving() as server:
            server.say(said)
            tool = make(server.url, "search", error)
            found.append(outcome(lambda tool=tool: ask(tool, "Zürich, “now”")))
            heard.append([(request.line, request.body) for request in server.heard])
    assert found[0] == found[1]
    assert heard[0] == heard[1] == [("POST /tool/search HTTP/1.1", {"query": "Zürich, “now”"})]


@pytest.mark.parametrize("ask", [sync, asynchronous])
@pytest.mark.parametrize("query", [None, 3, ["a"], "\ud800"], ids=repr)
def test_a_query_of_another_form_is_refused_as_before(
    scripted: Scripted, ask: Callable[..., Any], query: Any
) -> None:
    scripted.say(answer(200, {"text": "a"}))
    found = [outcome(lambda make=make: ask(make(scripted.url, "search"), query)) for make in MAKERS]
    assert found[0] == found[1]
    assert scripted.heard == []


@pytest.mark.parametrize(
    "said", [answer(200, {"text": "1.5"}), answer(404, {}), answer(200, {"text": "warm"}), answer(200, {})]
)
def test_fetch_tells_and_fails_as_before(said: bytes) -> None:
    found, heard = [], []
    for make in (sdk_parts.make_fetch, together.make_fetch):
        with serving() as server:
            server.say(said)
            fetch = make(server.url)
            found.append(outcome(lambda fetch=fetch: asyncio.run(fetch("Zürich"))))
            heard.append([(request.line, request.body) for request in server.heard])
    assert found[0] == found[1]
    assert heard[0] == heard[1] == [("POST /tool/fetch HTTP/1.1", {"city": "Zürich"})]
