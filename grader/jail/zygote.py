"""A warm process: all is imported, and each request is a fork: ``python -P -m grader.jail.zygote FD KIND``.

The descriptor is a connected stream socket to the jailer. KIND is ``stack`` (the runner, with everything that
labs use) or ``light`` (the recorded model and the reader of checkpoint files). First comes ``{"root": bool}``
and, for ``stack``, a connection to a recorded model to warm up with; ``{"ready": true}`` goes back. Then::

    {"fork": module, "first": bool, "walls": {…}}, with a socket   →  {"pid": n} with a handle of the process
    {"ended": n}, once the process is gone                         →  {"status": n}, as ``os.wait`` gives it

The child runs ``main(socket)`` of the module. It is the first process of its namespace, or it has one above
it that waits for all others, as the first one has to: a notebook's process must not be the first, or signals
would do nothing to it.

``{"fault": text}`` goes back instead where that did not work. Nothing of a submission ever runs in this
process: it runs in children, which have namespaces, limits and a filter of their own, and no way back.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from grader.jail import namespaces
from grader.jail.frames import Channel, Closed
from grader.jail.namespaces import Walls

RUNNER, MODEL, READER = "grader.jail.runner", "grader.jail.recorded_model", "grader.jail.checkpoint_reader"
ENTER_SECONDS = 20.0
"""for a forked process on a busy machine to be behind its walls"""
IN = b"in"
"""what a child says once it is"""

Main = Callable[[socket.socket], None]


class Zygote:
    """Forks children that run one of some modules."""

    def __init__(self, mains: Mapping[str, Main], old_proc: int) -> None:
        """Prepare: ``old_proc`` is a descriptor of a /proc that can be written to."""
        self._mains = mains
        self._old_proc = old_proc
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def serve(self, channel: Channel) -> None:
        """Fork until the other end has had enough."""
        while True:
            asked, given = channel.receive_with(1)
            try:
                answer, handles = self._answer(channel, asked, given)
            except Exception as error:  # the border of the process: the asker is told
                answer, handles = {"fault": f"{type(error).__name__}: {error}"[:500]}, ()
            finally:
                _close(given)
            channel.send(answer, descriptors=handles)
            _close(handles)

    def _answer(
        self, channel: Channel, asked: Mapping[str, Any], given: Sequence[int]
    ) -> tuple[dict[str, Any], tuple[int, ...]]:
        if "ended" in asked:
            return {"status": os.waitpid(asked["ended"], 0)[1]}, ()
        pid = self._fork(channel, asked["fork"], Walls.read(asked["walls"]), given[0], asked["first"])
        return {"pid": pid}, (os.pidfd_open(pid),)

    def _fork(self, channel: Channel, module: str, walls: Walls, theirs: int, first: bool) -> int:
        """Return the number of a process that is behind its walls. Raises OSError where it cannot be."""
        told, telling = os.pipe()
        namespaces.unshare(namespaces.NEW_PID)
        pid = os.fork()
        if pid == 0:
            os.close(told)
            self._be_child(channel, module, walls, theirs, first, telling)
        os.close(telling)
        # A second new namespace could not be taken from within the first.
        namespaces.enter(self._own, namespaces.NEW_PID)
        said = _read(told)
        if said != IN:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            msg = f"a jail could not be built: {said.decode('utf-8', 'replace') or 'it took too long'}"
            raise OSError(msg)
        return pid

    def _be_child(
        self, channel: Channel, module: str, walls: Walls, theirs: int, first: bool, telling: int
    ) -> NoReturn:
        """Live as the first process of a new namespace, and end there."""
        code = 1
        try:
            os.setsid()
            namespaces.own_tree(walls, self._old_proc)
            if not first and (inner := os.fork()):
                os.close(telling)
                code = _exit_code(inner)
                os._exit(code)
            namespaces.no_rights(walls, self._old_proc)
            self._forget(channel, theirs, telling)
            os.write(telling, IN)
            os.close(telling)
            with socket.socket(fileno=theirs) as sock:
                sock.set_inheritable(False)
                self._main(module)(sock)
            code = 0
        except BaseException as error:
            os.write(telling, "".join(traceback.format_exception_only(error)).strip().encode()[-500:])
        finally:
            os._exit(code)

    def _main(self, module: str) -> Main:
        """Return what to run of a module; one that is not imported yet is, as in a cold start."""
        if module in self._mains:
            return self._mains[module]
        main: Main = importlib.import_module(module).main
        return main

    def _forget(self, channel: Channel, *kept: int) -> None:
        """Close everything that is not this child's."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        channel.detach()
        sys.argv[:] = [str(sys.modules[RUNNER].__file__)] if RUNNER in sys.modules else sys.argv[:1]
        last = 2
        for descriptor in sorted(kept):
            os.closerange(last + 1, descriptor)
            last = descriptor
        os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))


def _exit_code(inner: int) -> int:
    """Wait, as the first process of a namespace has to, and return how the one that matters ended."""
    while True:
        pid, status = os.wait()
        if pid == inner:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _read(told: int) -> bytes:
    """Return what a child said before it closed the pipe, or before it took too long."""
    said = b""
    with open(told, "rb", buffering=0) as pipe:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while poll.poll(ENTER_SECONDS * 1000) and (part := pipe.read(1_000)):
            said += part
    return said


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _mains(kind: str, model: Sequence[int]) -> Mapping[str, Main]:
    """Return what children of this kind run, with all that it imports; ``model`` is to warm up with."""
    if kind == "stack":
        runner: Any = importlib.import_module(RUNNER)
        parts = runner.load_parts()
        for descriptor in model:
            with socket.socket(fileno=os.dup(descriptor)) as sock:
                importlib.import_module("grader.jail.warmup").warm_up(parts, Channel(sock))
        return {RUNNER: lambda sock: runner.main(sock, parts)}
    recorded: Any = importlib.import_module(MODEL)
    reader: Any = importlib.import_module(READER)
    return {MODEL: recorded.main, READER: lambda sock: reader.main(sock, Path.cwd())}


def _be_below(root: bool) -> int:
    """Go on in a child that may make namespaces again and again; return a descriptor of its /proc.

    The child has a number that no child of its own will have: OpenSSL and others notice by their number that
    they were forked, and would give all children the same random bytes.
    """
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if not root:
        more = namespaces.NEW_MOUNTS | namespaces.NEW_PID
        namespaces.own_user(proc, os.getuid(), os.getgid(), more)
        _go_on_in_child()
        namespaces.private_mounts()
        namespaces.fresh_proc()
        os.close(proc)
        proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        if (first := os.fork()) == 0:
            os._exit(0)
        os.waitpid(first, 0)
    _go_on_in_child()
    return proc


def _go_on_in_child() -> None:
    """Fork, and go on in the child; the parent waits for it, and ends with it."""
    if pid := os.fork():
        os._exit(_exit_code(pid))


def _command(descriptor: int, kind: str) -> None:
    channel = Channel(socket.socket(fileno=descriptor))
    os.set_inheritable(descriptor, False)
    try:
        settings, given = channel.receive_with(1)
        proc = _be_below(settings["root"])
        mains = _mains(kind, given)
        threads = os.listdir("/proc/self/task")  # noqa: PTH208 - numbers
        if len(threads) != 1:
            msg = f"{len(threads)} threads run before the first fork"
            raise RuntimeError(msg)
        _close(given)
        gc.collect()
        gc.freeze()
        channel.send({"ready": True})
        Zygote(mains, proc).serve(channel)
    except Closed:
        return
    except Exception as error:  # the border of the process: the jailer says it, and starts cold
        channel.send({"fault": f"{type(error).__name__}: {error}"[:500]})


if __name__ == "__main__":
    _command(int(sys.argv[1]), sys.argv[2])
    os._exit(0)
