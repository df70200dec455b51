"""The time of a submission on a busy machine: what others had of the processors is not its own.

Several submissions are run side by side, and one of them may start as many processes as it can. An honest one
beside it must not run out of time for that. So the seconds in which its processes were ready to run, and
were not let, are granted on top, within bounds: whoever starves because of its own processes gains little.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grader.jail.frames import TimedOut
from grader.jail.limits import LONGEST
from grader.sandbox.jails import Jailed

NOTICED = 0.2
"""seconds of waiting that are worth a look"""
SHARE = 0.75
"""of any time, the most that can have been others'"""


@dataclass(slots=True)
class Grant:
    """What may still be granted to one submission."""

    left: float
    """seconds"""


class FairClock:
    """Tells which seconds were a submission's own."""

    def __init__(self, processes: Sequence[Jailed], grant: Grant) -> None:
        """Begin: ``processes`` wait for each other, so what each had to wait adds up."""
        self._processes = processes
        self._grant = grant
        self._seen = 0.0
        self._others = 0.0
        """seconds that were others', and that have not been taken off anything"""

    def receive(self, process: Jailed, seconds: float) -> dict[str, Any]:
        """Return what a process says within so many seconds of its own. Raises FrameError."""
        began = time.monotonic()
        last = began + min(LONGEST * seconds, seconds + self._grant.left)
        deadline = began + seconds
        while True:
            try:
                return process.channel.receive(deadline)
            except TimedOut:
                more, now = self._look(), time.monotonic()
                if more < NOTICED or now >= last:
                    raise
                deadline = min(now + more, last)

    def own(self, seconds: float) -> float:
        """Return how many of the seconds that something took were the submission's own."""
        if seconds < NOTICED:
            return seconds
        self._look()
        granted = min(self._others, SHARE * seconds, self._grant.left)
        self._grant.left -= granted
        self._others = 0.0
        return seconds - granted

    def _look(self) -> float:
        """Return how many more seconds were others' since the last look."""
        found = sum(process.kept_waiting() for process in self._processes)
        more, self._seen = max(0.0, found - self._seen), max(found, self._seen)
        self._others += more
        return more
