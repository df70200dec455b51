"""The drawing of a stream: a lane for each node of each mode, a shape for each kind of thing that came.

Things that fall into one place are drawn as the one that says most, so five thousand tokens are as easy to
read as fifty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from utils.observed.moments import Figures, Kind, Moment, figures
from utils.views.lanes import LABEL, OPEN, ORDER, heading, lanes_of, open_spans, places, told_of
from utils.views.plain import short_names
from utils.views.svg import LEFT, PLOT, ROW, WIDTH, drawing, in_full, label, number, path

_COLUMNS = 140
_MOST_MARKS = 3_000
_PAD = 6
_EDGE = 8
_HALF = 1.5

# Each shape around its place; those without an area are drawn by a thick round line.
_SHAPES: Mapping[Kind, str] = {
    "result": "m-4-4h8v8h-8z",
    "token": "h0",
    "progress": "m0-5l5 9h-10z",
    "call": "m0-5l5 5l-5 5l-5-5z",
    "step": "m0-7v14",
    "empty": "h0",
}


def timeline_svg(moments: Sequence[Moment]) -> str:
    """Return the lanes as SVG, those of one mode together, above a line that says what is left and right."""
    lanes = lanes_of(moments)
    columns = max(min(_COLUMNS, _MOST_MARKS // len(lanes)), 20)
    place = places(moments, columns)
    wide = columns if len(moments) > columns or _timed(moments) else len(moments)
    known = figures(moments)
    names = short_names(dict.fromkeys(lane for _, lane in lanes), LABEL)
    several = len({mode for mode, _ in lanes}) > 1
    parts: list[str] = []
    y, group = 4.0, None
    for (mode, lane), numbers in lanes.items():
        if several and mode != group:
            parts += _group(mode, y, first=group is None)
            y, group = y + ROW, mode
        parts += _lane(lane, names[lane], _figure(len(numbers), mode, known.get(lane)), y)
        parts += _marks(((place[n], moments[n].kind) for n in numbers), y + ROW / 2, wide)
        y += ROW
    if any(moment.open is not None for moment in moments):
        parts += _open(moments, place, wide, y)
        y += ROW + 6
    parts += _axis(moments, lanes.values(), place, y)
    told = "; ".join(told_of(moments)) or "no tokens"
    return drawing(parts, y + ROW + 4, f"Stream: {heading(moments)}", told + in_full(names))


def _group(mode: str, y: float, *, first: bool) -> Iterator[str]:
    """Yield what stands above the lanes of one mode."""
    if not first:
        yield path(f"M{_EDGE} {number(y)}H{WIDTH - _EDGE}", "kit-grid")
    yield label(_EDGE, y + 15, f"mode {mode}", kind="kit-strong", columns=60)


def _lane(lane: str, name: str, figure: str, y: float) -> Iterator[str]:
    middle = y + ROW / 2
    yield path(f"M{LEFT} {number(middle)}H{LEFT + PLOT}", "kit-grid")
    room = LEFT - 2 * _EDGE
    yield label(LEFT - _EDGE, middle + 4, name, end=True, columns=LABEL, room=room, full=lane)
    yield label(LEFT + PLOT + 12, middle + 4, figure, kind="kit-quiet")


def _timed(moments: Sequence[Moment]) -> bool:
    return all(moment.at is not None for moment in moments)


def _x(column: int, wide: int) -> float:
    return LEFT + _PAD + column * (PLOT - 2 * _PAD) / max(wide - 1, 1)


def _marks(marks: Iterable[tuple[int, Kind]], y: float, wide: int) -> Iterator[str]:
    """Yield a path for each kind; where several fall into one place, the one that says most is drawn."""
    cells: dict[int, Kind] = {}
    for column, kind in marks:
        cells[column] = min(cells.get(column, kind), kind, key=ORDER.index)
    shapes: dict[Kind, list[str]] = {}
    for column, kind in sorted(cells.items()):
        shapes.setdefault(kind, []).append(f"M{number(_x(column, wide))} {number(y)}{_SHAPES[kind]}")
    yield from (path("".join(drawn), f"kit-{kind}") for kind, drawn in shapes.items())


def _figure(count: int, mode: str, known: Figures | None) -> str:
    if known is None or mode != "messages":
        return f"{count:,}"
    return f"{count:,}, first {known.first:.2f} s"


def _open(moments: Sequence[Moment], place: Sequence[int], wide: int, y: float) -> Iterator[str]:
    """Yield a bar for each span in which requests were open, as high as there were many."""
    spans = open_spans(moments, place)
    top = max((span.held for span in spans), default=0)
    base = y + ROW + 2
    # Where the number changes one bar ends and the next begins; the last one ends behind its place.
    starts = {span.first for span in spans}
    bars = "".join(
        f"M{number(left)} {number(base)}v-{high}H{number(right)}v{high}z"
        for span in spans
        for left in [_x(span.first, wide) - _HALF]
        for right in [_x(span.last, wide) + (-_HALF if span.last in starts - {span.first} else _HALF)]
        for high in [number(span.held * (ROW - 2) / top)]
    )
    yield label(LEFT - _EDGE, base - 6, OPEN, end=True)
    yield path(f"M{LEFT} {number(base)}H{LEFT + PLOT}", "kit-grid")
    if bars:
        yield path(bars, "kit-held")
    yield label(LEFT + PLOT + 12, base - 6, f"at most {top}", kind="kit-quiet")


def _axis(
    moments: Sequence[Moment], lanes: Iterable[Sequence[int]], place: Sequence[int], y: float
) -> Iterator[str]:
    first, last = "first item", f"item {len(moments):,}"
    if _timed(moments):
        first, last = "0 s", f"{moments[-1].at or 0.0:.2f} s"
    yield label(LEFT, y + 15, first, kind="kit-quiet")
    yield label(LEFT + PLOT, y + 15, last, kind="kit-quiet", end=True)
    most = max(max(Counter(place[n] for n in numbers).values()) for numbers in lanes)
    if most > 1:
        yield label(
            LEFT + PLOT / 2 - 70, y + 15, f"up to {most:,} items in one mark", kind="kit-quiet", columns=40
        )
