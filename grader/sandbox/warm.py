"""Jailed processes that are forked from warm ones, in which everything is imported already.

Two processes are kept, each in a jail of bubblewrap's: one with the whole stack for the notebooks, a light
one for recorded models and readers of checkpoint files (see ``grader.jail.zygote``). A warm process that is
gone is started again a few times; where none can be had, each process starts cold, and a note says so.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.jail.frames import Channel, FrameError
from grader.jail.namespaces import Walls
from grader.jail.zygote import MODEL, READER, RUNNER
from grader.sandbox.bubblewrap import WRITABLE, Bubblewrap
from grader.sandbox.child import Child, buried, is_over, said_by

STACK, LIGHT = "stack", "light"
KINDS: Mapping[str, str] = {RUNNER: STACK, MODEL: LIGHT, READER: LIGHT}
"""which warm process forks a module"""
WARM_SECONDS = 120.0
"""for imports and warming up, on a machine that is busy"""
FORK_SECONDS = 30.0
RESTARTS = 3
NOBODY = 2**22 + 1
"""more than any process id of Linux"""


class Gone(Exception):
    """A warm process answers no more."""


class CannotFork(Exception):
    """A warm process says that something did not work."""


@dataclass(eq=False)
class WarmProcess:
    """One warm process, seen from outside. Its methods may be called from any thread."""

    process: subprocess.Popen[bytes]
    channel: Channel
    lock: threading.Lock
    handle: int

    def ask(
        self, message: Mapping[str, Any], descriptors: Sequence[int] = (), seconds: float = FORK_SECONDS
    ) -> tuple[dict[str, Any], tuple[int, ...]]:
        """Return its answer. Raises Gone or CannotFork."""
        with self.lock:
            deadline = time.monotonic() + seconds
            try:
                self.channel.send(message, deadline, descriptors=descriptors)
                answer, given = self.channel.receive_with(1, deadline)
            except FrameError as error:
                raise Gone(f"a warm process ended or hangs: {error} {said_by(self.process)}") from error
        if "fault" in answer:
            raise CannotFork(str(answer["fault"]))
        return answer, given

    def end(self) -> None:
        """End it, and with it all that it forked."""
        self.process.kill()
        with self.lock:
            self.channel.close()
            buried(self.process)
            os.close(self.handle)


class WarmStart:
    """Starts modules of ``grader.jail`` by forking warm processes, and cold where that does not work."""

    def __init__(
        self, cold: Bubblewrap, note: Callable[[str], None], lost: Callable[[], None] = lambda: None
    ) -> None:
        """Start the warm processes.

        ``note`` is told, in a sentence, where they do not work; ``lost`` is called when one is gone, and
        ``renew`` is to be called then. The calling thread has to live for as long as they: they end with it.
        """
        self._cold = cold
        self._note = note
        self._lost = lost
        self._restarts = RESTARTS
        self._warm: dict[str, WarmProcess] = {}
        self.renew()

    def renew(self) -> None:
        """Start what is missing of the warm processes, in the thread in which this was made."""
        missing = [kind for kind in (LIGHT, STACK) if not self._alive(kind)]
        if not missing or self._restarts < 0:
            return
        self._restarts -= 1
        begun: dict[str, WarmProcess] = {}
        try:
            for kind in missing:
                begun[kind] = self._begun(kind)
            for kind in missing:
                self._become_ready(kind, begun[kind])
                self._warm[kind] = begun.pop(kind)
        except (GraderError, Gone, CannotFork) as error:
            self._restarts = -1
            self._note(f"the warm start does not work on this machine, so every process starts cold: {error}")
        finally:
            for process in begun.values():
                process.end()

    def _alive(self, kind: str) -> bool:
        warm = self._warm.get(kind)
        if warm is not None and is_over(warm.handle, 0):
            del self._warm[kind]
            warm.end()
            return False
        return warm is not None

    def __call__(self, module: str, theirs: int) -> Child:
        """Return the started process (see ``Start``)."""
        warm = self._warm.get(KINDS.get(module, STACK))
        if warm is not None:
            try:
                return self._forked(warm, module, theirs)
            except Gone:
                self._lost()
            except CannotFork as error:
                self._note(f"a process could not be forked from a warm one, so it started cold: {error}")
        return self._cold(module, theirs)

    def end(self) -> None:
        """End the warm processes, and all that they forked."""
        for warm in self._warm.values():
            warm.end()
        self._warm.clear()

    def _forked(self, warm: WarmProcess, module: str, theirs: int) -> Child:
        users = self._cold.users
        uid = users.take() if self._cold.as_root else None
        walls = Walls(WRITABLE, self._cold.filter or b"", uid)
        try:
            first = KINDS.get(module) == LIGHT
            answer, given = warm.ask({"fork": module, "first": first, "walls": walls.plain()}, (theirs,))
        except BaseException:
            if uid is not None:
                users.give_back(uid)
            raise
        (handle,) = given
        child = Child(_number(handle), handle, lambda: _status(warm, answer["pid"]))
        if uid is not None:
            child.after_end(lambda: users.give_back(uid))
        self._cold.watched(child)
        return child

    def _begun(self, kind: str) -> WarmProcess:
        ours, theirs = socket.socketpair()
        rights = ("--cap-add", "ALL") if self._cold.as_root else ()
        options = [*self._cold.arguments(writable_proc=True), *rights]
        with theirs:
            words = [str(theirs.fileno()), kind]
            process = self._cold.started(options, "grader.jail.zygote", words, [theirs.fileno()])
        return WarmProcess(process, Channel(ours), threading.Lock(), os.pidfd_open(process.pid))

    def _become_ready(self, kind: str, warm: WarmProcess) -> None:
        """Wait until a process is warm; the one with the stack gets a recorded model to warm up with."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if kind == LIGHT:
                warm.ask({"root": self._cold.as_root}, seconds=WARM_SECONDS)
                return
            model = self._forked(self._warm[LIGHT], MODEL, theirs.fileno())
            try:
                warm.ask({"root": self._cold.as_root}, (ours.fileno(),), WARM_SECONDS)
            finally:
                model.end()


def _number(handle: int) -> int:
    """Return the process id behind a handle; a number that nobody can have when it is gone already."""
    text = Path(f"/proc/self/fdinfo/{handle}").read_text("ascii")
    number = int(text.partition("Pid:")[2].split(maxsplit=1)[0])
    return number if number > 0 else NOBODY


def _status(warm: WarmProcess, pid: int) -> int:
    """Return a forked process's exit code, negative for a signal; that of SIGKILL when nobody can tell."""
    try:
        answer, _ = warm.ask({"ended": pid})
    except (Gone, CannotFork):
        return -signal.SIGKILL
    return os.waitstatus_to_exitcode(int(answer["status"]))
