"""A stream's items become moments when they come, and tokens become figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage

from tests.utils.observed.clock import Clock
from utils.observed.moments import Figures, Kind, Moment, figures, watch
from utils.views.lanes import MARKS


def test_an_item_is_noted_when_it_comes() -> None:
    seen: list[str] = []

    def stream() -> Iterator[Any]:
        for word in ("It", " is"):
            seen.append(word)
            yield AIMessageChunk(content=word), {"langgraph_node": "llm"}

    moments = watch(stream(), Clock(), lambda: len(seen))
    assert next(moments) == Moment("llm", "token", "It", at=0.25, open=1)
    assert seen == ["It"]
    assert next(moments) == Moment("llm", "token", " is", at=0.5, open=2)


CALL: Any = {"name": None, "args": "{", "id": None, "index": 0}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (AIMessageChunk(content="It"), "token"),
        (AIMessageChunk(content=[{"type": "text", "text": "It", "index": 0}]), "token"),
        (AIMessage("It"), "token"),
        (AIMessageChunk(content=""), "empty"),
        (AIMessageChunk(content="", tool_call_chunks=[CALL]), "call"),
        (AIMessageChunk(content=[{"type": "tool_use", "input": "{", "index": 1}]), "empty"),
        (ToolMessage("20.5", tool_call_id="1"), "result"),
        (7, "empty"),
    ],
)
def test_a_chunk_is_of_one_kind(message: Any, kind: Kind) -> None:
    (moment,) = watch([(message, {"langgraph_node": "llm"})])
    assert (moment.lane, moment.kind) == ("llm", kind)


def tokens(lane: str, *at: float) -> list[Moment]:
    return [Moment(lane, "token", "x", at=time) for time in at]


def test_figures_are_first_number_and_rate_of_each_node() -> None:
    moments = [*tokens("a", 0.5, 1.0, 1.5), *tokens("b", 2.0), *tokens("c", 3.0, 3.0)]
    assert figures(moments) == {
        "a": Figures(0.5, 3, 2.0),
        "b": Figures(2.0, 1, 0.0),
        "c": Figures(3.0, 2, 0.0),
    }


def test_only_tokens_at_a_known_time_have_figures() -> None:
    other = [Moment("a", kind, "x", at=1.0) for kind in MARKS if kind != "token"]
    assert figures([*other, Moment("a", "token", "x")]) == {}
