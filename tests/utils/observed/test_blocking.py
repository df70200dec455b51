"""A coroutine that does not let its loop go on is noticed; one that waits as it should is not."""

# ruff: noqa: ASYNC251 - blocking is what this is about

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest

from utils.observed.blocking import Watcher, in_a_cell


def here(code: CodeType) -> bool:
    return code.co_filename == __file__


def watched(work: Callable[[], Any], watcher: Watcher | None = None) -> list[str]:
    """The functions that held up the loop while ``work`` ran in it."""
    watcher = watcher or Watcher(seconds=0.1, interval=0.02, counts=here)

    async def run() -> list[str]:
        watcher.begin()
        await work()
        return [found.function for found in watcher.end()]

    return asyncio.run(run())


async def blocks() -> None:
    time.sleep(0.5)


async def calls_what_blocks() -> None:
    pause()


def pause() -> None:
    time.sleep(0.5)


async def waits() -> None:
    await asyncio.sleep(0.4)


async def waits_in_a_thread() -> None:
    await asyncio.to_thread(time.sleep, 0.4)


async def awaits_what_blocks() -> None:
    await blocks()


async def works_between_waits() -> None:
    for _ in range(12):
        time.sleep(0.03)
        await asyncio.sleep(0)


async def yields() -> Any:
    time.sleep(0.5)
    yield 1


async def reads() -> None:
    async for _ in yields():
        pass


@pytest.mark.parametrize(
    ("work", "found"),
    [
        (blocks, ["blocks"]),
        (calls_what_blocks, ["calls_what_blocks"]),
        (awaits_what_blocks, ["blocks"]),
        (reads, ["yields"]),
        (waits, []),
        (waits_in_a_thread, []),
        (works_between_waits, []),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_only_who_keeps_the_loop_is_named(work: Callable[[], Any], found: list[str]) -> None:
    assert watched(work) == found


def test_the_place_is_told() -> None:
    watcher = Watcher(seconds=0.1, interval=0.02, counts=here)
    watcher.begin()
    asyncio.run(blocks())
    (found,) = watcher.end()
    assert found.source == "time.sleep(0.5)"
    assert found.line == blocks.__code__.co_firstlineno + 1


def test_each_function_is_told_once() -> None:
    watcher = Watcher(seconds=0.1, interval=0.02, counts=here)
    assert [watched(blocks, watcher) for _ in range(2)] == [["blocks"], []]


def test_what_a_library_does_in_its_own_coroutines_is_its_affair() -> None:
    watcher = Watcher(seconds=0.1, interval=0.02, counts=lambda code: code.co_name == "awaits_what_blocks")
    assert watched(awaits_what_blocks, watcher) == []


def test_an_end_without_a_beginning_and_two_beginnings_do_no_harm() -> None:
    watcher = Watcher()
    assert watcher.end() == ()
    before = threading.active_count()
    watcher.begin()
    watcher.begin()
    assert threading.active_count() == before + 1
    assert watcher.end() == ()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("file", "cell"),
    [
        ("/tmp/ipykernel_4711/123456.py", True),
        (r"C:\Temp\ipykernel_4711\123456.py", True),
        ("<ipython-input-3-abc>", True),
        ("/venv/lib/python3.11/site-packages/ipykernel/kernelbase.py", False),
        ("/course/utils/agent.py", False),
    ],
)
def test_cells_are_known_by_their_files(file: str, cell: bool) -> None:
    assert in_a_cell(compile("1", file, "eval")) is cell
