"""What a judge asks of the jailer: processes behind walls, and what became of them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.jail.frames import Channel, FrameError
from grader.sandbox.child import End, buried, said_by
from grader.sandbox.scratch import scratch_folder

HOME = Path(__file__).resolve().parents[2]


class Interruption(BaseException):
    """What ends the judging of a submission half-way. It says nothing of the submission's work.

    Not an Exception: checks make results of those.
    """


class JailerGone(Interruption):
    """The jailer answers no more: no process can be started, and those that ran are ended."""


class Disturbed(Interruption):
    """A process was killed, and not for what it used: perhaps by itself, perhaps by somebody outside."""


class CannotStart(Interruption):
    """No process can be started on this machine, tried several times."""

    def __init__(self, error: GraderError) -> None:
        super().__init__(error)
        self.error = error


class Jailed:
    """A jailed process: a channel to it, and what the jailer does for it."""

    def __init__(self, jails: Jails, number: int, channel: Channel) -> None:
        self.channel = channel
        self._jails = jails
        self._number = number
        self._end: End | None = None

    def watch_folders(self, folders: Sequence[int]) -> None:
        """Have the jailer look at the folders that it can write to, by their descriptors."""
        self._jails.ask({"folders": self._number}, folders)

    def used_up(self) -> str:
        """Return what it has left too little of for the rest of its submission; "" if it has enough."""
        answer, _ = self._jails.ask({"used": self._number})
        return str(answer["used"])

    def kept_waiting(self) -> float:
        """Return for how many seconds, since it began, it was ready to run and others had the processors.

        Of an ended one that is not known any more: the figure is 0.
        """
        if self._end is not None:
            return 0.0
        answer, _ = self._jails.ask({"waited": self._number})
        return float(answer["waited"])

    def end(self, patience: float = 0.0) -> End:
        """End it and wait until nothing of it is left; return how it ended, each time the same.

        ``patience`` is how many seconds it has to end by itself.
        """
        if self._end is None:
            self.channel.close()
            answer, _ = self._jails.ask({"end": self._number, "patience": patience})
            self._end = End(**answer)
        return self._end


class Jails:
    """A connection to the jailer."""

    def __init__(self, channel: Channel, wanted: Callable[[], None] = lambda: None) -> None:
        """Prepare: ``wanted`` is called before the first process is asked for, to start the jailer."""
        self._channel = channel
        self._wanted: Callable[[], None] | None = wanted

    def start(self, module: str) -> Jailed:
        """Return a started process that runs a module of ``grader.jail``.

        Raises GraderError when it does not start, JailerGone when there is nobody to start it.
        """
        if self._wanted is not None:
            self._wanted()
            self._wanted = None
        answer, given = self.ask({"start": module})
        return Jailed(self, int(answer["child"]), Channel(socket.socket(fileno=given[0])))

    def ask(
        self, message: dict[str, Any], descriptors: Sequence[int] = ()
    ) -> tuple[dict[str, Any], tuple[int, ...]]:
        """Return the jailer's answer. Raises GraderError when something does not work, JailerGone."""
        try:
            self._channel.send(message, descriptors=descriptors)
            answer, given = self._channel.receive_with(1)
        except FrameError as error:
            raise JailerGone(str(error)) from error
        if "fault" in answer:
            raise GraderError(str(answer["fault"]), hint=str(answer["hint"]))
        return answer, given

    def close(self) -> None:
        """Let the jailer end everything that was started here."""
        self._channel.close()


class JailerProcess:
    """The jailer, as the supervisor has it."""

    def __init__(self, folder: Path, *, sandboxed: bool, warm: bool) -> None:
        """Start it; ``folder`` is where it may write. It takes some seconds until it is ready."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "grader.sandbox.jailer", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": str(HOME)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        self.channel = Channel(ours)
        self.channel.send({"folder": str(folder), "sandboxed": sandboxed, "warm": warm})

    def connect(self, judge: socket.socket) -> None:
        """Have it serve a judge at the other end of this socket. Raises JailerGone."""
        try:
            self.channel.send({}, descriptors=(judge.fileno(),))
        except FrameError as error:
            raise JailerGone(str(error)) from error

    def said(self) -> str:
        """Return what came on its stderr, cut: where it crashed, the traceback."""
        return said_by(self.process)

    def end(self) -> None:
        """End it, and with it everything that it started."""
        self.channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)
        self.process.kill()
        buried(self.process)


@contextmanager
def jailer(*, sandboxed: bool = True, warm: bool = True) -> Iterator[JailerProcess]:
    """Start a jailer, and end it. Raises GraderError, with what to do, when this machine cannot."""
    with scratch_folder() as folder:
        process = JailerProcess(folder, sandboxed=sandboxed, warm=warm)
        try:
            yield process
        finally:
            process.end()
