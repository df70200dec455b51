"""One server for all tests of a file; each test opens sessions of its own."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from utils.replay.server import ReplayServer
from utils.replay.session import Session


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    running = ReplayServer().start()
    yield running
    running.close()


@pytest.fixture
def open_session(server: ReplayServer) -> Iterator[Callable[..., Session]]:
    """Opens sessions that are closed after the test."""
    opened: list[Session] = []

    def open_one(*args: Any, **kwargs: Any) -> Session:
        opened.append(server.open(*args, **kwargs))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def chat() -> Iterator[Callable[..., Any]]:
    """Makes the chat models that students use, for a session; their clients are closed after the test."""
    from langchain_openai import ChatOpenAI
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

    clients: list[Any] = []

    def make(session: Session, **options: Any) -> Any:
        sync = DefaultHttpxClient(trust_env=False, verify=False)
        asynchronous = DefaultAsyncHttpxClient(trust_env=False, verify=False)
        clients.append(sync)
        facts = {"model": "gpt-4o", "api_key": "sk-test-of-the-client", **options}
        return ChatOpenAI(
            base_url=f"{session.url}/openai/v1",
            http_client=sync,
            http_async_client=asynchronous,
            **facts,
        )

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def post() -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """Sends raw bytes: status, headers (``reason`` among them) and body of the answer."""
    import http.client

    def send(
        session: Session, path: str, body: bytes = b"{}", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        host = session.url.split("/")[2]
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            token = session.url.rsplit("/", 1)[1]
            connection.request("POST", f"/{token}{path}", body, headers or {})
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, {**told, "reason": answer.reason}, answer.read()
        finally:
            connection.close()

    return send


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Runs a function in a thread of its own; its future tells how it went."""
    threads: list[threading.Thread] = []

    def run(work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()

        def go() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        threads.append(threading.Thread(target=go, daemon=True))
        threads[-1].start()
        return future

    yield run
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive(), "a thread of the test still runs"


@pytest.fixture
def get() -> Callable[[str], tuple[int, bytes]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def fetch(url: str) -> tuple[int, bytes]:
        try:
            with opener.open(url, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    return fetch
