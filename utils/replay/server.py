"""The HTTP server: own thread, own event loop, loopback only.

A notebook blocks the kernel's loop whenever it calls a graph synchronously, so the server cannot live
there. Connections are closed after each answer: clients that outlive an event loop must not reuse them.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import nullcontext
from typing import Any, TypeVar

from aiohttp import web

from utils.errors import SetupError
from utils.replay.conversation import Fault, Reply, Scenario, ToolAnswer
from utils.replay.log import Log
from utils.replay.matching import ModelRequest, NotRecorded
from utils.replay.pacing import OFF, Pace
from utils.replay.recording import Recorder, UpstreamError
from utils.replay.session import Session
from utils.replay.strictness import defect
from utils.replay.wires import WIRES
from utils.replay.wires.base import BadRequest, Spoken, Wire, WireError, speak

HOST = "127.0.0.1"
MAX_BODY = 8 * 1024 * 1024
START_SECONDS = 10.0

T = TypeVar("T")


class ReplayServer:
    """A server of recorded models on the loopback address, with any number of sessions."""

    def __init__(self, *, port: int = 0, listener: socket.socket | None = None) -> None:
        self._wanted_port = port
        self._listener = listener
        self._sessions: dict[str, Session] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> ReplayServer:
        """The server itself, listening. Raises SetupError when it cannot listen."""
        if self._thread is not None:
            return self
        started = threading.Event()
        problem: list[OSError] = []
        loop = asyncio.new_event_loop()

        async def begin() -> None:
            try:
                await self._listen()
            except OSError as error:
                problem.append(error)
            started.set()

        def serve() -> None:
            asyncio.set_event_loop(loop)
            beginning = loop.create_task(begin())
            loop.run_forever()
            del beginning
            loop.close()

        self._loop = loop
        self._thread = threading.Thread(target=serve, name="recorded-model", daemon=True)
        self._thread.start()
        if not started.wait(START_SECONDS) or problem:
            reason = f"{problem[0]}" if problem else "it did not start in time"
            loop.call_soon_threadsafe(loop.stop)
            self._thread = self._loop = None
            msg = f"the recorded model cannot listen on {HOST}:{self._wanted_port}: {reason}"
            raise SetupError(msg, hint="let it choose a free port (port 0), or end what uses this one")
        return self

    async def _listen(self) -> None:
        app = web.Application(client_max_size=MAX_BODY, middlewares=[_only_from_here])
        for wire in WIRES:
            app.router.add_post("/{token}" + wire.route, self._model(wire))
        app.router.add_post("/{token}/tavily/search", self._search)
        app.router.add_post("/{token}/tool/{name}", self._tool)
        app.router.add_get("/{token}/alive", self._alive)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site: web.BaseSite
        if self._listener is not None:
            site = web.SockSite(self._runner, self._listener)
            self.port = self._listener.getsockname()[1]
        else:
            bound = socket.create_server((HOST, self._wanted_port), backlog=2048)
            self.port = bound.getsockname()[1]
            site = web.SockSite(self._runner, bound, backlog=2048)
        await site.start()

    def open(
        self,
        scenario: Scenario | None = None,
        *,
        pace: Pace = OFF,
        patience: float = 0.5,
        recorder: Recorder | None = None,
    ) -> Session:
        """A new session under an address that nobody can guess."""
        session = Session(self, scenario or Scenario(), pace=pace, patience=patience, recorder=recorder)
        self._sessions[session.token] = session
        return session

    def forget(self, session: Session) -> None:
        self._sessions.pop(session.token, None)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns when run on the server's loop."""
        if self._loop is None:
            work.close()
            msg = "the recorded model is not running"
            raise SetupError(msg, hint="run the notebook's setup cell again")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop listening and end the thread; a second call does nothing."""
        if self._loop is None or self._thread is None:
            return
        if self._runner is not None:
            self.run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=START_SECONDS)
        self._thread = self._loop = self._runner = None
        self._sessions.clear()

    # Requests.

    def _session(self, request: web.Request) -> Session:
        session = self._sessions.get(request.match_info["token"])
        if session is None:
            raise web.HTTPNotFound(text="no such session")
        return session

    async def _alive(self, request: web.Request) -> web.StreamResponse:
        self._session(request)
        return _json(200, {"alive": True})

    def _model(self, wire: Wire) -> Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            session = self._session(request)
            body = await _body(request)
            try:
                asked = wire.parse(body, request.match_info)
            except BadRequest as error:
                return _refuse(wire.bad_request(str(error)))
            number = session.notes.open_request(
                "model",
                retry=wire.is_retry(request.headers),
                client=wire.client(request.headers),
                stream=asked.stream,
                model=asked.model,
                messages=asked.messages,
                tools=asked.tools,
            )
            return await _noted(
                session.notes, number, _ModelAnswer(session, wire, request, asked, body, number).give()
            )

        return handle

    async def _search(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        body = await _body(request)
        query = str(body.get("query", "")) if isinstance(body, dict) else ""
        number = session.notes.open_request("search", tool="search", args={"query": query})
        return await _noted(session.notes, number, self._give_hits(session, body, query))

    async def _give_hits(self, session: Session, body: Any, query: str) -> web.StreamResponse:
        async with _gate(session, "search"):
            answer = session.tool("search", {"query": query})
            if isinstance(answer, NotRecorded):
                if session.recorder is None:
                    return _json(422, {"detail": {"error": answer.sentence}}, reason=answer.sentence)
                try:
                    answer = await session.recorder.search(body)
                except UpstreamError as error:
                    return _json(error.status, error.body)
            await _wait_as_told(session, answer)
            if answer.raises is not None:
                return _json(500, {"detail": {"error": answer.raises}}, reason=answer.raises)
            limit = body.get("max_results") or 5
            hits = [hit.model_dump() for hit in answer.hits] or [
                {"url": "https://example.com/", "content": answer.text, "title": "", "score": 1.0}
            ]
            return _json(
                200, {"query": query, "response_time": 0.0, "images": [], "results": hits[: int(limit)]}
            )

    async def _tool(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        name = request.match_info["name"]
        args = await _body(request)
        if not isinstance(args, dict):
            return _json(400, {"error": "the arguments of a tool are an object"})
        number = session.notes.open_request("tool", tool=name, args=args)
        return await _noted(session.notes, number, self._do_tool(session, name, args))

    async def _do_tool(self, session: Session, name: str, args: Mapping[str, Any]) -> web.StreamResponse:
        async with _gate(session, "tool"):
            answer = session.tool(name, args)
            if isinstance(answer, NotRecorded):
                return _json(422, {"error": answer.sentence}, reason=answer.sentence)
            await _wait_as_told(session, answer)
            if answer.raises is not None:
                return _json(500, {"error": answer.raises})
            text = answer.text or " ".join(hit.content for hit in answer.hits)
            return _json(200, {"text": text.ljust(answer.pad, ".")})


class _ModelAnswer:
    """The answer to one model request, whole or streamed, with whatever is meant to go wrong."""

    def __init__(
        self, session: Session, wire: Wire, request: web.Request, asked: ModelRequest, body: Any, number: int
    ) -> None:
        self._session, self._wire, self._request = session, wire, request
        self._asked, self._body, self._number = asked, body, number

    async def give(self) -> web.StreamResponse:
        if found := defect(self._asked.messages):
            return _refuse(self._wire.malformed(found, self._asked))
        reply = self._session.reply(self._asked)
        if isinstance(reply, NotRecorded):
            if self._session.recorder is None or reply.reason == "empty":
                return _refuse(self._wire.not_recorded(reply))
            try:
                recorded = await self._session.recorder.ask(
                    self._wire, self._request, self._asked, self._body
                )
            except UpstreamError as error:
                return _json(error.status, error.body)
            reply = (recorded, None)
        async with _gate(self._session, "model"):
            return await self._speak(*reply)

    async def _speak(self, reply: Reply, fault: Fault | None) -> web.StreamResponse:
        kind = fault.kind if fault else None
        seconds = fault.seconds if fault else 0.0
        if kind == "rate_limit":
            return _refuse(self._wire.rate_limited(seconds))
        if kind == "server_error":
            return _refuse(self._wire.failed())
        if kind == "latency":
            await asyncio.sleep(seconds)
        spoken = speak(reply, self._asked, "call_")
        first, gap = self._session.pace.of(reply.timing)
        if self._asked.stream:
            return await self._stream(spoken, fault, first, gap)
        if kind == "stall":
            await self._session.stalled.wait()
        if kind in ("drop", "cut"):
            return self._hang_up(web.Response())
        await _pause(first + gap * max(len(spoken.pieces) - 1, 0))
        for _ in range(max(len(spoken.pieces), 1)):
            self._session.notes.piece(self._number)
        return _json(200, self._wire.whole(spoken))

    async def _stream(
        self, spoken: Spoken, fault: Fault | None, first: float, gap: float
    ) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": self._wire.stream_type, "Cache-Control": "no-cache"}
        )
        response.force_close()
        await _pause(first)
        await response.prepare(self._request)
        sent = 0
        pending = bytearray()
        for chunk in self._wire.stream(spoken):
            if fault and (chunk.piece or chunk.final) and sent >= fault.after:
                if fault.kind == "stall" and sent == fault.after:
                    await response.write(bytes(pending))
                    pending.clear()
                    await self._session.stalled.wait()
                    fault = None
                elif fault.kind == "drop":
                    await response.write(bytes(pending))
                    return self._hang_up(response)
                elif fault.kind == "cut":
                    break
            if chunk.piece:
                if sent:
                    await _pause(gap)
                sent += 1
                self._session.notes.piece(self._number)
            pending += chunk.data
            if gap or sent == 1:
                await response.write(bytes(pending))
                pending.clear()
        if pending:
            await response.write(bytes(pending))
        await response.write_eof()
        return response

    def _hang_up(self, response: web.StreamResponse) -> web.StreamResponse:
        if self._request.transport is not None:
            self._request.transport.abort()
        return response


@web.middleware
async def _only_from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what a page in a browser could send: foreign Host headers and any Origin."""
    host = request.headers.get("Host", "").rsplit(":", 1)[0]
    if host not in (HOST, "localhost") or "Origin" in request.headers:
        return _json(403, {"error": "this server answers programs on this machine only"})
    return await handler(request)


async def _noted(
    notes: Log, number: int, work: Coroutine[Any, Any, web.StreamResponse]
) -> web.StreamResponse:
    """The answer that ``work`` gives, with its end noted in the log whatever happens."""
    status, gave_up = 500, False
    try:
        response = await work
    except (asyncio.CancelledError, ConnectionError):
        gave_up = True
        raise
    else:
        status = response.status
        return response
    finally:
        notes.close_request(number, 499 if gave_up else status, gave_up=gave_up)


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        return None


def _gate(session: Session, kind: str) -> Any:
    gate = session.gate(kind)
    return gate.hold() if gate is not None else nullcontext()


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _wait_as_told(session: Session, answer: ToolAnswer) -> None:
    if answer.stall:
        await session.stalled.wait()
    await _pause(answer.delay)


def _json(
    status: int, data: Any, *, headers: Mapping[str, str] | None = None, reason: str | None = None
) -> web.Response:
    response = web.Response(
        status=status,
        body=json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"),
        headers=headers,
        content_type="application/json",
        reason=_one_line(reason) if reason else None,
    )
    response.force_close()
    return response


def _one_line(text: str) -> str:
    """Text fit for a status line: no line breaks, Latin letters only."""
    return " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")[:400]


def _refuse(error: WireError) -> web.Response:
    return _json(error.status, error.body, headers=error.headers, reason=error.reason)
