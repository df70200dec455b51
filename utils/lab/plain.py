"""Values as JSON and back.

What is not plain data stays on the student's side as an object with a number. A value that JSON
lacks is written as a mapping with one ``$`` key, called a form here:

``{"$tuple": […]}``, ``{"$set": […]}``, ``{"$map": [[key, value], …]}`` (keys that are not text, or
begin with ``$``), ``{"$bytes": base64}``, ``{"$float": "nan"}``, ``{"$int": "…"}`` (beyond 53 bits),
``{"$message": {…}}``,
``{"$object": number, "type": name}``, ``{"$cut": reason}`` where a value was too large or too deep.

A message has one plain form: ``type, text, content, id, name, status, tool_calls, tool_call_id``.

What is read back may be forged: the side that is asked can write other data than `encode` does. So `decode`
takes nothing but these forms, and no more than `encode` lets through. Anything else is `Forged`.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from utils.brief import brief

MAX_TEXT = 100_000
"""letters of one text, or bytes of one value, that cross"""
MAX_ALL_TEXT = 2_000_000
"""letters and bytes that cross in one answer"""
MAX_ITEMS = 5_000
"""values in one answer, those inside of others included"""
MAX_DEPTH = 12
MAX_TYPE = 80
"""letters of a class's, or a function's, name"""
MAX_MESSAGE = 2_000
"""letters of an error's text"""
MAX_KEY = 200
"""letters of what stands for a key that no mapping can have"""
MAX_ALIKE = 50
"""keys of one value that have the same hash: each is compared with all the others"""
_SAFE_INT = 2**53
_TOO_MANY, _TOO_DEEP, _TOO_LARGE = "too many items", "too deep", "too large"
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_HEX = MAX_ITEMS + len("-0x")
_BASE64 = 4 * ((MAX_TEXT + 2) // 3)


class Forged(ValueError):
    """This is nothing that `encode` writes, so a student's process wrote it itself."""


class TooLarge(Forged):
    """This is larger, or deeper, than what `encode` lets through."""


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


_FIELDS = frozenset(Message.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Cut:
    """Stands where a value was too large or too deep to cross."""

    reason: str


def encode(value: Any, keep: Callable[[Any], int]) -> Any:
    """Return a value as JSON-ready data; ``keep`` takes in what must stay and gives its number.

    At most `MAX_ITEMS` values come of it, nested at most `MAX_DEPTH` deep, with at most `MAX_ALL_TEXT`
    letters. What does not fit is cut where it stands, and says so.
    """
    return _Encoder(keep).encode(value, 0)


class _Encoder:
    """Reads values by their base types only, so that a subclass cannot answer for itself."""

    def __init__(self, keep: Callable[[Any], int]) -> None:
        self._keep = keep
        self._items = MAX_ITEMS - 1
        """how many more values may come: those that are in something are counted when it is begun"""
        self._letters = MAX_ALL_TEXT
        """how many more letters may come"""

    def encode(self, value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            return {"$cut": _TOO_DEEP}
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
            return {"$bytes": self._bytes(value)}
        if kind in (set, frozenset) or issubclass(kind, dict | list | tuple):
            return self._container(value, kind, depth)
        if (message := _message(value, kind)) is not None:
            return self._fields(message, depth)
        return {"$object": self._keep(value), "type": short_type(kind)}

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        base = next(base for base in (dict, list, tuple, set, frozenset) if issubclass(kind, base))
        if base.__len__(value) > self._items:
            return {"$cut": _TOO_MANY}
        if base is dict:
            return self._mapping(dict(dict.items(value)), depth)
        self._items -= base.__len__(value)
        items = [self.encode(item, depth + 1) for item in base.__iter__(value)]
        return items if base is list else {"$tuple" if base is tuple else "$set": items}

    def _fields(self, message: Mapping[str, Any], depth: int) -> Any:
        """Return a message's form. No student chose the names of its fields, so they are never cut."""
        if len(message) > self._items:
            return {"$cut": _TOO_MANY}
        self._items -= len(message)
        return {"$message": {key: self.encode(item, depth + 1) for key, item in message.items()}}

    def _text(self, value: str) -> str:
        room = min(MAX_TEXT, self._letters)
        # A letter may be spelled out and become longer, so it is cut once more.
        text = safe_text(str.__str__(value)[: room + 1])
        if len(text) > room:
            text = f"{text[:room]}…"
        self._letters = max(0, self._letters - len(text))
        return text

    def _bytes(self, value: bytes | bytearray) -> str:
        data = bytes(value[: min(MAX_TEXT, self._letters)])
        self._letters -= len(data)
        return base64.b64encode(data).decode()

    def _mapping(self, value: dict[Any, Any], depth: int) -> Any:
        named = all(type(key) is str and not key.startswith("$") for key in value)
        items = len(value) if named else 2 * len(value)
        if items > self._items:
            return {"$cut": _TOO_MANY}
        self._items -= items
        if named:
            return {self._text(key): self.encode(item, depth + 1) for key, item in value.items()}
        pairs = [[self.encode(key, depth + 1), self.encode(item, depth + 1)] for key, item in value.items()]
        return {"$map": pairs}


def leaf(value: Any) -> Any:
    """Return a value that holds no others as JSON-ready data; what is of no form stays as it is."""
    match value:
        case bool():
            return value
        case int() if abs(value) > _SAFE_INT:
            return {"$int": _digits(value)}
        case float() if not math.isfinite(value):
            return {"$float": repr(value)}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case Cut(reason=reason):
            return {"$int": reason} if reason == _TOO_LARGE else {"$cut": reason}
    return value


def _digits(number: int) -> str:
    return hex(number) if number.bit_length() < 4 * MAX_ITEMS else _TOO_LARGE


def safe_text(text: str) -> str:
    """Return text that every encoding takes: lone surrogates are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def short_type(kind: type) -> str:
    """Return a class's name as Python has it, whatever its metaclass says."""
    return safe_text(type.__dict__["__name__"].__get__(kind)[:MAX_TYPE])[:MAX_TYPE]


def _message(value: Any, kind: type) -> dict[str, Any] | None:
    """Return the plain form of a LangChain message; ``None`` for anything else."""
    from langchain_core.messages import BaseMessage  # noqa: PLC0415 - a judge needs no LangChain

    if not issubclass(kind, BaseMessage):
        return None
    text = value.text
    plain: dict[str, Any] = {
        "type": str(value.type),
        "text": str(text() if callable(text) and not isinstance(text, str) else text),
        "content": value.content,
        "id": _word(value.id),
        "name": _word(value.name),
        "status": _word(getattr(value, "status", None)),
        "tool_calls": [
            {"id": call.get("id"), "name": call.get("name"), "args": call.get("args")}
            for call in getattr(value, "tool_calls", ())
        ],
        "tool_call_id": _word(getattr(value, "tool_call_id", None)),
    }
    return plain


def _word(value: Any) -> str | None:
    """Return what should be a text as one: a message takes anything that it is given later."""
    return None if value is None else str(value)


def decode(data: Any, look_up: Callable[[int, str], Any], message: Callable[[Mapping[str, Any]], Any]) -> Any:
    """Return the value that `encode` wrote; ``look_up`` and ``message`` make what each side has for them.

    Raises Forged for what `encode` never writes, and TooLarge where it is more than `encode` lets through:
    it is not cut, because nothing honest is lost. The work is bounded by these limits.
    """
    return _Decoder(look_up, message).decode(data, 0)


class _Decoder:
    """Reads data once, and counts as the encoder does."""

    def __init__(
        self, look_up: Callable[[int, str], Any], message: Callable[[Mapping[str, Any]], Any]
    ) -> None:
        self._look_up = look_up
        self._make_message = message
        self._items = MAX_ITEMS - 1
        # Each text that does not fit ends in a letter that says so.
        self._letters = MAX_ALL_TEXT + 2 * MAX_ITEMS

    def decode(self, data: Any, depth: int) -> Any:
        if depth > MAX_DEPTH and data != {"$cut": _TOO_DEEP}:
            msg = f"a value more than {MAX_DEPTH} levels deep"
            raise TooLarge(msg)
        if isinstance(data, str):
            return self._text(data)
        if isinstance(data, list):
            return self._each(data, depth)
        if not isinstance(data, dict):
            return data
        if form := next((key for key in data if key.startswith("$")), ""):
            return self._form(form, data, depth)
        return self._mapping(data, depth)

    def _form(self, form: str, data: Mapping[str, Any], depth: int) -> Any:
        match data:
            case {"$tuple": list(items), **rest} if not rest:
                return tuple(self._each(items, depth))
            case {"$set": list(items), **rest} if not rest:
                return set(_keys(self._each(items, depth)))
            case {"$map": list(pairs), **rest} if not rest:
                return self._map(pairs, depth)
            case {"$bytes": str(text), **rest} if not rest:
                return self._bytes(text)
            case {"$float": str(text), **rest} if not rest and text in _FLOATS:
                return _FLOATS[text]
            case {"$int": str(text), **rest} if not rest:
                return _whole(text)
            case {"$message": dict(fields), **rest} if not rest:
                return self._message(fields, depth)
            case {"$object": int(number), **rest} if type(number) is int and rest.keys() <= {"type"}:
                return self._look_up(number, _type(rest.get("type", "object")))
            case {"$cut": str(reason), **rest} if not rest and reason in (_TOO_MANY, _TOO_DEEP):
                return Cut(reason)
        msg = f"nothing has the form {brief(form, MAX_TYPE)} with what is in it"
        raise Forged(msg)

    def _each(self, items: list[Any], depth: int) -> list[Any]:
        self._take(len(items))
        return [self.decode(item, depth + 1) for item in items]

    def _mapping(self, data: Mapping[str, Any], depth: int) -> dict[str, Any]:
        self._take(len(data))
        return {self._text(key): self.decode(item, depth + 1) for key, item in data.items()}

    def _message(self, fields: Mapping[str, Any], depth: int) -> Any:
        if not fields.keys() <= _FIELDS:
            msg = "a message with fields that no message has"
            raise Forged(msg)
        self._take(len(fields))
        return self._make_message({key: self.decode(item, depth + 1) for key, item in fields.items()})

    def _map(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        self._take(2 * len(pairs))
        keys, values = [], []
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                msg = "a mapping of what is not a key and a value"
                raise Forged(msg)
            keys.append(self.decode(pair[0], depth + 1))
            values.append(self.decode(pair[1], depth + 1))
        return dict(zip(_keys(keys), values, strict=True))

    def _take(self, items: int) -> None:
        self._items -= items
        if self._items < 0:
            msg = f"more than {MAX_ITEMS} values"
            raise TooLarge(msg)

    def _text(self, text: str) -> str:
        self._letters -= len(text)
        if self._letters < 0 or len(text) > MAX_TEXT + 1:
            msg = "a text, or all texts together, longer than what crosses"
            raise TooLarge(msg)
        return text

    def _bytes(self, text: str) -> bytes:
        if len(text) > _BASE64:
            msg = f"more than {MAX_TEXT} bytes"
            raise TooLarge(msg)
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError as error:
            msg = "bytes that are not base64"
            raise Forged(msg) from error
        self._letters -= len(data)
        if self._letters < 0:
            msg = "more bytes than what crosses"
            raise TooLarge(msg)
        return data


def _whole(text: str) -> int | Cut:
    if text == _TOO_LARGE:
        return Cut(_TOO_LARGE)
    if len(text) > _HEX:
        msg = "a number of more digits than what crosses"
        raise TooLarge(msg)
    try:
        return int(text, 16)
    except ValueError as error:
        msg = "a number that is not one"
        raise Forged(msg) from error


def _type(name: Any) -> str:
    if not isinstance(name, str) or len(name) > MAX_TYPE:
        msg = "a type's name that is not one"
        raise Forged(msg)
    return name


def _keys(values: Iterable[Any]) -> list[Any]:
    """Return values as a set or a mapping can hold them.

    Raises Forged where many have the same hash: Python would compare each of them with all the others. It
    is easy to find such numbers, and no honest answer is made of them.
    """
    alike: Counter[int] = Counter()
    keys = [_hashable(value) for value in values]
    different: set[Any] = set()
    for key in keys:
        if key in different:
            continue  # such as keys that were cut; the same key again costs no more comparing
        different.add(key)
        alike[hash(key)] += 1
        if alike[hash(key)] > MAX_ALIKE:
            msg = f"more than {MAX_ALIKE} keys that look the same to Python"
            raise Forged(msg)
    return keys


def _hashable(value: Any) -> Any:
    """Return a value as a set can hold it, in no more letters or values than it has.

    What is inside of it has been made so already, but for a tuple. A list or a mapping is nothing that
    a set can hold in Python, either: there a few letters stand for it.
    """
    if isinstance(value, tuple):
        return tuple(map(_hashable, value))
    if isinstance(value, set):
        return frozenset(value)
    try:
        hash(value)
    except TypeError:
        return brief(value, MAX_KEY)
    return value


def seen_message(fields: Mapping[str, Any]) -> Message:
    """Return a message for the judging side. Raises Forged where a field is not as `encode` writes it."""
    calls = fields.get("tool_calls", [])
    if not isinstance(calls, list | Cut):
        msg = "a message whose tool calls are not a list"
        raise Forged(msg)
    return Message(
        type=(_said(fields.get("type")) or "")[:MAX_TYPE],
        text=_said(fields.get("text")) or "",
        content=fields.get("content"),
        id=_said(fields.get("id")),
        name=_said(fields.get("name")),
        status=_said(fields.get("status")),
        tool_calls=tuple(_call(call) for call in (() if isinstance(calls, Cut) else calls)),
        tool_call_id=_said(fields.get("tool_call_id")),
    )


def _said(field: Any) -> str | None:
    """Return a field that holds a text or nothing; what was too deep to cross is nothing."""
    if field is None or isinstance(field, str):
        return field
    if isinstance(field, Cut):
        return None
    msg = "a message whose words are not a text"
    raise Forged(msg)


def _call(call: Any) -> Mapping[str, Any]:
    if isinstance(call, Cut):
        return {}
    if not isinstance(call, Mapping):
        msg = "a tool call that is not one"
        raise Forged(msg)
    return call


def real_message(fields: Mapping[str, Any]) -> Any:
    """Return a LangChain message for the student's side."""
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
