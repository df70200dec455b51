"""Limits as data, limits that the system keeps, and alarms that stop work on a loop."""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from grader.jail import limits as limiting
from grader.jail.limits import Alarm, Limits, TimeLimit
from tests.grader.jail.jailed import ROOT

CPU, WALL = 0.05, 0.05


def test_limits_are_read_from_plain_data() -> None:
    assert Limits.read({}) == Limits()
    read = Limits.read({"processes": 60, "cell_cpu": 0.5, "data": None})
    assert (read.processes, read.cell_cpu, read.data, read.core) == (60, 0.5, None, 0)


@pytest.mark.parametrize(
    "data",
    [{"procceses": 1}, {"data": "1"}, {"data": True}, {"data": -1}, {"data": 1.5}, {"cell_cpu": [2]}],
    ids=str,
)
def test_what_is_no_limit_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limit"):
        Limits.read(data)


def test_the_system_keeps_the_limits_and_nothing_is_lacking_on_linux() -> None:
    code = (
        "import resource as r; from grader.jail.limits import Limits, apply\n"
        "print(apply(Limits(open_files=99, core=0, file_size=12345, cpu=77)))\n"
        "print([r.getrlimit(k) for k in (r.RLIMIT_NOFILE, r.RLIMIT_CORE, r.RLIMIT_FSIZE, r.RLIMIT_CPU)])\n"
        "print(apply(Limits(open_files=500)), r.getrlimit(r.RLIMIT_NOFILE))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [
        "()",
        "[(99, 99), (0, 0), (12345, 12345), (77, 77)]",
        "() (99, 99)",
    ]


def test_a_limit_that_the_platform_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(resource, "RLIMIT_NPROC")
    monkeypatch.delattr(signal, "setitimer")
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert limiting.apply(Limits(processes=60)) == ("processes", "cell_cpu", "cell_wall")


def test_a_limit_that_the_system_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert limiting.apply(Limits(data=None, file_size=None, core=None)) == ("open_files",)


# Alarms


async def endless() -> None:
    while True:
        pass


async def waiting() -> None:
    await asyncio.Event().wait()


async def swallowing_once() -> str:
    try:
        await endless()
    except TimeLimit:
        await endless()
    return "never"


def under_alarm(
    work: Callable[[], Coroutine[Any, Any, Any]], cpu: float | None, wall: float | None
) -> tuple[BaseException | None, str]:
    """What the work raised, and why the alarm rang."""

    async def main() -> tuple[BaseException | None, str]:
        alarm = Alarm(asyncio.get_running_loop())
        with alarm.set(cpu, wall):
            task = asyncio.ensure_future(work())
            alarm.watch(task)
            await asyncio.wait({task})
        raised = asyncio.CancelledError() if task.cancelled() else task.exception()
        return raised, alarm.rang

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("work", "cpu", "wall", "raised", "why"),
    [
        (endless, CPU, None, TimeLimit, "more than 0.05 seconds of processor time"),
        (endless, None, WALL, TimeLimit, "more than 0.05 seconds"),
        (swallowing_once, CPU, None, TimeLimit, "more than 0.05 seconds of processor time"),
        (waiting, None, WALL, asyncio.CancelledError, "more than 0.05 seconds"),
    ],
    ids=["cpu", "wall", "one that goes on", "one that waits"],
)
def test_work_that_takes_too_long_is_stopped(
    work: Any, cpu: float | None, wall: float | None, raised: type[BaseException], why: str
) -> None:
    error, rang = under_alarm(work, cpu, wall)
    assert type(error) is raised
    assert rang == why


def test_time_that_others_had_is_granted_on_top_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    others = iter([0.0, 2 * WALL, *[100.0] * 100])
    monkeypatch.setattr(limiting, "kept_waiting", lambda: next(others))
    began = time.monotonic()
    error, rang = under_alarm(waiting, None, WALL)
    assert type(error) is asyncio.CancelledError
    assert rang == "more than 0.05 seconds"
    assert time.monotonic() - began >= limiting.LONGEST * WALL


def test_work_in_time_is_left_alone_and_no_clock_runs_on() -> None:
    async def quick() -> None:
        await asyncio.sleep(0)

    assert under_alarm(quick, 5.0, 5.0) == (None, "")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_without_limits_no_clock_is_set() -> None:
    before = signal.getsignal(signal.SIGALRM)

    async def look() -> None:
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) is before

    assert under_alarm(look, None, None) == (None, "")
