"""Calls side by side: when each arrived at the model's side, when it ended, how many were open at once.

Drawn by rounds the picture is the same on every run; drawn by seconds it is as the clock saw it.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from utils.observed.calls import Asked, Call, calls_of
from utils.views.bars import EMPTY, NAME, Run, extent, measured
from utils.views.display import View
from utils.views.gantt_svg import gantt_svg
from utils.views.plain import grid, plural, short, short_names

_MOST_CALLS = 200
_COLUMNS = 40
_BAR, _NOTHING, _OPEN = "█", "·", "▒"


@dataclass(frozen=True, slots=True, repr=False)
class GanttView(View):
    """Runs one above the other, on one scale."""

    runs: tuple[Run, ...]
    seconds: bool = False
    sheets: ClassVar[tuple[str, ...]] = ("drawing",)

    def text(self) -> str:
        return gantt_text(self.runs, seconds=self.seconds)

    def html(self) -> str:
        return gantt_html(self.runs, seconds=self.seconds)


def gantt(asked: Iterable[Asked] | Mapping[str, Iterable[Asked]], *, seconds: bool = False) -> GanttView:
    """Return a picture of requests, or of several runs of them by title, as ``kit.requests()`` has them.

    It is drawn in rounds: a new one begins whenever a call arrives after another has ended. With
    ``seconds`` it is drawn by the clock.
    """
    runs = asked if isinstance(asked, Mapping) else {"": asked}
    return GanttView(tuple(Run(str(title), calls_of(found)) for title, found in runs.items()), seconds)


def gantt_text(runs: Sequence[Run], *, seconds: bool = False) -> str:
    """Return the runs as lines: a headline for each, then a line for each call."""
    most = max((extent(run, seconds) for run in runs), default=0.0)
    names = short_names(dict.fromkeys(call.label for run in runs for call in run.calls), NAME)
    return "\n\n".join("\n".join(_lines(run, names, most, seconds)) for run in runs) or EMPTY


def gantt_html(runs: Sequence[Run], *, seconds: bool = False) -> str:
    """Return the runs as HTML without a stylesheet: a drawing, and the text form to open."""
    about = plural(sum(len(run.calls) for run in runs), "call")
    text = html.escape(gantt_text(runs, seconds=seconds))
    return (
        f'<section class="kit-view kit-card" aria-label="Calls side by side: {about}">\n'
        f'<p class="kit-head"><strong>Calls, as the other side saw them</strong> '
        f'<span class="kit-points">{about}</span></p>\n'
        f"{gantt_svg(runs, seconds=seconds)}<details><summary>As text</summary>"
        f'<pre class="kit-drawing" tabindex="0">{text}</pre></details>\n'
        "</section>"
    )


def _lines(run: Run, names: Mapping[str, str], most: float, seconds: bool) -> list[str]:
    head = f"{short(run.title, NAME)}: " if run.title else ""
    if not run.calls:
        return [f"{head}{EMPTY}"]
    found = measured(run, seconds=seconds)
    head += f"{found.about}; took {found.wall_text}, all calls together {found.sum_text}"
    lines = grid(
        [(names[b.call.label], _bar(b.first, b.last, most, b.call)) for b in found.bars[:_MOST_CALLS]]
    )
    more = len(found.bars) - _MOST_CALLS
    return [head, *lines, *([f"[… {more:,} more calls …]"] if more > 0 else [])]


def _bar(first: float, last: float, most: float, call: Call) -> str:
    """Return a line of dots with a bar from ``first`` to ``last``, at least one character wide."""
    scale = _COLUMNS / most if most > 0 else 0.0
    start = min(round(first * scale), _COLUMNS - 1)
    stop = max(round(last * scale), start + 1)
    sign = _OPEN if call.ended is None else _BAR
    remark = " given up" if call.given_up else " still open" if call.ended is None else ""
    return f"{_NOTHING * start}{sign * (stop - start)}{_NOTHING * (_COLUMNS - stop)}{remark}"
