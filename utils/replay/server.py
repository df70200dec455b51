"""The HTTP server: own thread, own event loop, loopback only.

A notebook blocks the kernel's loop whenever it calls a graph synchronously, so the server cannot live
there. Connections are closed after each answer: clients that outlive an event loop must not reuse them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import json
import logging
import os
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
from utils.replay.relay import NO_SEARCH, PassedOn, Relay
from utils.replay.responses import BROKEN_OFF, HungUp, hang_up, json_response, refuse
from utils.replay.session import Session, turn_of
from utils.replay.strictness import defect
from utils.replay.wires import WIRES
from utils.replay.wires.base import BadRequest, Spoken, Wire, speak

HOST = "127.0.0.1"
MAX_BODY = 8 * 1024 * 1024
BACKLOG = 2048
START_SECONDS = 10.0
GRACE_SECONDS = 0.1
"""for requests that are open when the server closes"""
HITS = 5
"""of a search that does not say how many it wants"""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class ReplayServer:
    """A server of recorded models on the loopback address, with any number of sessions."""

    def __init__(self, *, port: int = 0, listener: socket.socket | None = None) -> None:
        self._wanted_port = port
        self._listener = listener
        self._sessions: dict[str, Session] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._process = 0
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> ReplayServer:
        """Start listening and return the server itself. Raises SetupError when it cannot listen."""
        if self._thread is not None:
            return self
        try:
            listener = self._listener or _listener(self._wanted_port)
        except OSError as error:
            raise self._cannot_listen(error) from error
        loop = asyncio.new_event_loop()
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        thread = threading.Thread(
            target=_serve,
            args=(loop, listener, self._sessions, started),
            name="recorded-model",
            daemon=True,
        )
        thread.start()
        try:
            started.result(START_SECONDS)
        except Exception as error:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(START_SECONDS)
            listener.close()
            raise self._cannot_listen(error) from error
        self.port = listener.getsockname()[1]
        self._loop, self._thread, self._process = loop, thread, os.getpid()
        return self

    def _cannot_listen(self, reason: Exception) -> SetupError:
        told = (isinstance(reason, OSError) and reason.strerror) or str(reason)
        told = told.partition(" (while")[0]  # asyncio and socket name the address once more
        msg = f"the recorded model cannot listen on {HOST}:{self._wanted_port}: {told}"
        return SetupError(msg, hint="let it choose a free port (port 0), or end what uses this one")

    def open(
        self,
        scenario: Scenario | None = None,
        *,
        pace: Pace = OFF,
        patience: float = 0.5,
        recorder: Recorder | None = None,
        relay: Relay | None = None,
        token: str | None = None,
    ) -> Session:
        """Open a session under an address that nobody can guess, unless it is given with ``token``."""
        session = Session(
            self,
            scenario or Scenario(),
            pace=pace,
            patience=patience,
            recorder=recorder,
            relay=relay,
            token=token,
        )
        self._sessions[session.token] = session
        return session

    def forget(self, session: Session) -> None:
        self._sessions.pop(session.token, None)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop and return what it does. Raises SetupError after ``close``."""
        if self._process == os.getpid():  # a forked child has the object, but not the thread
            with self._lock:
                future = asyncio.run_coroutine_threadsafe(work, self._loop) if self._loop else None
            if future is not None:
                try:
                    return future.result()
                except concurrent.futures.CancelledError:
                    pass  # closed meanwhile
        work.close()
        msg = "the recorded model is not running"
        raise SetupError(msg, hint="run the notebook's setup cell again")

    def close(self) -> None:
        """Stop listening, cut what is still open and end the thread; a second call does nothing."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        self._sessions.clear()
        if loop is None or thread is None or self._process != os.getpid():
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=START_SECONDS)


def _listener(port: int) -> socket.socket:
    if not 0 <= port < 2**16:
        raise OSError(errno.EINVAL, "a port is a number from 0 to 65535")
    return socket.create_server((HOST, port), backlog=BACKLOG)


def _serve(
    loop: asyncio.AbstractEventLoop,
    listener: socket.socket,
    sessions: Mapping[str, Session],
    started: concurrent.futures.Future[None],
) -> None:
    """Serve in this thread until the loop is stopped."""
    asyncio.set_event_loop(loop)
    runner = _runner(sessions)
    try:
        loop.run_until_complete(_listen(runner, listener))
        started.set_result(None)
    except Exception as error:  # the border of a thread: start() tells it
        started.set_exception(error)
    # After a failure too: start() stops the loop in either case.
    loop.run_forever()
    loop.run_until_complete(_wind_up(runner))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _runner(sessions: Mapping[str, Session]) -> web.AppRunner:
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_only_from_here, _always_an_answer])
    service = _Service(sessions)
    for wire in WIRES:
        app.router.add_post("/{token}" + wire.route, service.model(wire))
    app.router.add_post("/{token}/tavily/search", service.search)
    app.router.add_post("/{token}/tool/{name}", service.tool)
    app.router.add_get("/{token}/alive", service.alive)
    return web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=GRACE_SECONDS, handle_signals=False
    )


async def _listen(runner: web.AppRunner, listener: socket.socket) -> None:
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG).start()


async def _wind_up(runner: web.AppRunner) -> None:
    """End what is still open, so that nothing complains later and nobody waits in vain."""
    await runner.cleanup()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


class _Service:
    """What answers the requests of all sessions."""

    def __init__(self, sessions: Mapping[str, Session]) -> None:
        self._sessions = sessions

    def _session(self, request: web.Request) -> Session:
        session = self._sessions.get(request.match_info["token"])
        if session is None:
            raise web.HTTPNotFound(
                reason="this recorded model has ended: run the setup cell again and make the model again"
            )
        return session

    async def alive(self, request: web.Request) -> web.StreamResponse:
        live = {"live": True} if self._session(request).relay is not None else {}
        return json_response(200, {"alive": True, **live})

    def model(self, wire: Wire) -> Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            session = self._session(request)
            body = await _body(request)
            try:
                asked = wire.parse(body, request.match_info)
            except BadRequest as error:
                if session.relay is None or not isinstance(body, dict):
                    return refuse(wire.bad_request(str(error)))
                # A picture, say: a real model may well understand it.
                asked = ModelRequest("", (), (), stream=False)
            notes = session.notes
            number = notes.open_request(
                "model",
                tries=wire.tries(request.headers),
                client=wire.client(request.headers),
                stream=asked.stream,
                model=asked.model,
                messages=asked.messages,
                tools=asked.tools,
            )
            if session.relay is not None:
                passed = PassedOn(session, session.relay, wire, request, asked, notes, number)
                return await _noted(notes, number, passed.give(body))
            answer = _ModelAnswer(session, wire, request, asked, body, notes, number)
            return await _noted(notes, number, answer.give())

        return handle

    async def search(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        body = await _body(request)
        if not isinstance(body, dict):
            return json_response(400, {"detail": {"error": "a search is an object with a query"}})
        query = str(body.get("query", ""))
        notes = session.notes
        number = notes.open_request("search", tool="search", args={"query": query})
        hits = _give_hits(session, body, query, lambda: notes.invent(number))
        return await _noted(notes, number, hits)

    async def tool(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        name = request.match_info["name"]
        args = await _body(request)
        if not isinstance(args, dict):
            return json_response(400, {"error": "the arguments of a tool are an object"})
        notes = session.notes
        number = notes.open_request("tool", tool=name, args=args)
        return await _noted(notes, number, _do_tool(session, name, args))


async def _give_hits(
    session: Session, body: Mapping[str, Any], query: str, invented: Callable[[], None]
) -> web.StreamResponse:
    async with _gate(session, "search", query):
        if session.relay is not None and session.relay.searches:
            return await session.relay.search(body)
        answer = session.tool("search", {"query": query}, invented)
        if isinstance(answer, NotRecorded):
            if session.recorder is None:
                sentence = answer.sentence if session.relay is None else NO_SEARCH
                return json_response(422, {"detail": {"error": sentence}}, reason=sentence)
            try:
                answer = await session.recorder.search(body)
            except UpstreamError as error:
                return json_response(error.status, error.body, headers=error.headers)
        await _wait_as_told(session, answer)
        if answer.raises is not None:
            return json_response(500, {"detail": {"error": answer.raises}}, reason=answer.raises)
        hits = [hit.model_dump() for hit in answer.hits]
        if not hits and answer.text:
            hits = [{"url": "https://example.com/", "content": answer.text, "title": "", "score": 1.0}]
        wanted = body.get("max_results")
        limit = wanted if isinstance(wanted, int) and wanted > 0 else HITS
        return json_response(
            200, {"query": query, "response_time": 0.0, "images": [], "results": hits[:limit]}
        )


async def _do_tool(session: Session, name: str, args: Mapping[str, Any]) -> web.StreamResponse:
    async with _gate(session, "tool", " ".join(map(str, args.values()))):
        answer = session.tool(name, args)
        if isinstance(answer, NotRecorded):
            return json_response(422, {"error": answer.sentence}, reason=answer.sentence)
        await _wait_as_told(session, answer)
        if answer.raises is not None:
            return json_response(500, {"error": answer.raises})
        text = answer.text or " ".join(hit.content for hit in answer.hits)
        return json_response(200, {"text": text.ljust(answer.pad, ".")})


class _ModelAnswer:
    """The answer to one model request, whole or streamed, with whatever is meant to go wrong."""

    def __init__(
        self,
        session: Session,
        wire: Wire,
        request: web.Request,
        asked: ModelRequest,
        body: Any,
        notes: Log,
        number: int,
    ) -> None:
        self._session, self._wire, self._request = session, wire, request
        self._asked, self._body = asked, body
        # The log as it was when the request came: the session may begin a new one meanwhile.
        self._notes, self._number = notes, number

    async def give(self) -> web.StreamResponse:
        if found := defect(self._asked.messages, self._asked.tools if self._wire.needs_tools else None):
            return refuse(self._wire.malformed(found, self._asked))
        reply = self._session.reply(self._asked, lambda: self._notes.invent(self._number))
        if isinstance(reply, NotRecorded):
            if self._session.recorder is None or reply.reason == "empty":
                return refuse(self._wire.not_recorded(reply))
            try:
                recorded = await self._session.recorder.ask(
                    self._wire, self._request, self._asked, self._body
                )
            except UpstreamError as error:
                return json_response(error.status, error.body, headers=error.headers)
            reply = (recorded, self._session.break_due(turn_of(recorded)))
        async with _gate(self._session, "model", "".join(self._asked.questions[-1:])):
            return await self._speak(*reply)

    async def _speak(self, reply: Reply, fault: Fault | None) -> web.StreamResponse:
        kind = fault.kind if fault else None
        seconds = fault.seconds if fault else 0.0
        if kind == "rate_limit":
            return refuse(self._wire.rate_limited(seconds))
        if kind == "server_error":
            return refuse(self._wire.failed())
        if kind == "latency":
            await asyncio.sleep(seconds)
        spoken = speak(reply, self._asked, self._wire.call_prefix)
        first, gap = self._session.pace.of(reply.timing)
        if self._asked.stream:
            return await self._stream(spoken, fault, first, gap)
        if kind == "stall":
            await self._session.stalled.wait()
        if kind in ("drop", "cut"):
            return hang_up(self._request)
        await _pause(first + gap * max(len(spoken.pieces) - 1, 0))
        self._notes.sent(self._number, max(len(spoken.pieces), 1))
        return json_response(200, self._wire.whole(spoken))

    async def _stream(
        self, spoken: Spoken, fault: Fault | None, first: float, gap: float
    ) -> web.StreamResponse:
        # Made before anything is sent: whatever goes wrong with it can still become an error's status.
        chunks = list(self._wire.stream(spoken))
        response = web.StreamResponse(
            headers={"Content-Type": self._wire.stream_type, "Cache-Control": "no-cache"}
        )
        response.force_close()
        await _pause(first)
        await response.prepare(self._request)
        sent = unsent = 0
        pending = bytearray()

        async def flush() -> None:
            nonlocal unsent
            if pending:
                await response.write(bytes(pending))
                pending.clear()
            self._notes.sent(self._number, unsent)
            unsent = 0

        for chunk in chunks:
            if fault and (chunk.piece or chunk.final) and sent >= fault.after:
                if fault.kind == "stall":
                    await flush()
                    await self._session.stalled.wait()
                    fault = None
                elif fault.kind == "drop":
                    # Lines break in the middle of an event as a rule: its first half still goes out.
                    pending += chunk.data[: len(chunk.data) // 2]
                    await flush()
                    return hang_up(self._request)
                elif fault.kind == "cut":
                    break
            if chunk.piece:
                if sent:
                    await _pause(gap)
                sent += 1
                unsent += 1
            pending += chunk.data
            if gap or sent == 1:
                await flush()
        await flush()
        await response.write_eof()
        return response


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _only_from_here(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse what a page in a browser could send: foreign Host headers and any Origin."""
    host = request.headers.get("Host", "").rsplit(":", 1)[0]
    if host not in (HOST, "localhost") or "Origin" in request.headers:
        return json_response(403, {"error": "this server answers programs on this machine only"})
    return await handler(request)


@web.middleware
async def _always_an_answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn what a handler raises into JSON that a client can show."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        # Once for SDKs that look for an error, once for those that look for its message.
        return json_response(error.status, {"error": {"message": error.reason}, "message": error.reason})
    except RecursionError:
        return json_response(400, {"error": {"message": "the request is nested too deeply"}})
    except ConnectionError:
        raise
    except Exception:  # the border of the process: a client must never wait for a server that failed
        _log.exception("the recorded model failed")
        return json_response(500, {"error": {"message": "the recorded model failed; its log says why"}})


async def _noted(
    notes: Log, number: int, work: Coroutine[Any, Any, web.StreamResponse]
) -> web.StreamResponse:
    """Return the answer that ``work`` gives, with its end noted in the log whatever happens."""
    status, gave_up, broken_off = 500, False, False
    try:
        response = await work
    except (asyncio.CancelledError, ConnectionError):
        gave_up = True
        raise
    else:
        status, broken_off = response.status, isinstance(response, HungUp) or BROKEN_OFF in response
        return response
    finally:
        notes.close_request(number, 499 if gave_up else status, gave_up=gave_up, broken_off=broken_off)


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        return None


def _gate(session: Session, kind: str, asks: str) -> Any:
    gate = session.gate(kind)
    return gate.hold(asks) if gate is not None else nullcontext()


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _wait_as_told(session: Session, answer: ToolAnswer) -> None:
    if answer.stall:
        await session.stalled.wait()
    await _pause(answer.delay)
