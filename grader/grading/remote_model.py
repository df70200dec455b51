"""The recorded model in its own process, as the grader uses it: sessions that checks ask about."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from grader.grading.door import traffic_of
from grader.grading.fair_clock import FairClock
from grader.jail.frames import Closed, FrameError
from grader.sandbox.jails import Jailed
from utils.lab.lab import Died
from utils.replay.conversation import Scenario
from utils.replay.gates import Gate
from utils.replay.log import Request, Traffic

ANSWER_SECONDS = 5.0
ALL_SECONDS = 10.0
"""that one process's answers may take together: an honest submission's take a tenth of a second"""
SETTLE = 1.0
"""seconds that open requests have for coming to their end, where all of them are to be shown"""
END_SECONDS = 0.5
"""for a process that has closed its connection: it is ending, and how it does so is to be seen"""
MAX_FAULT = 300
TOO_MUCH = "the recorded model was asked more than it can take"
PATIENCE = 0.5
"""seconds that a gate or a stall holds; the same as in a notebook's self-check"""


class RemoteModel:
    """The process of one submission's recorded model."""

    def __init__(
        self,
        child: Jailed,
        listener: int,
        deadline: float,
        clock: FairClock,
        see_to: Callable[[bool], None] = lambda killed: None,
    ) -> None:
        """Have it serve on a socket from inside the jail, by its descriptor, which stays the caller's.

        ``clock`` tells which seconds are its own. ``see_to`` is told, once the process is gone, whether it
        was killed; it may raise.
        """
        self._child = child
        self._clock = clock
        self._see_to = see_to
        self._number = 0
        self._opened = 0
        self._left = ALL_SECONDS
        self.broken = False
        """whether it can be asked no more"""
        child.channel.send({"number": 0}, deadline, descriptors=(listener,))
        self.port = int(child.channel.receive(deadline)["value"])

    def open(
        self, scenario: Scenario, closing: Callable[[tuple[Request, ...]], None] | None = None
    ) -> RemoteSession:
        """Return a fresh session that knows these conversations; ``closing`` is told what it was asked."""
        self._opened += 1
        name = f"session-{self._opened}"
        told = {"scenario": scenario.model_dump(mode="json"), "patience": PATIENCE}
        self.ask("open", name, **told)
        return RemoteSession(self, name, closing)

    def ask(self, op: str, session: str, **facts: Any) -> Any:
        """Return what an operation gives. Raises Died when the process is gone, or is asked for too much."""
        if self.broken:
            raise Died("crashed", TOO_MUCH)
        self._number += 1
        began = time.monotonic()
        # What the grader itself waits for, until open requests have ended, is not the model's time.
        waits = float(facts.get("settle", 0.0))
        seconds = min(ANSWER_SECONDS, self._left + waits)
        try:
            message = {"number": self._number, "op": op, "session": session, **facts}
            self._child.channel.send(message, began + seconds)
            answer = self._clock.receive(self._child, seconds)
        except FrameError as error:
            self.broken = True
            end = self._child.end(END_SECONDS if isinstance(error, Closed) else 0.0)
            self._see_to(end.killed)
            raise Died("crashed", f"{TOO_MUCH}: {error}") from error
        finally:
            self._left -= max(0.0, self._clock.own(time.monotonic() - began) - waits)
        if answer.get("number") != self._number or "value" not in answer:
            fault = str(answer.get("fault", "far too much"))[:MAX_FAULT]
            raise Died("crashed", f"the recorded model could not say what it was asked: {fault}")
        return answer["value"]

    def end(self) -> None:
        """End the process; a second call does nothing."""
        self._child.end()


class RemoteSession:
    """A session of a recorded model in another process (``utils.lab.lab.ModelSide``)."""

    def __init__(
        self,
        model: RemoteModel,
        name: str,
        closing: Callable[[tuple[Request, ...]], None] | None = None,
    ) -> None:
        self._model = model
        self._name = name
        self._closing = closing

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._model.port}/{self._name}"

    def traffic(self, *, settle: float = 0.0) -> Traffic:
        return traffic_of(self._ask("traffic", settle=settle))

    def arm(self, gate: Gate, kind: str = "model") -> None:
        self._ask("arm", gate=gate.model_dump(mode="json"), kind=kind)

    def release(self) -> None:
        self._ask("release")

    def clear(self) -> None:
        self._ask("clear")

    def close(self) -> None:
        if self._closing is not None:
            with contextlib.suppress(Died):
                self._closing(self.traffic(settle=SETTLE).requests)
        self._ask("close")

    def _ask(self, op: str, **facts: Any) -> Any:
        return self._model.ask(op, self._name, **facts)
