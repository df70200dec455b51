"""One process with the cells of a submission in it, and the recorded model beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grader.errors import GraderError
from grader.grading.model_side import RecordedModel
from grader.jail.frames import Closed, FrameError, TimedOut
from grader.jail.limits import Limits
from grader.sandbox.child import Child, Start
from grader.sandbox.leftovers import too_many_files
from grader.submissions import CodeCell
from utils.modes import RECORDED
from utils.providers import Provider, settings
from utils.replay.conversation import Scenario

START_SECONDS = 60.0
"""for a process and its imports on a machine that is busy; nothing of a submission runs meanwhile"""
GRACE_SECONDS = 1.0
"""after a limit that the process itself should have kept"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every attempt at a submission is given."""

    start: Start
    provider: Provider
    scenario: Scenario
    """what the notebook itself may ask; checks bring their own"""
    limits: Limits
    demo: frozenset[str] = frozenset()
    """hashes of released demonstrations, which are not run unless something needs them"""
    leaves: Callable[[Child, Sequence[int]], str] | None = None
    """looks at a process, and descriptors of its folders, after each cell, and says what it has nearly used
    up for the cells and questions that follow; empty if nothing"""
    port: int = 0
    """where the recorded model is to be found in there; 0 for any"""
    lacking: tuple[str, ...] = ()
    """layers of the jail that this machine does not have"""
    folders: tuple[str, ...] = (".",)
    """where something can be written, as the process spells it; the work folder comes first"""


@dataclass(frozen=True, slots=True)
class CellRun:
    """How one cell ended, as its process says: a claim, worth no points."""

    cell: CodeCell
    status: str
    """``ok``, ``error``, ``timeout`` or ``skipped``"""
    why: str
    error: str
    """name and text of the error; empty if there was none"""


class Ended(Exception):
    """The process is gone, or was ended because it did not answer in time."""

    def __init__(self, what: str, *, timeout: bool = False, memory: bool = False) -> None:
        super().__init__(what)
        self.timeout = timeout
        self.memory = memory


class Tampered(Exception):
    """What came is nothing that the process would say by itself."""


class Attempt:
    """A process that was given a submission's cells. After Ended or Tampered it is good for nothing."""

    def __init__(
        self,
        terms: Terms,
        cells: Sequence[CodeCell],
        left_out: Collection[int],
        hurry: float | None = None,
    ) -> None:
        """Start it; nothing of the submission has run yet. Raises GraderError when it cannot be started.

        ``hurry`` is how many seconds a cell may take, where that is less than usual.
        """
        self._cells = cells
        self._limits = terms.limits
        self._leaves = terms.leaves
        self._over: str = ""
        self._folders: tuple[int, ...] = ()
        self._number = 0
        deadline = time.monotonic() + START_SECONDS
        self._child = terms.start("grader.jail.runner", guard=self)
        try:
            beside = terms.start("grader.jail.model")
        except BaseException:
            self._child.end()
            raise
        try:
            granted = _granted(self._child, beside, _job(terms, cells, left_out, hurry), deadline)
            self._folders, self.path, self.model = granted
            try:
                self.session = self.model.open(terms.scenario)
                here = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
                told = {**RECORDED, **here, **settings(terms.provider, self.session.url)}
                self._child.channel.send({"env": told}, deadline)
                self.lacking = tuple(map(str, self._child.channel.receive(deadline)["lacking"]))
            except BaseException:
                self._close_folders()
                raise
        except (FrameError, KeyError, ValueError) as error:
            said = " ".join(filter(None, (child.said()[-500:] for child in (self._child, beside))))
            self._child.end()
            beside.end()
            msg = f"a process for a submission did not start: {error} {said}".strip()
            raise GraderError(msg, hint="python -m grader doctor says what this machine lacks") from error
        except BaseException:
            self._child.end()
            beside.end()
            raise

    def look(self) -> str:
        """What the process uses too much of that the watch does not see; asked from another thread."""
        return too_many_files(self._folders)

    def went_over(self, what: str) -> None:
        """Take note, from another thread, that the process is ended for what it uses."""
        self._over = what

    def run_cell(self, number: int, seconds: float) -> CellRun:
        """How the next cell ended, ``number`` counting from 0. Raises Ended or Tampered."""
        frame = self._receive(min(seconds, self._most()))
        cell = self._cells[number]
        match frame:
            case {
                "kind": "cell",
                "number": n,
                "id": id,
                "status": str(status),
                "why": str(why),
                "error": error,
            }:
                if n == number and id == str(cell.number):
                    self._look_what_is_left()
                    return CellRun(cell, status, why, _named(error))
        msg = "something came that no cell says"
        raise Tampered(msg)

    def _look_what_is_left(self) -> None:
        if self._leaves is not None and (gone := self._leaves(self._child, self._folders)):
            raise Ended(gone, memory=True)

    def finished(self, seconds: float) -> Mapping[str, Sequence[str]]:
        """Names that several cells define, with the cells' numbers. Raises Ended or Tampered."""
        match self._receive(seconds):
            case {"kind": "finished", "twice": dict(twice)}:
                if all(isinstance(cells, list) for cells in twice.values()):
                    return {str(name): [str(cell) for cell in cells] for name, cells in twice.items()}
        msg = "something came that no run says at its end"
        raise Tampered(msg)

    def ask(self, question: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """The answer's frame. Raises Ended or Tampered."""
        # Nobody can have an answer ready to a number that did not exist before.
        self._number = int.from_bytes(os.urandom(6), "big")
        seconds = min(seconds, self._most())
        try:
            self._child.channel.send({**question, "number": self._number}, time.monotonic() + seconds)
        except FrameError as error:
            raise self._ended(error) from error
        frame = self._receive(seconds)
        match frame:
            case {"kind": "answer", "number": self._number, "answer": dict()}:
                return frame
        msg = "an answer came to what nobody asked"
        raise Tampered(msg)

    def end(self) -> None:
        """End both processes and wait until nothing of them is left; a second call does nothing."""
        self._child.end()
        self.model.end()
        self._close_folders()

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
            return self._child.channel.receive(time.monotonic() + seconds)
        except (TimedOut, Closed) as error:
            raise self._ended(error) from error
        except FrameError as error:
            msg = f"something came that is no answer at all: {error}"
            raise Tampered(msg) from error

    def _ended(self, error: FrameError) -> Ended:
        if self._over:
            return Ended(self._over, memory=True)
        if isinstance(error, TimedOut):
            return Ended("it did not answer, and was ended", timeout=True)
        return Ended("its process ended")


def _job(
    terms: Terms, cells: Sequence[CodeCell], left_out: Collection[int], hurry: float | None
) -> dict[str, Any]:
    return {
        "cells": [{"id": str(c.number), "source": c.source, "tags": list(c.tags)} for c in cells],
        "limits": asdict(terms.limits),
        "hurry": hurry,
        "skip": {"demo": sorted(terms.demo), "ids": [str(number) for number in sorted(left_out)]},
        "grant": {"port": terms.port, "folders": list(terms.folders)},
    }


def _granted(
    child: Child, beside: Child, job: Mapping[str, Any], deadline: float
) -> tuple[tuple[int, ...], str, RecordedModel]:
    """Descriptors of its folders, the path of the first one, and the recorded model that serves the socket
    on which the child listens.
    """
    child.channel.send(job, deadline)
    told, (listener, *folders) = child.channel.receive_granted(1 + len(job["grant"]["folders"]), deadline)
    try:
        path = str(told["folders"][0])
    except BaseException:
        for descriptor in (listener, *folders):
            os.close(descriptor)
        raise
    try:
        return tuple(folders), path, RecordedModel(beside, listener, deadline)
    except BaseException:
        for descriptor in folders:
            os.close(descriptor)
        raise


def _named(error: Any) -> str:
    match error:
        case {"ename": str(name), "evalue": str(value)}:
            return f"{name}: {value}"[:500]
    return ""
