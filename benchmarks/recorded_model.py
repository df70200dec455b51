"""What the recorded model costs, beside a fake model without any HTTP, measured in one run.

``recorded`` is a notebook's own model, ``checks`` the one that checks pass in. A turn is one of the kit's
agent: two questions to the model and one to a tool.

    .venv/bin/python benchmarks/recorded_model.py            everything, about a minute
    .venv/bin/python benchmarks/recorded_model.py --quick    a fifth of the calls, no papermill
    .venv/bin/python benchmarks/recorded_model.py --provider anthropic    the calls of another protocol

CPU is that of the whole process, so client and server together; waiting costs nothing. The answer has 25
pieces, like the answer of the course notes whose tokens were counted. Figures vary by a tenth from run to run
and more beside a busy machine: compare ratios, not digits.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from rich.console import Console
from rich.table import Table

from utils.agent import Agent
from utils.checks.weather import City, asked, conversation
from utils.lab.parts import make_model, make_tool
from utils.providers import PROVIDERS
from utils.replay.conversation import AnswerTurn, Conversation, Origin, Scenario, UserTurn
from utils.replay.server import ReplayServer
from utils.replay.wires.base import split

ROOT = Path(__file__).resolve().parent.parent
SOLUTION = ROOT / "solutions" / "01_persistence.ipynb"
QUESTION = "What is the weather in sf?"
ANSWER = "The current weather in San Francisco is sunny, at 20.5 °C. Winds come from the west, 15 mph."
OSLO = City("Oslo", 3.4)
ROUNDS = 5
RESPONSES = "openai-responses"
"""OpenAI's other protocol, by the name of its wire"""

# The design's figures: milliseconds, seconds for papermill.
TARGETS = {"invoke": 2.0, "astream": 4.0, "setup": 150.0, "papermill": 10.0}

SETUP = """
import time
import langgraph.graph, langgraph.checkpoint.memory, langgraph.checkpoint.sqlite
import langchain_openai, langchain_core.messages, langchain_core.tools
import warnings; warnings.simplefilter("ignore")
import langchain_community.tools.tavily_search
wall, cpu = time.perf_counter(), time.process_time()
from utils import setup
between = time.perf_counter()
kit = setup("01_persistence")
print()
print(1000 * (between - wall), 1000 * (time.perf_counter() - between), 1000 * (time.process_time() - cpu))
"""


def recorded() -> Scenario:
    turns = (UserTurn(user=QUESTION), AnswerTurn(answer=ANSWER))
    weather = Conversation(name="sf", origin=Origin(kind="authored"), turns=turns)
    return Scenario(conversations=(weather, conversation("oslo", asked(OSLO))))


def fake() -> GenericFakeChatModel:
    """A model that answers the same for ever, word by word: what LangChain itself costs."""

    def for_ever() -> Any:
        while True:
            yield AIMessage(ANSWER)

    return GenericFakeChatModel(messages=for_ever())


def per_call(works: Mapping[str, Callable[[], object]], calls: int) -> dict[str, float]:
    """Median milliseconds of CPU per call, of several rounds; in each round everything has its turn."""
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            work()
            start = time.process_time()
            for _ in range(calls):
                work()
            rounds[name].append((time.process_time() - start) / calls * 1000)
    return {name: statistics.median(found) for name, found in rounds.items()}


def per_await(works: Mapping[str, Callable[[], Awaitable[object]]], calls: int) -> dict[str, float]:
    """The same for coroutine functions, in one loop."""

    async def measure() -> dict[str, float]:
        rounds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                await work()
                start = time.process_time()
                for _ in range(calls):
                    await work()
                rounds[name].append((time.process_time() - start) / calls * 1000)
        return {name: statistics.median(found) for name, found in rounds.items()}

    return asyncio.run(measure())


def model_of(name: str, url: str) -> Any:
    """A chat model that speaks a protocol to the session at ``url``."""
    provider = PROVIDERS["openai" if name == RESPONSES else name]
    model = provider.make(url + provider.path)
    return model.model_copy(update={"use_responses_api": True}) if name == RESPONSES else model


def ways(models: Mapping[str, Any], calls: int) -> dict[str, dict[str, float]]:
    """Milliseconds of CPU for each way to call each model."""

    async def astream(model: Any) -> None:
        async for _ in model.astream(QUESTION):
            pass

    def each(work: Callable[[Any], Any]) -> dict[str, Callable[[], Any]]:
        return {name: functools.partial(work, model) for name, model in models.items()}

    return {
        "invoke": per_call(each(lambda model: model.invoke(QUESTION)), calls),
        "stream": per_call(each(lambda model: list(model.stream(QUESTION))), calls),
        "ainvoke": per_await(each(lambda model: model.ainvoke(QUESTION)), calls),
        "astream": per_await(each(astream), calls),
    }


def turns(models: Mapping[str, Any], url: str, calls: int) -> dict[str, dict[str, float]]:
    """The same for a turn of the kit's agent: the model is asked, a tool, and the model once more."""
    graphs = {name: Agent(model, [make_tool(url, "search")]).graph for name, model in models.items()}
    question: Any = {"messages": [HumanMessage(OSLO.question)]}

    async def astream(graph: Any) -> None:
        async for _ in graph.astream(question, stream_mode="messages"):
            pass

    def each(work: Callable[[Any], Any]) -> dict[str, Callable[[], Any]]:
        return {name: functools.partial(work, graph) for name, graph in graphs.items()}

    return {
        "turn, invoke": per_call(each(lambda graph: graph.invoke(question)), calls),
        "turn, ainvoke": per_await(each(lambda graph: graph.ainvoke(question)), calls),
        "turn, astream": per_await(each(astream), calls),
    }


def server_share(work: Callable[[], object], calls: int) -> float:
    """Milliseconds of the server's own thread per call; nan where that cannot be told apart."""
    thread = next(thread for thread in threading.enumerate() if thread.name == "recorded-model")
    if not hasattr(time, "pthread_getcpuclockid") or thread.ident is None:
        return float("nan")
    clock = time.pthread_getcpuclockid(thread.ident)
    start = time.clock_gettime(clock)
    for _ in range(calls):
        work()
    return (time.clock_gettime(clock) - start) / calls * 1000


def column(measured: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    """What was measured of one model, by the way it was called."""
    return {way: ms[name] for way, ms in measured.items() if name in ms}


def shown(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.2f}"


def setup_cost() -> tuple[float, float, float]:
    """Median milliseconds, in fresh processes, after the imports that a lab needs anyway.

    Of importing the kit, of setup() itself, and the CPU of both.
    """
    figures = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", SETUP], capture_output=True, text=True, check=True, cwd=ROOT, env=quiet()
        )
        figures.append([float(word) for word in done.stdout.splitlines()[-1].split()])
    first, second, third = (statistics.median(column) for column in zip(*figures, strict=True))
    return first, second, third


def papermill_seconds(notebook: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        words = [str(notebook), f"{folder}/out.ipynb", "-k", "python3", "--no-progress-bar", "--cwd"]
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "papermill", *words, str(notebook.parent)],
            check=True,
            capture_output=True,
            env=quiet(),
        )
        return time.perf_counter() - start


def quiet() -> dict[str, str]:
    return os.environ | {"LLM_MODE": "replay", "LLM_PROVIDER": "openai", "REPLAY_PACE": "off"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="fewer calls and no papermill")
    arguments.add_argument("--json", action="store_true", help="figures as JSON")
    arguments.add_argument("--provider", choices=(*PROVIDERS, RESPONSES), default="openai")
    chosen = arguments.parse_args()
    calls = 40 if chosen.quick else 200

    server = ReplayServer().start()
    session = server.open(recorded())
    model = model_of(chosen.provider, session.url)
    real = {"recorded": model}
    if chosen.provider != RESPONSES:
        real["checks"] = make_model(session.url, chosen.provider)
    measured = ways({**real, "fake": fake()}, calls) | turns(real, session.url, calls // 2)
    share = {
        "invoke": server_share(lambda: model.invoke(QUESTION), calls),
        "stream": server_share(lambda: list(model.stream(QUESTION)), calls),
    }
    server.close()
    figures: dict[str, Any] = {
        "provider": chosen.provider,
        **{f"{name}_ms": column(measured, name) for name in (*real, "fake")},
        "server_ms": share,
    }

    title = (
        f"{chosen.provider}: CPU per call in ms, client and server; {len(split(ANSWER))} pieces per stream"
    )
    table = Table(title=title)
    for head in ("", "recorded", "checks", "its server", "fake model", "ratio", "target"):
        table.add_column(head, justify="right" if head else "left")
    for way, ms in measured.items():
        told = [shown(found.get(way)) for found in (column(measured, "recorded"), column(measured, "checks"))]
        ratio = f"{ms['recorded'] / ms['fake']:.1f}" if "fake" in ms else ""
        wanted = f"{TARGETS[way]:g}" if way in TARGETS else ""
        table.add_row(way, *told, shown(share.get(way)), shown(ms.get("fake")), ratio, wanted)

    importing, starting, cpu = setup_cost()
    figures["setup_ms"] = {"import": importing, "setup": starting, "cpu": cpu}
    told = f"{importing:.0f} ms to import the kit and {starting:.0f} ms to run, {cpu:.0f} ms of CPU"
    lines = [f"setup(), beyond a lab's own imports: {told}; target {TARGETS['setup']:g} ms"]
    if not chosen.quick and SOLUTION.is_file():
        seconds = figures["papermill_s"] = papermill_seconds(SOLUTION)
        lines.append(f"papermill of {SOLUTION.name}: {seconds:.1f} s; target {TARGETS['papermill']:g} s")

    if chosen.json:
        print(json.dumps(figures, indent=1))
        return
    console = Console()
    console.print(table)
    for line in lines:
        console.print(line)


if __name__ == "__main__":
    main()
