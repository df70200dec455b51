"""Recording: requests go on to the provider, answers are stored by meaning and served as usual.

Upstream is never asked to stream: one stored answer serves both. The keys are this server's: no client has
them, none is ever stored, and no answer that repeats one goes any further.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import re
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from pydantic import ValidationError

from utils.brief import cut
from utils.replay.conversation import (
    SEARCH,
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
from utils.replay.keys import Upstream
from utils.replay.matching import (
    Heard,
    HeardCall,
    ModelRequest,
    fold_args,
    fold_question,
    fold_result,
    spellings,
)
from utils.replay.relay import PASSED_BACK
from utils.replay.scrubbing import Scrubber
from utils.replay.wires.base import BadRequest, Wire

_NOT_PASSED_ON = re.compile(
    r"host|content-.*|connection|accept|accept-encoding|transfer-encoding|authorization|x-api-key|x-amz-.*",
    re.IGNORECASE,
)
"""among them what a client was given in place of a key"""
_SECONDS = 120.0
_NAME_LENGTH = 60

T = TypeVar("T")


class UpstreamError(Exception):
    """The provider refused; its answer goes back to the client as it is."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"upstream answered {status}")
        self.status = status
        self.body = body
        self.headers = headers or {}

    @classmethod
    def ours(cls, message: str, headers: Mapping[str, str] | None = None) -> UpstreamError:
        """Return a refusal that no provider gave, in a form that every SDK finds the message in."""
        return cls(502, {"error": {"message": message}, "message": message}, headers)

    @property
    def sentence(self) -> str:
        """What the provider said, in one line."""
        said = self.body
        for key in ("error", "detail", "message"):
            if isinstance(said, dict) and key in said:
                said = said[key]
        if isinstance(said, dict):
            said = said.get("message") or said.get("error") or said
        return f"{self.status}: {' '.join(str(said).split())[:200]}"


class Recorder:
    """What was recorded so far in one run. Lives on the server's loop."""

    def __init__(self, upstream: Upstream, *, today: datetime.date | None = None) -> None:
        self._upstream = upstream
        self._scrubber = Scrubber(upstream.secrets)
        self._today = today or datetime.datetime.now(datetime.UTC).date()
        self._replies: dict[Hashable, Reply] = {}
        self._transcripts: dict[Hashable, tuple[tuple[Turn, ...], Origin]] = {}
        self._searches: dict[str, ToolAnswer] = {}
        self._told_by_tools: dict[tuple[str, str], ToolAnswer] = {}
        self._failures: dict[Hashable, str] = {}
        self._running: dict[Hashable, asyncio.Future[Any]] = {}

    async def ask(self, wire: Wire, request: web.Request, asked: ModelRequest, body: Any) -> Reply:
        """Return the provider's reply to a request: asked upstream once, then the same for the same history.

        Histories that a replay could not tell apart are the same here, so that no two rows ever clash.
        """
        turns = self._turns(asked.messages)
        key = _key(turns)
        if (known := self._replies.get(key)) is not None:
            return known
        headers = {
            name: value for name, value in request.headers.items() if not _NOT_PASSED_ON.fullmatch(name)
        }
        path = wire.upstream_path(request.raw_path)

        async def work() -> Reply:
            base = self._upstream.models.get(wire.provider)
            if base is None:
                message = f"no address to record {wire.provider} from is known"
                raise UpstreamError.ours(message)
            url, sent = base.rstrip("/") + path, json.dumps(wire.upstream_body(body)).encode()
            held = self._upstream.keys.get(wire.provider)
            # Credentials may have to be renewed, which takes a while.
            lets_in = await asyncio.to_thread(held.headers, url, sent) if held is not None else {}
            answer = await _post(url, sent, {**headers, **lets_in}, self._scrubber)
            try:
                reply = wire.read(answer)
            except (BadRequest, ValidationError) as error:
                message = f"the provider's answer cannot be kept: {error}"
                raise UpstreamError.ours(message, {"x-should-retry": "false"}) from error
            model = wire.model_of(answer) or asked.model or "unknown"
            origin = Origin(kind="recorded", provider=wire.provider, model=model, date=self._today)
            self._replies[key] = reply
            self._transcripts[key] = ((*turns, reply), origin)
            return reply

        return await self._once(key, f"the model ({wire.provider})", work)

    async def search(self, body: Mapping[str, Any]) -> ToolAnswer:
        """Return what the search service finds: asked once per query."""
        query = fold_question(str(body.get("query", "")))
        if (known := self._searches.get(query)) is not None:
            return known

        async def work() -> ToolAnswer:
            url = f"{self._upstream.search.rstrip('/')}/search"
            asked = {**body, "api_key": self._upstream.search_key}
            answer = await _post(url, json.dumps(asked).encode(), {}, self._scrubber)
            found = answer.get("results") if isinstance(answer, dict) else None
            if not isinstance(found, list):
                raise UpstreamError(502, {"detail": {"error": "the search service's answer has no results"}})
            self._searches[query] = told = ToolAnswer(hits=tuple(_hits(found)))
            return told

        return await self._once(("search", query), "the search service", work)

    async def _once(self, key: Hashable, who: str, work: Callable[[], Awaitable[T]]) -> T:
        """Return what ``work`` gives; a request for the same that comes meanwhile gets the same.

        A client that gives up does not end it: the answer is paid for.
        """
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(self._noted(key, who, work))
            running.add_done_callback(lambda done: self._done(key, done))
        result: T = await asyncio.shield(running)
        return result

    async def _noted(self, key: Hashable, who: str, work: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await work()
        except UpstreamError as error:
            self._failures[key] = f"{who} answered {error.sentence}"
            raise
        self._failures.pop(key, None)
        return result

    def _done(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()  # looked at, in case nobody waits for it any more

    @property
    def failures(self) -> tuple[str, ...]:
        """Refusals that no later try made good."""
        return tuple(self._failures.values())

    def scenario(self) -> Scenario:
        """Return the recorded conversations in their order: each history once, in its longest form."""
        every = list(self._transcripts.values())
        kept = [
            (turns, origin)
            for turns, origin in every
            if not any(len(longer) > len(turns) and longer[: len(turns)] == turns for longer, _ in every)
        ]
        names: set[str] = set()
        return Scenario(
            conversations=tuple(
                Conversation(name=unique(_name(turns), names), origin=origin, turns=turns)
                for turns, origin in ((self._without_keys(turns), origin) for turns, origin in kept)
            )
        )

    def _without_keys(self, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """Return turns in which no key stands: a person may have pasted one into a question."""
        return tuple(
            type(turn).model_validate(self._scrubber.data(turn.model_dump(exclude_unset=True)))
            for turn in turns
        )

    def loose_searches(self) -> tuple[str, ...]:
        """Return queries that no recorded conversation asked for: a fixture has no place for them."""
        asked = {
            fold_question(str(call.args.get("query", "")))
            for turns, _ in self._transcripts.values()
            for turn in turns
            if isinstance(turn, CallsTurn)
            for call in turn.calls
        }
        return tuple(query for query in self._searches if query not in asked)

    def _turns(self, messages: Sequence[Heard]) -> tuple[Turn, ...]:
        """Return a history as turns, up to the question or the results that now want a reply.

        Only what was recorded counts: an exchange that the notebook wrote itself, broke off or edited into
        something else is left out, as replay finds the rest without it.
        """
        told: list[Turn] = []
        group = _Group()
        for message in messages:
            match message.role:
                case "user":
                    if group.complete:
                        told += group.turns
                    group = _Group(turns=[UserTurn(user=message.text)])
                case "assistant" if group.wants_reply:
                    known = self._replies.get(_key((*told, *group.turns)))
                    if known is None or not _same_form(known, message):
                        known, group.foreign = _as_reply(message), True
                    group.turns.append(known)
                    group.asked, group.results = message.calls, {}
                case "tool" if group.asked:
                    group.results[message.call_id] = message.text
                    if len(group.results) == len(group.asked):
                        group.turns.append(self._results(group))
                        group.asked = ()
        return (*told, *group.turns)

    def _results(self, group: _Group) -> ResultsTurn:
        calls = group.turns[-1]
        assert isinstance(calls, CallsTurn)
        return ResultsTurn(
            results=tuple(
                self._result(call, heard, group.results.get(heard.id, ""))
                for call, heard in zip(calls.calls, group.asked, strict=True)
            )
        )

    def _result(self, call: ToolCall, heard: HeardCall, text: str) -> ToolAnswer:
        """Return a tool's answer by meaning; an answer that is not the tool's own was written by a person."""
        key = (call.tool, fold_args(call.args))
        search = self._searches.get(fold_question(str(call.args.get("query", ""))))
        if call.tool == SEARCH and search is not None:
            known = search
        else:
            known = self._told_by_tools.setdefault(key, ToolAnswer(text=text))
        same_call = fold_args(heard.args) == key[1]
        if same_call and (not known.needle.strip() or fold_result(known.needle) in spellings(text)):
            return known
        return ToolAnswer(text=text, edited=True)


@dataclass
class _Group:
    """One question and what followed it."""

    turns: list[Turn] = field(default_factory=list)
    asked: tuple[HeardCall, ...] = ()
    results: dict[str, str] = field(default_factory=dict)
    foreign: bool = False
    """holds words that were not recorded in this run"""

    @property
    def complete(self) -> bool:
        return bool(self.turns) and isinstance(self.turns[-1], AnswerTurn) and not self.foreign

    @property
    def wants_reply(self) -> bool:
        return bool(self.turns) and isinstance(self.turns[-1], UserTurn | ResultsTurn)


def _key(turns: Sequence[Turn]) -> Hashable:
    """Return what a replay would know of a history: its questions, and tools' results since the last one."""
    questions: list[str] = []
    needles: list[str] = []
    rounds = 0
    for turn in turns:
        if isinstance(turn, UserTurn):
            questions.append(fold_question(turn.user))
            needles, rounds = [], 0
        elif isinstance(turn, ResultsTurn):
            needles += [fold_result(result.needle) for result in turn.results if result.needle.strip()]
            rounds += 1
    return tuple(questions), rounds, tuple(needles)


def _same_form(known: Reply, message: Heard) -> bool:
    """Return whether a message of the history can stand for this reply: edited arguments and texts can."""
    return len(known.calls) == len(message.calls) if isinstance(known, CallsTurn) else not message.calls


def _as_reply(message: Heard) -> Reply:
    """Return a reply made from a history that did not come from this recording."""
    if message.calls:
        calls = tuple(ToolCall(tool=call.name, args=dict(call.args)) for call in message.calls)
        return CallsTurn(calls=calls, say=message.text)
    return AnswerTurn(answer=message.text)


def _name(turns: Sequence[Turn]) -> str:
    questions = [" ".join(turn.user.split()) for turn in turns if isinstance(turn, UserTurn)]
    edited = any(isinstance(turn, ResultsTurn) and any(r.edited for r in turn.results) for turn in turns)
    name = " / ".join(question or "(nothing)" for question in questions) + (" (edited)" if edited else "")
    return cut(name, _NAME_LENGTH)


def unique(name: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, and take it."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    taken.add(found)
    return found


def _hits(found: Sequence[Any]) -> Iterator[Hit]:
    for hit in found:
        if isinstance(hit, dict):
            score = hit.get("score")
            yield Hit(
                url=str(hit.get("url") or ""),
                content=str(hit.get("content") or ""),
                title=str(hit.get("title") or ""),
                score=float(score) if isinstance(score, int | float) else 0.0,
            )


async def _post(url: str, body: bytes, headers: Mapping[str, str], scrubber: Scrubber) -> Any:
    """Return the JSON that a service answers, without keys. Raises UpstreamError."""
    import httpx  # noqa: PLC0415 - a quarter of a second, for authors only

    sent = {"Content-Type": "application/json", **headers}
    try:
        async with httpx.AsyncClient(timeout=_SECONDS) as client:
            answer = await client.post(url, content=body, headers=sent)
    except Exception as error:  # what is not an address fails in many ways, and all mean the same
        message = f"it cannot be reached ({type(error).__name__})"
        raise UpstreamError.ours(message) from error
    text = scrubber.text(answer.text)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        message = "its answer is not JSON"
        data = UpstreamError.ours(message).body
        if answer.status_code == httpx.codes.OK:
            raise UpstreamError.ours(message) from None
    if answer.status_code != httpx.codes.OK:
        back = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
        raise UpstreamError(answer.status_code, data, back)
    return data
