"""A graph as an SVG drawing: boxes in layers, a sign and a word for what runs, is next or waits."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import TYPE_CHECKING

from utils.views.layout import Layout, Point, Size, layered
from utils.views.plain import one_line, short
from utils.views.svg import most_wide, number

if TYPE_CHECKING:
    from utils.views.graph import GraphNode, GraphShape

_NAME, _LABEL = 28, 18
_HEIGHT, _TALL = 30.0, 44.0
_MARGIN = 14.0
_ROUND = 7.0
_FULL = 200


def shape_svg(shape: GraphShape, told: str) -> str:
    """Return the graph as SVG in its natural size; `told` is what is read out in place of it."""
    sizes = tuple((node.id, _size(node)) for node in shape.nodes)
    layout = _layout(sizes, tuple((edge.source, edge.target) for edge in shape.edges))
    parts = [_line(line, edge.conditional) for line, edge in zip(layout.lines, shape.edges, strict=True)]
    parts += [
        _label(line, edge.label) for line, edge in zip(layout.lines, shape.edges, strict=True) if edge.label
    ]
    parts += [_box(node, layout.centres[node.id], dict(sizes)[node.id]) for node in shape.nodes]
    # A label or a loop may reach over the boxes at the right.
    reach = [
        line[len(line) // 2][0] + 10 + most_wide(short(edge.label, _LABEL))
        for line, edge in zip(layout.lines, shape.edges, strict=True)
        if edge.label
    ]
    width = max([layout.width, *reach]) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN
    box = f"{number(-_MARGIN)} {number(-_MARGIN)} {number(width)} {number(height)}"
    return (
        f'<svg class="kit-svg kit-graph" role="img" viewBox="{box}" width="{number(width)}" '
        f'height="{number(height)}"><title>Graph</title><desc>{html.escape(told)}</desc>{"".join(parts)}</svg>'
    )


@lru_cache(maxsize=32)
def _layout(sizes: tuple[tuple[str, Size], ...], edges: tuple[tuple[str, str], ...]) -> Layout:
    # While a graph runs only its marks change, so its places are worked out once.
    return layered(dict(sizes), edges, last="__end__")


def remarks(node: GraphNode) -> str:
    """Return what is to be said about a node besides its name, in words; empty where there is nothing."""
    words = [
        *["runs now"] * node.running,
        *["waits for you"] * node.waits,
        *["next"] * (node.current and not node.running and not node.waits),
        *[f"pauses {node.pauses}"] * (bool(node.pauses) and not node.waits),
    ]
    return ", ".join(words)


def _size(node: GraphNode) -> Size:
    # Wide enough for the longest remark, so that a box does not change its size while the graph runs.
    inner = max(most_wide(short(node.name, _NAME)) + 30, 74.0)
    if node.is_end:
        return Size(inner, _HEIGHT)
    said = (
        most_wide(f"next, pauses {node.pauses}") * 0.82 if node.pauses else most_wide("waits for you") * 0.82
    )
    return Size(max(inner, said + 18), _TALL)


def _box(node: GraphNode, centre: Point, size: Size) -> str:
    x, y = centre
    state = "running" if node.running else "waits" if node.waits else "next" if node.current else ""
    kind = f"kit-node{f' kit-node-{state}' if state else ''}"
    sign = {"running": "● ", "waits": "‖ ", "next": "▶ "}.get(state, "")
    left, top = number(x - size.width / 2), number(y - size.height / 2)
    corner = number(size.height / 2 if node.is_end else _ROUND)
    said = remarks(node)
    name = html.escape(sign + short(node.name, _NAME))
    whole = one_line(node.name, _FULL)
    title = f"<title>{html.escape(whole)}</title>" if short(node.name, _NAME) != whole else ""
    # With nothing to say below it the name stands in the middle.
    name_y = y - 3 if said else y + 4.5
    below = (
        f'<text class="kit-small" x="{number(x)}" y="{number(y + 13)}" text-anchor="middle">'
        f"{html.escape(short(said, 32))}</text>"
        if said
        else ""
    )
    return (
        f'<g class="{kind}"><rect x="{left}" y="{top}" width="{number(size.width)}" '
        f'height="{number(size.height)}" rx="{corner}"/>'
        f'<text x="{number(x)}" y="{number(name_y)}" text-anchor="middle">{name}{title}</text>{below}</g>'
    )


def _line(points: tuple[Point, ...], conditional: bool) -> str:
    kind = "kit-edge kit-edge-chosen" if conditional else "kit-edge"
    return f'<path class="{kind}" d="{_curve(points)}"/><path class="kit-head-of-edge" d="{_arrow(points)}"/>'


def _curve(points: tuple[Point, ...]) -> str:
    (x, y), *rest = points
    d = f"M{number(x)} {number(y)}"
    for to_x, to_y in rest:
        half = (y + to_y) / 2
        if x == to_x:
            d += f"L{number(to_x)} {number(to_y)}"
        else:
            d += f"C{number(x)} {number(half)} {number(to_x)} {number(half)} {number(to_x)} {number(to_y)}"
        x, y = to_x, to_y
    return d


def _arrow(points: tuple[Point, ...]) -> str:
    """Return the head of the arrow: upright at the top or bottom of a box; that of a loop at its side."""
    (before_x, before_y), (x, y) = points[-2:]
    if len(points) == 3 and points[0][0] == x and before_x > x:
        return f"M{number(x)} {number(y)}l8 -4v8z"
    up = -7 if y > before_y else 7
    return f"M{number(x)} {number(y)}l-4 {up}h8z"


def _label(points: tuple[Point, ...], text: str) -> str:
    x, y = points[len(points) // 2]
    if len(points) == 2:
        (x0, y0), (x1, y1) = points
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
    whole, shown = one_line(text, _FULL), short(text, _LABEL)
    title = f"<title>{html.escape(whole)}</title>" if whole != shown else ""
    return (
        f'<text class="kit-small kit-edge-name" x="{number(x + 6)}" y="{number(y + 4)}">'
        f"{html.escape(shown)}{title}</text>"
    )
