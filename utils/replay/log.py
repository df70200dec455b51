"""What was asked of the recorded model, as the evidence that checks rest on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from utils.replay.matching import Heard

Client = Literal["sync", "async", ""]
KINDS = ("model", "search", "tool")
"""what a request may be for"""


@dataclass(frozen=True, slots=True)
class Miss:
    """A request for which nothing is recorded."""

    reason: str
    asked: str
    nearest: str | None
    sentence: str
    before: tuple[str, ...] = ()
    """for a "history": the questions that the recording has before this one"""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the server saw it."""

    arrived: int
    """order of arrival, from 0"""
    kind: str
    """one of `KINDS`"""
    call: int
    """logical call: an SDK's retry of a refused request has the number of the first try"""
    client: Client = ""
    """whether a sync or an async client asked, where the protocol tells"""
    stream: bool = False
    model: str = ""
    messages: tuple[Heard, ...] = ()
    tools: tuple[str, ...] = ()
    tool: str = ""
    args: Any = None
    status: int = 0
    """0 while the request is open"""
    finished: int | None = None
    """order of finishing, from 0; ``None`` while it is open"""
    gave_up: bool = False
    """the client went away before the end"""
    invented: bool = False
    """the answer was made by rule: nobody recorded or wrote it"""
    broken_off: bool = False
    """the answer ended in the middle: the server hung up as it was told to, or the real model broke off"""
    pieces: int = 0
    """pieces of the answer sent so far"""
    opened_at: float = 0.0
    """seconds since the log began"""
    first_at: float | None = None
    finished_at: float | None = None

    @property
    def answered(self) -> bool:
        """Return whether the client got a whole answer that is not a refusal."""
        return self.status == 200 and not self.broken_off and not self.gave_up

    @property
    def questions(self) -> tuple[str, ...]:
        return tuple(message.text for message in self.messages if message.role == "user")

    @property
    def results(self) -> tuple[str, ...]:
        return tuple(message.text for message in self.messages if message.role == "tool")

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(message.role for message in self.messages)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Everything that a session was asked so far, as it stood at one moment."""

    requests: tuple[Request, ...] = ()
    """by order of arrival"""
    misses: tuple[Miss, ...] = ()
    peaks: Mapping[str, int] = field(default_factory=dict)
    """most requests that were open at the same time, by kind"""

    def of(self, kind: str = "model") -> tuple[Request, ...]:
        """Return the requests of one kind."""
        return tuple(request for request in self.requests if request.kind == kind)

    def peak(self, kind: str = "model") -> int:
        """Return the most requests of a kind that were open at the same time."""
        return self.peaks.get(kind, 0)

    def open(self, kind: str = "model") -> int:
        """Return how many requests of a kind were open at this moment."""
        return sum(request.finished is None for request in self.of(kind))

    @property
    def refused(self) -> tuple[Request, ...]:
        """The requests that the model refused as malformed."""
        return tuple(request for request in self.of() if request.status == 400)

    @property
    def unknown(self) -> tuple[Request, ...]:
        """The requests of the model that nobody recorded."""
        return tuple(request for request in self.of() if request.status == 422)


@dataclass
class Log:
    """The requests of one session, written on the server's loop only."""

    requests: list[Request] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    open: dict[str, int] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    _finished: int = 0
    _calls: int = 0
    _began: float | None = None
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        clock = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = clock
        return clock - self._began

    def open_request(self, kind: str, *, tries: int = 0, **facts: Any) -> int:
        """Note a request as open and return its number; ``tries`` is how often the client tried before."""
        arrived = len(self.requests)
        call = self._retried(kind, facts.get("messages", ()), tries) if tries else None
        if call is None:
            call = self._calls
            self._calls += 1
        self.requests.append(Request(arrived, kind, call, opened_at=self.now(), **facts))
        self.open[kind] = self.open.get(kind, 0) + 1
        self.peaks[kind] = max(self.peaks.get(kind, 0), self.open[kind])
        self._settled.clear()
        return arrived

    def _retried(self, kind: str, messages: Sequence[Heard], tries: int) -> int | None:
        """Return the call that was tried this often with these messages and never with success, or ``None``.

        Of several the one refused longest ago: its client has waited longest.
        """
        found: dict[int, list[Request]] = {}
        for request in self.requests:
            if request.kind == kind and request.messages == messages:
                found.setdefault(request.call, []).append(request)
        waiting = [
            (all(request.finished is not None for request in requests), requests[-1])
            for requests in found.values()
            if len(requests) == tries and not any(request.answered for request in requests)
        ]
        # A client that gave up on a request may be back before the server has noted the end of it.
        ended = [request for done, request in waiting if done] or [request for _, request in waiting]
        return min(ended, key=lambda request: request.finished or 0).call if ended else None

    def invent(self, number: int) -> None:
        """Note that a request's answer was made by rule."""
        self.requests[number] = replace(self.requests[number], invented=True)

    def sent(self, number: int, pieces: int) -> None:
        """Note that so many more pieces went out."""
        if pieces:
            request = self.requests[number]
            first = self.now() if request.first_at is None else request.first_at
            self.requests[number] = replace(request, pieces=request.pieces + pieces, first_at=first)

    def close_request(
        self, number: int, status: int, *, gave_up: bool = False, broken_off: bool = False
    ) -> None:
        """Note how a request ended; how it is said to end later is not noted."""
        request = self.requests[number]
        if request.finished is not None:
            return
        self.requests[number] = replace(
            request,
            status=status,
            finished=self._finished,
            gave_up=gave_up,
            broken_off=broken_off,
            finished_at=self.now(),
        )
        self._finished += 1
        self.open[request.kind] -= 1
        if not any(self.open.values()):
            self._settled.set()

    async def settled(self, patience: float) -> None:
        """Wait until no request is open, or until patience ends.

        A client may see the end of an answer before the server has noted it.
        """
        if any(self.open.values()):
            try:
                async with asyncio.timeout(patience):
                    await self._settled.wait()
            except TimeoutError:
                pass
