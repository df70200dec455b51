"""Exercise 1.6, "Go back and ask differently": judged by what the model was sent and by both branches."""

from __future__ import annotations

from typing import Any

from utils.checks.graphs import kinds
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import questions
from utils.checks.registry import Words, expect
from utils.checks.weather import asked, conversation, plain
from utils.lab.lab import Lab, Ref, Stage, StudentError


def other_question(case: Case, number: int) -> str:
    return f"And what should I pack for {case.cities[number % 3].name}, version {number}?"


def other_answer(case: Case, number: int) -> str:
    return f"For version {number} take {case.word}."


def travelled(lab: Lab, case: Case, *branches: tuple[int, ...]) -> tuple[Stage, Ref]:
    """Return an agent with three questions answered, and a model that knows the branches to come.

    A branch lists its questions: 0 to 2 are about the cities, others are ``other_question``.
    """

    def pieces(branch: tuple[int, ...]) -> list[Any]:
        return [
            asked(case.cities[n]) if n < 3 else plain(other_question(case, n), other_answer(case, n))
            for n in branch
        ]

    told = [conversation(f"branch {i}", *pieces(branch)) for i, branch in enumerate(((0, 1, 2), *branches))]
    stage = lab.stage(*told)
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    for city in case.cities:
        lab.part("turn", agent, case.thread, city.question)
    stage.clear()
    return stage, agent


def asked_so_far(state: dict[str, Any]) -> list[str]:
    return [message.text for message in state["messages"] if message.type == "human"]


def rewound(lab: Lab, agent: Ref, case: Case, turn_number: int, question: int) -> Any:
    """Return what ``rewind`` returns; a sentence if its request shows that it asked something else."""
    try:
        return lab.call("rewind", agent, case.thread, turn_number, other_question(case, question))
    except StudentError:
        if not lab.misses():
            raise
    return "no answer: nothing is recorded for what the model was sent"


@check("1.6", points=1, title="the new question follows the turns before it")
def branches_off(lab: Lab, case: Case) -> None:
    stage, agent = travelled(lab, case, (0, 3))
    told = rewound(lab, agent, case, 2, 3)
    true = [case.cities[0].question, other_question(case, 3)]
    expect(
        list(questions(stage)) == true,
        "The model must be sent the turns before the one that is asked again, and the new question.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str(true),
        why="Rewinding to turn 2 keeps turn 1 and forgets the old turn 2 and all after it.",
    )
    expect(
        told == other_answer(case, 3),
        "rewind must return the text of the new answer.",
        got=told,
        expected=repr(other_answer(case, 3)),
        why="It is a question like any other, only asked from an earlier point.",
    )
    state = lab.part("state", agent, case.thread)
    expect(
        asked_so_far(state) == true,
        "From now on the thread must follow the new branch.",
        got=Words(str(asked_so_far(state))),
        expected=str(true),
        why="The newest checkpoint of a thread is where its next question goes on.",
    )


@check("1.6", points=1, title="the old branch stays, and the new one leaves it at the right place")
def keeps_the_old_branch(lab: Lab, case: Case) -> None:
    _, agent = travelled(lab, case, (0, 3))
    before = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    tip = lab.part("state", agent, case.thread)
    lab.call("rewind", agent, case.thread, 2, other_question(case, 3))
    after = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    expect(
        after.get(tip["id"], {}).get("messages") == tip["messages"] and set(before) <= set(after),
        "Every old checkpoint must still be there, as it was.",
        got=Words(f"{len(set(before) & set(after))} of {len(before)} old checkpoints are left"),
        expected="all of them, unchanged",
        why="Going back deletes nothing: anyone can return to the old branch by its checkpoint id.",
    )
    place: str | None = lab.part("state", agent, case.thread)["id"]
    while place is not None and place not in before:
        place = after[place]["parent"] if place in after else None
    kept = after[place]["messages"] if place is not None else []
    expect(
        kinds(kept) == "human ai tool ai",
        "The new branch must leave the old one where turn 1 is answered and turn 2 is not yet asked.",
        got=Words(f"it leaves where the state holds: {kinds(kept)}"),
        expected="it leaves where the state holds: human ai tool ai",
        why="A branch that leaves later carries the old question along; one from nowhere is another thread.",
    )


@check("1.6", points=2, title="it works again and again")
def rewinds_again(lab: Lab, case: Case) -> None:
    # Turn, number of its new question, and the branch it makes. Question 4 is asked in between.
    plan = ((2, 3, (0, 3)), (3, 5, (0, 3, 5)), (2, 6, (0, 6)), (1, 7, (7,)), (1, 8, (8,)))
    stage, agent = travelled(lab, case, (0, 3, 4), *(branch for _, _, branch in plan))
    for turn_number, new, branch in plan:
        told = rewound(lab, agent, case, turn_number, new)
        true = [case.cities[n].question if n < 3 else other_question(case, n) for n in branch]
        expect(
            list(questions(stage)) == true and told == other_answer(case, new),
            "Turns are counted on the current branch, also after earlier rewinds.",
            got=Words(f"the model was sent: {list(questions(stage))}"),
            expected=str(true),
            why=(
                "get_state_history mixes all branches. Walk from the newest checkpoint along parent_config: "
                "that is the current branch."
            ),
        )
        now = asked_so_far(lab.part("state", agent, case.thread))
        expect(
            now == true,
            "After each rewind the thread must follow the new branch.",
            got=Words(str(now)),
            expected=str(true),
            why="The next question, and the next rewind, go on from the thread's newest checkpoint.",
        )
        if new == 3:
            lab.part("turn", agent, case.thread, other_question(case, 4))
