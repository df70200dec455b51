"""What a step has made of the state: the difference between a checkpoint and its parent, in short words."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from utils.views.plain import one_line

Sign = Literal["+", "~", "−"]
WORDS: Mapping[Sign, str] = {"+": "new", "~": "changed", "−": "gone"}
_VALUE = 160
_LOOK = 2_000
MOST = 40


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that came, changed or went."""

    sign: Sign
    what: str
    """a message's type, or the name of a key"""
    text: str


def changes(values: Any, before: Any) -> tuple[Change, ...]:
    """Return how `values` differ from the parent's, at most `MOST` changes; empty where they are the same."""
    return tuple(islice(_changes(_mapping(values), _mapping(before)), MOST))


def _changes(values: Mapping[Any, Any], before: Mapping[Any, Any]) -> Iterator[Change]:
    if isinstance(values.get("messages"), list) and isinstance(before.get("messages", []), list):
        yield from _messages(values["messages"], before.get("messages", []))
        values = {key: value for key, value in values.items() if key != "messages"}
        before = {key: value for key, value in before.items() if key != "messages"}
    for key, value in values.items():
        if key not in before:
            yield Change("+", _name(key), shortened(value))
        elif not _same(value, before[key]):
            yield Change("~", _name(key), f"{shortened(before[key])} → {shortened(value)}")
    for key in before:
        if key not in values:
            yield Change("−", _name(key), shortened(before[key]))


def _messages(after: Sequence[Any], before: Sequence[Any]) -> Iterator[Change]:
    """Yield changes of messages, which are compared by id, and by place where they have none."""
    old = {_key(message, n): message for n, message in enumerate(before)}
    new = {_key(message, n): message for n, message in enumerate(after)}
    for key, message in new.items():
        if key not in old:
            yield Change("+", _type(message), message_line(message))
        elif message is not old[key] and not _same(message, old[key]):
            yield Change("~", _type(message), message_line(message))
    for key, message in old.items():
        if key not in new:
            yield Change("−", _type(message), message_line(message))


def message_line(message: Any) -> str:
    """Return a message on one line: its text, else the calls that it makes."""
    text = getattr(message, "text", "")
    text = str(text() if callable(text) and not isinstance(text, str) else text)
    calls = getattr(message, "tool_calls", None) or []
    made = ", ".join(f"{call['name']}({_arguments(call['args'])})" for call in calls[:8])
    return one_line("  ".join(part for part in (text[:_LOOK], made) if part), _VALUE)


def shortened(value: Any) -> str:
    """Return a value on one line, cut; a list of messages is only counted."""
    if isinstance(value, list) and len(value) > 20:
        return f"{len(value):,} items"
    try:
        return one_line(_Short().repr(value), _VALUE)
    except Exception as error:  # a student's class may have a repr that raises
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"


class _Short(reprlib.Repr):
    """Looks at the beginning of long things only: a state may be huge."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.fillvalue = 4, 2 * _VALUE, _LOOK, "…"
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = 20

    def repr_instance(self, x: Any, level: int) -> str:
        return repr(x)[:_LOOK]


def _arguments(args: Any) -> str:
    if not isinstance(args, Mapping):
        return shortened(args)
    return ", ".join(f"{key}={shortened(value)}" for key, value in islice(args.items(), 8))


def _key(message: Any, place: int) -> Any:
    return getattr(message, "id", None) or place


def _type(message: Any) -> str:
    return one_line(str(getattr(message, "type", "") or type(message).__name__), 20)


def _name(key: Any) -> str:
    return one_line(str(key), 40)


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # arrays have no truth, and a student's class may raise
        return False


def _mapping(values: Any) -> Mapping[Any, Any]:
    return values if isinstance(values, Mapping) else {"state": values} if values is not None else {}
