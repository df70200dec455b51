"""Which names a cell defines, and which of them another one defines, too."""

from __future__ import annotations

import pytest

from grader.jail.names import MOST, defined, defined_twice


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


def test_names_of_several_cells_are_told_with_the_cells_in_order() -> None:
    cells = [("a", {"x", "y"}), ("b", {"y"}), ("c", {"x", "z"})]
    assert defined_twice(cells) == {"x": ["a", "c"], "y": ["a", "b"]}


def test_the_report_is_bounded() -> None:
    names = {f"n{n}" for n in range(MOST + 50)}
    assert len(defined_twice([("a", names), ("b", names)])) == MOST
