"""The recorded model's log and gates as they cross between its process and the grader."""

from __future__ import annotations

from pydantic import TypeAdapter

from utils.replay.gates import Gate
from utils.replay.log import Traffic

TRAFFIC: TypeAdapter[Traffic] = TypeAdapter(Traffic)
GATE: TypeAdapter[Gate] = TypeAdapter(Gate)
