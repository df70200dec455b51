"""What goes wrong on purpose reaches every SDK as its provider's trouble would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from langchain_core.tools import tool

from tests.utils.replay.talks import ask, calling, conversation, plain, scenario
from tests.utils.replay.wires.ways import CHECKS, WAYS, Way

LONG = 600.0
"""a patience that no test waits for"""


@tool
def web_search(query: str) -> str:
    """Search."""
    return query


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("kind", "status"), [("rate_limit", 429), ("server_error", 500)])
def test_what_passes_is_one_call(
    open_session: Callable,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    status: int,
    asynchronous: bool,
) -> None:
    # AWS's SDK waits a random part of a second.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff._get_base_scale", lambda *_: 0.01)
    session = open_session(scenario(plain("hi", "Hello.", kind=kind, seconds=0.01, times=1)))
    model = way.make(session)
    found = asyncio.run(model.ainvoke("hi")) if asynchronous else model.invoke("hi")
    assert found.text == "Hello."
    assert [(request.status, request.call) for request in session.traffic(settle=1).requests] == [
        (status, 0),
        (200, 0),
    ]


def test_a_rate_limit_that_stays_is_the_sdks_own_error(open_session: Callable, way: Way) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="rate_limit", seconds=7)))
    with pytest.raises(way.limited) as caught:
        way.make(session, max_retries=0).invoke("hi")
    error: Any = caught.value
    if way.name == "bedrock":
        assert error.response["Error"]["Code"] == "ThrottlingException"
        assert error.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-retry-after"] == "7000"
    else:
        assert error.response.headers["retry-after"] == "7"
    assert len(session.traffic(settle=1).requests) == 1


def test_a_server_error_that_stays_is_the_sdks_own_error(open_session: Callable, way: Way) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="server_error")))
    with pytest.raises(way.refused, match=r"(?i)server error|had an error|unexpected error"):
        way.make(session, max_retries=0).invoke("hi")
    assert [request.status for request in session.traffic(settle=1).requests] == [500]


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_abrupt_end_is_an_error_and_noted(open_session: Callable, way: Way, after: int) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="drop", after=after)))
    seen: list[str] = []
    with pytest.raises(way.broken):
        seen.extend(chunk.text for chunk in way.make(session, max_retries=0).stream("hi"))
    assert "".join(seen) == "".join(["one", " two", " three"][:after])
    (request,) = session.traffic(settle=1).requests
    assert (request.broken_off, request.pieces, request.answered) == (True, after, False)


def test_an_abrupt_end_of_an_async_stream_is_the_same(open_session: Callable, way: Way) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="drop", after=2)))
    seen: list[str] = []

    async def read() -> None:
        stream = way.make(session, max_retries=0).astream("hi")
        while True:
            seen.append((await anext(stream)).text)

    with pytest.raises(way.broken):
        asyncio.run(read())
    assert "".join(seen) == "one two"


@pytest.mark.parametrize(
    ("said", "after"), [("", 3), ("Let me look.", 7)], ids=["a call alone", "a word beside"]
)
def test_a_call_may_break_off_in_its_arguments(
    open_session: Callable, way: Way, said: str, after: int
) -> None:
    told = conversation("c", ask("q"), calling("a query", say=said, kind="drop", after=after))
    session = open_session(scenario(told))
    model = way.make(session, max_retries=0).bind_tools([web_search])
    seen: list[Any] = []
    with pytest.raises(way.broken):
        seen.extend(model.stream("q"))
    parts = [part["args"] or "" for chunk in seen for part in chunk.tool_call_chunks]
    whole = json.dumps({"query": "a query"})
    assert whole.startswith("".join(parts))
    assert 0 < len("".join(parts)) < len(whole)


def test_a_whole_answer_that_drops_is_tried_again_as_one_call(open_session: Callable, way: Way) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="drop", times=1)))
    assert way.make(session).invoke("hi").text == "Hello."
    assert [(request.call, request.broken_off) for request in session.traffic(settle=1).requests] == [
        (0, True),
        (0, False),
    ]


def test_a_cut_ends_cleanly_without_a_reason(open_session: Callable, way: Way) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="cut", after=2)))
    chunks: list[Any] = []
    # LangChain's Bedrock model is the only one that misses the reason.
    missed = (
        pytest.raises(ConnectionError, match="missing messageStop")
        if way.name == "bedrock"
        else nullcontext()
    )
    with missed:
        chunks.extend(way.make(session).stream("hi"))
    whole: Any = sum(chunks[1:], chunks[0])
    assert whole.text == "one two"
    for name in ("finish_reason", "stop_reason", "stopReason", "status"):
        assert whole.response_metadata.get(name) in (None, "in_progress")
    assert [request.status for request in session.traffic(settle=1).requests] == [200]


def test_a_stall_holds_a_stream_until_it_is_released(open_session: Callable, way: Way) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="stall", after=2)), patience=LONG)
    stream = way.make(session).stream("hi")
    seen = ""
    while seen != "one two":
        seen += next(stream).text
    (request,) = session.traffic().of()
    assert (request.status, request.pieces) == (0, 2)
    session.release()
    assert "".join(chunk.text for chunk in stream) == " three"


def test_a_stall_holds_a_whole_answer_too(open_session: Callable, way: Way, in_thread: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="stall")), patience=LONG)
    answer = in_thread(lambda: way.make(session).invoke("hi").text)
    while session.traffic().open() == 0:
        assert not answer.done()
    session.release()
    assert answer.result(5) == "Hello."


def test_a_stream_that_is_closed_is_given_up(open_session: Callable, way: Way) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="stall", after=2)), patience=LONG)
    stream = way.make(session).stream("hi")
    while next(stream).text != " two":
        pass
    stream.close()
    (request,) = session.traffic(settle=5).requests
    assert (request.gave_up, request.status, request.pieces) == (True, 499, 2)


# AWS has no asynchronous client: what runs in a thread cannot be cancelled.
@pytest.mark.parametrize("way", [way for way in (*WAYS, CHECKS) if way.name != "bedrock"], ids=str)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_what_is_cancelled_is_given_up(open_session: Callable, way: Way, streamed: bool) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="stall")), patience=LONG)

    async def ask() -> Any:
        model = way.make(session)
        return [piece async for piece in model.astream("hi")] if streamed else await model.ainvoke("hi")

    async def give_up() -> None:
        asked = asyncio.create_task(ask())
        while session.traffic().open() == 0:
            await asyncio.to_thread(session.traffic, settle=0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(give_up())
    (request,) = session.traffic(settle=5).requests
    assert (request.gave_up, request.status) == (True, 499)
