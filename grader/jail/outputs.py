"""What cells show, as the plain data of a notebook's outputs, and never more than agreed."""

from __future__ import annotations

import base64
import contextvars
import itertools
import math
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.jail.spool import Spool

Output = dict[str, Any]
NAMES = {1: "stdout", 2: "stderr"}
_DEPTH = 30
MAX_ERROR = 4_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept."""

    cell: int = 200_000
    """characters of one cell"""
    total: int = 2_000_000
    """characters of all cells together"""
    items: int = 1_000
    """outputs of one cell"""


@dataclass(slots=True)
class Shown:
    """What one cell has shown so far."""

    outputs: list[Output] = field(default_factory=list)
    room: int = 0
    """how many characters may still come"""
    cut: bool = False
    clear_next: bool = False
    displays: dict[str, list[Output]] = field(default_factory=dict)


class Outputs:
    """Takes in what the current cell shows.

    As in a notebook run without a front end, what a task prints after its own cell has ended belongs to
    no cell and is dropped; a thread prints into the cell that runs meanwhile.
    """

    def __init__(self, bounds: Bounds, spools: Mapping[int, Spool]) -> None:
        self._bounds = bounds
        self._spools = spools
        self._left = bounds.total
        self._number = 0
        self._shown = Shown()
        self._writer: contextvars.ContextVar[int] = contextvars.ContextVar("cell")
        # Taken again by an alarm's exception on its way through the same thread.
        self._lock = threading.RLock()
        self._process = os.getpid()

    def begin(self) -> None:
        """Start with an empty cell, which owns everything that the running task begins from here on."""
        with self._lock:
            for spool in self._spools.values():
                spool.restart()
            self._number += 1
            self._writer.set(self._number)
            self._shown = Shown(room=min(self._bounds.cell, self._left))

    def end(self) -> Shown:
        """What the cell has shown; nothing comes to it later."""
        with self._lock:
            self._drain()
            shown = self._shown
            self._left -= max(0, min(self._bounds.cell, self._left) - shown.room)
            self._shown = Shown()
            for spool in self._spools.values():
                spool.restart()  # what was printed takes room in the work folder
            return shown

    def write(self, name: str, text: str) -> None:
        """Take in printed text."""
        if os.getpid() != self._process:
            # A forked child has a copy of this object that nobody reads; the file behind fd 1 is shared.
            os.write(1 if name == "stdout" else 2, text.encode("utf-8", "backslashreplace"))
            return
        with self._lock:
            self._drain()
            if self._is_current():
                self._stream(name, text)

    def message(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take in what the kernel protocol calls a message: a display, a result, an error."""
        with self._lock:
            self._drain()
            if not self._is_current():
                return
            if kind == "clear_output":
                self._shown.clear_next = True
                if not content.get("wait"):
                    self._clear()
            elif kind == "error":
                # What went wrong is told even by a cell that has printed all it may.
                self._shown.room = max(self._shown.room, MAX_ERROR)
                self._add({"output_type": "error", **self._picked(content, _ERROR)})
            elif kind in ("display_data", "execute_result"):
                output = {"output_type": kind, **self._picked(content, _DISPLAY)}
                if self._add(output) and (name := _display_id(content)):
                    self._shown.displays.setdefault(name, []).append(output)
            elif kind == "update_display_data" and (name := _display_id(content)):
                for output in self._shown.displays.get(name, ()):
                    output.update(self._picked(content, ("data", "metadata")))

    def _is_current(self) -> bool:
        return self._writer.get(self._number) == self._number

    def _drain(self) -> None:
        for number, spool in self._spools.items():
            if text := spool.read(max(0, self._shown.room) + 1):
                self._stream(NAMES[number], text)

    def _stream(self, name: str, text: str) -> None:
        text = self._fit(text)
        if not text:
            return
        if self._shown.clear_next:
            self._clear()
        outputs = self._shown.outputs
        last = outputs[-1] if outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            # A list, joined at the end: adding text to text takes ever longer.
            last["text"].append(text)
        else:
            self._add({"output_type": "stream", "name": name, "text": [text]})

    def _add(self, output: Output) -> bool:
        if self._shown.clear_next:
            self._clear()
        if len(self._shown.outputs) >= self._bounds.items:
            self._shown.cut = True
            return False
        self._shown.outputs.append(output)
        return True

    def _clear(self) -> None:
        self._shown.clear_next = False
        self._shown.outputs.clear()
        self._shown.displays.clear()

    def _fit(self, text: str) -> str:
        """Text that every encoding takes, as long as there is room."""
        shown = self._shown
        room = max(0, shown.room)
        if len(text) > room:
            text, shown.cut = text[:room], True
        shown.room -= len(text)
        return text.encode("utf-8", "backslashreplace").decode("utf-8")

    def _picked(self, content: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._plain(content[name], 1) for name in names if name in content}

    def _plain(self, value: Any, depth: int = 0) -> Any:
        """A value as JSON takes it, read by its base type only; what is none is named instead."""
        kind = type(value)
        self._shown.room -= 1
        if value is None or kind is bool:
            return value
        if issubclass(kind, str):
            return self._fit(str.__str__(value))
        if issubclass(kind, int):
            number = int.__index__(value)
            return number if number.bit_length() <= 64 else self._fit(hex(number))
        if issubclass(kind, float):
            real = float.__float__(value)
            return real if math.isfinite(real) else repr(real)
        if kind in (bytes, bytearray):
            return self._fit(base64.b64encode(bytes(value[: max(0, self._shown.room)])).decode())
        if self._shown.room <= 0 or depth > _DEPTH:
            self._shown.cut = True
        elif issubclass(kind, dict):
            return {
                self._fit(str.__str__(key)): self._plain(item, depth + 1)
                for key, item in list(dict.items(value))[: self._shown.room]
                if issubclass(type(key), str)
            }
        elif issubclass(kind, list | tuple):
            items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
            return [self._plain(item, depth + 1) for item in itertools.islice(items, self._shown.room)]
        return self._fit(f"<{type.__dict__['__name__'].__get__(kind)[:80]}>")


_ERROR = ("ename", "evalue", "traceback")
_DISPLAY = ("data", "metadata", "execution_count")


def _display_id(content: Mapping[str, Any]) -> str | None:
    name = (content.get("transient") or {}).get("display_id")
    return name if type(name) is str else None


def finished(shown: Shown) -> list[Output]:
    """The outputs as plain data, with a mark where something is missing."""
    outputs = [
        {**item, "text": "".join(item["text"])} if item["output_type"] == "stream" else item
        for item in shown.outputs
    ]
    if shown.cut:
        text = "\n[… this cell showed more than is kept]\n"
        outputs.append({"output_type": "stream", "name": "stderr", "text": text})
    return outputs
