"""Which names a cell defines, and which of them another one defines, too."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from grader.jail.names import MOST, defined, defined_twice, names_in


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): x = 1", {"f"}),
        ("async def f(): pass", {"f"}),
        ("class C:\n    def method(self): pass", {"C"}),
        ("a = b = 1", {"a", "b"}),
        ("(a, [b, *c]), d.e, f[0] = x", {"a", "b"}),
        ("a: int = 1\nb: int", {"a"}),
        ("if x:\n    def f(): pass\nelse:\n    g = 2", {"f", "g"}),
        ("try:\n    a = 1\nexcept E:\n    b = 2\nfinally:\n    c = 3", {"a", "b", "c"}),
        ("with x as y:\n    a = 1", {"a"}),
        ("import os\nfrom x import y\nf()", set()),
        ("def broken(", set()),
        ("a\0b", set()),
        ("(" * 5000 + ")" * 5000, set()),
        ("", set()),
    ],
)
def test_the_names_that_a_cell_binds(source: str, names: set[str]) -> None:
    assert defined(source) == names


ELIF = "if a: pass\n" + "{0}else:\n    def last(): pass\nfirst, (second, [third]) = x\n"


@pytest.mark.parametrize("times", [1, 100, 990, 1_200, 2_000, 2_900, 3_000, 5_000, 20_000])
def test_a_cell_of_many_elif_binds_what_it_binds_in_python(times: int) -> None:
    """A cell that this Python cannot compile binds nothing in a notebook either."""
    source = ELIF.format("elif a:\n    def inner(): pass\n" * times)
    try:
        compile(source, "cell", "exec")
    except (RecursionError, MemoryError):
        assert defined(source) == set()
        assert times >= 2_900
    else:
        assert defined(source) == {"inner", "last", "first", "second", "third"}


def deep(times: int, around: Callable[[list[ast.stmt]], ast.stmt]) -> ast.Module:
    """A tree of any depth; `ast.parse` has an end to it, which is another one in each Python."""
    body: list[ast.stmt] = ast.parse("def inner(): pass\na, (b, [c]) = x").body
    for _ in range(times):
        body = [around(body)]
    return ast.Module(body, [])


NAME = ast.Name("x", ast.Load())
BLOCKS: dict[str, Callable[[list[ast.stmt]], ast.stmt]] = {
    "if": lambda body: ast.If(NAME, body, []),
    "elif": lambda body: ast.If(NAME, [ast.Pass()], body),
    "with": lambda body: ast.With([ast.withitem(NAME)], body),
    "async with": lambda body: ast.AsyncWith([ast.withitem(NAME)], body),
    "try": lambda body: ast.Try(body, [], [], []),
    "except": lambda body: ast.Try([ast.Pass()], [ast.ExceptHandler(NAME, None, body)], [], []),
    "else": lambda body: ast.Try([ast.Pass()], [], body, []),
    "finally": lambda body: ast.Try([ast.Pass()], [], [], body),
}


@pytest.mark.parametrize("around", BLOCKS.values(), ids=BLOCKS)
def test_names_are_found_however_deep_the_blocks_are(around: Callable[[list[ast.stmt]], ast.stmt]) -> None:
    for times in (0, 1, 100, 20_000):
        assert names_in(deep(times, around)) == {"inner", "a", "b", "c"}


def test_names_are_found_however_deep_the_targets_are() -> None:
    target: ast.expr = ast.Name("a", ast.Store())
    for _ in range(20_000):
        target = ast.Tuple([target], ast.Store())
    assert names_in(ast.Module([ast.Assign([target], NAME)], [])) == {"a"}


@pytest.mark.parametrize(
    ("block", "names"),
    [
        ("for a in x:", set()),
        ("while x:", set()),
        ("match x:\n case a:", set()),
        ("async for a in x:", set()),
        ("def f():", {"f"}),
        ("class f:", {"f"}),
    ],
)
def test_what_other_blocks_bind_is_not_told(block: str, names: set[str]) -> None:
    """Loops often bind the same names in several cells, and what a function binds is its own."""
    assert defined(f"{block}\n  b = 1\n  def g(): pass") == names


def test_names_of_several_cells_are_told_with_the_cells_in_order() -> None:
    cells = [("a", {"x", "y"}), ("b", {"y"}), ("c", {"x", "z"})]
    assert defined_twice(cells) == {"x": ["a", "c"], "y": ["a", "b"]}


def test_the_report_is_bounded() -> None:
    names = {f"n{n}" for n in range(MOST + 50)}
    assert len(defined_twice([("a", names), ("b", names)])) == MOST
