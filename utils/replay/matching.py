"""Finding the recorded reply to a request, whatever protocol it came by."""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from utils.replay.conversation import (
    SEARCH,
    AnswerTurn,
    CallsTurn,
    Conversation,
    Reply,
    ResultsTurn,
    Scenario,
    ToolAnswer,
    UserTurn,
)


@dataclass(frozen=True, slots=True)
class HeardCall:
    """A tool call as a request repeats it."""

    id: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a request, the same for every protocol."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[HeardCall, ...] = ()
    call_id: str = ""
    """for a tool's answer: which call it answers"""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a client asked of the model, the same for every protocol."""

    model: str
    messages: tuple[Heard, ...]
    tools: tuple[str, ...]
    stream: bool
    lines: bool = False
    """whether the client makes one message of a person's neighbouring ones, a line for each"""
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """names of a tool's arguments, those first that it needs"""

    @property
    def questions(self) -> tuple[str, ...]:
        return tuple(message.text for message in self.messages if message.role == "user")


@dataclass(frozen=True, slots=True)
class Row:
    """A recorded reply and the history it belongs to."""

    conversation: str
    questions: tuple[str, ...]
    """folded, the last one is the one being answered"""
    asked: str
    """the last question as it was written"""
    rounds: int
    """how many times tools have answered since that question"""
    needles: tuple[str, ...]
    """folded results of those rounds: each must occur in the real ones"""
    reply: Reply
    turn: int
    """index of the reply in its conversation"""

    @property
    def key(self) -> tuple[tuple[str, ...], int, tuple[str, ...]]:
        """What a request must show to get this reply."""
        return self.questions, self.rounds, self.needles


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """Why no recorded reply fits."""

    reason: Literal["question", "history", "results", "tool", "empty", "query"]
    asked: str
    nearest: str | None
    sentence: str
    before: tuple[str, ...] = ()
    """for a "history": the questions that the recording has before this one, as they were written"""


@dataclass(frozen=True, slots=True)
class Clash:
    """Two rows that no request could tell apart."""

    first: Row
    second: Row


@dataclass(frozen=True)
class Index:
    """All rows of a scenario, by the question they answer."""

    rows: Mapping[str, tuple[Row, ...]]
    tools: Mapping[tuple[str, str], ToolAnswer]
    """answers of tools by name and folded arguments"""
    clashes: tuple[Clash, ...] = ()
    tool_clashes: tuple[tuple[str, str], ...] = ()
    asked: Mapping[str, str] = field(default_factory=dict)
    """folded question -> as it was written"""


_SPACE = re.compile(r"\s+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NOT_WORD = re.compile(r"[\W_]+")
_COMPARED = 300
"""characters of a question that are compared when the nearest is looked for: the cost grows faster"""


def fold_question(text: str) -> str:
    """Return text with case and white space folded."""
    return _SPACE.sub(" ", text).strip().casefold()


def fold_result(text: str) -> str:
    """Return the words of a tool's result, with a space before and behind."""
    return f" {_NOT_WORD.sub(' ', text.casefold()).strip()} "


def spellings(text: str) -> str:
    """Return a real result's folded words as they are, and again for each layer of escapes around them.

    A student's node may keep a result as text, as JSON, as a Python literal or as one in the other.
    """
    told = [fold_result(text)]
    while "\\" in text and len(told) < 4 and (plainer := _unescaped(text)) != text:
        text = plainer
        told.append(fold_result(text))
    return "".join(told)


def _unescaped(text: str) -> str:
    """Return text with one layer of JSON's or Python's escapes taken off."""
    plain = _ESCAPE.sub(_unescape, text)
    # JSON writes what lies beyond 16 bits as a pair of surrogates.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescape(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    if digits:
        number = int(digits, 16)
        return chr(number) if number <= sys.maxunicode else " "
    return " " if escape[4] in "abfnrtv\n" else str(escape[4])


def fold_args(args: Mapping[str, Any]) -> str:
    """Return arguments in one spelling: keys sorted, strings folded."""
    folded = {key: fold_question(value) if isinstance(value, str) else value for key, value in args.items()}
    return json.dumps(folded, sort_keys=True, default=str)


def rows_of(conversation: Conversation) -> Iterator[Row]:
    """Yield the rows of one conversation, one for each turn of the model."""
    questions: list[str] = []
    needles: list[str] = []
    rounds = 0
    asked = ""
    for index, turn in enumerate(conversation.turns):
        match turn:
            case UserTurn(user=asked):
                questions.append(fold_question(asked))
                needles, rounds = [], 0
            case ResultsTurn(results=results):
                needles += [fold_result(result.needle) for result in results if result.needle.strip()]
                rounds += 1
            case CallsTurn() | AnswerTurn():
                yield Row(conversation.name, tuple(questions), asked, rounds, tuple(needles), turn, index)


def compile_scenario(scenario: Scenario) -> Index:
    """Return the index of a scenario, with what in it contradicts itself."""
    rows: dict[str, list[Row]] = {}
    tools: dict[tuple[str, str], ToolAnswer] = {}
    seen: dict[tuple[tuple[str, ...], int, tuple[str, ...]], Row] = {}
    clashes: list[Clash] = []
    tool_clashes: list[tuple[str, str]] = []
    asked: dict[str, str] = {}
    for conversation in scenario.conversations:
        for row in rows_of(conversation):
            if (other := seen.setdefault(row.key, row)) is not row:
                if other.reply != row.reply:
                    clashes.append(Clash(other, row))
                continue
            rows.setdefault(row.questions[-1], []).append(row)
            asked.setdefault(row.questions[-1], row.asked)
        for turn, after in zip(conversation.turns, conversation.turns[1:], strict=False):
            if isinstance(turn, CallsTurn) and isinstance(after, ResultsTurn):
                for call, answer in zip(turn.calls, after.results, strict=True):
                    if answer.edited:
                        continue
                    tool_key = (call.tool, fold_args(call.args))
                    if tools.setdefault(tool_key, answer) != answer:
                        tool_clashes.append((conversation.name, call.tool))
    return Index(
        {question: tuple(found) for question, found in rows.items()},
        tools,
        tuple(clashes),
        tuple(tool_clashes),
        asked,
    )


def _where(wanted: Sequence[str], real: Sequence[str]) -> tuple[int, ...] | None:
    """Return the latest positions at which ``wanted`` occurs in order; ``None`` if it does not."""
    places: list[int] = []
    at = len(real) - 1
    for item in reversed(wanted):
        while at >= 0 and real[at] != item:
            at -= 1
        if at < 0:
            return None
        places.append(at)
        at -= 1
    return tuple(places)


def find(index: Index, request: ModelRequest, *, exact: bool = False) -> Row | NotRecorded:
    """Return the recorded row that answers a request, or why no row does.

    ``exact`` asks for the very same questions, as recording does; otherwise the recorded questions
    must be a subsequence of the real ones. The row with the most of them wins, then the one whose
    questions are the most recent, then the one that says most about the tools' results.

    A question may come in several blocks, and several questions in one message, where a protocol cannot
    tell: what is not found so is looked for in the other way.
    """
    found = _find(index, request, exact=exact)
    if isinstance(found, NotRecorded):
        for messages in (tuple(_joined(request.messages)), tuple(_lines(request)) if not exact else ()):
            if messages and len(messages) != len(request.messages):
                again = _find(index, replace(request, messages=messages), exact=exact)
                if isinstance(again, Row):
                    return again
    return found


def _joined(messages: Iterable[Heard]) -> Iterator[Heard]:
    """Yield the messages, with neighbouring ones of a person put together."""
    before: Heard | None = None
    for message in messages:
        if before is not None and before.role == message.role == "user":
            before = replace(before, text=before.text + message.text)
            continue
        if before is not None:
            yield before
        before = message
    if before is not None:
        yield before


def _lines(request: ModelRequest) -> Iterator[Heard]:
    """Yield the messages, each line of a person's as a message, if they may have been put together so."""
    for message in request.messages:
        if request.lines and message.role == "user":
            for line in message.text.splitlines() or ("",):
                yield replace(message, text=line)
        else:
            yield message


def _find(index: Index, request: ModelRequest, *, exact: bool) -> Row | NotRecorded:
    messages = request.messages
    last = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)
    if last < 0:
        return NotRecorded("empty", "", None, "The model was asked without any question from a person.")
    asked = messages[last].text
    questions = [fold_question(question) for question in request.questions]
    since = messages[last + 1 :]
    rounds = sum(1 for message in since if message.role == "assistant" and message.calls)
    results = "".join(spellings(message.text) for message in since if message.role == "tool")
    known = index.rows.get(questions[-1], ())
    fitting: list[tuple[int, tuple[int, ...], int, Row]] = []
    right_history = False
    for row in known:
        if exact and row.questions != tuple(questions):
            continue
        places = _where(row.questions, questions)
        if places is None:
            continue
        right_history = True
        if row.rounds == rounds and all(needle in results for needle in row.needles):
            fitting.append((len(places), places, sum(map(len, row.needles)), row))
    if not fitting:
        return _explain(index, asked, known=right_history, rounds=rounds)
    row = max(fitting, key=lambda found: found[:3])[3]
    if isinstance(row.reply, CallsTurn):
        for call in row.reply.calls:
            if not call.unoffered and offered(call.tool, request.tools) is None:
                return _no_tool(asked, call.tool, request.tools)
    return row


def offered(tool: str, tools: Sequence[str]) -> str | None:
    """Name under which a request offers a recorded tool; ``None`` if it does not."""
    if tool in tools:
        return tool
    if tool == SEARCH:
        return next((name for name in tools if "search" in name.casefold()), None)
    return None


def nearest(index: Index, asked: str) -> str | None:
    """Return the recorded question most like ``asked``, as it was written; ``None`` where nothing is near."""
    close = _closest(fold_question(asked), index.asked)
    return None if close is None else index.asked[close]


def _closest(wanted: str, known: Iterable[str]) -> str | None:
    heads = {text[:_COMPARED]: text for text in known}
    close = difflib.get_close_matches(wanted[:_COMPARED], heads, n=1, cutoff=0.0)
    return heads[close[0]] if close else None


GO_LIVE = "To ask a real model, with a key or on your own machine, see docs/live.md."


def _short(text: str) -> str:
    flat = _SPACE.sub(" ", text).strip()
    return flat if len(flat) <= 120 else f"{flat[:119]}…"


def _explain(index: Index, asked: str, *, known: bool, rounds: int) -> NotRecorded:
    close = nearest(index, asked)
    if known and rounds:
        sentence = (
            f'No recorded answer for "{_short(asked)}" with these tool results: '
            f"the tools came back with something else than in the recording."
        )
        return NotRecorded("results", asked, close, f"{sentence} {GO_LIVE}")
    if fold_question(asked) in index.asked:
        sentence = (
            f'No recorded answer for "{_short(asked)}" after this conversation: '
            "the recording has it after other questions."
        )
        first = index.rows[fold_question(asked)][0]
        before = tuple(index.asked.get(question, question) for question in first.questions[:-1])
        return NotRecorded("history", asked, close, f"{sentence} {GO_LIVE}", before)
    hint = f' The nearest recorded question is "{_short(close)}".' if close else ""
    return NotRecorded("question", asked, close, f'No recorded answer for "{_short(asked)}".{hint} {GO_LIVE}')


def _no_tool(asked: str, tool: str, tools: Sequence[str]) -> NotRecorded:
    have = ", ".join(tools) or "no tool at all"
    sentence = (
        f'The recorded answer to "{_short(asked)}" calls the tool {tool!r}, but the request offers {have}: '
        "did you forget model.bind_tools(tools)?"
    )
    return NotRecorded("tool", asked, None, sentence)


def find_tool(index: Index, tool: str, args: Mapping[str, Any]) -> ToolAnswer | NotRecorded:
    """Return the recorded answer of a tool to these arguments, or why nothing is recorded."""
    if (answer := index.tools.get((tool, fold_args(args)))) is not None:
        return answer
    what = str(args.get("query", "")) if set(args) == {"query"} else json.dumps(dict(args), default=str)
    queries = [json.loads(key[1]) for key in index.tools if key[0] == tool]
    known = [str(query.get("query", query)) for query in queries]
    close = _closest(fold_question(what), known)
    hint = f' The nearest recorded one is "{_short(close)}".' if close else ""
    word = "search" if tool == SEARCH else f"call of {tool}"
    sentence = f'No recorded result for the {word} "{_short(what)}".{hint}'
    return NotRecorded("query", what, close, sentence)
