"""A submission at work: its process, the one that takes its place, and what all of them may still use.

To checks it is a transport (``utils.lab.lab.Transport``) and their surroundings.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from grader.grading.attempt import Attempt, CellRun, Ended, Tampered, Terms
from grader.grading.model_side import RecordedModel, RemoteSession
from grader.grading.workdir import make_folder, opened, sizes
from grader.jail.checkpoints import MOST_BYTES
from grader.jail.frames import FrameError
from grader.results.model import Loss, LossKind
from grader.submissions import CodeCell
from utils.lab.lab import CheckpointRow, Died, TookTooLong
from utils.replay.conversation import Scenario

REPLACEMENTS = 3
READER_SECONDS = 10.0

T = TypeVar("T")


class Work:
    """One submission's run, from its first cell to its last question."""

    def __init__(
        self,
        terms: Terms,
        cells: Sequence[CodeCell],
        rng: random.Random,
        seconds: float,
        note: Callable[[str, Any], None] | None = None,
    ) -> None:
        self._terms = terms
        self._cells = tuple(cells)
        self._rng = rng
        self._left = seconds
        self._note = note or (lambda kind, what: None)
        self._attempt: Attempt | None = None
        self._attempts = 0
        self._left_out: set[int] = set()
        self._folder: tuple[str, int] | None = None
        self.runs: tuple[CellRun, ...] = ()
        """how the cells ended, in the last attempt that ran them all"""
        self.twice: Mapping[str, Sequence[str]] = {}
        self.losses: list[Loss] = []
        self.lacking: tuple[str, ...] = ()
        self.tampered = ""
        """what came that should not have; empty if nothing did"""
        self.over = ""
        """why nothing more can be asked: ``timeout`` or ``crashed``; empty while it can"""

    # What checks use.

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer. Raises TookTooLong or Died when there is none."""
        if question.get("op") == "close" and self._attempt is None:
            return {"value": None}
        attempt = self._running()
        frame = self._watched(lambda: attempt.ask(question, self._left))
        self._note("asked", (question, frame))
        if frame.get("timeout"):
            msg = str(frame["timeout"])[:100]
            raise TookTooLong(msg)
        return dict(frame["answer"])

    def serve(self, scenario: Scenario) -> RemoteSession:
        """A fresh session of the recorded model."""
        return self._model().open(scenario, lambda requests: self._note("traffic", requests))

    def path(self, name: str) -> str:
        """A path in the folder of this check, as the jail spells it."""
        folder, _ = self._check_folder()
        return f"{self._running().path}/{folder}/{name}"

    def files(self) -> Mapping[str, int]:
        """Names and sizes of the files in the folder of this check."""
        _, folder = self._check_folder()
        return sizes(folder)

    def checkpoints(self, name: str) -> tuple[CheckpointRow, ...] | None:
        """Rows of a checkpoint file, read in a jail of its own; ``None`` if there is no readable one."""
        _, folder = self._check_folder()
        file = opened(folder, name, MOST_BYTES)
        if file is None:
            return None
        try:
            log = opened(folder, f"{name}-wal", MOST_BYTES)
            if log is None:
                log = os.memfd_create("no log", os.MFD_CLOEXEC)
            try:
                rows = self._read((file, log))
            finally:
                os.close(log)
        finally:
            os.close(file)
        return rows

    def renew(self) -> None:
        """Let the next check have a folder of its own."""
        if self._folder is not None:
            os.close(self._folder[1])
            self._folder = None

    # What the judge uses.

    def run_cells(self) -> None:
        """Run all cells; after one that ends the process, another process runs them without it."""
        with contextlib.suppress(Died, TookTooLong):
            self._running()

    def exhaust(self) -> None:
        """Ask once more, to see whether something was said that nobody asked for."""
        if self._attempt is not None and not self.over:
            with contextlib.suppress(Died, TookTooLong):
                self.ask({"op": "close", "target": {"all": True}})

    def end(self) -> None:
        """End every process of this submission."""
        self.renew()
        if self._attempt is not None:
            self._attempt.end()
            self._attempt = None

    def _running(self) -> Attempt:
        """A process with all cells run. Raises Died or TookTooLong when there can be none any more."""
        if self._attempt is not None and self._attempt.model.broken:
            self._drop()
        while self._attempt is None:
            if self.over:
                raise (
                    TookTooLong(self._why_over())
                    if self.over == "timeout"
                    else Died("crashed", self._why_over())
                )
            if self._attempts > REPLACEMENTS:
                self.over = "crashed"
                continue
            self._begin()
        return self._attempt

    def _begin(self) -> None:
        self._attempts += 1
        attempt = Attempt(self._terms, self._cells, self._left_out)
        self._attempt, self.lacking = attempt, attempt.lacking
        runs: list[CellRun] = []
        for number, cell in enumerate(self._cells):
            try:
                with self._timed():
                    runs.append(attempt.run_cell(number, self._left))
            except Ended as ended:
                self._lose_cell(cell, ended)
                return
            except Tampered as error:
                self._tamper(error)
                return
        self.runs = tuple(runs)
        with contextlib.suppress(Died, TookTooLong):
            self.twice = self._watched(lambda: attempt.finished(self._left))

    def _lose_cell(self, cell: CodeCell, ended: Ended) -> None:
        self._drop()
        self._left_out.add(cell.number)
        if self._left <= 0:
            self.over = "timeout"
        kind: LossKind = "memory" if ended.memory else "cell-timeout" if ended.timeout else "crashed"
        what, do = _LOST_CELL[kind]
        what = f"{what}; the others were run again without it."
        self.losses.append(Loss(kind, what, do, cell=cell.number, shown=str(ended)))

    def _watched(self, step: Callable[[], T]) -> T:
        """What a step with the process gives; its end becomes what checks understand."""
        try:
            with self._timed():
                return step()
        except Ended as ended:
            self._drop()
            if self._left <= 0:
                self.over = "timeout"
            if ended.timeout:
                raise TookTooLong(str(ended)) from ended
            raise Died("memory" if ended.memory else "crashed", str(ended)) from ended
        except Tampered as error:
            self._tamper(error)
            raise Died("crashed", str(error)) from error

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._left -= time.monotonic() - began

    def _tamper(self, error: Tampered) -> None:
        self.tampered = str(error)
        self.over = "crashed"
        self._drop()

    def _drop(self) -> None:
        self.renew()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.end()

    def _why_over(self) -> str:
        if self.tampered:
            return self.tampered
        if self.over == "timeout":
            return "the time of the whole submission was used up before"
        return "its process had to be started too often"

    def _model(self) -> RecordedModel:
        return self._running().model

    def _check_folder(self) -> tuple[str, int]:
        if self._folder is None:
            parent = self._running().workdir
            name = f"check-{self._rng.getrandbits(48):012x}"
            folder = make_folder(parent, name)
            if folder is None:
                msg = "no folder could be made for a check: the work folder is full, or full of files"
                raise Died("crashed", msg)
            self._folder = name, folder
        return self._folder

    def _read(self, descriptors: Sequence[int]) -> tuple[CheckpointRow, ...] | None:
        reader = self._terms.start("grader.jail.checkpoints")
        try:
            deadline = time.monotonic() + READER_SECONDS
            reader.channel.send({}, deadline, descriptors=descriptors)
            rows = reader.channel.receive(deadline)["rows"]
        except FrameError:  # a file that breaks what reads it is no checkpoint file
            return None
        finally:
            reader.end()
        return None if rows is None else tuple(CheckpointRow(*row) for row in rows)


_LOST_CELL: Mapping[LossKind, tuple[str, str]] = {
    "memory": (
        "This cell used up memory, files or processes that the rest needs",
        "Look for a list, a file or a number of processes that grows without end.",
    ),
    "cell-timeout": (
        "This cell could not be stopped when its time was over",
        "Look for a loop that never ends.",
    ),
    "crashed": (
        "This cell ended its own process",
        "Take out what ends it: os._exit, a signal, a crash in a C library.",
    ),
}
