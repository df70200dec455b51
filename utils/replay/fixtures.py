"""Reading fixture files: YAML in, a checked ``Scenario`` out, errors that name file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.reader import ReaderError

from utils.errors import FixtureError
from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    Conversation,
    Origin,
    ResultsTurn,
    Scenario,
    Turn,
    UserTurn,
    turn_problem,
)
from utils.replay.matching import Row, compile_scenario

TURNS: Mapping[str, type[UserTurn] | type[CallsTurn] | type[ResultsTurn] | type[AnswerTurn]] = {
    "user": UserTurn,
    "calls": CallsTurn,
    "results": ResultsTurn,
    "answer": AnswerTurn,
}

LABS = Path(__file__).resolve().parents[1] / "checks"
"""the folder with a folder for each lab"""
NAME = "conversations.yaml"

_RESTORE = "mend that line, or take the file afresh: git checkout, or a new copy of the course"

Path_ = tuple[str | int, ...]
Lines = dict[Path_, int]
M = TypeVar("M", bound=BaseModel)


def fixture_of(slug: str, labs: Path = LABS) -> Path:
    """Return where a lab's conversations are, whether it has any or not."""
    return labs / slug / NAME


def known_fixtures(labs: Path = LABS) -> dict[str, Path]:
    """Return the conversations of all labs that have any, by the labs' slugs."""
    return {path.parent.name: path for path in sorted(labs.glob(f"*/{NAME}"))}


def label(path: Path) -> str:
    """Return what a fixture is called in messages: all labs' have the same name, so its folder is said."""
    return f"{path.parent.name}/{NAME}" if path.name == NAME else path.name


def load_scenario(path: Path, *, free: bool = False) -> Scenario:
    """Return the conversations of a fixture file; ``free``: other questions are answered by rule.

    Raises FixtureError, with file and line, for what is not YAML, unknown keys, a missing origin, a
    turn that can never match and two that clash.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        msg = "this file of recorded conversations does not exist"
        raise FixtureError(msg, where=label(path), hint="check the lab's name in setup(...)") from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot be read: {error}"
        raise FixtureError(msg, where=label(path), hint=_RESTORE) from error
    return parse_scenario(text, label(path)).model_copy(update={"free": free})


def parse_scenario(text: str, name: str) -> Scenario:
    """Return the conversations in a fixture's text; ``name`` is the file to name in errors."""
    data, lines = _read(text, name)
    if not isinstance(data, dict):
        raise _problem(name, lines.get((), 1), "a fixture is a mapping with the key 'conversations'")
    for key in data:
        if key != "conversations":
            raise _problem(name, _line(lines, (str(key),)), f"unknown key {key!r}")
    found = data.get("conversations")
    if not isinstance(found, list) or not found:
        message = "'conversations' must be a list with at least one conversation"
        raise _problem(name, _line(lines, ("conversations",)), message)
    conversations = tuple(
        _conversation(item, ("conversations", i), lines, name) for i, item in enumerate(found)
    )
    first: dict[str, int] = {}
    for i, conversation in enumerate(conversations):
        if first.setdefault(conversation.name, i) != i:
            line = _line(lines, ("conversations", i, "name"))
            raise _problem(name, line, f"there are two conversations called {conversation.name!r}")
    scenario = Scenario(conversations=conversations)
    _refuse_clashes(scenario, lines, name)
    return scenario


def _read(text: str, name: str) -> tuple[Any, Lines]:
    lines: Lines = {}
    node: yaml.Node | None = None
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None, lines
            _note_lines(node, (), lines, name)
            return loader.construct_document(node), lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not valid YAML: {error.problem or error.context}"
        hint = "quote texts that hold ?, : or # in brackets"
        raise _problem(name, mark.line + 1 if mark else 1, message, hint) from error
    except ReaderError as error:
        message = f"not valid YAML: the character U+{error.character:04X} cannot stand in a file"
        raise _problem(name, text.count("\n", 0, error.position) + 1, message) from error
    except RecursionError as error:
        msg = "nested too deeply, or an alias that holds itself"
        raise _problem(name, 1, msg) from error
    except ValueError as error:
        # A value that looks like a date and is not one, such as 2026-13-40.
        line = next(_unreadable(node), 1) if node is not None else 1
        raise _problem(name, line, f"not valid YAML: {error}", "put the value in quotes") from error


def _unreadable(node: yaml.Node) -> Iterator[int]:
    """Yield the numbers of lines with values that YAML takes for something they are not."""
    if isinstance(node, yaml.ScalarNode):
        try:
            yaml.SafeLoader("").construct_object(node)
        except ValueError:
            yield node.start_mark.line + 1
    else:
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                yield from _unreadable(part)


def _note_lines(node: yaml.Node, path: Path_, lines: Lines, name: str) -> None:
    """Note where each value stands; a key counts as it is written, whatever type YAML gives it."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise _problem(name, line, "a key is a plain word")
            key = str(key_node.value)
            if key in seen:
                raise _problem(name, line, f"the key {key!r} stands here twice")
            seen.add(key)
            _note_lines(value_node, (*path, key), lines, name)
            lines[(*path, key)] = line
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*path, index), lines, name)


def _problem(name: str, line: int, message: str, hint: str = "") -> FixtureError:
    return FixtureError(message, where=f"{name}, line {line}", hint=hint or _RESTORE)


def _line(lines: Lines, path: Path_) -> int:
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _validated(model: type[M], data: Any, path: Path_, lines: Lines, name: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = (*path, *first["loc"])
        what = {"extra_forbidden": "unknown key", "missing": "missing key", "too_short": "nothing in"}.get(
            first["type"]
        )
        said = first["msg"].removeprefix("Value error, ")
        key = next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), "")
        if what:
            message = f"{what} {key!r}"
        else:
            message = said if first["type"] == "value_error" or not key else f"{key!r}: {said}"
        raise _problem(name, _line(lines, place), message) from error


def _conversation(item: Any, path: Path_, lines: Lines, name: str) -> Conversation:
    if not isinstance(item, dict):
        raise _problem(name, _line(lines, path), "a conversation is a mapping with name, origin and turns")
    label = item.get("name") or f"number {int(path[-1]) + 1}"
    for key in item:
        if key not in ("name", "origin", "turns"):
            raise _problem(name, _line(lines, (*path, str(key))), f"unknown key {key!r}")
    if "origin" not in item:
        raise _problem(
            name,
            _line(lines, path),
            f"the conversation {label!r} does not say where it comes from",
            "add origin: {kind: recorded | transcribed | authored, …}",
        )
    origin = _validated(Origin, item["origin"], (*path, "origin"), lines, name)
    raw = item.get("turns")
    if not isinstance(raw, list) or not raw:
        raise _problem(name, _line(lines, (*path, "turns")), f"the conversation {label!r} has no turns")
    turns = tuple(_turn(turn, (*path, "turns", i), lines, name) for i, turn in enumerate(raw))
    if found := turn_problem(turns):
        index, message = found
        raise _problem(name, _line(lines, (*path, "turns", index)), message)
    data = {"name": label, "origin": origin, "turns": turns}
    return _validated(Conversation, data, path, lines, name)


def _turn(item: Any, path: Path_, lines: Lines, name: str) -> Turn:
    kinds = [key for key in TURNS if isinstance(item, dict) and key in item]
    if len(kinds) != 1:
        raise _problem(name, _line(lines, path), "a turn is exactly one of user, calls, results or answer")
    return _validated(TURNS[kinds[0]], item, path, lines, name)


def _refuse_clashes(scenario: Scenario, lines: Lines, name: str) -> None:
    index = compile_scenario(scenario)
    places = {conversation.name: i for i, conversation in enumerate(scenario.conversations)}

    def line(row: Row) -> int:
        return _line(lines, ("conversations", places[row.conversation], "turns", row.turn))

    for clash in index.clashes:
        raise _problem(
            name,
            line(clash.second),
            f"the same conversation so far has another reply in line {line(clash.first)}: "
            f'no request could tell them apart ("{clash.second.asked}")',
        )
    for conversation, tool in index.tool_clashes:
        raise _problem(
            name,
            _line(lines, ("conversations", places[conversation])),
            f"in {conversation!r} the tool {tool!r} gives another result to the same arguments as elsewhere",
            "use one result for one question to a tool, or mark a result written by hand with edited: true",
        )
