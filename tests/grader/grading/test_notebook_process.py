"""One process of a submission, as the grader drives it, with somebody else speaking at its other end."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError
from grader.grading import notebook_process as module
from grader.grading.door import Tampered
from grader.grading.fair_clock import Grant
from grader.grading.host import CELL_WALL, JAILED, PORT, Host
from grader.grading.lab_spec import LabSpec
from grader.grading.notebook_process import Ended, NotebookProcess
from grader.jail.frames import Channel, FrameError
from grader.jail.job import Spare
from grader.sandbox.bubblewrap import WRITABLE
from grader.sandbox.child import End
from grader.sandbox.jails import Disturbed
from grader.submissions import CodeCell
from tests.grader.sandbox.looking import descriptors
from utils.checks.registry import LabChecks
from utils.lab.lab import Died
from utils.modes import RECORDED
from utils.providers import chosen_provider, settings
from utils.replay.conversation import Scenario

SECONDS = 30.0
URL = f"http://127.0.0.1:{PORT}/session-1"
SOON = 0.05
CELLS = (CodeCell(1, None, "x = 1"), CodeCell(4, "id", "raise", ("demo",)))

SPEC = LabSpec(
    "01_x", "x", LabChecks("x", "X"), Scenario(), frozenset(), Spare(frozenset({"b", "a"}), frozenset({"c"}))
)

Speak = Callable[[Channel], None]


def cell(number: int, **other: Any) -> dict[str, Any]:
    told = {"kind": "cell", "number": number, "id": str(CELLS[number].number), "status": "ok", "why": ""}
    return {**told, "error": None, "absent": [], **other}


class FakeJailed:
    """A process as a judge has it, without one."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.folders: tuple[int, ...] = ()
        self.used = [""]
        """what it has nearly used up, at each look"""
        self.ended_as = End()
        self.waited = 0.0
        """seconds for which others had the processors"""
        self.ended = False

    def watch_folders(self, folders: Sequence[int]) -> None:
        self.folders = tuple(folders)

    def used_up(self) -> str:
        return self.used.pop(0) if len(self.used) > 1 else self.used[0]

    def kept_waiting(self) -> float:
        return self.waited

    def end(self, patience: float = 0.0) -> End:
        self.channel.close()
        self.ended = True
        return self.ended_as


class Processes:
    """Starts what looks like processes; what they say is said by threads of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[FakeJailed] = []
        self.threads: list[threading.Thread] = []
        self.job: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.runner: Speak = lambda channel: None
        self.grant: Speak = self._grant
        self.model: Speak = self._model
        self.fails = ""
        """module that cannot be started"""
        self.ends: dict[str, End] = {}
        """how processes end, by their modules"""

    def start(self, module: str) -> FakeJailed:
        if module == self.fails:
            msg = "the jail could not be built"
            raise GraderError(msg)
        ours, theirs = socket.socketpair()
        child = FakeJailed(Channel(ours))
        child.ended_as = self.ends.get(module, End())
        self.children.append(child)
        said = self._run if module == "grader.jail.runner" else self.model
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
                told = {"kind": "granted", "port": PORT, "folders": ["/work"]}
                folders = [folder] * len(self.job["grant"]["folders"])
                channel.send(told, descriptors=(listener.fileno(), *folders))
        finally:
            os.close(folder)
        self.environment = channel.receive(time.monotonic() + SECONDS)["env"]
        channel.send({"kind": "ready", "lacking": ["cpu"]})

    def _model(self, channel: Channel) -> None:
        _, (listener,) = channel.receive_granted(1, time.monotonic() + SECONDS)
        os.close(listener)
        channel.send({"number": 0, "value": PORT})
        asked = channel.receive(time.monotonic() + SECONDS)
        channel.send({"number": asked["number"], "value": None})
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
    assert all(child.ended for child in made.children), "a process goes on"
    assert descriptors() == before, "a descriptor is left open"


@contextlib.contextmanager
def begun(processes: Processes, runner: Speak | None = None, **more: Any) -> Iterator[NotebookProcess]:
    if runner is not None:
        processes.runner = runner
    process = NotebookProcess(Host(processes, chosen_provider(), **more), SPEC, CELLS, {4}, Grant(SECONDS))
    try:
        yield process
    finally:
        process.end()


def says(*frames: dict[str, Any]) -> Speak:
    """Say this, and stay until the other end goes."""

    def speak(channel: Channel) -> None:
        for frame in frames:
            channel.send(frame)
        channel.receive(time.monotonic() + SECONDS)

    return speak


# Its beginning


def test_the_job_is_the_cells_their_limits_and_what_is_not_run_and_nothing_else(processes):
    with begun(processes):
        pass
    assert processes.job == {
        "cells": [
            {"id": "1", "source": "x = 1", "tags": []},
            {"id": "4", "source": "raise", "tags": ["demo"]},
        ],
        "limits": asdict(JAILED),
        "hurry": None,
        "skip": {"demo": ["a", "b"], "given": ["c"], "ids": ["4"]},
        "grant": {"port": PORT, "folders": list(WRITABLE)},
        "in_step": True,
    }


def test_its_environment_leads_to_the_recorded_model(processes):
    with begun(processes) as process:
        assert process.session.url == URL
        assert process.path == "/work"
        assert process.lacking == ("cpu",)
        assert os.fstat(process.workdir).st_ino == processes.folder.stat().st_ino
        assert len(processes.children[0].folders) == len(WRITABLE)
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
            channel.send({"kind": "granted"}, descriptors=[one.fileno()] * (1 + len(WRITABLE)))

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


@pytest.mark.parametrize("name", ["grader.jail.runner", "grader.jail.recorded_model"])
def test_when_one_cannot_be_started_the_other_is_ended(name, processes):
    processes.fails = name
    with pytest.raises(GraderError, match="could not be built"), begun(processes):
        pass
    assert len(processes.children) == (0 if name == "grader.jail.runner" else 1)


# Cells


def test_a_cells_end_is_what_its_process_says(processes):
    error = {"ename": "KeyError", "evalue": "x" * 1_000}
    with begun(processes, says(cell(0), cell(1, status="error", error=error))) as process:
        assert process.run_cell(0, SECONDS).status == "ok"
        run = process.run_cell(1, SECONDS)
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
    with begun(processes, says(frame)) as process, pytest.raises(Tampered, match="that no cell says"):
        process.run_cell(0, SECONDS)


@pytest.mark.parametrize(
    "data", [b"\0\0\0\x02[]", b"\0\0\0\x01{", b"\xff\xff\xff\xff", b"\0\0\0\x03\xff\xff\xff"]
)
def test_what_is_no_frame_was_tampered_with(data, processes):
    def garble(channel: Channel) -> None:
        os.write(channel.fileno(), data)
        channel.receive(time.monotonic() + SECONDS)

    with begun(processes, garble) as process, pytest.raises(Tampered, match="not an answer at all"):
        process.run_cell(0, SECONDS)


@pytest.mark.parametrize("error", [None, {}, {"ename": 1, "evalue": "x"}, "x", [1]])
def test_an_error_that_is_none_is_no_text(error, processes):
    with begun(processes, says(cell(0, error=error))) as process:
        assert process.run_cell(0, SECONDS).error == ""


def test_a_process_that_goes_has_ended(processes):
    with begun(processes, nothing) as process, pytest.raises(Ended, match="its process ended") as told:
        process.run_cell(0, SECONDS)
    assert (told.value.timeout, told.value.memory) == (False, False)


def test_one_that_is_silent_for_longer_than_is_left_has_ended(processes):
    with begun(processes, says()) as process, pytest.raises(Ended, match="did not answer") as told:
        process.run_cell(0, SOON)
    assert (told.value.timeout, told.value.memory) == (True, False)


def test_one_that_others_keep_waiting_is_given_that_time_on_top(processes):
    def late(channel: Channel) -> None:
        time.sleep(2 * SOON)
        channel.send(cell(0))
        channel.receive(time.monotonic() + SECONDS)

    with begun(processes, late) as process:
        processes.children[0].waited = SECONDS
        assert process.run_cell(0, SOON).status == "ok"
        assert process.own(1.0) < 1.0


def test_one_that_is_silent_for_longer_than_a_cell_may_take_has_ended(processes, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", SOON - CELL_WALL)
    with begun(processes, says()) as process, pytest.raises(Ended) as told:
        process.run_cell(0, SECONDS)
    assert told.value.timeout


def test_one_that_was_ended_for_its_memory_says_so(processes):
    processes.ends["grader.jail.runner"] = End(over="more memory than a submission may have")
    with begun(processes, nothing) as process, pytest.raises(Ended, match="more memory") as told:
        process.run_cell(0, SECONDS)
    assert (told.value.timeout, told.value.memory) == (False, True)


@pytest.mark.parametrize("second_try", [False, True])
@pytest.mark.parametrize("when", ["a cell", "a question", "the model", "the start"])
def test_one_that_was_killed_is_disturbed_the_first_time(when, second_try, processes):
    killed = "grader.jail.recorded_model" if when == "the model" else "grader.jail.runner"
    processes.ends[killed] = End(killed=True)
    if when == "the start":
        processes.grant = nothing
    usual = {"the model": Died, "the start": GraderError}.get(when, Ended)
    expected = pytest.raises(usual if second_try else Disturbed)
    with expected, begun(processes, nothing, second_try=second_try) as process:
        if when == "a cell":
            process.run_cell(0, SECONDS)
        elif when == "a question":
            process.ask({"op": "get"}, SECONDS)
        else:
            process.model.ask("traffic", "x")


def test_a_cell_that_leaves_too_little_for_the_others_has_ended_the_process(processes):
    with begun(processes, says(cell(0), cell(1))) as process:
        processes.children[0].used = ["", "files nearly fill the work folder"]
        process.run_cell(0, SECONDS)
        with pytest.raises(Ended, match="nearly fill") as told:
            process.run_cell(1, SECONDS)
    assert told.value.memory


def test_a_cell_that_was_run_is_looked_at_before_the_next_one_begins(processes):
    come: list[int] = []

    def runner(channel: Channel) -> None:
        assert processes.job["in_step"]
        channel.send(cell(0, status="skipped", why="left out"))
        channel.send(cell(1))
        channel.receive(time.monotonic() + SECONDS)
        come.append(len(processes.children[0].used))

    with begun(processes, runner) as process:
        processes.children[0].used = ["", "something stays"]
        process.run_cell(0, SECONDS)
        process.run_cell(1, SECONDS)
    processes.threads[0].join(SECONDS)
    assert come == [1]


# What comes after them


def test_names_that_are_defined_twice_are_told(processes):
    with begun(processes, says({"kind": "finished", "twice": {"x": ["1", "4"]}})) as process:
        assert process.finished(SECONDS) == {"x": ["1", "4"]}


@pytest.mark.parametrize("frame", [cell(0), {"kind": "finished"}, {"kind": "finished", "twice": []}])
def test_what_no_run_says_at_its_end_was_tampered_with(frame, processes):
    with begun(processes, says(frame)) as process, pytest.raises(Tampered, match="at its end"):
        process.finished(SECONDS)


def test_a_list_that_is_none_at_the_end_was_tampered_with(processes):
    """It came from the submission, and must not end the grader."""
    with (
        begun(processes, says({"kind": "finished", "twice": {"x": 7}})) as process,
        pytest.raises(Tampered),
    ):
        process.finished(SECONDS)


def test_a_question_gets_the_answer_to_its_number(processes):
    def answer(channel: Channel) -> None:
        for _ in range(2):
            asked = processes.question(channel)
            answer = {"value": asked["op"]}
            channel.send({"kind": "answer", "number": asked["number"], "answer": answer, "timeout": ""})

    with begun(processes, answer) as process:
        told = [process.ask({"op": op}, SECONDS)["answer"]["value"] for op in ("one", "two")]
    assert told == ["one", "two"]
    assert processes.asked[0]["number"] != processes.asked[1]["number"]


def test_an_answer_that_was_ready_before_the_question_was_tampered_with(processes):
    with (
        begun(processes, says({"kind": "answer", "number": 1, "answer": {}, "timeout": ""})) as process,
        pytest.raises(Tampered, match="nobody asked"),
    ):
        process.ask({"op": "get"}, SECONDS)


def test_an_answer_that_comes_twice_answers_one_question_only(processes):
    def answer(channel: Channel) -> None:
        asked = processes.question(channel)
        for _ in range(2):
            channel.send({"kind": "answer", "number": asked["number"], "answer": {}, "timeout": ""})
        processes.question(channel)

    with begun(processes, answer) as process:
        process.ask({"op": "get"}, SECONDS)
        with pytest.raises(Tampered, match="nobody asked"):
            process.ask({"op": "get"}, SECONDS)


def test_a_question_to_a_process_that_is_gone_has_ended_it(processes):
    with begun(processes, nothing) as process:
        for thread in processes.threads[:1]:
            thread.join(SECONDS)
        with pytest.raises(Ended, match="its process ended"):
            process.ask({"op": "get"}, SECONDS)


def test_a_question_that_is_not_taken_in_time_has_ended_it(processes):
    def hold(channel: Channel) -> None:
        assert done.wait(SECONDS)

    done = threading.Event()
    with begun(processes, hold) as process:
        with pytest.raises(Ended) as told:
            process.ask({"op": "x" * 2**22}, SOON)
        done.set()
    assert told.value.timeout


# Its end


def test_its_end_comes_once_and_is_the_recorded_models_too(processes):
    with begun(processes) as process:
        process.end()
        process.end()
    assert [child.ended for child in processes.children] == [True, True]
