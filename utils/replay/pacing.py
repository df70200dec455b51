"""How fast a recorded answer arrives."""

from __future__ import annotations

import os
from dataclasses import dataclass

from utils.errors import SetupError
from utils.replay.conversation import Timing

VARIABLE = "REPLAY_PACE"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first piece of an answer and between two pieces."""

    first: float = 0.4
    token: float = 0.02
    factor: float = 1.0

    def of(self, timing: Timing | None) -> tuple[float, float]:
        """Return the seconds to the first piece, and between pieces, of a reply with this recorded timing."""
        first, token = self.first, self.token
        if timing is not None:
            first = first if timing.first is None else timing.first
            token = token if timing.token is None else timing.token
        return first * self.factor, token * self.factor


OFF = Pace(factor=0.0)


def pace_from_environment(default: Pace | None = None) -> Pace:
    """Return the pace that ``REPLAY_PACE`` asks for: ``on``, ``off`` or a factor such as ``0.5``.

    Raises SetupError for anything else.
    """
    value = os.environ.get(VARIABLE, "").strip().casefold()
    if value in ("", "on"):
        return default or Pace()
    if value == "off":
        return OFF
    try:
        factor = float(value)
    except ValueError:
        factor = -1.0
    if not 0 <= factor <= 100:
        msg = f"{VARIABLE}={value!r} is not a pace"
        raise SetupError(msg, hint=f"set {VARIABLE} to on, off, or a factor from 0 to 100 such as 0.5")
    return Pace(factor=factor)
