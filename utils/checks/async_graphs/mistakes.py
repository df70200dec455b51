"""Mistakes that several exercises know: an await is missing; and where an error was raised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from utils.checks.registry import Words, expect
from utils.lab.lab import Lab, Ref, StudentError
from utils.lab.plain import Message


def expect_results_awaited(messages: Any) -> None:
    """Expect that no tool message holds a coroutine, written out, where a result belongs."""
    results = [m for m in messages if isinstance(m, Message) and m.type == "tool"]
    expect(
        not any(result.text.startswith("<coroutine object") for result in results),
        "A tool's result is a coroutine, work that nobody has waited for: an await is missing.",
        got=Words("a tool message with the text <coroutine object …>"),
        expected="a tool message with what the tool found",
        why="tool.ainvoke(…) alone gives something to await; await tool.ainvoke(…) gives the result.",
    )


def expect_awaited(lab: Lab, items: Sequence[Any], expected: str = "text") -> None:
    """Expect that nothing that comes back is work that has not been done yet."""
    waiting = [item for item in items if isinstance(item, Ref) and lab.part("is_unawaited", item)]
    expect(
        not waiting,
        "What comes back is not the answer, but work that nobody has waited for: an await is missing.",
        got=waiting,
        expected=expected,
        why=(
            "agent.ainvoke(…), gather(…) and calling an async def give something to await; only await does "
            "the work and gives its result."
        ),
    )


def where(error: StudentError) -> str:
    """Return the line of the notebook in which an error was raised; empty where it is not known."""
    if not error.trace:
        return ""
    at = error.trace[-1]
    return f" (line {at.get('line')} in {at.get('function')}: {at.get('source')})"
