"""What a submission may use: limits that the system keeps, and alarms that stop one cell.

The hard limit of wall time is not here: code that ignores an alarm, or swallows what it raises, is ended
by the process that started this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from grader.jail.schedule import kept_waiting

CPU_SECONDS = 2.0
LONGEST = 3.0
"""times its wall seconds, that work may take in all on a machine where others have the processors"""
WALL_SECONDS = 8.0
"""as long as a question may take in the notebook's own self-check"""
_MIB = 2**20
_ASYNCIO = str(Path(asyncio.__file__).parent)
_NAMES = {
    "address_space": "RLIMIT_AS",
    "data": "RLIMIT_DATA",
    "processes": "RLIMIT_NPROC",
    "file_size": "RLIMIT_FSIZE",
    "open_files": "RLIMIT_NOFILE",
    "core": "RLIMIT_CORE",
    "cpu": "RLIMIT_CPU",
}


Handler = Callable[[int, FrameType | None], None]


class TimeLimit(BaseException):
    """Raised in a cell that took too long; ``except Exception`` does not catch it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use; ``None`` leaves a limit as it is."""

    address_space: int | None = None
    """bytes of address space; far more than is ever used by a process with many threads"""
    data: int | None = 1024 * _MIB
    """bytes of memory of its own"""
    processes: int | None = None
    """processes and threads of this user; to be set in a user namespace, or it counts everything else"""
    file_size: int | None = 64 * _MIB
    """bytes of one file, what subprocesses print included"""
    open_files: int | None = 256
    core: int | None = 0
    """bytes of a memory dump"""
    cpu: int | None = None
    """seconds of processor time of the whole process, after which the system ends it"""
    cell_cpu: float | None = CPU_SECONDS
    """seconds of processor time of one cell or question, all its threads together"""
    cell_wall: float | None = WALL_SECONDS
    """seconds that one cell or question may take, waiting included"""

    @classmethod
    def read(cls, data: dict[str, Any]) -> Limits:
        """Return limits from a job's plain data. Raises ValueError on a wrong name or a wrong value."""
        for name, value in data.items():
            if name not in cls.__dataclass_fields__:
                msg = f"there is no limit {name!r}"
                raise ValueError(msg)
            whole = name in _NAMES
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                msg = f"the limit {name} is not a number: {value!r}"
                raise ValueError(msg)
            if value is not None and ((whole and value != int(value)) or value < 0):
                msg = f"the limit {name} cannot be {value!r}"
                raise ValueError(msg)
        return cls(**data)


def apply(limits: Limits) -> tuple[str, ...]:
    """Set the limits that the system keeps; the names of those it could not set.

    A limit below the wanted one that is in force already stays.
    """
    lacking = []
    for name, value in asdict(limits).items():
        if name not in _NAMES or value is None:
            continue
        kind = getattr(resource, _NAMES[name], None)
        if kind is None:
            lacking.append(name)
            continue
        _, hard = resource.getrlimit(kind)
        wanted = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        try:
            resource.setrlimit(kind, (wanted, wanted))
        except (OSError, ValueError):
            lacking.append(name)
    if not hasattr(signal, "setitimer"):
        lacking += ["cell_cpu", "cell_wall"]
    return tuple(lacking)


class Alarm:
    """Stops what runs in the main thread; raised again for as long as the code does not give in."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Future[Any] | None = None
        self._owner: asyncio.Task[Any] | None = None
        self._on = False
        self.rang = ""
        """why the last work was stopped; empty if it was not"""

    def watch(self, task: asyncio.Future[Any]) -> None:
        """Name the task that is cancelled when the alarm rings while everything waits."""
        self._task = task

    @contextlib.contextmanager
    def set(self, cpu: float | None, wall: float | None) -> Iterator[None]:
        """Have the work inside stopped after these seconds."""
        clocks = []
        if hasattr(signal, "setitimer"):
            clocks = [
                (signal.SIGPROF, signal.ITIMER_PROF, cpu, "seconds of processor time"),
                (signal.SIGALRM, signal.ITIMER_REAL, wall, "seconds"),
            ]
        self.rang, self._task, self._on = "", None, True
        self._owner = asyncio.current_task(self._loop)
        before = [signal.getsignal(number) for number, *_ in clocks]
        try:
            for number, timer, seconds, what in clocks:
                if seconds:
                    # Set again each time: a cell may have changed the handler.
                    ring = self._ring(f"more than {seconds:g} {what}")
                    signal.signal(number, _of_its_own(seconds, ring) if number == signal.SIGALRM else ring)
                    signal.setitimer(timer, seconds, seconds)
            yield
        finally:
            self._on = False
            for (number, timer, seconds, _), handler in zip(clocks, before, strict=True):
                if seconds:
                    signal.setitimer(timer, 0)
                    signal.signal(number, handler or signal.SIG_DFL)

    def _ring(self, why: str) -> Handler:
        def ring(_: int, frame: FrameType | None) -> None:
            if not self._on:
                return
            self.rang = why
            if self._in_work(frame):
                raise TimeLimit(why)
            if self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel, why)

        return ring

    def _in_work(self, frame: FrameType | None) -> bool:
        """Return whether an exception would end up in the submission's code.

        Within the loop's own steps it would lose one of them: a task would never be woken again.
        """
        if self._task is not None and asyncio.current_task(self._loop) is self._owner:
            return False  # only waiting for that task
        beyond = False
        while frame is not None:
            code = frame.f_code
            if code is asyncio.Handle._run.__code__:
                return beyond
            if code.co_name == "_run_once" and code.co_filename == asyncio.base_events.__file__:
                return False
            beyond = beyond or not code.co_filename.startswith(_ASYNCIO)
            frame = frame.f_back
        return False


def _of_its_own(seconds: float, ring: Handler) -> Handler:
    """Return what rings after wall seconds in which this process ran, or could have run had it wanted to."""
    began, waited = time.monotonic(), kept_waiting()

    def late(number: int, frame: FrameType | None) -> None:
        others = min(kept_waiting() - waited, (LONGEST - 1) * seconds)
        left = began + seconds + others - time.monotonic()
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, left, seconds)
        else:
            ring(number, frame)

    return late
