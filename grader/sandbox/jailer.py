"""The jailer: starts, watches and ends jailed processes: ``python -P -m grader.sandbox.jailer FD``.

It is a process of its own, so that nothing that a submission says, and nothing that handling it costs, keeps
it from looking at what the jails use: no byte that came out of a jail gets here. The descriptor is a stream
socket to the supervisor. First comes ``{"folder", "sandboxed", "warm"}``; ``{"ready": true}`` goes back, or
``{"fault", "hint"}``. Then comes ``{}`` for each judge, with a socket to it; ``{"note": text}`` goes
back where there is something that a person should know.

A judge asks, one after the other::

    {"start": module}              →  {"child": n}, with a socket to the process
    {"folders": n}, with folders   →  {}
    {"used": n}                    →  {"used": what it has nearly used up}
    {"waited": n}                  →  {"waited": seconds for which others had the processors, since it began}
    {"end": n, "patience": s}      →  {"over", "killed", "said"}, see ``grader.sandbox.child.End``

``{"fault", "hint"}`` goes back where a process cannot be started. When a judge is gone, so is everything that
it had started; when the supervisor is gone, so is the jailer with all that it started.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.jail.frames import Channel, FrameError
from grader.sandbox.bubblewrap import Bubblewrap
from grader.sandbox.cgroups import NoCgroups, own_cgroups
from grader.sandbox.child import Child
from grader.sandbox.dying import die_with_parent
from grader.sandbox.leftovers import used_up
from grader.sandbox.plain import Plain
from grader.sandbox.stage import stage
from grader.sandbox.start import Start
from grader.sandbox.warm import WarmStart
from grader.sandbox.watch import MemoryWatch, kept_waiting

MOST_FOLDERS = 4


class Jailer:
    """Serves judges, each in a thread of its own."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._all: list[dict[int, Child]] = []

    def kill(self) -> None:
        """Kill everything that any judge had started."""
        for children in list(self._all):
            for child in list(children.values()):
                child.kill()

    def serve(self, channel: Channel) -> None:
        """Start and end processes for one judge until it has had enough; then everything of its ends."""
        children: dict[int, Child] = {}
        self._all.append(children)
        try:
            while True:
                asked, given = channel.receive_with(MOST_FOLDERS)
                answer, passed = self._answer(children, asked, given)
                with contextlib.ExitStack() as stack:
                    for sock in passed:
                        stack.enter_context(sock)
                    channel.send(answer, descriptors=[sock.fileno() for sock in passed])
        except FrameError:
            return
        finally:
            for child in children.values():
                child.kill()
            for child in children.values():
                child.end()
            self._all.remove(children)
            channel.close()

    def _answer(
        self, children: dict[int, Child], asked: Mapping[str, Any], given: Sequence[int]
    ) -> tuple[dict[str, Any], Sequence[socket.socket]]:
        match asked:
            case {"start": str(module)}:
                return self._started(children, module)
            case {"folders": int(number)}:
                children[number].folders = tuple(given)
                return {}, ()
            case {"used": int(number)}:
                child = children[number]
                return {"used": used_up(child.root, child.folders)}, ()
            case {"waited": int(number)}:
                return {"waited": kept_waiting(children[number].root)}, ()
            case {"end": int(number), "patience": patience}:
                return asdict(children.pop(number).end(float(patience))), ()
        raise KeyError(*asked)

    def _started(
        self, children: dict[int, Child], module: str
    ) -> tuple[dict[str, Any], Sequence[socket.socket]]:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = self._start(module, theirs.fileno())
            except GraderError as error:
                ours.close()
                return {"fault": error.message, "hint": error.hint}, ()
        number = len(children) and max(children) + 1
        children[number] = child
        return {"child": number}, (ours,)


def main(channel: Channel) -> None:
    """Serve until the supervisor has had enough. Raises GraderError when nothing can be started here."""
    settings = channel.receive()
    sending = threading.Lock()

    def note(text: str) -> None:
        with sending, contextlib.suppress(FrameError):
            channel.send({"note": text})

    with contextlib.ExitStack() as stack:
        wake = _Wake()
        start = _start(settings, stack, note, wake)
        channel.send({"ready": True})
        jailer = Jailer(start)
        stack.callback(jailer.kill)
        while True:
            if not channel.holds_bytes:
                ready, _, _ = select.select([channel.fileno(), wake.fileno()], [], [])
                if wake.fileno() in ready:
                    wake.renew(start)
                if channel.fileno() not in ready:
                    continue
            _, (judge,) = channel.receive_granted(1)
            talk = Channel(socket.socket(fileno=judge))
            threading.Thread(target=jailer.serve, args=(talk,), daemon=True).start()


class _Wake:
    """Wakes the main thread, which alone may start warm processes: they end with the thread that did."""

    def __init__(self) -> None:
        self._told, self._telling = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        return self._told

    def __call__(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._telling, b".")

    def renew(self, start: Start) -> None:
        os.read(self._told, 4_096)
        if isinstance(start, WarmStart):
            start.renew()


def _start(
    settings: Mapping[str, Any], stack: contextlib.ExitStack, note: Callable[[str], None], wake: _Wake
) -> Start:
    """Return what starts processes here. Raises GraderError when this machine cannot."""
    folder = Path(tempfile.mkdtemp(dir=settings["folder"]))
    if not settings["sandboxed"]:
        return Plain(stage(folder))
    watch = stack.enter_context(MemoryWatch())
    try:
        cgroups = own_cgroups()
    except NoCgroups:  # the watch is there all the same; doctor tells of it
        cgroups = None
    cold = Bubblewrap(stage(folder), watch, cgroups=cgroups)
    return WarmStart(cold, note, wake) if settings["warm"] else cold


def _command(descriptor: int) -> None:
    die_with_parent()
    # Ctrl-C reaches every process of a terminal: the supervisor decides what ends. A signal that is ignored
    # stays so in the programs that are started, and a jail's must be as they are in JupyterLab.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    channel = Channel(socket.socket(fileno=descriptor))
    os.set_inheritable(descriptor, False)
    try:
        main(channel)
    except GraderError as error:
        channel.send({"fault": error.message, "hint": error.hint})
    except FrameError:
        return


if __name__ == "__main__":
    _command(int(sys.argv[1]))
    os._exit(0)
