"""How long a process waited for a processor, as its system tells it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.jail import schedule
from grader.jail.schedule import kept_waiting

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import os, time
from grader.jail.schedule import kept_waiting
began, before = time.monotonic(), kept_waiting()
if {busy}:
    os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
    others = [os.fork() for _ in range(3)]
    if 0 in others:
        while time.monotonic() - began < 20: pass
        os._exit(0)
while time.monotonic() - began < 1: time.sleep(0 if {busy} else 0.1)
print(kept_waiting() - before)
if {busy}:
    for one in others: os.kill(one, 9)
"""


def waited(*, busy: bool) -> float:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(busy=busy)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def test_one_that_shares_its_processor_with_three_others_waits_and_one_that_sleeps_does_not() -> None:
    assert waited(busy=True) > 0.4
    assert waited(busy=False) < 0.4


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert kept_waiting(process.pid) == 0.0


def test_where_the_system_does_not_tell_it_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(schedule.Path, "read_text", absent)
    assert kept_waiting() == 0.0
