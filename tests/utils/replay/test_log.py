from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any

from tests.utils.replay.talks import assistant, called, result, system, user
from utils.replay.log import Log

ASKED = (user("hi"),)


def on_a_loop(test: Callable[..., Any]) -> Callable[[], None]:
    """The log lives on the server's loop."""

    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


@on_a_loop
async def test_requests_are_numbered_as_they_arrive_and_as_they_finish() -> None:
    log = Log()
    first, second = log.open_request("model"), log.open_request("model")
    log.close_request(second, 200)
    log.close_request(first, 200)
    assert [(r.arrived, r.finished, r.status) for r in log.requests] == [(0, 1, 200), (1, 0, 200)]


@on_a_loop
async def test_an_open_request_has_neither_status_nor_end() -> None:
    log = Log()
    log.open_request("model", messages=ASKED)
    (request,) = log.requests
    assert (request.status, request.finished, request.finished_at, request.answered) == (0, None, None, False)


@on_a_loop
async def test_peaks_are_counted_for_each_kind() -> None:
    log = Log()
    numbers = [log.open_request(kind) for kind in ("model", "model", "tool")]
    for number in numbers:
        log.close_request(number, 200)
    log.close_request(log.open_request("model"), 200)
    assert log.peaks == {"model": 2, "tool": 1}
    assert log.open == {"model": 0, "tool": 0}


@on_a_loop
async def test_pieces_are_counted_and_the_first_is_timed() -> None:
    log = Log()
    number = log.open_request("model")
    log.sent(number, 0)
    assert log.requests[0].first_at is None
    log.sent(number, 2)
    first = log.requests[0].first_at
    log.sent(number, 3)
    assert log.requests[0].pieces == 5
    assert log.requests[0].first_at == first is not None


@on_a_loop
async def test_a_retry_is_the_same_call() -> None:
    log = Log()
    for tries, status in enumerate((429, 500, 200)):
        log.close_request(log.open_request("model", tries=tries, messages=ASKED), status)
    log.close_request(log.open_request("model", messages=ASKED), 200)
    assert [request.call for request in log.requests] == [0, 0, 0, 1]


@on_a_loop
async def test_what_was_answered_is_not_retried() -> None:
    log = Log()
    log.close_request(log.open_request("model", messages=ASKED), 200)
    log.close_request(log.open_request("model", tries=1, messages=ASKED), 200)
    assert [request.call for request in log.requests] == [0, 1]


@on_a_loop
async def test_an_answer_that_broke_off_may_be_retried() -> None:
    log = Log()
    log.close_request(log.open_request("model", messages=ASKED), 200, broken_off=True)
    log.close_request(log.open_request("model", tries=1, messages=ASKED), 499, gave_up=True)
    log.close_request(log.open_request("model", tries=2, messages=ASKED), 200)
    assert [request.call for request in log.requests] == [0, 0, 0]


@on_a_loop
async def test_a_retry_with_other_words_is_another_call() -> None:
    log = Log()
    log.close_request(log.open_request("model", messages=ASKED), 429)
    log.close_request(log.open_request("model", tries=1, messages=(user("bye"),)), 200)
    log.close_request(log.open_request("tool", tries=1, messages=ASKED), 200)
    assert [request.call for request in log.requests] == [0, 1, 2]


@on_a_loop
async def test_retries_of_equal_questions_find_the_call_that_was_refused() -> None:
    log = Log()
    one, two, three = (log.open_request("model", messages=ASKED) for _ in range(3))
    log.close_request(two, 429)
    log.close_request(one, 429)
    again = log.open_request("model", tries=1, messages=ASKED)
    assert log.requests[again].call == log.requests[two].call
    again = log.open_request("model", tries=1, messages=ASKED)
    assert log.requests[again].call == log.requests[one].call
    assert log.requests[three].status == 0


@on_a_loop
async def test_a_retry_may_come_before_the_end_of_the_first_try_is_noted() -> None:
    log = Log()
    log.open_request("model", messages=ASKED)
    again = log.open_request("model", tries=1, messages=ASKED)
    assert log.requests[again].call == 0


@on_a_loop
async def test_questions_results_and_roles_are_read_off() -> None:
    log = Log()
    log.open_request("model", messages=(system("s"), user("q"), assistant("", called()), result("r")))
    (request,) = log.requests
    assert request.questions == ("q",)
    assert request.results == ("r",)
    assert request.roles == ("system", "user", "assistant", "tool")


@on_a_loop
async def test_settling_waits_for_what_is_open() -> None:
    log = Log()
    number = log.open_request("model")
    waiting = asyncio.create_task(log.settled(60))
    await asyncio.sleep(0)
    assert not waiting.done()
    log.close_request(number, 200)
    await asyncio.wait_for(waiting, 5)
    await log.settled(60)


@on_a_loop
async def test_settling_ends_when_patience_does() -> None:
    log = Log()
    log.open_request("model")
    await log.settled(0.01)
    assert log.requests[0].status == 0
