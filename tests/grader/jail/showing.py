"""The runner, with what its cells show written down: ``python -P -m tests.grader.jail.showing FD FILE``.

FILE gets a line of JSON for each cell: the outputs as a notebook has them.
"""

from __future__ import annotations

import contextvars
import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grader.jail import runner
from grader.jail.outputs import NAMES, Outputs
from grader.jail.spool import Spool

Output = dict[str, Any]
SHOWN = {
    "error": ("ename", "evalue", "traceback"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
}


class ReadSpool(Spool):
    """A spool that is read."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._at = 0

    def read(self) -> str:
        try:
            size = os.fstat(self._file).st_size
            data = os.pread(self._file, max(0, size - self._at), self._at)
        except OSError:
            return ""
        self._at = size
        return data.decode("utf-8", "replace")

    def empty(self) -> None:
        self._at = 0
        super().empty()


class Showing(Outputs):
    """Keeps what a cell shows: a task's text belongs to the cell that began it, a thread's to the current."""

    def __init__(self, path: Path) -> None:
        self._read = {NAMES[number]: ReadSpool(number) for number in NAMES}
        super().__init__(list(self._read.values()))
        self._path = path
        self._number = 0
        self._writer: contextvars.ContextVar[int] = contextvars.ContextVar("cell")
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._shown: list[Output] = []
        self._displays: dict[str, list[Output]] = {}
        self._clears = False

    def begin(self) -> None:
        super().begin()
        self._number += 1
        self._writer.set(self._number)
        self._shown, self._displays, self._clears = [], {}, False

    def end(self) -> None:
        with self._lock:
            self._drain()
            with self._path.open("a") as file:
                file.write(json.dumps(self._shown) + "\n")
            self._number += 1
        super().end()

    def write(self, name: str, text: str) -> None:
        if os.getpid() != self._process:
            os.write(1 if name == "stdout" else 2, text.encode("utf-8", "backslashreplace"))
            return
        with self._lock:
            self._drain()
            if self._is_current():
                self._stream(name, text)

    def message(self, kind: str, content: Mapping[str, Any]) -> None:
        super().message(kind, content)
        with self._lock:
            self._drain()
            if not self._is_current():
                return
            if kind == "clear_output":
                self._clears = True
                if not content.get("wait"):
                    self._clear()
            elif kind in SHOWN:
                output = {"output_type": kind, **_picked(content, SHOWN[kind])}
                self._add(output)
                if name := _display_id(content):
                    self._displays.setdefault(name, []).append(output)
            elif kind == "update_display_data" and (name := _display_id(content)):
                for output in self._displays.get(name, ()):
                    output.update(_picked(content, ("data", "metadata")))

    def _is_current(self) -> bool:
        return self._writer.get(self._number) == self._number

    def _drain(self) -> None:
        for name, spool in self._read.items():
            if text := spool.read():
                self._stream(name, text)

    def _stream(self, name: str, text: str) -> None:
        if self._clears:
            self._clear()
        if self._shown and self._shown[-1].get("name") == name:
            self._shown[-1]["text"] += text
        else:
            self._add({"output_type": "stream", "name": name, "text": text})

    def _add(self, output: Output) -> None:
        if self._clears:
            self._clear()
        self._shown.append(output)

    def _clear(self) -> None:
        self._clears = False
        self._shown.clear()
        self._displays.clear()


def _picked(content: Mapping[str, Any], names: tuple[str, ...]) -> Output:
    picked = {name: content[name] for name in names if name in content}
    plain: Output = json.loads(json.dumps(picked, default=lambda value: f"<{type(value).__name__}>"))
    return plain


def _display_id(content: Mapping[str, Any]) -> str | None:
    name = (content.get("transient") or {}).get("display_id")
    return name if type(name) is str else None


if __name__ == "__main__":
    descriptor, path, *more = sys.argv[1:]
    sys.argv[1:] = []
    with socket.socket(fileno=int(descriptor)) as sock:
        sock.set_inheritable(False)
        runner.main(sock, runner.load_parts() if more else {}, lambda: Showing(Path(path)))
    os._exit(0)
