"""How much memory a jail uses, seen from outside, and the end of one that uses too much.

A limit that the system keeps is one of each process, and a jail may have many: where there is no cgroup to
be had, their sum is nobody's business but ours. One thread looks after all jails of a grading run.

Looking is done in two steps. The sum of what each process has in memory counts a page twice that two
processes share, as every fork does with its parent's: it is cheap, and an upper bound. Only when it is over
the limit is each page divided by the number of processes that have it, which takes a walk through their
page tables; that is done for at most a tenth of the time.

Not seen is what is in no process's page tables. Files of a tmpfs have its size as their bound; the seccomp
filter refuses ``memfd_create`` and System V's shared memory. What is left is an anonymous shared mapping that
was written to and then dropped by ``madvise``: RLIMIT_AS bounds it, for each process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grader.errors import GraderError
from grader.jail import schedule

SECONDS = 0.05
"""between two looks; what a program can take in that time may be used beyond the limit"""
MOST_WAITING = 256
"""tasks that are asked how long they waited; a jail may have no more"""
REST = 9
"""times as long as an exact look took, until the next one at the same jail"""
_KIB = 1024
_CHEAP = (b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:")
"""page tables, too: reading from a terabyte that was never written to fills nothing else"""
_EXACT = (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Use:
    """What a jail uses, bubblewrap's own two processes included."""

    memory: int
    """bytes; shared pages are counted once if ``exact``, once for each process if not"""
    tasks: int
    """processes and threads, as RLIMIT_NPROC counts them"""
    descriptors: int = 0
    """open in all processes together: what is behind them may hold the kernel's own memory"""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a jail may use."""

    memory: int
    """bytes"""
    tasks: int = 256
    """processes and threads together"""
    descriptors: int = 3_000

    def broken_by(self, use: Use) -> str:
        """Return what there is too much of: ``memory``, ``tasks`` or ``descriptors``; empty if of nothing."""
        if use.tasks > self.tasks:
            return "tasks"
        if use.descriptors > self.descriptors:
            return "descriptors"
        return "memory" if use.memory > self.memory else ""


@dataclass(frozen=True, slots=True)
class Over:
    """A jail that uses more than it may."""

    what: str
    """``memory``, ``tasks``, ``descriptors``, or what the caller's own look found"""
    use: Use


@dataclass(slots=True, eq=False)
class _Jail:
    """A process that is watched, and everything below it."""

    pid: int
    handle: int
    """its folder in /proc: nothing can be read there once it is gone, even if its number is used again"""
    bounds: Bounds
    tell: Callable[[Over], None]
    look: Callable[[], str] | None = None
    exact_after: float = field(default=0.0)
    """when an exact look may be taken again"""


class MemoryWatch:
    """Looks at all jails of a grading run again and again, in a thread of its own."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._jails: list[_Jail] = []
        self._seen: _Jail | None = None
        """whom the thread looks at right now"""
        # Reentrant: who is told may stop watching at once.
        self._changed = threading.Condition(threading.RLock())
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="memory watch", daemon=True)

    def __enter__(self) -> MemoryWatch:
        if why := lacking():
            msg = f"The memory of jailed processes cannot be watched: {why}"
            raise GraderError(msg, hint="grade on Linux with /proc mounted, as in any usual container")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    @contextlib.contextmanager
    def over(
        self,
        pid: int,
        bounds: Bounds,
        tell: Callable[[Over], None],
        look: Callable[[], str] | None = None,
    ) -> Iterator[None]:
        """Tell, once and in the watch's thread, if a process and all below it use too much meanwhile.

        ``look``, where given, is asked each time as well and says what else there is too much of.

        Nothing is told once this is left: leave it before the process is reaped, and ``tell`` may kill by
        number. It holds up every other jail's turn, so it should do no more than that.
        """
        try:
            handle = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield  # ended already, and uses nothing
            return
        jail = _Jail(pid, handle, bounds, tell, look)
        with self._changed:
            self._jails.append(jail)
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._forget(jail)
                if self._seen is not jail:
                    os.close(handle)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._ended:
                    self._changed.wait(self._seconds if self._jails else None)
                if self._ended:
                    return
                jails = list(self._jails)
            for jail in jails:
                self._turn(jail)

    def _turn(self, jail: _Jail) -> None:
        """Look at one jail. Nobody else has to wait for it: what was left meanwhile is told nothing."""
        with self._changed:
            if jail not in self._jails:
                return
            self._seen = jail
        over, gone = None, False
        try:
            over = _over(jail)
        except ProcessLookupError:  # its end is for others to see
            gone = True
        with self._changed:
            self._seen = None
            if jail not in self._jails:
                os.close(jail.handle)
            elif over is not None:
                self._jails.remove(jail)
                _tell(jail, over)
            elif gone:
                self._jails.remove(jail)

    def _forget(self, jail: _Jail) -> None:
        if jail in self._jails:
            self._jails.remove(jail)


def _tell(jail: _Jail, over: Over) -> None:
    try:
        jail.tell(over)
    except Exception:
        # The other jails go on being watched; the wall clock still ends this one.
        _log.exception("A jail with too much %s could not be ended", over.what)


def lacking() -> str:
    """Return what this system lacks of what a watch needs; empty if it has all."""
    here = Path("/proc/thread-self")
    needed = {
        here / "children": "the kernel does not list children",
        Path("/proc/self/smaps_rollup"): "the kernel does not sum up maps",
    }
    if not here.exists():
        return "there is no /proc of Linux"
    return next((why for path, why in needed.items() if not path.exists()), "")


def use(pid: int, *, exact: bool = False, most: int | None = None) -> Use:
    """Return what a process and all below it use now.

    Beyond ``most`` tasks nothing more is counted. A process whose exact figures may not be read, because
    it hides, or has become somebody else's, counts in full.

    Processes whose parents ended belong to the first process of their pid namespace, so they stay below
    the bubblewrap that made it.
    """
    found, tasks = _tree(pid, most)
    memory = sum(_exact(each) if exact else _cheap(each) for each in found)
    return Use(memory, max(tasks, len(found)), sum(map(_descriptors, found)), exact)


def tree(pid: int) -> list[int]:
    """Return the numbers of a process and of all below it."""
    return _tree(pid, None)[0]


def kept_waiting(pid: int, most: int = MOST_WAITING) -> float:
    """Return for how many seconds, since it began, a process below this one waited for a processor.

    The one that waited longest counts; beyond ``most`` tasks nothing more is looked at.
    """
    return max(map(schedule.kept_waiting, _tree(pid, most)[0]), default=0.0)


def _tree(pid: int, most: int | None) -> tuple[list[int], int]:
    """Return the processes, and how many tasks they have; beyond ``most`` nothing more is looked at."""
    found, seen, tasks = [pid], {pid}, 0
    for each in found:
        threads = _threads(each)
        tasks += len(threads)
        if most is not None and max(tasks, len(found)) > most:
            break
        for thread in threads:  # a child is listed with the thread that made it
            for child in map(int, _read(f"/proc/{each}/task/{thread}/children").split()):
                # Listed twice when its parent ended between two looks.
                if child not in seen:
                    seen.add(child)
                    found.append(child)
    return found, tasks


def _over(jail: _Jail) -> Over | None:
    """Return which bound the jail is over, or ``None``. Raises ProcessLookupError if the process is gone."""
    os.close(os.open("status", os.O_RDONLY | os.O_CLOEXEC, dir_fd=jail.handle))
    now = use(jail.pid, most=jail.bounds.tasks)
    what = jail.bounds.broken_by(now) or (jail.look() if jail.look is not None else "")
    if what != "memory":
        return Over(what, now) if what else None
    began = time.monotonic()
    if began < jail.exact_after:
        return None
    now = use(jail.pid, exact=True, most=jail.bounds.tasks)
    ended = time.monotonic()
    jail.exact_after = ended + REST * (ended - began)
    what = jail.bounds.broken_by(now)
    return Over(what, now) if what else None


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names, thousands of times
    except OSError:
        return []  # gone


def _descriptors(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return 0  # gone, or not to be looked at


def _cheap(pid: int) -> int:
    return _sum(_read(f"/proc/{pid}/status"), _CHEAP)


def _exact(pid: int) -> int:
    told = _read(f"/proc/{pid}/smaps_rollup")
    status = _read(f"/proc/{pid}/status")
    if b"Pss_Anon:" not in told:
        return _sum(status, _CHEAP)
    return _sum(told, _EXACT) + _sum(status, (b"VmPTE:",))


def _sum(text: bytes, names: tuple[bytes, ...]) -> int:
    """Return the bytes in the lines that begin with these names; all of them are given in KiB."""
    kib = 0
    for name in names:
        _, found, rest = text.partition(b"\n" + name)
        if found:
            kib += int(rest.split(None, 1)[0])
    return kib * _KIB


def _read(path: str) -> bytes:
    """Return a file of /proc; empty if its process is gone or may not be looked at."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(file, 65536):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(file)
