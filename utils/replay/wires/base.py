"""What a protocol must be able to do to be served from a fixture."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal, Protocol

from utils.replay.conversation import AnswerTurn, CallsTurn, Reply, Usage
from utils.replay.matching import ModelRequest, NotRecorded, offered
from utils.replay.strictness import Defect


class BadRequest(Exception):
    """A request's body is not of the protocol."""


@dataclass(frozen=True, slots=True)
class WireError:
    """A refusal in a provider's own words."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    reason: str | None = None
    """for the status line; ``None`` leaves the usual one"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recorded reply made ready for one request: real tool names, ids, usage."""

    id: str
    model: str
    pieces: tuple[str, ...]
    """the text, in the pieces a stream sends"""
    calls: tuple[SpokenCall, ...]
    usage: Usage

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class SpokenCall:
    """A tool call with its id, under the name by which the request offers the tool."""

    id: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What one event of a provider's own stream says."""

    kind: Literal["answer", "call", "error", "other"]
    text: str = ""
    """of an answer or a call: what it adds; of an error: what the provider says"""
    ends: bool = False
    """whether nothing that matters comes after it"""


class Wire(Protocol):
    """A provider's protocol: requests read, replies and refusals written."""

    @property
    def name(self) -> str: ...

    @property
    def provider(self) -> str:
        """Whose protocol it is; some have several."""
        ...

    @property
    def needs_tools(self) -> bool:
        """Whether a history with tool calls is refused when the request defines no tools."""
        ...

    @property
    def route(self) -> str:
        """Path below the session's address, in aiohttp's notation."""
        ...

    @property
    def call_prefix(self) -> str:
        """What the provider's ids of tool calls begin with."""
        ...

    def parse(self, body: Any, path: Mapping[str, str]) -> ModelRequest:
        """Return the request in the form that all protocols share. Raises BadRequest."""
        ...

    def client(self, headers: Mapping[str, str]) -> str:
        """Return ``sync`` or ``async``; empty where the protocol does not tell."""
        ...

    def tries(self, headers: Mapping[str, str]) -> int:
        """Return how often the client has tried this request before."""
        ...

    def whole(self, spoken: Spoken) -> Mapping[str, Any]:
        """Return the body of an answer that is not streamed."""
        ...

    @property
    def stream_type(self) -> str:
        """Content type of a stream."""
        ...

    def stream(self, spoken: Spoken) -> Iterator[Chunk]:
        """Yield the answer as it is streamed."""
        ...

    def upstream_path(self, path: str) -> str:
        """Return the provider's own path of a request to this server, with its query."""
        ...

    def upstream_body(self, body: Any) -> Any:
        """Return the request as recording sends it on: never streamed."""
        ...

    def live_path(self, path: Mapping[str, str]) -> str:
        """Return the provider's own path of a request, made anew from the parts that may differ."""
        ...

    def next_event(self, received: bytearray) -> bytes | None:
        """Take one whole event out of what a provider has streamed; ``None`` while there is none.

        Raises BadRequest for what is not of the protocol.
        """
        ...

    def told(self, event: bytes) -> Told:
        """Return what an event says. Raises BadRequest for what is not of the protocol."""
        ...

    def trouble(self, status: int, message: str, headers: Mapping[str, str]) -> WireError:
        """Return a refusal of the kit's own, about a provider that did not answer."""
        ...

    def trouble_event(self, message: str) -> bytes:
        """Return the same as the last event of a stream."""
        ...

    def read(self, answer: Any) -> Reply:
        """Return a provider's whole answer as a recorded turn. Raises BadRequest."""
        ...

    def model_of(self, answer: Any) -> str:
        """Return the model that an answer names; empty when it names none."""
        ...

    def malformed(self, defect: Defect, request: ModelRequest) -> WireError: ...

    def bad_request(self, message: str) -> WireError: ...

    def not_recorded(self, miss: NotRecorded) -> WireError: ...

    def rate_limited(self, seconds: float) -> WireError: ...

    def failed(self) -> WireError: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a stream that belong together."""

    data: bytes
    piece: bool
    """whether it carries a piece of the answer or of a tool call: these are paced and counted"""
    final: bool = False
    """part of the proper end of the stream, which a cut leaves out"""


_PIECE = re.compile(r"\s++(?:\w{1,8}|[^\w\s])?|\w{1,8}|[^\w\s]")


def split(text: str) -> tuple[str, ...]:
    """Return text in pieces about as long as tokens; together they are the text again."""
    return tuple(_PIECE.findall(text))


def in_other_pieces(reply: AnswerTurn) -> AnswerTurn:
    """Return the answer with the same text, cut at none of the places where it was cut before.

    No provider promises to send the same text in the same pieces again.
    """
    ends = list(accumulate(map(len, _pieces(reply))))
    cuts = sorted({end + 1 for end in ends[:-1]} - set(ends))
    pieces = (reply.answer[begin:end] for begin, end in pairwise((0, *cuts, len(reply.answer))))
    return reply.model_copy(update={"pieces": tuple(filter(None, pieces))})


def _pieces(reply: AnswerTurn) -> tuple[str, ...]:
    return reply.pieces if reply.pieces is not None else split(reply.answer)


def short_hash(*parts: object) -> str:
    """Return 24 hexadecimal digits that depend on all parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def speak(reply: Reply, request: ModelRequest, call_prefix: str) -> Spoken:
    """Return a recorded reply made ready for a request.

    Ids depend on the whole conversation: the same from run to run, never twice in one thread.
    """
    history = [(m.role, m.text, m.call_id, [c.id for c in m.calls]) for m in request.messages]
    key = short_hash(history)
    calls: tuple[SpokenCall, ...] = ()
    if isinstance(reply, CallsTurn):
        pieces = split(reply.say)
        calls = tuple(
            SpokenCall(f"{call_prefix}{short_hash(key, i)}", offered(c.tool, request.tools) or c.tool, c.args)
            for i, c in enumerate(reply.calls)
        )
    else:
        pieces = _pieces(reply)
    usage = reply.usage or _count(request.messages, pieces, calls)
    return Spoken(key, request.model, pieces, calls, usage)


def _count(messages: Sequence[Any], pieces: Sequence[str], calls: Sequence[SpokenCall]) -> Usage:
    """Return an estimate for conversations whose usage nobody recorded."""
    asked = sum(4 + _length(message.text) for message in messages)
    told = len(pieces) + sum(8 + len(split(str(call.args))) for call in calls)
    return Usage(input=asked, output=max(told, 1))


def _length(text: str) -> int:
    """Return about how many tokens a text has; of long ones only the beginning is looked at closely."""
    head = text[:10_000]
    return len(split(head)) + (len(text) - len(head)) // 4
