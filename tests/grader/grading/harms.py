"""Notebooks that were written to hurt the grader, not to get points: each by what it does.

Nothing here runs outside a jail. What is written to a folder is put there by ``hand_in`` alone.
"""

# ruff: noqa: E501 - what stands in the texts is other people's code

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.grader.attacks.attacks import SOCKET
from tests.grader.attacks.classroom import answered, first, lean, released, solved
from tests.grader.submissions.files import LAB, data

GRADED, UNREADABLE, TIMEOUT, CRASHED, TAMPERED = "graded", "unreadable", "timeout", "crashed", "tampered"


@dataclass(frozen=True)
class Harm:
    """One hand-in that does harm."""

    kind: str
    """``parse``, ``text``, ``memory``, ``process``, ``file``, ``traffic``, ``lie`` or ``name``"""
    name: str
    cells: tuple[str, ...] = ()
    """cells before those of the lab"""
    answers: Mapping[str, str] = field(default_factory=dict)
    """code in place of an exercise's, by its number; the other exercises are solved"""
    put: Callable[[Path], None] | None = None
    """writes what is no such notebook to the path of the hand-in"""
    ends: tuple[str, ...] = (GRADED, TIMEOUT)
    """statuses in which it may end; on a busy machine each may use up its time"""
    student: str = ""
    quick: bool = True
    """whether it is tried at each change, and not only once a day"""

    lies: bool = False
    """whether it says of the kit that it fails, which nobody can tell from a kit that does"""

    @property
    def who(self) -> str:
        """Name of the folder of the hand-in."""
        return self.student or f"{self.kind} {self.name}"

    def hand_in(self, folder: Path) -> None:
        """Write it below the folder of a class."""
        path = folder / self.who / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True)
        if self.put is not None:
            self.put(path)
        else:
            notebook = first(answered(lean(solved()), self.answers), *self.cells)
            path.write_text(json.dumps(notebook), "utf-8")


def written(content: bytes) -> Callable[[Path], None]:
    """Put these bytes there."""
    return lambda path: void(path.write_bytes(content))


def code_cells(sources: Iterable[str]) -> Callable[[Path], None]:
    """Put a notebook of these code cells there."""
    cells = [{"cell_type": "code", "source": one, "metadata": {}, "outputs": []} for one in sources]
    return written(data(*cells))


def void(_: object) -> None:
    return None


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 * 2**30)


def fields(**more: Any) -> Callable[[Path], None]:
    """Put the released lab there, with something more in each of its code cells."""

    def put(path: Path) -> None:
        notebook = released()
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell.update(more)
        path.write_text(json.dumps(notebook), "utf-8")

    return put


def odd_outputs(path: Path) -> None:
    notebook = released()
    deep: Any = "x"
    for _ in range(90):
        deep = {"a": deep}
    for cell in notebook["cells"]:
        cell["metadata"] = {**cell["metadata"], "deep": deep}
    path.write_text(json.dumps(notebook), "utf-8")


ANSWER = "def {}(*args, **kwargs):\n    {}"
OPEN = """
import os, sqlite3
from contextlib import closing, contextmanager
from langgraph.checkpoint.sqlite import SqliteSaver

def open_saver(path):
    @contextmanager
    def opened():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            yield SqliteSaver(connection)
        if path.endswith("memory.db"):
            hurt(path)
    return opened()
"""
"""the right solution of 1.3, and then something that is done to the file"""
HISTORY = """
import os, sqlite3

def history(agent, thread_id):
    hurt(agent.checkpointer.conn.execute("PRAGMA database_list").fetchone()[2])
    rows = []
    for snapshot in agent.get_state_history({"configurable": {"thread_id": thread_id}}):
        parent = snapshot.parent_config
        rows.append({"id": snapshot.config["configurable"]["checkpoint_id"], "step": snapshot.metadata["step"],
                     "source": snapshot.metadata["source"], "next": snapshot.next,
                     "messages": len(snapshot.values.get("messages", [])),
                     "parent": parent["configurable"]["checkpoint_id"] if parent else None})
    return rows
"""
LATER = """
import os, threading, time

def hurting():
    while True:
        for folder, _, files in os.walk("/work"):
            for name in files:
                if ".db" in name and "check-" in folder:
                    try:
                        hurt(os.path.join(folder, name))
                    except OSError:
                        pass
        time.sleep(0.002)

threading.Thread(target=hurting, daemon=True).start()
"""


def to_files(name: str, hurt: str, **more: Any) -> Harm:
    """Something that is done to each file of checkpoints as soon as the notebook's code can."""
    answers = {"1.3": hurt + OPEN, "1.5": hurt + HISTORY}
    return Harm("file", name, answers=answers, **more)


UNLINKED = "import os\ndef hurt(path):\n    os.unlink(path)\n"
LOCKED = """
import sqlite3
kept = []
def hurt(path):
    link = sqlite3.connect(path, timeout=0, check_same_thread=False)
    link.execute("BEGIN EXCLUSIVE")
    kept.append(link)
"""
SWAPPED = "import os\ndef hurt(path):\n    os.unlink(path)\n    os.mkfifo(path)\n"
LINKED = "import os\ndef hurt(path):\n    os.unlink(path)\n    os.symlink('/dev/zero', path)\n"
SHORT = "import os\ndef hurt(path):\n    os.truncate(path, 5_000)\n"
SPARSE = "import os\ndef hurt(path):\n    os.truncate(path, 2**25)\n    os.truncate(path + '-wal', 2**25) if os.path.exists(path + '-wal') else open(path + '-wal', 'wb').truncate(2**25)\n"
CLOSED = "import os\ndef hurt(path):\n    os.chmod(path, 0)\n    os.chmod(os.path.dirname(path), 0)\n"
SLOW = """
import os, sqlite3
def hurt(path):
    os.unlink(path)
    with sqlite3.connect(path) as link:
        link.execute("CREATE TABLE checkpoints (checkpoint_id TEXT, parent_checkpoint_id TEXT, thread_id TEXT "
                     "AS ((printf('%.*c', 40000, 'a') LIKE '%a%a%a%a%a%a%a%b') || ''))")
        link.executemany("INSERT INTO checkpoints VALUES (?, ?)", [(str(n), None) for n in range(10)])
"""

EVERY = """
import threading
from utils.lab import handle, plain
old = handle.Handle.answer
async def answer(self, question):
    if question.get("op") == "end":
        return await old(self, question)
    return LIE
handle.Handle.answer = answer
"""


def lie(name: str, makes: str, **more: Any) -> Harm:
    """The same answer to every question."""
    return Harm("lie", name, (f"{makes}\n{EVERY}",), lies=True, **more)


def forging(kind: str, name: str, source: str, **more: Any) -> Harm:
    """Something written to the grader's own connection by the first cell."""
    return Harm(kind, name, (SOCKET + source,), **{"ends": (GRADED, CRASHED, TAMPERED, TIMEOUT), **more})


NEST = (
    "nest = {{'value': 1}}\nfor _ in range({}):\n    nest = {{'$map': [[nest, 1]]}}\nLIE = {{'value': nest}}"
)
ELIF = "x = 5\nif x == 0:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(1, 1_200))
REGEX = "import utils.lab.handle as h\nh.MAX_MESSAGE = 10**9\n"
LINGER = """
def pair():
    door = socket.create_server(("127.0.0.1", 0))
    link = socket.create_connection(door.getsockname())
    other, _ = door.accept()
    door.close()
    link.setblocking(False)
    try:
        while True:
            link.send(bytes(2**16))
    except OSError:
        pass
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1_000_000))
    return link, other
"""
ALIKE = """
import sys
step = 2**61 - 1
top = 16**4_990
LIE = {"value": {"$set": [{"$int": hex(top + n * step)} for n in range(3_200)]}}
"""

ASKING = """
import json, os, threading, urllib.request
BASE = next(v for k, v in sorted(os.environ.items()) if k.endswith("BASE_URL"))
def post(body=b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}'):
    for n in range(1, 60):
        try:
            url = BASE.replace("session-1", f"session-{n}") + "/chat/completions"
            urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=1).read()
        except OSError:
            pass
def always(work):
    def run():
        while True:
            try:
                work()
            except Exception:
                pass
    for _ in range(4):
        threading.Thread(target=run, daemon=True).start()
"""

STUBBORN = """
import os, signal, sys, threading
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(0, 3)
        while True:
            pass
"""

HARMS = (
    # What is to be read
    Harm("parse", "1,200 elif", (ELIF,)),
    Harm("parse", "90 levels", put=odd_outputs),
    Harm("parse", "half a pair in a tag", put=fields(metadata={"tags": ["\ud800", "x"]})),
    Harm(
        "parse", "half a pair elsewhere", put=fields(id="\ud800", metadata={"\udfff": "\udfff"}), quick=False
    ),
    Harm(
        "parse",
        "100,000 lists",
        put=written(b"[" * 100_000 + b"]" * 100_000),
        ends=(UNREADABLE,),
        quick=False,
    ),
    Harm(
        "parse",
        "1,000 cells",
        put=code_cells(f"x = {n}" for n in range(1_000)),
        quick=False,
    ),
    Harm(
        "parse",
        "1,000 errors",
        put=code_cells(f"{n} / 0" for n in range(1_000)),
        ends=(GRADED, TIMEOUT),
        quick=False,
    ),
    Harm(
        "parse",
        "tags that are large",
        put=written(
            json.dumps(
                {
                    "nbformat": 4,
                    "metadata": {},
                    "cells": [
                        {
                            "cell_type": "code",
                            "source": "",
                            "metadata": {"tags": ["\U0001f40d" * 75] * 50},
                            "outputs": [],
                        }
                    ]
                    * 1_000,
                },
                ensure_ascii=False,
            ).encode()
        ),
        ends=(GRADED, UNREADABLE),
        quick=False,
    ),
    Harm("parse", "one long line", (f"x = [{'1,' * 400_000}]",), quick=False),
    Harm("parse", "numbers", ("x = " + "+".join(["9" * 4_000] * 200), "y = " + "-" * 90 + "1"), quick=False),
    Harm("parse", "nothing but one bracket", ("(" * 100_000,), quick=False),
    Harm("parse", "text in text", ("f'" + "{" * 5_000,), quick=False),
    Harm("parse", "a magic for each line", ("%%timeit\n" * 3_000, "!" * 100_000, "?" * 100_000), quick=False),
    # What is said
    Harm(
        "text",
        "an error that is long",
        (REGEX,),
        {"1.1": ANSWER.format("build_agent", "raise TypeError('Invalid checkpointer provided.' * 500_000)")},
    ),
    forging(
        "text",
        "twelve reasons",
        "sock = job()\nsock.setblocking(True)\nfor n in range(12):\n    sock.sendall(frame({'kind': 'cell', 'id': str(n), 'number': n, 'status': 'timeout', 'why': 'x' * 15_000_000, 'error': None}))",
    ),
    forging(
        "text",
        "names that are defined twice",
        "sock = job()\nsock.setblocking(True)\nfor n, c in enumerate(range(1, 60)):\n    sock.sendall(frame({'kind': 'cell', 'id': str(c), 'number': n, 'status': 'ok', 'why': '', 'error': None}))\nsock.sendall(frame({'kind': 'finished', 'twice': {'ask': ['x' * 200_000] * 60}}))",
        quick=False,
    ),
    lie("keys in keys", NEST.format(31)),
    lie("numbers that are alike", ALIKE),
    lie(
        "keys that are alike",
        "LIE = {'value': {'$map': [[{'$int': hex(n * (2**61 - 1))}, n] for n in range(1, 2_400)]}}",
        quick=False,
    ),
    lie("a text in every place", "LIE = {'value': ['x' * 99_000] * 20}", quick=False),
    lie("half a character", "LIE = {'value': '\\ud800'}", ends=(GRADED, TAMPERED), quick=False),
    lie("half a million values", "LIE = {'value': [[]] * 499_000}", ends=(TAMPERED,), quick=False),
    lie("it was a bad question", "LIE = {'bad': 'x' * 100_000}"),
    lie("nothing of the sort", "LIE = {'what': 1}", quick=False),
    lie("a number of 4,000 digits", "LIE = {'value': 10**4_000}", quick=False),
    lie("a number of 20,000 bits", "LIE = {'value': {'$int': hex(2**19_000)}}", quick=False),
    lie(
        "an error of every kind",
        "LIE = {'error': {'type': 'x' * 10**6, 'bases': ['MemoryError', 'NotImplementedError'] * 10**4, 'message': None, 'trace': [{'line': -1}] * 10**4}}",
        quick=False,
    ),
    lie(
        "messages that are none",
        "LIE = {'value': {'messages': [{'$message': {'type': 'ai', 'text': 'x', 'tool_calls': [{'id': [], 'name': {}, 'args': 5}] * 300}}] * 10, 'searches': 10**4_000, 'next': {}, 'id': [], 'step': 'x'}}",
        quick=False,
    ),
    Harm(
        "text",
        "letters that move others",
        answers={"1.2": ANSWER.format("ask", "return '\\u202e\\x1b[2J\\r\\x00\\ufffe' * 4_000")},
    ),
    Harm(
        "text",
        "a class whose name is long",
        answers={
            "1.2": "class Odd(Exception):\n    pass\nOdd.__name__ = Odd.__qualname__ = '\\x1b[31m' * 10**6\n"
            + ANSWER.format("ask", "raise Odd('\\x1b]0;x\\x07' * 10**6)")
        },
        quick=False,
    ),
    Harm(
        "text",
        "values in values",
        answers={
            "1.2": ANSWER.format("ask", "x = []\n    for _ in range(100_000):\n        x = [x]\n    return x")
        },
        quick=False,
    ),
    # What holds memory
    Harm(
        "memory",
        "shared and dropped",
        (
            """
import mmap, os, time
for _ in range(2):
    if os.fork() == 0:
        try:
            kept = mmap.mmap(-1, 1536 * 2**20)
            for at in range(0, len(kept), 4096):
                kept[at] = 1
            kept.madvise(mmap.MADV_DONTNEED)
        finally:
            time.sleep(30)
            os._exit(0)
time.sleep(3)
""",
        ),
        quick=False,
    ),
    Harm(
        "memory",
        "page tables",
        (
            "import mmap\nkept = mmap.mmap(-1, 3 * 2**30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\nx = [kept[at] for at in range(0, len(kept), 4096)]",
        ),
        quick=False,
    ),
    Harm(
        "memory",
        "in pipes",
        (
            "import os\nfor _ in range(40):\n    if os.fork() == 0:\n        ends = []\n        try:\n            while True:\n                r, w = os.pipe(); os.set_blocking(w, False); ends.append((r, w))\n                import fcntl; fcntl.fcntl(w, 1031, 2**20); os.write(w, bytes(2**20))\n        except OSError:\n            pass\n        import time; time.sleep(20); os._exit(0)\nimport time; time.sleep(2)",
        ),
        quick=False,
    ),
    Harm(
        "memory",
        "in every process",
        (
            "import os, time\nfor _ in range(40):\n    if os.fork() == 0:\n        try:\n            mine = bytearray(b'x') * (200 * 2**20)\n        finally:\n            time.sleep(20)\n            os._exit(0)\ntime.sleep(4)",
        ),
        quick=False,
    ),
    Harm(
        "memory",
        "in an answer",
        answers={"1.2": ANSWER.format("ask", "return [bytearray(b'x') * 2**28 for _ in range(20)]")},
    ),
    # What does not end
    Harm("process", "stubborn", (STUBBORN,)),
    Harm(
        "process",
        "a storm of forks",
        ("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",),
    ),
    Harm(
        "process",
        "it stops itself",
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",),
        quick=False,
    ),
    Harm("process", "it kills all", answers={"1.2": ANSWER.format("ask", "import os\n    os.kill(-1, 9)")}),
    Harm(
        "process",
        "it ends in every question",
        answers={
            n: ANSWER.format(f, "import os\n    os._exit(3)")
            for n, f in {
                "1.1": "build_agent",
                "1.2": "ask",
                "1.3": "open_saver",
                "1.4": "resume",
                "1.5": "history",
                "1.6": "rewind",
            }.items()
        },
        ends=(CRASHED,),
        quick=False,
    ),
    Harm(
        "process",
        "stuck in C",
        answers={"1.2": ANSWER.format("ask", "return __import__('re').match(r'(a+)+$', 'a' * 60 + 'b')")},
        quick=False,
    ),
    Harm(
        "process",
        "threads at the end",
        (
            "import threading, time, os\nfor _ in range(50):\n    t = threading.Thread(target=time.sleep, args=(10**6,)); t.start()\nimport atexit\natexit.register(time.sleep, 10**6)",
        ),
        quick=False,
    ),
    Harm(
        "process",
        "children that take over the connection",
        (SOCKET + "if os.fork() == 0:\n    s = job()\n    while True:\n        s.recv(1000)",),
        ends=(GRADED, CRASHED, TAMPERED, TIMEOUT),
        quick=False,
    ),
    Harm(
        "process",
        "it comes back at each start",
        (
            "import os\nos.kill(os.getppid(), 9)\nos._exit(0)",
            "import os\nos._exit(0)",
            "import os\nos._exit(0)",
            "import os\nos._exit(0)",
            "import os\nos._exit(0)",
        ),
        ends=(CRASHED,),
        quick=False,
    ),
    # What is handed over
    forging(
        "process",
        "descriptors that linger",
        LINGER
        + "sock = job()\nfor _ in range(3):\n    link, other = pair()\n    socket.send_fds(sock, [b'\\0'], [link.fileno(), other.fileno()])\n    link.detach() and None\nos.closerange(20, 256)",
    ),
    forging(
        "process",
        "descriptors in descriptors",
        LINGER
        + "sock = job()\na, b = socket.socketpair()\nlink, other = pair()\nsocket.send_fds(a, [b'x'], [link.fileno(), other.fileno()])\nsocket.send_fds(sock, [b'\\0'], [b.fileno()])\nos.close(link.detach()), os.close(other.detach()), os.close(a.detach()), os.close(b.detach())",
        quick=False,
    ),
    # Files under a check
    to_files("unlinked", UNLINKED),
    to_files("locked", LOCKED),
    to_files("swapped for a pipe", SWAPPED),
    to_files("swapped for a link", LINKED, quick=False),
    to_files("cut short", SHORT, quick=False),
    to_files("large and empty", SPARSE, quick=False),
    to_files("closed to all", CLOSED, quick=False),
    to_files("slow to read", SLOW),
    Harm("file", "unlinked by a thread", (UNLINKED + LATER,)),
    Harm("file", "locked by a thread", (LOCKED + LATER,), quick=False),
    Harm(
        "file",
        "cut by a thread",
        ("import os\ndef hurt(path):\n    os.truncate(path, 0)\n" + LATER,),
        quick=False,
    ),
    Harm(
        "file",
        "folders are taken away",
        (
            "import os, shutil\ndef hurt(path):\n    shutil.rmtree(os.path.dirname(path), ignore_errors=True)\n"
            + LATER,
        ),
        quick=False,
    ),
    Harm(
        "file",
        "the work folder is full",
        (
            "import os\ndef history(agent, thread_id):\n    try:\n        with open('full', 'wb') as f:\n            while True:\n                f.write(bytes(2**20))\n    except OSError:\n        pass\n",
        ),
        {
            "1.5": "import os\ndef history(agent, thread_id):\n    try:\n        with open('full', 'wb') as f:\n            while True:\n                f.write(bytes(2**20))\n    except OSError:\n        pass\n    return []"
        },
        quick=False,
    ),
    Harm("file", "a sparse notebook", put=sparse, ends=(UNREADABLE,)),
    Harm("file", "a pipe", put=lambda path: os.mkfifo(path), ends=(UNREADABLE,)),
    Harm(
        "file",
        "a link to a device",
        put=lambda path: path.symlink_to("/dev/zero"),
        ends=(UNREADABLE,),
        quick=False,
    ),
    Harm("file", "a folder", put=lambda path: path.mkdir(), ends=(UNREADABLE, "missing"), quick=False),
    # What the recorded model is asked
    Harm("traffic", "without an end", (ASKING + "always(post)",), ends=(GRADED, CRASHED, TIMEOUT)),
    Harm(
        "traffic",
        "in large pieces",
        (
            ASKING
            + "big = json.dumps({'model': 'm', 'messages': [{'role': 'user', 'content': 'x' * 1000}] * 7_000}).encode()\nalways(lambda: post(big))",
        ),
        ends=(GRADED, CRASHED, TIMEOUT),
        quick=False,
    ),
    # What it is called
    Harm("name", "control characters", ("1 / 0",), student="\x1b[2J\r\x07\u202eadmin\n=cmd|' calc'!A0"),
    Harm("name", "bytes that are no text", ("1 / 0",), student=os.fsdecode(b"\xff\xfe\x80"), quick=False),
    Harm("name", "255 bytes", ("1 / 0",), student="\U0001f40d" * 63, quick=False),
)
