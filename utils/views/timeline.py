"""What a stream gives, when: a lane for each node, tokens apart from everything else."""

from __future__ import annotations

import html
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from utils.errors import ViewTypeError
from utils.observed.moments import MOST_ITEMS, Clock, Kind, Moment, watch
from utils.views.display import View
from utils.views.lanes import LABEL, MARKS, OPEN, ORDER, heading, lanes_of, open_spans, places, told_of
from utils.views.plain import COLUMNS, pad, short_names, width
from utils.views.timeline_svg import timeline_svg


@dataclass(frozen=True, slots=True, repr=False)
class TimelineView(View):
    """The moments of a stream, shown as lanes."""

    moments: tuple[Moment, ...]
    sheets: ClassVar[tuple[str, ...]] = ("drawing",)

    def text(self) -> str:
        return timeline_text(self.moments)

    def html(self) -> str:
        return timeline_html(self.moments)


def token_timeline(
    stream: Iterable[Any],
    *,
    clock: Clock | None = None,
    open_requests: Callable[[], int] | None = None,
) -> TimelineView:
    """Return a view of a stream, which is read to its end: ``graph.stream(…, stream_mode="messages")``.

    `stream` may also give several modes at once, or `Moment`s. Without a clock the picture shows the order
    of arrival instead of time.
    """
    if isinstance(stream, AsyncIterable):
        raise ViewTypeError(
            "this stream is asynchronous, and token_timeline() cannot wait for it",
            hint="give it graph.stream(…), not graph.astream(…); token_watch() draws either",
        )
    if isinstance(stream, str | bytes | Mapping) or not isinstance(stream, Iterable):
        raise ViewTypeError(
            f"token_timeline() needs a stream, got {type(stream).__name__}", hint="give it graph.stream(…)"
        )
    known = list(islice(stream, MOST_ITEMS)) if isinstance(stream, Sequence) else stream
    if isinstance(known, list) and all(isinstance(item, Moment) for item in known):
        return TimelineView(tuple(known))
    return TimelineView(tuple(watch(known, clock, open_requests)))


def timeline_text(moments: Sequence[Moment]) -> str:
    """Return the picture as lines: what it shows, a lane for each node, the marks, the tokens in figures."""
    if not moments:
        return "nothing came"
    lanes = lanes_of(moments)
    modes = {moment.mode for moment in moments}
    whole = {key: _name(key, several=len(modes) > 1) for key in lanes}
    shown = short_names(whole.values(), LABEL)
    names = {key: shown[name] for key, name in whole.items()}
    label = max([*map(width, names.values()), len(OPEN)])
    count = len(str(max(map(len, lanes.values()))))
    columns = COLUMNS - label - count - 4
    place = places(moments, columns)
    lines = [heading(moments), ""]
    for key, numbers in lanes.items():
        drawn = _drawn([(place[n], MARKS[moments[n].kind][0], moments[n].kind) for n in numbers], columns)
        lines.append(f"{pad(names[key], label)}  {pad(drawn, columns)}  {len(numbers):>{count}}")
    if any(moment.open is not None for moment in moments):
        lines.append(f"{pad(OPEN, label)}  {_open_row(moments, place, columns)}".rstrip())
    used = {moment.kind for moment in moments}
    lines += ["", "   ".join(f"{mark} {means}" for kind, (mark, means) in MARKS.items() if kind in used)]
    return "\n".join([*lines, *told_of(moments)])


def timeline_html(moments: Sequence[Moment]) -> str:
    """Return the picture as HTML without its stylesheet: a drawing, its figures, the text form to open."""
    about = html.escape(heading(moments)) if moments else "nothing came"
    drawn = timeline_svg(moments) if moments else ""
    told = "".join(f"<li>{html.escape(line)}</li>" for line in told_of(moments))
    text = html.escape(timeline_text(moments))
    listed = f'<ul class="kit-told">{told}</ul>\n' if told else ""
    return (
        f'<section class="kit-view kit-card" aria-label="Timeline of a stream: {about}">\n'
        f'<p class="kit-head"><strong>Stream</strong> <span class="kit-points">{about}</span></p>\n'
        f"{drawn}{_legend(moments)}{listed}<details><summary>As text</summary>"
        f'<pre class="kit-drawing" tabindex="0">{text}</pre></details>\n</section>'
    )


def _legend(moments: Sequence[Moment]) -> str:
    used = {moment.kind for moment in moments}
    marks = "".join(
        f'<span><span class="kit-{kind}" aria-hidden="true">{mark}</span> {html.escape(means)}</span> '
        for kind, (mark, means) in MARKS.items()
        if kind in used
    )
    return f'<p class="kit-legend">{marks}</p>\n' if marks else ""


def _name(key: tuple[str, str], *, several: bool) -> str:
    mode, lane = key
    return f"{mode} {lane}" if several else lane


def _drawn(marks: Iterable[tuple[int, str, Kind]], columns: int) -> str:
    """Return a lane; where several marks fall into one column, the one that says most stands there."""
    cells: dict[int, tuple[int, str]] = {}
    for column, mark, kind in marks:
        cells[column] = min(cells.get(column, (len(ORDER), " ")), (ORDER.index(kind), mark))
    return "".join(cells.get(column, (0, " "))[1] for column in range(columns)).rstrip()


def _open_row(moments: Sequence[Moment], place: Sequence[int], columns: int) -> str:
    """Return the most requests that were open at the model's side, a digit in each column."""
    cells = {column: "0" for moment, column in zip(moments, place, strict=True) if moment.open is not None}
    for span in open_spans(moments, place):
        cells |= dict.fromkeys(range(span.first, span.last + 1), str(min(span.held, 9)))
    return "".join(cells.get(column, " ") for column in range(columns))
