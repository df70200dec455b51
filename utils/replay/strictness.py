"""What a provider refuses in a history, said once for every protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from utils.replay.matching import Heard


@dataclass(frozen=True, slots=True)
class Defect:
    """The first thing in a history that a provider would refuse."""

    kind: Literal["no messages", "unanswered", "unexpected", "unknown", "doubled", "no tools"]
    position: int
    """index of the message at fault"""
    ids: tuple[str, ...] = ()


def defect(messages: Sequence[Heard], tools: Sequence[str] | None = None) -> Defect | None:
    """Return the first defect of a history; ``None`` for one that the provider accepts.

    Each call of an assistant's message must be answered exactly once, directly after it. Where calls and
    results need tools that the request defines, ``tools`` are those it does.
    """
    if not messages:
        return Defect("no messages", 0)
    if tools is not None and not tools:
        for position, message in enumerate(messages):
            if message.calls or message.role == "tool":
                return Defect("no tools", position)
    asked: tuple[str, ...] = ()
    open_ids: list[str] = []
    asked_at = 0
    for position, message in enumerate(messages):
        if message.role == "tool":
            if not asked:
                return Defect("unexpected", position, (message.call_id,))
            if message.call_id not in asked:
                return Defect("unknown", position, (message.call_id,))
            if message.call_id not in open_ids:
                return Defect("doubled", position, (message.call_id,))
            open_ids.remove(message.call_id)
            continue
        if open_ids:
            return Defect("unanswered", asked_at, tuple(open_ids))
        asked = tuple(call.id for call in message.calls)
        if len(set(asked)) != len(asked):
            return Defect("doubled", position, asked)
        open_ids, asked_at = list(asked), position
    return Defect("unanswered", asked_at, tuple(open_ids)) if open_ids else None
