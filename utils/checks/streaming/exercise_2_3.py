"""Exercise 2.3, "Measure a stream": judged by the figures of streams that carry their own clock."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.lab import Case, check
from utils.lab.lab import Lab, Ref, StudentError
from utils.observed.moments import Figures, Moment, figures

KEYS = ("first", "tokens", "per_second")


def measured(lab: Lab, rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what ``measure`` says of a stream that carries its own clock."""
    stream = lab.make("timed_stream", list(rows), 1000.0, label="stream")
    clock = stream.get("clock")
    clock = Ref(clock.number, clock.type, "clock", lab)
    try:
        told = lab.call("measure", stream, clock=clock)
    except StudentError as error:
        if error.is_a("ZeroDivisionError"):
            no_time_between(error)
        raise
    ok = isinstance(told, dict) and all(
        isinstance(found, dict) and set(found) == set(KEYS) for found in told.values()
    )
    if not ok:
        fail(
            "measure must return a dict of dicts: for each node its three figures.",
            got=told,
            expected="{'llm': {'first': …, 'tokens': …, 'per_second': …}}",
            why="Whoever compares two streams looks the figures up by these names.",
        )
    return dict(told)


def no_time_between(error: StudentError) -> NoReturn:
    fail(
        "A rate was divided by no time at all.",
        got=Words(f"{error.type}: {error.message}"),
        expected="per_second is 0.0 for one token, and if all came at the same moment",
        why="From the first token to the last no time has passed then.",
    )


WHY = {
    "first": "first is counted by clock(), from the call of measure: ask it before the loop, and no other.",
    "tokens": "Each chunk with text of the model is one, and what belongs to another node is not.",
    "per_second": "The rate is (tokens - 1) / (last - first); 0.0 for one token, or all at the same moment.",
}


def true_figures(rows: Sequence[dict[str, Any]]) -> dict[str, Figures]:
    """Return the figures of the rows that are tokens, from the data of the timeline."""
    tokens = (row for row in rows if row["kind"] in ("token", "blocks") and row["text"])
    return figures(Moment(row["node"], "token", row["text"], at=row["at"]) for row in tokens)


def compare_figures(
    told: dict[str, dict[str, Any]], rows: Sequence[dict[str, Any]], why: Mapping[str, str] = WHY
) -> None:
    true = {
        node: dict(zip(KEYS, (found.first, found.tokens, found.per_second), strict=True))
        for node, found in true_figures(rows).items()
    }
    expect(
        sorted(told) == sorted(true),
        "There must be figures for each node that gave text, and for no other.",
        got=Words(", ".join(map(str, told)) or "no node"),
        expected=", ".join(true),
        why="Nodes may speak at the same time; metadata['langgraph_node'] tells whose a chunk is.",
    )
    for node, figure in true.items():
        for key in KEYS:
            expect(
                close(told[node][key], figure[key]),
                f"The figure {key!r} is not right.",
                got=Words(f"{node}: {shown_figure(told[node][key])}"),
                expected=f"{node}: {shown_figure(figure[key])}",
                why=why[key],
            )


def close(told: Any, true: float) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and abs(told - true) < 1e-6


def shown_figure(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else repr(value)


def times(case: Case) -> list[float]:
    return list(itertools.accumulate(case.ticks))


@check("2.3", points=1, title="the first token, the number and the rate of one node")
def measures_one_node(lab: Lab, case: Case) -> None:
    for begun in (0.0, case.ticks[0]):  # the second time the first token comes at once
        rows = [
            {"at": at - begun, "node": "llm", "kind": "token", "text": f" {case.word}"} for at in times(case)
        ]
        compare_figures(measured(lab, rows), rows)


@check("2.3", points=1, title="several nodes, and one that gave a single token")
def measures_each_node(lab: Lab, case: Case) -> None:
    nodes = ("writer", "critic", "writer", "critic", "title", "critic", "writer", "writer")
    rows: list[dict[str, Any]] = [
        {"at": at, "node": node, "kind": "token", "text": f" {case.word}"}
        for at, node in zip(times(case), nodes, strict=True)
    ]
    end = rows[-1]["at"]
    rows += [{"at": end, "node": "twice at once", "kind": "token", "text": text} for text in ("a", "b")]
    compare_figures(measured(lab, rows), rows)


@check("2.3", points=1, title="only pieces of the model's text count")
def counts_text_only(lab: Lab, case: Case) -> None:
    told = (
        ("llm", "token", ""),
        ("llm", "call", '{"query": '),
        ("llm", "block call", '{"query": '),
        ("lookup", "result", case.cities[0].result),
        ("llm", "blocks", f" {case.word}"),
        ("llm", "token", f" {case.word}"),
        ("llm", "token", "\n\n"),
        ("llm", "token", ""),
    )
    rows = [
        {"at": at, "node": node, "kind": kind, "text": text}
        for at, (node, kind, text) in zip(times(case), told, strict=True)
    ]
    text_only = "Empty chunks, pieces of a tool call and a tool's message are not tokens of the answer."
    compare_figures(measured(lab, rows), rows, {key: f"{text_only} {why}" for key, why in WHY.items()})
