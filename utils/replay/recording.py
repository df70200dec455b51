"""Making fixtures: requests go on to the provider, answers are stored by meaning and served as usual.

Upstream is never asked to stream: one stored answer serves both. Keys pass through in headers or, for
the search service, in the body; neither is ever stored.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from aiohttp import web

from utils.errors import RecordingError
from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    Conversation,
    Hit,
    Origin,
    Reply,
    ResultsTurn,
    Scenario,
    ToolAnswer,
    ToolCall,
    Turn,
    UserTurn,
)
from utils.replay.matching import Heard, ModelRequest, fold_args, fold_question
from utils.replay.wires.base import Wire

_HOP = frozenset(
    ("host", "content-length", "connection", "accept-encoding", "transfer-encoding", "accept", "content-type")
)
_TIMEOUT = httpx.Timeout(120.0)


class UpstreamError(Exception):
    """The provider refused; its answer goes back to the client as it is."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"upstream answered {status}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where real answers come from."""

    models: Mapping[str, str]
    """base address by protocol, without the protocol's own path"""
    search: str
    """base address of the search service"""


class Recorder:
    """What was recorded so far in one run."""

    def __init__(self, upstream: Upstream, *, today: datetime.date | None = None) -> None:
        self._upstream = upstream
        self._today = today or datetime.datetime.now(datetime.UTC).date()
        self._transcripts: dict[str, tuple[tuple[Turn, ...], Origin]] = {}
        self._replies: dict[str, Reply] = {}
        self._searches: dict[str, ToolAnswer] = {}

    async def ask(self, wire: Wire, request: web.Request, asked: ModelRequest, body: Any) -> Reply:
        """The provider's reply to a request: asked upstream once, then the same for the same history."""
        key = _history_key(asked.messages)
        if (known := self._replies.get(key)) is not None:
            return known
        base = self._upstream.models.get(wire.name)
        if base is None:
            msg = {"error": {"message": f"no address to record {wire.name} from is known"}}
            raise UpstreamError(502, msg)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        answer = await _post(
            base.rstrip("/") + wire.upstream_path(request.path), wire.upstream_body(body), headers
        )
        reply = wire.read(answer)
        self._replies[key] = reply
        origin = Origin(kind="recorded", provider=wire.name, model=wire.model_of(answer), date=self._today)
        self._transcripts[key] = ((*self._turns(asked.messages), reply), origin)
        return reply

    async def search(self, body: Any) -> ToolAnswer:
        """What the search service finds: asked once per query."""
        query = fold_question(str(body.get("query", "")))
        if (known := self._searches.get(query)) is not None:
            return known
        answer = await _post(f"{self._upstream.search.rstrip('/')}/search", body, {})
        hits = tuple(
            Hit(
                url=str(hit.get("url", "")),
                content=str(hit.get("content", "")),
                title=str(hit.get("title", "")),
                score=float(hit.get("score") or 0.0),
            )
            for hit in answer.get("results", ())
        )
        self._searches[query] = found = ToolAnswer(hits=hits)
        return found

    def scenario(self) -> Scenario:
        """The recorded conversations: each history once, in its longest form."""
        found = sorted(self._transcripts.values(), key=lambda item: -len(item[0]))
        kept: list[tuple[tuple[Turn, ...], Origin]] = []
        for turns, origin in found:
            if not any(longer[: len(turns)] == turns for longer, _ in kept):
                kept.append((turns, origin))
        order = {id(turns): i for i, (turns, _) in enumerate(self._transcripts.values())}
        kept.sort(key=lambda item: order[id(item[0])])
        return Scenario(
            conversations=tuple(
                Conversation(name=f"recorded-{i + 1}", origin=origin, turns=turns)
                for i, (turns, origin) in enumerate(kept)
            )
        )

    def _turns(self, messages: tuple[Heard, ...]) -> tuple[Turn, ...]:
        turns: list[Turn] = []
        open_calls: dict[str, ToolAnswer] = {}
        args: dict[str, Mapping[str, Any]] = {}
        wanted: tuple[str, ...] = ()
        for i, message in enumerate(messages):
            if message.role == "user":
                turns.append(UserTurn(user=message.text))
            elif message.role == "assistant":
                turns.append(self._replies.get(_history_key(messages[:i])) or _as_reply(message))
                wanted = tuple(call.id for call in message.calls)
                args = {call.id: call.args for call in message.calls}
                open_calls = {}
            elif message.role == "tool":
                query = fold_question(str(args.get(message.call_id, {}).get("query", "")))
                open_calls[message.call_id] = self._searches.get(query) or ToolAnswer(text=message.text)
                if len(open_calls) == len(wanted):
                    turns.append(ResultsTurn(results=tuple(open_calls[call] for call in wanted)))
        return tuple(turns)


def _as_reply(message: Heard) -> Reply:
    """A reply made from a history that did not come from this recording."""
    if message.calls:
        calls = tuple(ToolCall(tool=call.name, args=dict(call.args)) for call in message.calls)
        return CallsTurn(calls=calls, say=message.text)
    return AnswerTurn(answer=message.text)


def _history_key(messages: tuple[Heard, ...]) -> str:
    told = [
        (m.role, fold_question(m.text), [(c.name, fold_args(c.args)) for c in m.calls])
        for m in messages
        if m.role != "system"
    ]
    return json.dumps(told)


async def _post(url: str, body: Any, headers: Mapping[str, str]) -> Any:
    async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
        try:
            answer = await client.post(url, json=body, headers=dict(headers))
        except httpx.HTTPError as error:
            message = f"the provider cannot be reached: {type(error).__name__}"
            raise UpstreamError(502, {"error": {"message": message}}) from error
    try:
        data = answer.json()
    except ValueError:
        data = {"error": {"message": "the provider's answer is no JSON"}}
    if answer.status_code != httpx.codes.OK:
        raise UpstreamError(answer.status_code, data)
    return data


def merged(old: Scenario, new: Scenario) -> Scenario:
    """A fixture after recording: what was recorded replaces what asks the same questions, the rest stays."""
    told = {_questions(conversation) for conversation in new.conversations}
    covered = {questions[:n] for questions in told for n in range(1, len(questions) + 1)}
    names = {_questions(c): c.name for c in old.conversations}
    renamed = tuple(
        c.model_copy(update={"name": names.get(_questions(c), c.name)}) for c in new.conversations
    )
    kept = tuple(c for c in old.conversations if _questions(c) not in covered)
    return Scenario(conversations=renamed + kept)


def _questions(conversation: Conversation) -> tuple[str, ...]:
    return tuple(fold_question(turn.user) for turn in conversation.turns if isinstance(turn, UserTurn))


def dump_scenario(scenario: Scenario, head: str = "") -> str:
    """A fixture's text, in the form a person would write it."""
    data = {"conversations": [_plain(conversation) for conversation in scenario.conversations]}
    return head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def _plain(conversation: Conversation) -> dict[str, Any]:
    origin = conversation.origin.model_dump(exclude_none=True)
    return {
        "name": conversation.name,
        "origin": origin,
        "turns": [_plain_turn(t) for t in conversation.turns],
    }


def _plain_turn(turn: Turn) -> dict[str, Any]:
    data = turn.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
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


def write_fixture(path: Path, scenario: Scenario, head: str = "") -> None:
    """Write a fixture in one step. Raises RecordingError when nothing was recorded."""
    if not scenario.conversations:
        msg = "nothing was recorded"
        raise RecordingError(msg, where=path.name, hint="does the notebook ask the model anything?")
    temporary = path.with_suffix(".yaml.part")
    temporary.write_text(dump_scenario(scenario, head), encoding="utf-8", newline="\n")
    temporary.replace(path)
