"""How far a batch is, on a terminal and in a log."""

from __future__ import annotations

import io

import pytest

from grader.grading.progress import LOG_SECONDS, Progress


class Screen(io.StringIO):
    def __init__(self, live: bool) -> None:
        super().__init__()
        self.live = live

    def isatty(self) -> bool:
        return self.live


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_terminal_has_one_line_that_is_written_again(clock: Clock):
    screen = Screen(live=True)
    progress = Progress(300, screen, clock)
    for _ in range(3):
        clock.now += 2
        progress.step(True)
    progress.clear()
    assert screen.getvalue().count("\n") == 0
    assert screen.getvalue().split("\r")[-2] == "3 of 300 done, 6 s; about 9 min 54 s left\x1b[K"


def test_a_log_has_a_line_now_and_then_and_none_at_the_end(clock: Clock):
    screen = Screen(live=False)
    progress = Progress(100, screen, clock)
    for _ in range(100):
        clock.now += LOG_SECONDS / 10
        progress.step(True)
    progress.clear()
    lines = screen.getvalue().splitlines()
    assert len(lines) == 9
    assert lines[0] == "10 of 100 done, 30 s; about 4 min 30 s left"
    assert "\r" not in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_what_had_not_changed_takes_no_time_and_says_nothing_of_the_rest(clock: Clock):
    progress = Progress(300, Screen(live=False), clock)
    progress.step(False)
    assert progress.line() == "1 of 300 done, 0 s"
    clock.now += 4_000
    progress.step(True)
    assert progress.line() == "2 of 300 done, 1 h 6 min; about 331 h 6 min left"


def test_at_the_end_nothing_is_left(clock: Clock):
    progress = Progress(1, Screen(live=False), clock)
    progress.step(True)
    assert progress.line() == "1 of 1 done, 0 s"
