"""The marking room over HTTP, on the loopback address only: its addresses, and what they do.

It is aiohttp, which the kit has for its recorded model already: it reads requests strictly, bounds them, and
handles one after the other, so nothing here needs a lock of its own. Python's ``http.server`` says of itself
that it is not meant for more than trying things out.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from grader.errors import GraderError, UsageError
from grader.results.adjustments import WHOLE_LAB, WITHHELD
from grader.results.decisions import AUTHOR, COMMENT_CHARS, REASON, Conflict, Decision
from grader.review import pages
from grader.review.guard import HEADERS, HOST, Guard, Refused, Session
from grader.review.look import look_at, mistakes, neighbour
from grader.review.queue import KINDS, Filter, Item
from grader.review.room import Room, State, now, unsandboxed
from utils.views.plain import plural

MOST = 64 * 1024
"""bytes of a request"""
FIELDS = 16
"""of a form"""
IDLE = 5.0
"""seconds that a connection may do nothing"""
ROWS = 50
"""of the queue on one page"""
COMMON = 12
"""mistakes on the first page"""
START_SECONDS = 10.0
SHORT = 200
"""letters of what an address may ask for"""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SESSION = web.RequestKey("session", Session)
_log = logging.getLogger(__name__)


class ReviewServer:
    """Serves a room in a thread of its own until it is closed."""

    def __init__(
        self, room: Room, announce: Callable[[str], None], write: Callable[[], int], port: int = 0
    ) -> None:
        """Prepare it. ``announce`` is told each start address, ``write`` writes what is made of decisions."""
        self._room, self._announce, self._write, self._wanted = room, announce, write, port
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> ReviewServer:
        """Start listening and return the server itself. Raises UsageError when it cannot listen."""
        try:
            if not 0 <= self._wanted < 2**16:
                raise OSError(errno.EINVAL, "a port is a number from 0 to 65535")
            listener = socket.create_server((HOST, self._wanted))
        except OSError as error:
            self._loop.close()
            message = f"cannot listen on {HOST}:{self._wanted}: {error.strerror or error}"
            raise UsageError(message, hint="leave --port out, or name a free one") from error
        self.port = listener.getsockname()[1]
        guard = Guard(
            self._room.settings.author, lambda token: self._announce(f"{self.address}/start/{token}")
        )
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        app = _app(_Pages(self._room, guard, self.port, self._write))
        self._thread = threading.Thread(
            target=_serve, args=(self._loop, listener, app, started), name="review", daemon=True
        )
        self._thread.start()
        started.result(START_SECONDS)
        guard.renew()
        return self

    def close(self) -> None:
        """Stop; a decision that is being saved is saved first."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None


def _serve(
    loop: asyncio.AbstractEventLoop,
    listener: socket.socket,
    app: web.Application,
    started: concurrent.futures.Future[None],
) -> None:
    """Serve in this thread until the loop is stopped."""
    asyncio.set_event_loop(loop)
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=IDLE, shutdown_timeout=1.0, handle_signals=False
    )
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.SockSite(runner, listener).start())
    started.set_result(None)
    loop.run_forever()
    loop.run_until_complete(runner.cleanup())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _app(served: _Pages) -> web.Application:
    app = web.Application(client_max_size=MOST, middlewares=[served.guarded])
    app.router.add_get("/start/{token}", served.begin)
    app.router.add_get("/", served.queue)
    app.router.add_get("/look/{key}", served.look)
    app.router.add_post("/look/{key}", served.save)
    app.router.add_post("/write", served.write)
    app.router.add_get("/static/{name}", served.static)
    return app


class _Pages:
    """What answers each address."""

    def __init__(self, room: Room, guard: Guard, port: int, write: Callable[[], int]) -> None:
        self._room, self._guard, self._port, self._write = room, guard, port, write
        self._writing = asyncio.Lock()
        """two presses of the button write one after the other"""
        self._cookie = f"marking-{port}"  # browsers tell cookies of two ports apart by nothing else

    @web.middleware
    async def guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Let in who may come in, and turn whatever happens into a page with all headers."""
        starts = request.path.startswith("/start/")
        try:
            self._guard.check(request.headers, self._port, changes=request.method != "GET", starts=starts)
            if not starts:
                request[_SESSION] = self._guard.session(request.cookies.get(self._cookie, ""))
            response = await handler(request)
        except Refused as refused:
            response = _told(
                403, "Not let in", str(refused), "The terminal shows an address that lets you in."
            )
        except web.HTTPRequestEntityTooLarge:
            response = _told(413, "Too much", f"A form has at most {MOST:,} bytes.", "Nothing was saved.")
        except web.HTTPException as error:
            response = _told(error.status, error.reason, "There is nothing here.", "")
        except GraderError as error:
            kept = "Go back: what you wrote is still there. " if request.method == "POST" else ""
            response = _told(500, "That did not work", error.message, f"{kept}{error.hint}")
        except ConnectionError:
            raise
        except Exception:  # the border of the process: a browser must not wait for a server that failed
            _log.exception("the marking room failed")
            response = _told(500, "That did not work", "The marking room failed; the terminal says why.", "")
        response.headers.update(HEADERS)
        return response

    async def begin(self, request: web.Request) -> web.StreamResponse:
        cookie = self._guard.start(request.match_info["token"])
        response = web.HTTPSeeOther("/")
        away = web.Response(status=response.status, headers={"Location": "/"})
        away.set_cookie(self._cookie, cookie, httponly=True, samesite="Strict", path="/")
        return away

    async def queue(self, request: web.Request) -> web.StreamResponse:
        state = self._room.state()
        chosen = _filter(request.query)
        wanted = state.wanted(chosen)
        at = max(_whole(request.query.get("page", "")), 1)
        common = [one for lab in state.course.counts for one in mistakes(state, lab, "")]
        common = [
            one for one in common if chosen.lab in ("", one.lab) and chosen.exercise in ("", one.exercise)
        ]
        return self._page(
            request,
            "queue",
            state,
            chosen=chosen,
            items=wanted[(at - 1) * ROWS : at * ROWS],
            first=(at - 1) * ROWS + 1,
            at=at,
            pages=max(-(-len(wanted) // ROWS), 1),
            total=len(wanted),
            kinds=[(kind, word, *_counted(state, chosen, kind)) for kind, word in _choices()],
            labs=sorted(state.course.counts),
            exercises=sorted({number for one in state.course.counts.values() for number in one.exercises}),
            common=sorted(common, key=lambda one: -one.times)[:COMMON],
        )

    async def look(self, request: web.Request) -> web.StreamResponse:
        state = self._room.state()
        return self._look(request, state, _item(state, request))

    async def save(self, request: web.Request) -> web.StreamResponse:
        form = await self._form(request)
        state = self._room.state()
        item = _item(state, request)
        session = request[_SESSION]
        typed = {name: str(form.get(name, "")) for name in ("points", "comment", "reason", "author")}
        try:
            decision = _decision(item, typed, back=form.get("do") == "back")
            self._room.decide(decision, now(), str(form.get("version", "")))
        except Conflict as conflict:
            return self._look(request, self._room.state(), item, typed, conflict, status=409)
        except GraderError as error:
            return self._look(request, state, item, typed, error, status=422)
        session.author = decision.author
        chosen = _filter(request.query)
        key = item.key
        if form.get("do") == "next":
            key = neighbour(self._room.state(), item, chosen, 1)
        where = pages.address(f"/look/{key}" if key else "/", chosen, saved=item.key)
        return web.Response(status=303, headers={"Location": where})

    async def write(self, request: web.Request) -> web.StreamResponse:
        await self._form(request)
        async with self._writing:
            written = self._room.unwritten
            await asyncio.to_thread(self._write)
            self._room.unwritten -= written
        return web.Response(status=303, headers={"Location": pages.address("/", Filter(), written="1")})

    async def static(self, request: web.Request) -> web.StreamResponse:
        kind, data = pages.assets().get(request.match_info["name"], ("", b""))
        if not kind:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type=kind, charset="utf-8")

    async def _form(self, request: web.Request) -> Mapping[str, object]:
        """Return the fields of a form of this session's. Raises Refused for any other."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise Refused("This is not a form of the marking room.")
        form = await request.post()
        if len(form) > FIELDS:
            raise Refused("This is not a form of the marking room.")
        self._guard.check_change(request[_SESSION], str(form.get("csrf", "")))
        return form

    def _look(
        self,
        request: web.Request,
        state: State,
        item: Item,
        typed: Mapping[str, str] | None = None,
        trouble: GraderError | None = None,
        status: int = 200,
    ) -> web.Response:
        chosen = _filter(request.query)
        look = look_at(self._room, state, item, chosen)
        held = look.current
        stands = {
            "points": "" if held is None or held.points is None else _plain(held.points),
            "comment": held.comment if held else "",
            "reason": held.reason if held else "",
            "author": request[_SESSION].author,
        }
        return self._page(
            request,
            "look",
            state,
            status=status,
            chosen=chosen,
            look=look,
            whole=item.about[2] == WHOLE_LAB,
            withheld=look.result.status in WITHHELD,
            typed=typed or stands,
            trouble=trouble,
            conflict=isinstance(trouble, Conflict),
            limits={"author": AUTHOR, "reason": REASON, "comment": COMMENT_CHARS},
        )

    def _page(
        self, request: web.Request, name: str, state: State, *, status: int = 200, **facts: Any
    ) -> web.Response:
        course = state.course
        text = pages.page(
            name,
            csrf=request[_SESSION].csrf,
            state=state,
            names=course.names,
            results=course.results,
            kind_words=KINDS,
            anonymous=self._room.settings.anonymous,
            open_air=unsandboxed([*course.results.values()]),
            unwritten=self._room.unwritten,
            saved=bool(request.query.get("saved")),
            written=bool(request.query.get("written")),
            problems=self._problems(state),
            **facts,
        )
        return web.Response(status=status, body=_bytes(text), content_type="text/html", charset="utf-8")

    def _problems(self, state: State) -> tuple[str, ...]:
        """Return what could not be used; it names students, so anonymous ones are only counted."""
        told = (*state.course.problems, *state.file.problems)
        if told and self._room.settings.anonymous:
            return (f"{plural(len(told), 'problem')}: grader report tells which",)
        return told


def _told(status: int, title: str, what: str, do: str) -> web.Response:
    text = pages.page("told", title=title, what=what, do=do)
    return web.Response(status=status, body=_bytes(text), content_type="text/html", charset="utf-8")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _item(state: State, request: web.Request) -> Item:
    item = state.course.item(request.match_info["key"])
    if item is None:
        raise web.HTTPNotFound
    return item


def _filter(query: Mapping[str, str]) -> Filter:
    """Return what an address asks for; what it cannot ask for is left out."""
    asked = {name: query.get(name, "")[:SHORT] for name in ("kind", "lab", "exercise", "mistake", "find")}
    if asked["kind"] not in (*KINDS, "every"):
        asked["kind"] = ""
    return Filter(**asked, state="all" if query.get("state") == "all" else "open")


def _choices() -> list[tuple[str, str]]:
    return [("", "to look at"), *KINDS.items(), ("every", "everything")]


def _counted(state: State, chosen: Filter, kind: str) -> tuple[int, int]:
    """Return how many of a kind are open, and how many there are."""
    found = state.matching(Filter(kind, chosen.lab, chosen.exercise))
    return sum(1 for item in found if state.is_open(item)), len(found)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _plain(points: float) -> str:
    return f"{points:.4f}".rstrip("0").rstrip(".")


def _decision(item: Item, typed: Mapping[str, str], *, back: bool) -> Decision:
    """Return what a form says. Raises UsageError for points that are no number."""
    text = typed["points"].strip().replace(",", ".")
    points: float | None = None
    if text and not back:
        if not text.replace(".", "", 1).isascii() or not text.replace(".", "", 1).isdigit():
            raise UsageError("these points are not a number", hint="write a number such as 1.5, or nothing")
        points = float(text)
    # What stands in the form when a decision is taken back is the reason why it was given.
    reason = "" if back else typed["reason"]
    return Decision(*item.about, typed["author"], points, reason, typed["comment"], back)
