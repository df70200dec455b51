"""Boxes and lines of a graph have their places: nothing lies over another, and lines end at their boxes."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.views.layout import Layout, Size, layered

BOX = Size(80, 30)
NODES = st.integers(1, 12)


def laid(edges: list[tuple[str, str]], names: list[str] | None = None, last: str = "") -> Layout:
    names = names or sorted({name for edge in edges for name in edge})
    return layered(dict.fromkeys(names, BOX), edges, last)


def test_an_edge_leads_down() -> None:
    layout = laid([("a", "b"), ("b", "c")])
    heights = [layout.centres[name][1] for name in "abc"]
    assert heights == sorted(set(heights))


def test_an_edge_back_leads_up_beside_the_one_down() -> None:
    layout = laid([("a", "b"), ("b", "a")])
    down, up = layout.lines
    assert down[0][1] < down[-1][1]
    assert up[0][1] > up[-1][1]
    assert down[0][0] != up[-1][0]


def test_the_last_box_is_in_the_last_layer() -> None:
    layout = laid([("a", "z"), ("a", "b"), ("b", "c")], last="z")
    assert layout.centres["z"][1] == layout.centres["c"][1]


def test_a_loop_leaves_and_enters_at_the_side() -> None:
    (line,) = laid([("a", "a")]).lines
    assert line[0][0] == line[-1][0] == 80
    assert line[1][0] > 80


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"]])
def test_boxes_without_edges_have_places(names: list[str]) -> None:
    layout = layered(dict.fromkeys(names, BOX), [])
    assert set(layout.centres) == set(names)
    assert layout.width >= 80 * bool(names)


@given(st.lists(st.tuples(NODES, NODES), max_size=30))
def test_no_box_lies_over_another_and_lines_end_at_their_boxes(pairs: list[tuple[int, int]]) -> None:
    edges = [(str(a), str(b)) for a, b in pairs]
    layout = layered({str(n): BOX for n in range(1, 13)}, edges, "12")
    for (x, y), (other_x, other_y) in combinations(layout.centres.values(), 2):
        assert y != other_y or abs(x - other_x) >= BOX.width
    for (source, target), line in zip(edges, layout.lines, strict=True):
        for name, (x, y) in ((source, line[0]), (target, line[-1])):
            middle_x, middle_y = layout.centres[name]
            assert abs(x - middle_x) <= BOX.width / 2 + 1e-6
            assert abs(y - middle_y) <= BOX.height / 2 + 1e-6
    assert all(0 <= x <= layout.width + 1e-6 for line in layout.lines for x, _ in line)
