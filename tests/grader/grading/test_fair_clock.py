"""The time of a submission on a busy machine: what is granted, and the bounds of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from grader.grading.fair_clock import LONGEST, NOTICED, SHARE, FairClock, Grant
from grader.jail.frames import Channel, TimedOut

PLENTY = 100.0
SOON = 0.05


class Waiting:
    """A process that tells how long it was kept waiting: each time it is asked, a step longer."""

    def __init__(self, step: float = 0.0) -> None:
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self.theirs = Channel(theirs)
        self.waited = 0.0
        self.step = step
        self.looks = 0

    def kept_waiting(self) -> float:
        self.looks += 1
        self.waited += self.step
        return self.waited


@pytest.fixture
def process() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.channel.close()
    made.theirs.close()


def clock(process: Waiting, left: float = PLENTY) -> FairClock:
    return FairClock((process,), Grant(left))  # type: ignore[arg-type]


def test_the_seconds_that_others_had_do_not_count(process: Waiting) -> None:
    fair = clock(process)
    process.waited = 3.0
    assert fair.own(10.0) == 7.0
    assert fair.own(10.0) == 10.0
    process.waited = 4.0
    assert fair.own(10.0) == 9.0


def test_not_all_the_time_can_have_been_others(process: Waiting) -> None:
    process.waited = 50.0
    assert clock(process).own(10.0) == pytest.approx(10.0 * (1 - SHARE))


def test_what_is_granted_has_an_end(process: Waiting) -> None:
    fair = clock(process, left=4.0)
    process.waited = 3.0
    assert fair.own(10.0) == 7.0
    process.waited = 6.0
    assert fair.own(10.0) == 9.0
    process.waited = 9.0
    assert fair.own(10.0) == 10.0


def test_nobody_looks_at_what_takes_no_time(process: Waiting) -> None:
    assert clock(process).own(NOTICED / 2) == NOTICED / 2
    assert process.looks == 0


def test_what_each_of_several_processes_had_to_wait_adds_up(process: Waiting) -> None:
    process.waited = 1.0
    fair = FairClock((process, process), Grant(PLENTY))  # type: ignore[arg-type]
    assert fair.own(10.0) == 8.0


def test_one_that_says_nothing_is_given_up_in_time_on_a_machine_that_is_not_busy(process: Waiting) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut):
        clock(process).receive(process, SOON)  # type: ignore[arg-type]
    assert time.monotonic() - began < LONGEST
    assert process.looks == 1


def test_one_that_others_keep_waiting_is_waited_for(process: Waiting) -> None:
    process.step = 1.0

    def speak() -> None:
        while not process.looks:
            time.sleep(SOON / 10)
        process.theirs.send({"x": 1})

    speaker = threading.Thread(target=speak)
    speaker.start()
    assert clock(process).receive(process, 10 * SOON) == {"x": 1}  # type: ignore[arg-type]
    speaker.join()


@pytest.mark.parametrize("left", [0.0, PLENTY])
def test_but_not_for_ever(process: Waiting, left: float) -> None:
    process.step = PLENTY
    began = time.monotonic()
    with pytest.raises(TimedOut):
        clock(process, left).receive(process, NOTICED)  # type: ignore[arg-type]
    assert time.monotonic() - began >= NOTICED * (LONGEST if left else 1)
