"""The recorded model in its own process, as the grader uses it: sessions that checks ask about."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

from grader.jail.frames import FrameError
from grader.jail.traffic import TRAFFIC
from grader.sandbox.child import Child
from utils.lab.lab import Died
from utils.replay.conversation import Scenario
from utils.replay.gates import Gate
from utils.replay.log import Request, Traffic

ANSWER_SECONDS = 5.0
ALL_SECONDS = 10.0
"""that one process's answers may take together: an honest submission's take a tenth of a second"""
SETTLE = 1.0
"""seconds that open requests have for coming to their end, where all of them are to be shown"""
PATIENCE = 0.5
"""seconds that a gate or a stall holds; the same as in a notebook's self-check"""


class RecordedModel:
    """The process of one submission's recorded model."""

    def __init__(self, child: Child, listener: int, deadline: float) -> None:
        """Have it serve on a socket from inside the jail; the socket's descriptor is closed here."""
        self._child = child
        self._number = 0
        self._opened = 0
        self._left = ALL_SECONDS
        self.broken = False
        """whether it can be asked no more"""
        try:
            child.channel.send({"number": 0}, deadline, descriptors=(listener,))
            child.channel.receive(deadline)
        finally:
            os.close(listener)

    def open(
        self, scenario: Scenario, closing: Callable[[tuple[Request, ...]], None] | None = None
    ) -> RemoteSession:
        """A fresh session that knows these conversations; ``closing`` is told what it was asked."""
        self._opened += 1
        name = f"session-{self._opened}"
        told = {"scenario": scenario.model_dump(mode="json"), "patience": PATIENCE}
        return RemoteSession(self, name, str(self.ask("open", name, **told)), closing)

    def ask(self, op: str, session: str, **facts: Any) -> Any:
        """What an operation gives. Raises Died when the process is gone, or is asked for too much."""
        if self.broken:
            msg = "the recorded model was asked more than it can take"
            raise Died("crashed", msg)
        self._number += 1
        began = time.monotonic()
        deadline = began + min(ANSWER_SECONDS, self._left)
        try:
            self._child.channel.send(
                {"number": self._number, "op": op, "session": session, **facts}, deadline
            )
            answer = self._child.channel.receive(deadline)
        except FrameError as error:
            self.broken = True
            msg = f"the recorded model was asked more than it can take: {error}"
            raise Died("crashed", msg) from error
        finally:
            self._left -= time.monotonic() - began
        if answer.get("number") != self._number or "value" not in answer:
            msg = f"the recorded model could not say what it was asked: {answer.get('fault', 'far too much')}"
            raise Died("crashed", msg)
        return answer["value"]

    def end(self) -> None:
        """End the process; a second call does nothing."""
        self._child.end()


class RemoteSession:
    """A session of a recorded model in another process (``utils.lab.lab.ModelSide``)."""

    def __init__(
        self,
        model: RecordedModel,
        name: str,
        url: str,
        closing: Callable[[tuple[Request, ...]], None] | None = None,
    ) -> None:
        self._model = model
        self._name = name
        self._url = url
        self._closing = closing

    @property
    def url(self) -> str:
        return self._url

    def traffic(self, *, settle: float = 0.0) -> Traffic:
        told = self._ask("traffic", settle=settle)
        if told["left_out"]:
            msg = f"{told['left_out']} requests more than are kept: something asks without end"
            raise Died("crashed", msg)
        return TRAFFIC.validate_python(told["traffic"])

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
