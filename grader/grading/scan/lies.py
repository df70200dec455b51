"""Comparisons that do not look at what they compare, and classes that say they are another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice

_ALWAYS = {"__eq__": True, "__instancecheck__": True, "__subclasscheck__": True, "__ne__": False}
"""comparisons, and the answer that says that everything is the same"""
_PURE = frozenset(("all", "any", "bool", "int"))
_NONE = (None, Ellipsis)
_SHORT = 200
"""nodes of a function that may answer without looking"""

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def lies(node: ast.AST) -> Iterator[str]:
    """Yield ``equal-to-everything`` for each definition in this node that makes an object so."""
    for name, value in _definitions(node):
        if name in _ALWAYS and isinstance(value, _Function) and _blind(value, _ALWAYS[name]):
            yield "equal-to-everything"
        if name == "__class__":
            yield "equal-to-everything"


def _definitions(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what a node gives a class: names and their values."""
    match node:
        case ast.ClassDef(body=body):
            for part in body:
                match part:
                    case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                        yield name, part
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        yield name, value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and key.value in _ALWAYS:
                    yield key.value, value
        case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if name in _ALWAYS:
            yield name, value
        case ast.Call(args=[_, ast.Constant(value=str(name)), value]) if name in _ALWAYS:  # setattr
            yield name, value


def _blind(function: _Function, answer: bool) -> bool:
    """Return whether a function gives this answer without a look at the other object."""
    others = {arg.arg for arg in function.args.args[1:]}
    nodes = list(islice(ast.walk(function), _SHORT + 1))
    if len(nodes) > _SHORT:
        return False
    answers: list[ast.expr] = []
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in others:
            return False
        if isinstance(node, ast.Return) and node.value is not None:
            answers.append(node.value)
    if isinstance(function, ast.Lambda):
        answers.append(function.body)
    return bool(answers) and all(map(_fixed, answers)) and any(_may_be(value, answer) for value in answers)


def _fixed(value: ast.expr) -> bool:
    """Return whether an expression is made of constants; ``NotImplemented`` and names' errors are honest."""
    return all(node.id in _PURE for node in ast.walk(value) if isinstance(node, ast.Name))


def _may_be(value: ast.expr, answer: bool) -> bool:
    if not isinstance(value, ast.Constant):
        return True
    return value.value not in _NONE and bool(value.value) is answer
