"""Which names the cells of a notebook define, to say where one of them does so twice."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

MOST = 200
"""how many names are reported at most"""


def defined(source: str) -> set[str]:
    """Return the names that a cell's Python code binds, imports left out.

    A cell that Python cannot compile binds none.
    """
    tree = parsed(source)
    return set() if tree is None else names_in(tree)


def parsed(source: str) -> ast.Module | None:
    """Return the tree of a cell's Python code; ``None`` where Python cannot read it."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return None


def names_in(tree: ast.Module) -> set[str]:
    """Return the names that a tree binds, imports left out.

    What is nested waits on a list, and not on Python's stack: each ``elif`` is one level deeper.
    """
    names: set[str] = set()
    todo: list[ast.AST] = list(tree.body)
    while todo:
        match todo.pop():
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names.update(_named(targets))
            case ast.AnnAssign(target=target, value=ast.expr()):
                names.update(_named([target]))
            case (ast.With() | ast.AsyncWith() | ast.If() | ast.Try() | ast.ExceptHandler()) as block:
                todo += ast.iter_child_nodes(block)
    return names


def _named(targets: Iterable[ast.expr]) -> Iterator[str]:
    todo = list(targets)
    while todo:
        match todo.pop():
            case ast.Name(id=name):
                yield name
            case ast.Tuple(elts=inner) | ast.List(elts=inner):
                todo += inner


def defined_twice(cells: Iterable[tuple[str, set[str]]]) -> dict[str, list[str]]:
    """Return the names that more than one cell defines, with the ids of those cells, in order."""
    where: dict[str, list[str]] = {}
    for cell, names in cells:
        for name in names:
            where.setdefault(name, []).append(cell)
    twice = [(name, ids) for name, ids in sorted(where.items()) if len(ids) > 1]
    return dict(twice[:MOST])
