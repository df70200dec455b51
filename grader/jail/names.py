"""Which names the cells of a notebook define, to say where one of them does so twice."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

MOST = 200
"""how many names are reported at most"""


def defined(source: str) -> set[str]:
    """The names that a cell's Python code binds, imports left out; empty if it is no Python."""
    try:
        return names_in(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()


def names_in(tree: ast.Module) -> set[str]:
    """The names that a tree binds, imports left out. Raises RecursionError."""
    return set(_names(tree.body))


def _names(body: Iterable[ast.AST]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Assign():
                for target in node.targets:
                    yield from _targets(target)
            case ast.AnnAssign():
                if node.value is not None:
                    yield from _targets(node.target)
            case ast.With() | ast.AsyncWith() | ast.If() | ast.Try() | ast.ExceptHandler():
                yield from _names(ast.iter_child_nodes(node))


def _targets(target: ast.AST) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from _targets(item)


def defined_twice(cells: Iterable[tuple[str, set[str]]]) -> dict[str, list[str]]:
    """The names that more than one cell defines, with the ids of those cells, in order."""
    where: dict[str, list[str]] = {}
    for cell, names in cells:
        for name in names:
            where.setdefault(name, []).append(cell)
    twice = [(name, ids) for name, ids in sorted(where.items()) if len(ids) > 1]
    return dict(twice[:MOST])
