"""Refusals: a question that nobody recorded, and histories that each provider refuses in its own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from tests.utils.replay.talks import looked_up, plain, scenario
from tests.utils.replay.wires.ways import WAYS, Way
from utils.notebook.ipython import not_recorded

TOLD = scenario(plain("hi", "Hello."), looked_up("q", "x", "y", "z"))


@tool
def web_search(query: str) -> str:
    """Search."""
    return query


def test_a_miss_is_one_sentence_at_once(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    model = way.make(session)
    model.invoke("hi")
    with pytest.raises(way.refused) as caught:
        model.invoke("Which “city”?")
    (miss,) = session.traffic().misses
    assert (miss.asked, miss.nearest) == ("Which “city”?", "hi")
    assert not_recorded(caught.value) == miss.sentence
    assert miss.sentence in str(caught.value)
    assert [request.status for request in session.traffic(settle=1).requests] == [200, 422], (
        "the client tried again"
    )


def test_a_miss_in_an_async_stream_is_the_same(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    model = way.make(session)

    async def read() -> None:
        async for _ in model.astream("what?"):
            pass

    with pytest.raises(way.refused, match="No recorded answer for") as caught:
        asyncio.run(read())
    assert not_recorded(caught.value)
    assert len(session.traffic().of()) == 1


def test_forgotten_tools_are_a_miss_that_says_so(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    with pytest.raises(way.refused, match=r"did you forget model\.bind_tools"):
        way.make(session).invoke("q")
    assert [miss.reason for miss in session.traffic().misses] == ["tool"]


def test_a_closed_session_says_so(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    model = way.make(session)
    session.close()
    with pytest.raises(way.refused, match="run the setup cell again"):
        model.invoke("hi")


def test_a_call_without_its_answer_is_refused_before_it_is_a_miss(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    model = way.make(session).bind_tools([web_search])
    call = model.invoke("q")
    with pytest.raises(way.refused) as caught:
        model.invoke([HumanMessage("q"), call, HumanMessage("and?")])
    id = call.tool_calls[0]["id"]
    said = {
        "chat": f"The following tool_call_ids did not have response messages: {id}",
        "responses": f"No tool output found for function call {id}.",
        "anthropic": f"`tool_use` ids were found without `tool_result` blocks immediately after: {id}.",
        "bedrock": f"Expected toolResult blocks at messages.2.content for the following Ids: {id}",
    }
    assert said[way.name] in str(caught.value)
    assert not_recorded(caught.value) is None
    assert session.traffic().misses == ()
    assert [request.status for request in session.traffic(settle=1).requests] == [200, 400]


PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_a_picture_is_refused_kindly(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    picture = {"type": "image", "base64": PICTURE, "mime_type": "image/png"}
    with pytest.raises(way.refused, match=r"are about text alone.*'image'\. To ask a real model"):
        way.make(session).invoke([HumanMessage([{"type": "text", "text": "hi"}, picture])])


def chat(*messages: Any, tools: bool = True) -> dict[str, Any]:
    """A history in OpenAI's form: texts are questions, pairs are calls, and ids alone are results."""
    told: list[dict[str, Any]] = []
    for message in messages:
        match message:
            case str():
                told.append({"role": "user", "content": message})
            case tuple():
                calls = [
                    {"id": id, "type": "function", "function": {"name": "s", "arguments": "{}"}}
                    for id in message
                ]
                told.append({"role": "assistant", "content": None, "tool_calls": calls})
            case list():
                told += [{"role": "tool", "tool_call_id": id, "content": "x"} for id in message]
    return {"model": "m", "messages": told}


def responses(*messages: Any, tools: bool = True) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    for message in messages:
        match message:
            case str():
                told.append({"role": "user", "content": message})
            case tuple():
                told += [
                    {"type": "function_call", "call_id": id, "name": "s", "arguments": "{}"} for id in message
                ]
            case list():
                told += [{"type": "function_call_output", "call_id": id, "output": "x"} for id in message]
    return {"model": "m", "input": told}


def anthropic(*messages: Any, tools: bool = True) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    for message in messages:
        match message:
            case str():
                told.append({"role": "user", "content": message})
            case tuple():
                calls = [{"type": "tool_use", "id": id, "name": "s", "input": {}} for id in message]
                told.append({"role": "assistant", "content": calls})
            case list():
                results = [{"type": "tool_result", "tool_use_id": id, "content": "x"} for id in message]
                told.append({"role": "user", "content": results})
    return {"model": "m", "max_tokens": 9, "messages": told, "tools": [{"name": "s"}] if tools else []}


def bedrock(*messages: Any, tools: bool = True) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    for message in messages:
        match message:
            case str():
                told.append({"role": "user", "content": [{"text": message}]})
            case tuple():
                calls = [{"toolUse": {"toolUseId": id, "name": "s", "input": {}}} for id in message]
                told.append({"role": "assistant", "content": calls})
            case list():
                results = [{"toolResult": {"toolUseId": id, "content": [{"text": "x"}]}} for id in message]
                told.append({"role": "user", "content": results})
    config = {"toolConfig": {"tools": [{"toolSpec": {"name": "s"}}]}} if tools else {}
    return {"messages": told, **config}


BODIES: Mapping[str, Callable[..., dict[str, Any]]] = {
    "chat": chat,
    "responses": responses,
    "anthropic": anthropic,
    "bedrock": bedrock,
}
BROKEN: Mapping[str, tuple[tuple[Any, ...], Mapping[str, str]]] = {
    "nothing": (
        (),
        {
            "chat": "Invalid 'messages': empty array.",
            "responses": "Invalid 'input': empty array.",
            "anthropic": "messages: at least one message is required",
            "bedrock": "A conversation must start with a user message.",
        },
    ),
    "no answer to one of two calls": (
        ("q", ("a", "b"), ["a"]),
        {
            "chat": "did not have response messages: b",
            "responses": "No tool output found for function call b.",
            "anthropic": "messages.1: `tool_use` ids were found without `tool_result` blocks immediately "
            "after: b. Each",
            "bedrock": "Expected toolResult blocks at messages.2.content for the following Ids: b",
        },
    ),
    "an answer to nothing": (
        ("q", ["a"]),
        {
            "chat": "must be a response to a preceeding message with 'tool_calls'",
            "responses": "No tool call found for function call output with call_id a.",
            "anthropic": "messages.0.content.1: unexpected `tool_use_id` found in `tool_result` blocks: a.",
            "bedrock": "The number of toolResult blocks at messages.0.content exceeds the number of toolUse",
        },
    ),
    "an unknown id": (
        ("q", ("a",), ["b"]),
        {
            "chat": "'tool_call_id' of 'b' not found in 'tool_calls' of previous message",
            "responses": "No tool call found for function call output with call_id b.",
            "anthropic": "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: b.",
            "bedrock": "Expected toolResult blocks at messages.2.content for the following Ids: a",
        },
    ),
    "an unknown id beside all answers": (
        ("q", ("a",), ["a", "b"]),
        {
            "chat": "'tool_call_id' of 'b' not found",
            "responses": "No tool call found for function call output with call_id b.",
            "anthropic": "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: b.",
            "bedrock": "The number of toolResult blocks at messages.2.content exceeds the number of toolUse",
        },
    ),
    "an id answered twice": (
        ("q", ("a", "b"), ["a", "a"]),
        {
            "chat": "Duplicate value for 'tool_call_id' of 'a' in message[3]",
            "responses": "Duplicate call_ids submitted: ['a', 'a']",
            "anthropic": "messages.2.content.1: each tool_use must have a single result. Found multiple "
            "`tool_result` blocks with id: a",
            "bedrock": "The toolResult blocks at messages.2.content contain duplicate Ids: a",
        },
    ),
    "an id asked twice": (
        ("q", ("a", "a"), ["a"]),
        {
            "chat": "Duplicate value for 'tool_call_id' of 'a, a'",
            "responses": "Duplicate call_ids submitted: ['a', 'a']",
            "anthropic": "messages.1: `tool_use` ids must be unique",
            "bedrock": "The toolUse blocks at messages.1.content contain duplicate Ids: a",
        },
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_malformed_history_is_refused_as_the_provider_does(
    open_session: Callable, post: Callable, way: Way, broken: str
) -> None:
    session = open_session(TOLD)
    messages, says = BROKEN[broken]
    status, headers, told = post(session, way.path, json.dumps(BODIES[way.name](*messages)).encode())
    assert status == 400
    assert says[way.name] in told.decode()
    kind = headers.get("x-amzn-errortype") or json.loads(told)["error"]["type"]
    assert kind == ("ValidationException" if way.name == "bedrock" else "invalid_request_error")
    assert session.traffic().misses == ()
    assert [request.status for request in session.traffic(settle=1).requests] == [400]


def test_calls_without_any_tool_are_refused_where_the_provider_does(
    open_session: Callable, post: Callable, way: Way
) -> None:
    session = open_session(TOLD)
    sent = json.dumps(BODIES[way.name]("q", ("a",), ["a"], tools=False)).encode()
    status, _, told = post(session, way.path, sent)
    says = {
        "anthropic": (400, "Requests which include `tool_use` or `tool_result` blocks must define tools."),
        "bedrock": (400, "The toolConfig field must be defined when using toolUse and toolResult content"),
    }
    expected, sentence = says.get(way.name, (422, "No recorded answer"))
    assert status == expected
    assert sentence in told.decode()


def test_a_model_without_its_tools_meets_that_through_its_client(open_session: Callable) -> None:
    # LangChain's Bedrock model turns calls into text when there are no tools.
    way = next(way for way in WAYS if way.name == "anthropic")
    session = open_session(TOLD)
    call = AIMessage("", tool_calls=[{"id": "toolu_1", "name": "web_search", "args": {"query": "x"}}])
    history = [HumanMessage("q"), call, ToolMessage("y", tool_call_id="toolu_1")]
    assert way.make(session).bind_tools([web_search]).invoke(history).text == "z"
    with pytest.raises(way.refused, match="must define tools"):
        way.make(session).invoke(history)


GARBAGE = {
    "nothing": b"",
    "no JSON": b"hello",
    "a list": b"[1, 2]",
    "null": b"null",
    "not UTF-8": b"\xff\xfe\x00\x80",
    "deep lists": b"[" * 100_000,
    "an empty object": b"{}",
    "a message of a number": b'{"messages": [7], "input": [7]}',
    "tools of a string": b'{"messages": [], "input": [], "tools": "all", "toolConfig": {"tools": "all"}}',
    "content of a number": b'{"messages": [{"role": "user", "content": 3}], "input": 3}',
    "a robot": b'{"messages": [{"role": "robot", "content": []}], "input": [{"role": "robot"}]}',
    "blocks of null": b'{"messages": [{"role": "user", "content": [null]}], "input": [null]}',
    "a response before": b'{"input": "hi", "previous_response_id": "resp_1", "messages": null}',
}


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_answered_in_the_provider_s_form(
    open_session: Callable, post: Callable, caplog: pytest.LogCaptureFixture, way: Way, sent: bytes
) -> None:
    session = open_session(TOLD)
    status, headers, told = post(session, way.path, sent)
    assert status in (400, 422)
    assert headers["connection"] == "close"
    found = json.loads(told)
    assert found["message"] if way.name == "bedrock" else found["error"]["message"]
    assert not caplog.records
