"""Values as JSON and back.

What is not plain data stays on the student's side as an object with a number. A value that JSON
lacks is written as a mapping with one ``$`` key:

``{"$tuple": […]}``, ``{"$set": […]}``, ``{"$map": [[key, value], …]}`` (keys that are not text, or
begin with ``$``), ``{"$bytes": base64}``, ``{"$float": "nan"}``, ``{"$int": "…"}`` (beyond 53 bits),
``{"$message": {…}}``,
``{"$object": number, "type": name}``, ``{"$cut": reason}`` where a value was too large or too deep.

A message has one plain form: ``type, text, content, id, name, status, tool_calls, tool_call_id``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 100_000
MAX_ALL_TEXT = 2_000_000
MAX_ITEMS = 5_000
MAX_DEPTH = 12
_SAFE_INT = 2**53


@dataclass(frozen=True, slots=True)
class Message:
    """A message as checks see it."""

    type: str
    """``human``, ``ai``, ``tool`` or ``system``"""
    text: str
    content: Any = None
    """text or blocks, as the provider sent it"""
    id: str | None = None
    name: str | None = None
    status: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """each with ``id``, ``name`` and ``args``"""
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Stands where a value was too large or too deep to cross."""

    reason: str


def encode(value: Any, keep: Callable[[Any], int]) -> Any:
    """A value as JSON-ready data; ``keep`` takes in what must stay and gives its number."""
    return _Encoder(keep).encode(value, 0)


class _Encoder:
    """Reads values by their base types only, so that a subclass cannot answer for itself."""

    def __init__(self, keep: Callable[[Any], int]) -> None:
        self._keep = keep
        self._items = 0
        self._letters = 0

    def encode(self, value: Any, depth: int) -> Any:
        self._items += 1
        if self._items > MAX_ITEMS:
            return {"$cut": "too many items"}
        if depth > MAX_DEPTH:
            return {"$cut": "too deep"}
        # Not isinstance: an object may say that it is of another class than it is.
        kind = type(value)
        if value is None or kind is bool:
            return value
        if issubclass(kind, str):
            return self._text(value)
        if issubclass(kind, int):
            number = int.__index__(value)
            return number if abs(number) <= _SAFE_INT else {"$int": _digits(number)}
        if issubclass(kind, float):
            number_ = float.__float__(value)
            return number_ if math.isfinite(number_) else {"$float": repr(number_)}
        if kind in (bytes, bytearray):
            return {"$bytes": base64.b64encode(bytes(value[:MAX_TEXT])).decode()}
        if kind in (set, frozenset) or issubclass(kind, dict | list | tuple):
            return self._container(value, kind, depth)
        if (message := _message(value, kind)) is not None:
            return {"$message": self._mapping(message, depth)}
        return {"$object": self._keep(value), "type": short_type(kind)}

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        base = next(base for base in (dict, list, tuple, set, frozenset) if issubclass(kind, base))
        if self._items + base.__len__(value) > MAX_ITEMS:
            return {"$cut": "too many items"}
        if base is dict:
            return self._mapping(dict(dict.items(value)), depth)
        items = [self.encode(item, depth + 1) for item in base.__iter__(value)]
        return items if base is list else {"$tuple" if base is tuple else "$set": items}

    def _text(self, value: str) -> str:
        text = str.__str__(value)
        room = max(0, min(MAX_TEXT, MAX_ALL_TEXT - self._letters))
        if len(text) > room:
            text = f"{text[:room]}…"
        self._letters += len(text)
        return safe_text(text)

    def _mapping(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {self._text(key): self.encode(item, depth + 1) for key, item in value.items()}
        pairs = [[self.encode(key, depth + 1), self.encode(item, depth + 1)] for key, item in value.items()]
        return {"$map": pairs}


def _digits(number: int) -> str:
    return hex(number) if number.bit_length() < 4 * MAX_ITEMS else "too large"


def safe_text(text: str) -> str:
    """Text that every encoding takes: lone surrogates are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def short_type(kind: type) -> str:
    """A class's name as Python has it, past whatever its metaclass says."""
    return safe_text(type.__dict__["__name__"].__get__(kind)[:80])


def _message(value: Any, kind: type) -> dict[str, Any] | None:
    """The plain form of a LangChain message; ``None`` for anything else."""
    from langchain_core.messages import BaseMessage  # noqa: PLC0415 - a judge needs no LangChain

    if not issubclass(kind, BaseMessage):
        return None
    text = value.text
    plain: dict[str, Any] = {
        "type": value.type,
        "text": str(text() if callable(text) and not isinstance(text, str) else text),
        "content": value.content,
        "id": value.id,
        "name": value.name,
        "status": getattr(value, "status", None),
        "tool_calls": [
            {"id": call.get("id"), "name": call.get("name"), "args": call.get("args")}
            for call in getattr(value, "tool_calls", ())
        ],
        "tool_call_id": getattr(value, "tool_call_id", None),
    }
    return plain


def decode(data: Any, look_up: Callable[[int, str], Any], message: Callable[[Mapping[str, Any]], Any]) -> Any:
    """The value that ``encode`` wrote; ``look_up`` and ``message`` make what each side has for them."""
    if isinstance(data, list):
        return [decode(item, look_up, message) for item in data]
    if not isinstance(data, dict):
        return data

    def again(item: Any) -> Any:
        return decode(item, look_up, message)

    match data:
        case {"$tuple": items}:
            return tuple(again(item) for item in items)
        case {"$set": items}:
            return {_hashable(again(item)) for item in items}
        case {"$map": pairs}:
            return {_hashable(again(key)): again(item) for key, item in pairs}
        case {"$bytes": text}:
            return base64.b64decode(text)
        case {"$float": text}:
            return float(text)
        case {"$int": text}:
            return int(text, 16) if text != "too large" else Cut("too large")
        case {"$message": fields}:
            return message({key: again(item) for key, item in fields.items()})
        case {"$object": number}:
            return look_up(number, str(data.get("type", "object")))
        case {"$cut": reason}:
            return Cut(reason)
    return {key: again(item) for key, item in data.items()}


def _hashable(value: Any) -> Any:
    if isinstance(value, set):
        return frozenset(value)
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def seen_message(fields: Mapping[str, Any]) -> Message:
    """A message for the judging side."""
    return Message(
        type=str(fields.get("type")),
        text=str(fields.get("text", "")),
        content=fields.get("content"),
        id=fields.get("id"),
        name=fields.get("name"),
        status=fields.get("status"),
        tool_calls=tuple(fields.get("tool_calls") or ()),
        tool_call_id=fields.get("tool_call_id"),
    )


def real_message(fields: Mapping[str, Any]) -> Any:
    """A LangChain message for the student's side."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage  # noqa: PLC0415

    content = fields.get("content") if fields.get("content") is not None else fields.get("text", "")
    match fields.get("type"):
        case "ai":
            return AIMessage(content, id=fields.get("id"), tool_calls=list(fields.get("tool_calls") or ()))
        case "tool":
            return ToolMessage(content, tool_call_id=str(fields.get("tool_call_id")), name=fields.get("name"))
        case "system":
            return SystemMessage(content, id=fields.get("id"))
    return HumanMessage(content, id=fields.get("id"))
