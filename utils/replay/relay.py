"""Live answers: requests go on to a real model with the key that this server holds, and answers come back.

Addresses and paths are fixed when a notebook is set up, redirects are not followed, and the number and the
length of requests have limits. What goes wrong becomes two sentences in the provider's own form of an error,
so that every SDK finds them. No answer that repeats a key gets any further.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from pydantic import ValidationError

from utils.replay import troubles
from utils.replay.conversation import CallsTurn, Fault
from utils.replay.keys import CONTENT, Upstream
from utils.replay.log import Log
from utils.replay.matching import ModelRequest
from utils.replay.responses import BROKEN_OFF, hang_up, json_response, raw_response, refuse
from utils.replay.scrubbing import Scrubber
from utils.replay.troubles import Party, Trouble, Troubled
from utils.replay.wires.base import BadRequest, Told, Wire
from utils.replay.wires.pieces import said_of

if TYPE_CHECKING:
    import httpx

    from utils.replay.session import Session

NO_SEARCH: Final = (
    "Without a key of its own the search answers by rule here, and only about the weather of places: "
    "put TAVILY_API_KEY into .env for real searches."
)
PASSED_BACK: Final = (
    "retry-after",
    "retry-after-ms",
    "x-amz-retry-after",
    "x-amzn-errortype",
    "x-should-retry",
)
_PASSED_ON: Final = (
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "x-amzn-bedrock-trace",
)
_CONNECT_SECONDS: Final = 15.0
_LENGTHS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a notebook may ask for, and how long it waits."""

    requests: int = 1000
    """since its setup cell"""
    request: int = 2_000_000
    """bytes of a request"""
    answer: int = 16_000_000
    """bytes of an answer"""
    seconds: float = 60.0
    """in which something has to come"""
    tokens: int | None = None
    """of an answer, where the request does not say itself; ``None`` leaves it to the provider"""


class Relay:
    """Passes requests on to one provider. Lives on the server's loop."""

    def __init__(
        self, upstream: Upstream, party: Party, *, limits: Limits | None = None, model: str = ""
    ) -> None:
        self._upstream = upstream
        self._party = party
        self._limits = limits or Limits()
        self._model = model
        """asked in place of the one that a request names; empty where that one is asked"""
        self._scrubber = Scrubber(upstream.secrets)
        self._sent = 0

    @property
    def party(self) -> Party:
        return self._party

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def scrubber(self) -> Scrubber:
        return self._scrubber

    @property
    def searches(self) -> bool:
        """Whether a real search service is asked."""
        return bool(self._upstream.search)

    def count_anew(self) -> None:
        """Begin to count requests from 0."""
        self._sent = 0

    def told(self, trouble: Trouble) -> Trouble:
        """Return a trouble as it may be shown, without keys."""
        return replace(trouble, what=self._scrubber.text(trouble.what))

    @asynccontextmanager
    async def ask(
        self, wire: Wire, path: Mapping[str, str], body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Give the provider's answer, whose body is still to come. Raises Troubled."""
        base, key = self._upstream.models.get(wire.provider), self._upstream.keys.get(wire.provider)
        if base is None or key is None:
            raise Troubled(troubles.no_credentials(self._party))
        url, sent = base.rstrip("/") + wire.live_path(path), json.dumps(self._asked(wire, body)).encode()
        self._admit(len(sent))
        # Credentials may have to be renewed, which takes a while.
        try:
            lets_in = await asyncio.to_thread(key.headers, url, sent)
        except Exception as error:  # AWS's SDK asks files, programs and services, which fail in many ways
            raise Troubled(troubles.no_credentials(self._party)) from error
        passed = {name: headers[name] for name in _PASSED_ON if name in headers}
        async with self._post(self._party, url, sent, {**passed, **CONTENT, **lets_in}) as answer:
            yield answer

    async def search(self, body: Mapping[str, Any]) -> web.Response:
        """Return what the search service answers."""
        key = self._upstream.search_key
        party = Party("the search service", self._upstream.search, "TAVILY_API_URL", "TAVILY_API_KEY")
        sent = json.dumps({**body, "api_key": key}).encode()
        try:
            self._admit(len(sent))
            url, headers = f"{self._upstream.search.rstrip('/')}/search", {"Authorization": f"Bearer {key}"}
            async with self._post(party, url, sent, {**CONTENT, **headers}) as answer:
                text = await self.text(answer)
                data = _parsed(text)
                if answer.status_code == 200 and isinstance(data, dict) and "results" in data:
                    return raw_response(200, text.encode("utf-8", "replace"))
                raise Troubled(self.meaning(party, answer, text, data) or troubles.malformed(party))
        except Troubled as error:
            trouble = self.told(error.trouble)
            told = {"detail": {"error": trouble.sentence}}
            return json_response(trouble.status, told, reason=trouble.sentence)

    def meaning(self, party: Party, answer: httpx.Response, text: str, data: Any) -> Trouble | None:
        """Return what an answer that is not 200 means; ``None`` where it is about the request itself."""
        said = said_of(data) if isinstance(data, dict) else ""
        back = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
        kind = answer.headers.get("x-amzn-errortype", "")
        trouble = troubles.refused(party, answer.status_code, said, back, kind)
        if trouble is None and not isinstance(data, dict):
            return troubles.web_page(party) if text.lstrip().startswith("<") else troubles.malformed(party)
        return trouble

    async def text(self, answer: httpx.Response) -> str:
        """Return the whole body of an answer, without keys. Raises Troubled."""
        received = bytearray()
        async for part in answer.aiter_bytes():
            received += part
            if len(received) > self._limits.answer:
                raise Troubled(troubles.too_long(self._limits.answer))
        return self._scrubber.text(received.decode("utf-8", "replace"))

    def _admit(self, length: int) -> None:
        if self._sent >= self._limits.requests:
            raise Troubled(troubles.too_many(self._limits.requests))
        if length > self._limits.request:
            raise Troubled(troubles.too_long(self._limits.request))
        self._sent += 1

    def _asked(self, wire: Wire, body: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = dict(body)
        if self._model:
            asked["model"] = self._model
        if self._limits.tokens is not None and not any(asked.get(name) for name in _LENGTHS):
            asked["max_output_tokens" if "input" in asked else "max_tokens"] = self._limits.tokens
        return asked

    @asynccontextmanager
    async def _post(
        self, party: Party, url: str, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        import httpx  # noqa: PLC0415 - a quarter of a second, for those who ask a real model

        seconds = self._limits.seconds
        timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        sent = {**headers, "Accept-Encoding": "identity"}
        try:
            async with (
                httpx.AsyncClient(timeout=timeout, follow_redirects=False, verify=_certificates()) as client,
                client.stream("POST", url, content=body, headers=sent) as answer,
            ):
                yield answer
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.UnsupportedProtocol,
            httpx.ProxyError,
        ) as error:
            raise Troubled(troubles.unreachable(party, _reason(error))) from error
        except httpx.InvalidURL as error:
            raise Troubled(troubles.unreachable(party, "that is not an address")) from error
        except httpx.TimeoutException as error:
            raise Troubled(troubles.silent(party, seconds)) from error
        except httpx.HTTPError as error:
            raise Troubled(troubles.broken_off(party)) from error


class PassedOn:
    """The answer to one model request, as the real model gives it."""

    def __init__(
        self,
        session: Session,
        relay: Relay,
        wire: Wire,
        request: web.Request,
        asked: ModelRequest,
        notes: Log,
        number: int,
    ) -> None:
        self._session, self._relay, self._wire, self._request = session, relay, wire, request
        self._asked, self._notes, self._number = asked, notes, number
        self._response: web.StreamResponse | None = None

    async def give(self, body: Mapping[str, Any]) -> web.StreamResponse:
        """Answer the request; what goes wrong is told in the provider's form of an error."""
        try:
            async with self._relay.ask(
                self._wire, self._request.match_info, body, self._request.headers
            ) as answer:
                return await self._pass_back(answer)
        except Troubled as error:
            trouble = self._relay.told(error.trouble)
        if self._response is None:
            return refuse(self._wire.trouble(trouble.status, trouble.sentence, dict(trouble.headers)))
        await self._response.write(self._wire.trouble_event(trouble.sentence))
        await self._response.write_eof()
        self._response[BROKEN_OFF] = True
        return self._response

    async def _pass_back(self, answer: httpx.Response) -> web.StreamResponse:
        streamed = "event" in answer.headers.get("content-type", "")
        if answer.status_code == 200 and streamed:
            return await self._stream(answer)
        text = await self._relay.text(answer)
        data = _parsed(text)
        if answer.status_code != 200 or not isinstance(data, dict):
            trouble = self._relay.meaning(self._relay.party, answer, text, data)
            if trouble is not None:
                raise Troubled(trouble)
            back = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
            return raw_response(answer.status_code, text.encode("utf-8", "replace"), headers=back)
        if self._asked.stream:
            raise Troubled(troubles.malformed(self._relay.party))
        try:
            reply = self._wire.read(data)
        except (BadRequest, ValidationError) as error:
            raise Troubled(troubles.malformed(self._relay.party)) from error
        if self._session.break_due("call" if isinstance(reply, CallsTurn) else "answer") is not None:
            return hang_up(self._request)
        self._notes.sent(self._number, 1)
        return raw_response(200, text.encode("utf-8", "replace"))

    async def _stream(self, answer: httpx.Response) -> web.StreamResponse:
        fault, events = None, self._events(answer)
        if self._session.breaks_off:
            # Only at its end it is known whether a reply calls a tool, and so whether it is the one to break.
            every = [event async for event in events]
            called = any(told.kind == "call" for _, told in every)
            fault, events = self._session.break_due("call" if called else "answer"), _again(every)
        sent = 0
        async for event, told in events:
            piece = told.kind in ("answer", "call")
            if fault is not None and (piece or told.ends) and sent >= fault.after:
                return await self._break_off(fault, event)
            await self._write(event)
            if piece:
                sent += 1
                self._notes.sent(self._number, 1)
            if told.ends:
                # Clients go away as soon as they have the end, which is no giving up.
                self._notes.close_request(self._number, 200)
        return await self._end()

    async def _break_off(self, fault: Fault, event: bytes) -> web.StreamResponse:
        if fault.kind == "cut":
            return await self._end()
        # Lines break in the middle of an event as a rule: its first half still goes out.
        await self._write(event[: len(event) // 2])
        return hang_up(self._request)

    async def _write(self, data: bytes) -> None:
        if self._response is None:
            # Not before there is something to send: until then a trouble can still become a status.
            headers = {"Content-Type": self._wire.stream_type, "Cache-Control": "no-cache"}
            response = web.StreamResponse(headers=headers)
            response.force_close()
            await response.prepare(self._request)
            self._response = response
        await self._response.write(data)

    async def _end(self) -> web.StreamResponse:
        await self._write(b"")
        assert self._response is not None
        with suppress(ConnectionError):  # the client has what it wants
            await self._response.write_eof()
        return self._response

    async def _events(self, answer: httpx.Response) -> AsyncIterator[tuple[bytes, Told]]:
        """Yield the events of a stream, each when it is certain that it does not complete a key.

        Raises Troubled for a stream that breaks, has no end, ends in an error, or is not of the protocol.
        """
        guard = _Guard(self._relay.scrubber)
        ended = False
        async for event in self._whole_events(answer):
            try:
                told = self._wire.told(event)
            except BadRequest as error:
                raise Troubled(troubles.malformed(self._relay.party)) from error
            if told.kind == "error":
                raise Troubled(troubles.failed_within(self._relay.party, told.text))
            ended = ended or told.ends
            if guard.finds(event, told):
                raise Troubled(troubles.repeats_a_key(self._relay.party))
            for certain in guard.certain():
                yield certain
        if not ended:
            raise Troubled(troubles.broken_off(self._relay.party))
        for left in guard.rest():
            yield left

    async def _whole_events(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        received, length = bytearray(), 0
        try:
            async for part in answer.aiter_bytes():
                received += part
                length += len(part)
                if length > self._relay.limits.answer:
                    raise Troubled(troubles.too_long(self._relay.limits.answer))
                while (event := self._wire.next_event(received)) is not None:
                    yield event
            # Some servers leave out the blank line after the last event.
            received += b"\n\n"
            if received.strip() and (event := self._wire.next_event(received)) is not None:
                yield event
        except BadRequest as error:
            raise Troubled(troubles.malformed(self._relay.party)) from error


class _Guard:
    """Holds events back while what they say may be the beginning of a key."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._held: list[tuple[bytes, Told]] = []
        self._said = {"answer": "", "call": ""}

    def finds(self, event: bytes, told: Told) -> bool:
        """Take the next event; return whether a key is in it, or is complete with it."""
        self._held.append((event, told))
        if told.kind in self._said:
            self._said[told.kind] = self._said[told.kind][-2_000:] + told.text
            if self._scrubber.finds(self._said[told.kind]):
                return True
        return self._scrubber.finds(event.decode("utf-8", "replace"))

    def certain(self) -> list[tuple[bytes, Told]]:
        """Return the events that may go on now."""
        return [] if any(map(self._scrubber.may_begin, self._said.values())) else self.rest()

    def rest(self) -> list[tuple[bytes, Told]]:
        """Return the events that are held, and forget them."""
        held, self._held = self._held, []
        return held


async def _again(events: list[tuple[bytes, Told]]) -> AsyncIterator[tuple[bytes, Told]]:
    for event in events:
        yield event


def _parsed(text: str) -> Any:
    """Return what a text says as JSON; ``None`` for what is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return the certificates that are trusted: reading them takes a while."""
    import httpx  # noqa: PLC0415 - see above

    context: ssl.SSLContext = httpx.create_ssl_context()
    return context


def _reason(error: BaseException) -> str:
    """Return why there is no connection, in a few words."""
    found: BaseException | None = error
    while found is not None:
        for kind, words in _REASONS:
            if kind(found):
                return words
        found = found.__cause__ or found.__context__
    return type(error).__name__


_REASONS: tuple[tuple[Callable[[BaseException], bool], str], ...] = (
    (lambda e: isinstance(e, ssl.SSLError), "its certificate is not trusted"),
    (lambda e: isinstance(e, socket.gaierror), "its name is not found"),
    (lambda e: isinstance(e, OSError) and e.errno == errno.ECONNREFUSED, "connection refused"),
    (lambda e: isinstance(e, TimeoutError), "no connection in time"),
)
