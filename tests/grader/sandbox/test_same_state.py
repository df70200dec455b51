"""A submission finds the same, whether its process was started cold or forked from a warm one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from grader.grading.fair_clock import Grant
from grader.grading.host import Host
from grader.grading.notebook_process import NotebookProcess
from grader.submissions import CodeCell
from tests.grader.grading.judged import SECONDS, spec, supervised

pytestmark = pytest.mark.jail

CELL = r"""
import sys
_modules = sorted(sys.modules)
# The kit's own, which the first cell of every lab imports, brings aiohttp with it.
_filters = [str(one) for one in __import__("warnings").filters if "aiohttp" not in str(one)]
_names = sorted(globals())
import asyncio, atexit, contextvars, gc, linecache, locale, logging, os, random, resource, signal, socket, ssl
import tempfile, threading, time, uuid, warnings
from langchain_core.utils.uuid import uuid7
from langgraph.checkpoint.base.id import uuid6

def status(names):
    lines = (line.partition(":") for line in open("/proc/self/status"))
    return {name: value.split() for name, _, value in lines if name in names}

facts = {
    "modules": _modules,
    "names": _names,
    "filters": _filters,
    "process": [os.getpid(), os.getppid(), os.getsid(0), os.getpgrp()],
    "user": [os.getresuid(), os.getresgid(), os.getgroups()],
    "rights": status(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Groups"]),
    # From 32 on they are the C library's own.
    "signals": {name: int(value[0], 16) % 2**31
                for name, value in status(["SigBlk", "SigIgn", "SigCgt"]).items()},
    "handlers": {one.name: repr(signal.getsignal(one))[:40] for one in (
        signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGPROF, signal.SIGPIPE)},
    "wake-up": signal.set_wakeup_fd(-1) >= 0,
    "threads": [[one.name for one in threading.enumerate()], len(os.listdir("/proc/self/task"))],
    "collector": [gc.isenabled(), gc.get_threshold()],
    "frozen": gc.get_freeze_count(),
    "loop": [type(asyncio.get_running_loop()).__name__, type(asyncio.get_event_loop_policy()).__name__],
    "arguments": [sys.argv, sys.path],
    "command": sys.orig_argv,
    "environment": dict(os.environ),
    "logging": [len(logging.root.handlers), logging.root.level,
                sorted(name for name, one in logging.root.manager.loggerDict.items()
                       if getattr(one, "handlers", ()))],
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource)
               if name.startswith("RLIMIT_")},
    "timers": [signal.getitimer(one)[1] for one in (signal.ITIMER_REAL, signal.ITIMER_PROF)],
    "hash": hash("abc"),
    "descriptors": sorted(os.readlink(f"/proc/self/fd/{n}").split(":")[0].split("#")[0]
                          for n in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{n}")),
    "execution count": get_ipython().execution_count,
    "folder": [os.getcwd(), sorted(os.listdir(".")), sorted(os.listdir("/work/.tmp"))[:0]],
    "umask": os.umask(0o022),
    "nice": os.nice(0),
    "recursion": sys.getrecursionlimit(),
    "locale": locale.setlocale(locale.LC_ALL),
    "time zone": time.tzname,
    "streams": [type(sys.stdout).__name__, type(sys.stderr).__name__, type(sys.stdin).__name__],
    "main": [sys.modules["__main__"].__name__, getattr(sys.modules["__main__"], "__file__", None)],
    "shell": [type(get_ipython()).__name__, get_ipython().user_ns is globals()],
    "host": socket.gethostname(),
    "places": sorted(os.listdir("/")),
    "devices": sorted(os.listdir("/dev")),
    "mounts": sorted({line.split()[4] for line in open("/proc/self/mountinfo")}),
    "read-only": sorted({line.split()[4]: line.split()[5].split(",")[0]
                         for line in open("/proc/self/mountinfo")}.items()),
    "cached lines": sorted(linecache.cache)[:5],
    "at exit": atexit._ncallbacks(),
    "contexts": sorted(str(one.name) for one in contextvars.copy_context()),
    "buffers": [open(f"/proc/sys/net/ipv4/tcp_{name}").read().split() for name in ("rmem", "wmem")],
}
chances = {
    "OpenSSL's bytes": ssl.RAND_bytes(8).hex(),
    "random": random.random(),
    "uuid1": str(uuid.uuid1()),
    "uuid4": str(uuid.uuid4()),
    "uuid6": str(uuid6()),
    "uuid7": str(uuid7()),
    "a temporary name": tempfile.mktemp(),
    "os.urandom": os.urandom(8).hex(),
    "secrets": __import__("secrets").token_hex(8),
    "numpy": __import__("numpy").random.random() if "numpy" in sys.modules else os.urandom(8).hex(),
}
"""

ALLOWED: Mapping[str, str] = {
    "modules": "what the questions would import later is there; see the test below",
    "at exit": "functions of warm modules; none is called, as no process ends by itself",
    "frozen": "what was there before the fork is not looked at by the collector",
    "user": "each process has a user of its own",
    "buffers": "a cold jail keeps the system's",
    "command": "the command line of the process that was forked",
}
"""facts that may differ, and why that is all right"""


def look(host: Host) -> dict[str, Any]:
    """What one process finds."""
    process = NotebookProcess(host, spec(), [CodeCell(1, None, CELL)], (), Grant(0.0))
    try:
        run = process.run_cell(0, SECONDS)
        assert (run.status, run.error) == ("ok", "")
        process.finished(SECONDS)
        told = {
            name: process.ask({"op": "get", "target": {"name": name}}, SECONDS)["answer"]["value"]
            for name in ("facts", "chances")
        }
    finally:
        process.end()
    return told


@pytest.fixture(scope="module")
def cold() -> dict[str, Any]:
    return supervised({"cold": look}, warm=False)["cold"]


@pytest.fixture(scope="module")
def warm() -> list[dict[str, Any]]:
    looks: dict[str, Callable[[Host], dict[str, Any]]] = dict.fromkeys(("one", "two", "three"), look)
    return list(supervised(looks).values())


def test_nothing_differs_that_is_not_allowed_to(cold: dict[str, Any], warm: list[dict[str, Any]]) -> None:
    for each in warm:
        differ = {name for name, fact in each["facts"].items() if fact != cold["facts"][name]}
        assert differ <= set(ALLOWED), {
            name: (cold["facts"][name], each["facts"][name]) for name in differ - set(ALLOWED)
        }


def test_what_is_allowed_to_differ_does(cold: dict[str, Any], warm: list[dict[str, Any]]) -> None:
    same = {name for name in ALLOWED if all(each["facts"][name] == cold["facts"][name] for each in warm)}
    assert same <= {"user"}, "no longer needs to be allowed"


def test_a_warm_process_has_all_modules_of_a_cold_one_and_none_of_the_graders(
    cold: dict[str, Any], warm: list[dict[str, Any]]
) -> None:
    there, here = set(cold["facts"]["modules"]), set(warm[0]["facts"]["modules"])
    assert there - here == set()
    own = {f"grader.jail.{name}" for name in ("namespaces", "runner", "warmup", "zygote")}
    strange = {name for name in here - there if name.partition(".")[0] in ("grader", "utils", "tests")} - own
    # No solution, no case, no conversation: what labs import, and the recorded model that they would start.
    told = {name for name in strange if name.startswith("utils.checks.")}
    assert told <= {f"utils.checks.{name}" for name in ("registry", "run", "fault", "explanation")}
    assert not [name for name in strange if not name.startswith("utils.")], strange


def test_chance_is_another_one_each_time(warm: list[dict[str, Any]]) -> None:
    for name in warm[0]["chances"]:
        assert len({str(each["chances"][name]) for each in warm}) == len(warm), name
