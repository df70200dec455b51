"""The recorded model in its own process, asked as checks ask it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from grader.grading import model_side
from grader.grading.model_side import RecordedModel
from grader.jail.frames import Channel
from grader.jail.model import MOST
from grader.sandbox.child import Child
from grader.sandbox.plain import Plain
from grader.sandbox.stage import stage
from tests.grader.sandbox.looking import descriptors
from utils.lab.lab import Died
from utils.replay.conversation import Scenario
from utils.replay.gates import CapGate
from utils.replay.log import Traffic

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="graded on Linux only")
SECONDS = 60.0


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Plain:
    return Plain(stage(tmp_path_factory.mktemp("run") / "stage"))


@pytest.fixture(scope="module")
def served(start) -> Iterator[tuple[RecordedModel, Child]]:
    child = start("grader.jail.model")
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    model = RecordedModel(child, listener.detach(), time.monotonic() + SECONDS)
    yield model, child
    model.end()


@pytest.fixture
def model(served) -> RecordedModel:
    return served[0]


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
        self.channel = Channel(theirs)
        # Something that lives until it is killed, as the model's process does.
        self.process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True)
        self.child = Child(Channel(ours), self.process, self.process.pid)

    def model(self) -> RecordedModel:
        self.channel.send({"number": 0, "value": 1})
        read, write = os.pipe()
        os.close(write)
        model = RecordedModel(self.child, read, time.monotonic() + SECONDS)
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(read)
        _, (granted,) = self.channel.receive_granted(1)
        os.close(granted)
        return model

    def close(self) -> None:
        self.channel.close()
        self.child.end()
        assert self.process.stdin is not None
        self.process.stdin.close()


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
    faked.channel.send(answer)
    with pytest.raises(Died, match="could not say what it was asked"):
        model.open(Scenario())
    assert not model.broken


def test_a_process_that_is_gone_is_broken(faked):
    model = faked.model()
    faked.channel.close()
    with pytest.raises(Died, match="asked more than it can take"):
        model.open(Scenario())
    assert model.broken


def test_a_process_that_says_nothing_is_broken(faked, monkeypatch):
    monkeypatch.setattr(model_side, "ANSWER_SECONDS", 0.05)
    model = faked.model()
    with pytest.raises(Died, match="no whole frame in time"):
        model.open(Scenario())
    assert model.broken


def test_a_process_that_does_not_begin_leaves_no_descriptor(faked):
    faked.channel.close()
    before = len(descriptors())
    read, write = os.pipe()
    os.close(write)
    with pytest.raises(Exception, match="connection"):
        RecordedModel(faked.child, read, time.monotonic() + SECONDS)
    assert len(descriptors()) == before


def test_its_end_comes_once(start: Any):
    child = start("grader.jail.model")
    model = RecordedModel(child, socket.create_server(("127.0.0.1", 0)).detach(), time.monotonic() + SECONDS)
    model.end()
    model.end()
    assert child.process.returncode is not None
