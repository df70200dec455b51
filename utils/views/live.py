"""A timeline that is drawn while its stream comes, and stays as the usual picture when it has ended.

It passes on what it reads, so a cell can do its work with the items as well.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from utils.errors import ViewError, ViewTypeError
from utils.observed.moments import MOST_ITEMS, Clock, Moment, moments_of
from utils.questions import refuse_when_asked
from utils.views.display import View
from utils.views.thread import running_loop
from utils.views.timeline import TimelineView, timeline_html, timeline_text
from utils.views.touch import widgets_here

_PAUSE = 0.1
"""seconds between two drawings: more would keep the page busy with what nobody can see"""

Display = Callable[[View], Any]
"""shows a view and returns a handle whose ``update`` shows another one in its place"""


class TokenWatch(View):
    """A stream to iterate, which is drawn as it comes; see `token_watch`."""

    sheets: ClassVar[tuple[str, ...]] = ("drawing",)

    def __init__(
        self,
        stream: Iterable[Any] | AsyncIterable[Any],
        clock: Clock | None,
        open_requests: Callable[[], int] | None,
        *,
        live: bool = True,
        display: Display | None = None,
        now: Clock = time.monotonic,
    ) -> None:
        refuse_when_asked("token_watch")
        self._stream, self._clock, self._open_requests = stream, clock, open_requests
        self._live, self._display, self._now = live, display or _display(live), now
        self._handle: Any = None
        self._drawn = 0.0
        self._began: float | None = None
        self._moments: list[Moment] = []
        self._later: asyncio.TimerHandle | None = None

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What has come so far."""
        return tuple(self._moments)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self._stream, AsyncIterable):
            raise ViewTypeError(
                "this stream is asynchronous, and a plain loop cannot wait for it",
                hint="write: async for item in token_watch(…)",
            )
        self._begin()
        try:
            for item in self._stream:
                self._note(item)
                yield item
        finally:
            self._draw(last=True)

    async def __aiter__(self) -> AsyncIterator[Any]:
        self._begin()
        try:
            if isinstance(self._stream, AsyncIterable):
                async for item in self._stream:
                    self._note(item)
                    yield item
            else:
                for item in self._stream:
                    self._note(item)
                    yield item
        finally:
            self._draw(last=True)

    def run(self) -> TokenWatch:
        """Read the stream to its end, drawing; for a cell that wants the picture only."""
        for _ in self:
            pass
        return self

    def text(self) -> str:
        return timeline_text(self._moments)

    def html(self) -> str:
        return timeline_html(self._moments)

    def _ipython_display_(self) -> None:
        # As the last line of a cell it is not shown again: the picture is on the page already.
        if self._handle is None and self._display is not None:
            self._handle = self._display(TimelineView(self.moments))

    def _begin(self) -> None:
        if self._began is not None:
            raise ViewError(
                "this stream has been read already, and a stream comes once",
                hint="start a new one: token_watch(graph.stream(…))",
            )
        self._began = self._clock() if self._clock is not None else 0.0
        self._draw()

    def _note(self, item: Any) -> None:
        if len(self._moments) >= MOST_ITEMS:
            return
        at = self._clock() - (self._began or 0.0) if self._clock is not None else None
        held = self._open_requests() if self._open_requests is not None else None
        self._moments.extend(moments_of(item, at, held))
        since = self._now() - self._drawn
        if since >= _PAUSE:
            self._draw()
        elif self._later is None and (loop := running_loop()) is not None:
            # Or a stream that stops for a while would keep its last pieces to itself.
            self._later = loop.call_later(_PAUSE - since, self._draw)

    def _draw(self, *, last: bool = False) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._display is None or not (self._live or last):
            return
        view = TimelineView(self.moments)
        if self._handle is None:
            self._handle = self._display(view)
        else:
            self._handle.update(view)
        self._drawn = self._now()


def token_watch(
    stream: Iterable[Any] | AsyncIterable[Any],
    *,
    clock: Clock | None = None,
    open_requests: Callable[[], int] | None = None,
) -> TokenWatch:
    """Return a stream that is drawn while it is read: ``for item in token_watch(graph.stream(…)): …``.

    ``async for`` reads ``graph.astream(…)``; ``.run()`` reads a synchronous one to its end. It takes what
    `token_timeline` takes, and leaves the same picture. While a synchronous stream stands still, what came
    in the last tenth of a second may not be drawn yet: nothing else runs meanwhile.
    """
    if isinstance(stream, str | bytes | Mapping) or not isinstance(stream, Iterable | AsyncIterable):
        raise ViewTypeError(
            f"token_watch() needs a stream, got {type(stream).__name__}",
            hint="give it graph.stream(…) or graph.astream(…)",
        )
    # Where nobody looks, one picture at the end: tools that run notebooks know no pictures that change.
    return TokenWatch(stream, clock, open_requests, live=widgets_here())


def _display(live: bool) -> Display | None:
    """Return what shows a view in a notebook; ``None`` outside of one, where nothing is drawn on the way."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import display  # noqa: PLC0415 - only a notebook has it

    def show(view: View) -> Any:
        # Without an id there is no handle; then the picture is not drawn a second time either.
        return display(view, display_id=True if live else None) or view  # type: ignore[no-untyped-call]

    return show
