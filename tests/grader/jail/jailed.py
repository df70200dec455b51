"""A runner in a process of its own, and the grader's side of its socket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader.jail.frames import Channel

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 30.0
"""no wait in these tests takes longer, unless something is broken"""


class Jailed:
    """What a runner is asked, and what it says."""

    def __init__(self, channel: Channel, process: subprocess.Popen[bytes], shown: Path) -> None:
        self.channel = channel
        self.process = process
        self.number = 0
        self._shown = shown
        self._cells = 0

    def receive(self, kind: str | None = None) -> dict[str, Any]:
        frame = self.channel.receive(time.monotonic() + SECONDS)
        assert kind in (None, frame["kind"]), frame
        if frame["kind"] == "cell" and self._shown.exists():
            frame["outputs"] = self._outputs(frame)
        return frame

    def _outputs(self, frame: dict[str, Any]) -> list[dict[str, Any]]:
        """What the cell showed, as ``showing`` wrote it down before the frame was sent."""
        if frame["status"] == "skipped":
            return []
        self._cells += 1
        shown: list[dict[str, Any]] = json.loads(self._shown.read_text("utf-8").splitlines()[self._cells - 1])
        return shown

    def begin(
        self,
        *sources: str | dict[str, Any],
        limits: dict | None = None,
        skip: dict | None = None,
        in_step: bool = False,
    ) -> None:
        """Send the job and take in that the runner is ready."""
        cells = [
            {"id": f"c{n}", "tags": [], **(source if isinstance(source, dict) else {"source": source})}
            for n, source in enumerate(sources)
        ]
        job = {"cells": cells, "limits": limits or {}, "skip": skip or {}, "in_step": in_step}
        self.channel.send(job)
        self.ready = self.receive("ready")

    def run(self, *sources: str | dict[str, Any], **job: Any) -> list[dict[str, Any]]:
        """The cells' frames; the last frame is kept in ``finished``."""
        self.begin(*sources, **job)
        cells = [self.receive("cell") for _ in sources]
        self.finished = self.receive("finished")
        return cells

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        self.channel.send({**question, "number": self.number})
        answer = self.receive("answer")
        assert answer["number"] == self.number
        return answer

    def call(self, name: str, *args: Any) -> Any:
        return self.ask({"op": "call", "target": {"name": name}, "args": list(args)})["answer"]

    def end(self) -> int:
        """Close the socket and wait; the exit code."""
        self.channel.close()
        return self.process.wait(SECONDS)


@contextlib.contextmanager
def jailed(folder: Path, *, parts: bool = False, code: Path = ROOT) -> Iterator[Jailed]:
    """A runner that has not got its job yet; it is ended at the latest when the test is.

    From this checkout it writes down what cells show, and the cells' frames get it as ``outputs``.
    """
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryDirectory() as notes:
        shown = Path(notes) / "shown"
        command = [sys.executable, "-P", "-m"]
        if code == ROOT:
            command += ["tests.grader.jail.showing", str(theirs.fileno()), str(shown)]
            command += ["parts"] if parts else []
        else:
            command += ["grader.jail.runner", str(theirs.fileno())]
            command += [] if parts else ["--no-parts"]
        with _started(command, folder, code, ours, theirs) as process:
            try:
                yield Jailed(Channel(ours), process, shown)
            finally:
                process.kill()


@contextlib.contextmanager
def _started(
    command: list[str], folder: Path, code: Path, ours: socket.socket, theirs: socket.socket
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(code), "TMPDIR": str(folder)}
    with ours, theirs:
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        with process:
            yield process


def text(frame: dict[str, Any], name: str = "stdout") -> str:
    """What a cell printed."""
    streams = [o for o in frame["outputs"] if o["output_type"] == "stream" and o["name"] == name]
    return "".join(o["text"] for o in streams)
