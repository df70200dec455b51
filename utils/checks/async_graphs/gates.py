"""What gates wait for, and how many requests were open at the same time."""

from __future__ import annotations

from utils.checks.registry import Words, expect
from utils.lab.lab import Stage
from utils.observed.calls import calls_of, most_open
from utils.views.gantt import gantt

TOGETHER = 4
"""how many requests a gate waits for: a student's machine may have two cores"""
PATIENCE = 2.0
"""seconds that a gate waits in vain: only what is wrong waits that long, however busy the machine is"""
SETTLE = 2.0
"""seconds for a request whose answer has come, and whose end the model's side has not noted yet"""


def picture(stage: Stage, kind: str = "model") -> Words:
    """Return how many requests were open at once, and the picture of it."""
    return Words(gantt(stage.traffic(settle=SETTLE).of(kind)).text())


def peak(stage: Stage, kind: str = "model") -> int:
    return most_open(calls_of(stage.traffic(settle=SETTLE).of(kind)))


def expect_made(stage: Stage, count: int, kind: str = "model") -> None:
    """Fail if the same was asked several times: that it was open at once says nothing then."""
    made = len(stage.traffic().of(kind))
    expect(
        made == count,
        "Each request must be made once.",
        got=Words(f"{made} {kind} requests"),
        expected=f"{count} {kind} requests",
        why="Each is paid for, and whatever it does is done again each time.",
    )
