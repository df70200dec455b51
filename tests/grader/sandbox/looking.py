"""Code of these tests in the grader's own jails, to see what a submission could see there."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError
from grader.sandbox.bubblewrap import Bubblewrap
from grader.sandbox.child import Child
from grader.sandbox.stage import KIT, Stage, stage
from grader.sandbox.watch import MemoryWatch

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60.0
"""no wait in these tests takes longer, unless something is broken"""
AS_ROOT = os.geteuid() == 0 if hasattr(os, "geteuid") else False
PROBE = """
import json, os, socket, sys, traceback
from grader.jail.frames import Channel, Closed

sock = socket.socket(fileno=int(sys.argv[1]))
sock.set_inheritable(False)
channel = Channel(sock)
names = dict(globals())
while True:
    try:
        asked = channel.receive()
    except Closed:
        break
    try:
        exec("found = None\\n" + asked["code"], names)
        told = {"found": names["found"]}
    except BaseException:
        told = {"error": traceback.format_exc()}
    channel.send(told)
os._exit(0)
"""


class Inside:
    """A jail in which code runs that a test sends."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def send(self, code: str) -> None:
        self.child.channel.send({"code": code})

    def told(self) -> Any:
        answer = self.child.channel.receive(time.monotonic() + SECONDS)
        assert "error" not in answer, answer["error"]
        return answer["found"]

    def look(self, code: str) -> Any:
        """What the code calls ``found``."""
        self.send(code)
        return self.told()


@dataclass(frozen=True)
class Jails:
    """Jails with the probe in them."""

    start: Bubblewrap
    stage: Stage

    @contextlib.contextmanager
    def open(self) -> Iterator[Inside]:
        child = self.start("probe")
        try:
            yield Inside(child)
        finally:
            child.end()


@contextlib.contextmanager
def jails(folder: Path) -> Iterator[Jails]:
    """Jails as the grader makes them, with one module more in the kit."""
    staged = stage(folder)
    probe = staged.folder / KIT / "probe.py"
    probe.write_text(PROBE)
    probe.chmod(0o644)
    with MemoryWatch() as watch:
        yield Jails(Bubblewrap(lambda: staged, watch), staged)


def possible(folder: Path) -> Iterator[Jails]:
    """Jails, for a fixture; where none can be started its tests are skipped, and fail on CI."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(jails(folder))
            with made.open() as inside:
                inside.look("pass")
        except GraderError as error:
            not_here(str(error))
        yield made


def not_here(why: str) -> None:
    """Skip; on CI it has to be possible."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def descriptors() -> set[str]:
    """The numbers of this process's open descriptors."""
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - one folder, and only names


def quoted(value: Any) -> str:
    """Plain data as Python's source."""
    return f"json.loads({json.dumps(json.dumps(value))})"
