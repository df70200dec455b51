"""Code of these tests in the grader's own jails, to see what a submission could see there."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError
from grader.jail.frames import Channel
from grader.sandbox.bubblewrap import Bubblewrap
from grader.sandbox.child import End
from grader.sandbox.stage import KIT, Stage, stage
from grader.sandbox.start import Start
from grader.sandbox.warm import WarmStart
from grader.sandbox.watch import MemoryWatch

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60.0
"""no wait in these tests takes longer, unless something is broken"""
AS_ROOT = os.geteuid() == 0 if hasattr(os, "geteuid") else False
PROBE = """
import json, os, socket, sys, traceback
from grader.jail.frames import Channel, Closed

def main(sock):
    sock.set_inheritable(False)
    channel = Channel(sock)
    names = {**globals(), "sock": sock}
    while True:
        try:
            asked = channel.receive()
        except Closed:
            return
        try:
            exec("found = None\\n" + asked["code"], names)
            told = {"found": names["found"]}
        except BaseException:
            told = {"error": traceback.format_exc()}
        channel.send(told)

if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)
"""


class Inside:
    """A jail in which code runs that a test sends."""

    def __init__(self, start: Start) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self.child = start("probe", theirs.fileno())
            except BaseException:
                ours.close()
                raise
        self.channel = Channel(ours)
        self.ended = False

    def end(self, patience: float = 0.0) -> End:
        self.channel.close()
        self.ended = True
        return self.child.end(patience)

    def send(self, code: str) -> None:
        self.channel.send({"code": code})

    def told(self) -> Any:
        answer = self.channel.receive(time.monotonic() + SECONDS)
        assert "error" not in answer, answer["error"]
        return answer["found"]

    def look(self, code: str) -> Any:
        """What the code calls ``found``."""
        self.send(code)
        return self.told()


@dataclass(frozen=True)
class Jails:
    """Jails with the probe in them."""

    start: Start
    cold: Bubblewrap
    watch: MemoryWatch

    @property
    def stage(self) -> Stage:
        return self.cold.stage

    @property
    def warm(self) -> bool:
        return self.start is not self.cold

    @contextlib.contextmanager
    def open(self) -> Iterator[Inside]:
        inside = Inside(self.start)
        try:
            yield inside
        finally:
            if not inside.ended:
                inside.end()


@contextlib.contextmanager
def jails(folder: Path, *, warm: bool = False) -> Iterator[Jails]:
    """Jails as the grader makes them, with one module more in the kit."""
    staged = stage(folder)
    probe = staged.folder / KIT / "probe.py"
    probe.write_text(PROBE)
    probe.chmod(0o644)
    with MemoryWatch() as watch:
        cold = Bubblewrap(staged, watch)
        if not warm:
            yield Jails(cold, cold, watch)
            return
        notes: list[str] = []
        start = WarmStart(cold, notes.append)
        try:
            yield Jails(start, cold, watch)
        finally:
            start.end()
        assert notes == []


def possible(folder: Path, *, warm: bool = False) -> Iterator[Jails]:
    """Jails, for a fixture; where none can be started its tests are skipped, and fail on CI."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(jails(folder, warm=warm))
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
