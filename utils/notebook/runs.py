"""What a notebook has run in this session: the sources, when each ended, and where one stopped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

MOST_RUNS = 500
"""runs that are remembered, the newest ones"""
_KEPT = "_course_kit_runs"


@dataclass(frozen=True, slots=True)
class Run:
    """One cell that was run."""

    source: str
    ended: float
    """seconds since the epoch"""
    error: str = ""
    """name and text of the error that it ended with; empty where it ran to its end"""
    line: int = 0
    """of the cell, from 1, where it stopped; 0 where nobody knows"""
    unread: bool = False
    """whether Python could not even read it, so that nothing of it ran"""


def watch_runs(ip: Any) -> None:
    """Remember from now on what the shell runs."""
    kept: deque[Run] = deque(maxlen=MOST_RUNS)

    def after(result: Any) -> None:
        kept.append(_run(result, ip.user_ns))

    setattr(ip, _KEPT, kept)
    ip.events.register("post_run_cell", after)


def runs_of(ip: Any) -> Sequence[Run]:
    """Return what a shell has run, oldest first; empty where it is not watched."""
    return tuple(getattr(ip, _KEPT, ()))


def _run(result: Any, names: dict[str, Any]) -> Run:
    source, now = str(result.info.raw_cell), time.time()
    unread, raised = result.error_before_exec, result.error_in_exec
    if unread is not None:
        line = getattr(unread, "lineno", None) or 1
        return Run(source, now, _told(unread), line, unread=True)
    if raised is not None:
        return Run(source, now, _told(raised), _line(raised.__traceback__, names))
    return Run(source, now)


def _told(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else ""
    if not text:
        try:
            text = str(error)
        except Exception:  # an error's own __str__ may do anything
            text = ""
    first = text.strip().splitlines()[:1]
    return ": ".join([type(error).__name__, *first])


def _line(trace: TracebackType | None, names: dict[str, Any]) -> int:
    """Return the line of the cell itself in which an error came up, however deep it was raised; 0 if none."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name.startswith("<") and trace.tb_frame.f_globals is names:
            return trace.tb_lineno
        trace = trace.tb_next
    return 0
