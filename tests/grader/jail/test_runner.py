"""The runner as a process: cells in order, whatever they do, and questions after them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from grader.jail import runner
from grader.jail.frames import Closed, TimedOut
from grader.jail.job import Cell
from tests.grader.jail.jailed import ROOT, Jailed, jailed, text
from utils.notebook import kit

SHORT = {"cell_cpu": 0.3, "cell_wall": 0.6}


@pytest.fixture
def process(tmp_path: Path) -> Any:
    with jailed(tmp_path) as started:
        yield started


def statuses(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["status"] for frame in frames]


# Cells


def test_cells_run_in_order_in_one_namespace(process: Jailed) -> None:
    frames = process.run("x = [1]", "x.append(2)", "print(x)\nx")
    assert [(f["id"], f["number"], f["status"], f["error"]) for f in frames] == [
        ("c0", 0, "ok", None),
        ("c1", 1, "ok", None),
        ("c2", 2, "ok", None),
    ]
    assert [output["output_type"] for output in frames[2]["outputs"]] == ["stream", "execute_result"]
    assert process.finished["twice"] == {}
    assert process.end() == 0


def test_in_step_a_cell_begins_when_the_one_before_it_has_been_looked_at(
    process: Jailed, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    process.begin("1", f"open({str(begun)!r}, 'w').close()", "3", "4", skip={"ids": ["c2"]}, in_step=True)
    assert process.receive("cell")["status"] == "ok"
    assert not begun.exists()
    process.channel.send({})
    assert process.receive("cell")["status"] == "ok"
    process.channel.send({})
    assert [process.receive("cell")["status"] for _ in "34"] == ["skipped", "ok"]
    process.channel.send({})
    process.receive("finished")


ENDINGS = {
    "1 / 0": "ZeroDivisionError",
    "def broken(:": "SyntaxError",
    "if True:\nx = 1": "IndentationError",
    "raise SystemExit(2)": "SystemExit",
    "import sys; sys.exit()": "SystemExit",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise GeneratorExit": "GeneratorExit",
    "import asyncio; raise asyncio.CancelledError": "CancelledError",
    "await asyncio.sleep(0); raise SystemExit": "SystemExit",
    "class E(BaseException):\n    def __str__(self): raise E()\nraise E()": "E",
    "input()": "StdinNotImplementedError",
    "%no_such_magic": "UsageError",
    "exit()": None,
    "quit()": None,
    "asyncio.get_running_loop().stop()": None,
    "for t in asyncio.all_tasks(): t.cancel()": None,
    "await asyncio.sleep(0)\nfor t in asyncio.all_tasks() - {asyncio.current_task()}: t.cancel()": None,
    "async def stop(): raise SystemExit\ntask = asyncio.create_task(stop())": None,
    "async def stop(): raise KeyboardInterrupt\ntask = asyncio.create_task(stop())": None,
    "import os; [os.close(n) for n in (0, 1, 2)]; os.system('echo x')": None,
    "import sys; sys.stdout.close(); sys.stderr = None": None,
    "sys.stdout = None": None,
    "import builtins; builtins.print = None; del builtins.input": None,
    "get_ipython().showtraceback = None\n1 / 0": "TypeError",
    "get_ipython().events = None": "AttributeError",
}


def test_whatever_a_cell_does_the_next_one_runs_and_questions_are_answered(process: Jailed) -> None:
    sources = [source for way in ENDINGS for source in (way, "ran = globals().get('ran', 0) + 1")]
    frames = process.run(*sources)
    told = {way: (frame["error"] or {}).get("ename") for way, frame in zip(ENDINGS, frames[::2], strict=True)}
    calm = list(ENDINGS)[:-1]
    assert {way: told[way] for way in calm} == {way: ENDINGS[way] for way in calm}
    # The last one takes away what runs cells: they end in errors, and yet all frames come.
    assert statuses(frames[1:-1:2]) == ["ok"] * len(calm)
    answer = process.ask({"op": "get", "target": {"name": "ran"}})["answer"]
    assert answer == {"value": len(calm)}
    assert process.end() == 0


def test_a_process_that_ends_itself_is_seen_with_the_cells_before_it(process: Jailed) -> None:
    process.begin("print('kept')", "import os\nos._exit(0)", "print('never')")
    assert text(process.receive("cell")) == "kept\n"
    with pytest.raises(Closed):
        process.receive()


def test_a_cell_that_an_earlier_run_died_of_is_left_out(process: Jailed) -> None:
    frames = process.run("1", "import os\nos._exit(0)", "2", skip={"ids": ["c1"]})
    assert statuses(frames) == ["ok", "skipped", "ok"]
    assert frames[1]["why"] == "left out"


def test_only_released_demonstrations_are_skipped(process: Jailed) -> None:
    released = Cell("", "import os; os.kill(os.getpid(), 9)").hash
    frames = process.run(
        {"source": "import os; os.kill(os.getpid(), 9)", "tags": ["demo"]},
        {"source": "print('changed')", "tags": ["demo"]},
        {"source": "print('mine')", "tags": ["other"]},
        skip={"demo": [released]},
    )
    assert statuses(frames) == ["skipped", "ok", "ok"]
    assert frames[0]["why"] == "spare"


def test_a_demonstration_that_another_cell_needs_runs_before_it(process: Jailed) -> None:
    demos = ["agent = 'made'", "other = 1"]
    frames = process.run(*demos, "print(agent)", skip={"demo": [Cell("", source).hash for source in demos]})
    assert statuses(frames) == ["ok", "skipped", "ok"]
    assert text(frames[2]) == "made\n"


def test_a_demonstration_that_is_needed_is_left_out_all_the_same_if_an_earlier_run_died_of_it(
    process: Jailed,
) -> None:
    skip = {"demo": [Cell("", "agent = 1").hash], "ids": ["c0"]}
    frames = process.run("agent = 1", "print(agent)", skip=skip)
    assert statuses(frames) == ["skipped", "error"]
    assert frames[0]["why"] == "left out"


def test_names_that_two_cells_define_are_told(process: Jailed) -> None:
    process.run(
        "def ask(): return 1\nimport os", "x = 1\n!true", "def ask(): return 2\nimport os\nx: int = 2"
    )
    assert process.finished["twice"] == {"ask": ["c0", "c2"], "x": ["c1", "c2"]}
    assert process.call("ask") == {"value": 2}


def test_the_kit_is_told_that_it_is_graded(process: Jailed) -> None:
    assert runner.GRADING == kit.GRADING
    (frame,) = process.run("import os; print(os.environ['KIT_GRADING'])")
    assert text(frame) == "1\n"


@pytest.mark.parametrize(
    "command",
    [
        "%pip install nothing",
        "!pip install nothing",
        "!{sys.executable} -m pip install nothing",
        "! python3 -m pip install -q nothing",
        "%conda install nothing",
        "!conda install nothing",
        "%uv pip install nothing",
        "!/usr/bin/pip3.11 install nothing",
    ],
)
def test_no_spelling_of_install_is_overlooked(command: str, pip_cells: dict[str, dict[str, Any]]) -> None:
    frame = pip_cells[command]
    assert frame["status"] == "ok"
    assert text(frame) == f"{command}: not run here; everything that the labs need is installed.\nnext\n"


@pytest.fixture(scope="module")
def pip_cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The cells of the test above, run once for all."""
    (mark,) = test_no_spelling_of_install_is_overlooked.pytestmark
    commands = mark.args[1]
    with jailed(tmp_path_factory.mktemp("pip")) as process:
        _, *frames = process.run("import sys", *(f"{command}\nprint('next')" for command in commands))
    return dict(zip(commands, frames, strict=True))


def test_what_pip_would_have_said_can_be_kept_or_captured(process: Jailed) -> None:
    frames = process.run("lines = !pip list\nlen(lines)", "%%capture\n%pip install x", "!echo pip install")
    assert frames[0]["outputs"][0]["data"] == {"text/plain": "1"}
    assert frames[1]["outputs"] == []
    assert text(frames[2]).split() == ["pip", "install"]


# Time


@pytest.mark.parametrize(
    ("source", "ename"),
    [
        ("while True: pass", "TimeLimit"),
        ("try:\n    while True: pass\nexcept Exception: pass", "TimeLimit"),
        ("import re\nre.match('(a*)*b', 'a' * 40)", "TimeLimit"),
        ("await asyncio.sleep(60)", "CancelledError"),
        ("import time\ntime.sleep(60)", "TimeLimit"),
        ("import threading\nthreading.Event().wait()", "TimeLimit"),
        ("async def spin():\n    while True: await asyncio.sleep(0)\nawait spin()", "CancelledError"),
    ],
)
def test_a_cell_that_takes_too_long_is_stopped_and_the_next_one_runs(
    source: str, ename: str, slow_cells: dict[str, list[dict[str, Any]]]
) -> None:
    slow, following = slow_cells[source]
    assert slow["status"] == "timeout"
    assert slow["why"].startswith("more than 0.")
    # The loop is stopped in one of its cells' steps, or between two of them.
    assert slow["error"]["ename"] in {ename, "TimeLimit"}
    assert (following["status"], text(following)) == ("ok", "next\n")


@pytest.fixture(scope="module")
def slow_cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The cells of the test above and the ones after them, run once for all."""
    (mark,) = test_a_cell_that_takes_too_long_is_stopped_and_the_next_one_runs.pytestmark
    sources = [source for source, _ in mark.args[1]]
    with jailed(tmp_path_factory.mktemp("slow")) as process:
        cells = [cell for source in sources for cell in (source, "print('next')")]
        frames = process.run("import asyncio", *cells, limits=SHORT)[1:]
    return dict(zip(sources, (frames[n : n + 2] for n in range(0, len(frames), 2)), strict=True))


def test_an_alarm_between_two_steps_of_the_loop_loses_none_of_them(process: Jailed) -> None:
    spin = "async def spin():\n    while True: await asyncio.sleep(0)\nawait spin()"
    calls = "def again(): loop.call_soon(again)\nagain()\nawait asyncio.sleep(60)"
    stop = "again = lambda: None"
    sources = ["import asyncio\nloop = asyncio.get_running_loop()", *[spin, calls, stop] * 10]
    frames = process.run(*sources, limits={"cell_cpu": 0.03, "cell_wall": 0.5})
    assert statuses(frames[1:]) == ["timeout", "timeout", "ok"] * 10


def test_a_cell_that_no_alarm_stops_is_ended_from_outside(process: Jailed) -> None:
    deaf = "for n in (signal.SIGPROF, signal.SIGALRM): signal.signal(n, signal.SIG_IGN)\nwhile True: pass"
    process.begin("import signal\nprint('kept')", deaf, limits=SHORT)
    assert text(process.receive("cell")) == "kept\n"
    with pytest.raises(TimedOut):
        process.channel.receive(time.monotonic() + 1.5)
    process.process.kill()
    with pytest.raises(Closed):
        process.receive()


def test_threads_and_exit_functions_do_not_hold_up_the_end(process: Jailed, tmp_path: Path) -> None:
    process.run(
        "import atexit, pathlib, threading\natexit.register(pathlib.Path('written').touch)",
        "wait = threading.Event().wait\nfor daemon in (True, False):\n"
        "    threading.Thread(target=wait, daemon=daemon).start()",
    )
    begun = time.monotonic()
    assert process.end() == 0
    assert time.monotonic() - begun < 5
    assert list(tmp_path.iterdir()) == []


# Output


BOMBS = {
    "print": "while True: print('x' * 100_000)",
    "one print": "print('x' * 20_000_000)",
    "many prints": "while True: print('x')",
    "a value": "'x' * 5_000_000",
    "an error": "raise ValueError('x' * 5_000_000)",
    "an error after prints": "print('x' * 1_000_000)\ndisplay(1)\nraise ValueError('told')",
    "displays": "for n in range(20_000): display(n)",
    "fd 1": "import os\nwhile True: os.write(1, b'x' * 1_000_000)",
    "a subprocess": "import os\nos.system('yes')",
    "a nested value": "from IPython.display import JSON\nx = []\nfor _ in range(500): x = [x]\nJSON([x])",
    "bytes": "display({'a/b': b'x' * 10_000_000}, raw=True)",
    "no JSON": "display({'a/b': {1: object(), 'c': float('nan'), 'd': {5}}}, raw=True)",
    "half a character": "print('\\ud800')\n'\\ud800'",
}


def test_whatever_is_shown_is_dropped_and_the_next_cell_runs(tmp_path: Path, whole_kit: Path) -> None:
    sources = [cell for bomb in BOMBS.values() for cell in (bomb, "ran = globals().get('ran', 0) + 1")]
    with jailed(tmp_path, code=whole_kit) as process:
        limits = {"cell_cpu": 0.5, "file_size": 4_000_000, "data": None}
        frames = process.run(*sources, limits=limits)
        for bomb, frame in zip(BOMBS, frames[::2], strict=True):
            assert len(repr(frame)) < 3_000, bomb
        assert frames[2 * list(BOMBS).index("an error after prints")]["error"] == {
            "ename": "ValueError",
            "evalue": "told",
        }
        assert statuses(frames[1::2]) == ["ok"] * len(BOMBS)
        assert process.ask({"op": "get", "target": {"name": "ran"}})["answer"] == {"value": len(BOMBS)}


def test_what_is_written_past_python_keeps_its_place(process: Jailed) -> None:
    (frame,) = process.run(
        "import os\nprint('one')\nos.write(1, b'two\\n')\nprint('three')\nos.system('echo four');"
    )
    assert text(frame) == "one\ntwo\nthree\nfour\n"


def test_what_a_forked_process_prints_is_kept(process: Jailed) -> None:
    source = (
        "import os\npid = os.fork()\nif pid == 0:\n    print('child')\n    os._exit(0)\nos.waitpid(pid, 0);"
    )
    (frame,) = process.run(source)
    assert text(frame) == "child\n"


def test_nothing_printed_is_a_frame(process: Jailed) -> None:
    forged = '{"kind": "finished", "twice": {}}'
    frames = process.run(
        f"import os\nprint({forged!r})\nos.write(1, {forged!r}.encode())", "os.system('ls /proc/self/fd')"
    )
    assert statuses(frames) == ["ok", "ok"]


def test_programs_that_a_cell_starts_do_not_inherit_the_socket(process: Jailed) -> None:
    listing = "import os\nfor n in os.scandir('/proc/self/fd'): print(os.path.realpath(n.path))"
    (frame,) = process.run(
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {listing!r}], close_fds=False, check=True);"
    )
    assert text(frame).count("(deleted)") == 2  # what its stdout and stderr are
    assert "socket" not in text(frame)


# Questions


def test_questions_are_answered_with_fresh_values(process: Jailed) -> None:
    process.run("def double(n):\n    print('asked')\n    return 2 * n", "async def later(n): return n + 1")
    first = process.ask({"op": "call", "target": {"name": "double"}, "args": [21]})
    assert first == {"kind": "answer", "number": 1, "answer": {"value": 42}, "timeout": ""}
    assert process.call("later", 1) == {"value": 2}
    assert process.call("absent") == {"missing": "absent"}
    assert "bad" in process.ask({"op": "explode"})["answer"]


def test_what_the_code_raises_is_an_answer(process: Jailed) -> None:
    process.run("def fail(): raise SystemExit(3)", "def ok(): return 'ok'")
    assert process.call("fail")["error"]["type"] == "SystemExit"
    assert process.call("ok") == {"value": "ok"}


def test_a_question_that_takes_too_long_is_stopped_and_the_next_one_answered(process: Jailed) -> None:
    process.run(
        "def spin():\n    while True: pass",
        "import asyncio\nasync def wait(): await asyncio.Event().wait()",
        "def ok(): return 'ok'",
        limits=SHORT,
    )
    for name in ("spin", "wait"):
        frame = process.ask({"op": "call", "target": {"name": name}})
        assert frame["timeout"].startswith("more than 0.")
        assert frame["answer"]["error"]["type"] == "TimeLimit"
        assert process.call("ok") == {"value": "ok"}


def test_questions_run_on_the_loop_of_the_cells(process: Jailed) -> None:
    frames = process.run(
        "import aiosqlite\nfrom langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver\n"
        "saver = AsyncSqliteSaver(await aiosqlite.connect('kept.db'))",
        "from typing import TypedDict\nfrom langgraph.graph import START, StateGraph\n"
        "class State(TypedDict):\n    total: int\n"
        "builder = StateGraph(State)\nbuilder.add_node('add', lambda s: {'total': s['total'] + 1})\n"
        "builder.add_edge(START, 'add')\ngraph = builder.compile(checkpointer=saver)\n"
        "config = {'configurable': {'thread_id': '1'}}",
        "await graph.ainvoke({'total': 1}, config)",
        "async def ask(total): return await graph.ainvoke({'total': total}, config)",
        "async def history(): return [s.values async for s in graph.aget_state_history(config)]",
        limits={"cell_cpu": 20, "cell_wall": 30},
    )
    assert statuses(frames) == ["ok"] * 5
    assert process.call("ask", 41) == {"value": {"total": 42}}
    calls = [{"target": {"name": "ask"}, "args": [n]} for n in (1, 2)]
    answers = process.ask({"op": "gather", "calls": calls})["answer"]["values"]
    assert [answer["value"] for answer in answers] == [{"total": 2}, {"total": 3}]
    assert len(process.call("history")["value"]) == 12


def test_a_task_of_a_cell_goes_on_between_questions(process: Jailed) -> None:
    process.run(
        "import asyncio\ndone = asyncio.Event()\n"
        "async def work():\n    await asyncio.sleep(0.01)\n    done.set()",
        "task = asyncio.create_task(work())",
        "async def finished():\n    await done.wait()\n    return 'finished'",
    )
    assert process.call("finished") == {"value": "finished"}


def test_the_kits_parts_are_there_when_they_are_asked_for(tmp_path: Path) -> None:
    with jailed(tmp_path, parts=True) as process:
        process.run("1")
        answer = process.ask({"op": "call", "target": {"kit": "saver"}})["answer"]
        assert answer["value"]["type"] == "InMemorySaver"


# The job


def test_limits_are_in_force_when_the_first_cell_runs(process: Jailed) -> None:
    source = "import resource as r\nprint(r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CORE))"
    (frame,) = process.run(source, limits={"open_files": 123})
    assert process.ready["lacking"] == []
    assert text(frame) == "(123, 123) (0, 0)\n"


def test_memory_without_end_is_an_error_of_the_cell(process: Jailed) -> None:
    frames = process.run("x = bytearray(30 * 2**30)", "print('next')", limits={"data": 2**29})
    assert frames[0]["error"]["ename"] == "MemoryError"
    assert text(frames[1]) == "next\n"


def test_a_job_that_is_none_ends_the_process_at_once(process: Jailed) -> None:
    process.channel.send({"cells": [], "limits": {"no such": 1}})
    with pytest.raises(Closed):
        process.receive()
    assert process.process.stderr is not None
    assert b"there is no limit 'no such'" in process.process.stderr.read()


def test_a_grader_that_goes_away_ends_the_process(process: Jailed) -> None:
    process.begin("import time\ntime.sleep(0.05)", "1")
    assert process.end() == 0


def test_cells_import_what_lies_beside_them_but_not_in_place_of_the_kit(tmp_path: Path) -> None:
    for name in ("grader.py", "utils.py", "beside.py"):
        (tmp_path / name).write_text("print('imported')")
    with jailed(tmp_path) as process:
        frames = process.run("import beside", "import utils.lab.handle")
    assert [text(frame) for frame in frames] == ["imported\n", ""]


@pytest.fixture
def whole_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what goes into a jail, and nothing else of the grader."""
    kit = tmp_path_factory.mktemp("kit")
    (kit / "grader").mkdir()
    (kit / "grader" / "__init__.py").touch()
    for name, place in (("jail", "grader/jail"), ("../utils", "utils")):
        (kit / "grader" / name).symlink_to(ROOT / place)
    return kit


def test_the_jail_needs_nothing_else_of_the_grader(tmp_path: Path, whole_kit: Path) -> None:
    with jailed(tmp_path, code=whole_kit) as process:
        assert statuses(
            process.run("import sys\nassert not [m for m in sys.modules if m == 'grader.errors']")
        ) == ["ok"]
