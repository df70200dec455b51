"""Exercise 4.1, "See what waits".

What ``pending`` lists is compared with the calls of the thread's last message; looking may change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from utils.checks.human_in_the_loop.conversations import anyhow, searches
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import ask, count, finish, state_of, watched
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import (
    asked,
    compare_question,
    compared,
    conversation,
    one_by_one,
    plain,
    tour_question,
)
from utils.lab.lab import Lab, Ref


def listed(lab: Lab, agent: Ref, thread: str) -> list[Mapping[str, Any]]:
    """Return what ``pending`` returns: a list of calls."""
    told = lab.call("pending", agent, thread)
    calls = list(told) if isinstance(told, list | tuple) else []
    if not isinstance(told, list | tuple) or not all(
        isinstance(call, Mapping) and {"id", "name", "args"} <= set(call) for call in calls
    ):
        fail(
            "pending must return a list of tool calls.",
            got=told,
            expected="a list of dicts with id, name and args, or an empty list",
            why="Whoever shows them to a person loops over them, whether there are none, one or several.",
        )
    return calls


def written(calls: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any, Any]]:
    return [(call["id"], call["name"], call["args"]) for call in calls]


def expect_calls(lab: Lab, agent: Ref, thread: str, why: str) -> None:
    """Expect all calls of the thread's last message, in their order."""
    calls = listed(lab, agent, thread)
    true = written(state_of(lab, agent, thread)["messages"][-1].tool_calls)
    expect(
        written(calls) == true,
        "pending must list the calls that wait, all of them, in their order, and no others.",
        got=Words(f"{count(len(calls), 'call')}: {[(id, args) for id, _, args in written(calls)]}"),
        expected=f"{count(len(true), 'call')}: {[(id, args) for id, _, args in true]}",
        why=why,
    )


@check("4.1", points=1, title="the call that waits, and looking changes nothing")
def tells_the_call(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", anyhow(first)), conversation("search", searches(first)))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, first.question)
    calls = listed(lab, agent, case.thread)
    (true,) = written(state_of(lab, agent, case.thread)["messages"][1].tool_calls)
    expect(
        written(calls) == [true],
        "The run waits before a tool call: pending must list it, with its id, name and args.",
        got=calls,
        expected=str([dict(zip(("id", "name", "args"), true, strict=True))]),
        why=(
            "A breakpoint set by interrupt_before leaves the snapshot's interrupts empty: next, a tuple, "
            "names the node that waits, and the last message holds its calls."
        ),
    )
    made = len(stage.requests()), len(stage.tool_requests())
    state = state_of(lab, agent, case.thread)
    expect(
        made == (1, 0) and state["next"] == ("action",) and len(state["messages"]) == 2,
        "Looking must change nothing: the run must wait as before.",
        got=Words(f"{count(made[0], 'model request')}, {count(made[1], 'search')}, next: {state['next']}"),
        expected="1 model request, 0 searches, next: ('action',)",
        why="A person looks before they decide, perhaps twice.",
    )


@check("4.1", points=1, title="several calls, in order, and none that was answered before")
def tells_several_calls(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(
        conversation("trip", asked(third), compared(first, second)),
        conversation("tour", one_by_one(first, second, say="Let me look up")),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    ask(lab, agent, case.thread, compare_question(first, second))
    expect_calls(
        lab,
        agent,
        case.thread,
        "One message may ask for several tools at once; calls of earlier turns have their results already.",
    )
    ask(lab, agent, case.other, tour_question(first, second))
    finish(lab, agent, case.other)
    expect_calls(
        lab,
        agent,
        case.other,
        "A question may take several rounds of tools: it waits before each, and only the last waits now.",
    )


@check("4.1", points=1, title="nothing waits: an empty list")
def tells_that_nothing_waits(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    packing, advice = f"What do I pack for {second.name}?", f"For {second.name} take {case.word}."
    stage = lab.stage(conversation("trip", asked(first), plain(packing, advice)))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, first.question)
    expect_calls(lab, agent, case.thread, "Here one call waits; in a moment none will.")
    finish(lab, agent, case.thread)
    _expect_none(lab, agent, case.thread, "the run has ended")
    ask(lab, agent, case.thread, packing)
    _expect_none(lab, agent, case.thread, "the model answered without a tool")
    _expect_none(lab, agent, case.other, "nobody has asked anything on this thread")


def _expect_none(lab: Lab, agent: Ref, thread: str, when: str) -> None:
    calls = listed(lab, agent, thread)
    expect(
        not calls,
        f"When {when}, the list must be empty.",
        got=calls,
        expected="[]",
        why="An empty list says that there is nothing to decide, and needs no special case.",
    )
