"""The server as such: its life, its borders, what it does with garbage."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from openai import APIConnectionError, NotFoundError

from tests.utils.replay.talks import looked_up, plain, scenario
from utils.errors import SetupError
from utils.replay.gates import CapGate
from utils.replay.log import Log
from utils.replay.responses import one_line
from utils.replay.server import MAX_BODY, ReplayServer
from utils.replay.session import Session

CHAT = "/openai/v1/chat/completions"
TOLD = scenario(plain("hi", "hello there"), looked_up("q", "sf", "sunny", "Sunny."))


def body(text: Any = "hi", **more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **more}).encode()


# Its life


def test_it_starts_listens_and_stops_leaving_nothing_behind(get: Callable) -> None:
    before = threading.active_count()
    server = ReplayServer().start()
    session = server.open(TOLD)
    assert get(f"{session.url}/alive") == (200, b'{"alive": true}')
    server.close()
    assert threading.active_count() == before
    with pytest.raises(OSError, match="refused"):
        get(f"{session.url}/alive")


def test_starting_or_closing_twice_does_nothing_more() -> None:
    server = ReplayServer()
    server.close()
    assert server.start() is server.start()
    port = server.port
    assert server.start().port == port
    server.close()
    server.close()


def test_it_can_be_started_again_after_closing(get: Callable) -> None:
    server = ReplayServer().start()
    server.close()
    server.start()
    assert get(f"{server.open(TOLD).url}/alive")[0] == 200
    server.close()


def test_a_port_that_is_taken_is_a_sentence(server: ReplayServer) -> None:
    before = threading.active_count()
    with pytest.raises(SetupError) as caught:
        ReplayServer(port=server.port).start()
    assert caught.value.message == (
        f"the recorded model cannot listen on 127.0.0.1:{server.port}: Address already in use"
    )
    assert "port 0" in caught.value.hint
    assert threading.active_count() == before


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_port_that_is_none_is_a_sentence(port: int) -> None:
    with pytest.raises(SetupError, match=f"cannot listen on 127.0.0.1:{port}"):
        ReplayServer(port=port).start()


def test_a_listener_that_cannot_listen_is_a_sentence() -> None:
    before = threading.active_count()
    with socket.socket() as used, socket.socket() as peer:
        used.bind(("127.0.0.1", 0))
        used.listen()
        peer.connect(used.getsockname())
        with pytest.raises(SetupError, match="cannot listen"):
            ReplayServer(listener=peer).start()
    assert threading.active_count() == before


def test_a_listener_may_be_handed_in(get: Callable) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = ReplayServer(listener=listener).start()
    assert server.port == listener.getsockname()[1]
    assert get(f"{server.open(TOLD).url}/alive")[0] == 200
    server.close()


def test_without_a_running_server_a_session_says_so() -> None:
    server = ReplayServer()
    session = server.open(TOLD)
    with pytest.raises(SetupError, match="not running") as caught:
        session.traffic().of()
    assert "setup cell" in caught.value.hint
    server.start().close()
    with pytest.raises(SetupError, match="not running"):
        session.traffic(settle=1)
    session.close()


def test_closing_ends_what_waits_for_the_loop(in_thread: Callable) -> None:
    server = ReplayServer().start()
    entered = threading.Event()

    async def wait_for_ever() -> None:
        entered.set()
        await asyncio.Event().wait()

    waiting = in_thread(lambda: server.run(wait_for_ever()))
    assert entered.wait(5)
    server.close()
    with pytest.raises(SetupError, match="not running"):
        waiting.result(5)


@pytest.mark.parametrize("where", ["in a stream", "at a gate"])
def test_closing_cuts_requests_that_are_open(
    where: str, chat: Callable, in_thread: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    server = ReplayServer().start()
    session = server.open(
        scenario(plain("hi", "one two three", kind="stall", after=1), plain("wait", "w")), patience=600
    )
    model = chat(session, max_retries=0)
    if where == "in a stream":
        stream = model.stream("hi")
        assert next(stream).text == ""
        assert next(stream).text == "one"
        going_on = in_thread(lambda: list(stream))
    else:
        session.arm(CapGate(count=9, patience=600))
        going_on = in_thread(lambda: model.invoke("wait"))
        wait_until(lambda: session.traffic().open() == 1)
    start = time.monotonic()
    server.close()
    assert time.monotonic() - start < 5
    assert going_on.exception(5) is not None
    assert not caplog.records


def wait_until(what: Callable[[], bool]) -> None:
    """Look again and again at something that another thread brings about; fails after five seconds."""
    end = time.monotonic() + 5
    while not what():
        assert time.monotonic() < end, "it never came"
        os.sched_yield()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_can_let_go_of_it(server: ReplayServer) -> None:
    session = server.open(TOLD)
    child = os.fork()
    if child == 0:  # only the exit code leaves the child
        code = 1
        try:
            session.traffic().of()
        except SetupError:
            copy = ReplayServer.__new__(ReplayServer)
            copy.__dict__.update(server.__dict__)
            copy.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert session.traffic().of() == ()
    session.close()


# Its borders


def test_sessions_have_addresses_that_nobody_guesses(open_session: Callable) -> None:
    one, other = open_session(TOLD), open_session(TOLD)
    assert one.url != other.url
    assert len(one.token) >= 20
    assert one.url.startswith("http://127.0.0.1:")


def test_an_unknown_session_is_not_found(open_session: Callable, chat: Callable, post: Callable) -> None:
    session = open_session(TOLD)
    session.close()
    session.close()
    for path in (CHAT, "/tavily/search", "/tool/x"):
        status, headers, told = post(session, path, body())
        assert status == 404
        assert headers["connection"] == "close"
        assert "this recorded model has ended" in json.loads(told)["error"]["message"]
    with pytest.raises(NotFoundError, match="run the setup cell again"):
        chat(session).invoke("hi")


@pytest.mark.parametrize("path", ["/", "/nothing", "/openai/v1/models"])
def test_an_unknown_path_is_not_found(open_session: Callable, post: Callable, path: str) -> None:
    status, headers, told = post(open_session(TOLD), path)
    assert (status, headers["connection"]) == (404, "close")
    assert "error" in json.loads(told)


def test_another_method_is_refused(open_session: Callable, get: Callable) -> None:
    status, told = get(open_session(TOLD).url + CHAT)
    assert status == 405
    assert "error" in json.loads(told)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Host": "[::1]:80"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
    ids=str,
)
def test_what_a_page_in_a_browser_could_send_is_refused(
    open_session: Callable, post: Callable, headers: dict[str, str]
) -> None:
    session = open_session(TOLD)
    for path in (CHAT, "/nothing"):
        status, answered, _ = post(session, path, body(), headers)
        assert (status, answered["connection"]) == (403, "close")
    assert session.traffic(settle=1).requests == ()


def test_localhost_is_this_machine(open_session: Callable, post: Callable) -> None:
    assert post(open_session(TOLD), CHAT, body(), {"Host": "localhost:1"})[0] == 200


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        (CHAT, body(), 200),
        (CHAT, body("nobody asked this"), 422),
        (CHAT, b"", 400),
        ("/tavily/search", b'{"query": "sf"}', 200),
        ("/tool/search", b'{"query": "sf"}', 200),
        ("/tool/search", b'{"query": "other"}', 422),
    ],
)
def test_every_answer_closes_its_connection(
    open_session: Callable, post: Callable, path: str, sent: bytes, status: int
) -> None:
    found, headers, _ = post(open_session(TOLD), path, sent)
    assert (found, headers["connection"]) == (status, "close")


def test_streams_close_their_connection(open_session: Callable, post: Callable) -> None:
    status, headers, told = post(open_session(TOLD), CHAT, body(stream=True))
    assert (status, headers["connection"]) == (200, "close")
    assert told.endswith(b"data: [DONE]\n\n")


# Garbage

DEEP = b'{"a":' * 900 + b"1" + b"}" * 900
GARBAGE = {
    "nothing": b"",
    "no JSON": b"hello",
    "half of JSON": b'{"messages": [',
    "a list": b"[1, 2]",
    "null": b"null",
    "a number": b"3",
    "not UTF-8": b"\xff\xfe\x00\x80",
    "zeros": b"\x00" * 1000,
    "deep lists": b"[" * 100_000,
    "deep objects": DEEP,
    "a message of a number": b'{"messages": [7]}',
    "tools of a string": b'{"messages": [], "tools": "all"}',
    "no messages": b'{"messages": []}',
    "NaN": b'{"messages": NaN, "query": NaN, "max_results": NaN}',
    "max_results of a string": b'{"query": "sf", "max_results": "many"}',
    "a query of a list": b'{"query": ["sf"], "max_results": -3}',
}


@pytest.mark.parametrize("path", [CHAT, "/tavily/search", "/tool/search"])
@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_answered_and_changes_nothing(
    open_session: Callable, post: Callable, caplog: pytest.LogCaptureFixture, path: str, sent: bytes
) -> None:
    session = open_session(TOLD)
    status, headers, told = post(session, path, sent)
    assert status in (200, 400, 422)
    assert headers["connection"] == "close"
    json.loads(told)
    assert post(session, CHAT, body())[0] == 200
    assert all(request.finished is not None for request in session.traffic(settle=1).requests)
    assert not caplog.records


def test_a_body_may_be_large_but_not_endless(open_session: Callable, post: Callable) -> None:
    session = open_session(TOLD)
    status, _, told = post(session, CHAT, body("x" * 1_000_000))
    assert status == 422
    assert len(told) < 2_000
    status, headers, told = post(session, CHAT, body("x" * MAX_BODY))
    assert (status, headers["connection"]) == (413, "close")
    assert "error" in json.loads(told)


def test_lines_that_are_no_http_end_the_connection(server: ReplayServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.")
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        pass


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("\ud800 alone", 422),
        ("x" * 1_000_000, 422),
        (None, 422),
        ([{"type": "text", "text": "HI"}], 200),
        ([{"type": "text", "text": "h"}, {"type": "text", "text": "i"}], 200),
        ([], 422),
        (" \t hI \n", 200),
    ],
    ids=["a lone surrogate", "a megabyte", "null", "a block", "two blocks", "no block", "spaces"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_peculiar_content_is_content(
    open_session: Callable, post: Callable, content: Any, status: int, stream: bool
) -> None:
    session = open_session(TOLD)
    found, _, told = post(session, CHAT, body(content, stream=stream, model="\ud800"))
    assert found == status
    told.decode("utf-8")


def test_a_failure_of_the_server_is_an_answer_and_is_logged(
    open_session: Callable, post: Callable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = open_session(TOLD)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Session, "reply", fail)
    with caplog.at_level(logging.ERROR):
        status, headers, told = post(session, CHAT, body())
    assert (status, headers["connection"]) == (500, "close")
    assert "the recorded model failed" in json.loads(told)["error"]["message"]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]
    assert [request.status for request in session.traffic(settle=1).requests] == [500]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("“Zürich”\r\n– 20 °C…", '"Zurich" - 20 C...'),
        ("日本", ""),
        ("a\x00b\x1b[1m\x7f", "a b [1m"),
        ("x" * 1000, "x" * 400),
        ("\ud800a", "a"),
    ],
)
def test_a_status_line_is_plain(text: str, line: str) -> None:
    assert one_line(text) == line


# Clients that go away


def test_a_client_that_hangs_up_is_noted(open_session: Callable, caplog: pytest.LogCaptureFixture) -> None:
    session = open_session(scenario(plain("hi", "one two", kind="stall", after=1)), patience=600)
    connection = http.client.HTTPConnection(session.url.split("/")[2], timeout=5)
    connection.request("POST", f"/{session.token}{CHAT}", body(stream=True))
    answer = connection.getresponse()
    assert b"assistant" in answer.readline()
    answer.close()
    connection.close()
    (request,) = session.traffic(settle=10).requests
    assert (request.gave_up, request.status, request.pieces) == (True, 499, 1)
    assert session.traffic().open() == 0
    assert not caplog.records


def test_many_who_hang_up_leave_nothing_open(open_session: Callable) -> None:
    session = open_session(TOLD)
    session.arm(CapGate(count=50, patience=600))
    lines = []
    for _ in range(20):
        lines.append(socket.create_connection(("127.0.0.1", int(session.url.split(":")[2].split("/")[0]))))
        sent = body()
        head = (
            f"POST /{session.token}{CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        lines[-1].sendall(head.encode() + sent)
    wait_until(lambda: session.traffic().open() == 20)
    for line in lines:
        line.close()
    found = session.traffic(settle=10).requests
    assert [request.gave_up for request in found] == [True] * 20
    assert session.traffic().open() == 0


def test_forgetting_while_requests_are_open_changes_neither_log(
    open_session: Callable, chat: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="stall", after=1)), patience=600)
    stream = chat(session).stream("hi")
    next(stream)
    next(stream)
    session.clear()
    assert session.traffic().of() == ()
    session.release()
    assert "".join(chunk.text for chunk in stream) == " two three"
    assert session.traffic(settle=1).requests == ()
    assert session.traffic().open() == 0
    assert not caplog.records


def test_a_log_of_an_earlier_time_takes_the_end_of_its_requests() -> None:
    async def work() -> None:
        old, new = Log(), Log()
        number = old.open_request("model")
        assert new.requests == []
        old.close_request(number, 200)

    asyncio.run(work())


def test_restarting_begins_anew_at_the_same_address(open_session: Callable, chat: Callable) -> None:
    from utils.replay.pacing import OFF

    session = open_session(scenario(plain("hi", "one two", kind="stall", after=1)), patience=600)
    model, url = chat(session), session.url
    stream = model.stream("hi")
    next(stream)
    next(stream)
    session.arm(CapGate(count=9, patience=600))
    session.restart(scenario(plain("hi", "other")), OFF)
    assert "".join(chunk.text for chunk in stream) == " two"
    assert session.url == url
    assert session.traffic(settle=1).requests == ()
    assert model.invoke("hi").text == "other"
    assert [request.finished for request in session.traffic(settle=1).requests] == [0]


def test_when_the_server_has_gone_clients_say_so(chat: Callable) -> None:
    server = ReplayServer().start()
    model = chat(server.open(TOLD), max_retries=0)
    server.close()
    with pytest.raises(APIConnectionError):
        model.invoke("hi")
