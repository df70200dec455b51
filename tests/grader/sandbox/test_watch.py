from __future__ import annotations

import contextlib
import logging
import os
import queue
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.sandbox import watch
from grader.sandbox.watch import Bounds, MemoryWatch, Over, use
from tests.grader.sandbox import plain_jail
from tests.grader.sandbox.plain_jail import PYTHON, SECONDS

MIB = 2**20
FAST = 0.005
pytestmark = pytest.mark.skipif(bool(watch.lacking()), reason=watch.lacking() or "it can be watched")

SAYS = """
import ctypes, mmap, os, signal, sys, threading
MIB = 2**20
def say(word="ready"):
    os.write(1, word.encode() + b"\\n")
def wait():
    os.read(0, 1)
"""


class Program:
    """A Python program that says when it has come to a point, and waits there until told."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.pid = process.pid

    def said(self) -> str:
        assert self.process.stdout is not None
        word = b""
        while not word.endswith(b"\n"):
            assert select.select([self.process.stdout], [], [], SECONDS)[0], "nothing comes any more"
            word += (byte := self.process.stdout.read(1))
            assert byte, f"it ended after {word!r}"
        return word.decode().strip()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"x")


@contextlib.contextmanager
def program(code: str, before: list[str] | None = None) -> Iterator[Program]:
    """Its end is the end of all that it started, as they wait for the same pipe."""
    words = [*(before or []), PYTHON if before else sys.executable, "-I", "-c", SAYS + code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


@contextlib.contextmanager
def jail(code: str) -> Iterator[Program]:
    plain_jail.needed()
    with program(code, plain_jail.bwrap()) as started:
        yield started


GROWS = "say(); wait(); mine = bytearray(200 * MIB); say('grown'); wait()"
FORKS = """
mine = bytearray(100 * MIB)
for _ in range(6):
    if os.fork() == 0:
        say(); wait(); os._exit(0)
wait()
"""


def test_a_process_that_grows_is_told_of_once():
    seen: queue.Queue[Over] = queue.Queue()
    with MemoryWatch(FAST) as watching, program(GROWS) as child:
        assert child.said() == "ready"
        with watching.over(child.pid, Bounds(100 * MIB), seen.put):
            child.go_on()
            over = seen.get(timeout=SECONDS)
            assert over.what == "memory"
            assert over.use.exact
            assert 100 * MIB < over.use.memory < 260 * MIB
            assert child.said() == "grown"
            child.go_on()
            child.process.wait(SECONDS)
    assert seen.empty()


def test_who_is_told_may_kill_and_leave_at_once():
    seen: queue.Queue[Over] = queue.Queue()
    with MemoryWatch(FAST) as watching, program(GROWS) as child, contextlib.ExitStack() as stack:

        def end(over: Over) -> None:
            os.kill(child.pid, signal.SIGKILL)
            stack.close()
            seen.put(over)

        child.said()
        stack.enter_context(watching.over(child.pid, Bounds(100 * MIB), end))
        child.go_on()
        seen.get(timeout=SECONDS)
        assert child.process.wait(SECONDS) == -signal.SIGKILL


def test_forks_that_share_everything_with_their_parent_are_counted_once():
    with program(FORKS) as child:
        for _ in range(6):
            assert child.said() == "ready"
        cheap, exact = use(child.pid), use(child.pid, exact=True)
        assert cheap.tasks == exact.tasks == 7
        assert cheap.memory > 700 * MIB
        assert 100 * MIB < exact.memory < 200 * MIB


def test_forks_that_share_are_not_over_the_limit_and_forks_that_write_are():
    seen: queue.Queue[Over] = queue.Queue()
    code = """
mine = bytearray(40 * MIB)
for _ in range(5):
    if os.fork() == 0:
        say(); wait()
        for at in range(0, len(mine), 4096):
            mine[at] = 1
        say("written"); wait(); os._exit(0)
signal.pause()
"""
    with MemoryWatch(FAST) as watching, program(code) as child:
        for _ in range(5):
            assert child.said() == "ready"
        assert use(child.pid).memory > 200 * MIB
        with looked_at(child.pid, Bounds(150 * MIB)) as jailed:
            assert watch._over(jailed) is None
            assert jailed.exact_after > 0
        with watching.over(child.pid, Bounds(150 * MIB), seen.put):
            for _ in range(5):
                child.go_on()
            assert seen.get(timeout=SECONDS).what == "memory"


@contextlib.contextmanager
def looked_at(pid: int, bounds: Bounds) -> Iterator[watch._Jail]:
    handle = os.open(f"/proc/{pid}", os.O_RDONLY)
    try:
        yield watch._Jail(pid, handle, bounds, lambda _: None)
    finally:
        os.close(handle)


def test_an_exact_look_is_followed_by_a_rest(monkeypatch):
    clock = iter([10.0, 11.0, 12.0, 20.1, 20.2])
    monkeypatch.setattr(watch.time, "monotonic", lambda: next(clock))
    with program(FORKS) as child:
        for _ in range(6):
            child.said()
        with looked_at(child.pid, Bounds(400 * MIB)) as jailed:
            assert watch._over(jailed) is None
            assert jailed.exact_after == 11 + 9 * 1
            assert watch._over(jailed) is None  # at 12, without a look
            assert jailed.exact_after == 20
            assert watch._over(jailed) is None  # from 20.1 to 20.2
            assert jailed.exact_after == pytest.approx(21.1)
    assert next(clock, None) is None


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("shared pages", "mine = mmap.mmap(-1, 60 * MIB); mine.write(b'x' * len(mine))"),
        (
            "page tables without a page",
            """
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
size = 1 << 36
at = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, 0)  # private, no reserve, to be read only
libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(size), 15)  # no huge pages
for place in range(at, at + size, 2 * MIB):
    ctypes.c_char.from_address(place).value
""",
        ),
    ],
)
def test_other_ways_to_use_memory_count_too(what, code):
    with program(f"{code}\nsay(); wait()") as child:
        assert child.said() == "ready"
        for exact in (False, True):
            assert use(child.pid, exact=exact).memory > 60 * MIB, what


def test_what_threads_start_and_what_lost_its_parent_is_counted_in_a_jail():
    code = """
def start():
    if os.fork() == 0:
        mine = bytearray(30 * MIB)
        say(str(os.getppid() != 1)); wait(); os._exit(0)
thread = threading.Thread(target=lambda: (start(), wait()))
thread.start()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        mine = bytearray(50 * MIB)
        while os.getppid() != 1:  # its parent ends right now
            os.sched_yield()
        say("orphan"); wait(); os._exit(0)
    os._exit(0)
os.wait3(0)
say("main"); wait()
"""
    with jail(code) as child:
        assert sorted(child.said() for _ in range(3)) == ["True", "main", "orphan"]
        for exact in (False, True):
            now = use(child.pid, exact=exact)
            assert now.tasks == 2 + 2 + 2  # bubblewrap twice, two threads, two more processes
            assert 80 * MIB < now.memory < 130 * MIB


def test_exact_figures_of_a_jail_can_be_read_by_whoever_started_it(tmp_path):
    """Not only by root: a reader with the jail's own user id, outside its namespaces, must do."""
    code = "import sys; from grader.sandbox.watch import use; print(use(int(sys.argv[1]), exact=True).memory)"
    with jail(FORKS) as child:
        for _ in range(6):
            child.said()
        words = [*plain_jail.ordinary(), PYTHON, "-B", "-c", _readable(code, tmp_path), str(child.pid)]
        read = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert read.returncode == 0, read.stderr
        assert 100 * MIB < int(read.stdout) < 200 * MIB


def _readable(code: str, folder: Path) -> str:
    """The same with the modules' text in it: another user may not be able to enter the folder they are in."""
    root = Path(__file__).resolve().parents[3]
    made = "import sys, types\n"
    for name in (
        "utils",
        "utils.errors",
        "grader",
        "grader.errors",
        "grader.jail",
        "grader.jail.schedule",
        "grader.sandbox",
        "grader.sandbox.watch",
    ):
        path = root.joinpath(*name.split("."))
        text = path.with_suffix(".py").read_text("utf-8") if path.with_suffix(".py").exists() else ""
        made += f"module = sys.modules[{name!r}] = types.ModuleType({name!r})\nmodule.__path__ = []\n"
        made += f"exec({text!r}, module.__dict__)\n"
    return made + code


def test_a_process_that_hides_counts_in_full():
    """What its user may not read is counted by what everybody may."""
    hides = "ctypes.CDLL(None).prctl(4, 0)\n"
    with program(hides + "mine = bytearray(50 * MIB); say(); wait()") as child:
        child.said()
        read = watch._read

        def refused(path: str) -> bytes:
            return b"" if path.endswith("smaps_rollup") else read(path)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(watch, "_read", refused)
            assert use(child.pid, exact=True).memory == use(child.pid).memory > 50 * MIB


@pytest.mark.parametrize(
    "code",
    [
        "for _ in range(30): os.fork() or (say(), wait(), os._exit(0))\nwait()",
        "for _ in range(30): threading.Thread(target=lambda: (say(), wait())).start()",
    ],
    ids=["processes", "threads"],
)
def test_too_many_processes_or_threads_are_told_of(code):
    seen: queue.Queue[Over] = queue.Queue()
    with MemoryWatch(FAST) as watching, program(code) as child:
        for _ in range(30):
            child.said()
        assert use(child.pid).tasks == 31
        with watching.over(child.pid, Bounds(10_000 * MIB, tasks=31), seen.put):
            pass
        with watching.over(child.pid, Bounds(10_000 * MIB, tasks=20), seen.put):
            over = seen.get(timeout=SECONDS)
        assert over.what == "tasks"
        assert over.use.tasks > 20
    assert seen.empty()


def test_one_thread_looks_after_all_jails_and_one_jail_costs_no_other():
    seen: queue.Queue[str] = queue.Queue()
    before = threading.active_count()
    with MemoryWatch(FAST) as watching, contextlib.ExitStack() as stack:
        children = [stack.enter_context(program(GROWS)) for _ in range(3)]
        for number, child in enumerate(children):
            child.said()
            tell = _teller(seen, str(number))
            stack.enter_context(watching.over(child.pid, Bounds(100 * MIB), tell))
        assert threading.active_count() == before + 1
        children[1].go_on()
        assert seen.get(timeout=SECONDS) == "1"
        children[0].process.kill()
        children[0].process.wait(SECONDS)
        children[2].go_on()
        assert seen.get(timeout=SECONDS) == "2"
    assert threading.active_count() == before


def _teller(seen: queue.Queue[str], name: str):
    return lambda _: seen.put(name)


def test_a_callback_that_fails_is_logged_and_the_watch_goes_on(caplog):
    seen: queue.Queue[Over] = queue.Queue()

    def fails(_: Over) -> None:
        raise OSError("no such luck")

    with MemoryWatch(FAST) as watching, program(GROWS) as first, program(GROWS) as second:
        first.said(), second.said()
        with watching.over(first.pid, Bounds(1), fails), watching.over(second.pid, Bounds(1), seen.put):
            seen.get(timeout=SECONDS)
    assert [(r.levelno, r.message) for r in caplog.records] == [
        (logging.ERROR, "A jail with too much memory could not be ended")
    ]


def test_nothing_is_told_after_a_watch_was_left_even_if_it_was_just_being_looked_at(monkeypatch):
    looking, left = threading.Event(), threading.Event()
    seen: list[Over] = []
    look = watch._over

    def slow(jail: watch._Jail) -> Over | None:
        looking.set()
        assert left.wait(SECONDS)
        return look(jail)

    monkeypatch.setattr(watch, "_over", slow)
    with MemoryWatch(FAST) as watching, program(GROWS) as child:
        child.said()
        with watching.over(child.pid, Bounds(1), seen.append):
            assert looking.wait(SECONDS)
        left.set()
    assert seen == []


def test_a_process_that_has_ended_is_told_nothing_of_even_if_its_number_is_used_again():
    seen: list[Over] = []
    with MemoryWatch(FAST) as watching, program("pass") as child:
        unlimited = watching.over(child.pid, Bounds(10_000 * MIB), seen.append)
        with unlimited, looked_at(child.pid, Bounds(0)) as ended:
            child.process.wait(SECONDS)
            ended.pid = os.getpid()  # as if the number were now this one's
            with pytest.raises(ProcessLookupError):
                watch._over(ended)
        with watching.over(child.pid, Bounds(0), seen.append):
            pass
    assert seen == []


def test_no_descriptor_is_left_open():
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = opened()
    seen: queue.Queue[Over] = queue.Queue()
    with MemoryWatch(FAST) as watching, program(GROWS) as child:
        child.said()
        inside = opened()
        for _ in range(20):
            with watching.over(child.pid, Bounds(1), seen.put):
                seen.get(timeout=SECONDS)
            with watching.over(child.pid, Bounds(10_000 * MIB), seen.put):
                pass
        with watching._changed:
            assert watching._seen is None
            assert opened() == inside
    assert opened() == before


def test_where_memory_cannot_be_watched_nothing_starts(monkeypatch):
    monkeypatch.setattr(watch, "lacking", lambda: "the kernel does not list children")
    with pytest.raises(GraderError, match="does not list children") as told, MemoryWatch():
        pass
    assert told.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b"Name:\tx\nRssAnon:\t      12 kB\nRssShmem:\t       3 kB\nVmSwap:\t 1 kB\nVmPTE:\t 4 kB\n",
            20 * 1024,
        ),
        (b"Name:\tzombie\nState:\tZ\n", 0),
        (b"", 0),
        (b"Name:\tRssAnon: 999 kB\nRssAnon:\t1 kB\n", 1024),
    ],
)
def test_figures_are_read_by_the_beginnings_of_lines(text, expected):
    assert watch._sum(text, watch._CHEAP) == expected
