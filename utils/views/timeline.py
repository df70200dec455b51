"""What a stream gives, when: a lane for each node, tokens apart from everything else.

The first half is data (`Moment`, `watch`, `figures`), the second half draws it. Without a clock only the
order of arrival is kept, which is the same on every run.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Literal, get_args

from utils.views.display import View
from utils.views.plain import COLUMNS, one_line, pad, plural, short_names, width

Kind = Literal["token", "call", "result", "progress", "step", "empty"]
Clock = Callable[[], float]

# More than a run of the course ever gives; keeps a picture of something endless finite.
MOST_ITEMS = 20_000
_MOST_LANES = 40
LABEL = 24
_FULL = 200
_WHOLE = "state"


@dataclass(frozen=True, slots=True)
class Moment:
    """One item of a stream, as little as a picture and a check need."""

    lane: str
    """the node it comes from; `state` for what belongs to none"""
    kind: Kind
    text: str = ""
    mode: str = "messages"
    at: float | None = None
    """seconds since the stream began; None where only the order counts"""
    open: int | None = None
    """requests open at the model's side when it came; None where nobody looked"""


@dataclass(frozen=True, slots=True)
class Held:
    """A time during which as many requests were open."""

    first: int
    last: int
    """the columns from where to where"""
    held: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How one node's tokens came."""

    first: float
    """seconds from the beginning to the first one"""
    tokens: int
    per_second: float
    """from the first to the last one; 0.0 where there is nothing to divide by"""


def watch(
    stream: Iterable[Any], clock: Clock | None = None, open_requests: Callable[[], int] | None = None
) -> Iterator[Moment]:
    """The moments of a stream, each made when its item comes.

    `stream` is what ``graph.stream`` gives in the mode ``messages``, or in several modes at once.
    """
    start = clock() if clock is not None else 0.0
    for item in islice(stream, MOST_ITEMS):
        at = clock() - start if clock is not None else None
        held = open_requests() if open_requests is not None else None
        yield from moments_of(item, at, held)


def moments_of(item: Any, at: float | None = None, held: int | None = None) -> Iterator[Moment]:
    """The moments of one item of a stream, which came `at` that time with `held` requests open."""
    mode, data = _mode_of(item)
    for lane, kind, text in _parts(mode, data):
        yield Moment(lane, kind, text, mode, at, held)


def figures(moments: Iterable[Moment]) -> dict[str, Figures]:
    """Time to the first token, number and rate, for each node that gave tokens at known times."""
    times: dict[str, list[float]] = {}
    for moment in moments:
        if moment.kind == "token" and moment.at is not None:
            times.setdefault(moment.lane, []).append(moment.at)
    return {lane: _figures(at) for lane, at in times.items()}


def _figures(at: Sequence[float]) -> Figures:
    span = at[-1] - at[0]
    return Figures(at[0], len(at), (len(at) - 1) / span if span > 0 else 0.0)


def _mode_of(item: Any) -> tuple[str, Any]:
    """The mode of an item and what it holds; a single mode's items are taken for messages."""
    if isinstance(item, tuple) and len(item) == 2:
        mode, data = item
        return (mode, data) if isinstance(mode, str) else ("messages", item)
    kind = type(item).__name__
    raise TypeError(
        f'token_timeline() needs a stream with stream_mode="messages" or a list of modes, got {kind}'
    )


def _parts(mode: str, data: Any) -> Iterator[tuple[str, Kind, str]]:
    match mode, data:
        case "messages", (message, Mapping() as metadata):
            lane = str(metadata.get("langgraph_node", _WHOLE))
            yield (lane, *_message(message))
        case "updates", Mapping():
            for node in data:
                yield str(node), "step", ""
        case "tasks", Mapping():
            yield str(data.get("name", _WHOLE)), "step", "end" if "result" in data else "start"
        case "debug", Mapping():
            payload = data.get("payload")
            name = payload.get("name", _WHOLE) if isinstance(payload, Mapping) else _WHOLE
            yield str(name), "step", str(data.get("type", ""))
        case "custom", _:
            yield "progress", "progress", str(data)
        case _:
            yield _WHOLE, "step", ""


def _message(message: Any) -> tuple[Kind, str]:
    text = getattr(message, "text", "")
    text = str(text() if callable(text) and not isinstance(text, str) else text)
    if getattr(message, "type", "") == "tool":
        return "result", text
    if text:
        return "token", text
    return ("call", "") if getattr(message, "tool_call_chunks", None) else ("empty", "")


# The picture

MARKS: Mapping[Kind, tuple[str, str]] = {
    "result": ("■", "a tool's result"),
    "token": ("●", "a piece of text"),
    "progress": ("▲", "progress"),
    "call": ("◇", "a piece of a tool call"),
    "step": ("│", "a step"),
    "empty": ("·", "no text"),
}
ORDER = tuple(MARKS)
assert set(ORDER) == set(get_args(Kind))


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
    """A view of a stream, which is read to its end: ``graph.stream(…, stream_mode="messages")``.

    `stream` may also give several modes at once, or `Moment`s. Without a clock the picture shows the order
    of arrival instead of time.
    """
    if isinstance(stream, AsyncIterable):
        raise TypeError("token_timeline() reads a synchronous stream: graph.stream(…), not graph.astream(…)")
    if isinstance(stream, str | bytes | Mapping) or not isinstance(stream, Iterable):
        raise TypeError(f"token_timeline() needs graph.stream(…), got {type(stream).__name__}")
    known = list(islice(stream, MOST_ITEMS)) if isinstance(stream, Sequence) else stream
    if isinstance(known, list) and all(isinstance(item, Moment) for item in known):
        return TimelineView(tuple(known))
    return TimelineView(tuple(watch(known, clock, open_requests)))


def timeline_text(moments: Sequence[Moment]) -> str:
    """The picture as lines: what it shows, a lane for each node, the marks, the tokens in figures."""
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
    """The picture as HTML without its stylesheet: a drawing, its figures, and the text form to open."""
    from utils.views.timeline_svg import timeline_svg  # noqa: PLC0415 - it rests on this module

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


OPEN = "open requests"


def lanes_of(moments: Sequence[Moment]) -> dict[tuple[str, str], list[int]]:
    """Numbers of the moments in each lane, lanes in order of appearance, those of one mode together."""
    found: dict[str, dict[str, list[int]]] = {}
    for number, moment in enumerate(moments):
        found.setdefault(moment.mode, {}).setdefault(moment.lane, []).append(number)
    flat = {(mode, lane): numbers for mode, lanes in found.items() for lane, numbers in lanes.items()}
    return dict(islice(flat.items(), _MOST_LANES))


def _name(key: tuple[str, str], *, several: bool) -> str:
    mode, lane = key
    return f"{mode} {lane}" if several else lane


def heading(moments: Sequence[Moment]) -> str:
    """How many items, and in what time."""
    items = plural(len(moments), "item")
    last = moments[-1].at
    return f"{items}, in order of arrival" if last is None else f"{items} in {last:.2f} s"


def places(moments: Sequence[Moment], columns: int) -> list[int]:
    """The column of each moment: by time where it is known, else by order."""
    times = [moment.at for moment in moments if moment.at is not None]
    if len(times) < len(moments):
        few = len(moments) <= columns
        return [n if few else n * columns // len(moments) for n in range(len(moments))]
    last = max(times)
    return [round(max(at, 0.0) / last * (columns - 1)) if last > 0 else 0 for at in times]


def _drawn(marks: Iterable[tuple[int, str, Kind]], columns: int) -> str:
    """A lane; where several marks fall into one column, the one that says most."""
    cells: dict[int, tuple[int, str]] = {}
    for column, mark, kind in marks:
        cells[column] = min(cells.get(column, (len(ORDER), " ")), (ORDER.index(kind), mark))
    return "".join(cells.get(column, (0, " "))[1] for column in range(columns)).rstrip()


def _open_row(moments: Sequence[Moment], place: Sequence[int], columns: int) -> str:
    """How many requests were open at the model's side: the most in each column."""
    cells = {column: "0" for moment, column in zip(moments, place, strict=True) if moment.open is not None}
    for span in open_spans(moments, place):
        cells |= dict.fromkeys(range(span.first, span.last + 1), str(min(span.held, 9)))
    return "".join(cells.get(column, " ") for column in range(columns))


def open_spans(moments: Sequence[Moment], place: Sequence[int]) -> list[Held]:
    """From where to where how many requests were open, the most in each column, where there were any.

    Between two looks that both found some, as many were open as at the first; where the number changes, a
    span ends in the column in which the next one begins.
    """
    most: dict[int, int] = {}
    for moment, column in zip(moments, place, strict=True):
        if moment.open is not None:
            most[column] = max(most.get(column, 0), moment.open)
    spans: list[Held] = []
    reached = -1
    for column, held in sorted(most.items()):
        before = spans[-1] if spans and spans[-1].last == reached else None
        if before is not None and held:
            spans[-1] = Held(before.first, column, before.held)
        if held and (before is None or before.held != held):
            spans.append(Held(column, column, held))
        reached = column
    return spans


def told_of(moments: Sequence[Moment]) -> Iterator[str]:
    """A sentence about the tokens of each node."""
    numbers: dict[str, int] = {}
    for number, moment in enumerate(moments, 1):
        if moment.kind == "token":
            numbers.setdefault(moment.lane, number)
    count = Counter(moment.lane for moment in moments if moment.kind == "token")
    known = figures(moments)
    for lane, number in islice(numbers.items(), _MOST_LANES):
        name, pieces = one_line(lane, _FULL), plural(count[lane], "piece")
        if lane in known:
            first, rate = known[lane].first, known[lane].per_second
            yield f"{name}: {pieces} of text, the first after {first:.2f} s, {rate:.0f} per second"
        else:
            yield f"{name}: {pieces} of text, the first is item {number} of {len(moments)}"
