"""Submissions built from the lab and its solution, judged two at a time in real jails, by real judges."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.grading.host import Host as JailHost
from grader.grading.secret import rng_for
from grader.results.result import Result
from grader.results.scrub import scrubbed
from grader.results.store import from_json, to_json
from grader.submissions import Submission, read_notebook
from tests.grader.grading.judged import SECRET, judge_one, spec, supervised

ROOT = Path(__file__).resolve().parents[3]
LAB = "01_persistence"
SECONDS = 15.0
LONGEST = 10 * SECONDS
"""wall seconds after which one submission has held up the others. Its cells and answers are granted 2.5 times
``SECONDS`` together; the rest is for starting its processes on a busy machine, up to four times.
"""
FULL = 20.0
MOST_TOLD = 100_000
"""bytes of an answer that a test may look at"""
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

    result: Result
    seconds: float
    case: Any
    """what its checks asked with, which nothing in its jail could know"""
    told: Mapping[str, Sequence[Any]]
    """what each function of the notebook returned, as it came out of the jail"""
    next_honest: list[Result] = field(default_factory=list)
    """results of the solution, judged when this was over"""

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.result.exercises)

    def points_of(self, number: str) -> float:
        return next(e.points for e in self.result.exercises if e.exercise == number)

    @property
    def flagged(self) -> bool:
        """Whether a person's eye is drawn to it."""
        return bool(self.result.flags or self.result.losses or self.result.status != "graded")

    def __str__(self) -> str:
        checks = [check for exercise in self.result.exercises for check in exercise.checks]
        lines = [
            f"{self.points:g} points in {self.seconds:.1f} s, {self.result.status} {self.result.reason}",
            *(
                f"{c.exercise} {c.check}: {c.status} {c.points:g}; {c.message} {c.returned} {c.detail}"
                for c in checks
                if c.status not in ("passed", "not run") and "is not written" not in c.message
            ),
            *map(str, self.result.losses),
            *map(str, self.result.flags),
            *self.result.notes,
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Host:
    """What a class left on the machine that graded it."""

    processes: tuple[str, ...]
    """of the jail's users, that still run"""
    memory: int
    """bytes that are gone"""
    notes: tuple[str, ...]
    """what the grader said of itself: that processes could not be forked, say"""
    written: tuple[str, ...]
    """files that a submission left where it must not"""


class Classroom:
    """Judges whole tables of submissions."""

    def __init__(self, folder: Path, lab: str = LAB) -> None:
        self._folder = folder
        self._lab = lab
        self._spec = spec(lab)
        self.host: Host | None = None
        self._port = 0

    def judge(self, notebooks: Mapping[str, Notebook], *, warm: bool = True) -> dict[str, Outcome]:
        """The outcome of each, by name; between them the plain solution is judged again and again."""
        queue = dict(_with_honest_ones(notebooks, lean(solved(self._lab))))
        before = _available()
        notes: list[str] = []
        with _targets() as self._port, tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            works = {name: self._work(name, notebook) for name, notebook in queue.items()}
            with _temporary(scratch):
                judged = supervised(works, warm=warm, notes=notes)
            living = tuple(_living(scratch))
        outcomes: dict[str, Outcome] = {}
        waiting: list[Outcome] = []
        # In the order in which they ended: what was over can harm only those who come later.
        for name, value in judged.items():
            result = from_json(value["result"])
            outcomes[name] = Outcome(result, value["seconds"], self._case(value["sha256"]), value["told"])
            if name.startswith("honest "):
                for earlier in waiting:
                    earlier.next_honest.append(result)
                waiting.clear()
            else:
                waiting.append(outcomes[name])
        last = outcomes["honest last"].result
        for outcome in waiting:
            outcome.next_honest.append(last)
        self.host = Host(living, before - _available(), tuple(notes), tuple(_left()))
        return outcomes

    def _work(self, name: str, notebook: Notebook) -> Callable[[JailHost], dict[str, Any]]:
        """What a judge does with one submission."""
        file = self._folder / f"{abs(hash(name))}.ipynb"
        text = json.dumps(notebook).replace("HOST_PORT", str(self._port)).replace("HOST_SOCKET", TARGET)
        file.write_text(text, "utf-8")
        submission = read_notebook(self._folder, file.name)
        assert isinstance(submission, Submission), submission

        def work(host: JailHost) -> dict[str, Any]:
            told: dict[str, list[Any]] = {}

            def note(kind: str, what: Any) -> None:
                if kind == "asked":
                    question, frame = what
                    *_, last = question.get("questions", (question,))
                    function = last.get("target", {}).get("name")
                    if function is not None and len(json.dumps(frame)) < MOST_TOLD:
                        told.setdefault(function, []).append(frame.get("answer"))

            began = time.monotonic()
            result = scrubbed(judge_one(self._spec, submission, host, SECONDS, note))
            seconds = time.monotonic() - began
            return {
                "result": to_json(result),
                "seconds": seconds,
                "told": told,
                "sha256": submission.sha256,
            }

        return work

    def _case(self, sha256: str) -> Any:
        return self._spec.checks.fresh_case(rng_for(SECRET, sha256.encode(), self._lab))


@contextlib.contextmanager
def _temporary(folder: str) -> Iterator[None]:
    """Let temporary files be made in there."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before


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


def _living(folder: str) -> Iterator[str]:
    """Processes that still run in jails, by what they have mounted."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if _state(process) != "Z" and folder in (process / "mountinfo").read_text():
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
