"""A judge's process: it does the supervisor's tasks, one after the other, within limits of its own."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grader.jail.frames import Channel, FrameError, FrameTooLarge, NotJson
from grader.sandbox.jails import CannotStart, Disturbed, JailerGone, Jails

MEMORY = 1024 * 2**20
"""bytes of address space that a judge may have beyond what it begins with; an ordinary one takes a tenth"""
CPU_SECONDS = 60
"""of processor time for one task; an ordinary one takes a fifth of a second"""
MAX_WHAT = 500

Work = Callable[[int, bool, Jails], Mapping[str, Any]]
"""does a task, by its number; whether it was disturbed the first time; the jails; gives what JSON can hold"""


def be_a_judge(supervisor: Channel, jails: Channel, work: Work) -> None:
    """Do tasks until the supervisor is gone, or until one of them shows that this process is not sound."""
    _limit_memory()
    access = Jails(jails, lambda: supervisor.send({"kind": "jails"}))
    try:
        while True:
            asked = supervisor.receive()
            _limit_time()
            message = _done(work, asked["task"], asked["again"], access)
            try:
                supervisor.send(message)
            except (FrameTooLarge, NotJson) as error:
                message = {"kind": "failed", "what": f"what came of it cannot be told: {error}"[:MAX_WHAT]}
                supervisor.send(message)
            if message["kind"] == "failed":
                return
    except FrameError:
        return


def _done(work: Work, task: int, again: bool, jails: Jails) -> dict[str, Any]:
    try:
        return {"kind": "done", "value": work(task, again, jails)}
    except CannotStart as error:
        return {"kind": "cannot", "what": error.error.message[:MAX_WHAT], "hint": error.error.hint}
    except Disturbed:
        return {"kind": "disturbed"}
    except JailerGone:
        return {"kind": "jailer gone"}
    except BaseException as error:  # the border of the process: whatever a submission brings about
        return {"kind": "failed", "what": f"{type(error).__name__}: {error}"[:MAX_WHAT]}


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))
