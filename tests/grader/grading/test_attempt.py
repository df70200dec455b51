"""One process of a submission, as the grader drives it, with somebody else speaking at its other end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError
from grader.grading import attempt as module
from grader.grading.attempt import Attempt, Ended, Tampered, Terms
from grader.jail.frames import Channel, FrameError
from grader.jail.limits import Limits
from grader.sandbox.child import Child, Guard
from grader.submissions import CodeCell
from tests.grader.sandbox.looking import descriptors
from utils.modes import RECORDED
from utils.providers import chosen_provider, settings
from utils.replay.conversation import Scenario

SECONDS = 30.0
URL = "http://127.0.0.1:8080/session-1"
SOON = 0.05
CELLS = (CodeCell(1, None, "x = 1"), CodeCell(4, "id", "raise", ("demo",)))

Speak = Callable[[Channel], None]


def cell(number: int, **other: Any) -> dict[str, Any]:
    told = {"kind": "cell", "number": number, "id": str(CELLS[number].number), "status": "ok", "why": ""}
    return {**told, "outputs": [], "error": None, "cpu": 0, "wall": 0, **other}


class Processes:
    """Starts what looks like processes; what they say is said by threads of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []
        self.threads: list[threading.Thread] = []
        self.job: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.guard: Guard | None = None
        self.runner: Speak = lambda channel: None
        self.grant: Speak = self._grant
        self.model: Speak = self._model
        self.fails = ""
        """module that cannot be started"""

    def __call__(self, name: str, *, guard: Guard | None = None) -> Child:
        if name == self.fails:
            msg = "the jail could not be built"
            raise GraderError(msg)
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        child = Child(Channel(ours), process, process.pid)
        self.children.append(child)
        if name == "grader.jail.runner":
            self.guard = guard
        said = self._run if name == "grader.jail.runner" else self.model
        thread = threading.Thread(target=self._speak, args=(said, theirs))
        thread.start()
        self.threads.append(thread)
        return child

    def _speak(self, speak: Speak, sock: socket.socket) -> None:
        with sock, contextlib.suppress(FrameError):
            speak(Channel(sock))

    def _run(self, channel: Channel) -> None:
        self.job = channel.receive(time.monotonic() + SECONDS)
        self.grant(channel)
        self.runner(channel)

    def _grant(self, channel: Channel) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                told = {"kind": "granted", "port": 1, "folders": ["/work"]}
                channel.send(told, descriptors=(listener.fileno(), folder))
        finally:
            os.close(folder)
        self.environment = channel.receive(time.monotonic() + SECONDS)["env"]
        channel.send({"kind": "ready", "lacking": ["cpu"]})

    def _model(self, channel: Channel) -> None:
        _, (listener,) = channel.receive_granted(1, time.monotonic() + SECONDS)
        os.close(listener)
        channel.send({"number": 0, "value": 1})
        asked = channel.receive(time.monotonic() + SECONDS)
        channel.send({"number": asked["number"], "value": URL})
        channel.receive(time.monotonic() + SECONDS)  # nothing more comes: it waits for its end

    def question(self, channel: Channel) -> dict[str, Any]:
        self.asked.append(channel.receive(time.monotonic() + SECONDS))
        return self.asked[-1]


@pytest.fixture
def processes(tmp_path) -> Iterator[Processes]:
    before = descriptors()
    made = Processes(tmp_path)
    yield made
    for thread in made.threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert all(child.process.returncode is not None for child in made.children), "a process goes on"
    assert descriptors() == before, "a descriptor is left open"


@contextlib.contextmanager
def begun(processes: Processes, runner: Speak | None = None, **terms: Any) -> Iterator[Attempt]:
    if runner is not None:
        processes.runner = runner
    limits = Limits(cell_wall=terms.pop("wall", 5.0))
    given = Terms(processes, chosen_provider(), Scenario(), limits, frozenset({"b", "a"}), **terms)
    attempt = Attempt(given, CELLS, {4})
    try:
        yield attempt
    finally:
        attempt.end()


def says(*frames: dict[str, Any]) -> Speak:
    """Say this, and stay until the other end goes."""

    def speak(channel: Channel) -> None:
        for frame in frames:
            channel.send(frame)
        channel.receive(time.monotonic() + SECONDS)

    return speak


# Its beginning


def test_the_job_is_the_cells_their_limits_and_what_is_not_run_and_nothing_else(processes):
    with begun(processes, port=8080, folders=(".",)):
        pass
    assert processes.job == {
        "cells": [
            {"id": "1", "source": "x = 1", "tags": []},
            {"id": "4", "source": "raise", "tags": ["demo"]},
        ],
        "limits": {**processes.job["limits"], "cell_wall": 5.0},
        "hurry": None,
        "skip": {"demo": ["a", "b"], "ids": ["4"]},
        "grant": {"port": 8080, "folders": ["."]},
    }


def test_its_environment_leads_to_the_recorded_model(processes):
    with begun(processes) as attempt:
        assert attempt.session.url == URL
        assert attempt.path == "/work"
        assert attempt.lacking == ("cpu",)
        assert os.fstat(attempt.workdir).st_ino == processes.folder.stat().st_ino
    # No proxy of this machine's stands between the two.
    here = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    assert processes.environment == {**RECORDED, **here, **settings(chosen_provider(), URL)}


def nothing(channel: Channel) -> None:
    """Go."""


BAD_GRANTS: dict[str, Speak] = {
    "gone": nothing,
    "no descriptors": lambda channel: channel.send({"folders": ["/work"], "port": 1}),
    "not ready": lambda channel: None,
}


@pytest.mark.parametrize("grant", BAD_GRANTS.values(), ids=BAD_GRANTS)
def test_a_process_that_does_not_begin_is_the_machines_fault(grant, processes):
    processes.grant = grant
    with pytest.raises(GraderError, match="did not start") as told, begun(processes):
        pass
    assert "doctor" in told.value.hint


def test_one_that_says_no_folders_is_as_well(processes):
    def grant(channel: Channel) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one:
            channel.send({"kind": "granted"}, descriptors=(one.fileno(), one.fileno()))

    before = descriptors()
    processes.grant = grant
    with pytest.raises(GraderError, match="did not start"), begun(processes):
        pass
    for thread in processes.threads:
        thread.join(SECONDS)
    left = descriptors() - before
    for descriptor in left:
        os.close(int(descriptor))
    assert not left


def test_one_that_is_silent_is_given_up_in_time(processes, monkeypatch):
    monkeypatch.setattr(module, "START_SECONDS", SOON)
    processes.grant = says()
    with pytest.raises(GraderError, match="no whole frame in time"), begun(processes):
        pass


def test_a_recorded_model_that_does_not_begin_ends_both(processes):
    processes.model = nothing
    with pytest.raises(GraderError, match="did not start"), begun(processes):
        pass
    assert len(processes.children) == 2


@pytest.mark.parametrize("name", ["grader.jail.runner", "grader.jail.model"])
def test_when_one_cannot_be_started_the_other_is_ended(name, processes):
    processes.fails = name
    with pytest.raises(GraderError, match="could not be built"), begun(processes):
        pass
    assert len(processes.children) == (0 if name == "grader.jail.runner" else 1)


# Cells


def test_a_cells_end_is_what_its_process_says(processes):
    error = {"ename": "KeyError", "evalue": "x" * 1_000}
    with begun(processes, says(cell(0), cell(1, status="error", error=error))) as attempt:
        assert attempt.run_cell(0, SECONDS).status == "ok"
        run = attempt.run_cell(1, SECONDS)
    assert (run.cell, run.status, run.error) == (CELLS[1], "error", f"KeyError: {'x' * 490}")


@pytest.mark.parametrize(
    "frame",
    [
        cell(1),
        cell(0, id="4"),
        cell(0, status=7),
        cell(0, why=None),
        {"kind": "answer", "number": 0},
        {"kind": "finished", "twice": {}},
        {"number": 0},
        {},
    ],
    ids=["another's number", "another's id", "status", "why", "answer", "finished", "no kind", "nothing"],
)
def test_what_no_cell_says_was_tampered_with(frame, processes):
    with begun(processes, says(frame)) as attempt, pytest.raises(Tampered, match="that no cell says"):
        attempt.run_cell(0, SECONDS)


@pytest.mark.parametrize(
    "data", [b"\0\0\0\x02[]", b"\0\0\0\x01{", b"\xff\xff\xff\xff", b"\0\0\0\x03\xff\xff\xff"]
)
def test_what_is_no_frame_was_tampered_with(data, processes):
    def garble(channel: Channel) -> None:
        os.write(channel.fileno(), data)
        channel.receive(time.monotonic() + SECONDS)

    with begun(processes, garble) as attempt, pytest.raises(Tampered, match="no answer at all"):
        attempt.run_cell(0, SECONDS)


@pytest.mark.parametrize("error", [None, {}, {"ename": 1, "evalue": "x"}, "x", [1]])
def test_an_error_that_is_none_is_no_text(error, processes):
    with begun(processes, says(cell(0, error=error))) as attempt:
        assert attempt.run_cell(0, SECONDS).error == ""


def test_a_process_that_goes_has_ended(processes):
    with begun(processes, nothing) as attempt, pytest.raises(Ended, match="its process ended") as told:
        attempt.run_cell(0, SECONDS)
    assert (told.value.timeout, told.value.memory) == (False, False)


def test_one_that_is_silent_for_longer_than_is_left_has_ended(processes):
    with begun(processes, says()) as attempt, pytest.raises(Ended, match="did not answer") as told:
        attempt.run_cell(0, SOON)
    assert (told.value.timeout, told.value.memory) == (True, False)


def test_one_that_is_silent_for_longer_than_a_cell_may_take_has_ended(processes, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", SOON)
    with begun(processes, says(), wall=SOON) as attempt, pytest.raises(Ended) as told:
        attempt.run_cell(0, SECONDS)
    assert told.value.timeout


def test_one_that_was_ended_for_its_memory_says_so(processes):
    said = threading.Event()

    def grow(channel: Channel) -> None:
        assert said.wait(SECONDS)

    with begun(processes, grow) as attempt:
        assert processes.guard is not None
        processes.guard.went_over("more memory than a submission may have")
        said.set()
        with pytest.raises(Ended, match="more memory") as told:
            attempt.run_cell(0, SECONDS)
    assert (told.value.timeout, told.value.memory) == (False, True)


def test_a_cell_that_leaves_too_little_for_the_others_has_ended_the_process(processes):
    looked = []

    def leaves(child: Child, folders: Any) -> str:
        looked.append((child, tuple(folders)))
        return "files nearly fill the work folder" if len(looked) == 2 else ""

    with begun(processes, says(cell(0), cell(1)), leaves=leaves) as attempt:
        attempt.run_cell(0, SECONDS)
        with pytest.raises(Ended, match="nearly fill") as told:
            attempt.run_cell(1, SECONDS)
        assert looked == [(processes.children[0], (attempt.workdir,))] * 2
    assert told.value.memory


# What comes after them


def test_names_that_are_defined_twice_are_told(processes):
    with begun(processes, says({"kind": "finished", "twice": {"x": ["1", "4"]}})) as attempt:
        assert attempt.finished(SECONDS) == {"x": ["1", "4"]}


@pytest.mark.parametrize("frame", [cell(0), {"kind": "finished"}, {"kind": "finished", "twice": []}])
def test_what_no_run_says_at_its_end_was_tampered_with(frame, processes):
    with begun(processes, says(frame)) as attempt, pytest.raises(Tampered, match="at its end"):
        attempt.finished(SECONDS)


def test_a_list_that_is_none_at_the_end_was_tampered_with(processes):
    """It came from the submission, and must not end the grader."""
    with (
        begun(processes, says({"kind": "finished", "twice": {"x": 7}})) as attempt,
        pytest.raises(Tampered),
    ):
        attempt.finished(SECONDS)


def test_a_question_gets_the_answer_to_its_number(processes):
    def answer(channel: Channel) -> None:
        for _ in range(2):
            asked = processes.question(channel)
            channel.send({"kind": "answer", "number": asked["number"], "answer": {"value": asked["op"]}})

    with begun(processes, answer) as attempt:
        told = [attempt.ask({"op": op}, SECONDS)["answer"]["value"] for op in ("one", "two")]
    assert told == ["one", "two"]
    assert processes.asked[0]["number"] != processes.asked[1]["number"]


def test_an_answer_that_was_ready_before_the_question_was_tampered_with(processes):
    with (
        begun(processes, says({"kind": "answer", "number": 1, "answer": {"value": 42}})) as attempt,
        pytest.raises(Tampered, match="nobody asked"),
    ):
        attempt.ask({"op": "get"}, SECONDS)


def test_an_answer_that_comes_twice_answers_one_question_only(processes):
    def answer(channel: Channel) -> None:
        asked = processes.question(channel)
        for _ in range(2):
            channel.send({"kind": "answer", "number": asked["number"], "answer": {}})
        processes.question(channel)

    with begun(processes, answer) as attempt:
        attempt.ask({"op": "get"}, SECONDS)
        with pytest.raises(Tampered, match="nobody asked"):
            attempt.ask({"op": "get"}, SECONDS)


def test_a_question_to_a_process_that_is_gone_has_ended_it(processes):
    with begun(processes, nothing) as attempt:
        for thread in processes.threads[:1]:
            thread.join(SECONDS)
        with pytest.raises(Ended, match="its process ended"):
            attempt.ask({"op": "get"}, SECONDS)


def test_a_question_that_is_not_taken_in_time_has_ended_it(processes):
    def hold(channel: Channel) -> None:
        assert done.wait(SECONDS)

    done = threading.Event()
    with begun(processes, hold) as attempt:
        with pytest.raises(Ended) as told:
            attempt.ask({"op": "x" * 2**22}, SOON)
        done.set()
    assert told.value.timeout


# Its end


def test_its_end_comes_once_and_is_the_recorded_models_too(processes):
    with begun(processes) as attempt:
        attempt.end()
        attempt.end()
    assert [child.process.returncode is not None for child in processes.children] == [True, True]
