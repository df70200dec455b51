"""One process with the cells of a submission in it, and the recorded model beside it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grader.errors import GraderError
from grader.grading.door import Tampered, answer_of, cell_run_of, doubled_of
from grader.grading.fair_clock import FairClock, Grant
from grader.grading.host import Host
from grader.grading.lab_spec import LabSpec
from grader.grading.remote_model import RemoteModel
from grader.jail.frames import Closed, FrameError, TimedOut
from grader.sandbox.bubblewrap import DOCTOR
from grader.sandbox.jails import Disturbed, Jailed
from grader.submissions import CodeCell
from utils.modes import RECORDED
from utils.providers import settings

UNWRITTEN = "NotImplementedError"
"""what an untouched exercise raises"""
START_SECONDS = 60.0
"""for a process and its imports on a machine that is busy; nothing of a submission runs meanwhile"""
GRACE_SECONDS = 1.0
"""after a limit that the process itself should have kept"""
END_SECONDS = 0.5
"""for a process that has closed its connection: it is ending, and how it does so is to be seen"""


@dataclass(frozen=True, slots=True)
class CellRun:
    """How one cell ended, as its process says: a claim, worth no points."""

    cell: CodeCell
    status: str
    """``ok``, ``error``, ``timeout`` or ``skipped``"""
    why: str
    error: str
    """name and text of the error; empty if there was none"""
    absent: tuple[str, ...] = ()
    """modules that it imports and that are not there; those imports were left out"""

    @property
    def went_wrong(self) -> bool:
        """Whether something is lost; an exercise that nobody began is not."""
        return self.status == "timeout" or (self.status == "error" and not self.error.startswith(UNWRITTEN))


class Ended(Exception):
    """The process is gone, or was ended because it did not answer in time."""

    def __init__(self, what: str, *, timeout: bool = False, memory: bool = False) -> None:
        super().__init__(what)
        self.timeout = timeout
        self.memory = memory


class NotebookProcess:
    """A process that was given a submission's cells. After Ended or Tampered it is good for nothing."""

    def __init__(
        self,
        host: Host,
        spec: LabSpec,
        cells: Sequence[CodeCell],
        left_out: Collection[int],
        grant: Grant,
        hurry: float | None = None,
    ) -> None:
        """Start it; nothing of the submission has run yet. Raises GraderError when it cannot be started.

        ``grant`` is for the time in which others had the processors. ``hurry`` is how many seconds a cell may
        take, where that is less than usual.
        """
        self._host = host
        self._cells = cells
        self._limits = host.limits
        self._folders: tuple[int, ...] = ()
        self._number = 0
        deadline = time.monotonic() + START_SECONDS
        self._child = host.jails.start("grader.jail.runner")
        try:
            beside = host.jails.start("grader.jail.recorded_model")
        except BaseException:
            self._child.end()
            raise
        self._clock = FairClock((self._child, beside), grant)
        try:
            job = _job(host, spec, cells, left_out, hurry)
            self._folders, self.path, self.model = self._granted(beside, job, deadline)
            self.session = self.model.open(spec.scenario)
            here = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
            environment = {**RECORDED, **here, **settings(host.provider, self.session.url)}
            self._child.channel.send({"env": environment}, deadline)
            self.lacking = tuple(map(str, self._child.channel.receive(deadline)["lacking"]))
        except (FrameError, KeyError, ValueError) as error:
            ends = [child.end(END_SECONDS) for child in (self._child, beside)]
            self._close_folders()
            self._see_to(any(end.killed for end in ends))
            said = " ".join(end.said[-500:] for end in ends if end.said)
            raise GraderError(
                f"a process for a submission did not start: {error} {said}".strip(), hint=DOCTOR
            ) from error
        except BaseException:
            self._child.end()
            beside.end()
            self._close_folders()
            raise

    def _granted(
        self, beside: Jailed, job: Mapping[str, Any], deadline: float
    ) -> tuple[tuple[int, ...], str, RemoteModel]:
        """Return descriptors of its folders, the path of the first one, and the recorded model, which serves
        the socket on which the process listens.
        """
        self._child.channel.send(job, deadline)
        told, (listener, *folders) = self._child.channel.receive_granted(
            1 + len(job["grant"]["folders"]), deadline
        )
        try:
            try:
                path = str(told["folders"][0])
                self._child.watch_folders(folders)
                model = RemoteModel(beside, listener, deadline, self._clock, self._see_to)
            finally:
                os.close(listener)
        except BaseException:
            for descriptor in folders:
                os.close(descriptor)
            raise
        return tuple(folders), path, model

    def run_cell(self, number: int, seconds: float) -> CellRun:
        """Return how the next cell ended, ``number`` counting from 0. Raises Ended or Tampered."""
        cell = self._cells[number]
        status, why, error, absent = cell_run_of(
            self._receive(min(seconds, self._most())), number, str(cell.number)
        )
        if status != "skipped":
            self._look_what_is_left()
        return CellRun(cell, status, why, error, absent)

    def _look_what_is_left(self) -> None:
        """Look at what a cell has left behind, and let the next one begin: no cell pays for another one."""
        if self._host.sandbox != "none" and (gone := self._child.used_up()):
            raise Ended(gone, memory=True)
        # A process that has ended says so when the next cell is waited for.
        with contextlib.suppress(FrameError):
            self._child.channel.send({}, time.monotonic() + self._most())

    def finished(self, seconds: float) -> Mapping[str, Sequence[str]]:
        """Return names that several cells define, with the cells' numbers. Raises Ended or Tampered."""
        return doubled_of(self._receive(seconds))

    def ask(self, question: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """Return the answer's frame. Raises Ended or Tampered."""
        # Nobody can have an answer ready to a number that did not exist before.
        self._number = int.from_bytes(os.urandom(6), "big")
        seconds = min(seconds, self._most())
        try:
            self._child.channel.send({**question, "number": self._number}, time.monotonic() + seconds)
        except FrameError as error:
            raise self._ended(error) from error
        return answer_of(self._receive(seconds), self._number)

    def end(self) -> None:
        """End both processes and wait until nothing of them is left; a second call does nothing."""
        self._child.end()
        self.model.end()
        self._close_folders()

    def own(self, seconds: float) -> float:
        """Return how many of the seconds that a step took were the submission's own; ask once for each."""
        return self._clock.own(seconds)

    @property
    def workdir(self) -> int:
        """A descriptor of the work folder."""
        return self._folders[0]

    def _close_folders(self) -> None:
        folders, self._folders = self._folders, ()
        for descriptor in folders:
            os.close(descriptor)

    def _most(self) -> float:
        return (self._limits.cell_wall or START_SECONDS) + GRACE_SECONDS

    def _receive(self, seconds: float) -> dict[str, Any]:
        try:
            return self._clock.receive(self._child, seconds)
        except (TimedOut, Closed) as error:
            raise self._ended(error) from error
        except FrameError as error:
            raise Tampered(f"something came that is not an answer at all: {error}") from error

    def _ended(self, error: FrameError) -> Ended:
        """Return what to say of a process that does not answer; it is ended first."""
        late = isinstance(error, TimedOut)
        end = self._child.end(0.0 if late else END_SECONDS)
        self._see_to(end.killed)
        if end.over:
            return Ended(end.over, memory=True)
        if late:
            return Ended("it did not answer, and was ended", timeout=True)
        return Ended("its process ended")

    def _see_to(self, killed: bool) -> None:
        """Raise Disturbed where a process was killed, if that has not been so before with this submission."""
        if killed and not self._host.second_try:
            raise Disturbed


def _job(
    host: Host, spec: LabSpec, cells: Sequence[CodeCell], left_out: Collection[int], hurry: float | None
) -> dict[str, Any]:
    return {
        "cells": [{"id": str(c.number), "source": c.source, "tags": list(c.tags)} for c in cells],
        "limits": asdict(host.limits),
        "hurry": hurry,
        "skip": {
            "demo": sorted(spec.spare.demo),
            "given": sorted(spec.spare.given),
            "ids": [str(number) for number in sorted(left_out)],
        },
        "grant": {"port": host.port, "folders": list(host.folders)},
        "in_step": True,
    }
