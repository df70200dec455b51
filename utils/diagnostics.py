"""Two lines about the errors that everybody makes once: what happened, and what to do.

They stand above the traceback, which stays as it is. A call that blocks an event loop raises nothing; it is
noticed by ``utils.blocking`` and told below the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from utils import blocking
from utils.views.page import escape, with_style

LONGEST_CHAIN = 8
"""errors behind an error that are looked at"""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened, and what to do, in a sentence each."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"What happened: {self.what}\nWhat to do: {self.remedy}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": with_style(self.html())}

    def html(self) -> str:
        """The same as HTML, without a stylesheet."""
        lines = (("What happened", self.what), ("What to do", self.remedy))
        rows = "\n".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in lines)
        return f'<section class="kit-view" aria-label="About this error">\n<dl>\n{rows}\n</dl>\n</section>'


@dataclass(frozen=True, slots=True)
class Rule:
    """An error's name, a part of its text, and what is to be said of it."""

    error: str
    text: re.Pattern[str]
    diagnosis: Diagnosis


def _rule(error: str, text: str, what: str, remedy: str) -> Rule:
    return Rule(error, re.compile(text), Diagnosis(what, remedy))


RULES = (
    _rule(
        "NotImplementedError",
        r"SqliteSaver does not support async methods",
        "SqliteSaver is synchronous, and this run is asynchronous (ainvoke, astream).",
        "take the other one: async with AsyncSqliteSaver.from_conn_string(path) as saver.",
    ),
    _rule(
        "InvalidStateError",
        r"Synchronous calls to AsyncSqliteSaver",
        "AsyncSqliteSaver is asynchronous, and this run is synchronous (invoke, stream).",
        "use the asynchronous twins: await graph.ainvoke(...), await graph.aget_state(...).",
    ),
    _rule(
        "RuntimeError",
        r"asyncio\.run\(\) cannot be called from a running event loop|This event loop is already running",
        "a notebook's event loop is running already, and no second one can run inside it.",
        "write await work() in the cell; asyncio.run(work()) is for scripts.",
    ),
    _rule(
        "ValueError",
        r"no active connection",
        "the saver's connection is closed: its async with block is over.",
        "run the graph inside the block, or open the saver anew.",
    ),
    _rule(
        "ProgrammingError",
        r"Cannot operate on a closed database",
        "the saver's connection is closed: its with block is over.",
        "run the graph inside the block, or open the saver anew.",
    ),
    _rule(
        "RuntimeError",
        r"threads can only be started once",
        "the saver's connection is closed: its async with block is over.",
        "run the graph inside the block, or make a new saver: none can be opened twice.",
    ),
    _rule(
        "ValueError",
        r"Checkpointer requires one or more of the following 'configurable' keys",
        "this graph has a checkpointer, but the run does not say whose conversation it is.",
        'pass a config with a thread id: {"configurable": {"thread_id": "1"}}.',
    ),
    _rule(
        "RuntimeError",
        r"is bound to a different event loop",
        "something here, most likely the saver, was made in another event loop.",
        "make the saver in the loop that uses it, in the same cell or in one further up.",
    ),
    _rule(
        "TypeError",
        r"Invalid checkpointer provided.*Received _(Async)?GeneratorContextManager",
        "from_conn_string gives a context manager, and not yet a saver.",
        "open it: with SqliteSaver.from_conn_string(path) as saver (async with for the other).",
    ),
    _rule(
        "NotImplementedError",
        r"Unsupported message type: <class 'coroutine'>",
        "a coroutine stands where a message should be: an await is missing.",
        "write await before the call: await model.ainvoke(...).",
    ),
    _rule(
        "TypeError",
        r"No synchronous function provided",
        "a node is asynchronous, and this run is synchronous (invoke, stream).",
        "use the asynchronous twin with await: await graph.ainvoke(...).",
    ),
)


def explain(error: BaseException) -> Diagnosis | None:
    """Two lines about an error, or about one behind it; ``None`` for an error that explains itself."""
    for found in _chain(error):
        for rule in RULES:
            if rule.error in (kind.__name__ for kind in type(found).__mro__) and rule.text.search(
                _text(found)
            ):
                return rule.diagnosis
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, those in its group, and the one it was raised from, and so on."""
    waiting = [error]
    for _ in range(LONGEST_CHAIN):
        if not waiting:
            return
        found = waiting.pop(0)
        yield found
        if isinstance(found, BaseExceptionGroup):
            waiting.extend(found.exceptions)
        if found.__cause__ is not None:
            waiting.append(found.__cause__)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an error's own __str__ may do anything
        return ""


def show(ip: Any, error: BaseException) -> None:
    """Show the two lines in the running cell, if there are any to this error."""
    diagnosis = explain(error)
    if diagnosis is not None:
        ip.display_pub.publish(diagnosis._repr_mimebundle_())


def blocked(found: blocking.Blocked) -> Diagnosis:
    """Two lines about a call that held up the event loop."""
    where = f"line {found.line}: {found.source}" if found.source else f"line {found.line}"
    return Diagnosis(
        f"{found.function} held up the event loop, and nothing else could run ({where}).",
        "await the asynchronous twin (ainvoke, asyncio.sleep), or await asyncio.to_thread(...).",
    )


def watch_cells(ip: Any) -> None:
    """Tell, below a cell and once for each function, what held up the event loop while it ran."""
    watcher = blocking.Watcher()

    def before(*_: Any) -> None:
        watcher.begin()

    def after(*_: Any) -> None:
        for found in watcher.end():
            ip.display_pub.publish(blocked(found)._repr_mimebundle_())

    ip.events.register("pre_run_cell", before)
    ip.events.register("post_run_cell", after)
