"""What the studio costs the kernel: processor time of a long thread, a large graph, and a long answer.

    .venv/bin/python benchmarks/studio.py                     half a minute
    .venv/bin/python benchmarks/studio.py --repeats 5

Each row is the processor time of the whole process, the best of several runs. `read` is what the thread's own
saver takes to give its history, which no view can shorten. An answer comes from a model that costs next to
nothing: `streamed` is the graph alone, `watched` the same with the studio beside it, drawn as in a page.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from langchain_core.language_models import BaseChatModel  # noqa: E402
from langchain_core.messages import AIMessage, AIMessageChunk  # noqa: E402
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult  # noqa: E402
from langgraph.checkpoint.memory import InMemorySaver  # noqa: E402
from langgraph.graph import END, START, MessagesState, StateGraph  # noqa: E402

from utils.views.graph import graph_picture  # noqa: E402
from utils.views.graph_svg import _layout  # noqa: E402
from utils.views.studio import Studio, studio  # noqa: E402
from utils.views.studio.live import MODES  # noqa: E402

THREAD: Any = {"configurable": {"thread_id": "1"}}
CHECKPOINTS, NODES, TOKENS = 1_000, 60, 5_000


class Talker(BaseChatModel):
    """A model that says so many words."""

    words: int

    @property
    def _llm_type(self) -> str:
        return "talker"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("word " * self.words))])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        for _n in range(self.words):
            yield ChatGenerationChunk(message=AIMessageChunk("word "))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=3)
    repeats = options.parse_args().repeats
    long = long_thread()
    row(f"{CHECKPOINTS:,} checkpoints, read", lambda: list(long.get_state_history(THREAD)), repeats)
    view = shown(long)
    row(f"{CHECKPOINTS:,} checkpoints, read and drawn", view.refresh, repeats)
    row(f"{CHECKPOINTS:,} checkpoints, one selected", lambda: view.select("c500").select("c3"), repeats)
    row(f"{CHECKPOINTS:,} checkpoints, text and page", lambda: (view.text(), view.html()), repeats)
    large = large_graph()
    row(f"{NODES} nodes, laid out and drawn", lambda: fresh(large), repeats)
    row(f"{NODES} nodes, marked anew", graph_picture(large).html, repeats)
    row(
        f"{TOKENS:,} tokens, streamed",
        lambda: [*talking().stream(QUESTION, THREAD, stream_mode=[*MODES])],
        repeats,
    )
    row(f"{TOKENS:,} tokens, watched", lambda: shown(talking()).ask("Tell me more."), repeats)
    return 0


QUESTION: Any = {"messages": [("user", "Tell me more.")]}


def long_thread() -> Any:
    """A thread with so many checkpoints, and 20 messages."""
    builder = StateGraph(MessagesState)
    builder.add_node("one", lambda state: {})
    builder.add_edge(START, "one")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"messages": [("user", f"message {n}") for n in range(20)]}, THREAD)
    for _ in range(CHECKPOINTS - 3):
        graph.update_state(THREAD, {}, as_node="one")
    return graph


def large_graph() -> Any:
    """A graph with so many nodes, in three columns with ways back."""
    names = [f"node {n}" for n in range(NODES - 2)]
    builder = StateGraph(MessagesState)
    for name in names:
        builder.add_node(name, lambda state: {})
    for first, second in pairwise(names[::3]):
        builder.add_edge(first, second)
    for n, name in enumerate(names):
        if n % 3:
            builder.add_edge(names[n - n % 3], name)
    builder.add_edge(START, names[0])
    builder.add_edge(names[-1], END)
    builder.add_edge(names[-1], names[len(names) // 2])
    return builder.compile()


def fresh(graph: Any) -> str:
    """The drawing, with its places worked out again."""
    _layout.cache_clear()
    return graph_picture(graph).html()


def talking() -> Any:
    """A graph of one node, which streams so many tokens."""
    model = Talker(words=TOKENS)
    builder = StateGraph(MessagesState)
    builder.add_node("llm", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_edge(START, "llm")
    return builder.compile(checkpointer=InMemorySaver())


def shown(graph: Any) -> Studio:
    """The studio of its thread, with the widget that a page would show."""
    view = studio(graph, THREAD)
    view.widget()
    return view


def row(name: str, work: Callable[[], Any], repeats: int) -> None:
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    print(f"{name:40}{min(times) * 1_000:>9.1f} ms", flush=True)


if __name__ == "__main__":
    sys.exit(main())
