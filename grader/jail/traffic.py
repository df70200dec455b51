"""The recorded model's log and gates as they cross between its process and the grader."""

from __future__ import annotations

from pydantic import TypeAdapter

from utils.replay.gates import Gate
from utils.replay.log import Miss, Request

REQUESTS: TypeAdapter[tuple[Request, ...]] = TypeAdapter(tuple[Request, ...])
MISSES: TypeAdapter[tuple[Miss, ...]] = TypeAdapter(tuple[Miss, ...])
GATE: TypeAdapter[Gate] = TypeAdapter(Gate)
