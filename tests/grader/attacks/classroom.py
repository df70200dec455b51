"""Submissions built from the lab and its solution, judged two at a time in the real jail."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import socket
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.grading.attempt import Terms
from grader.grading.batch import judged
from grader.grading.judge import Verdict
from grader.grading.machine import machine
from grader.grading.paper import Paper, read_paper
from grader.hidden.seed import fresh_case, rng_for
from grader.release.course import Course
from grader.sandbox.child import Child, Guard
from grader.submissions import Submission, read_notebook

ROOT = Path(__file__).resolve().parents[3]
LAB = "01_persistence"
SECRET = bytes(range(32))
SECONDS = 15.0
LONGEST = 10 * SECONDS
"""wall seconds after which one submission has held up the others. Its cells and answers are granted 2.5 times
``SECONDS`` together; the rest is for starting its processes on a busy machine, up to four times.
"""
FULL = 20.0
WORKERS = 2
HONEST_EVERY = 12
"""submissions between two honest ones"""

TARGET = f"course-kit-{os.getpid()}"

Notebook = dict[str, Any]


def released(lab: str = LAB) -> Notebook:
    """The lab as students get it."""
    return json.loads((ROOT / "labs" / f"{lab}.ipynb").read_text("utf-8"))


def solved(lab: str = LAB) -> Notebook:
    """The lab with every exercise solved, outputs and all that a student's editor leaves."""
    notebook = released(lab)
    solution = json.loads((ROOT / "solutions" / f"{lab}.ipynb").read_text("utf-8"))
    answers = {cell["id"]: cell["source"] for cell in solution["cells"] if exercise_of(cell)}
    for cell in notebook["cells"]:
        if exercise_of(cell):
            cell["source"] = answers[cell["id"]]
    return notebook


def lean(notebook: Notebook) -> Notebook:
    """The same without what costs time and earns nothing: texts, demonstrations, self-checks."""
    kept = [
        cell
        for cell in notebook["cells"]
        if exercise_of(cell) or cell["id"] in ("parameters", "setup", "imports")
    ]
    return {**notebook, "cells": kept}


def exercise_of(cell: Mapping[str, Any]) -> str:
    """The number of the exercise that a cell is tagged with; empty if it has none."""
    tags = cell["metadata"].get("tags", ())
    return next((tag.removeprefix("exercise:") for tag in tags if tag.startswith("exercise:")), "")


def code(source: str, **metadata: Any) -> dict[str, Any]:
    """A code cell as an editor makes it."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"mine-{abs(hash(source)) % 10**8}",
        "metadata": metadata,
        "outputs": [],
        "source": source,
    }


def first(notebook: Notebook, *sources: str) -> Notebook:
    """The notebook with cells at its top."""
    return {**notebook, "cells": [*map(code, sources), *notebook["cells"]]}


def last(notebook: Notebook, *sources: str) -> Notebook:
    """The notebook with cells at its end."""
    return {**notebook, "cells": [*notebook["cells"], *map(code, sources)]}


def answered(notebook: Notebook, answers: Mapping[str, str]) -> Notebook:
    """The notebook with these cells in place of its own, by the exercise's number."""
    changed = copy.deepcopy(notebook)
    for cell in changed["cells"]:
        if (number := exercise_of(cell)) in answers:
            cell["source"] = answers[number]
    return changed


@dataclass(frozen=True)
class Outcome:
    """What came of one submission."""

    verdict: Verdict
    seconds: float
    case: Any
    """what its checks asked with, which nothing in its jail could know"""
    told: Mapping[str, Sequence[Any]]
    """what each function of the notebook returned, as it came out of the jail"""
    next_honest: list[Verdict] = field(default_factory=list)
    """verdicts on the solution, judged when this was over"""

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.verdict.exercises)

    def points_of(self, number: str) -> float:
        return next(e.points for e in self.verdict.exercises if e.exercise == number)

    @property
    def flagged(self) -> bool:
        """Whether a person's eye is drawn to it."""
        return bool(self.verdict.flags or self.verdict.losses or self.verdict.status != "graded")

    def __str__(self) -> str:
        checks = [check for exercise in self.verdict.exercises for check in exercise.checks]
        lines = [
            f"{self.points:g} points in {self.seconds:.1f} s, {self.verdict.status} {self.verdict.reason}",
            *(
                f"{c.exercise} {c.check}: {c.status} {c.points:g}; {c.message} {c.returned} {c.detail}"
                for c in checks
                if c.status not in ("passed", "not run") and "is not written" not in c.message
            ),
            *map(str, self.verdict.losses),
            *map(str, self.verdict.flags),
            *self.verdict.notes,
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Host:
    """What a class left on the machine that graded it."""

    processes: tuple[str, ...]
    """of the jail's users, that still run"""
    memory: int
    """bytes that are gone"""
    not_started: tuple[str, ...]
    """submissions whose processes could not be started at first"""
    written: tuple[str, ...]
    """files that a submission left where it must not"""


class Classroom:
    """Judges whole tables of submissions."""

    def __init__(self, folder: Path, lab: str = LAB) -> None:
        self._folder = folder
        self._lab = lab
        self._paper: Paper = read_paper(Course(ROOT), lab)
        self.host: Host | None = None
        self._port = 0
        self._not_started: list[str] = []

    def judge(self, notebooks: Mapping[str, Notebook]) -> dict[str, Outcome]:
        """The outcome of each, by name; between them the plain solution is judged again and again."""
        queue = list(_with_honest_ones(notebooks, lean(solved(self._lab))))
        outcomes: dict[str, Outcome] = {}
        before = _available()
        waiting: list[Outcome] = []
        lock = threading.Lock()
        spaces: list[int] = []
        with _targets() as self._port, machine() as grader, ThreadPoolExecutor(WORKERS) as pool:

            def start(module: str, *, guard: Guard | None = None) -> Child:
                child = grader.start(module, guard=guard)
                if module.endswith("runner"):
                    with contextlib.suppress(OSError, ValueError):  # gone already
                        spaces.append(_space_of(child))
                return child

            terms = grader.terms(self._paper, start)

            def one(item: tuple[str, Notebook]) -> None:
                name, notebook = item
                outcome = self.one(name, notebook, terms)
                with lock:
                    if name.startswith("honest "):
                        for earlier in waiting:
                            earlier.next_honest.append(outcome.verdict)
                        waiting.clear()
                    else:
                        waiting.append(outcome)
                    outcomes[name] = outcome

            *most, last = queue
            list(pool.map(one, most))
            one(last)  # the honest one that comes after all others, the slowest attack too
        self.host = Host(
            tuple(_living(spaces)), before - _available(), tuple(self._not_started), tuple(_left())
        )
        for space in spaces:
            os.close(space)
        return outcomes

    def one(self, name: str, notebook: Notebook, terms: Terms) -> Outcome:
        """The outcome of one submission."""
        file = self._folder / f"{abs(hash(name))}.ipynb"
        text = json.dumps(notebook).replace("HOST_PORT", str(self._port)).replace("HOST_SOCKET", TARGET)
        file.write_text(text, "utf-8")
        submission = read_notebook(self._folder, file.name)
        assert isinstance(submission, Submission), submission
        told: dict[str, list[Any]] = {}

        def note(kind: str, what: Any) -> None:
            if kind == "asked":
                question, frame = what
                function = question.get("target", {}).get("name")
                if function is not None:
                    told.setdefault(function, []).append(frame.get("answer"))

        began = time.monotonic()
        try:
            verdict = judged(self._paper, submission, terms, SECRET, SECONDS, note)
        except GraderError as error:  # one more try, so that the others are judged; a test tells of it
            self._not_started.append(f"{name}: {error}")
            told.clear()
            verdict = judged(self._paper, submission, terms, SECRET, SECONDS, note)
        seconds = time.monotonic() - began
        case = fresh_case(self._paper.slug, rng_for(SECRET, submission.sha256.encode(), self._lab))
        return Outcome(verdict, seconds, case, told)


@contextlib.contextmanager
def _targets() -> Iterator[int]:
    """What a submission must not reach on this machine: a port, which is given, and an abstract socket."""
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{TARGET}")
        abstract.listen()
        yield port.getsockname()[1]


def _with_honest_ones(notebooks: Mapping[str, Notebook], honest: Notebook) -> Iterable[tuple[str, Notebook]]:
    for number, item in enumerate(notebooks.items(), 1):
        yield item
        if number % HONEST_EVERY == 0:
            yield f"honest {number}", honest
    yield "honest last", honest


def _space_of(child: Child) -> int:
    """A descriptor of the process namespace that a jail has for itself: its number is nobody else's as long
    as this is open."""
    (below,) = Path(f"/proc/{child.root}/task/{child.root}/children").read_text().split()
    return os.open(f"/proc/{below}/ns/pid", os.O_RDONLY)


def _living(spaces: Collection[int]) -> Iterator[str]:
    """Processes in these namespaces."""
    numbers = {os.fstat(space).st_ino for space in spaces}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if _state(process) != "Z" and (process / "ns" / "pid").stat().st_ino in numbers:
                yield f"{process.name} {(process / 'comm').read_text().strip()}"


def _state(process: Path) -> str:
    # The name is in brackets, and may hold any sign.
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def _left() -> Iterator[str]:
    """What attacks write, where the machine and the kit would have it."""
    places = (
        "/",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/run",
        "/dev",
        "/etc",
        "/work",
        ROOT,
        ROOT / "utils",
        Path(os.__file__).parent,
    )
    for place in places:
        for name in ("left", "left-here", "full", "file-1", "pwned", "links-0"):
            found = Path(place) / name
            if found.exists() and not found.is_char_device():  # every system has a /dev/full
                yield str(found)


def _available() -> int:
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(facts["MemAvailable"].split()[0]) * 1024
