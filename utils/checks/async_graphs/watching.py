"""What the kit's model and tools notice of how they are called: awaited, blocking, or in a thread.

It is told inside of the student's process, so it never earns a point. It only names what is wrong, also on a
provider whose requests do not tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from utils.checks.registry import Words, expect
from utils.lab.lab import Lab, Ref, Stage


class Watch:
    """Watches the model and the tools of one check."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._watch = lab.make("watch", label="watch")

    def model(self, stage: Stage) -> Ref:
        """Return a stage's model, watched."""
        return self._lab.make("watched", stage.model(), self._watch, label="model")

    def model_in_blocks(self, stage: Stage) -> Ref:
        """Return a stage's model, watched, whose content is a list of text blocks."""
        model = self._lab.make("model_in_blocks", stage.model(), label="model")
        return self._lab.make("watched", model, self._watch, label="model")

    def tool(self, stage: Stage, name: str = "search") -> Ref:
        """Return a stage's tool, watched."""
        return self._lab.make("watched", stage.tool(name), self._watch, label=name)

    def sync_tool(self, stage: Stage, name: str) -> Ref:
        """Return a tool that has only a synchronous function, watched."""
        return self._lab.make("sync_tool", stage.model_side.url, name, self._watch, label=name)

    def seen(self, kind: str = "") -> Sequence[Mapping[str, Any]]:
        """Return how what is watched was called so far, only the calls of one kind where one is named."""
        found = self._lab.part("watched_calls", self._watch)
        calls = [call for call in found if isinstance(call, Mapping)] if isinstance(found, list) else []
        return [call for call in calls if not kind or call.get("kind") == kind]

    def expect_free_loop(self, function: str, twin: str, kind: str = "") -> None:
        """Fail if the event loop stood still during a call; ``twin`` is how it is awaited."""
        blocking = [call for call in self.seen(kind) if call.get("blocked")]
        threads = any(call.get("thread") for call in blocking)
        expect(
            not blocking,
            f"{function} blocks the event loop: everything else stands still until it is done.",
            got=Words(
                "the work was done in threads, and the loop waited for them without await"
                if threads
                else "a call without await, inside async def"
            ),
            expected=f"await {twin}",
            why=(
                "A pool's map and result() wait as a blocking call does; only await lets others run."
                if threads
                else "async def alone makes nothing concurrent: it takes await ainvoke(…) inside as well."
            ),
        )

    def expect_awaited(self, kind: str) -> None:
        """Fail if the model, or a tool, was called in a way that blocks the loop, or in a thread."""
        calls = self.seen(kind)
        who = "The model" if kind == "model" else "A tool"
        expect(
            not any(call.get("kit") for call in calls),
            "The kit's Agent did the work of build_async: the nodes are yours to write.",
            got=Words("nodes that call the kit's Agent"),
            expected="nodes of your own, as build_sync has them, with await",
            why="The exercise is about the two calls inside of these nodes.",
        )
        expect(
            not any(call.get("sync") and not call.get("thread") for call in calls),
            f"{who} is called in a way that blocks the event loop: everything else waits meanwhile.",
            got=Words(f"{kind}.invoke(…) inside async def"),
            expected=f"await {kind}.ainvoke(…)",
            why=(
                "async def alone makes nothing concurrent. Inside it, invoke(…) holds the loop until the "
                "answer is there; await ainvoke(…) lets the other runs go on."
            ),
        )
        own = [call for call in calls if call.get("thread") and not call.get("sync")]
        expect(
            not own,
            f"{who} is called in an event loop of its own, hidden in a thread.",
            got=Words("asyncio.run(…), or another loop, inside of a node"),
            expected=f"await {kind}.ainvoke(…) in an async def node",
            why=(
                "A plain def node runs in a thread of LangGraph's pool, and asyncio.run(…) begins a second "
                "loop there. The run waits for a free thread all the same, and cannot be cancelled."
            ),
        )
        expect(
            not any(call.get("thread") for call in calls),
            f"{who} is called by invoke(…), hidden in a thread pool.",
            got=Words(f"{kind}.invoke(…) in another thread than the event loop's"),
            expected=f"await {kind}.ainvoke(…) in an async def node",
            why=(
                "LangGraph runs plain def nodes in threads, and asyncio.to_thread does the same. The pool "
                "has few threads (processors + 4): the next run waits for one, and none can be cancelled."
            ),
        )

    def expect_run_as_tools(self, made: int) -> None:
        """Fail if a tool's function was called past the tool, or a synchronous one in the loop's thread.

        ``made`` are the requests of tools that have a coroutine function.
        """
        calls = self.seen("function")
        expect(
            not any(call.get("blocked") for call in calls),
            "A tool with only a synchronous function blocks the event loop: everything else waits meanwhile.",
            got=Words("its function was called in the thread of the event loop"),
            expected="await tool.ainvoke(…), which runs such a function in a thread",
            why=(
                "Every tool has ainvoke, also one without a coroutine function. tool.func(…), tool.run(…) "
                "and tool.invoke(…) hold the loop until the function is done."
            ),
        )
        expect(
            not any(call.get("past") for call in calls) and len(self.seen("tool")) >= made,
            "A tool's function was called past the tool: nothing has looked at its arguments.",
            got=Words("tool.func(…), or tool.coroutine(…)"),
            expected="await tool.ainvoke(…)",
            why="The tool checks the arguments that the model wrote, and fills in what it left out.",
        )
