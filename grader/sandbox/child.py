"""A process that runs something hostile, seen from outside: a socket to it, and the means to end it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from grader.jail.frames import Channel

END_SECONDS = 5.0
"""how long a killed process may take to be gone"""


@dataclass(slots=True)
class Child:
    """A started process. It is ended with everything it started, at the latest by ``end``."""

    channel: Channel
    process: subprocess.Popen[bytes]
    root: int
    """process id below which everything of it is found"""
    _pidfd: int | None = None
    """of the first process of its namespace, if it has one of its own"""
    _watch: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _after_end: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ending: bool = False

    def opened(self, first: int) -> None:
        """Remember the first process of its own namespace: with it everything in there ends."""
        with contextlib.suppress(ProcessLookupError):
            self._pidfd = os.pidfd_open(first)

    def while_alive(self, watching: contextlib.AbstractContextManager[None]) -> None:
        """Have something go on until just before the process is waited for."""
        self._watch.enter_context(watching)

    def after_end(self, step: Callable[[], None]) -> None:
        """Have something done once it is gone, such as giving back what it used."""
        self._after_end.append(step)

    def kill(self) -> None:
        """End it at once; it is still to be waited for by ``end``. May be called from any thread."""
        with self._lock:
            # Once it has been waited for, its numbers may be another's.
            if not self._ending:
                self._kill()

    def _kill(self) -> None:
        if self._pidfd is None:
            self._kill_group()
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def said(self) -> str:
        """What came on its stderr before anything of a submission ran, cut; empty if nothing did."""
        if self.process.stderr is None or self.process.stderr.closed:
            return ""
        os.set_blocking(self.process.stderr.fileno(), False)
        return (self.process.stderr.read(4_000) or b"").decode("utf-8", "replace").strip()

    def end(self) -> None:
        """End it and wait until nothing of it is left; a second call does nothing."""
        self._watch.close()
        with self._lock:
            if self._ending:
                return
            self._kill()
            self._ending = True
        self.channel.close()
        try:
            # Who started the namespace sees its end, and takes its first process off the system's list.
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill_group()
            self.process.wait(END_SECONDS)
        if self._pidfd is not None:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            poll.poll(END_SECONDS * 1000)
            os.close(self._pidfd)
            self._pidfd = None
        if self.process.stderr is not None:
            self.process.stderr.close()
        while self._after_end:
            self._after_end.pop()()


class Guard(Protocol):
    """Who looks after a process, from another thread."""

    def look(self) -> str:
        """What it uses too much of that the watch does not see; empty if nothing."""
        ...

    def went_over(self, what: str) -> None:
        """Take note that it uses more than it may, and is killed for it."""
        ...


class Start(Protocol):
    """What starts a Python module of ``grader.jail`` with a socket to it."""

    def __call__(self, module: str, *, guard: Guard | None = None) -> Child:
        """The started process; its one argument is the descriptor of its end of the socket.

        Raises GraderError when it does not start.
        """
        ...
