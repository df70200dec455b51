"""The classic mistakes get two lines above their traceback, which stays whole."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiosqlite
import nbformat
import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from nbclient import NotebookClient

from tests.notebook_runs import execute
from utils.agent import Agent
from utils.diagnostics import Diagnosis, blocked, explain
from utils.observed.blocking import Blocked

QUESTION: Any = {"messages": [("user", "hello")]}
THREAD: Any = {"configurable": {"thread_id": "1"}}


def graph(saver: Any = None) -> Any:
    return Agent(FakeListChatModel(responses=["hi"]), [], saver).graph


async def a_sync_saver_in_an_async_run() -> None:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        await graph(saver).ainvoke(QUESTION, THREAD)


async def an_async_saver_in_a_sync_run() -> None:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        graph(saver).invoke(QUESTION, THREAD)


async def a_closed_async_connection() -> None:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        agent = graph(saver)
    await agent.ainvoke(QUESTION, THREAD)


async def a_closed_connection() -> None:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        agent = graph(saver)
    agent.invoke(QUESTION, THREAD)


async def a_connection_begun_twice() -> None:
    connection = aiosqlite.connect(":memory:")
    async with connection:
        pass
    async with connection:
        pass


async def no_thread_id() -> None:
    await graph(InMemorySaver()).ainvoke(QUESTION)


async def a_second_loop() -> None:
    work = asyncio.sleep(0)
    try:
        asyncio.run(work)
    finally:
        work.close()


async def a_loop_run_again() -> None:
    work = asyncio.sleep(0)
    try:
        asyncio.get_running_loop().run_until_complete(work)
    finally:
        work.close()


async def a_manager_for_a_saver() -> None:
    graph(AsyncSqliteSaver.from_conn_string(":memory:"))


async def an_await_forgotten() -> None:
    async def node(_: Any) -> Any:
        work = asyncio.sleep(0)
        try:
            return {"messages": [work]}
        finally:
            work.close()

    from langgraph.graph import START, MessagesState, StateGraph

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    await builder.compile().ainvoke(QUESTION)


async def an_async_node_in_a_sync_run() -> None:
    from langgraph.graph import START, MessagesState, StateGraph

    async def node(_: Any) -> Any:
        return {}

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    builder.compile().invoke(QUESTION)


async def several_at_once() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(no_thread_id())


async def raised_from_another() -> None:
    try:
        await no_thread_id()
    except ValueError as error:
        raise LookupError("no answer") from error


@pytest.mark.parametrize(
    ("mistake", "what", "remedy"),
    [
        (a_sync_saver_in_an_async_run, "SqliteSaver is synchronous", "AsyncSqliteSaver"),
        (an_async_saver_in_a_sync_run, "this run is synchronous", "await graph.ainvoke"),
        (a_closed_async_connection, "is closed", "inside the block"),
        (a_closed_connection, "is closed", "inside the block"),
        (a_connection_begun_twice, "is closed", "none can be opened twice"),
        (no_thread_id, "does not say whose conversation", "thread_id"),
        (a_second_loop, "event loop is running already", "await work()"),
        (a_loop_run_again, "event loop is running already", "await work()"),
        (a_manager_for_a_saver, "not yet a saver", "async with"),
        (an_await_forgotten, "an await is missing", "await model.ainvoke"),
        (an_async_node_in_a_sync_run, "a node is asynchronous", "await graph.ainvoke"),
        (several_at_once, "does not say whose conversation", "thread_id"),
        (raised_from_another, "does not say whose conversation", "thread_id"),
    ],
    ids=lambda value: getattr(value, "__name__", "").replace("_", " "),
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_classic_mistake_is_explained_in_two_lines(
    mistake: Callable[[], Awaitable[None]], what: str, remedy: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what the test is about
        asyncio.run(mistake())  # type: ignore[arg-type]
    found = explain(caught.value)
    assert found is not None, repr(caught.value)
    first, second = str(found).splitlines()
    assert first.startswith("What happened: ")
    assert what in first
    assert second.startswith("What to do: ")
    assert remedy in second
    assert max(len(first), len(second)) <= 100


def test_a_saver_of_another_loop_is_explained(tmp_path: Path) -> None:
    async def made() -> tuple[Any, Any]:
        connection = await aiosqlite.connect(tmp_path / "memory.db")
        saver = AsyncSqliteSaver(connection)
        await many(saver)
        return connection, saver

    async def many(saver: Any) -> None:
        runs = (graph(saver).ainvoke(QUESTION, {"configurable": {"thread_id": str(n)}}) for n in range(5))
        for result in await asyncio.gather(*runs, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    connection, saver = asyncio.run(made())
    try:
        with pytest.raises(RuntimeError) as caught:
            asyncio.run(many(saver))
    finally:
        asyncio.run(connection.close())
    assert "made in another event loop" in str(explain(caught.value))


class Untellable(RuntimeError):
    def __str__(self) -> str:
        raise LookupError


@pytest.mark.parametrize(
    "error",
    [
        ValueError("something else"),
        RuntimeError("no active connection"),
        KeyError("thread_id"),
        sqlite3.OperationalError("database is locked"),
        Untellable(),
        KeyboardInterrupt(),
        ExceptionGroup("several", [ValueError("a"), ValueError("b")]),
    ],
    ids=repr,
)
def test_other_errors_explain_themselves(error: BaseException) -> None:
    assert explain(error) is None


def test_an_endless_chain_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert explain(first) is None


def test_what_came_from_a_cell_is_escaped() -> None:
    html = blocked(Blocked("f", 1, "<script>alert(1)</script>"))._repr_mimebundle_()["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_two_lines_have_a_form_for_each_medium() -> None:
    bundle = Diagnosis("it broke.", "mend it.")._repr_mimebundle_()
    assert bundle["text/plain"] == "What happened: it broke.\nWhat to do: mend it."
    assert "<dd>mend it.</dd>" in bundle["text/html"]


# In a notebook

SETUP = 'from utils import setup\nkit = setup("03_async_graphs")'
IMPORTS = (
    "import asyncio, time\nfrom langgraph.checkpoint.memory import InMemorySaver\n"
    "from langgraph.checkpoint.sqlite import SqliteSaver\nfrom utils.agent import Agent\n"
    "question = {'messages': [('user', 'What is the weather in Oslo?')]}\n"
    "config = {'configurable': {'thread_id': '1'}}"
)
CELLS = {
    "setup": SETUP,
    "imports": IMPORTS,
    "wrong saver": (
        "with SqliteSaver.from_conn_string(':memory:') as saver:\n"
        "    await Agent(kit.model(), [], saver).graph.ainvoke(question, config)"
    ),
    "asyncio.run": "work = asyncio.sleep(0)\ntry:\n    asyncio.run(work)\nfinally:\n    work.close()",
    "closed": "Agent(kit.model(), [], saver).graph.invoke(question, config)",
    "no thread": "Agent(kit.model(), [], InMemorySaver()).graph.invoke(question)",
    "other error": "1 / 0",
    "blocking": (
        "async def slow(state):\n    time.sleep(0.7)\n    return {}\n\n"
        "from langgraph.graph import START, MessagesState, StateGraph\n"
        "builder = StateGraph(MessagesState)\n"
        "builder.add_node('slow', slow)\n"
        "builder.add_edge(START, 'slow')\n"
        "graph = builder.compile()\n"
        "state = await graph.ainvoke(question)"
    ),
    "blocking again": "state = await graph.ainvoke(question)",
    "blocking, run again": "",
    "a helper blocks": (
        "def wait():\n    time.sleep(0.7)\n\nasync def helped():\n    wait()\n\n"
        "await asyncio.gather(helped(), asyncio.sleep(0))\nNone"
    ),
    "sync cell": "time.sleep(0.6)",
    "cell with await": "await asyncio.sleep(0)\ntime.sleep(0.6)",
    "sync graph": (
        "from langgraph.graph import START, MessagesState, StateGraph\n"
        "def patient(state):\n    time.sleep(0.6)\n    return {}\n\n"
        "builder = StateGraph(MessagesState)\nbuilder.add_node('patient', patient)\n"
        "builder.add_edge(START, 'patient')\nstate = builder.compile().invoke(question)"
    ),
    "awaiting": "async def waits():\n    await asyncio.sleep(0.6)\n\nawait waits()",
    "in a thread": "async def threaded():\n    await asyncio.to_thread(time.sleep, 0.6)\n\nawait threaded()",
}

CELLS["blocking, run again"] = CELLS["blocking"]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The outputs of all cells, run once in a kernel of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LLM_MODE", "replay"), ("REPLAY_PACE", "off"), ("NO_COLOR", "1")):
            patch.setenv(name, value)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.values()])
        folder = tmp_path_factory.mktemp("labs")
        NotebookClient(
            made, timeout=60, allow_errors=True, resources={"metadata": {"path": str(folder)}}
        ).execute()
    return dict(zip(CELLS, (cell.outputs for cell in made.cells), strict=True))


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("cell", "what", "name", "source"),
    [
        ("wrong saver", "SqliteSaver is synchronous", "NotImplementedError", "ainvoke"),
        ("asyncio.run", "event loop is running already", "RuntimeError", "asyncio.run(work)"),
        ("closed", "is closed", "ProgrammingError", "graph.invoke"),
        ("no thread", "does not say whose conversation", "ValueError", "graph.invoke"),
    ],
)
def test_in_a_notebook_two_lines_stand_above_the_whole_traceback(
    outputs: dict[str, list[Any]], cell: str, what: str, name: str, source: str
) -> None:
    shown, error = outputs[cell]
    assert what in shown.data["text/plain"]
    assert len(shown.data["text/plain"].splitlines()) == 2
    assert error.output_type == "error"
    assert error.ename == name
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    assert source in trace
    assert "What happened" not in trace
    assert "utils/notebook/ipython.py" not in trace


@pytest.mark.kernel
def test_an_error_that_explains_itself_is_shown_as_ever(outputs: dict[str, list[Any]]) -> None:
    (error,) = outputs["other error"]
    assert error.ename == "ZeroDivisionError"


@pytest.mark.kernel
def test_a_blocking_call_in_an_async_node_is_told_once_below_the_cell(
    outputs: dict[str, list[Any]],
) -> None:
    (shown,) = outputs["blocking"]
    first, second = shown.data["text/plain"].splitlines()
    assert first == (
        "What happened: slow held up the event loop, and nothing else could run (line 2: time.sleep(0.7))."
    )
    assert "asyncio.to_thread" in second
    assert outputs["blocking again"] == []
    assert len(outputs["blocking, run again"]) == 1, "a cell that is run again defines its functions anew"
    (helped,) = outputs["a helper blocks"]
    assert "(line 5: wait())" in helped.data["text/plain"]


@pytest.mark.kernel
@pytest.mark.parametrize("cell", ["sync cell", "cell with await", "sync graph", "awaiting", "in a thread"])
def test_what_may_take_its_time_is_not_told(outputs: dict[str, list[Any]], cell: str) -> None:
    assert outputs[cell] == []


@pytest.mark.kernel
def test_under_papermill_the_lines_are_kept_with_the_error(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(CELLS[name]) for name in ("setup", "imports", "no thread")]
    notebook = tmp_path / "mistake.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), notebook)
    with pytest.raises(pytest.fail.Exception, match="Checkpointer requires one or more"):
        execute(notebook, tmp_path / "done.ipynb")
    done = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    told = [o.output_type for o in done.cells[-1].outputs]
    assert told == ["display_data", "error"]
