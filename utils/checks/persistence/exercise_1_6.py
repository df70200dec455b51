"""Exercise 1.6, "Go back and ask differently": judged by what the model was sent and by both branches."""

from __future__ import annotations

from typing import Any

from utils.checks.graphs import kinds
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import expect_one_run, questions, sent
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import asked, conversation, plain
from utils.lab.lab import Lab, Ref, Spoiled, Stage, StudentError

LOOKED_UP = (0, 2, 7)
"""numbers of the questions for which the model searches: turns are not equally long"""


def question(case: Case, number: int) -> str:
    if number in LOOKED_UP:
        return case.cities[number % 3].question
    return f"And what should I pack for {case.cities[number % 3].name}, version {number}?"


def answer(case: Case, number: int) -> str:
    if number in LOOKED_UP:
        return case.cities[number % 3].answer
    return f"For version {number} take {case.word}."


def travelled(
    lab: Lab,
    case: Case,
    *branches: tuple[int, ...],
    first: tuple[int, ...] = (0, 1, 2),
    in_blocks: bool = False,
) -> tuple[Stage, Ref]:
    """Return an agent with the questions of the first branch answered, and a model that knows all of them.

    A branch lists its questions by number.
    """

    def pieces(branch: tuple[int, ...]) -> list[Any]:
        return [
            asked(case.cities[n % 3], say=f"Let me look, for version {n}.")
            if n in LOOKED_UP
            else plain(question(case, n), answer(case, n))
            for n in branch
        ]

    told = [conversation(f"branch {i}", *pieces(branch)) for i, branch in enumerate((first, *branches))]
    stage = lab.stage(*told)
    model = lab.make("model_in_blocks", stage.model(), label="model") if in_blocks else stage.model()
    agent = lab.kit.agent(model, [stage.tool()], lab.kit.saver())
    lab.part("talk", agent, case.thread, [question(case, number) for number in first])
    stage.clear()
    return stage, agent


def rewound(lab: Lab, stage: Stage, agent: Ref, case: Case, turn_number: int, branch: tuple[int, ...]) -> Any:
    """Return what ``rewind`` returns for a branch's last question; a sentence if the model had no answer."""
    try:
        return lab.call("rewind", agent, case.thread, turn_number, question(case, branch[-1]))
    except StudentError as error:
        if turn_number == 1 and not error.is_a("NotImplementedError") and not stage.requests():
            fail(
                "rewind found no place to begin for turn 1.",
                got=Words(f"{error.type}: {error.message}"),
                expected="the new question is asked as the first one",
                why="There is a checkpoint before every question, also before the very first.",
            )
        if not lab.misses():
            raise
        return "no answer: nothing is recorded for what the model was sent"


def expect_rewound(
    lab: Lab, stage: Stage, agent: Ref, case: Case, turn_number: int, branch: tuple[int, ...]
) -> None:
    """Rewind to a turn and ask a branch's last question there; fail unless the branch comes of it."""
    told = rewound(lab, stage, agent, case, turn_number, branch)
    expect_asked(case, stage, branch, turn_number)
    expect(
        told == answer(case, branch[-1]) or not isinstance(told, str) or answer(case, branch[-1]) not in told,
        "rewind returned more than the new answer: also the text of other messages.",
        got=told,
        expected=repr(answer(case, branch[-1])),
        why="What the model says beside a tool call, and what a tool says, is how it got to its answer.",
    )
    expect(
        told == answer(case, branch[-1]),
        "rewind must return the text of the new answer.",
        got=told,
        expected=repr(answer(case, branch[-1])),
        why="It is a question like any other, only asked from an earlier point.",
    )
    now = tuple(m.text for m in lab.part("state", agent, case.thread)["messages"] if m.type == "human")
    true = tuple(question(case, number) for number in branch)
    expect(
        now == true,
        "From now on the thread must follow the new branch.",
        got=Words(str(list(now))),
        expected=str(list(true)),
        why="The newest checkpoint of a thread is where its next question, and the next rewind, go on.",
    )


def expect_asked(case: Case, stage: Stage, branch: tuple[int, ...], turn_number: int) -> None:
    """Fail if the model was sent another conversation than this branch, and say what is wrong with it."""
    found = questions(stage)
    true = tuple(question(case, number) for number in branch)
    before = "no turn is kept" if turn_number == 1 else f"the turns before turn {turn_number} are kept"
    if not found or found[-1] != true[-1]:
        message = "The new question must be the one that the model is asked."
    elif len(found) > len(true):
        message = "Too much was kept: the turn that is asked anew, or one after it, is still there."
    elif len(found) < len(true):
        message = "Too little was kept: a turn before the one that is asked anew is missing."
    else:
        message = "What was kept belongs to another branch than the one that the thread follows."
    expect(
        found == true,
        message,
        got=sent(stage),
        expected=str(list(true)),
        why=f"Of the branch that leads to the thread's newest checkpoint, {before}, and nothing else.",
    )


@check("1.6", points=0.5, title="the new question follows the turns before it")
def branches_off(lab: Lab, case: Case) -> None:
    # The question of turn 1 comes again in turn 3: its words do not tell a turn.
    stage, agent = travelled(lab, case, (0, 1, 7), first=(0, 1, 0), in_blocks=True)
    expect_rewound(lab, stage, agent, case, 3, (0, 1, 7))
    expect_one_run(
        stage,
        "rewind",
        2,
        "What is asked again makes a branch of its own each time, and is paid for each time.",
    )


@check("1.6", points=0.5, title="turn 1 begins at the beginning, also twice")
def starts_over(lab: Lab, case: Case) -> None:
    stage, agent = travelled(lab, case, (3,), (6,), first=(1, 4))
    for number in (3, 6):
        expect_rewound(lab, stage, agent, case, 1, (number,))


@check("1.6", points=1, title="the old branch stays, and the new one leaves it at the right place")
def keeps_the_old_branch(lab: Lab, case: Case) -> None:
    stage, agent = travelled(lab, case, (0, 1, 3))
    before = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    tip = lab.part("state", agent, case.thread)
    rewound(lab, stage, agent, case, 3, (0, 1, 3))
    after = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    left = len(set(before) & set(after))
    expect(
        after.get(tip["id"], {}).get("messages") == tip["messages"] and left == len(before),
        "Every old checkpoint must still be there, as it was.",
        got=Words(f"{left} of {len(before)} old checkpoints are left"),
        expected="all of them, unchanged",
        why="Going back deletes nothing: anyone can return to the old branch by its checkpoint id.",
    )
    place: str | None = lab.part("state", agent, case.thread)["id"]
    while place is not None and place not in before:
        place = after[place]["parent"] if place in after else None
    kept = after[place]["messages"] if place is not None else []
    expect(
        kinds(kept) == "human ai tool ai human ai",
        "The new branch must leave the old one where turn 2 is answered and turn 3 is not yet asked.",
        got=Words(f"it leaves where the state holds: {kinds(kept)}"),
        expected="it leaves where the state holds: human ai tool ai human ai",
        why="A branch that leaves later carries the old question along; one from nowhere is another thread.",
    )
    expect_asked(case, stage, (0, 1, 3), 3)


@check("1.6", points=1, title="it works again and again")
def rewinds_again(lab: Lab, case: Case) -> None:
    # Turn, and the branch that rewinding to it makes. Question 4 is asked in between.
    plan = ((2, (0, 3)), (3, (0, 3, 5)), (2, (0, 6)))
    stage, agent = travelled(lab, case, (0, 3, 4), *(branch for _, branch in plan))
    for turn_number, branch in plan:
        expect_rewound(lab, stage, agent, case, turn_number, branch)
        if branch == (0, 3):
            lab.part("turn", agent, case.thread, question(case, 4))


@check("1.6", points=1, title="turns are counted on the branch that the thread follows, also a replayed one")
def follows_the_current_branch(lab: Lab, case: Case) -> None:
    stage, agent = travelled(lab, case, (0, 3, 4), (0, 5), (0, 3, 6), first=(0, 1))
    expect_rewound(lab, stage, agent, case, 2, (0, 3))
    lab.part("turn", agent, case.thread, question(case, 4))
    tip = lab.part("state", agent, case.thread)
    expect_rewound(lab, stage, agent, case, 2, (0, 5))
    try:
        # From here on the thread follows the branch before: its last step is done once more.
        lab.part("replay", agent, case.thread, tip["parent"])
    except Spoiled as error:
        fail(
            "The old branch is gone, so the thread cannot follow it again.",
            got=Words(str(error)),
            expected="all that was there, and the new branch",
            why="Going back deletes nothing: anyone can return to the old branch by its checkpoint id.",
        )
    expect_rewound(lab, stage, agent, case, 3, (0, 3, 6))
