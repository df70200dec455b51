"""The recorded model in its own process, asked as checks ask it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from grader.grading import remote_model
from grader.grading.fair_clock import FairClock, Grant
from grader.grading.remote_model import RemoteModel
from grader.jail.frames import Channel
from grader.jail.recorded_model import MOST
from grader.sandbox.child import End
from grader.sandbox.plain import Plain
from grader.sandbox.stage import stage
from utils.lab.lab import Died
from utils.replay.conversation import Scenario
from utils.replay.gates import CapGate
from utils.replay.log import Traffic

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="graded on Linux only")
SECONDS = 60.0


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Plain:
    return Plain(stage(tmp_path_factory.mktemp("run") / "stage"))


class Jailed:
    """A process as a judge has it, started without a jailer."""

    def __init__(self, start: Plain) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = start("grader.jail.recorded_model", theirs.fileno())
        self.channel = Channel(ours)
        self.ended: End | None = None

    def kept_waiting(self) -> float:
        return 0.0

    def end(self, patience: float = 0.0) -> End:
        self.channel.close()
        self.ended = self.ended or self._child.end(patience)
        return self.ended


def clock_of(child: Any) -> FairClock:
    return FairClock((child,), Grant(0.0))


def serving(child: Any) -> RemoteModel:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        return RemoteModel(child, listener.fileno(), time.monotonic() + SECONDS, clock_of(child))


@pytest.fixture(scope="module")
def served(start) -> Iterator[RemoteModel]:
    model = serving(Jailed(start))
    yield model
    model.end()


@pytest.fixture
def model(served) -> RemoteModel:
    return served


def post(url: str, what: str = "Hello") -> tuple[int, str]:
    body = {"model": "m", "messages": [{"role": "user", "content": what}]}
    request = urllib.request.Request(
        f"{url}/openai/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_session_is_open_at_an_address_of_its_own(model):
    one, two = model.open(Scenario()), model.open(Scenario())
    assert one.url != two.url
    assert one.traffic() == two.traffic() == Traffic()


def test_what_nobody_recorded_is_told_as_a_request_and_as_a_miss(model):
    session = model.open(Scenario())
    other = model.open(Scenario())
    status, told = post(session.url)
    assert status >= 400, told
    (miss,) = session.traffic().misses
    assert len(session.traffic().requests) == len(session.traffic().of()) == 1
    assert session.traffic().peak() == 1
    assert session.traffic().open() == 0
    assert other.traffic().requests == other.traffic().misses == ()
    assert type(miss).__name__ == "Miss"


def test_gates_are_taken(model):
    session = model.open(Scenario())
    session.arm(CapGate(count=1))
    session.release()
    post(session.url)
    session.clear()
    assert session.traffic().requests == ()


def test_a_session_that_was_closed_answers_no_more_and_the_others_do(model):
    session, other = model.open(Scenario()), model.open(Scenario())
    session.close()
    with pytest.raises(Died, match="could not say what it was asked") as told:
        session.traffic()
    assert told.value.how == "crashed"
    assert not model.broken
    assert other.traffic().requests == ()


def test_more_requests_than_are_told_end_the_question(model, monkeypatch):
    told = {"traffic": {}, "left_out": 1}
    session = model.open(Scenario())
    monkeypatch.setattr(model, "ask", lambda *_, **__: told)
    with pytest.raises(Died, match="1 requests more than are kept"):
        session.traffic()
    assert MOST >= 100


# A process that has been taken over, or is gone


class Faked:
    """A process of the model that says what a test wants it to."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.theirs = Channel(theirs)
        self.channel = Channel(ours)
        self.ended_as = End()

    def model(self) -> RemoteModel:
        self.theirs.send({"number": 0, "value": 1})
        read, write = os.pipe()
        os.close(write)
        model = RemoteModel(self, read, time.monotonic() + SECONDS, clock_of(self), self.see_to)
        os.close(read)
        _, (granted,) = self.theirs.receive_granted(1)
        os.close(granted)
        return model

    def see_to(self, killed: bool) -> None:
        if killed:
            raise KeyError("killed")

    def kept_waiting(self) -> float:
        return 0.0

    def end(self, patience: float = 0.0) -> End:
        self.channel.close()
        return self.ended_as

    def close(self) -> None:
        self.theirs.close()
        self.channel.close()


@pytest.fixture
def faked() -> Iterator[Faked]:
    made = Faked()
    yield made
    made.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"number": 99, "value": "http://x"},
        {"number": 1},
        {"number": 1, "fault": "KeyError: 'x'"},
        {"number": 1, "flooded": True},
    ],
)
def test_an_answer_that_is_none_is_told_and_the_process_may_go_on(faked, answer):
    model = faked.model()
    faked.theirs.send(answer)
    with pytest.raises(Died, match="could not say what it was asked"):
        model.open(Scenario())
    assert not model.broken


def test_a_process_that_is_gone_is_broken(faked):
    model = faked.model()
    faked.theirs.close()
    with pytest.raises(Died, match="asked more than it can take"):
        model.open(Scenario())
    assert model.broken


def test_one_that_was_killed_is_told_as_such(faked):
    model = faked.model()
    faked.theirs.close()
    faked.ended_as = End(killed=True)
    with pytest.raises(KeyError, match="killed"):
        model.open(Scenario())


def test_a_process_that_says_nothing_is_broken(faked, monkeypatch):
    monkeypatch.setattr(remote_model, "ANSWER_SECONDS", 0.05)
    model = faked.model()
    with pytest.raises(Died, match="no whole frame in time"):
        model.open(Scenario())
    assert model.broken


def test_its_end_comes_once(start: Any):
    child = Jailed(start)
    model = serving(child)
    model.end()
    model.end()
    assert child.ended == End()


TRAFFIC = {"requests": [], "misses": [], "peaks": {}}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"left_out": 0},
        {"left_out": 0, "traffic": {"requests": [{"kind": 7}]}},
        {"left_out": "x", "traffic": TRAFFIC},
        {"left_out": 0, "traffic": {**TRAFFIC, "peaks": {"y" * 2_000_000: 1}}},
        {"left_out": 0, "traffic": {**TRAFFIC, "misses": [{"reason": "x" * 2_000_000}]}},
        {"left_out": 0, "traffic": {**TRAFFIC, "requests": [[0] * 60_000]}},
    ],
)
def test_traffic_that_is_none_or_far_too_much_ends_the_question(model, monkeypatch, told):
    session = model.open(Scenario())
    monkeypatch.setattr(model, "ask", lambda *_, **__: told)
    with pytest.raises(Died, match="far too much to look at"):
        session.traffic()
