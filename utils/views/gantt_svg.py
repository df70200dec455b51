"""The drawing of calls side by side: a bar for each, and what the run took beside what its calls took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from utils.views.bars import EMPTY, NAME, Bar, Measured, Run, extent, measured
from utils.views.plain import one_line, short, short_names
from utils.views.svg import RIGHT, ROW, WIDTH, drawing, in_full, label, number, path

_MOST_CALLS = 60
_MOST_RUNS = 12
_EDGE = 8
LEFT = 240
"""room for names of `NAME` letters"""
PLOT = WIDTH - LEFT - RIGHT
_TITLE = 48
_BAR = 14
_GRID = 20
"""so many rounds still get a line each"""


def gantt_svg(runs: Sequence[Run], *, seconds: bool = False) -> str:
    """Return the runs as SVG, below each other and on one scale."""
    shown = runs[:_MOST_RUNS]
    figures = [measured(run, seconds=seconds) if run.calls else None for run in shown]
    most = max((extent(run, seconds) for run in shown), default=0.0)
    longest = max((max(found.wall, found.total) for found in figures if found), default=0.0)
    calls = [bar.call for found in figures if found for bar in found.bars[:_MOST_CALLS]]
    names = short_names(dict.fromkeys(call.label for call in calls), NAME)
    parts: list[str] = []
    y = 4.0
    for run, found in zip(shown, figures, strict=True):
        parts += _heading(run, found, y)
        y += ROW
        if found is not None:
            parts += _bars(found, names, y, most, seconds)
            y += ROW * min(len(found.bars), _MOST_CALLS + 1)
            parts += _totals(found, y + 6, most, longest)
            y += 2 * ROW + 12
        y += 8
    told = "; ".join(_told(shown, figures)) or EMPTY
    return drawing(parts, max(y, ROW), "Calls side by side", told + in_full(names))


def _heading(run: Run, found: Measured | None, y: float) -> Iterator[str]:
    about = found.about if found else EMPTY
    title, full = (f"{name}: " if run.title else "" for name in (short(run.title, _TITLE), run.title))
    room = WIDTH - 2 * _EDGE
    yield label(
        _EDGE, y + 15, title + about, kind="kit-strong", columns=100, room=room, full=f"{full}{about}"
    )


def _bars(found: Measured, names: Mapping[str, str], y: float, most: float, seconds: bool) -> Iterator[str]:
    rows = found.bars[:_MOST_CALLS]
    if not seconds and 0 < most <= _GRID:
        lines = "".join(
            f"M{number(LEFT + PLOT * n / most)} {number(y)}v{ROW * len(rows)}" for n in range(int(most) + 1)
        )
        yield path(lines, "kit-grid")
    shapes: dict[str, list[str]] = {}
    for n, bar in enumerate(rows):
        top = y + n * ROW + (ROW - _BAR) / 2
        left, wide = _place(bar, most)
        name = bar.call.label
        room = LEFT - 2 * _EDGE
        yield label(LEFT - _EDGE, top + 11, names[name], end=True, columns=NAME, room=room, full=name)
        shapes.setdefault(_kind(bar), []).append(
            f"M{number(left)} {number(top)}h{number(wide)}v{_BAR}h-{number(wide)}z"
        )
        if remark := _remark(bar):
            yield label(LEFT + PLOT + 8, top + 11, remark, kind="kit-quiet")
    yield from (path("".join(bars), kind) for kind, bars in shapes.items())
    if (more := len(found.bars) - len(rows)) > 0:
        yield label(LEFT, y + len(rows) * ROW + 15, f"{more:,} more calls", kind="kit-quiet")


def _place(bar: Bar, most: float) -> tuple[float, float]:
    scale = PLOT / most if most > 0 else 0.0
    left = min(bar.first * scale, PLOT - 3)
    # A gap of a unit keeps bars that touch apart.
    return LEFT + left, max((bar.last - bar.first) * scale - 1, 3)


def _kind(bar: Bar) -> str:
    if bar.call.ended is None:
        return "kit-bar-open"
    return "kit-bar-given-up" if bar.call.given_up else "kit-bar"


def _remark(bar: Bar) -> str:
    return "given up" if bar.call.given_up else "still open" if bar.call.ended is None else ""


def _totals(found: Measured, y: float, most: float, longest: float) -> Iterator[str]:
    """Yield how long the run took beside the sum of its calls, on the bars' scale where both fit."""
    scale = PLOT / max(most, longest) if longest > 0 else 0.0
    own = " (own scale)" if longest > most else ""
    for n, (name, value, text) in enumerate(
        (
            ("took", found.wall, found.wall_text),
            ("all calls together", found.total, found.sum_text),
        )
    ):
        top = y + n * ROW
        wide = max(value * scale, 3)
        yield label(LEFT - 8, top + 11, name, kind="kit-quiet", end=True)
        kind = "kit-total" if n == 0 else "kit-total-sum"
        yield path(f"M{LEFT} {number(top + 3)}h{number(wide)}v8h-{number(wide)}z", kind)
        yield label(LEFT + wide + 8, top + 11, text + own, kind="kit-quiet")


def _told(runs: Sequence[Run], figures: Sequence[Measured | None]) -> Iterator[str]:
    for run, found in zip(runs, figures, strict=True):
        title = f"{one_line(run.title, 200)}: " if run.title else ""
        if found is None:
            yield f"{title}{EMPTY}"
        else:
            yield f"{title}{found.about}, took {found.wall_text}, all calls together {found.sum_text}"
