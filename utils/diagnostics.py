"""Two lines about the errors that everybody makes once: what happened, and what to do.

They stand above the traceback, which stays as it is. A call that blocks an event loop raises nothing; it is
noticed by ``utils.blocking`` and told below the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from utils.mistakes import recognise
from utils.observed import blocking
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
        """Return the same as HTML, without a stylesheet."""
        lines = (("What happened", self.what), ("What to do", self.remedy))
        rows = "\n".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in lines)
        return f'<section class="kit-view" aria-label="About this error">\n<dl>\n{rows}\n</dl>\n</section>'


def explain(error: BaseException) -> Diagnosis | None:
    """Return two lines about an error, or about one behind it; ``None`` where the error explains itself."""
    for found in chain(error):
        mistake = recognise([kind.__name__ for kind in type(found).__mro__], _text(found))
        if mistake is not None:
            return Diagnosis(mistake.what, mistake.remedy)
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, those in its group, and the one it was raised from, and so on."""
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
    """Return two lines about a call that held up the event loop."""
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
