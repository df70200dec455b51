from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from pydantic import ValidationError

from utils.replay.gates import CapGate, HeldGate, HoldGate, ReverseGate, Stall

LONG = 60.0
"""a patience that no test waits for"""


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(10):
            return await work()

    return asyncio.run(bounded())


class Visitors:
    """Tasks that go through a gate, and the order in which they came out."""

    def __init__(self, gate: HeldGate) -> None:
        self.gate = gate
        self.inside = 0
        self.peak = 0
        self.order: list[int] = []

    async def visit(self, number: int) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        async with self.gate.hold(f"question {number}"):
            self.order.append(number)
        self.inside -= 1

    def send(self, *numbers: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.visit(number)) for number in numbers]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_first_requests_wait_for_each_other() -> None:
    async def work() -> Visitors:
        visitors = Visitors(HeldGate(CapGate(count=3, linger=0, patience=LONG)))
        early = visitors.send(1, 2)
        await settle()
        assert visitors.order == []
        await asyncio.gather(*early, *visitors.send(3))
        return visitors

    visitors = run(work)
    assert sorted(visitors.order) == [1, 2, 3]
    assert visitors.peak == 3


def test_one_too_many_is_seen_while_the_gate_lingers() -> None:
    async def work() -> int:
        visitors = Visitors(HeldGate(CapGate(count=2, linger=LONG, patience=LONG)))
        held = visitors.send(1, 2)
        await settle()
        await asyncio.gather(*visitors.send(3))
        assert visitors.order == [3]
        visitors.gate.release()
        await asyncio.gather(*held)
        return visitors.peak

    assert run(work) == 3


def test_patience_ends_for_one_that_stays_alone() -> None:
    async def work() -> list[int]:
        visitors = Visitors(HeldGate(CapGate(count=4, patience=0.01)))
        await asyncio.gather(*visitors.send(1))
        return visitors.order

    assert run(work) == [1]


def test_a_gate_that_was_opened_stays_open() -> None:
    async def work() -> list[int]:
        visitors = Visitors(HeldGate(CapGate(count=2, patience=LONG)))
        visitors.gate.release()
        visitors.gate.release()
        await asyncio.gather(*visitors.send(1))
        return visitors.order

    assert run(work) == [1]


def test_the_last_finishes_first_at_a_reverse_gate() -> None:
    async def work() -> list[int]:
        visitors = Visitors(HeldGate(ReverseGate(count=4, linger=0, patience=LONG)))
        await asyncio.gather(*visitors.send(1, 2, 3, 4))
        await asyncio.gather(*visitors.send(5))
        return visitors.order

    assert run(work) == [4, 3, 2, 1, 5]


def test_a_reverse_gate_that_knows_the_order_of_the_questions_ignores_their_arrival() -> None:
    async def work() -> list[int]:
        order = tuple(f"question {number}" for number in (1, 2, 3))
        visitors = Visitors(HeldGate(ReverseGate(count=4, order=order, linger=0, patience=LONG)))
        await asyncio.gather(*visitors.send(3, 9, 2, 1))
        return visitors.order

    assert run(work) == [3, 2, 1, 9]


def test_a_reverse_gate_reverses_what_came_when_patience_ends() -> None:
    async def work() -> list[int]:
        visitors = Visitors(HeldGate(ReverseGate(count=9, linger=0, patience=0.01)))
        await asyncio.gather(*visitors.send(1, 2))
        return visitors.order

    assert run(work) == [2, 1]


@pytest.mark.parametrize(
    "gate", [CapGate(count=3, linger=0, patience=LONG), ReverseGate(count=3, patience=LONG)]
)
def test_one_who_leaves_while_waiting_does_not_count(gate: CapGate | ReverseGate) -> None:
    async def work() -> list[int]:
        visitors = Visitors(HeldGate(gate))
        (gone,) = visitors.send(1)
        await settle()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await asyncio.gather(*visitors.send(2, 3, 4))
        return visitors.order

    assert sorted(run(work)) == [2, 3, 4]


def test_one_who_leaves_a_reverse_gate_lets_the_next_go() -> None:
    async def work() -> list[int]:
        visitors = Visitors(HeldGate(ReverseGate(count=9, linger=0, patience=LONG)))
        first, second, third = visitors.send(1, 2, 3)
        await settle()
        third.cancel()
        await settle()
        visitors.gate.release()
        await asyncio.gather(first, second)
        return visitors.order

    assert run(work) == [2, 1]


def test_a_gate_waits_for_one_at_least() -> None:
    with pytest.raises(ValidationError):
        CapGate(count=0)


def test_a_stall_ends_when_it_is_released() -> None:
    async def work() -> int:
        stall = Stall(patience=LONG)
        waiting = [asyncio.create_task(stall.wait()) for _ in range(2)]
        await settle()
        assert stall.waiting == 2
        stall.release()
        await asyncio.gather(*waiting)
        await stall.wait()
        return stall.waiting

    assert run(work) == 0


def test_a_stall_ends_when_patience_does() -> None:
    assert run(lambda: Stall(patience=0.01).wait()) is None


def test_a_hold_gate_lets_the_first_one_go_when_enough_others_have_been_answered() -> None:
    async def work() -> Visitors:
        visitors = Visitors(HeldGate(HoldGate(count=2, patience=LONG)))
        held = visitors.send(1)
        await settle()
        await asyncio.gather(*visitors.send(2))
        await settle()
        assert visitors.order == [2]
        await asyncio.gather(*held, *visitors.send(3))
        await asyncio.gather(*visitors.send(4))
        return visitors

    assert run(work).order == [2, 3, 1, 4]


def test_a_hold_gate_does_not_wait_for_ever() -> None:
    async def work() -> Visitors:
        visitors = Visitors(HeldGate(HoldGate(count=2, patience=0.01)))
        await asyncio.gather(*visitors.send(1))
        return visitors

    assert run(work).order == [1]


def test_when_the_held_one_gives_up_the_next_is_held() -> None:
    async def work() -> Visitors:
        visitors = Visitors(HeldGate(HoldGate(count=1, patience=LONG)))
        (gone,) = visitors.send(1)
        await settle()
        gone.cancel()
        held = visitors.send(2)
        await settle()
        assert visitors.order == []
        await asyncio.gather(*held, *visitors.send(3))
        return visitors

    assert run(work).order == [3, 2]
