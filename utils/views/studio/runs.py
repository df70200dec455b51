"""How the studio reaches a thread: runs are watched, and what fails is dropped.

It is a `Thread` as other views have it, so what the explorer and the approval card do works in it as well.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from utils.views.studio.live import MODES
from utils.views.thread import Making, Thread, Work, run_now


class WatchedThread(Thread):
    """A thread of a graph on which one thing at a time is done, as a whole or not at all."""

    def __init__(self, graph: Any, config: Any, heard: Callable[[Any], None]) -> None:
        super().__init__(graph, config, "studio")
        self._real = graph
        self._heard = heard

    def begin(self) -> None:
        """Keep what is written from now on apart."""
        from utils.views.studio.staging import StagingSaver  # noqa: PLC0415 - pictures need no langgraph

        self.graph = copy.copy(self._real)
        self.graph.checkpointer = StagingSaver(self._real.checkpointer)

    async def keep(self) -> None:
        """Write to the graph's saver what was kept apart."""
        staging = self.graph.checkpointer
        if self.asynchronous:
            await staging.apass_on()
        else:
            staging.pass_on()

    def end(self) -> None:
        """Forget what was kept apart, and was not written."""
        self.graph = self._real

    async def call(self, method: str, *args: Any, **named: Any) -> Any:
        """Return what a method of the graph returns; a run is streamed and heard, and returns None."""
        if method != "invoke":
            return await super().call(method, *args, **named)
        async for item in self._stream(*args, **named):
            self._heard(item)
        return None

    async def _stream(self, given: Any, config: Any) -> AsyncIterator[Any]:
        if self.asynchronous:
            async for item in self.graph.astream(given, config, stream_mode=list(MODES)):
                yield item
        else:
            for item in self.graph.stream(given, config, stream_mode=list(MODES)):
                yield item


class Beside(Work):
    """Runs what is done in a thread of its own where a button asked for it: the kernel stays free.

    Where the graph has to be awaited it becomes a task of the kernel's loop, which stays free as well. What
    code asks for is done before the call returns, as by ``graph.invoke``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pressed = False
        """whether what is started now was asked for by a button"""
        self._thread: threading.Thread | None = None

    def start(self, make: Making, *, asynchronous: Callable[[], bool]) -> None:
        if self.pressed and not asynchronous():
            self._thread = threading.Thread(target=lambda: run_now(make()), name="studio", daemon=True)
            self._thread.start()
        else:
            super().start(make, asynchronous=asynchronous)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread that a button has started is done."""
        if self._thread is not None:
            self._thread.join(timeout)
