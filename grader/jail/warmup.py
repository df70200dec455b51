"""What a warm process does before it forks for the first time: everything that is slow once and fast after.

It is the kit's own agent at work, on conversations about nothing: no solution of a lab, no case and no secret
is here, for all of it stays in the memory of every process that is forked. Nothing may go on afterwards: no
thread, no connection, no setting.
"""

from __future__ import annotations

import asyncio
import atexit
import builtins
import contextlib
import contextvars
import importlib
import linecache
import os
import shutil
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.jail.frames import Channel
from grader.jail.limits import Alarm
from grader.jail.outputs import Outputs
from grader.jail.shell import make_shell, run_cell
from utils.lab.handle import Handle
from utils.modes import RECORDED

Parts = Mapping[str, Callable[..., Any]]
SECONDS = 60.0
QUESTION, RESULT, ANSWER = "warm?", "as ever", "warm enough"
TOOL = "search"
SCENARIO: Mapping[str, Any] = {
    "conversations": [
        {
            "name": "warm",
            "origin": {"kind": "authored"},
            "turns": [
                {"user": QUESTION},
                {"calls": [{"tool": TOOL, "args": {"query": "warmth"}}]},
                {"results": [{"text": RESULT}]},
                {"answer": ANSWER},
            ],
        }
    ]
}
LATER = (
    "IPython.core.completer",
    *(
        "utils.notebook.kit",
        "utils.notebook.check",
        "utils.views",
        "langgraph.checkpoint.sqlite.aio",
        "aiosqlite",
    ),
)
"""modules that shells, cells or questions import later; some add to Python's list of warnings"""
CELLS = (
    "import operator\nfrom typing import Annotated, TypedDict",
    "from utils import check, compare, hand_in, reset, setup",
    "def work(text: str) -> str:\n    raise NotImplementedError()\n\nwork",
    "import asyncio\nawait asyncio.sleep(0, {'warm': ['enough'] * 30})",
    "print('warm')\nwork('')",
    "%pip list",
)
"""what cells do first: import, define, show, wait, fail"""


def warm_up(parts: Parts, model: Channel) -> None:
    """Have the kit's agent answer, in every way that labs ask it to. ``model`` leads to a recorded model."""
    for name in LATER:
        importlib.import_module(name)
    # In a context of its own: what is set there is not set in what is forked.
    contextvars.copy_context().run(_warm_up, parts, model)


def _warm_up(parts: Parts, model: Channel) -> None:
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    with _as_it_was(folder), socket.create_server(("127.0.0.1", 0)) as listener:
        _ask(model, 0, descriptors=(listener.fileno(),))
        _ask(model, 1, op="open", session="warm", scenario=SCENARIO, patience=0.5)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/warm"
        _run(_answers(Handle({}, parts), url, folder))
        with _passing_shell(folder) as shell:
            _run(_cells(shell))


def _ask(model: Channel, number: int, *, descriptors: Sequence[int] = (), **facts: Any) -> None:
    deadline = time.monotonic() + SECONDS
    model.send({"number": number, **facts}, deadline, descriptors=descriptors)
    answer = model.receive(deadline)
    if "value" not in answer:
        msg = f"no recorded model to warm up with: {answer}"
        raise RuntimeError(msg)


@contextlib.contextmanager
def _as_it_was(folder: Path) -> Iterator[None]:
    """Put back what the block changes of this process."""
    before, here, lines = dict(os.environ), Path.cwd(), dict(linecache.cache)
    os.environ.update(RECORDED)
    os.chdir(folder)
    try:
        # Also forgets which warnings were shown once.
        with warnings.catch_warnings():
            yield
    finally:
        os.chdir(here)
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)
        linecache.cache = lines


def _run(work: Any) -> None:
    """Run to the end, and leave nothing of the loop behind."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(work)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
        asyncio.set_event_loop(None)


@contextlib.contextmanager
def _passing_shell(folder: Path) -> Iterator[Any]:
    """Give a shell, and take everything away again that it puts into this process."""
    before = {name: getattr(sys, name) for name in ("stdout", "stderr", "displayhook", "excepthook")}
    main, names = sys.modules["__main__"], dict(vars(builtins))
    path = list(sys.path)
    shell: Any = make_shell(Outputs(), str(folder))
    try:
        yield shell
    finally:
        shell.restore_sys_module_state()
        shell.history_manager.end_session()
        atexit.unregister(shell.atexit_operations)
        type(shell).clear_instance()
        sys.modules["__main__"] = main
        sys.path[:] = path
        for name, value in before.items():
            setattr(sys, name, value)
        for name in vars(builtins).keys() - names:
            delattr(builtins, name)
        vars(builtins).update(names)


async def _cells(shell: Any) -> None:
    alarm = Alarm(asyncio.get_running_loop())
    for source in CELLS:
        await run_cell(shell, source, alarm)


class _Asker:
    """Asks a handle as checks do, and remembers numbers of objects."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def part(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return await self._value({"op": "call", "target": {"kit": name}, "args": args, "kwargs": kwargs})

    async def method(self, ref: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        target = {"ref": ref["$object"], "method": method}
        return await self._value({"op": "call", "target": target, "args": args, "kwargs": kwargs})

    async def items(self, ref: Any) -> None:
        while "end" not in await self._handle.answer({"op": "next", "target": {"ref": ref["$object"]}}):
            pass

    async def _value(self, question: dict[str, Any]) -> Any:
        answer = await self._handle.answer({**question, "args": list(question["args"])})
        if "value" not in answer:
            msg = f"the kit's own agent does not work here: {answer}"
            raise RuntimeError(msg)
        return answer["value"]


async def _answers(handle: Handle, url: str, folder: Path) -> None:
    ask = _Asker(handle)
    file = str(folder / "warm.db")
    model = await ask.part("model", url)
    tool = await ask.part("tool", url, TOOL, "")
    for number, saver in enumerate((await ask.part("saver"), await ask.part("saver", file))):
        agent = await ask.part("agent", model, [tool], saver)
        await ask.part("sync_turn", agent, "a", QUESTION)
        await ask.part("state", agent, "a")
        await ask.part("states", agent, "a")
        if number:
            await ask.part("close_saver", saver)
            continue
        await ask.part("turn", agent, "b", QUESTION)
        messages = {"messages": [{"$message": {"type": "human", "text": QUESTION, "id": None}}]}
        for thread, method, mode in (
            ("c", "stream", "messages"),
            ("d", "stream", ["updates", "custom"]),
            ("e", "astream", "messages"),
            ("f", "astream", ["updates", "messages"]),
            ("g", "astream_events", None),
        ):
            more = {"version": "v2"} if mode is None else {"stream_mode": mode}
            config = {"configurable": {"thread_id": thread}}
            await ask.items(await ask.method(agent, method, messages, config, **more))
