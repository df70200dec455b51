"""Noticing a call that blocks an event loop: such a call raises nothing, it only makes everything wait.

While a cell runs, a thread looks at it some twenty times a second. A coroutine that is awaiting something is
not on the stack, so one that stays there, at the same place, and has called no other coroutine, holds the
loop, unless the loop's own heartbeat goes on. Only functions of the notebook count: what a library does
inside its own coroutines is its affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import linecache
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType

SECONDS = 0.3
"""how long a coroutine may hold its loop; LangChain's first call in a process takes a tenth of a second"""
INTERVAL = 0.05
_CELL = re.compile(r"ipykernel_\d+[/\\]\d+\.py$|^<ipython-input-")
_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE


@dataclass(frozen=True, slots=True)
class Blocked:
    """A function of a notebook that held its loop."""

    function: str
    line: int
    """within its cell"""
    source: str
    """that line, empty if it cannot be read"""


def in_a_cell(code: CodeType) -> bool:
    """Return whether code belongs to a cell of a notebook."""
    return _CELL.search(code.co_filename) is not None


class Watcher:
    """Watches one thread between ``begin`` and ``end``."""

    def __init__(
        self,
        seconds: float = SECONDS,
        interval: float = INTERVAL,
        counts: Callable[[CodeType], bool] = in_a_cell,
    ) -> None:
        self._seconds = seconds
        self._interval = interval
        self._counts = counts
        self._told: dict[int, CodeType] = {}
        self._found: list[Blocked] = []
        self._beats = 0
        self._next_beat: asyncio.TimerHandle | None = None
        self._over: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Watch the calling thread from now on, and the loop that runs in it, if one does."""
        self.end()
        with contextlib.suppress(RuntimeError):
            self._beat(asyncio.get_running_loop())
        over = self._over = threading.Event()
        watched = threading.get_ident()
        self._thread = threading.Thread(
            target=self._watch, args=(watched, over), name="watches-the-loop", daemon=True
        )
        self._thread.start()

    def end(self) -> tuple[Blocked, ...]:
        """Return what held the loop since ``begin``, each function once; empty if nobody watched."""
        if self._over is None or self._thread is None:
            return ()
        if self._next_beat is not None:
            self._next_beat.cancel()
            self._next_beat = None
        self._over.set()
        self._thread.join(timeout=1.0)
        self._over = self._thread = None
        found, self._found = self._found, []
        return tuple(found)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beats += 1
        self._next_beat = loop.call_later(self._interval, self._beat, loop)

    def _watch(self, watched: int, over: threading.Event) -> None:
        place: tuple[int, int, int] | None = None
        since = 0.0
        while not over.wait(self._interval):
            frame = self._holding(sys._current_frames().get(watched))
            if frame is None:
                place = None
                continue
            here = (id(frame), frame.f_lasti, self._beats)
            now = time.monotonic()
            if here != place:
                place, since = here, now
            elif now - since >= self._seconds and id(frame.f_code) not in self._told:
                # By identity: a cell that is run again defines its functions again, with equal code.
                self._told[id(frame.f_code)] = frame.f_code
                source = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()[:80]
                self._found.append(Blocked(frame.f_code.co_name, frame.f_lineno, source))
            del frame  # what it holds must not live longer for being looked at

    def _holding(self, frame: FrameType | None) -> FrameType | None:
        """Return the innermost coroutine on a stack; ``None`` if it is not a function that counts."""
        while frame is not None and not frame.f_code.co_flags & _COROUTINE:
            frame = frame.f_back
        # A cell with await in it is a coroutine, too: it may block as it likes, for nobody else is there.
        if frame is None or frame.f_code.co_name == "<module>" or not self._counts(frame.f_code):
            return None
        return frame
