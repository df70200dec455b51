"""How far a batch is, and how long it will take: a line on a terminal, now and then one in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

LOG_SECONDS = 30.0
"""between two lines where nobody watches, as in the log of a job"""


class Screen(Protocol):
    """Where progress is written."""

    def isatty(self) -> bool: ...

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class Progress:
    """Counts what is done."""

    def __init__(self, total: int, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._screen = screen
        self._clock = clock
        self._live = screen.isatty()
        self._began = self._said = clock()
        self._done = 0
        self._new = 0

    def step(self, new: bool) -> None:
        """Note that one more is done; those that are ``new`` took time."""
        self._done += 1
        self._new += new
        now = self._clock()
        if self._live:
            self._write(f"\r{self.line()}\x1b[K")
        elif now - self._said >= LOG_SECONDS and self._done < self._total:
            self._said = now
            self._write(f"{self.line()}\n")

    def clear(self) -> None:
        """Take the line off the terminal, so that something else can be written there."""
        if self._live:
            self._write("\r\x1b[K")

    def line(self) -> str:
        """Return how far it is, and for how long it will go on at this rate."""
        spent = self._clock() - self._began
        told = f"{self._done} of {self._total} done, {_duration(spent)}"
        left = self._total - self._done
        if not left or not self._new:
            return told
        return f"{told}; about {_duration(spent / self._new * left)} left"

    def _write(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()


def _duration(seconds: float) -> str:
    """Return a duration as people say it: ``40 s``, ``3 min 20 s``, ``1 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"
