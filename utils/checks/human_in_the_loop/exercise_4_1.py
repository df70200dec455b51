"""Exercise 4.1, "See what waits".

What ``pending`` lists is compared with the calls of the thread's last message; looking may change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from utils.checks.human_in_the_loop.conversations import anyhow, searches
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import ask, called, finish, state_of, watched, written
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import (
    City,
    asked,
    compare_question,
    compared,
    conversation,
    one_by_one,
    plain,
    tour_question,
)
from utils.lab.lab import Lab, Ref, Stage
from utils.views.plain import plural


def as_calls(told: Any) -> list[Mapping[str, Any]]:
    """Return what ``pending`` has returned, if it is a list of calls."""
    calls = list(told) if isinstance(told, list | tuple) else []
    if not isinstance(told, list | tuple) or not all(
        isinstance(call, Mapping) and {"id", "name", "args"} <= set(call) for call in calls
    ):
        fail(
            "pending must return a list of tool calls.",
            got=told,
            expected="a list of dicts with id, name and args, or an empty list",
            why="You will loop over them to show them to a person, whether there are none, one or several.",
        )
    return calls


def listed(lab: Lab, stage: Stage, agent: Ref, thread: str) -> list[Mapping[str, Any]]:
    """Return what ``pending`` returns: a list of calls."""
    return as_calls(called(lab, stage, "pending", agent, thread))


def shown(calls: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any, Any]]:
    return [(call["id"], call["name"], call["args"]) for call in calls]


def expect_calls(lab: Lab, stage: Stage, agent: Ref, thread: str, cities: Sequence[City], why: str) -> None:
    """Expect all calls of the thread's last message, in their order: one for each of these cities."""
    calls = listed(lab, stage, agent, thread)
    true = shown(state_of(lab, agent, thread)["messages"][-1].tool_calls)
    expect(
        shown(calls) == true and [args for _, _, args in true] == [{"query": city.query} for city in cities],
        "pending must list the calls that wait, all of them, in their order, and no others.",
        got=Words(f"{plural(len(calls), 'call')}: {[(id, args) for id, _, args in shown(calls)]}"),
        expected=f"{plural(len(true), 'call')}: {[(id, args) for id, _, args in true]}",
        why=why,
    )


@check("4.1", points=1, title="the call that waits, and looking changes nothing")
def tells_the_call(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", anyhow(first)), conversation("search", searches(first)))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, first.question)
    before = written(lab, agent, case.thread)
    calls = listed(lab, stage, agent, case.thread)
    state = state_of(lab, agent, case.thread)
    true = shown(state["messages"][1].tool_calls)
    expect(
        [args for _, _, args in true] == [{"query": first.query}] and shown(calls) == true,
        "The run waits before a tool call: pending must list it, with its id, name and args.",
        got=calls,
        expected=str([dict(zip(("id", "name", "args"), call, strict=True)) for call in true]),
        why=(
            "A breakpoint set by interrupt_before leaves the snapshot's interrupts empty: next, a tuple, "
            "names the node that waits, and the last message holds its calls."
        ),
    )
    made = len(stage.requests()), len(stage.tool_requests())
    expect(
        made == (1, 0) and state["next"] == ("action",) and len(state["messages"]) == 2,
        "Looking must change nothing: the run must wait as before.",
        got=Words(f"{plural(made[0], 'model request')}, {plural(made[1], 'search')}, next: {state['next']}"),
        expected="1 model request, 0 searches, next: ('action',)",
        why="A person looks before they decide, perhaps twice.",
    )
    _expect_none_written(lab, agent, case.thread, before)


def _expect_none_written(lab: Lab, agent: Ref, thread: str, before: Sequence[str]) -> None:
    new = [id for id in written(lab, agent, thread) if id not in before]
    expect(
        not new,
        "Looking must change nothing, and pending has written into the thread.",
        got=Words(f"{plural(len(new), 'new checkpoint')} after the look"),
        expected="0 new checkpoints",
        why="update_state and invoke write; get_state only reads.",
    )


@check("4.1", points=1, title="several calls, in order, and none that was answered before")
def tells_several_calls(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(
        conversation("trip", asked(third), compared(first, second, first)),
        conversation("tour", one_by_one(first, second, say="Let me look up")),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    ask(lab, agent, case.thread, compare_question(first, second, first))
    expect_calls(
        lab,
        stage,
        agent,
        case.thread,
        [first, second, first],
        "One message may hold several calls, even two that ask the same; calls of earlier turns have their "
        "results already.",
    )
    ask(lab, agent, case.other, tour_question(first, second))
    finish(lab, agent, case.other)
    expect_calls(
        lab,
        stage,
        agent,
        case.other,
        [second],
        "A question may take several rounds of tools: it waits before each, and only the last waits now.",
    )


@check("4.1", points=1, title="nothing waits: an empty list")
def tells_that_nothing_waits(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    packing, advice = f"What do I pack for {second.name}?", f"For {second.name} take {case.word}."
    stage = lab.stage(conversation("trip", asked(first), plain(packing, advice)))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, first.question)
    expect_calls(lab, stage, agent, case.thread, [first], "Here one call waits; in a moment none will.")
    finish(lab, agent, case.thread)
    _expect_none(lab, stage, agent, case.thread, "the run has ended")
    ask(lab, agent, case.thread, packing)
    _expect_none(lab, stage, agent, case.thread, "the model answered without a tool")
    _expect_none(lab, stage, agent, case.other, "nobody has asked anything on this thread")
    _expect_none_written(lab, agent, case.other, ())
    ask(lab, agent, case.other, first.question)
    lab.part("begin_anew", agent, case.other)
    _expect_none(
        lab,
        stage,
        agent,
        case.other,
        "the run waits before llm",
        why="A name in next is not enough: only before action do calls wait for a person.",
    )
    lab.part("give_up", agent, case.other)
    _expect_none(
        lab,
        stage,
        agent,
        case.other,
        "the run was declared over, with its call open",
        why="next says whether something waits. Nobody will run a call of a run that is over.",
    )


def _expect_none(
    lab: Lab,
    stage: Stage,
    agent: Ref,
    thread: str,
    when: str,
    why: str = "An empty list says that there is nothing to decide, and needs no special case.",
) -> None:
    calls = listed(lab, stage, agent, thread)
    expect(
        not calls,
        f"When {when}, the list must be empty.",
        got=calls,
        expected="[]",
        why=why,
    )
