"""Runs a notebook's cells, then answers questions about them: ``python -m grader.jail.runner FD``.

The descriptor is a connected stream socket. The first frame that comes is the job::

    {"cells": [{"id", "source", "tags"}, …], "limits": {…}, "hurry": seconds,
     "skip": {"demo": [sha256, …], "given": [sha256, …], "ids": [id, …]}, "grant": {"port", "folders": […]},
     "in_step": true}

With ``grant``, ``{"kind": "granted", "port", "folders"}`` goes back before anything of the submission runs,
and with it descriptors: of a socket that listens in here, for the recorded model outside, and of the folders
in which something can be written, the work folder first. What comes then is ``{"env": {name: value}}``, the
rest of the environment.

What goes back next, one frame each: ``{"kind": "ready", "lacking": [limit, …]}``; for every cell ``{"kind":
"cell", "id", "number", "status", "why", "error", "absent": [module, …]}``, status being ``ok``, ``error``,
``timeout`` or ``skipped``; ``{"kind": "finished", "twice": {name: [id, …]}}``. With ``in_step``, each cell
that was run is followed by an empty frame from the other end, and only then by the next cell. From
``finished`` on each question, as utils.lab.handle describes them, with a ``number``, is answered by
``{"kind": "answer", "number", "answer", "timeout"}`` until the socket closes.

It is to be started with ``-P``, so that no file of a submission stands before a module of this kit, in an
environment that holds nothing but what a cell may know.

Nothing printed becomes a frame: frames have a descriptor of their own, which programs that a cell starts
do not inherit. A cell can still find and write to it, and everything here can be patched by the code that
it runs: frames are claims, and the verdict rests on fresh questions. A process that ends, or is silent for
too long, is the other side's to notice and to kill: it alone keeps the time of a whole submission.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import shutil
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from grader.jail import limits as limiting
from grader.jail.absent import Present, present
from grader.jail.demos import left_out
from grader.jail.frames import Channel, Closed, FrameTooLarge, NotJson
from grader.jail.job import Cell, Job
from grader.jail.limits import Alarm, TimeLimit
from grader.jail.names import defined, defined_twice
from grader.jail.outputs import MAX_TEXT, NAMES, Outputs
from grader.jail.shell import make_shell, run_cell, until_done
from grader.jail.spool import Spool
from utils.errors import SetupError
from utils.lab.handle import Handle
from utils.lab.plain import safe_text, short_type
from utils.modes import GRADING
from utils.providers import chosen_provider
from utils.questions import asking

PRELOADED = ("langchain_openai", "langchain_community.tools.tavily_search")
"""what the labs use beyond that; importing them, or a provider's package, takes longer than a cell may"""
BACKLOG = 1_024
SPARE = "spare"
"""why a cell is skipped that nothing else needs"""

Parts = Mapping[str, Callable[..., Any]]


class Runner:
    """One submission's process, from its first cell to its last question."""

    def __init__(self, channel: Channel, job: Job, parts: Parts, shell: Any, outputs: Outputs) -> None:
        self._channel = channel
        self._job = job
        self._shell = shell
        self._outputs = outputs
        self._handle = Handle(shell.user_ns, parts)
        self._alarm = Alarm(asyncio.get_event_loop())
        self._skipped = dict.fromkeys(job.left_out, "left out")
        """why cells are not run, by their ids"""
        self._transformed: dict[str, str] = {}

    async def serve(self) -> None:
        """Run the cells and answer questions until the other end has had enough."""
        with contextlib.suppress(Closed):
            self._skipped = {**dict.fromkeys(self._spare(), SPARE), **self._skipped}
            for number, cell in enumerate(self._job.cells):
                told = await self._cell(number, cell)
                self._channel.send(told)
                if self._job.in_step and told["status"] != "skipped":
                    self._channel.receive()
            self._channel.send({"kind": "finished", "twice": self._twice()})
            with asking():  # a thread that a function leaves behind is asked between two questions, too
                while True:
                    await self._answer(await self._question())

    def _spare(self) -> frozenset[str]:
        """Return the ids of the cells that need not run; of all demonstrations, where that takes too long."""
        job = self._job
        try:
            with self._alarm.set(job.limits.cell_cpu, job.limits.cell_wall):
                return left_out(job.cells, job.spare, self._python)
        except TimeLimit:
            return frozenset(cell.id for cell in job.cells if cell.hash in job.spare.demo)

    async def _cell(self, number: int, cell: Cell) -> dict[str, Any]:
        told = {"kind": "cell", "id": cell.id, "number": number}
        if why := self._skipped.get(cell.id, ""):
            return {**told, "status": "skipped", "why": why, "error": None, "absent": []}
        error: BaseException | None = None
        runs = Present(cell.source)
        self._outputs.begin()
        try:
            wall_limit = self._job.hurry or self._job.limits.cell_wall
            with self._alarm.set(self._job.limits.cell_cpu, wall_limit):
                runs = present(cell.source, self._python(cell.source))
                error = await run_cell(self._shell, runs.source, self._alarm)
        except BaseException as raised:  # what a cell throws through the shell ends the cell only
            error = raised
        self._outputs.end()
        rang = self._alarm.rang
        status = "timeout" if rang else "ok" if error is None else "error"
        shown = None if error is None else self._outputs.error or _named(error)
        return {**told, "status": status, "why": rang, "error": shown, "absent": list(runs.absent)}

    def _twice(self) -> dict[str, list[str]]:
        run = [cell for cell in self._job.cells if cell.id not in self._skipped]
        return defined_twice((cell.id, defined(self._python(cell.source))) for cell in run)

    def _python(self, source: str) -> str:
        """Return the Python code of a cell's source; it is asked for before the cells run and after."""
        if source not in self._transformed:
            try:
                self._transformed[source] = str(self._shell.transform_cell(source))
            except Exception:  # not IPython's syntax either
                self._transformed[source] = ""
        return self._transformed[source]

    async def _question(self) -> dict[str, Any]:
        if not self._channel.holds_bytes:
            loop = asyncio.get_running_loop()
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(self._channel.fileno(), lambda: None if ready.done() else ready.set_result(None))
            try:
                await until_done(ready)
            finally:
                loop.remove_reader(self._channel.fileno())
        return self._channel.receive()

    async def _answer(self, question: dict[str, Any]) -> None:
        self._outputs.begin()
        try:
            with self._alarm.set(self._job.limits.cell_cpu, self._job.limits.cell_wall):
                work = asyncio.ensure_future(self._handle.answer(question))
                self._alarm.watch(work)
                answer = await until_done(work)
        except BaseException as error:  # the alarm, or what a submission throws into the loop
            answer = _failed(error, TimeLimit.__name__ if self._alarm.rang else type(error).__name__)
        self._outputs.end()
        told = {"kind": "answer", "number": question.get("number"), "timeout": self._alarm.rang}
        try:
            self._channel.send({**told, "answer": answer})
        except (FrameTooLarge, NotJson) as error:
            self._channel.send({**told, "answer": _failed(error, type(error).__name__)})


def _failed(error: BaseException, name: str) -> dict[str, Any]:
    return {
        "error": {"type": name, "bases": [name], "message": safe_text(str(error)[:MAX_TEXT]), "trace": []}
    }


def _named(error: BaseException) -> dict[str, str]:
    """Return name and text of an error that no cell has shown; a student's own ``__str__`` is not run."""
    evalue = str(error)[:MAX_TEXT] if type(error).__module__ == "builtins" else ""
    return {"ename": short_type(type(error)), "evalue": safe_text(evalue)}


def main(sock: socket.socket, parts: Parts, make_outputs: Callable[[], Outputs] | None = None) -> None:
    """Run one job over a connected socket; comes back when the other end has closed it.

    ``make_outputs`` makes what takes in the cells' outputs; by default they are dropped.
    """
    channel = Channel(sock)
    job = Job.read(channel.receive())
    if job.grant is not None:
        os.environ.update(_granted(channel, *job.grant))
    os.environ[GRADING] = "1"
    if "" not in sys.path:  # notebooks import from the folder they are in
        sys.path.insert(0, "")
    outputs = Outputs([Spool(number) for number in NAMES]) if make_outputs is None else make_outputs()
    folder = tempfile.mkdtemp(prefix="ipython-")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        shell = make_shell(outputs, folder)
        channel.send({"kind": "ready", "lacking": list(limiting.apply(job.limits))})
        _run(loop, Runner(channel, job, parts, shell, outputs).serve())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _granted(channel: Channel, port: int, folders: Sequence[str]) -> dict[str, str]:
    """Hand out a listening socket and folders, and return the environment that comes back."""
    opened = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in folders]
    try:
        with socket.create_server(("127.0.0.1", port), backlog=BACKLOG) as listener:
            paths = [os.path.realpath(folder) for folder in folders]
            told = {"kind": "granted", "port": listener.getsockname()[1], "folders": paths}
            channel.send(told, descriptors=(listener.fileno(), *opened))
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return {str(name): str(value) for name, value in channel.receive()["env"].items()}


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, whatever a submission's tasks throw out of the loop meanwhile."""
    task = loop.create_task(work)
    while not task.done() and not loop.is_closed():
        with contextlib.suppress(BaseException):
            loop.run_until_complete(task)


def load_parts() -> Parts:
    """Return the kit's parts. Most of the stack is imported with them, and thus at no cell's expense."""
    from utils.checks import parts  # noqa: PLC0415 - many tests of the runner need none of it

    with contextlib.suppress(ImportError, SetupError), warnings.catch_warnings(action="ignore"):
        for name in filter(None, (*PRELOADED, chosen_provider().package)):
            importlib.import_module(name)
    return parts.load_parts()


def _command(words: list[str]) -> None:
    sys.argv[1:] = []
    with socket.socket(fileno=int(words[0])) as sock:
        sock.set_inheritable(False)
        main(sock, {} if "--no-parts" in words else load_parts())


if __name__ == "__main__":
    _command(sys.argv[1:])
    # Threads that a submission left behind, and its atexit functions, have no say in when this ends.
    os._exit(0)
