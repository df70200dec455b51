"""Where the boxes and lines of a directed graph go: in layers from top to bottom, with few crossings.

It knows neither text nor SVG: sizes in, places out, the same on every run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
_GAP_X, _GAP_Y = 26.0, 52.0
_BEND = 14.0
"""width of a line that passes through a layer"""
_SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a box, in units of the drawing."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph in its place."""

    centres: Mapping[str, Point]
    """middle of each box"""
    lines: tuple[tuple[Point, ...], ...]
    """for each edge, in the order given, the points that it passes, from source to target"""
    width: float
    height: float


@dataclass(slots=True)
class _Layers:
    """The graph with a vertex in each layer that a line passes; vertices are numbers."""

    rows: list[list[int]]
    down: dict[int, list[int]]
    up: dict[int, list[int]]
    sizes: list[Size]


def layered(sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]], last: str = "") -> Layout:
    """Return places for boxes of these sizes and the edges between them; the box `last` is in the last layer.

    An edge that would lead up is laid from its target, and a loop at a box leaves and enters at its side.
    """
    names = list(sizes)
    number = {name: n for n, name in enumerate(names)}
    pairs = [(number[a], number[b]) for a, b in edges]
    turned = _turned(len(names), pairs)
    downward = [(b, a) if turn else (a, b) for (a, b), turn in zip(pairs, turned, strict=True)]
    depth = _depths(len(names), downward, number.get(last))
    layers, chains = _with_bends(list(sizes.values()), downward, depth)
    _untangle(layers)
    x = _across(layers)
    y, height = _down(layers)
    points = _ports(layers, chains, x, y)
    lines = []
    for n, ((a, b), turn) in enumerate(zip(pairs, turned, strict=True)):
        if a == b:
            lines.append(_loop(x[a], y[a], layers.sizes[a]))
        else:
            lines.append(tuple(reversed(points[n])) if turn else tuple(points[n]))
    return _moved({name: (x[n], y[n]) for name, n in number.items()}, lines, sizes, height)


def _turned(count: int, pairs: Sequence[tuple[int, int]]) -> list[bool]:
    """Return which edges have to be turned so that no circle is left: those that lead back on a walk."""
    after: dict[int, list[int]] = defaultdict(list)
    for n, (a, _) in enumerate(pairs):
        after[a].append(n)
    turned, seen, open_ = [False] * len(pairs), set[int](), set[int]()
    for start in range(count):
        if start in seen:
            continue
        seen.add(start)
        open_.add(start)
        walk = [(start, iter(after[start]))]
        while walk:
            vertex, rest = walk[-1]
            edge = next(rest, None)
            if edge is None:
                open_.discard(vertex)
                walk.pop()
                continue
            target = pairs[edge][1]
            if target in open_:
                turned[edge] = True
            elif target not in seen:
                seen.add(target)
                open_.add(target)
                walk.append((target, iter(after[target])))
    return turned


def _depths(count: int, downward: Sequence[tuple[int, int]], last: int | None) -> list[int]:
    """Return the layer of each vertex: the longest way to it."""
    after: dict[int, list[int]] = defaultdict(list)
    waits = [0] * count
    for a, b in downward:
        if a != b:
            after[a].append(b)
            waits[b] += 1
    depth = [0] * count
    ready = [n for n in range(count) if not waits[n]]
    while ready:
        vertex = ready.pop()
        for target in after[vertex]:
            depth[target] = max(depth[target], depth[vertex] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    if last is not None and not after[last]:
        depth[last] = max(depth)
    return depth


def _with_bends(
    sizes: list[Size], downward: Sequence[tuple[int, int]], depth: list[int]
) -> tuple[_Layers, list[list[int]]]:
    """Return the layers, and for each edge the vertices that it passes from top to bottom."""
    layers = _Layers(
        [[] for _ in range(max(depth, default=-1) + 1)], defaultdict(list), defaultdict(list), sizes
    )
    for vertex, row in enumerate(depth):
        layers.rows[row].append(vertex)
    chains = []
    for a, b in downward:
        chain = [a]
        for row in range(depth[a] + 1, depth[b]):
            layers.rows[row].append(len(sizes))
            chain.append(len(sizes))
            sizes.append(Size(_BEND, 0))
        chain.append(b)
        chains.append(chain)
        if a != b:
            for one, other in pairwise(chain):
                layers.down[one].append(other)
                layers.up[other].append(one)
    return layers, chains


def _untangle(layers: _Layers) -> None:
    """Order each layer by where its neighbours stand, downwards and upwards in turn."""
    for sweep in range(_SWEEPS):
        rows = layers.rows if sweep % 2 == 0 else layers.rows[::-1]
        beside = layers.up if sweep % 2 == 0 else layers.down
        for fixed, row in pairwise(rows):
            row.sort(key=_middles(fixed, row, beside).__getitem__)


def _middles(
    fixed: Sequence[int], row: Sequence[int], beside: Mapping[int, Sequence[int]]
) -> dict[int, float]:
    """Return for each vertex of a row where its neighbours in the fixed row stand, as a share of the row."""
    place = {vertex: n / max(len(fixed) - 1, 1) for n, vertex in enumerate(fixed)}
    middles = {}
    for n, vertex in enumerate(row):
        near = [place[one] for one in beside[vertex]]
        middles[vertex] = sum(near) / len(near) if near else n / max(len(row) - 1, 1)
    return middles


def _across(layers: _Layers) -> dict[int, float]:
    """Return the middle of each vertex from left to right: near its neighbours, and none over another."""
    x: dict[int, float] = {}
    for row in layers.rows:
        _set_row(row, [0.0] * len(row), layers.sizes, x)
    for sweep in range(_SWEEPS):
        rows = layers.rows if sweep % 2 else layers.rows[::-1]
        for row in rows:
            wanted = []
            for vertex in row:
                near = layers.up[vertex] + layers.down[vertex]
                wanted.append(sum(x[one] for one in near) / len(near) if near else x[vertex])
            _set_row(row, wanted, layers.sizes, x)
    return x


def _set_row(row: Sequence[int], wanted: Sequence[float], sizes: Sequence[Size], x: dict[int, float]) -> None:
    """Put a row as near to the wanted places as the room between its vertices allows."""
    offsets, reach = [], 0.0
    for n, vertex in enumerate(row):
        if n:
            reach += (sizes[row[n - 1]].width + sizes[vertex].width) / 2 + _GAP_X
        offsets.append(reach)
    # Vertices that push each other stand at the mean of where they want to be (as blocks of a regression).
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    shifts = [mean for mean, count in blocks for _ in range(count)]
    for vertex, offset, shift in zip(row, offsets, shifts, strict=True):
        x[vertex] = offset + shift


def _down(layers: _Layers) -> tuple[dict[int, float], float]:
    y: dict[int, float] = {}
    top = 0.0
    for row in layers.rows:
        tall = max(layers.sizes[vertex].height for vertex in row)
        for vertex in row:
            y[vertex] = top + tall / 2
        top += tall + _GAP_Y
    return y, max(top - _GAP_Y, 0.0)


def _ports(
    layers: _Layers, chains: Sequence[Sequence[int]], x: Mapping[int, float], y: Mapping[int, float]
) -> list[list[Point]]:
    """Return the points of each line; at a box, lines stand beside each other, in order of where they go."""
    leaving: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    for n, chain in enumerate(chains):
        if chain[0] != chain[-1]:
            leaving[chain[0], 1].append((x[chain[1]], n))
            leaving[chain[-1], -1].append((x[chain[-2]], n))
    port: dict[tuple[int, int], float] = {}
    for (vertex, side), ends in leaving.items():
        step = min(layers.sizes[vertex].width * 0.6 / len(ends), 26.0)
        for place, (_, n) in enumerate(sorted(ends)):
            port[n, side] = x[vertex] + (place - (len(ends) - 1) / 2) * step
    found: list[list[Point]] = []
    for n, chain in enumerate(chains):
        if chain[0] == chain[-1]:
            found.append([])
            continue
        above, below = layers.sizes[chain[0]].height / 2, layers.sizes[chain[-1]].height / 2
        first, end = (port[n, 1], y[chain[0]] + above), (port[n, -1], y[chain[-1]] - below)
        found.append([first, *((x[bend], y[bend]) for bend in chain[1:-1]), end])
    return found


def _loop(x: float, y: float, size: Size) -> tuple[Point, ...]:
    side = x + size.width / 2
    return ((side, y - size.height / 4), (side + 18, y), (side, y + size.height / 4))


def _moved(
    centres: Mapping[str, Point], lines: Sequence[tuple[Point, ...]], sizes: Mapping[str, Size], height: float
) -> Layout:
    """Return the layout with its left edge at 0."""
    ends = [(centres[name][0] - s.width / 2, centres[name][0] + s.width / 2) for name, s in sizes.items()]
    across = [x for line in lines for x, _ in line]
    left = min([*(a for a, _ in ends), *across], default=0.0)
    right = max([*(b for _, b in ends), *across], default=0.0)
    return Layout(
        {name: (x - left, y) for name, (x, y) in centres.items()},
        tuple(tuple((x - left, y) for x, y in line) for line in lines),
        right - left,
        height,
    )
