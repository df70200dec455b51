"""A submission's run: its process, the one that takes its place, and what all of them may still use.

To checks it is a transport (``utils.lab.lab.Transport``) and their surroundings.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from grader.errors import GraderError
from grader.grading.door import Tampered, rows_of
from grader.grading.fair_clock import Grant
from grader.grading.host import Host
from grader.grading.lab_spec import LabSpec
from grader.grading.notebook_process import CellRun, Ended, NotebookProcess
from grader.grading.remote_model import RemoteModel, RemoteSession
from grader.grading.workdir import make_folder, opened, sizes
from grader.jail.checkpoint_reader import MOST_BYTES
from grader.jail.frames import Closed, FrameError
from grader.results.result import Loss, LossKind
from grader.sandbox.jails import CannotStart, Disturbed, Jailed
from grader.submissions import CodeCell
from utils.lab.lab import CheckpointRow, Died, TookTooLong
from utils.replay.conversation import Scenario

REPLACEMENTS = 3
READER_SECONDS = 10.0
"""for all checkpoint files of a submission together; an honest one's take a twentieth of a second"""
END_SECONDS = 0.5
GRANTED = 2.0
"""times its seconds, that a submission may have on top while others have the processors"""
SLOW = 0.5
"""seconds; released cells take a fifth of that"""
TRIES = 3
"""to start a process, of which nothing of the submission can be in the way"""

T = TypeVar("T")


class SubmissionRun:
    """One submission's run, from its first cell to its last question."""

    def __init__(
        self,
        host: Host,
        spec: LabSpec,
        cells: Sequence[CodeCell],
        rng: random.Random,
        seconds: float,
        needed: Collection[int] = (),
        note: Callable[[str, Any], None] | None = None,
    ) -> None:
        """Prepare a run; no process is started yet.

        ``seconds`` are for all cells together, and as many for all answers; cells that are ``needed``, by
        their numbers, are not left out for being slow.
        """
        self._host = host
        self._spec = spec
        self._cells = tuple(cells)
        self._rng = rng
        self._cells_left = self._answers_left = seconds
        self._grant = Grant(GRANTED * seconds)
        self._hurry = seconds / 2
        """seconds that are left for the cells when the slow ones have been left out; 0 when they have been"""
        self._needed = frozenset(needed)
        self._note = note or (lambda kind, what: None)
        self._process: NotebookProcess | None = None
        self._started = 0
        self._left_out: set[int] = set()
        self._folder: tuple[str, int] | None = None
        self._reader: Jailed | None = None
        self._reader_left = READER_SECONDS
        self.cell_runs: tuple[CellRun, ...] = ()
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
        """Return the answer. Raises TookTooLong or Died when none came."""
        if question.get("op") == "end" and self._process is None:
            return {"value": None}
        process = self._running()
        frame = self._watched(process, lambda: process.ask(question, self._answers_left))
        self._note("asked", (question, frame))
        if frame.get("timeout"):
            msg = str(frame["timeout"])[:100]
            raise TookTooLong(msg)
        return dict(frame["answer"])

    def serve(self, scenario: Scenario) -> RemoteSession:
        """Open a fresh session of the recorded model."""
        return self._model().open(scenario, lambda requests: self._note("traffic", requests))

    def path(self, name: str) -> str:
        """Return a path in the folder of this check, as the jail spells it."""
        folder, _ = self._check_folder()
        return f"{self._running().path}/{folder}/{name}"

    def files(self) -> Mapping[str, int]:
        """Return names and sizes in bytes of the files in the folder of this check."""
        _, folder = self._check_folder()
        return sizes(folder)

    def checkpoints(self, name: str) -> tuple[CheckpointRow, ...] | None:
        """Return the rows of a checkpoint file, read in a jail of its own; ``None`` if it cannot be read."""
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
        if self._process is not None and not self.over:
            with contextlib.suppress(Died, TookTooLong):
                self.ask({"op": "end", "calls": []})

    def end(self) -> None:
        """End every process of this submission."""
        self.renew()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.end()
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _running(self) -> NotebookProcess:
        """Return a process with all cells run. Raises Died or TookTooLong when there can be none any more."""
        if self._process is not None and self._process.model.broken:
            self._drop()
        while self._process is None:
            if self.over:
                raise (
                    TookTooLong(self._why_over())
                    if self.over == "timeout"
                    else Died("crashed", self._why_over())
                )
            if self._started > REPLACEMENTS:
                self.over = "crashed"
                continue
            self._begin()
        return self._process

    def _begin(self) -> None:
        self._started += 1
        process = self._start()
        self._process, self.lacking = process, process.lacking
        runs: list[CellRun] = []
        slow: list[int] = []
        for number, cell in enumerate(self._cells):
            began = time.monotonic()
            try:
                runs.append(process.run_cell(number, self._cells_left))
            except Ended as ended:
                self._cells_left -= process.own(time.monotonic() - began)
                if self._cells_left <= 0 and ended.timeout:
                    self._hurry_up(cell, slow)
                else:
                    self._lose_cell(cell, ended)
                return
            except Tampered as error:
                self._tamper(error)
                return
            took = process.own(time.monotonic() - began)
            self._cells_left -= took
            if took > SLOW:
                slow.append(cell.number)
        if self._spec.spare.given and any(run.went_wrong for run in runs):
            # Perhaps it needs a cell that was left out, in a way that nobody can see.
            self._spec = replace(self._spec, spare=replace(self._spec.spare, given=frozenset()))
            self._started -= 1
            self._drop()
            return
        self.cell_runs = tuple(runs)
        with contextlib.suppress(Died, TookTooLong):
            self.twice = self._watched(process, lambda: process.finished(self._answers_left))

    def _start(self) -> NotebookProcess:
        hurry = None if self._hurry else SLOW
        return self._tried(
            lambda: NotebookProcess(self._host, self._spec, self._cells, self._left_out, self._grant, hurry)
        )

    def _tried(self, start: Callable[[], T]) -> T:
        """Return a started process. One that fails may do so because the machine is busy: it is tried again.

        Raises CannotStart.
        """
        for _ in range(TRIES - 1):
            with contextlib.suppress(GraderError):
                return start()
        try:
            return start()
        except GraderError as error:
            raise CannotStart(error) from error

    def _lose_cell(self, cell: CodeCell, ended: Ended) -> None:
        self._drop()
        self._left_out.add(cell.number)
        kind: LossKind = "memory" if ended.memory else "cell-timeout" if ended.timeout else "crashed"
        what, do = _LOST_CELL[kind]
        what = f"{what}; the others were run again without it."
        self.losses.append(Loss(kind, what, do, cell=cell.number, shown=str(ended)))

    def _hurry_up(self, cell: CodeCell, slow: Sequence[int]) -> None:
        """Have the cells run again without the slow ones; the second time there is no more of it."""
        self._drop()
        left_out = {*slow, cell.number} - self._needed
        if not self._hurry or not left_out:
            self.over = "timeout"
            what, do = "The time for all cells together was used up at this cell.", "Make slow cells shorter."
        else:
            self._left_out |= left_out
            what = "All cells together took too long; they were run again, faster and without the slow ones: "
            what += f"{', '.join(map(str, sorted(left_out)))}."
            do = "Make them shorter: a time.sleep, or work on many items, is not needed to hand in."
        self._cells_left, self._hurry = self._hurry, 0.0
        self.losses.append(Loss("cell-timeout", what, do, cell=cell.number))

    def extend(self, seconds: float) -> None:
        """Grant time for questions that do not count."""
        self._answers_left = max(self._answers_left, seconds)

    def _watched(self, process: NotebookProcess, step: Callable[[], T]) -> T:
        """Return what a step with the process gives; its end becomes what checks understand."""
        try:
            with self._timed(process):
                return step()
        except Ended as ended:
            self._drop()
            if self._answers_left <= 0:
                self.over = "timeout"
            if ended.timeout:
                raise TookTooLong(str(ended)) from ended
            raise Died("memory" if ended.memory else "crashed", str(ended)) from ended
        except Tampered as error:
            self._tamper(error)
            raise Died("crashed", str(error)) from error

    @contextlib.contextmanager
    def _timed(self, process: NotebookProcess) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._answers_left -= process.own(time.monotonic() - began)

    def _tamper(self, error: Tampered) -> None:
        self.tampered = str(error)
        self.over = "crashed"
        self._drop()

    def _drop(self) -> None:
        self.renew()
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _why_over(self) -> str:
        if self.tampered:
            return self.tampered
        if self.over == "timeout":
            return "the time of the whole submission was used up before"
        return "its process had to be started too often"

    def _model(self) -> RemoteModel:
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
        if self._reader_left <= 0:
            return None
        reader = self._reader = self._reader or self._tried(
            lambda: self._host.jails.start("grader.jail.checkpoint_reader")
        )
        began = time.monotonic()
        try:
            deadline = began + self._reader_left
            reader.channel.send({}, deadline, descriptors=descriptors)
            return rows_of(reader.channel.receive(deadline))
        except FrameError as error:  # a file that breaks what reads it is not a checkpoint file
            self._reader = None
            end = reader.end(END_SECONDS if isinstance(error, Closed) else 0.0)
            if end.killed and not self._host.second_try:
                raise Disturbed from error
            return None
        finally:
            self._reader_left -= time.monotonic() - began


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
