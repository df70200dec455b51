"""Exercise 4.6, "Guard the tools".

What a person is asked is judged, what comes of each decision, and that the tools do it exactly once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from utils.checks.human_in_the_loop.desk import Desk, Task, alike, attended, tasks, work
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.outcomes import (
    answered_elsewhere,
    ended,
    expect_answer,
    expect_asked,
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


def at_desk(lab: Lab, case: Case, *rounds: Sequence[Task], decide: bool = True, anew: bool = False) -> Desk:
    """Return a desk with the agent of ``build_guarded``, after a question with these calls."""
    return attended(lab, case, "build_guarded", *rounds, decide=decide, anew=anew)


@check("4.6", points=1, title="asks where the policy says so, and only there")
def asks_where_it_must(lab: Lab, case: Case) -> None:
    run, forbidden, approved = tasks(case)[:3]
    chosen = [forbidden, approved, run]
    desk = at_desk(lab, case, chosen, decide=False)
    desk.waiting(desk.built())
    _expect_to_ask_about(desk, approved)
    desk.decide(chosen)
    _expect_to_ask_about(desk, approved)
    refused, accepted, _ = ended(desk, chosen)
    expect(
        desk.shown[0]["id"] == accepted.tool_call_id,
        "The interrupt's id must be the call's.",
        got=desk.shown[0]["id"],
        expected=repr(accepted.tool_call_id),
        why="Two calls may have the same name and arguments; the id tells them apart.",
    )
    tools = {request.tool for request in desk.stage.tool_requests()}
    expect(
        refused.status == "error" and bool(refused.text.strip()) and forbidden.tool not in tools,
        "A forbidden tool must not run; its tool message has the status error and says so.",
        got=Words(f"ran: {sorted(tools)}; status {refused.status}, text {refused.text!r}"),
        expected=f"ran: {sorted([run.tool, approved.tool])}; status error, and a text",
        why="The model must learn that it may not, or it tries again.",
    )
    expect(
        tools == {run.tool, approved.tool},
        "What the policy lets run must run, and what the person has approved.",
        got=Words(f"ran: {sorted(tools)}"),
        expected=f"ran: {sorted([run.tool, approved.tool])}",
        why="The decision is a dict, and its key type says what to do: approve runs the tool.",
    )


def _expect_to_ask_about(desk: Desk, task: Task) -> None:
    """Expect that the person was asked about this call and no other."""
    asked_for = [(value["name"], value["args"]) for value in desk.shown]
    expect(
        asked_for == [(task.tool, dict(task.args))],
        "A person must be asked about the calls of the tools with the policy ask, and about no others.",
        got=Words(f"asked about: {[name for name, _ in asked_for]}"),
        expected=f"asked about: {[task.tool]}; for run and forbid nobody is asked",
        why="Too many questions are clicked away, too few are none."
        if desk.shown
        else why_nobody_asked(desk),
    )


@check("4.6", points=1, title="approve, edit, reject and respond do what they say")
def obeys_each_decision(lab: Lab, case: Case) -> None:
    chosen = [tasks(case)[number] for number in case.order]
    desk = at_desk(lab, case, chosen)
    expect(
        bool(desk.shown),
        "Nobody was asked about any call.",
        got=Words("asked about 0 calls"),
        expected=f"asked about {sum(bool(task.decision) for task in chosen)} calls",
        why=why_nobody_asked(desk),
    )
    expect_results(desk, chosen, ended(desk, chosen))
    told = Counter(work(value["name"], value["args"]) for value in desk.shown)
    true = Counter(work(task.tool, task.args) for task in chosen if task.decision)
    expect(
        told == true,
        "Each call of a tool with the policy ask must be asked about, on its own.",
        got=Words(f"asked about {plural(sum(told.values()), 'call')}"),
        expected=f"asked about {sum(true.values())} calls",
        why="Five calls are five decisions.",
    )
    expect_answer(desk)


@check("4.6", points=2, title="each effect exactly once, though the graph is built anew for every answer")
def acts_exactly_once(lab: Lab, case: Case) -> None:
    chosen = [tasks(case)[number] for number in case.order]
    desk = at_desk(lab, case, chosen, decide=False, anew=True)
    desk.handed = True
    answered_elsewhere(desk, chosen)
    expect_only_what_ran(desk, chosen)
    expect_done_once(desk, chosen)
    expect_asked(desk, 2)
    expect_the_same_again(desk, chosen)
    desk.close()
    _expect_each_on_its_own(lab, replace(case, thread=case.other))


def _expect_each_on_its_own(lab: Lab, case: Case) -> None:
    """Expect that no decision holds for a later call, or for one that only looks the same."""
    rounds = alike(case)
    desk = at_desk(lab, case, *rounds)
    results = ended(desk, *rounds)
    asked_for = [str(value["id"]) for value in desk.shown]
    expect(
        sorted(asked_for) == sorted(str(message.tool_call_id) for message in results),
        "Each call must be asked about, also one that is like another, earlier or in the same message.",
        got=Words(f"asked about {len(asked_for)} of {plural(len(results), 'call')}"),
        expected=f"asked about {len(results)} of {plural(len(results), 'call')}",
        why="A yes is for one call: when the model books the same room again, that is another booking.",
    )
    found = desk.done()
    true = Counter(work(task.tool, task.runs) for calls in rounds for task in calls if task.runs is not None)
    expect(
        found == true,
        "A decision must hold for the call that was shown, and for no later one or one that is like it.",
        got=Words(f"ran: {listed_work(found)}"),
        expected=f"ran: {listed_work(true)}",
        why=(
            "Decisions of an earlier message are not for the calls of a later one, and two calls may have "
            "the same name and arguments: the id tells calls apart."
        ),
    )
