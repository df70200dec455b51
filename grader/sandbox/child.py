"""A process that runs something hostile, as the jailer has it: the means to end it, and how it ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

END_SECONDS = 5.0
"""how long a killed process may take to be gone"""
OVER = "than a submission may have"
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""exit codes of what was killed, as a parent has it, and as the first process of a namespace passes it on"""


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended."""

    over: str = ""
    """what it used too much of, and was ended for; empty if that was not the reason"""
    killed: bool = False
    """whether somebody else killed it, or it killed itself: from outside these look the same"""
    said: str = ""
    """what came on its stderr before anything of a submission ran, cut"""


@dataclass(slots=True)
class Child:
    """A started process. It is ended with everything it started, at the latest by ``end``."""

    root: int
    """process id below which everything of it is found"""
    handle: int
    """descriptor of the process with which everything in there ends; it is closed by ``end``"""
    wait: Callable[[], int]
    """takes it off the system's list once it is gone, and returns its exit code"""
    stop: Callable[[], None] | None = None
    """kills it, where killing the process of ``handle`` is not enough"""
    said: Callable[[], str] = lambda: ""
    ran_out: Callable[[], bool] = lambda: False
    """tells whether the kernel has killed it, or something of it, for its memory"""
    folders: tuple[int, ...] = ()
    """descriptors of what it can write to; they are closed by ``end``"""
    _over: str = ""
    _watch: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _after_end: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ending: bool = False

    def while_alive(self, watching: contextlib.AbstractContextManager[None]) -> None:
        """Have something go on until just before the process is waited for."""
        self._watch.enter_context(watching)

    def after_end(self, step: Callable[[], None]) -> None:
        """Have something done once it is gone, such as giving back what it used."""
        self._after_end.append(step)

    def went_over(self, what: str) -> None:
        """End it for what it uses too much of. May be called from any thread."""
        self._over = what
        self.kill()

    def kill(self) -> None:
        """End it at once; it is still to be waited for by ``end``. May be called from any thread."""
        with self._lock:
            # Once it has been waited for, its numbers may be another's.
            if not self._ending:
                self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.stop is not None:
                self.stop()
            else:
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def end(self, patience: float = 0.0) -> End:
        """End it, wait until nothing of it is left, and return how it ended.

        ``patience`` is how many seconds it has to end by itself.
        """
        by_itself = is_over(self.handle, patience)
        self._watch.close()
        with self._lock:
            self._ending = True
            self._kill()
        is_over(self.handle, END_SECONDS)
        said = self.said()
        if not self._over and self.ran_out():
            self._over = f"more memory {OVER}"
        code = self.wait()
        for descriptor in (self.handle, *self.folders):
            os.close(descriptor)
        while self._after_end:
            self._after_end.pop()()
        return End(self._over, by_itself and not self._over and code in KILLED, said)


def is_over(handle: int, seconds: float) -> bool:
    """Return whether a process is gone, after waiting up to so many seconds for it."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def started(
    words: Sequence[str], passed: Sequence[int], *, environment: dict[str, str] | None = None, cwd: str = "/"
) -> subprocess.Popen[bytes]:
    """Return a program that was started with these descriptors, and with a pipe for its stderr."""
    return subprocess.Popen(
        words,
        pass_fds=passed,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=environment or {},
    )


def said_by(process: subprocess.Popen[bytes]) -> str:
    """Return what came on a process's stderr so far, cut; empty if nothing did."""
    if process.stderr is None or process.stderr.closed:
        return ""
    os.set_blocking(process.stderr.fileno(), False)
    return (process.stderr.read(4_000) or b"").decode("utf-8", "replace").strip()


def buried(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process that is being killed, and return its exit code."""
    try:
        code = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait(END_SECONDS)
    if process.stderr is not None:
        process.stderr.close()
    return code
