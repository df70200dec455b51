"""The beginning of what ``repr`` says of a value, without the work that the rest would take.

A value that came from a student's process may be large. Code that shows a few hundred letters of it must not
write all of it first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 500
"""letters, where nobody says another number"""


def brief(value: Any, most: int = MOST) -> str:
    """Return what ``repr`` says, or its beginning with an ellipsis where that is longer than ``most``."""
    return first(value, most, written)


def first(value: Any, most: int, write: Write) -> str:
    """Return the first letters of what ``write`` says of a value, cut like `brief`.

    No value is too deep: those inside of others wait on a list, and not on Python's stack.
    """
    kept: list[str] = []
    room = most + 1
    waiting = [iter(write(value, room))]
    while waiting and room > 0:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
        elif isinstance(part, Inner):
            waiting.append(iter(part.write(part.value, room)))
        else:
            kept.append(part[:room])
            room -= len(part)
    return cut("".join(kept), most)


def cut(text: str, most: int) -> str:
    """Return the text, or its beginning with an ellipsis where it is longer than ``most`` letters."""
    if len(text) <= most:
        return text
    return f"{text[: most - 1]}…" if most > 0 else ""


def written(value: Any, room: int) -> Iterable[str | Inner]:
    """Yield what ``repr`` says, in parts. Of a text it is as much as there is ``room`` for."""
    kind = type(value)
    # The class's own repr decides: a subclass may have another one.
    say: Any = kind.__repr__
    if say is str.__repr__ or say is bytes.__repr__:
        return (_quoted(value, room),)
    if say is int.__repr__:
        return (_digits(value),)
    if say is list.__repr__:
        return listed("[", value, "]")
    if say is tuple.__repr__:
        return listed("(", value, ",)" if len(value) == 1 else ")")
    if kind in (set, frozenset) and value:
        return listed("{", value, "}") if kind is set else listed("frozenset({", value, "})")
    if say is dict.__repr__:
        return mapped(value)
    if getattr(getattr(kind, "__dataclass_params__", None), "repr", False):
        return _fields(value)
    return (repr(value),)


Write = Callable[[Any, int], Iterable["str | Inner"]]
"""Says a value in parts: texts, and values that are said where they are met; told how much room there is."""


@dataclass(frozen=True, slots=True)
class Inner:
    """A value inside of another one."""

    value: Any
    write: Write = field(default=written)


def listed(begin: str, values: Iterable[Any], end: str, write: Write = written) -> Iterator[str | Inner]:
    """Yield values with a comma between any two."""
    yield begin
    between = ""
    for value in values:
        yield between
        yield Inner(value, write)
        between = ", "
    yield end


def mapped(value: Mapping[Any, Any], write: Write = written) -> Iterator[str | Inner]:
    """Yield keys, as ``repr`` says them, with their values."""
    begin = "{"
    for key, item in value.items():
        yield begin
        yield Inner(key)
        yield ": "
        yield Inner(item, write)
        begin = ", "
    yield "}" if value else "{}"


def _fields(value: Any) -> Iterator[str | Inner]:
    yield f"{type(value).__qualname__}("
    between = ""
    for name in (one.name for one in dataclasses.fields(value) if one.repr):
        yield f"{between}{name}="
        yield Inner(getattr(value, name))
        between = ", "
    yield ")"


def _quoted(text: Any, room: int) -> str:
    """Return text, or bytes, in quotes; of a long one the beginning, in the quotes that it would get."""
    if len(text) <= room:
        return repr(text)
    head = text[:room]
    single, double = ("'", '"') if isinstance(text, str) else (b"'", b'"')
    if single not in text:
        return repr(head)
    # What decides on the quotes may stand further behind, so it is put there and taken away again.
    if double not in text:
        return repr(head + single)[:-2]
    return repr(head + single + double)[:-4]


def _digits(number: int) -> str:
    try:
        return int.__repr__(number)
    except ValueError:  # Python writes no number of thousands of decimal digits
        return f"{number:#x}"
