"""Requests as a log has them, for those who read such logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    opened_at: float
    finished_at: float | None
    args: Any = None
    kind: str = "search"
    gave_up: bool = False
    questions: tuple[str, ...] = field(default=())


def named(name: str, opened_at: float, finished_at: float | None, **facts: Any) -> Asked:
    return Asked(opened_at, finished_at, {"query": name}, **facts)


ONE_BY_ONE = [named(f"city {n}", n, n + 0.9) for n in range(4)]
AT_ONCE = [named(f"city {n}", 10 + n / 100, 11 - n / 100) for n in (2, 0, 3, 1)]
REFILLED = [named("a", 0, 1), named("b", 0.1, 2.9), named("c", 1.5, 2), named("d", 2.5, 3)]
