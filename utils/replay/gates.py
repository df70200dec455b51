"""Gates hold requests at the server, so that overlap and order are seen without a clock.

A gate is released by what it waits for, or after ``patience`` seconds: a right solution never waits
that long, a wrong one goes on and is judged by what was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from utils.replay.conversation import Frozen

LIMIT = 4
"""Most requests that a graded gate waits for: more would ask for more cores than students have."""


class CapGate(Frozen):
    """The first ``count`` requests wait for each other, then linger to see whether one more comes."""

    kind: Literal["cap"] = "cap"
    count: int = Field(ge=1)
    linger: float = 0.05
    patience: float = 0.5


class ReverseGate(Frozen):
    """The first ``count`` requests wait for each other and are then finished last first."""

    kind: Literal["reverse"] = "reverse"
    count: int = Field(ge=1)
    order: tuple[str, ...] = ()
    """what the requests ask, in their order; without it their arrival is the order, and that of tasks which
    begin together is chance"""
    linger: float = 0.05
    """between one answer's end and the next: a client that reads two at once would see no order"""
    patience: float = 0.5


class HoldGate(Frozen):
    """The first request is held until ``count`` others have been answered."""

    kind: Literal["hold"] = "hold"
    count: int = Field(ge=1)
    patience: float = 0.5


Gate = Annotated[CapGate | ReverseGate | HoldGate, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """One request that waits."""

    asks: str
    go: asyncio.Event = field(default_factory=asyncio.Event)


class HeldGate:
    """A gate at work, on the server's loop."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._turns: list[_Turn] = []
        self._open = False
        self._passed = 0
        self._timers: list[asyncio.TimerHandle] = []

    @asynccontextmanager
    async def hold(self, asks: str = "") -> AsyncIterator[None]:
        """Wait for the gate; leaving the block lets the next one of a reverse gate go.

        ``asks`` is what the request asks, by which a reverse gate may know its place.
        """
        if self._open:
            yield
            return
        if isinstance(self.gate, HoldGate) and self._turns:
            try:
                yield
            finally:
                self._passed += 1
                if self._passed >= self.gate.count:
                    self.release()
            return
        if len(self._turns) >= self.gate.count:
            yield
            return
        mine = _Turn(asks)
        self._turns.append(mine)
        loop = asyncio.get_running_loop()
        if len(self._turns) == 1:
            self._timers.append(loop.call_later(self.gate.patience, self.release))
        if len(self._turns) == self.gate.count and not isinstance(self.gate, HoldGate):
            linger = self.gate.linger if isinstance(self.gate, CapGate) else 0.0
            self._timers.append(loop.call_later(linger, self.release))
        try:
            await mine.go.wait()
            yield
        finally:
            self._turns = [turn for turn in self._turns if turn is not mine]
            self._left()

    def release(self) -> None:
        """Open the gate for good."""
        if self._open:
            return
        self._open = True
        self._forget_timers()
        if isinstance(self.gate, CapGate):
            for turn in self._turns:
                turn.go.set()
        self._let_last_go()

    def _left(self) -> None:
        if not self._turns:
            self._forget_timers()
        elif self._open:
            linger = self.gate.linger if isinstance(self.gate, ReverseGate) else 0.0
            asyncio.get_running_loop().call_later(linger, self._let_last_go)

    def _let_last_go(self) -> None:
        if self._turns:
            places = enumerate(self._turns)
            _, last = max(places, key=lambda place: (self._place(place[1].asks), place[0]))
            last.go.set()

    def _place(self, asks: str) -> int:
        """Return where a request stands in the gate's order; -1, before all others, if it is not there."""
        order = self.gate.order if isinstance(self.gate, ReverseGate) else ()
        return order.index(asks) if asks in order else -1

    def _forget_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


class Stall:
    """Where replies wait until a check says "go on", or until patience ends."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.waiting = 0
        self._released = asyncio.Event()

    async def wait(self) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(self.patience):
                await self._released.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1

    def release(self) -> None:
        self._released.set()
