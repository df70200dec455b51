"""A class with hostile hand-ins among right ones, and the grader's own processes watched meanwhile."""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.grading_cost import hostile
from benchmarks.grading_cost.accounts import Cost, Failed, account, surroundings
from benchmarks.grading_cost.probe import private_bytes
from benchmarks.grading_cost.ways import grade_words, solution, solution_path

LOOK_SECONDS = 1.0
EDGE = 10
"""the first and the last tenth of a run are compared"""
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One of the grader's own processes at one moment."""

    memory: int
    """bytes that it shares with nobody"""
    peak: int
    """bytes that it had in memory at most, so far, shared ones included"""
    descriptors: int
    threads: int
    below: int
    """processes below it; the supervisor's include the jailer's"""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a run."""

    results: int
    """that were written by then"""
    supervisor: Seen
    jailer: Seen | None


@dataclass(frozen=True, slots=True)
class Edge:
    """A process at the beginning or at the end of a run: median memory, else the least that was seen."""

    memory: float
    descriptors: int
    threads: int
    below: int


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How the hostile ones of one kind were graded."""

    statuses: tuple[str, ...]
    """each with its points"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What grading a class took."""

    lab: str
    right: int
    hostile: int
    cost: Cost
    fully_right: int
    """right ones that got all points"""
    verdicts: Mapping[str, Verdicts]
    peaks: Mapping[str, int]
    """bytes that supervisor and jailer had in memory at most"""
    edges: Mapping[str, tuple[Edge, Edge]]
    """supervisor and jailer, in the first and in the last part of the run"""
    left_processes: int
    left_files: tuple[str, ...]
    notes: tuple[str, ...]
    """what the grader said that concerns the machine or itself"""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the command."""

    cost: Cost
    looks: Sequence[Look]
    results: Sequence[Mapping[str, Any]]
    remarks: str


def crowd(lab: str, size: int, bad: int, folder: Path, say: Callable[[str], None]) -> Crowd:
    """Grade a class of this size, with so many hostile hand-ins spread among it."""
    base = Path(tempfile.mkdtemp(dir=folder))
    kinds = _hand_in(base / "in", lab, size, bad)
    temporary = base / "tmp"
    temporary.mkdir()
    run = _graded(base, lab, size, say)
    right = [one for one in run.results if one["student"] not in kinds]
    jailers = [look.jailer.peak for look in run.looks if look.jailer is not None]
    return Crowd(
        lab,
        size - bad,
        bad,
        run.cost,
        sum(one["score"] == one["max_score"] for one in right),
        _verdicts(kinds, run.results),
        {"supervisor": max(look.supervisor.peak for look in run.looks), "jailer": max(jailers, default=0)},
        _edges(run.looks),
        _left(temporary),
        tuple(sorted(path.name for path in temporary.iterdir())),
        tuple(line for line in run.remarks.splitlines() if line.startswith(("note:", "error:"))),
    )


def _graded(base: Path, lab: str, size: int, say: Callable[[str], None]) -> _Run:
    """Grade what lies in a folder. Raises Failed unless there is a result for each."""
    words = grade_words(base / "in", base / "out", lab, "--json")
    with account() as opened, (base / "said").open("w+") as said, (base / "told").open("w+") as told:
        began = time.monotonic()
        process = subprocess.Popen(
            words,
            env=surroundings({"TMPDIR": str(base / "tmp")}),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=told,
            preexec_fn=opened.enter,
        )
        looks = _watched(process, base / "out", size, say)
        cost = Cost(time.monotonic() - began, opened.cpu)
        said.seek(0)
        told.seek(0)
        results, remarks = [json.loads(line) for line in said], told.read()
    if process.returncode not in (0, 1) or len(results) != size:
        raise Failed(f"grading {size} ended with {process.returncode}, {len(results)} results:\n{remarks}")
    return _Run(cost, looks, results, remarks)


def _hand_in(folder: Path, lab: str, size: int, bad: int) -> dict[str, str]:
    """Write what a class hands in; return what the hostile ones do, by their students."""
    right, files = solution_path(lab).read_bytes(), hostile.wave(hostile.hostile(solution(lab)))
    places = {(2 * number + 1) * size // (2 * bad) for number in range(bad)}
    kinds: dict[str, str] = {}
    for number in range(size):
        student, content = f"student-{number:05}", right + b" " * number
        if number in places:
            kinds[student], content = next(files)
        (folder / student).mkdir(parents=True)
        (folder / student / f"{lab}.ipynb").write_bytes(content)
    return kinds


def _verdicts(kinds: Mapping[str, str], results: Sequence[Mapping[str, Any]]) -> dict[str, Verdicts]:
    found: dict[str, Counter[str]] = {}
    for one in results:
        if (kind := kinds.get(one["student"])) is not None:
            found.setdefault(kind, Counter())[f"{one['status']} {_points(one)}"] += 1
    return {
        kind: Verdicts(tuple(f"{text} ×{times}" if times > 1 else text for text, times in count.items()))
        for kind, count in sorted(found.items())
    }


def _points(one: Mapping[str, Any]) -> str:
    return "-" if one["score"] is None else f"{one['score']:g}"


# Watching


def _watched(
    process: subprocess.Popen[Any], out: Path, size: int, say: Callable[[str], None]
) -> Sequence[Look]:
    looks: list[Look] = []
    told = time.monotonic()
    while process.poll() is None:
        with contextlib.suppress(psutil.Error, OSError):
            looks.append(_look(process.pid, out))
        if looks and time.monotonic() - told > 30:
            told = time.monotonic()
            say(f"{looks[-1].results} of {size} graded")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
    return looks


def _look(pid: int, out: Path) -> Look:
    supervisor = psutil.Process(pid)
    jailer = next((one for one in supervisor.children() if "grader.sandbox.jailer" in one.cmdline()), None)
    results = sum(1 for _ in (out / "results").glob("*")) if out.exists() else 0
    return Look(results, _seen(supervisor), None if jailer is None else _seen(jailer))


def _seen(process: psutil.Process) -> Seen:
    peak = PEAK.search(Path(f"/proc/{process.pid}/status").read_text("utf-8"))
    return Seen(
        private_bytes(process.pid) or 0,
        1024 * int(peak[1]) if peak else 0,
        process.num_fds(),
        process.num_threads(),
        len(process.children(recursive=True)),
    )


def _edges(looks: Sequence[Look]) -> dict[str, tuple[Edge, Edge]]:
    """Compare the first and the last part of the looks at which the jailer was at work."""
    steady = [look for look in looks if look.jailer is not None and look.results > 0]
    part = max(1, len(steady) // EDGE)
    if not steady:
        return {}
    return {
        "supervisor": _both(steady, part, lambda look: look.supervisor),
        "jailer": _both(steady, part, lambda look: look.jailer or look.supervisor),
    }


def _both(looks: Sequence[Look], part: int, pick: Callable[[Look], Seen]) -> tuple[Edge, Edge]:
    """Return both edges of one process."""
    return _edge([pick(look) for look in looks[:part]]), _edge([pick(look) for look in looks[-part:]])


def _edge(seen: Sequence[Seen]) -> Edge:
    return Edge(
        statistics.median(one.memory for one in seen),
        min(one.descriptors for one in seen),
        min(one.threads for one in seen),
        min(one.below for one in seen),
    )


def _left(temporary: Path) -> int:
    """Return how many processes still see or name a run's temporary folder, after a moment."""
    for _ in range(20):
        if not (found := sum(1 for _ in _users(str(temporary).encode()))):
            return 0
        time.sleep(0.1)
    return found


def _users(mark: bytes) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            named = mark in (process / "cmdline").read_bytes()
            if named or mark in (process / "mountinfo").read_bytes():
                yield int(process.name)
