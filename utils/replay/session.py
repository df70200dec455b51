"""One use of the recorded model: its conversations, gates, faults and log, under an address of its own."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from utils.errors import SetupError
from utils.replay.conversation import SEARCH, AnswerTurn, Fault, Reply, Scenario, ToolAnswer
from utils.replay.gates import Gate, HeldGate, Stall
from utils.replay.invented import invented_hits, invented_reply, is_of_other_places, spelled_otherwise
from utils.replay.log import Log, Miss, Traffic
from utils.replay.matching import (
    Index,
    ModelRequest,
    NotRecorded,
    Row,
    compile_scenario,
    find,
    find_tool,
    fold_args,
)
from utils.replay.pacing import OFF, Pace
from utils.replay.wires.base import in_other_pieces

if TYPE_CHECKING:
    from utils.replay.recording import Recorder
    from utils.replay.relay import Relay
    from utils.replay.server import ReplayServer

T = TypeVar("T")
_MAY_BE_INVENTED = ("question", "history", "results")
"""why nothing recorded fits, where an answer by rule is better than none: a missing tool is to be seen"""


def _may_be_invented(found: Row | NotRecorded, request: ModelRequest) -> bool:
    if isinstance(found, NotRecorded):
        return found.reason in _MAY_BE_INVENTED
    return is_of_other_places(found, request)


def turn_of(reply: Reply) -> Literal["call", "answer"]:
    """Return which turn of the model a reply is."""
    return "answer" if isinstance(reply, AnswerTurn) else "call"


class Session:
    """What one notebook, or one check, asks of a server. Its public methods may be called from any thread."""

    def __init__(
        self,
        server: ReplayServer,
        scenario: Scenario,
        *,
        pace: Pace = OFF,
        patience: float = 0.5,
        recorder: Recorder | None = None,
        relay: Relay | None = None,
        token: str | None = None,
    ) -> None:
        self.token = token or secrets.token_urlsafe(16)
        self.pace = pace
        self.recorder = recorder
        self.relay = relay
        """passes requests on to a real model; ``None`` where answers are recorded"""
        self._server = server
        self._patience = patience
        self._index: Index = compile_scenario(scenario)
        self._free = scenario.free
        self._log = Log()
        self._gates: dict[str, HeldGate] = {}
        self._stall = Stall(patience)
        self._hits: dict[Hashable, int] = {}
        self._breaks: dict[str, Fault] = {}
        self._broken_off: set[Hashable] = set()
        """replies in which the line has dropped"""

    @property
    def url(self) -> str:
        """Address of this session, without a trailing slash."""
        return f"{self._server.address}/{self.token}"

    # What checks ask and set, from their own thread.

    def traffic(self, *, settle: float = 0.0) -> Traffic:
        """Return what was asked so far, after waiting up to ``settle`` seconds for open requests."""

        async def read() -> Traffic:
            if settle:
                await self._log.settled(settle)
            return Traffic(tuple(self._log.requests), tuple(self._log.misses), dict(self._log.peaks))

        return self._server.run(read())

    def restart(self, scenario: Scenario | None, pace: Pace) -> None:
        """Begin again with these conversations, at the same address; what still waits goes on.

        ``None`` keeps the conversations.
        """
        index = self._index if scenario is None else compile_scenario(scenario)

        def begin() -> None:
            self._let_go()
            self._index, self.pace, self._log = index, pace, Log()
            self._free = self._free if scenario is None else scenario.free
            self._gates.clear()
            self._hits.clear()
            self._breaks.clear()
            self._broken_off.clear()
            if self.relay is not None:
                self.relay.count_anew()

        self._now(begin)

    def recorded_questions(self) -> tuple[str, ...]:
        """Return the questions that have a recorded answer, as they were written."""
        return tuple(self._index.asked.values())

    def arm(self, gate: Gate, kind: str = "model") -> None:
        """Put a gate before the next requests of a kind."""
        self._now(lambda: self._gates.__setitem__(kind, HeldGate(gate)))

    def break_next(self, turn: Literal["call", "answer"], fault: Fault) -> None:
        """Let a fault hit the next reply of this kind, once."""
        self._now(lambda: self._breaks.__setitem__(turn, fault))

    def release(self) -> None:
        """Let everything go on that waits at a gate or in a stall; later stalls wait again."""
        self._now(self._let_go)

    def _let_go(self) -> None:
        self._stall.release()
        self._stall = Stall(self._patience)
        for gate in self._gates.values():
            gate.release()

    def clear(self) -> None:
        """Forget what was asked so far; open requests are no longer noted."""

        def reset() -> None:
            self._log = Log()

        self._now(reset)

    def close(self) -> None:
        """End the session: what waits goes on, and nothing more is answered. A second call does nothing."""
        self._server.forget(self)
        with contextlib.suppress(SetupError):  # the server was closed before
            self.release()

    def _now(self, look: Callable[[], T]) -> T:
        async def on_loop() -> T:
            return look()

        return self._server.run(on_loop())

    # What the server asks, on its loop.

    @property
    def notes(self) -> Log:
        return self._log

    @property
    def stalled(self) -> Stall:
        return self._stall

    def gate(self, kind: str) -> HeldGate | None:
        return self._gates.get(kind)

    def break_due(self, turn: Literal["call", "answer"]) -> Fault | None:
        """Return the fault that is to hit a reply of this kind now, and forget it."""
        return self._breaks.pop(turn, None)

    @property
    def breaks_off(self) -> bool:
        """Whether the next reply of some kind is to break off."""
        return bool(self._breaks)

    def reply(
        self, request: ModelRequest, invented: Callable[[], None] = lambda: None
    ) -> tuple[Reply, Fault | None] | NotRecorded:
        """Return the reply and the fault that hits it now, or why there is none; remember a miss.

        Outside of checks a question may be spelled in another way than it was recorded, and what is about
        the weather is answered by rule: ``invented`` is called then.
        """
        found = find(self._index, request, exact=self.recorder is not None)
        free = self._free and self.recorder is None
        if free and isinstance(found, NotRecorded):
            found = spelled_otherwise(self._index, request) or found
        if free and _may_be_invented(found, request) and (made := invented_reply(request)) is not None:
            invented()
            return made, self.break_due(turn_of(made))
        if isinstance(found, NotRecorded):
            if self.recorder is None:
                self._miss(found)
            return found
        reply, key = found.reply, found.key
        once = self.break_due(turn_of(reply))
        fault = once or self._due(reply.fault, key)
        if isinstance(reply, AnswerTurn) and key in self._broken_off:
            reply = in_other_pieces(reply)
        if fault is not None and fault.kind == "drop":
            self._broken_off.add(key)
        return reply, fault

    def tool(
        self, tool: str, args: Mapping[str, Any], invented: Callable[[], None] = lambda: None
    ) -> ToolAnswer | NotRecorded:
        """Return what a tool answers now, and remember a miss. Used-up failures have become answers.

        Outside of checks a search about the weather is answered by rule: ``invented`` is called then.
        """
        answer = find_tool(self._index, tool, args)
        if isinstance(answer, NotRecorded) and self._free and self.recorder is None and tool == SEARCH:
            made = invented_hits(str(args.get("query", "")))
            if made is not None:
                invented()
                return made
        if isinstance(answer, NotRecorded):
            if self.recorder is None:
                self._miss(answer)
            return answer
        if answer.raises is not None and answer.times is not None:
            used = self._count((tool, fold_args(args)))
            if used > answer.times:
                return answer.model_copy(update={"raises": None})
        return answer

    def _due(self, fault: Fault | None, key: Hashable) -> Fault | None:
        if fault is None or fault.times is None:
            return fault
        return fault if self._count(key) <= fault.times else None

    def _count(self, key: Hashable) -> int:
        self._hits[key] = self._hits.get(key, 0) + 1
        return self._hits[key]

    def _miss(self, found: NotRecorded) -> None:
        self._log.misses.append(Miss(found.reason, found.asked, found.nearest, found.sentence, found.before))
