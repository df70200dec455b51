"""The recorded model's own process: ``python -P -m grader.jail.recorded_model FD``.

It reads what a submission's code sends, so it is jailed as well, and it knows the conversations of this one
submission only. The descriptor is a connected stream socket. The first frame brings a socket that listens
inside the submission's jail; it and each later one, ``{"number", "op", …}``, is answered by ``{"number",
"value"}``, ``{"number", "fault"}`` or, when more was asked of the model than can be told, ``{"number",
"flooded"}``. The operations are ``open`` and those of a session, by its name.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from grader.jail import limits as limiting
from grader.jail.frames import Channel, Closed, FrameTooLarge
from grader.jail.limits import Limits
from grader.jail.traffic import GATE, TRAFFIC
from utils.replay.conversation import Scenario
from utils.replay.log import Traffic
from utils.replay.server import ReplayServer
from utils.replay.session import Session

MOST = 300
"""requests of a session that are told; checks ask for a handful"""
LIMITS = Limits(data=768 * 2**20, processes=None, file_size=0, cell_cpu=None, cell_wall=None)

Ask = Mapping[str, Any]


class Sessions:
    """The sessions of one submission, and the server in which they are."""

    def __init__(self, server: ReplayServer) -> None:
        self._server = server
        self._sessions: dict[str, Session] = {}

    def answer(self, ask: Ask) -> Any:
        """Return what an operation gives, as plain data."""
        if ask["op"] == "open":
            self._open(ask["session"], Scenario.model_validate(ask["scenario"]), ask["patience"])
            return None
        session = self._sessions[ask["session"]]
        if ask["op"] == "close":
            session.close()
            del self._sessions[ask["session"]]
            return None
        return _OPERATIONS[ask["op"]](session, ask)

    def _open(self, name: str, scenario: Scenario, patience: float) -> None:
        session = self._server.open(scenario, patience=patience, token=name)
        self._sessions[name] = session


def _told(traffic: Traffic) -> dict[str, Any]:
    kept = replace(traffic, requests=traffic.requests[:MOST], misses=traffic.misses[:MOST])
    return {
        "traffic": TRAFFIC.dump_python(kept, mode="json"),
        "left_out": max(0, len(traffic.requests) - MOST),
    }


_OPERATIONS: Mapping[str, Callable[[Session, Ask], Any]] = {
    "traffic": lambda session, ask: _told(session.traffic(settle=ask["settle"])),
    "arm": lambda session, ask: session.arm(GATE.validate_python(ask["gate"]), ask["kind"]),
    "release": lambda session, ask: session.release(),
    "clear": lambda session, ask: session.clear(),
}


def main(sock: socket.socket) -> None:
    """Answer until the other end closes."""
    channel = Channel(sock)
    limiting.apply(LIMITS)
    _be_silent()
    with contextlib.suppress(Closed):
        ask, (listener,) = channel.receive_granted(1)
        server = ReplayServer(listener=socket.socket(fileno=listener)).start()
        channel.send({"number": ask["number"], "value": server.port})
        sessions = Sessions(server)
        while True:
            _reply(channel, channel.receive(), sessions)


def _be_silent() -> None:
    """Write nothing to stderr: it is a pipe that nobody reads, and who asks could fill it with complaints."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _reply(channel: Channel, ask: Ask, sessions: Sessions) -> None:
    try:
        told = {"number": ask["number"], "value": sessions.answer(ask)}
    except Exception as error:  # the border of the process: the asker is told, and asks something else
        told = {"number": ask["number"], "fault": f"{type(error).__name__}: {error}"[:MOST]}
    try:
        channel.send(told)
    except FrameTooLarge:
        channel.send({"number": ask["number"], "flooded": True})


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as sock:
        sock.set_inheritable(False)
        main(sock)
    os._exit(0)
