"""Frozen dataclasses as plain JSON values and back, exactly: what is not of the declared form is refused.

For the few kinds of field that results have: text, numbers, truth values, fixed words, and tuples of such or
of other dataclasses.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar

_T = TypeVar("_T")


class NotOfThatForm(ValueError):
    """A value is not what the field holds; the text says which field."""


def to_plain(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, in the order in which they are declared."""
    return {name: _plain(getattr(value, name), kind) for name, kind in _fields_of(type(value)).items()}


def from_plain(kind: type[_T], value: object, where: str = "") -> _T:
    """Return a dataclass from what `to_plain` gave.

    Raises NotOfThatForm when a field lacks, is unknown or holds something else.
    """
    if not isinstance(value, dict):
        raise NotOfThatForm(f"{where or 'the whole'} is not an object")
    fields = _fields_of(kind)
    dot = f"{where}." if where else ""
    if missing := [name for name in fields if name not in value]:
        raise NotOfThatForm(f"{dot}{missing[0]} is missing")
    if len(value) > len(fields):
        raise NotOfThatForm(f"{where or 'the whole'} has something that does not belong there")
    return kind(**{name: _value(one, value[name], f"{dot}{name}") for name, one in fields.items()})


def _fields_of(kind: Any) -> Mapping[str, Any]:
    return _fields(kind)


@cache
def _fields(kind: Any) -> Mapping[str, Any]:
    hints = typing.get_type_hints(kind)
    return types.MappingProxyType({field.name: hints[field.name] for field in dataclasses.fields(kind)})


def _plain(value: Any, kind: Any) -> Any:
    if kind is float:
        return float(value)  # points may be given as 1: the same result is the same bytes
    if typing.get_origin(kind) is tuple:
        return [_plain(item, typing.get_args(kind)[0]) for item in value]
    return to_plain(value) if dataclasses.is_dataclass(kind) else value


def _value(kind: Any, value: object, where: str) -> Any:
    if kind is float:
        # bool is an int to Python, and "true" is not a number of points
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotOfThatForm(f"{where} is not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise NotOfThatForm(f"{where} is not a number")
        return number
    if kind in (str, bool, int):
        if type(value) is not kind:
            raise NotOfThatForm(f"{where} is {_NO[kind]}")
        return value
    if typing.get_origin(kind) is Literal:
        if not isinstance(value, str) or value not in typing.get_args(kind):
            raise NotOfThatForm(f"{where} has a word that is not known here")
        return value
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise NotOfThatForm(f"{where} is not a list")
        item = typing.get_args(kind)[0]
        return tuple(_value(item, one, f"{where}[{at}]") for at, one in enumerate(value))
    return from_plain(kind, value, where)


_NO: Mapping[Any, str] = {str: "not a text", bool: "neither true nor false", int: "not a whole number"}
