"""Requests to this machine get whole answers, or one of httpx2's errors; nothing is left open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import h11
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.utils.lab.scripted import SECONDS, Gone, Reset, Scripted, answer, chunk, chunked
from utils.lab import http
from utils.lab.http import MOST_BODY, MOST_HEAD, _Line, _Reading, apost, asend, post, send

WHOLE = answer(200, {"text": "Grüße"}, X_Of="our own")
PIECES = chunked(b"one", b" two", b"\r\n0\r\n\r\n three")
EARLY = "the connection ended before the answer did"


def get(url: str, *, asynchronous: bool, seconds: float | None = None) -> httpx2.Response:
    """Return the whole answer to a request, asked in one of both ways."""
    request = httpx2.Request("POST", f"{url}/x%20y?q=1", content=b"asked")

    async def aget() -> httpx2.Response:
        response = await asend(request)
        await response.aread()
        return response

    if asynchronous:
        return asyncio.run(aget())
    response = send(request, seconds)
    response.read()
    return response


BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@BOTH
def test_a_request_goes_out_as_it_is(scripted: Scripted, asynchronous: bool) -> None:
    scripted.say(WHOLE)
    get(scripted.url, asynchronous=asynchronous)
    (heard,) = scripted.heard
    assert heard.line == "POST /x%20y?q=1 HTTP/1.1"
    assert dict(heard.headers) == {"host": scripted.url.removeprefix("http://"), "content-length": "5"}
    assert heard.content == b"asked"


@BOTH
def test_an_answer_has_its_status_headers_and_body(scripted: Scripted, asynchronous: bool) -> None:
    scripted.say(answer(422, {"text": "Grüße"}, "No recorded answer", X_Of="our own", x_of="another"))
    response = get(scripted.url, asynchronous=asynchronous)
    assert (response.status_code, response.reason_phrase) == (422, "No recorded answer")
    assert response.headers.get_list("x-of") == ["our own", "another"]
    assert response.json() == {"text": "Grüße"}
    assert response.is_closed
    assert response.request.url == f"{scripted.url}/x%20y?q=1"


@BOTH
def test_an_answer_may_come_in_chunks(scripted: Scripted, asynchronous: bool) -> None:
    scripted.say(PIECES)
    assert get(scripted.url, asynchronous=asynchronous).content == b"one two\r\n0\r\n\r\n three"


@BOTH
@pytest.mark.parametrize("said", [answer(200), chunked()], ids=["of no length", "of no chunks"])
def test_an_answer_may_be_empty(scripted: Scripted, said: bytes, asynchronous: bool) -> None:
    scripted.say(said)
    assert get(scripted.url, asynchronous=asynchronous).content == b""


def test_pieces_are_told_when_they_come(scripted: Scripted) -> None:
    goes_on = threading.Event()
    scripted.say(chunked(b"first", end=False), goes_on, chunk(b"second") + b"0\r\n\r\n")
    pieces = send(httpx2.Request("POST", scripted.url)).iter_bytes()
    assert next(pieces) == b"first"
    goes_on.set()
    assert list(pieces) == [b"second"]


def test_async_pieces_are_told_when_they_come(scripted: Scripted) -> None:
    goes_on = threading.Event()
    scripted.say(chunked(b"first", end=False), goes_on, chunk(b"second") + b"0\r\n\r\n")

    async def read() -> list[bytes]:
        pieces = (await asend(httpx2.Request("POST", scripted.url))).aiter_bytes()
        seen = [await anext(pieces)]
        goes_on.set()
        return [*seen, *[piece async for piece in pieces]]

    assert asyncio.run(read()) == [b"first", b"second"]


# What is no answer


def headed(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


OK = "HTTP/1.1 200 OK"
CHUNKS = (OK, "Transfer-Encoding: chunked")
MALFORMED = {
    "nothing": b"",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "HTML without a head": b"<html>\r\n\r\n",
    "an older HTTP": headed("HTTP/1.0 200 OK", "Content-Length: 0"),
    "a newer HTTP": headed("HTTP/2 200", "Content-Length: 0"),
    "no status": headed("HTTP/1.1 OK", "Content-Length: 0"),
    "a status of four digits": headed("HTTP/1.1 2000 OK", "Content-Length: 0"),
    "a status of no kind": headed("HTTP/1.1 700 OK", "Content-Length: 0"),
    "a status that has no body": headed("HTTP/1.1 204 No Content", "Content-Length: 0"),
    "news that there are none": headed("HTTP/1.1 304 Not Modified", "Content-Length: 4") + b"news",
    "a word before the answer": headed("HTTP/1.1 103 Early Hints") + WHOLE,
    "another protocol from here on": headed("HTTP/1.1 101 Switching Protocols", "Upgrade: x"),
    "an empty line first": b"\r\n" + WHOLE,
    "lines that end as in Unix": WHOLE.replace(b"\r\n", b"\n"),
    "a header without a name": headed(OK, ": x", "Content-Length: 0"),
    "a header without a colon": headed(OK, "Content-Length 0"),
    "a header with a blank before its colon": headed(OK, "Content-Length : 0"),
    "a header over two lines": headed(OK, "X-A: b", " c", "Content-Length: 0"),
    "a header with a zero in it": headed(OK, "X-A: \0", "Content-Length: 0"),
    "a header with a bare return in it": headed(OK, "X-A: \rb", "Content-Length: 0"),
    "no length": headed(OK) + b"text",
    "two lengths": headed(OK, "Content-Length: 1", "Content-Length: 1") + b"a",
    "two lengths in one": headed(OK, "Content-Length: 1, 1") + b"a",
    "a length and chunks": headed(*CHUNKS, "Content-Length: 3") + b"0\r\n\r\n",
    "a length below nothing": headed(OK, "Content-Length: -1"),
    "a length with a sign": headed(OK, "Content-Length: +1") + b"a",
    "a length with a line below": headed(OK, "Content-Length: 1_0") + b"a" * 10,
    "a length in other digits": headed(OK, "Content-Length: \xb2") + b"a" * 10,
    "a length without digits": headed(OK, "Content-Length: ") + b"a",
    "a length of very many digits": headed(OK, "Content-Length: " + "1" * 5_000) + b"a",
    "chunks that are packed": headed(OK, "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "a packed body": answer(200, b"", Content_Encoding="gzip"),
    "a chunk without a size": headed(*CHUNKS) + b"\r\n\r\nabcdefghi",
    "a chunk of a size below nothing": headed(*CHUNKS) + b"-1\r\nabcdefghi",
    "a chunk of a size with a zero before it": headed(*CHUNKS) + b"03\r\nabc\r\n0\r\n\r\n",
    "a chunk with more than its size": headed(*CHUNKS) + b"3;a=b\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than it says": headed(*CHUNKS) + b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk that is shorter than it says": headed(*CHUNKS) + b"4\r\nabc\r\n0\r\n\r\n",
    "headers after the body": headed(*CHUNKS) + b"1\r\na\r\n0\r\nX-A: b\r\n\r\n",
    "a size of very many digits": headed(*CHUNKS) + b"1" * 5_000 + b"\r\n",
}


@BOTH
@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_answer_of_ours_is_an_error(scripted: Scripted, said: bytes, asynchronous: bool) -> None:
    scripted.say(said)
    with pytest.raises(httpx2.RemoteProtocolError) as caught:
        get(scripted.url, asynchronous=asynchronous)
    assert caught.value.request.url.path == "/x y"


def read(*came: bytes) -> tuple[int, bytes] | None:
    """Return the status and the body that some bytes are read as; ``None`` while there is more to come."""
    request = httpx2.Request("POST", "http://127.0.0.1")
    reading, body = _Reading(request), b""
    line = _Line(request)
    line.close()
    response = None
    for data in came:
        reading.hear(data)
        response = response or reading.response(line)
        while response and (piece := reading.piece()) != b"":
            if piece is None:
                return response.status_code, body
            body += piece
    return None


@pytest.mark.parametrize("said", [WHOLE, PIECES], ids=["of a length", "in chunks"])
def test_an_answer_may_be_cut_anywhere_on_its_way(said: bytes) -> None:
    whole = read(said)
    assert whole is not None
    for at in range(1, len(said)):
        assert read(said[:at], said[at:]) == whole
    assert read(*(said[at : at + 1] for at in range(len(said)))) == whole


@pytest.mark.parametrize("said", [WHOLE, PIECES], ids=["of a length", "in chunks"])
def test_an_answer_that_ends_early_is_an_error_wherever_it_ends(said: bytes) -> None:
    for at in range(len(said)):
        assert read(*filter(None, [said[:at]])) is None
        with pytest.raises(httpx2.RemoteProtocolError, match=EARLY):
            read(*filter(None, [said[:at]]), b"")


def by_h11(said: bytes) -> tuple[int, bytes] | None:
    """Return what a parser with many users makes of the same bytes."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(said)
    status, body = 0, b""
    while True:
        match connection.next_event():
            case h11.Response(status_code=int(code)):
                status = code
            case h11.Data(data=data):
                body += bytes(data)
            case h11.EndOfMessage():
                return status, body
            case _:
                return None


MARKS = (
    b"\r\n",
    b"\r",
    b"\n",
    b":",
    b" ",
    b"0",
    b"1",
    b"a",
    b"\0",
    b"\xff",
    b"0\r\n\r\n",
    b"-",
    b";",
    b"HTTP/1.1",
)


@given(
    st.sampled_from([WHOLE, PIECES, answer(404), chunked(b"a" * 300)]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 4), st.sampled_from(MARKS)), max_size=3),
    st.lists(st.integers(0, 400), max_size=4),
)
def test_whatever_is_read_is_read_as_others_read_it(
    said: bytes, changes: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    for at, length, instead in changes:
        said = said[:at] + instead + said[at + length :]
    ends = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    try:
        found = read(*(said[begin:end] for begin, end in pairwise(ends)))
    except httpx2.RemoteProtocolError:
        return
    assert found is None or found == by_h11(said)


@given(st.lists(st.binary(min_size=1, max_size=60) | st.sampled_from((*MARKS, WHOLE, PIECES)), max_size=20))
def test_no_bytes_make_any_other_error(came: list[bytes]) -> None:
    with contextlib.suppress(httpx2.RemoteProtocolError):
        read(*came)


# Bounds


def test_a_head_has_an_end() -> None:
    lines = (b"X-A: %b\r\n" % (b"b" * 1_000),) * (MOST_HEAD // 1_000)
    assert read(b"HTTP/1.1 200 OK\r\n", *lines, b"Content-Length: 0\r\n\r\n") == (200, b"")
    with pytest.raises(httpx2.RemoteProtocolError, match="begin as HTTP"):
        read(b"HTTP/1.1 200 OK\r\n", *lines, b"X-A: " + b"b" * 1_000)


@pytest.mark.parametrize(
    "said",
    [
        headed(OK, f"Content-Length: {MOST_BODY + 1}"),
        headed(OK, "Content-Length: 99999999"),
        headed(*CHUNKS) + b"%x\r\n" % (MOST_BODY + 1),
        headed(*CHUNKS) + b"fffffff\r\n",
    ],
)
def test_a_body_that_says_that_it_is_too_long_is_not_waited_for(said: bytes) -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="too long"):
        read(said)


@pytest.mark.parametrize("begun", [b"", b"3\r\nabc\r\n"], ids=["the first", "a later one"])
def test_what_begins_no_chunk_is_not_waited_for(begun: bytes) -> None:
    assert read(headed(*CHUNKS) + begun, b"11") is None
    with pytest.raises(httpx2.RemoteProtocolError, match="proper chunks"):
        read(headed(*CHUNKS) + begun, b"1" * 11)


def test_chunks_are_too_long_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BODY", 10)
    assert read(chunked(b"12345", b"67890")) == (200, b"1234567890")
    with pytest.raises(httpx2.RemoteProtocolError, match="too long"):
        read(chunked(b"12345", b"67890", b"1"))
    assert read(answer(200, b"1234567890")) == (200, b"1234567890")
    with pytest.raises(httpx2.RemoteProtocolError, match="too long"):
        read(answer(200, b"12345678901"))


# Lines that break


@BOTH
def test_nobody_listens(asynchronous: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(httpx2.ConnectError):
        get(f"http://127.0.0.1:{port}", asynchronous=asynchronous)


@BOTH
@pytest.mark.parametrize("said", [b"", WHOLE[:-3], PIECES[:-9]], ids=["at once", "in a body", "in chunks"])
def test_the_other_end_hangs_up(scripted: Scripted, said: bytes, asynchronous: bool) -> None:
    scripted.say(said, Reset())
    # Whether what was said before is heard, nobody can tell.
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        get(scripted.url, asynchronous=asynchronous)


def test_an_end_that_is_silent_is_not_waited_for_longer_than_said(scripted: Scripted) -> None:
    scripted.say(Gone())
    with pytest.raises(httpx2.ReadTimeout):
        get(scripted.url, asynchronous=False, seconds=0.01)
    assert scripted.closed_early.wait(SECONDS)


@pytest.mark.parametrize("said", [b"", WHOLE[:20], WHOLE[:-3]], ids=["no answer", "no head", "no body"])
def test_a_service_that_is_silent_is_not_waited_for_longer_than_said(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.01)
    scripted.say(said, Gone())
    with pytest.raises(httpx2.ReadTimeout):
        asyncio.run(apost(scripted.url, {}))
    assert scripted.closed_early.wait(SECONDS)
    with pytest.raises(httpx2.ReadTimeout):
        post(scripted.url, {})


# Giving up


@pytest.mark.parametrize("said", [b"", WHOLE[:20], PIECES[:-5]], ids=["no answer", "no head", "no end"])
def test_who_is_cancelled_hangs_up(scripted: Scripted, said: bytes) -> None:
    scripted.say(said, Gone())

    async def give_up() -> None:
        response = asyncio.create_task(aget_all())
        assert await asyncio.to_thread(scripted.asked.wait, SECONDS)
        response.cancel()
        with pytest.raises(asyncio.CancelledError):
            await response

    async def aget_all() -> None:
        response = await asend(httpx2.Request("POST", scripted.url))
        await response.aread()

    asyncio.run(give_up())
    assert scripted.closed_early.wait(SECONDS)


def test_who_closes_an_answer_hangs_up(scripted: Scripted) -> None:
    scripted.say(chunked(b"a", end=False), Gone())
    send(httpx2.Request("POST", scripted.url)).close()
    assert scripted.closed_early.wait(SECONDS)


def test_who_leaves_an_answer_after_a_piece_hangs_up(scripted: Scripted) -> None:
    scripted.say(chunked(b"a", end=False), Gone())
    for piece in send(httpx2.Request("POST", scripted.url)).stream:  # type: ignore[union-attr]
        assert piece == b"a"
        break
    assert scripted.closed_early.wait(SECONDS)


def test_who_closes_an_async_answer_hangs_up(scripted: Scripted) -> None:
    scripted.say(chunked(b"a", end=False), Gone())

    async def leave() -> None:
        response = await asend(httpx2.Request("POST", scripted.url))
        async for piece in response.aiter_bytes():
            assert piece == b"a"
            break
        await response.aclose()

    asyncio.run(leave())
    assert scripted.closed_early.wait(SECONDS)


# At the same time


def test_waiting_for_an_answer_does_not_block_the_loop(scripted: Scripted) -> None:
    goes_on = threading.Event()
    scripted.say(goes_on, WHOLE)

    async def answered() -> httpx2.Response:
        return await apost(scripted.url, {})

    async def let_it() -> None:
        assert await asyncio.to_thread(scripted.asked.wait, SECONDS)
        goes_on.set()

    async def both() -> Any:
        return await asyncio.gather(answered(), let_it())

    assert asyncio.run(both(), debug=True)[0].json() == {"text": "Grüße"}


def test_many_threads_and_loops_ask_at_the_same_time(
    scripted: Scripted, in_threads: Callable[..., Any]
) -> None:
    everybody = threading.Barrier(20)
    scripted.say(WHOLE)

    def ask(number: int) -> Any:
        everybody.wait(SECONDS)
        if number % 2:
            return post(scripted.url, {"number": number}).json()
        return asyncio.run(apost(scripted.url, {"number": number})).json()

    assert in_threads(ask, range(20)) == [{"text": "Grüße"}] * 20
    assert sorted(request.body["number"] for request in scripted.heard) == list(range(20))


def test_the_service_of_a_tool_is_told_json(scripted: Scripted) -> None:
    scripted.say(WHOLE)
    assert post(f"{scripted.url}/tool/search", {"query": "Zürich"}).json() == {"text": "Grüße"}
    (heard,) = scripted.heard
    assert heard.body == {"query": "Zürich"}
    assert heard.headers["content-type"] == "application/json"
