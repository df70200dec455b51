"""From recorded conversations to a fixture file: merged with what it held, checked, written in one step."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from utils.errors import FixtureError, RecordingError
from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    Conversation,
    Origin,
    ResultsTurn,
    Scenario,
    ToolAnswer,
    Turn,
    UserTurn,
    turn_problem,
)
from utils.replay.fixtures import label, load_scenario, parse_scenario
from utils.replay.matching import compile_scenario, fold_args, fold_question, rows_of
from utils.replay.recording import Recorder, unique

_ADAPTED = "the beginning was recorded anew: "


@dataclass(frozen=True, slots=True)
class Merged:
    """A fixture after recording, and what became of its conversations, by name."""

    scenario: Scenario
    recorded: tuple[str, ...]
    kept: tuple[str, ...]
    """not asked this time: as they were"""
    adapted: tuple[str, ...]
    """not asked to their end: they begin as recorded now and go on as they did"""
    dropped: tuple[str, ...]
    """their rest does not fit to what was recorded"""


def store(recorder: Recorder, path: Path) -> str:
    """Write what was recorded into a fixture, beside the conversations that were not asked; says what it did.

    Raises RecordingError, and writes nothing, when there is nothing to write, something was refused on the
    way, or a replay could not tell the conversations apart.
    """
    if recorder.failures:
        msg = f"not everything was answered: {'; '.join(recorder.failures[:3])}"
        raise RecordingError(msg, where=label(path), hint="nothing was written; record again when it answers")
    new = recorder.scenario()
    if not new.conversations:
        msg = "nothing was recorded"
        raise RecordingError(msg, where=label(path), hint="does the notebook ask the model anything?")
    old, head = _as_it_is(path)
    result = merged(old, new)
    text = dump_scenario(result.scenario, head)
    try:
        parse_scenario(text, label(path))
    except FixtureError as error:
        msg = f"what was recorded does not make a fixture: {error.message}"
        raise RecordingError(msg, where=label(path), hint="nothing was written") from error
    write(path, text)
    lines = [f"{label(path)}: {len(result.recorded)} conversations recorded, {len(result.kept)} kept."]
    lines += [f'  look at "{name}": {_ADAPTED}does its end still fit?' for name in result.adapted]
    lines += [f'  gone: "{name}" does not fit to what was recorded.' for name in result.dropped]
    lines += [
        f'  not stored: the search "{query}" belongs to no conversation.'
        for query in recorder.loose_searches()
    ]
    return "\n".join(lines)


def _as_it_is(path: Path) -> tuple[Scenario, str]:
    """Return the conversations of a fixture and the comment at its head; both empty without a file."""
    if not path.exists():
        return Scenario(), ""
    old = load_scenario(path)
    head: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            break
        head.append(line)
    return old, "\n".join(head).strip() + "\n\n" if any(head) else ""


def merged(old: Scenario, new: Scenario) -> Merged:
    """Return a fixture after recording: what was recorded replaces what asks the same, the rest stays.

    A conversation that was not asked to its end shares its beginning with one that was: that beginning is
    taken over, or no request could tell the two apart.
    """
    index = compile_scenario(new)
    rows = {key for conversation in new.conversations for key in _keys(conversation)}
    groups = _groups_of(new)
    placed: list[Conversation] = []
    kept: list[str] = []
    adapted: list[str] = []
    dropped: list[str] = []
    renamed: dict[str, str] = {}
    for conversation in old.conversations:
        turns = _regrown(conversation, groups, index.tools)
        if turns is None:
            dropped.append(conversation.name)
            continue
        grown = conversation.model_copy(update={"turns": turns})
        if _keys(grown) <= rows:
            waiting = (told for told in new.conversations if told.name not in renamed)
            if (successor := next((told for told in waiting if _same(told, grown)), None)) is not None:
                renamed[successor.name] = conversation.name
                placed.append(successor.model_copy(update={"name": conversation.name}))
        elif turns == conversation.turns:
            kept.append(conversation.name)
            placed.append(conversation)
        else:
            adapted.append(conversation.name)
            told = next(c.origin for c in new.conversations)
            placed.append(grown.model_copy(update={"origin": _adapted(conversation.origin, told)}))
    names = {conversation.name for conversation in placed}
    for conversation in new.conversations:
        if conversation.name not in renamed:
            renamed[conversation.name] = unique(conversation.name, names)
            placed.append(conversation.model_copy(update={"name": renamed[conversation.name]}))
    return Merged(
        Scenario(conversations=tuple(placed)),
        tuple(renamed.values()),
        tuple(kept),
        tuple(adapted),
        tuple(dropped),
    )


def _questions(conversation: Conversation) -> tuple[str, ...]:
    return tuple(fold_question(turn.user) for turn in conversation.turns if isinstance(turn, UserTurn))


def _keys(conversation: Conversation) -> set[Hashable]:
    return {row.key for row in rows_of(conversation)}


def _same(new: Conversation, old: Conversation) -> bool:
    """Return whether a recorded conversation asks what an old one did, and got to the same places."""
    return _questions(new) == _questions(old) and _keys(new) >= _keys(old)


def _groups(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Return turns in groups, each from one question to the next."""
    found: list[list[Turn]] = []
    for turn in turns:
        if isinstance(turn, UserTurn):
            found.append([])
        found[-1].append(turn)
    return found


def _edited_at(group: Sequence[Turn]) -> int | None:
    places = (
        i
        for i, turn in enumerate(group)
        if isinstance(turn, ResultsTurn) and any(result.edited for result in turn.results)
    )
    return next(places, None)


def _groups_of(scenario: Scenario) -> Mapping[tuple[str, ...], list[Turn]]:
    """Return what follows each question after these questions; where a person edited, how it went without."""
    found: dict[tuple[str, ...], list[Turn]] = {}
    for conversation in scenario.conversations:
        questions = _questions(conversation)
        for n, group in enumerate(_groups(conversation.turns), start=1):
            known = found.setdefault(questions[:n], group)
            if _edited_at(known) is not None and _edited_at(group) is None:
                found[questions[:n]] = group
    return found


def _regrown(
    conversation: Conversation,
    recorded: Mapping[tuple[str, ...], list[Turn]],
    tools: Mapping[tuple[str, str], ToolAnswer],
) -> tuple[Turn, ...] | None:
    """Return the conversation with the recorded turns in place of its own; ``None`` if that cannot be."""
    questions = _questions(conversation)
    turns: list[Turn] = []
    for n, group in enumerate(_groups(conversation.turns), start=1):
        fresh = recorded.get(questions[:n])
        edited = _edited_at(group)
        if fresh is None:
            turns += _with_results(group, tools)
        elif edited is None:
            turns += fresh
        else:
            turns += [*fresh[:edited], *_with_results(group[edited:], tools)]
    return None if turn_problem(tuple(turns)) else tuple(turns)


def _with_results(group: Sequence[Turn], tools: Mapping[tuple[str, str], ToolAnswer]) -> list[Turn]:
    """Return the same turns with the tools' newest answers: a tool has one answer to one question."""
    found: list[Turn] = []
    before: Turn | None = None
    for turn in group:
        if isinstance(turn, ResultsTurn) and isinstance(before, CallsTurn):
            results = tuple(
                result if result.edited else tools.get((call.tool, fold_args(call.args)), result)
                for call, result in zip(before.calls, turn.results, strict=True)
            )
            turn = turn.model_copy(update={"results": results})
        found.append(turn)
        before = turn
    return found


def _adapted(origin: Origin, recorded: Origin) -> Origin:
    """Return the origin of a conversation whose beginning was recorded again: it says so."""
    before = (origin.remark or "").split(_ADAPTED)[0].rstrip("; ")
    told = f"{_ADAPTED}{recorded.provider} {recorded.model}, {recorded.date}"
    return origin.model_copy(update={"remark": f"{before}; {told}" if before else told})


def dump_scenario(scenario: Scenario, head: str = "") -> str:
    """Return a fixture's text, in the form in which a person would write it."""
    data = {"conversations": [_plain(conversation) for conversation in scenario.conversations]}
    return head + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Writes every value out: an anchor that a machine sets helps nobody."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _plain(conversation: Conversation) -> dict[str, Any]:
    return {
        "name": conversation.name,
        "origin": conversation.origin.model_dump(exclude_none=True),
        "turns": [_plain_turn(turn) for turn in conversation.turns],
    }


def _plain_turn(turn: Turn) -> dict[str, Any]:
    data = turn.model_dump(mode="json", exclude_defaults=True)
    if isinstance(turn, ResultsTurn):
        return {"results": [_plain_result(result) for result in data["results"]]}
    if isinstance(turn, AnswerTurn) and turn.pieces is not None:
        if any("|" in piece for piece in turn.pieces):
            return {**data, "pieces": list(turn.pieces)}
        return {**data, "pieces": "|".join(turn.pieces)}
    return data


def _plain_result(result: dict[str, Any]) -> Any:
    if set(result) == {"text"}:
        return result["text"]
    if set(result) == {"hits"}:
        return result["hits"]
    return result


def write(path: Path, text: str) -> None:
    """Write a file in one step, so that an interrupted run leaves the old one."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_text(text, encoding="utf-8", newline="\n")
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        msg = f"it cannot be written: {error.strerror}"
        raise RecordingError(msg, where=label(path)) from error
