"""IPython's shell as a kernel has it, without sockets: cells run as in Jupyter, outputs stay here."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import getpass
import io
import re
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ipykernel import zmqshell
from ipykernel.compiler import XCachingCompiler
from IPython.core.error import StdinNotImplementedError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.utils.process import system  # type: ignore[attr-defined]
from jupyter_client.session import Session
from traitlets.config import Config

from grader.jail.limits import Alarm
from grader.jail.outputs import NAMES, Outputs

_PACKAGES = re.compile(
    r"""^\s*(?:sudo\s+)?["']?(?:[^\s"']*/)?
    (?:python[\d.]*["']?\s+-m\s+(?:pip|uv|ensurepip)|(?:pip[\d.]*|uvx?|conda|mamba|micromamba|poetry|pipenv)["']?)
    (?:\s|$)""",
    re.VERBOSE,
)


class Wire(Session):
    """A session that hands over what a kernel would send."""

    def __init__(self, outputs: Outputs) -> None:
        super().__init__(key=b"")
        self._outputs = outputs

    def send(
        self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        if isinstance(msg_or_type, dict):
            msg_or_type, content = msg_or_type["header"]["msg_type"], msg_or_type["content"]
        self._outputs.message(msg_or_type, content or {})
        return None


class OutStream(io.TextIOBase):
    """What sys.stdout and sys.stderr are while cells run; named as a kernel's streams are."""

    encoding = "UTF-8"

    def __init__(self, name: str, descriptor: int, outputs: Outputs) -> None:
        self.name = name
        self._descriptor = descriptor
        self._outputs = outputs

    def write(self, string: Any) -> int:
        if not isinstance(string, str):
            msg = f"write() argument must be str, not {type(string)}"
            raise TypeError(msg)
        self._outputs.write(self.name, str.__str__(string))
        return len(string)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open: the cells that follow print, too."""


@magics_class
class Packages(Magics):
    """Installing does nothing here: what the labs need is there, and there is no network."""

    @line_magic
    def pip(self, line: str) -> None:
        print(_not_installed(f"%pip {line}"))

    @line_magic
    def uv(self, line: str) -> None:
        print(_not_installed(f"%uv {line}"))

    @line_magic
    def conda(self, line: str) -> None:
        print(_not_installed(f"%conda {line}"))

    @line_magic
    def mamba(self, line: str) -> None:
        print(_not_installed(f"%mamba {line}"))

    @line_magic
    def micromamba(self, line: str) -> None:
        print(_not_installed(f"%micromamba {line}"))


def _not_installed(command: str) -> str:
    return f"{command.strip()}: not run here; everything that the labs need is installed."


# The name is asked for by code that wants to know whether it is in a notebook.
class ZMQInteractiveShell(zmqshell.ZMQInteractiveShell):
    """The kernel's shell, which never ends the process."""

    streams: Mapping[str, OutStream] = MappingProxyType({})
    """what sys.stdout and sys.stderr are at first, and again once a cell has taken them away"""

    def init_magics(self) -> None:
        inherited: Any = super()
        inherited.init_magics()
        self.register_magics(Packages)

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        """Keep no copy of what is printed: IPython would, without end, in its history of outputs."""
        yield

    def ask_exit(self) -> None:
        """Let ``exit()`` end nothing: a stray one must not cost the cells below."""

    # IPython has no annotations: what is inherited is Any here.
    def system(self, cmd: str) -> None:
        shell: Any = self
        expanded = shell.var_expand(cmd, depth=1)
        if _PACKAGES.match(expanded):
            print(_not_installed(f"!{cmd}"))
        elif expanded.rstrip().endswith("&"):
            msg = "Background processes not supported."
            raise OSError(msg)
        else:
            self.user_ns["_exit_code"] = system(expanded)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        inherited: Any = super()
        if _PACKAGES.match(inherited.var_expand(cmd, depth=depth + 1)):
            cmd = f"echo '{_not_installed('pip')}'"
        return inherited.getoutput(cmd, split=split, depth=depth + 1)


def make_shell(outputs: Outputs, folder: str) -> ZMQInteractiveShell:
    """Return the process's one shell; its profile, which nobody else reads, is in ``folder``."""
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    shell: Any = ZMQInteractiveShell.instance(
        config=config, ipython_dir=folder, compiler_class=XCachingCompiler
    )
    shell.displayhook.session = shell.display_pub.session = Wire(outputs)
    shell.displayhook.topic = b"execute_result"
    shell.streams = {name: OutStream(name, number, outputs) for number, name in NAMES.items()}
    sys.stdout, sys.stderr = shell.streams.values()
    made: ZMQInteractiveShell = shell
    return made


def _no_input(prompt: object = "") -> str:
    msg = "raw_input was called, but this frontend does not support input requests."
    raise StdinNotImplementedError(msg)


def _no_password(prompt: str = "", stream: object = None, *, echo_char: str | None = None) -> str:
    msg = "getpass was called, but this frontend does not support input requests."
    raise StdinNotImplementedError(msg)


async def run_cell(shell: Any, source: str, alarm: Alarm) -> BaseException | None:
    """Run a cell as a kernel does within its running loop; the error that ended it, or ``None``."""
    for name, stream in shell.streams.items():
        if getattr(sys, name, None) is None:
            setattr(sys, name, stream)
    setattr(builtins, "input", _no_input)  # noqa: B010 - mypy knows builtins as they are
    setattr(getpass, "getpass", _no_password)  # noqa: B010
    problem: Any = None
    try:
        transformed = shell.transform_cell(source)
    except Exception:
        transformed, problem = source, sys.exc_info()
    if not shell.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=problem):
        return _error(shell.run_cell(source, store_history=True))
    running = asyncio.ensure_future(
        shell.run_cell_async(
            source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=problem
        )
    )
    alarm.watch(running)
    result = None
    try:
        result = await until_done(running)
    finally:
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)
    return _error(result)


def _error(result: Any) -> BaseException | None:
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error


async def until_done(future: asyncio.Future[Any]) -> Any:
    """Return the result of a future, however often a submission cancels the waiting task itself."""
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
    return future.result()
