"""Exercise 4.5, "Ask before the tool": the node is judged in the kit's agent, with calls of a single tool."""

from __future__ import annotations

from collections.abc import Sequence

from utils.checks.human_in_the_loop.desk import Desk, Task, attended, that_is_rejected, that_runs
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.outcomes import (
    answered_elsewhere,
    ended,
    expect_answer,
    expect_asked,
    expect_done_elsewhere,
    expect_done_once,
    expect_only_what_ran,
    expect_results,
    expect_the_same_again,
    listed_work,
    why_nobody_asked,
)
from utils.checks.registry import Words, expect
from utils.lab.lab import Lab
from utils.views.plain import plural

TOOLS = ("book",)


def booking(case: Case, decision: str = "approve", where: int = 0) -> Task:
    """Return a call of the one tool, and what a person decides about it."""
    args = {"query": f"a room in {case.cities[where].name}", "note": f"with {case.word}"}
    if decision == "reject":
        return that_is_rejected("book", args, f"I cannot approve of {case.word}")
    return that_runs("book", args, case, {"type": "approve"})


def at_desk(
    lab: Lab,
    case: Case,
    *rounds: Sequence[Task],
    decide: bool = True,
    anew: bool = False,
    elsewhere: bool = False,
) -> Desk:
    """Return a desk whose agent has ``ask_first`` as its action, after a question with these calls."""
    how = {"decide": decide, "anew": anew, "elsewhere": elsewhere}
    return attended(lab, case, "ask_first", *rounds, tools=TOOLS, **how)


@check("4.5", points=1, title="asks before anything has happened; after a yes the tool runs")
def asks_before_it_acts(lab: Lab, case: Case) -> None:
    chosen = [booking(case)]
    desk = at_desk(lab, case, chosen, decide=False)
    desk.waiting(desk.built())
    before = desk.done()
    expect(
        not before,
        "Nothing may have happened before the person has decided.",
        got=Words(f"ran before the answer: {listed_work(before)}"),
        expected="ran before the answer: nothing",
        why="What stands before interrupt() has happened by then, and happens again after the answer.",
    )
    asked_for = [(value["name"], value["args"]) for value in desk.shown]
    expect(
        asked_for == [("book", dict(chosen[0].args))],
        "The person must be asked about the call, with its name and its arguments.",
        got=Words(f"asked about {asked_for}"),
        expected=f"asked about {[('book', dict(chosen[0].args))]}",
        why="To decide one must see what is to happen." if desk.shown else why_nobody_asked(desk),
    )
    desk.decide(chosen)
    found = ended(desk, chosen)
    expect_done_once(desk, chosen)
    expect_results(desk, chosen, found)
    expect_answer(desk)


@check("4.5", points=1, title="approve runs the call, reject does not, and the model is told")
def obeys_the_decision(lab: Lab, case: Case) -> None:
    rounds = [booking(case)], [booking(case, "reject", 1)]
    desk = at_desk(lab, case, *rounds)
    chosen = [task for calls in rounds for task in calls]
    _expect_each_asked(desk, len(chosen))
    found = ended(desk, *rounds)
    expect_done_once(desk, chosen)
    expect_results(desk, chosen, found)
    expect_answer(desk)


@check("4.5", points=1, title="once, though the answer comes to another process; one answer, one call")
def acts_once(lab: Lab, case: Case) -> None:
    rounds = [booking(case)], [booking(case, "reject")], [booking(case)]
    desk = at_desk(lab, case, *rounds, decide=False, anew=True, elsewhere=True)
    answered_elsewhere(desk, *rounds)
    chosen = [task for calls in rounds for task in calls]
    expect_only_what_ran(desk, chosen)
    _expect_each_asked(desk, len(chosen), elsewhere=1)
    expect_done_elsewhere(desk, chosen[0])
    ended(desk, *rounds)
    expect_done_once(desk, chosen)
    expect_asked(desk, 4)
    expect_the_same_again(desk, *rounds)


def _expect_each_asked(desk: Desk, calls: int, elsewhere: int = 0) -> None:
    """Expect that each call was asked about, ``elsewhere`` of them by the kit's node."""
    expect(
        len(desk.shown) == calls,
        "Each call must be asked about, also one that looks like an earlier one.",
        got=Words(f"asked about {plural(len(desk.shown), 'call')}"),
        expected=f"asked about {plural(calls, 'call')}",
        why=(
            "A yes, or a no, is for one call: when the model books again, that is another booking."
            if len(desk.shown) > elsewhere
            else why_nobody_asked(desk)
        ),
    )
