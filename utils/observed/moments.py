"""What a stream gave, when. Without a clock only the order of arrival is kept, the same on every run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from utils.errors import ViewTypeError
from utils.questions import refuse_when_asked

Kind = Literal["token", "call", "result", "progress", "step", "empty"]
Clock = Callable[[], float]

# More than a run of the course ever gives; keeps a picture of something endless finite.
MOST_ITEMS = 20_000
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
    """Yield the moments of a stream, each made when its item comes.

    `stream` is what ``graph.stream`` gives in the mode ``messages``, or in several modes at once.
    """
    start = clock() if clock is not None else 0.0
    for item in islice(stream, MOST_ITEMS):
        at = clock() - start if clock is not None else None
        held = open_requests() if open_requests is not None else None
        yield from moments_of(item, at, held)


def moments_of(item: Any, at: float | None = None, held: int | None = None) -> Iterator[Moment]:
    """Yield the moments of one item of a stream, which came `at` that time with `held` requests open.

    Raises ExerciseError where a check asks: telling tokens from the rest is what an exercise is about.
    """
    refuse_when_asked("moments_of")
    mode, data = _mode_of(item)
    for lane, kind, text in _parts(mode, data):
        yield Moment(lane, kind, text, mode, at, held)


def figures(moments: Iterable[Moment]) -> dict[str, Figures]:
    """Return time to the first token, number and rate, for each node that gave tokens at known times.

    Raises ExerciseError where a check asks.
    """
    refuse_when_asked("figures")
    times: dict[str, list[float]] = {}
    for moment in moments:
        if moment.kind == "token" and moment.at is not None:
            times.setdefault(moment.lane, []).append(moment.at)
    return {lane: _figures(at) for lane, at in times.items()}


def _figures(at: Sequence[float]) -> Figures:
    span = at[-1] - at[0]
    return Figures(at[0], len(at), (len(at) - 1) / span if span > 0 else 0.0)


def _mode_of(item: Any) -> tuple[str, Any]:
    """Return the mode of an item and what it holds; a single mode's items are taken for messages."""
    if isinstance(item, tuple) and len(item) == 2:
        mode, data = item
        return (mode, data) if isinstance(mode, str) else ("messages", item)
    raise ViewTypeError(
        f'a stream with stream_mode="messages" gives pairs, got {type(item).__name__}',
        hint='stream with stream_mode="messages", or with a list of modes',
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
