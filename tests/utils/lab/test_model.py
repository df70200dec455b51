"""The model of checks does what the same model does with the SDK's own clients, and that quickly."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel

from tests.utils.lab.scripted import (
    SECONDS,
    Gone,
    Request,
    Reset,
    Script,
    Scripted,
    answer,
    chunk,
    chunked,
    serving,
)
from tests.utils.lab.test_http import MALFORMED
from utils.lab.model import AsyncQuickCompletions, QuickCompletions, with_quick_clients
from utils.lab.parts import make_model
from utils.providers import PROVIDERS

Work = Callable[[Any], Any]
HI = [HumanMessage("hi")]


@pytest.fixture(autouse=True)
def _no_waiting_before_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.0)


@tool
def web_search(query: str, most: int = 3) -> str:
    """Search, in any language: Zürich is found."""
    return f"{query} {most}"


class Weather(BaseModel):
    """What the weather is."""

    degrees: float


# Ways to ask


def invoke(model: Any) -> Any:
    return seen(model.invoke(HI))


def ainvoke(model: Any) -> Any:
    return seen(asyncio.run(model.ainvoke(HI)))


def stream(model: Any) -> Any:
    return [seen(piece) for piece in model.stream(HI)]


def astream(model: Any) -> Any:
    async def read() -> Any:
        return [seen(piece) async for piece in model.astream(HI)]

    return asyncio.run(read())


def seen(message: Any) -> Any:
    """Return a message without the id that LangChain draws by lot."""
    return type(message), message.model_dump(exclude={"id"}), message.id[:4]


WHOLE_WAYS = pytest.mark.parametrize("ask", [invoke, ainvoke])
STREAM_WAYS = pytest.mark.parametrize("ask", [stream, astream])
TWO_WAYS = pytest.mark.parametrize("ask", [invoke, astream])
ALL_WAYS = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


def outcome(work: Work, model: Any) -> Any:
    """Return what a call gives, or all that can be seen of its error."""
    try:
        return work(model)
    except Exception as error:
        return told(error)


def told(error: BaseException | None) -> Any:
    if error is None:
        return None
    response = getattr(error, "response", None)
    facts = {name: getattr(error, name, None) for name in ("status_code", "body", "code", "param", "type")}
    if response is not None:
        facts |= {"headers": response.headers.multi_items(), "reason": response.reason_phrase}
        facts |= {"text": response.text}
    # What the address and the bytes of a line were is not the same twice.
    said = str(error) if isinstance(error, openai.OpenAIError) else ""
    return type(error), said, facts, told(error.__cause__)


def make(server: Scripted, *, quick: bool, max_retries: int = 0) -> Any:
    """Return a model that asks the server, with quick clients or the SDK's own."""
    model: Any = PROVIDERS["openai"].make(f"{server.url}/openai/v1")
    model.root_client.max_retries = model.root_async_client.max_retries = max_retries
    return with_quick_clients(model) if quick else model


def both(work: Work, *scripts: Script, **options: Any) -> tuple[list[Any], list[list[Request]]]:
    """Return what came of a call on either way, with the same answers, and what the servers heard."""
    found, heard = [], []
    for quick in (False, True):
        with serving() as server:
            server.scripts.extend(scripts)
            found.append(outcome(work, make(server, quick=quick, **options)))
            heard.append(server.heard)
    return found, heard


def assert_the_same(work: Work, *scripts: Script, **options: Any) -> Any:
    """Return what comes of a call that is the same on both ways."""
    (by_sdk, quick), heard = both(work, *scripts, **options)
    assert quick == by_sdk
    requests_by_sdk, requests = ([sent(request) for request in told] for told in heard)
    assert requests == requests_by_sdk
    return quick


def sent(request: Request) -> Any:
    """Return what of a request has a meaning for who answers it."""
    names = ("accept", "content-type", "x-stainless-async", "x-stainless-retry-count")
    return request.line, request.body, {name: request.headers[name] for name in names}


# Requests

CALL = {"name": "web_search", "args": {"query": "Zürich"}, "id": "call_1"}
TALK = [
    SystemMessage("Be “short”."),
    HumanMessage([{"type": "text", "text": "weather?"}]),
    AIMessage("Let me look.", tool_calls=[CALL]),
    ToolMessage("20 °C", tool_call_id="call_1"),
    AIMessage("20 °C"),
    HumanMessage("and now?"),
]
REQUESTS: dict[str, Work] = {
    "plain": lambda model: model.invoke("hi"),
    "a conversation": lambda model: model.invoke(TALK),
    "tools": lambda model: model.bind_tools([web_search]).invoke(TALK),
    "one tool that must be called": lambda model: model.bind_tools(
        [web_search], tool_choice="web_search", parallel_tool_calls=False, strict=True
    ).invoke(TALK),
    "output of a form, by a call": lambda model: model.with_structured_output(
        Weather, method="function_calling", include_raw=True
    ).invoke("weather?"),
    "stop, and settings": lambda model: model.bind(
        temperature=0.5, top_p=1, seed=3, n=1, max_tokens=5, user="me", logprobs=True, top_logprobs=2
    ).invoke("hi", stop=["."]),
    "a stream": lambda model: list(model.stream(TALK)),
    "a stream with its usage": lambda model: list(model.stream("hi", stream_usage=True)),
    "async": lambda model: asyncio.run(model.ainvoke(TALK)),
    "an async stream": lambda model: asyncio.run(anext(model.bind_tools([web_search]).astream(TALK))),
    "several at once": lambda model: len(model.batch(["hi"])),
    # What follows is left to the SDK.
    "output of a form": lambda model: model.with_structured_output(Weather).invoke("weather?"),
    "output in JSON": lambda model: model.with_structured_output(Weather, method="json_mode").invoke("?"),
    "a stream of a form": lambda model: list(model.with_structured_output(Weather).stream("weather?")),
    "more headers": lambda model: model.invoke("hi", extra_headers={"X-A": "b"}),
    "more of a body": lambda model: model.invoke("hi", extra_body={"more": 1}),
    "more in the address": lambda model: model.invoke("hi", extra_query={"more": "1"}),
    "a limit": lambda model: model.invoke("hi", timeout=20),
    "the other protocol": lambda model: model.bind(use_responses_api=True).invoke("hi"),
    "what the SDK knows and we do not": lambda model: model.invoke("hi", reasoning_effort="low"),
}


def completion(*, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    told = {"role": "assistant", "content": None, "refusal": None, "annotations": [], **message}
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o",
        "service_tier": "default",
        "system_fingerprint": "fp_recorded",
        "choices": [{"index": 0, "message": told, "logprobs": None, "finish_reason": finish}],
        "usage": usage,
    }


def delta(*, finish: str | None = None, **said: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": said, "logprobs": None, "finish_reason": finish}
    return {**completion(), "object": "chat.completion.chunk", "choices": [choice], "usage": None}


def calls(*arguments: str) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{n}", "type": "function", "function": {"name": "web_search", "arguments": told}}
        for n, told in enumerate(arguments)
    ]


def event(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


LAST = {**delta(), "choices": [], "usage": completion()["usage"]}
DONE = event(b"[DONE]")
HELLO = (
    event(delta(role="assistant", content="", refusal=None)),
    event(delta(content="Grüße, “you”")),
    event(delta(content=" \U0001f600")),
    event(delta(finish="stop")),
    event(LAST),
    DONE,
)
FRAGMENT = {"index": 0, "function": {"arguments": '{"query"'}}
ASKED = (
    event(delta(role="assistant", content=None, refusal=None)),
    event(delta(tool_calls=[{"index": 0, **calls("")[0]}])),
    event(delta(tool_calls=[FRAGMENT])),
    event(delta(tool_calls=[{"index": 0, "function": {"arguments": ': "a"}'}}])),
    event(delta(tool_calls=[{"index": 1, **calls("", "{}")[1]}])),
    event(delta(finish="tool_calls")),
    event(LAST),
    DONE,
)


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("said", [answer(200, completion(content='{"degrees": 3}')), chunked(*HELLO)])
def test_a_request_is_the_sdks(ask: Work, said: bytes) -> None:
    def asked(model: Any) -> None:
        ask(model)

    assert_the_same(asked, (said,))


# Whole answers

FORBIDDEN = {"error": {"message": "No.", "type": "t", "param": "p", "code": "c"}}
ANSWERS = {
    "a text": answer(200, completion(content="Grüße, “you” \U0001f600")),
    "an empty text": answer(200, completion(content="")),
    "nothing": answer(200, completion()),
    "a refusal": answer(200, completion(refusal="I will not.")),
    "a call": answer(200, completion(tool_calls=calls('{"query": "a"}'), finish="tool_calls")),
    "a text and calls": answer(200, completion(content="Let me look.", tool_calls=calls('{"a": 1}', "{}"))),
    "a call with arguments that are no JSON": answer(200, completion(tool_calls=calls("{", "[1]", ""))),
    "a call of another kind": answer(
        200, completion(tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "n", "input": "i"}}])
    ),
    "a call of no kind": answer(200, completion(tool_calls=[{"id": "c", "type": "x"}])),
    "an old call": answer(200, completion(function_call={"name": "f", "arguments": "{}"})),
    "sound": answer(200, completion(audio={"id": "a", "data": "", "expires_at": 1, "transcript": "t"})),
    "notes beside": answer(200, completion(content="a", annotations=[{"type": "url_citation"}])),
    "fields that nobody knows": answer(200, {**completion(content="a", more={"a": [1]}), "x": {"y": None}}),
    "another end": answer(200, completion(content="a", finish="because")),
    "no end": answer(200, completion(content="a", finish=None)),
    "another role": answer(200, completion(content="a", role="robot")),
    "content in parts": answer(200, completion(content=[{"type": "text", "text": "a"}])),
    "content that is a number": answer(200, completion(content=3)),
    "numbers as texts": answer(200, {**completion(content="a"), "created": "1"}),
    "a part of a number": answer(200, {**completion(content="a"), "created": 1.5}),
    "no usage": answer(200, {**completion(content="a"), "usage": None}),
    "all usage in texts": answer(
        200,
        {
            **completion(content="a"),
            "usage": {"prompt_tokens": "1", "completion_tokens": "2", "total_tokens": "3"},
        },
    ),
    "half a usage": answer(200, {**completion(content="a"), "usage": {"prompt_tokens": 1}}),
    "usage in texts": answer(200, {**completion(content="a"), "usage": {"prompt_tokens": "1"}}),
    "more of the usage": answer(200, {**completion(), "usage": {**completion()["usage"], "x": {"y": 1}}}),
    "no choices": answer(200, {**completion(), "choices": []}),
    "null choices": answer(200, {**completion(), "choices": None}),
    "choices that are missing": answer(200, {"id": "x"}),
    "two choices": answer(200, {**completion(), "choices": completion(content="a")["choices"] * 2}),
    "a choice without a message": answer(200, {**completion(), "choices": [{"index": 0}]}),
    "logprobs": answer(
        200,
        {
            **completion(),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "a"},
                    "finish_reason": "stop",
                    "logprobs": {
                        "content": [{"token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": []}],
                        "refusal": None,
                    },
                }
            ],
        },
    ),
    "an error for an answer": answer(200, FORBIDDEN),
    "an empty object": answer(200, {}),
    "a list": answer(200, [completion()]),
    "a number": answer(200, 3),
    "null": answer(200, b"null"),
    "half a surrogate": answer(200, json.dumps(completion(content="a?")).replace("?", "\\ud800").encode()),
    "no number": answer(200, json.dumps(completion(content="a", x=float("nan"))).encode()),
    "a huge number": answer(200, completion(content="a", x=10**400)),
    "the same key twice": answer(200, b'{"id": "a", ' + json.dumps(completion(content="a"))[1:].encode()),
    "no JSON": answer(200, b"{"),
    "bytes that are no text": answer(200, b'{"id": "\xff"}'),
    "nothing at all": answer(200, b""),
    "a page": answer(200, b"<html>sorry</html>", Content_Type="text/html; charset=utf-8"),
    "JSON that says it is a text": answer(200, completion(content="a"), Content_Type="text/plain"),
    "JSON that says more of itself": answer(200, completion(content="a"), Content_Type="a/b+json; x=y"),
    "another good status": answer(201, completion(content="a")),
    "chunks": chunked(json.dumps(completion(content="a")).encode(), kind="application/json"),
    "a stream that nobody asked for": chunked(*HELLO),
}


@WHOLE_WAYS
@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS)
def test_a_whole_answer_becomes_what_the_sdk_makes_of_it(ask: Work, said: bytes) -> None:
    assert_the_same(ask, (said,))


def test_a_whole_answer_is_not_always_an_error() -> None:
    kind, facts, _ = assert_the_same(invoke, (ANSWERS["a text"],))
    assert (kind, facts["content"]) == (AIMessage, "Grüße, “you” \U0001f600")
    assert facts["usage_metadata"]["input_token_details"] == {"audio": 0, "cache_read": 1}


# Streams

MEMORY = {"error": {"message": "Out of memory.", "code": 3}}
STREAMS = {
    "a text": chunked(*HELLO),
    "a text in one chunk": chunked(b"".join(HELLO)),
    "a text in very many chunks": chunked(*(bytes([byte]) for byte in b"".join(HELLO))),
    "calls in fragments": chunked(*ASKED),
    "a call whose arguments are whole": chunked(
        event(delta(tool_calls=[{"index": 0, **calls("{}")[0]}])), DONE
    ),
    "an old call": chunked(event(delta(function_call={"name": "f", "arguments": "{"})), DONE),
    "a refusal": chunked(event(delta(refusal="I will not.")), DONE),
    "no end that says so": chunked(*HELLO[:-1]),
    "no reason to end": chunked(*HELLO[:3]),
    "more after the end": chunked(*HELLO, event(delta(content="!"))),
    "only the end": chunked(DONE),
    "nothing": chunked(),
    "an error": chunked(*HELLO[:2], event(MEMORY), DONE),
    "an error that is a word": chunked(*HELLO[:2], event({"error": "no"})),
    "an error of no importance": chunked(event({**delta(content="a"), "error": None}), DONE),
    "comments, and fields of all kinds": chunked(
        b": alive\n\nid: 1\nretry: 3\nevent: x\nother\n", event(delta(content="a")), b"data:[DONE]\n\n"
    ),
    "lines that end otherwise": chunked(*(told.replace(b"\n", b"\r\n") for told in HELLO)),
    "an event in several lines": chunked(
        b"data: " + json.dumps(delta(content="a"), indent=1).encode().replace(b"\n", b"\ndata: ") + b"\n\n",
        DONE,
    ),
    "an event of a thread": chunked(b"event: thread.x\ndata: {}\n\n", DONE),
    "an event without an end": chunked(event(delta(content="a"))[:-2]),
    "half an event": chunked(*HELLO[:2], HELLO[2][:20]),
    "no JSON": chunked(*HELLO[:2], event(b"{")),
    "bytes that are no text": chunked(event(b'{"x": "\xff"}')),
    "a number": chunked(event(3), DONE),
    "a list": chunked(event([]), DONE),
    "null": chunked(event(None), DONE),
    "an empty object": chunked(event({}), DONE),
    "no delta": chunked(event({**delta(), "choices": [{"index": 0}]}), DONE),
    "a null delta": chunked(event({**delta(), "choices": [{"index": 0, "delta": None}]}), DONE),
    "null choices": chunked(event({**delta(), "choices": None}), DONE),
    "two choices": chunked(event({**delta(), "choices": delta(content="a")["choices"] * 2}), DONE),
    "fields that nobody knows": chunked(event({**delta(content="a", more=[1]), "x": {"y": None}}), DONE),
    "another end": chunked(event(delta(content="a", finish="because")), DONE),
    "another role": chunked(event(delta(content="a", role="robot")), DONE),
    "content that is a number": chunked(event(delta(content=3)), DONE),
    "a call without a function": chunked(event(delta(tool_calls=[{"index": 0}])), DONE),
    "usage in texts": chunked(event({**LAST, "usage": {"prompt_tokens": "1"}}), DONE),
    "a whole answer instead": answer(200, completion(content="a")),
    "a page": answer(200, b"<html>sorry</html>", Content_Type="text/html"),
    "nothing at all": answer(200, b""),
    "another good status": answer(201, b"".join(HELLO), Content_Type="text/event-stream"),
}


@STREAM_WAYS
@pytest.mark.parametrize("said", STREAMS.values(), ids=STREAMS)
def test_a_stream_becomes_what_the_sdk_makes_of_it(ask: Work, said: bytes) -> None:
    def pieces(model: Any) -> Any:
        return until_it_fails(ask, model)

    assert_the_same(pieces, (said,))


def until_it_fails(ask: Work, model: Any) -> Any:
    """Return all pieces of a stream, and the error that ends it."""
    pieces: list[Any] = []

    async def read() -> None:
        async for piece in model.astream(HI):
            pieces.append(seen(piece))  # noqa: PERF401 - those before an error count

    try:
        if ask is astream:
            asyncio.run(read())
        else:
            pieces.extend(seen(piece) for piece in model.stream(HI))
    except Exception as error:
        return pieces, told(error)
    return pieces, None


@STREAM_WAYS
def test_a_stream_is_not_always_an_error(ask: Work) -> None:
    pieces, error = assert_the_same(lambda model: until_it_fails(ask, model), (STREAMS["a text"],))
    assert error is None
    assert "".join(facts["content"] for _, facts, _ in pieces) == "Grüße, “you” \U0001f600"
    assert (
        sum(facts["usage_metadata"]["total_tokens"] for _, facts, _ in pieces if facts["usage_metadata"]) == 7
    )


@STREAM_WAYS
def test_pieces_of_a_stream_come_when_they_are_sent(scripted: Scripted, ask: Work) -> None:
    goes_on = threading.Event()
    scripted.say(chunked(*HELLO[:2], end=False), goes_on, b"".join(map(chunk, HELLO[2:])) + b"0\r\n\r\n")
    model, seen = make(scripted, quick=True), []

    async def read() -> None:
        async for piece in model.astream(HI):
            seen.append(piece.text)
            if piece.text:
                goes_on.set()

    if ask is astream:
        asyncio.run(read())
    else:
        for piece in model.stream(HI):
            seen.append(piece.text)
            if piece.text:
                goes_on.set()
    assert "".join(seen) == "Grüße, “you” \U0001f600"


# Errors

STATUSES = (301, 302, 400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 529)
WORDS: dict[str, Any] = {
    "an error": FORBIDDEN,
    "a message": {"message": "No."},
    "too long a context": {"error": {"message": "prompt is too long", "code": "context_length_exceeded"}},
    "a text": b" sorry ",
    "nothing": b"",
    "a list": [1],
}


@ALL_WAYS
@pytest.mark.parametrize("status", STATUSES)
def test_a_bad_status_is_the_sdks_error(ask: Work, status: int) -> None:
    kind, *_ = assert_the_same(ask, (answer(status, FORBIDDEN, "As told"),))
    assert issubclass(kind, openai.APIStatusError)


@TWO_WAYS
@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("status", [400, 500])
def test_whatever_a_bad_status_says_is_told_as_the_sdk_does(ask: Work, status: int, words: Any) -> None:
    assert_the_same(ask, (answer(status, words),))


GOOD = {
    invoke: ANSWERS["a text"],
    ainvoke: ANSWERS["a text"],
    stream: STREAMS["a text"],
    astream: STREAMS["a text"],
}


@ALL_WAYS
@pytest.mark.parametrize("status", [400, 408, 409, 429, 500, 503])
def test_what_the_sdk_tries_again_is_tried_again(ask: Work, status: int) -> None:
    refused = (answer(status, FORBIDDEN),)
    tries = assert_tries(ask, refused, refused, (GOOD[ask],))
    assert tries == (1 if status == 400 else 3)


def assert_tries(ask: Work, *scripts: Script) -> int:
    """Return how often both ways try, and see to it that each try says its number."""
    (by_sdk, quick), heard = both(ask, *scripts, max_retries=2)
    assert quick == by_sdk
    counts = [[request.headers["x-stainless-retry-count"] for request in told] for told in heard]
    assert counts[0] == counts[1] == [str(number) for number in range(len(counts[0]))]
    assert all(len({request.content for request in told}) == 1 for told in heard)
    return len(counts[0])


@TWO_WAYS
@pytest.mark.parametrize(
    ("headers", "tries"),
    [
        ({"retry_after": "0.001"}, 3),
        ({"retry_after_ms": "1"}, 3),
        ({"retry_after": "-1"}, 3),
        ({"retry_after": "nan"}, 3),
        ({"retry_after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 3),
        ({"retry_after": "soon"}, 3),
        ({"retry_after": "1000"}, 1),
        ({"retry_after": "1" * 400}, 1),
        ({"x_should_retry": "false"}, 1),
        ({"x_should_retry": "true"}, 3),
        ({"x_should_retry": "perhaps"}, 3),
    ],
)
def test_a_server_says_when_to_try_again(ask: Work, headers: dict[str, str], tries: int) -> None:
    refused = (answer(429, FORBIDDEN, **headers),)
    assert assert_tries(ask, refused, refused, (GOOD[ask],)) == tries


@TWO_WAYS
def test_the_sdk_is_asked_how_long_to_wait(ask: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def seconds(client: Any, remaining: int, options: Any, headers: Any = None) -> float:
        asked.append((remaining, options.get_max_retries(client.max_retries), headers and dict(headers)))
        return 0.0

    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", seconds)
    assert assert_tries(ask, (answer(429, FORBIDDEN, retry_after="7"),), (Reset(),), (GOOD[ask],)) == 3
    by_sdk, quick = asked[:2], asked[2:]
    assert quick == by_sdk
    assert [headers and headers["retry-after"] for _, _, headers in quick] == ["7", None]


def test_a_server_may_ask_for_another_try_whatever_the_status() -> None:
    assert assert_tries(invoke, (answer(400, FORBIDDEN, x_should_retry="true"),), (GOOD[invoke],)) == 2


@ALL_WAYS
def test_the_last_try_is_the_one_that_is_told(ask: Work) -> None:
    refusals = [(answer(status, FORBIDDEN),) for status in (429, 500, 503)]
    (_, quick), heard = both(ask, *refusals, max_retries=2)
    assert [len(told) for told in heard] == [3, 3]
    assert quick[2]["status_code"] == 503


BREAKS: dict[str, Script] = {
    "at once": (Reset(),),
    "with an end at once": (),
    "in the head": (ANSWERS["a text"][:40],),
    "in a body": (ANSWERS["a text"][:-20],),
    "by no HTTP": (MALFORMED["another protocol"],),
}


@pytest.mark.parametrize(
    ("ask", "script"),
    [
        pytest.param(ask, script, id=f"{ask.__name__} {name}")
        for ask in GOOD
        for name, script in BREAKS.items()
        # In a stream that is another error, which is tested below.
        if name != "in a body" or ask in (invoke, ainvoke)
    ],
)
def test_a_line_that_breaks_before_an_answer_is_tried_again(ask: Work, script: Script) -> None:
    assert assert_tries(ask, script, script, (GOOD[ask],)) == 3
    (by_sdk, quick), heard = both(ask, script, max_retries=1)
    assert [len(told) for told in heard] == [2, 2]
    assert quick[:3] == by_sdk[:3]
    assert issubclass(quick[0], openai.APIConnectionError)
    assert "Connection error." in quick[1]


@STREAM_WAYS
@pytest.mark.parametrize("last", [Reset(), b""], ids=["abruptly", "cleanly"])
@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_stream_that_drops_is_the_sdks_error_and_not_tried_again(ask: Work, last: Any, pieces: int) -> None:
    # The client has heard all that came before the line is reset.
    heard_all = threading.Event()
    before = chunked(*HELLO[:pieces], HELLO[pieces][:30], end=False)
    script: Script = (before, heard_all, last) if pieces else (before, last)
    texts: list[str] = []

    def read(model: Any) -> Any:
        heard_all.clear()
        texts.clear()

        def note(piece: Any) -> None:
            texts.append(piece.text)
            if len(texts) == pieces:
                heard_all.set()

        async def aread() -> None:
            async for piece in model.astream(HI):
                note(piece)

        if ask is astream:
            asyncio.run(aread())
        else:
            for piece in model.stream(HI):
                note(piece)

    (by_sdk, quick), heard = both(read, script, max_retries=2)
    assert [len(told) for told in heard] == [1, 1]
    assert quick[:3] == by_sdk[:3]
    assert issubclass(quick[0], openai.APIConnectionError)
    assert len(texts) == pieces


@TWO_WAYS
@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_answer_of_ours_is_a_connection_error(scripted: Scripted, ask: Work, said: bytes) -> None:
    scripted.say(said)
    with pytest.raises(openai.APIConnectionError):
        ask(make(scripted, quick=True))


@ALL_WAYS
def test_nobody_listens(ask: Work) -> None:
    found = []
    for quick in (False, True):
        with serving() as server:
            model = make(server, quick=quick, max_retries=1)
        found.append(outcome(ask, model))
    assert found[0][:3] == found[1][:3]
    assert issubclass(found[1][0], openai.APIConnectionError)


@pytest.mark.parametrize(
    "options", [{"foo": 1}, {"stream_options": {1, 2}}, {"user": "\ud800"}, {"seed": float("nan")}]
)
@TWO_WAYS
def test_what_cannot_be_sent_is_the_sdks_error(ask: Work, options: dict[str, Any]) -> None:
    def call(model: Any) -> Any:
        return ask(model.bind(**options))

    kind, *_ = assert_the_same(call, (GOOD[ask],))
    assert issubclass(kind, Exception)


# Giving up


@pytest.mark.parametrize("ask", [ainvoke, astream])
def test_a_call_that_is_given_up_hangs_up(scripted: Scripted, ask: Work) -> None:
    scripted.say(chunked(*HELLO[:2], end=False), Gone())

    async def call() -> Any:
        model = make(scripted, quick=True)
        return await model.ainvoke(HI) if ask is ainvoke else [piece async for piece in model.astream(HI)]

    async def give_up() -> None:
        answering = asyncio.create_task(call())
        assert await asyncio.to_thread(scripted.asked.wait, SECONDS)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering
        assert await asyncio.to_thread(scripted.closed_early.wait, SECONDS)

    asyncio.run(give_up())


def test_a_stream_that_is_closed_hangs_up(scripted: Scripted) -> None:
    scripted.say(chunked(*HELLO[:2], end=False), Gone())
    with closing(make(scripted, quick=True).stream(HI)) as pieces:
        next(pieces)
    assert scripted.closed_early.wait(SECONDS)


def test_an_async_stream_that_is_closed_hangs_up(scripted: Scripted) -> None:
    scripted.say(chunked(*HELLO[:2], end=False), Gone())

    async def read() -> None:
        async with aclosing(make(scripted, quick=True).astream(HI)) as pieces:
            await anext(pieces)
        assert await asyncio.to_thread(scripted.closed_early.wait, SECONDS)

    asyncio.run(read())


def test_an_async_stream_that_is_forgotten_hangs_up(scripted: Scripted) -> None:
    scripted.say(chunked(*HELLO[:2], end=False), Gone())

    async def read() -> None:
        async for _ in make(scripted, quick=True).astream(HI):
            break

    asyncio.run(read())
    assert scripted.closed_early.wait(SECONDS)


# At the same time


def test_a_call_does_not_block_the_loop_while_it_waits(scripted: Scripted) -> None:
    goes_on = threading.Event()
    scripted.say(goes_on, ANSWERS["a text"])
    model = make(scripted, quick=True)

    async def let_it() -> None:
        assert await asyncio.to_thread(scripted.asked.wait, SECONDS)
        goes_on.set()

    async def together() -> Any:
        return await asyncio.gather(model.ainvoke(HI), let_it())

    assert asyncio.run(together())[0].text == "Grüße, “you” \U0001f600"


def test_one_model_serves_many_threads_and_loops(scripted: Scripted, in_threads: Callable[..., Any]) -> None:
    everybody = threading.Barrier(20)
    scripted.say(ANSWERS["a text"])
    model = make(scripted, quick=True)

    def ask(number: int) -> str:
        everybody.wait(SECONDS)
        said = f"question {number}"
        return (asyncio.run(model.ainvoke(said)) if number % 2 else model.invoke(said)).text

    assert in_threads(ask, range(20)) == ["Grüße, “you” \U0001f600"] * 20
    asked = sorted(request.body["messages"][0]["content"] for request in scripted.heard)
    assert asked == sorted(f"question {number}" for number in range(20))
    kinds = sorted(request.headers["x-stainless-async"] for request in scripted.heard)
    assert kinds == ["async:asyncio"] * 10 + ["false"] * 10


# What a student's code sees of the model


def test_the_model_of_checks_is_the_usual_one_with_quick_clients() -> None:
    model = make_model("http://127.0.0.1:9/token", "openai")
    assert type(model) is ChatOpenAI
    assert isinstance(model.client, QuickCompletions)
    assert isinstance(model.async_client, AsyncQuickCompletions)
    plain: Any = PROVIDERS["openai"].make("http://127.0.0.1:9/token/openai/v1")
    assert not isinstance(plain.client, QuickCompletions), "a notebook's own model keeps the SDK"
    assert model.model_dump() == plain.model_dump()
    assert model._identifying_params == plain._identifying_params
    assert model.stream_chunk_timeout is None, "no task for each piece"


def test_the_clients_give_the_sdks_objects_when_they_are_called_themselves() -> None:
    said = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}

    def whole(model: Any) -> Any:
        return model.client.create(**said)

    def pieces(model: Any) -> Any:
        with model.client.create(**said, stream=True) as stream:
            return type(stream), list(stream)

    def raw(model: Any) -> Any:
        told = model.client.with_raw_response.create(**said)
        return type(told), told.status_code, told.headers.multi_items(), told.retries_taken, told.parse()

    def raw_pieces(model: Any) -> Any:
        return list(model.client.with_raw_response.create(**said, stream=True).parse())

    async def awhole(model: Any) -> Any:
        return await model.async_client.create(**said)

    found = assert_the_same(whole, (ANSWERS["a text"],))
    assert type(found) is ChatCompletion
    assert assert_the_same(lambda model: asyncio.run(awhole(model)), (ANSWERS["a text"],)) == found
    refused = (answer(429, FORBIDDEN),)
    *_, tries, told = assert_the_same(raw, refused, (ANSWERS["a text"],), max_retries=1)
    assert (tries, told) == (1, found)
    for work in (pieces, raw_pieces):
        found = assert_the_same(work, (STREAMS["a text"],))
        assert {type(piece) for piece in (found if isinstance(found, list) else found[1])} == {
            ChatCompletionChunk
        }


@pytest.mark.parametrize("name", ["null", "a number", "a page", "an empty object", "numbers as texts"])
def test_an_odd_answer_to_a_client_called_itself_is_the_sdks_too(name: str) -> None:
    said = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    assert_the_same(lambda model: model.client.create(**said), (ANSWERS[name],), max_retries=1)


def test_a_call_without_messages_is_the_sdks_error() -> None:
    assert_the_same(lambda model: model.client.create(model="gpt-4o"), (ANSWERS["a text"],))
