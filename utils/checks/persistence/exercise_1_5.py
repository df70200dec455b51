"""Exercise 1.5, "Read the history": judged by the checkpoints in the file, also after forks."""

from __future__ import annotations

from typing import Any

from utils.checks.persistence.lab import Case, check
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import asked, conversation
from utils.lab.lab import CheckpointRow, Lab, Ref, StudentError, TookTooLong
from utils.views.plain import plural

KEYS = ("id", "step", "source", "next", "messages", "parent")
FILE = "history.db"
INPUT, LLM, ACTION = ("__start__",), ("llm",), ("action",)

Row = tuple[int, str, tuple[str, ...], int]
"""step, source, next and number of messages"""

# What the checks do on the thread, so what must be there: it is not asked of the notebook's process.
TALK: tuple[Row, ...] = (
    (-1, "input", INPUT, 0),
    (0, "loop", LLM, 1),
    (1, "loop", ACTION, 2),
    (2, "loop", LLM, 3),
    (3, "loop", (), 4),
    (4, "input", INPUT, 4),
    (5, "loop", LLM, 5),
    (6, "loop", ACTION, 6),
    (7, "loop", LLM, 7),
    (8, "loop", (), 8),
)
BRANCHES: tuple[Row, ...] = (
    (1, "fork", LLM, 1),
    (2, "loop", ACTION, 2),
    (3, "loop", LLM, 3),
    (4, "loop", (), 4),
    (8, "update", LLM, 8),
)
REPLAYED, EDITED = 1, 8
"""the rows of the talk at which the branches begin"""


def listed(lab: Lab, agent: Ref, kept: list[CheckpointRow], thread: str) -> list[dict[str, Any]]:
    """Return the rows that ``history`` returns, oldest first; there is one for each of ``kept``."""
    try:
        rows = lab.call("history", agent, thread)
    except TookTooLong as error:
        why = "one cause may be a loop over saver.list: get_state inside it waits until the loop is over"
        raise TookTooLong(f"{error}; {why}") from error
    except StudentError as error:
        if error.is_a("NotImplementedError") or not without_parent(error):
            raise
        fail(
            "The very first checkpoint came from no other one, and history stumbled over that.",
            got=Words(f"{error.type}: {error.message}"),
            expected="None as the parent of the first checkpoint",
            why="parent_config is None there, and None has no keys.",
        )
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
        why="The code that draws the tree looks them up by these names.",
    )
    expect_left_alone(lab, kept)
    return expect_one_each(lab, rows, kept)


def without_parent(error: StudentError) -> bool:
    """Return whether an error comes from asking None for a key."""
    return "NoneType" in error.message and (error.is_a("TypeError") or error.is_a("AttributeError"))


def expect_left_alone(lab: Lab, kept: list[CheckpointRow]) -> None:
    """Fail if the file holds other checkpoints than before."""
    now = [row for row in lab.checkpoints(FILE) or () if row.thread == kept[0].thread]
    expect(
        [row.id for row in now] == [row.id for row in kept],
        "The checkpoints of the thread must be left as they are.",
        got=Words(f"the file had {plural(len(kept), 'checkpoint')}, and now it has {len(now)}"),
        expected="history reads, and changes nothing",
        why="Reading a history must not write it.",
    )


def expect_one_each(lab: Lab, rows: list[dict[str, Any]], kept: list[CheckpointRow]) -> list[dict[str, Any]]:
    """Return the rows by creation of their checkpoints; fail unless there is one for each."""
    true = [row.id for row in kept]
    told = [str(row["id"]) for row in rows]
    wanted = f"{len(true)} rows, one for each checkpoint id"
    expect(
        bool(rows),
        "There was no row: the thread that history is given was not the one that was read.",
        got=rows,
        expected=wanted,
        why="The thread_id that history is given names the conversation.",
    )
    known = {row.id for row in lab.checkpoints(FILE) or ()}
    expect(
        not set(true) < set(told) or set(told) <= known,
        "There are rows of an earlier call: each call of history must begin with an empty list.",
        got=Words(plural(len(rows), "row")),
        expected=wanted,
        why="A list that is made outside of the function, or as a default argument, lives on between calls.",
    )
    expect(
        not set(true) < set(told),
        "There are rows of checkpoints that are not of this thread.",
        got=Words(plural(len(rows), "row")),
        expected=wanted,
        why="A saver keeps many conversations side by side, and each belongs to somebody else.",
    )
    expect(
        set(told) <= set(true),
        "id must be the id of the checkpoint.",
        got=Words(f"an id was {next((name for name in told if name not in true), '')!r}"),
        expected="the checkpoint_id in the config of each snapshot",
        why="A thread has many checkpoints. Only their own ids tell them apart.",
    )
    expect(
        set(told) != set(true[-len(told) :]) or len(told) >= len(true),
        "The oldest checkpoints are missing: history stops too early.",
        got=Words(plural(len(rows), "row")),
        expected=wanted,
        why="A conversation may be long, and its beginning belongs to it.",
    )
    expect(
        sorted(told) == sorted(true),
        "There must be exactly one row for each checkpoint of the thread, on every branch.",
        got=Words(f"{plural(len(rows), 'row')}, for {len(set(told))} of the {len(true)} checkpoints"),
        expected=wanted,
        why="Nothing is lost when a conversation forks: the old branch is still there to go back to.",
    )
    return sorted(rows, key=lambda row: true.index(str(row["id"])))


def talked(lab: Lab, case: Case) -> tuple[Ref, list[CheckpointRow]]:
    """Return an agent with two questions answered on the case's thread, and what its file holds."""
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(first), asked(second)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver(lab.path(FILE)))
    for city in (first, second):
        lab.part("sync_turn", agent, case.thread, city.question)
    return agent, in_the_file(lab, case, len(TALK))


def forked(lab: Lab, case: Case) -> tuple[Ref, list[CheckpointRow]]:
    """Return the same with two branches more: one by running again, one by editing."""
    agent, kept = talked(lab, case)
    lab.part("replay", agent, case.thread, kept[REPLAYED].id)
    lab.part("edit", agent, case.thread, kept[EDITED].id, f"and take {case.word}")
    return agent, in_the_file(lab, case, len(TALK) + len(BRANCHES))


def in_the_file(lab: Lab, case: Case, count: int) -> list[CheckpointRow]:
    """Return the thread's checkpoints in the file by creation; the check itself has just written so many."""
    kept = [row for row in lab.checkpoints(FILE) or () if row.thread == case.thread]
    expect(
        len(kept) == count,
        "What this check saved is not in its file: something in this notebook changes how savers work.",
        got=Words(plural(len(kept), "checkpoint")),
        expected=plural(count, "checkpoint"),
        why="history can be judged only by what is really saved. Restart the kernel and run it again.",
    )
    return kept


@check("1.5", points=1, title="one row for each checkpoint, with what is in it")
def one_row_per_checkpoint(lab: Lab, case: Case) -> None:
    agent, kept = talked(lab, case)
    lab.part("write_checkpoint", agent, case.other, case.word)
    for row, (step, source, following, messages) in zip(
        listed(lab, agent, kept, case.thread), TALK, strict=True
    ):
        true = {"step": step, "source": source, "next": following, "messages": messages}
        told = {key: row[key] for key in true}
        if isinstance(told["next"], list):
            told["next"] = tuple(told["next"])
        expect(
            told == true,
            "A row must say what its own checkpoint holds.",
            got=Words(", ".join(f"{key}: {value!r}" for key, value in told.items())),
            expected=", ".join(f"{key}: {value!r}" for key, value in true.items()),
            why="step and source tell what was done, next what comes; it is empty at the end of a run.",
        )


@check("1.5", points=1, title="all branches are listed after a fork, with their steps")
def lists_all_branches(lab: Lab, case: Case) -> None:
    agent, kept = forked(lab, case)
    for row, (step, source, _, _) in zip(
        listed(lab, agent, kept, case.thread), (*TALK, *BRANCHES), strict=True
    ):
        expect(
            (row["step"], row["source"]) == (step, source),
            "After a fork, step and source must still be those of the checkpoint itself.",
            got=Words(f"step: {row['step']!r}, source: {row['source']!r}"),
            expected=f"step: {step!r}, source: {source!r}",
            why="Each branch counts its own steps, so numbers come twice. Counting the rows goes wrong.",
        )


@check("1.5", points=1, title="parents are true after a fork")
def tells_true_parents(lab: Lab, case: Case) -> None:
    agent, kept = forked(lab, case)
    rows = listed(lab, agent, kept, case.thread)
    wrong = [row for row, true in zip(rows, kept, strict=True) if row["parent"] != true.parent]
    expect(
        not wrong,
        "parent must be the id of the checkpoint that this one came from, None for the very first.",
        got=Words(f"{plural(len(wrong), 'row')} of {len(rows)} with another parent than the file says"),
        expected="the checkpoint_id in parent_config of each snapshot",
        why=(
            "After a fork the list mixes branches and steps repeat: the next row, or the row with step - 1, "
            "may belong to another branch. Only parent_config knows."
        ),
    )
