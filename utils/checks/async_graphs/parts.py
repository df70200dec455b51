"""Parts for what happens at the same time: several turns, a fan-out, streams that a check feeds by hand.

Made on the student's side, like all parts of the kit: ``utils.lab.parts`` finds them here.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import inspect
import sys
import threading
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any

import httpx2
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel import Pregel

from utils.agent import Agent
from utils.lab.http import apost, post
from utils.lab.parts import answer_of

FETCH = "fetch"
"""name under which the recorded model's side knows what ``fetch`` does"""
METHODS = ("invoke", "ainvoke", "stream", "astream", "get_state", "aget_state")
"""by which the kit's parts run and read a graph"""
_END = object()
PATIENCE = 1.0
"""seconds that something given up has for coming to its end"""
SLICE = 0.01
"""seconds of one look at whether something has come: the loop does what is ready between two looks"""
TURNS = 50
"""turns that a loop gets for what is due"""
HELD_UP = 3.0
"""seconds that a loop has for a sign of life; only one that stands still takes that long"""
SYNC = frozenset(work.__code__ for work in (BaseChatModel.generate, BaseChatModel.stream, BaseTool.run))
"""what runs below a call without await"""
TOOLS_OWN = frozenset((StructuredTool._run.__code__,))
"""what runs below a tool's function, unless that is called past the tool"""
THE_KIT_S = frozenset(
    work.__code__ for work in (Agent.call_model, Agent.acall_model, Agent.take_action, Agent.atake_action)
)
MOST_WORDS = 300
"""letters of an error's text"""
MOST_EARLY = 100
"""items that a reader takes in before they are asked for; it ends when it is cancelled beyond them"""


class StreamBroke(Exception):
    """A stream failed, as the check told it to."""


class DistantSaver(InMemorySaver):
    """A saver in memory that has to be waited for, like one that is behind a network."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        await asyncio.sleep(0)
        return await super().aget_tuple(config)


async def run_turns(graph: Any, turns: Sequence[tuple[str, str]]) -> list[Any]:
    """Return the last message after each ``(thread_id, text)``, all asked at the same time."""

    async def ask(thread_id: str, text: str) -> Any:
        config = {"configurable": {"thread_id": thread_id}}
        state = await graph.ainvoke({"messages": [HumanMessage(text)]}, config)
        return state["messages"][-1]

    return await asyncio.gather(*(ask(thread_id, text) for thread_id, text in turns))


async def run_fanout(graph: Any, cities: Sequence[str]) -> dict[str, Any]:
    """Return the names of all tasks that a graph ran for some cities, and its state at the end."""
    tasks: list[str] = []
    state: Any = {}
    async for mode, event in graph.astream({"cities": list(cities)}, stream_mode=["tasks", "values"]):
        if mode == "values":
            state = event
        elif "input" in event:  # a task's begin; its end has a result
            tasks.append(str(event["name"]))
    return {"tasks": tasks, "state": dict(state)}


def make_fetch(url: str, silent: Sequence[str] = ()) -> Callable[[str], Awaitable[float | None]]:
    """Return a function that asks the model's side for a temperature; it gives ``None`` if that is silent.

    Cities in ``silent`` are not even asked for the first time: the first requests are then the second tries.
    """

    address = httpx2.URL(f"{url}/tool/{FETCH}")
    waiting = set(silent)

    async def fetch(city: str) -> float | None:
        if city in waiting:
            waiting.remove(city)
            return None
        response = await apost(address, {"city": city})
        return float(response.json()["text"]) if response.status_code == httpx2.codes.OK else None

    return fetch


async def run_in_a_node(work: Callable[..., Any], state: Any, *args: Any) -> Any:
    """Return what a function of a state and more returns that is called in a graph's node."""
    returned: list[Any] = []

    async def node(state: MessagesState) -> dict[str, Any]:
        done = work(state, *args)
        returned.append(await done if inspect.isawaitable(done) else done)
        return {}

    await StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile().ainvoke(state)
    return returned[0]


def has_own_methods(graph: Any) -> bool:
    """Return whether a graph is run and read by LangGraph's own methods, and by none of the notebook's."""
    return all(inspect.getattr_static(graph, name) is getattr(Pregel, name) for name in METHODS)


def is_exception(value: Any) -> bool:
    """Return whether something is an exception, not raised but returned."""
    return isinstance(value, BaseException)


def is_coroutine_function(value: Any) -> bool:
    """Return whether a call gives a coroutine: the handle awaits it, so its result does not tell."""
    return inspect.iscoroutinefunction(value)


def is_unawaited(value: Any) -> bool:
    """Return whether something is work that nobody waited for, and give it up, or Python would complain."""
    if isinstance(value, asyncio.Future):
        value.cancel()
        return True
    if inspect.iscoroutine(value):
        value.close()
        return True
    return False


class Watch(BaseCallbackHandler):
    """Notes how models and tools are called: with await or without, and in which thread."""

    run_inline = True  # or LangChain would call it in a thread of its own

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._stands_still = False
        self.calls: list[dict[str, Any]] = []

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self._note("model")

    def on_tool_start(self, *_: Any, **__: Any) -> None:
        self._note("tool")

    def _note(self, kind: str) -> None:
        below = set(_codes())
        elsewhere = threading.get_ident() != self._thread
        sync = not below.isdisjoint(SYNC)
        blocked = self._is_held_up() if elsewhere else sync
        kit = not below.isdisjoint(THE_KIT_S)
        self.calls.append({"kind": kind, "sync": sync, "thread": elsewhere, "blocked": blocked, "kit": kit})

    def note_function(self) -> None:
        """Note how a tool's own function is called: in the loop's thread, and past the tool."""
        past = TOOLS_OWN.isdisjoint(_codes())
        blocked = threading.get_ident() == self._thread
        self.calls.append({"kind": "function", "past": past, "blocked": blocked})

    def _is_held_up(self) -> bool:
        """Return whether the loop does nothing while another thread works."""
        if not self._stands_still:
            alive = threading.Event()
            self._loop.call_soon_threadsafe(alive.set)
            self._stands_still = not alive.wait(HELD_UP)
        return self._stands_still


def _codes() -> Iterator[Any]:
    """Yield the code of each function that is being called, the innermost first."""
    frame = sys._getframe()
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back  # type: ignore[assignment]


def watched(thing: Any, watch: Watch) -> Any:
    """Return a model or a tool that tells a watch of each call."""
    thing.callbacks = [watch]
    return thing


def make_sync_tool(url: str, name: str, watch: Watch) -> BaseTool:
    """Return a tool that has only a synchronous function, which tells a watch how it is called."""
    address = httpx2.URL(f"{url}/tool/{name}")

    def work(query: str) -> str:
        watch.note_function()
        return answer_of(post(address, {"query": query}))

    return StructuredTool.from_function(work, name=name, description="Look something up.")


class _Clock:
    """A loop's clock that can be put forward."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._time() + self.ahead


async def pass_time(seconds: float) -> None:
    """Put the loop's clock forward: what waits for a time waits no longer, and nobody has to."""
    loop: Any = asyncio.get_running_loop()
    if not isinstance(loop.time, _Clock):
        loop.time = _Clock(loop.time)
    loop.time.ahead += seconds
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def rest(task: asyncio.Future[Any], patience: float) -> bool:
    """Return whether something is done, after so many seconds at most.

    They are counted in short looks, between which the loop does what is ready: a machine that had no time
    for this process has taken nothing from it.
    """
    for _ in range(max(1, round(patience / SLICE))):
        if task.done():
            return True
        await asyncio.wait({task}, timeout=SLICE)
    return task.done()


class Attempt:
    """A call that has begun, and may be looked at before it is over."""

    def __init__(self, work: Callable[..., Any], args: Sequence[Any]) -> None:
        self.task = asyncio.ensure_future(_done(work, args))
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def rest(self, patience: float) -> bool:
        return await rest(self.task, patience)

    async def outcome(self) -> Any:
        """Return what it returned, or raise what it raised."""
        return await self.task

    def drop(self) -> None:
        self.task.cancel()


async def _done(work: Callable[..., Any], args: Sequence[Any]) -> Any:
    result = work(*args)
    return await result if inspect.isawaitable(result) else result


async def what_ends(graph: Any, thread_id: str, text: str) -> list[str]:
    """Return the types of the errors that end a turn, those in a group one by one; empty if none does."""
    config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
    try:
        await graph.ainvoke({"messages": [HumanMessage(text)]}, config)
    except Exception as error:
        return [type(one).__name__ for one in _leaves(error)]
    return []


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


class Feed:
    """A stream that yields what it is given, when it is given."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Any] = asyncio.Queue()
        self.stream = self._stream()

    async def _stream(self) -> AsyncIterator[Any]:
        # A generator on purpose: code that cancels a wait for its next item ends it.
        while (item := await self._items.get()) is not _END:
            if isinstance(item, StreamBroke):
                raise item
            yield item

    async def put(self, *items: Any, end: bool = False, error: str = "") -> None:
        """Let the stream yield some items, and after them end, or raise StreamBroke, if it is to."""
        for item in items:
            self._items.put_nowait(item)
        if error:
            self._items.put_nowait(StreamBroke(error))
        if end:
            self._items.put_nowait(_END)


class Reader:
    """Takes a stream's items one by one, and can tell that none came, and what the stream leaves behind.

    One task reads them all and closes the stream, as a loop does: what a generator enters at one item, such
    as a group of tasks, it leaves at another.
    """

    def __init__(self, items: AsyncIterable[Any]) -> None:
        self._items = aiter(items)
        self._wishes: asyncio.Queue[asyncio.Future[Any] | None] = asyncio.Queue()
        self._next: asyncio.Future[Any] | None = None
        self._before = asyncio.all_tasks()
        self._reading: asyncio.Task[None] | None = None
        self._stopping = False
        self._early: collections.deque[asyncio.Future[Any]] = collections.deque()

    async def take(self, patience: float) -> dict[str, Any]:
        """Return ``{"item": …}``, ``{"ended": True}``, or ``{}`` where nothing came: it is still awaited."""
        if self._next is None and self._early:
            self._next = self._early.popleft()
        elif self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            self._wish(self._next)
        if not await rest(self._next, patience):
            return {}
        done, self._next = self._next, None
        item = done.result()
        return {"ended": True} if item is _END else {"item": item}

    def _wish(self, wish: asyncio.Future[Any] | None) -> asyncio.Task[None]:
        """Ask for an item, or with ``None`` for the end."""
        self._wishes.put_nowait(wish)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        try:
            while (wish := await self._wished()) is not None:
                await self._pull(wish)
        finally:
            # Whatever the stream says to being given up; a group of tasks wraps what ends it.
            with contextlib.suppress(Exception, BaseExceptionGroup):
                await self._items.aclose()  # type: ignore[attr-defined]

    async def _wished(self) -> asyncio.Future[Any] | None:
        """Return the next wish, or a place for an item that nobody wished for yet.

        A stream's group of tasks cancels the task that reads, also while that waits here. A loop that takes
        one item after the other waits nowhere but for an item: there it has to be felt, and at once.
        """
        try:
            return await self._wishes.get()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or self._stopping or len(self._early) >= MOST_EARLY:
                raise
            task.uncancel()
            task.cancel()
        if not self._wishes.empty():
            return self._wishes.get_nowait()
        self._early.append(asyncio.get_running_loop().create_future())
        return self._early[-1]

    async def _pull(self, wish: asyncio.Future[Any]) -> None:
        try:
            item = await anext(self._items, _END)
        except BaseException as error:
            wish.set_exception(error)
            wish.exception()  # looked at, or asyncio would complain if nobody takes it
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            wish.set_result(item)

    async def stop(self, patience: float = PATIENCE) -> int:
        """Give the stream up; how many of the tasks begun meanwhile still run after ``patience`` seconds.

        They are cancelled then: nothing is left to complain when it is collected.
        """
        self._stopping = True
        reading = self._wish(None)
        if self._next is not None and not self._next.done():
            reading.cancel()
        await asyncio.wait({reading}, timeout=patience)
        if left := asyncio.all_tasks() - self._before - {asyncio.current_task()}:
            _, left = await asyncio.wait(left, timeout=patience)
        if left:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=patience)
        return len(left)


def make_reader(items: Any) -> Reader | None:
    """Return a reader of a stream; ``None`` where the stream is not asynchronous."""
    return Reader(items) if hasattr(type(items), "__aiter__") else None


PARTS: Mapping[str, Callable[..., Any]] = {
    "distant_saver": DistantSaver,
    "turns": run_turns,
    "fanout": run_fanout,
    "fetch": make_fetch,
    "in_a_node": run_in_a_node,
    "has_own_methods": has_own_methods,
    "is_exception": is_exception,
    "words_of": lambda error: str(error)[:MOST_WORDS],
    "is_coroutine_function": is_coroutine_function,
    "is_unawaited": is_unawaited,
    "watch": Watch,
    "watched": watched,
    "sync_tool": make_sync_tool,
    "watched_calls": lambda watch: watch.calls,
    "pass_time": pass_time,
    "attempt": Attempt,
    "rest": Attempt.rest,
    "outcome": Attempt.outcome,
    "drop": Attempt.drop,
    "what_ends": what_ends,
    "feed": Feed,
    "put": Feed.put,
    "stream_of": lambda feed: feed.stream,
    "reader": make_reader,
    "take": Reader.take,
    "stop_reading": Reader.stop,
}
