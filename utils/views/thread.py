"""A thread of a compiled graph as views reach it: by the methods that work here, synchronous or not.

What a view does is written once, as coroutines. Where the graph is synchronous nothing in them waits, and
they run to their end at once; where its saver or its nodes are asynchronous they become tasks of the loop
that the view was made in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from utils.errors import ViewError, ViewTypeError
from utils.questions import refuse_when_asked
from utils.views.plain import one_line
from utils.views.tree import MOST_CHECKPOINTS

Making = Callable[[], Coroutine[Any, Any, None]]


class Thread:
    """One thread of a graph; `config` names it, and is what further calls are given."""

    def __init__(self, graph: Any, config: Any, view: str) -> None:
        refuse_when_asked(view)
        if not all(hasattr(graph, name) for name in ("get_state", "update_state", "invoke")):
            raise ViewTypeError(
                f"{view}() needs a compiled graph, got {type(graph).__name__}",
                hint="give its .graph" if hasattr(graph, "graph") else "call .compile() first",
            )
        configurable = config.get("configurable") if isinstance(config, Mapping) else None
        if not isinstance(configurable, Mapping) or "thread_id" not in configurable:
            raise ViewTypeError(
                f"{view}() needs a thread, got {one_line(repr(config))}",
                hint='name it as graph.invoke takes it: {"configurable": {"thread_id": "1"}}',
            )
        if not getattr(graph, "checkpointer", None):
            raise ViewError(
                f"{view}() needs a graph with a checkpointer, and this one keeps nothing",
                hint="compile it with one: builder.compile(checkpointer=…)",
            )
        self.graph = graph
        self._view = view
        # An old checkpoint's id would make every call a fork of that checkpoint.
        kept = {key: value for key, value in configurable.items() if key != "checkpoint_id"}
        self.config: dict[str, Any] = {**config, "configurable": kept}

    @property
    def name(self) -> str:
        return str(self.config["configurable"]["thread_id"])

    @property
    def asynchronous(self) -> bool:
        """Whether the asynchronous methods are the ones that work from here."""
        running = running_loop()
        return running is not None and (_loop_of(self.graph) is running or _has_async_only(self.graph))

    def at(self, snapshot: Any) -> dict[str, Any]:
        """Return the configuration of one checkpoint of this thread, with the namespace for update_state."""
        return {
            **self.config,
            "configurable": {**self.config["configurable"], **snapshot.config["configurable"]},
        }

    async def call(self, method: str, *args: Any, **named: Any) -> Any:
        """Return what a method of the graph returns, or its asynchronous twin."""
        refuse_when_asked(self._view)
        if self.asynchronous:
            return await getattr(self.graph, f"a{method}")(*args, **named)
        self._refuse_a_loop_that_rests()
        return getattr(self.graph, method)(*args, **named)

    async def history(self) -> list[Any]:
        """Return all checkpoints, newest first."""
        refuse_when_asked(self._view)
        if self.asynchronous:
            found = self.graph.aget_state_history(self.config, limit=MOST_CHECKPOINTS)
            return [snapshot async for snapshot in found]
        self._refuse_a_loop_that_rests()
        return list(self.graph.get_state_history(self.config, limit=MOST_CHECKPOINTS))

    def _refuse_a_loop_that_rests(self) -> None:
        # The saver would hand the call to its loop and wait for ever.
        loop = _loop_of(self.graph)
        if loop is not None and not loop.is_running():
            raise ViewError(
                f"{type(self.graph.checkpointer).__name__} belongs to an event loop that is not running",
                hint="make the saver and the graph again, in the cell that uses them",
            )


class Work:
    """Runs what a view does, one thing after the other, in the loop that the view was made in."""

    def __init__(self) -> None:
        self.home = running_loop()
        self.task: asyncio.Future[None] | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether this is not the view's own thread: JupyterLab runs callbacks in one beside it."""
        return self.home is not None and self.home.is_running() and running_loop() is not self.home

    def start(self, make: Making, *, asynchronous: Callable[[], bool]) -> None:
        """Run the coroutine that `make` makes: to its end, or as a task if it has to wait."""
        if self.elsewhere and self.home is not None:
            # A database connection or a lock of the graph's may belong to that thread.
            self.home.call_soon_threadsafe(self._start, make, asynchronous)
        else:
            self._start(make, asynchronous)

    def _start(self, make: Making, asynchronous: Callable[[], bool]) -> None:
        if asynchronous():
            self.task = asyncio.ensure_future(_after(self.task, make))
        else:
            run_now(make())

    async def settled(self) -> None:
        """Return when nothing is under way any more."""
        while (task := self.task) is not None and not task.done():
            await asyncio.wait([task])


async def _after(task: asyncio.Future[None] | None, make: Making) -> None:
    if task is not None and not task.done():
        await asyncio.wait([task])
    await make()


def run_now(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise ViewError(
        "this graph has to be awaited, and no event loop runs here",
        hint="call the picture in a notebook, or inside of an asynchronous function",
    )


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread; ``None`` in a plain script."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _loop_of(graph: Any) -> asyncio.AbstractEventLoop | None:
    """Return the loop that an asynchronous saver belongs to; ``None`` for any other saver."""
    loop = getattr(getattr(graph, "checkpointer", None), "loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def _has_async_only(graph: Any) -> bool:
    """Return whether a node of the graph, or of one inside of it, cannot be run by ``invoke``."""
    nodes = getattr(graph, "nodes", None)
    if not isinstance(nodes, Mapping):
        return False
    bound = [getattr(node, "bound", None) for node in nodes.values()]
    return any(
        (getattr(one, "func", None) is None and getattr(one, "afunc", None) is not None)
        or _has_async_only(one)
        for one in bound
    )
