"""Exercise 1.4, "Read the history": judged by the checkpoints in the file, also after forks."""

from __future__ import annotations

from typing import Any

from utils.checks.persistence.lab import Case, check
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import asked, conversation
from utils.lab.lab import Lab, Ref

KEYS = ("id", "step", "source", "next", "messages", "parent")


def listed(lab: Lab, agent: Ref, thread: str) -> list[dict[str, Any]]:
    """Return the rows that ``history`` returns."""
    rows = lab.call("history", agent, thread)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        fail(
            "history must return a list of dicts.",
            got=rows,
            expected="[{'id': …, 'step': …, 'source': …, 'next': …, 'messages': …, 'parent': …}, …]",
            why="A list of plain dicts can be counted, sorted, searched and stored.",
        )
    missing = [key for key in KEYS if any(key not in row for row in rows)]
    expect(
        not missing,
        "Every row needs all six keys.",
        got=Words(f"missing: {', '.join(missing)}"),
        expected=", ".join(KEYS),
        why="Whoever draws the tree looks them up by these names.",
    )
    return rows


def talked(lab: Lab, case: Case) -> tuple[Ref, str]:
    """Return an agent with two questions answered on the case's thread, and its file."""
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(first), asked(second)))
    name = "history.db"
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver(lab.path(name)))
    for city in (first, second):
        lab.part("sync_turn", agent, case.thread, city.question)
    return agent, name


def forked(lab: Lab, case: Case) -> tuple[Ref, str]:
    """Return the same with two branches more: one by running again, one by editing."""
    agent, name = talked(lab, case)
    states = lab.part("states", agent, case.thread)
    before_answer = [state for state in states if state["next"] == ("llm",) and state["messages"]]
    lab.part("replay", agent, case.thread, before_answer[-1]["id"])
    lab.part("edit", agent, case.thread, before_answer[0]["id"], f"and take {case.word}")
    return agent, name


@check("1.4", points=1, title="one row for each checkpoint, with what is in it")
def one_row_per_checkpoint(lab: Lab, case: Case) -> None:
    agent, name = talked(lab, case)
    kept = {row.id for row in lab.checkpoints(name) or ()}  # before anything of the exercise runs
    rows = listed(lab, agent, case.thread)
    states = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    # The file has the last word on which checkpoints there are: the states come from the notebook's process.
    expect(
        set(states) == kept != set(),
        "The checkpoints of the thread must be left as they are.",
        got=Words(f"{len(states)} states, and others in the file"),
        expected="history reads, and changes nothing",
        why="Whoever reads a history must not write it.",
    )
    expect(
        len(rows) == len(states) and {str(row["id"]) for row in rows} == set(states),
        "There must be exactly one row for each checkpoint of the thread.",
        got=Words(f"{len(rows)} rows"),
        expected=f"{len(states)} rows, one for each checkpoint id",
        why="The first checkpoint and the input checkpoints belong to the story, too.",
    )
    for row in rows:
        state = states[str(row["id"])]
        true = {
            "step": state["step"],
            "source": state["source"],
            "next": state["next"],
            "messages": len(state["messages"]),
        }
        told = {key: row[key] for key in true}
        if isinstance(told["next"], list):
            told["next"] = tuple(told["next"])
        expect(
            told == true,
            "A row must say what its own checkpoint holds.",
            got=told,
            expected=str(true),
            why="step and source tell what was done, next what comes; it is empty at the end of a run.",
        )


@check("1.4", points=1, title="all branches are listed after a fork")
def lists_all_branches(lab: Lab, case: Case) -> None:
    agent, name = forked(lab, case)
    true = {row.id for row in lab.checkpoints(name) or () if row.thread == case.thread}
    rows = listed(lab, agent, case.thread)
    told = {str(row["id"]) for row in rows}
    expect(
        told == true and len(rows) == len(true),
        "After a fork the checkpoints of every branch must be listed, each once.",
        got=Words(f"{len(rows)} rows, {len(told & true)} of the {len(true)} checkpoints among them"),
        expected=f"{len(true)} rows",
        why="Nothing is lost when a conversation forks: the old branch is still there to go back to.",
    )


@check("1.4", points=1, title="parents are true after a fork")
def tells_true_parents(lab: Lab, case: Case) -> None:
    agent, name = forked(lab, case)
    true = {row.id: row.parent for row in lab.checkpoints(name) or ()}
    rows = listed(lab, agent, case.thread)
    wrong = [row for row in rows if str(row["id"]) not in true or row["parent"] != true[str(row["id"])]]
    expect(
        bool(rows) and not wrong,
        "parent must be the id of the checkpoint that this one came from, None for the very first.",
        got=Words(f"{len(wrong)} of {len(rows)} rows have another parent than the file says"),
        expected="the checkpoint_id in parent_config of each snapshot",
        why=(
            "After a fork the list mixes branches and steps repeat: the next row, or the row with step - 1, "
            "may belong to another branch. Only parent_config knows."
        ),
    )
