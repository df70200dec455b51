"""How long the pictures take, and how large they are: long threads, long streams, many calls.

    .venv/bin/python benchmarks/views.py                      a few seconds
    .venv/bin/python benchmarks/views.py --repeats 20

Each row is one picture: the best of several runs of its text and of its HTML, and the bytes of the HTML.
`read` is what the thread's own saver takes to give its history, which no picture can shorten; `pressed` is a
press on the list of checkpoints, with all that is drawn anew.
"""

from __future__ import annotations

import argparse
import operator
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypedDict

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from langgraph.checkpoint.memory import InMemorySaver  # noqa: E402
from langgraph.graph import START, StateGraph  # noqa: E402

from utils.views import Moment, checkpoint_explorer, checkpoint_tree, gantt, token_timeline  # noqa: E402

THREAD: Any = {"configurable": {"thread_id": "1"}}


class Asked(NamedTuple):
    opened_at: float
    finished_at: float
    args: dict[str, str]
    kind: str = "search"


class Count(TypedDict):
    n: Annotated[int, operator.add]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=5)
    repeats = options.parse_args().repeats
    print(f"{'':34}{'text':>10}{'html':>10}{'bytes':>10}")
    for tokens in (50, 5_000):
        moments = [Moment("llm", "token", "word", at=n / 100, open=1) for n in range(tokens)]
        row(f"timeline, {tokens:,} tokens", token_timeline(moments), repeats)
    for calls in (10, 1_000):
        asked = [Asked(n / 3, n / 3 + 1, {"query": f"weather in city {n}"}) for n in range(calls)]
        row(f"gantt, {calls:,} calls", gantt(asked), repeats)
    for checkpoints in (20, 1_000):
        graph = thread(checkpoints)
        explorer = checkpoint_explorer(graph, THREAD)
        row(f"tree, {checkpoints:,} checkpoints", checkpoint_tree(graph.get_state_history(THREAD)), repeats)
        row(f"explorer, {checkpoints:,} checkpoints", explorer, repeats)
        explorer.widget()
        print(f"{'  read':34}{best(lambda g=graph: list(g.get_state_history(THREAD)), repeats)}")
        print(f"{'  read and drawn':34}{best(explorer.refresh, repeats)}")
        print(f"{'  pressed':34}{best(lambda e=explorer: e.select('c3'), repeats)}")
    return 0


def thread(checkpoints: int) -> Any:
    """A thread with so many checkpoints."""
    builder = StateGraph(Count)
    builder.add_node("one", lambda state: {"n": 1})
    builder.add_edge(START, "one")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"n": 0}, THREAD)
    for _ in range(checkpoints - 3):
        graph.update_state(THREAD, {"n": 1}, as_node="one")
    return graph


def row(name: str, view: Any, repeats: int) -> None:
    print(f"{name:34}{best(view.text, repeats)}{best(view.html, repeats)}{len(view.html().encode()):>10,}")


def best(work: Callable[[], Any], repeats: int) -> str:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return f"{min(times) * 1_000:>7.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
