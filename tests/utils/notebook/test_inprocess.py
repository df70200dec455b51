"""Carrying questions within a process: one thread, one loop, JSON both ways."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from utils.lab.lab import LabError, TookTooLong
from utils.notebook.inprocess import MAX_PRINTED, InProcess

Make = Callable[..., InProcess]


def call(name: str, *args: Any) -> dict[str, Any]:
    return {"op": "call", "target": {"name": name}, "args": list(args)}


def test_a_question_and_its_answer_cross_as_json(make_transport: Make) -> None:
    given: list[Any] = []

    def work(value: list[int]) -> list[int]:
        given.append(value)
        return value

    mine = [1, 2]
    told = make_transport({"work": work}).ask(call("work", mine))
    given[0].append(3)
    assert told == {"value": [1, 2]}
    assert mine == [1, 2]


def test_questions_are_answered_while_a_loop_runs_here_on_a_loop_of_their_own(make_transport: Make) -> None:
    async def which() -> list[Any]:
        return [threading.current_thread().name, id(asyncio.get_running_loop())]

    transport = make_transport({"which": which})

    async def in_a_cell() -> list[Any]:
        return [transport.ask(call("which"))["value"] for _ in range(2)]

    first, second = asyncio.run(in_a_cell())
    assert first == second
    assert first[0] == "self-check"


def test_what_belongs_to_a_loop_can_be_used_in_every_question(make_transport: Make) -> None:
    queue: list[asyncio.Queue[int]] = []

    async def put(number: int) -> None:
        if not queue:
            queue.append(asyncio.Queue())
        await queue[0].put(number)

    async def get() -> int:
        return await queue[0].get()

    transport = make_transport({"put": put, "get": get})
    transport.ask(call("put", 7))
    assert transport.ask(call("get")) == {"value": 7}


def test_too_long_is_too_long_and_the_next_question_gets_a_fresh_thread(make_transport: Make) -> None:
    going_on = threading.Event()

    def thread() -> int | None:
        return threading.current_thread().ident

    transport = make_transport({"wait": going_on.wait, "thread": thread})
    before = transport.ask(call("thread"))
    transport.seconds = 0.1
    with pytest.raises(TookTooLong, match=r"no answer within 0\.1 seconds"):
        transport.ask(call("wait"))
    transport.seconds = 15.0
    assert transport.ask(call("thread")) != before
    going_on.set()


def test_prints_are_captured_cut_and_not_shown(
    make_transport: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(letter: str) -> None:
        print(letter * 3_000)
        print("aside", file=sys.stderr)

    transport = make_transport({"work": work})
    out = sys.stdout
    for letter in "abc":
        transport.ask(call("work", letter))
    assert sys.stdout is out
    assert capsys.readouterr() == ("", "")
    assert transport.printed.startswith("a" * 3_000 + "\naside\nb")
    assert len(transport.printed) == MAX_PRINTED


def test_an_answer_that_is_no_json_is_the_kit_s_fault(
    make_transport: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = make_transport({})

    async def broken(_: Any) -> Any:
        return {"value": object()}

    async def no_object(_: Any) -> Any:
        return [1]

    monkeypatch.setattr(transport._handle, "answer", no_object)
    with pytest.raises(LabError, match="not an object"):
        transport.ask(call("work"))
    monkeypatch.setattr(transport._handle, "answer", broken)
    with pytest.raises(LabError, match="does not fit into JSON"):
        transport.ask(call("work"))


def test_closing_twice_is_fine_and_a_closed_one_can_be_asked_again(make_transport: Make) -> None:
    before = set(threading.enumerate())
    transport = make_transport({"work": lambda: 1})
    transport.close()
    assert transport.ask(call("work")) == {"value": 1}
    transport.close()
    transport.close()
    assert "self-check" not in {thread.name for thread in set(threading.enumerate()) - before}


def test_closing_from_within_a_question_does_not_hang(make_transport: Make) -> None:
    namespace: dict[str, Any] = {}
    transport = make_transport(namespace, seconds=5)
    namespace["work"] = transport.close
    assert transport.ask(call("work")) == {"value": None}


def test_tasks_left_behind_end_without_a_word(
    make_transport: Make, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    kept = []

    async def leave_behind() -> None:
        kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(3_600)))
        await asyncio.sleep(0)

    transport = make_transport({"work": leave_behind})
    transport.ask(call("work"))
    transport.close()
    assert kept.pop().cancelled()
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_an_interrupt_by_the_person_ends_the_question(
    make_transport: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()
    transport = make_transport({"wait": threading.Event().wait, "work": lambda: 1})
    transport.ask(call("work"))

    class Interrupted:
        def result(self, _: float) -> None:
            started.set()
            raise KeyboardInterrupt

        def cancel(self) -> None: ...

    def submitted(coroutine: Any, _: Any) -> Interrupted:
        coroutine.close()
        return Interrupted()

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "run_coroutine_threadsafe", submitted)
        with pytest.raises(KeyboardInterrupt):
            transport.ask(call("work"))
    assert transport.ask(call("work")) == {"value": 1}
