"""Exercise 2.3, "Measure the wait": judged by runs whose tokens come at times that the check has chosen."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from utils.checks.graphs import kinds
from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.answers import in_words, said_in
from utils.checks.streaming.lab import Case, check
from utils.checks.weather import City, asked, conversation
from utils.lab.lab import Lab, Ref, StudentError

KEYS = ("first", "tokens", "per_second")
START = 1_000.0
"""what the clock shows when a run is asked for"""
CHUNKS = 10
"""tokens besides those of the answer that a run has at most"""
Figures = Mapping[str, Mapping[str, Any]]


def measured(
    lab: Lab, case: Case, agent: Ref, question: str, before: float, ticks: Sequence[float]
) -> dict[str, dict[str, Any]]:
    """Return what ``measure`` says of a run.

    It begins after ``before`` seconds, and each of its tokens takes the next of the ``ticks``.
    """
    timed = lab.make("timed_agent", agent, START, before, list(ticks), label="agent")
    clock = timed.get("clock")
    clock = Ref(clock.number, clock.type, "clock", lab)
    try:
        told = lab.call("measure", timed, case.thread, question, clock=clock)
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
            why="Two runs are compared by looking the figures up by these names.",
        )
    return dict(told)


def no_time_between(error: StudentError) -> NoReturn:
    fail(
        "A rate was divided by no time at all.",
        got=Words(f"{error.type}: {error.message}"),
        expected="per_second is 0.0 for one token, and if all came at the same moment",
        why="From the first token to the last no time has passed then.",
    )


def expect_nodes(told: Figures, true: Sequence[str]) -> None:
    """Fail unless there are figures of the nodes that spoke, and of no other."""
    if "action" in told and "action" not in true:
        fail(
            "A tool's message was counted: it is no token of the model.",
            got=Words(", ".join(map(str, told))),
            expected=", ".join(sorted(true)),
            why="The mode messages gives tools' messages as well: their type is 'tool'.",
        )
    expect(
        sorted(map(str, told)) == sorted(true),
        "There must be figures for each node that gave text, and for no other.",
        got=Words(", ".join(map(str, told)) or "no node"),
        expected=", ".join(sorted(true)),
        why="Several nodes may speak; metadata['langgraph_node'] tells whose a chunk is.",
    )


def expect_tokens(told: Figures, node: str, true: int, too_many: str, why: str) -> None:
    """Fail unless so many tokens of a node were counted; ``too_many`` says what may be among them."""
    count = told[node]["tokens"]
    more = isinstance(count, int | float) and count > true
    left_out = "one was left out, such as a line break" if count == true - 1 else "some were left out"
    what = f"{too_many} counted" if more else left_out
    expect(
        close(count, true),
        f"The number of tokens is not right: {what}.",
        got=Words(f"{node}: {shown_figure(count)}"),
        expected=f"{node}: {true}",
        why=why,
    )


def expect_times(told: Figures, node: str, times: Sequence[float]) -> None:
    """Fail unless the wait and the rate of a node are right; ``times`` are those of its tokens."""
    first, span = times[0], times[-1] - times[0]
    expect(
        close(told[node]["first"], first),
        "The wait for the first token is not right.",
        got=Words(f"{node}: 'first' is {shown_figure(told[node]['first'])}"),
        expected=f"{node}: 'first' is {first:g}",
        why=(
            "It is what clock() says at the first token, less what it says before the run begins. Ask the "
            "clock that is given, and ask it before the loop."
        ),
    )
    rate = (len(times) - 1) / span if span else 0.0
    per_second = told[node]["per_second"]
    expect(
        not (span and close(per_second, len(times) / span)),
        "The rate is not right: the number of tokens was divided, and not one less.",
        got=Words(f"{node}: 'per_second' is {shown_figure(per_second)}"),
        expected=f"{node}: 'per_second' is {rate:g}",
        why="Between two tokens lies one wait, between three lie two. Divide (tokens - 1) by the time.",
    )
    expect(
        close(per_second, rate),
        "The rate is not right.",
        got=Words(f"{node}: 'per_second' is {shown_figure(per_second)}"),
        expected=f"{node}: 'per_second' is {rate:g}",
        why="It is (tokens - 1) / (last - first); 0.0 for one token, or if all came at the same moment.",
    )


def close(told: Any, true: float) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and abs(told - true) < 1e-6


def shown_figure(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) and abs(value) < 1e300 else repr(value)[:40]


def blocks_agent(lab: Lab, city: City, *texts: Sequence[str]) -> Ref:
    """Return the kit's agent whose model speaks in blocks: texts around a call, and one that answers."""
    *around, answer = [[{"text": piece} for piece in text] for text in texts]
    stage = lab.stage(conversation("trip", asked(city)))
    call = {"call": "search", "args": {"query": city.query}}
    turns = [[*around[0], call, *around[1]], answer] if around else [answer]
    return lab.kit.agent(lab.make("block_model", turns, label="model"), [stage.tool()], lab.kit.saver())


@check("2.3", points=1.5, title="the tokens of a run are counted, and nothing else in it")
def counts_the_tokens(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    pieces = (*in_words(f"{case.word.capitalize()} for {first.name}, and take"), "\n\n", "time", ".")
    answer = said_in(pieces, first.question)[-1:]
    stage = lab.stage(conversation("trip", (*asked(first)[:-1], *answer)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    ticks = [1.0] * (len(pieces) + CHUNKS)
    told = measured(lab, case, agent, first.question, 1.0, ticks)
    expect(
        len(stage.requests()) == 2,
        "The question must be put to the agent once.",
        got=Words(f"{len(stage.requests())} model requests"),
        expected="2 model requests: one for the call, one for the answer",
        why="What is measured is one run; each further one is paid for.",
    )
    expect_nodes(told, ["llm"])
    other = "chunks without text, such as pieces of a call, were"
    what = "Chunks without text and pieces of a call are no tokens; a line break is one."
    expect_tokens(told, "llm", len(pieces), other, what)
    held = kinds(lab.part("state", agent, case.thread)["messages"])
    expect(
        held == "human ai tool ai",
        "The question must be asked on the thread that was named, and the run streamed to its end.",
        got=Words(f"thread {case.thread!r} holds: {held}"),
        expected=f"thread {case.thread!r} holds: human ai tool ai",
        why="A thread is one conversation, and a run that is left in the middle saves no answer on it.",
    )
    said, behind = ("I look ", "it up", "."), ("One ", "moment.")
    told = measured(lab, case, blocks_agent(lab, second, said, behind, pieces), second.question, 1.0, ticks)
    expect_nodes(told, ["llm"])
    expect(
        not close(told["llm"]["tokens"], len(said) + len(pieces)),
        "The number of tokens is not right: those behind a call were left out.",
        got=Words(f"llm: {shown_figure(told['llm']['tokens'])}"),
        expected=f"llm: {len(said) + len(behind) + len(pieces)}",
        why="A message with a call holds words as well, before it or behind. Look at each chunk by itself.",
    )
    expect(
        not close(told["llm"]["tokens"], len(pieces)),
        "The number of tokens is not right: only those of the last message were counted.",
        got=Words(f"llm: {shown_figure(told['llm']['tokens'])}"),
        expected=f"llm: {len(said) + len(behind) + len(pieces)}",
        why="A node may speak several times in a run: its figures are about all its messages.",
    )
    blocks = f"Here content is a list of blocks, and chunk.text reads it. {what}"
    expect_tokens(told, "llm", len(said) + len(behind) + len(pieces), other, blocks)
    leaves_whole_messages_out(lab, case)


def leaves_whole_messages_out(lab: Lab, case: Case) -> None:
    """Fail if a message that a node returns, and no model has streamed, is taken for a token."""
    spoken = (case.word.capitalize(), " and ", "time.")
    whole = f"Checked: {case.word}."
    script = [("writer", list(spoken)), ("editor", whole), ("writer", whole)]
    graph = lab.make("voices", script, label="agent")
    told = measured(lab, case, graph, case.cities[0].question, 1.0, [1.0] * CHUNKS)
    # Whose tokens they are is another check's matter.
    count = sum(found["tokens"] for found in told.values())
    expect(
        "editor" not in told and count <= len(spoken),
        "A whole message was counted: a token is an AIMessageChunk, a piece that a model has streamed.",
        got=Words(", ".join(f"{node}: {shown_figure(found['tokens'])}" for node, found in told.items())),
        expected=f"writer: {len(spoken)}",
        why="What a node returns comes in the mode messages, too, as an AIMessage: no model spoke it.",
    )


@check("2.3", points=0.5, title="the wait for the first token, and the rate after it")
def times_the_wait(lab: Lab, case: Case) -> None:
    ticks, city = list(case.ticks), case.cities[0]
    for before, waits in ((ticks[-1], ticks), (0.0, [0.0, *ticks[1:]])):  # there the first comes at once
        agent = blocks_agent(lab, city, [f" {case.word}"] * len(waits))
        told = measured(lab, case, agent, city.question, before, waits)
        expect_nodes(told, ["llm"])
        expect_times(told, "llm", list(itertools.accumulate(waits, initial=before))[1:])


@check("2.3", points=1, title="several nodes, and one that gave a single token")
def tells_nodes_apart(lab: Lab, case: Case) -> None:
    word = f" {case.word}"
    script = [("writer", 2), ("critic", 2), ("writer", 2), ("title", 1), ("twice at once", 2)]
    ticks = [*case.ticks, 0.0]
    graph = lab.make("voices", [[node, [word] * count] for node, count in script], label="agent")
    told = measured(lab, case, graph, case.cities[0].question, 0.0, ticks)
    spoken = [node for node, count in script for _ in range(count)]
    expect_nodes(told, list(dict.fromkeys(spoken)))
    at = list(zip(spoken, itertools.accumulate(ticks), strict=True))
    for node in told:
        times = [time for name, time in at if name == node]
        expect_tokens(
            told,
            node,
            len(times),
            "tokens of another node were",
            "What another node has said is not this one's.",
        )
        expect_times(told, node, times)
