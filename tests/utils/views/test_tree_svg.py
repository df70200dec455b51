"""Checkpoints as rows of a git graph: lines lead from parents to children, and branches differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from utils.views.folding import Fold, fold
from utils.views.tree import Tree, build_tree, snapshots_to_nodes
from utils.views.tree_svg import lanes, rows_html


def tree(*rows: tuple[str, str | None]) -> Tree:
    return build_tree(snapshots_to_nodes({"id": id, "parent": parent, "step": 0} for id, parent in rows))


FORKED = tree(("a", None), ("b", "a"), ("c", "b"), ("d", "b"), ("e", "a"), ("f", "e"))
"""a with b and e below it, and two checkpoints below b"""


def test_a_line_of_descent_is_one_lane() -> None:
    placed = lanes(tree(("a", None), ("b", "a"), ("c", "b")).rows)
    assert [(lane.column, lane.branch, lane.above, lane.below) for lane in placed] == [
        (0, 0, False, True),
        (0, 0, True, True),
        (0, 0, True, False),
    ]


def test_a_branch_leaves_to_the_right_and_the_trunk_passes_it() -> None:
    named = dict(zip((row.node.id for row in FORKED.rows), lanes(FORKED.rows), strict=True))
    assert {id: (lane.column, lane.branch, lane.begins) for id, lane in named.items()} == {
        "a": (0, 0, False),
        "b": (1, 1, True),
        "c": (1, 1, False),
        "d": (2, 2, True),
        "e": (0, 0, False),
        "f": (0, 0, False),
    }
    assert named["d"].through == ((0, 0), (1, 1))
    assert not named["c"].below
    assert named["e"].above


def test_every_line_that_leads_down_is_taken_up_by_the_row_below() -> None:
    placed = lanes(FORKED.rows)
    for row, below in pairwise(placed):
        left = {column for column, _ in row.through} | ({row.column} if row.below else set())
        taken = {column for column, _ in below.through} | ({below.column} if below.above else set())
        assert left == taken


def test_two_roots_are_two_branches() -> None:
    placed = lanes(tree(("a", None), ("b", "gone")).rows)
    assert [(lane.branch, lane.above, lane.below) for lane in placed] == [
        (0, False, False),
        (1, False, False),
    ]


def test_branches_differ_in_colour_and_in_shape(read_html: Callable[[str], Any]) -> None:
    page = rows_html(FORKED.rows, "c2")
    read_html(page)
    dots = dict(re.findall(r'<g class="(kit-branch-\d) kit-dot[^>]*>(<\w+)', page))
    assert dots == {"kit-branch-0": "<circle", "kit-branch-1": "<rect", "kit-branch-2": "<path"}


def test_the_row_says_what_the_drawing_shows(read_html: Callable[[str], Any]) -> None:
    words = " ".join(read_html(rows_html(FORKED.rows)).words)
    for word in ("c0", "branch 1", "from c0", "◀ current"):
        assert word in words


def test_a_long_run_is_one_row() -> None:
    long = tree(*((f"{n:03}", f"{n - 1:03}" if n else None) for n in range(200)))
    shown = fold(long)
    page = rows_html(shown)
    (folded,) = (row for row in shown if isinstance(row, Fold))
    assert f"{len(folded.rows)} more" in page
    assert page.count("<li") == len(shown)


def test_no_checkpoints_are_said_to_be_none() -> None:
    assert "There are no checkpoints yet." in rows_html(())


def test_hostile_names_stay_names(hostile: str, read_html: Callable[[str], Any]) -> None:
    rows = [{"id": "1", "parent": None, "source": hostile, "next": [hostile]}]
    page = rows_html(build_tree(snapshots_to_nodes(rows)).rows)
    assert set(read_html(page).seen) <= {"ol", "li", "svg", "g", "circle", "path", "b", "span"}
    assert not {"\x1b", "\u202e", "\r"} & set(page)
