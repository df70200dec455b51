"""Grades a folder while it looks where the time goes: ``python -m benchmarks.grading_cost.probe``.

The words are a lab, the folder, one for results, a file to write to, and the control group that this process
was put into, or ``-``. Only this process is changed, and judges, which are forked from it: functions of the
grader are wrapped, none is replaced. A line of JSON is written for each submission, and one for each result.

Processor time comes from the processes' own clocks, and that of everything from the control group: what is in
no process's clock is the supervisor's and that of processes which end.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.grading_cost.accounts import ROOT, usage
from grader.grading import batch, judge, submission_run, supervisor
from grader.grading.command import Options, run
from grader.grading.notebook_process import NotebookProcess
from grader.grading.remote_model import RemoteModel
from grader.results import store
from grader.sandbox.jails import Jailed, Jails

PATIENT = 120.0
MINE = "judge"
JAILER, WARM = "jailer", "warm"
"""the process that starts jails, and the two that are forked"""
ROLES = {
    "grader.jail.runner": "runner",
    "grader.jail.recorded_model": "model",
    "grader.jail.checkpoint_reader": "reader",
}
FORKS = {
    "runner": "fork: notebook's process",
    "model": "fork: recorded model",
    "reader": "fork: reader of checkpoints",
}
ASKED, LOOKED = "questions", "looks at the recorded model"
"""counted, not timed"""
Work = Callable[..., Any]
Wrapper = Callable[[Work], Work]
PRIVATE = re.compile(r"^Private_(?:Clean|Dirty|Hugetlb):\s+(\d+) kB", re.MULTILINE)


class Meter:
    """Charges time to the innermost phase that is open."""

    def __init__(self, group: Path | None) -> None:
        self._group = group
        self._open: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Forget everything: another submission begins."""
        self.phases: dict[str, dict[str, float]] = {}
        self.roles: dict[int, str] = {}
        self._last: dict[int, float] = {}
        self._then = (0.0, 0.0)
        self._mine = 0.0

    def meet(self, role: Callable[[psutil.Process], str], *, born: bool) -> list[int]:
        """Give roles to processes below the jailer that have none; return their numbers.

        Those that were ``born`` just now have used all their time within the phase that is open.
        """
        found = []
        for process in _below_jailer():
            if process.pid not in self.roles:
                self.roles[process.pid] = role(process)
                self._last[process.pid] = 0.0 if born else _clock(process.pid)
                found.append(process.pid)
        return found

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Charge what is used meanwhile to this phase, except for those within."""
        self._mark()
        self._open.append(name)
        self.count(name)
        try:
            yield
        finally:
            self._mark()
            self._open.pop()

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        """Charge nobody for what this process does meanwhile: it is the probe's own work."""
        wall, cpu = time.monotonic(), time.process_time()
        yield
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        self._then = (self._then[0] + wall, self._then[1] + cpu)
        self._mine += cpu

    def count(self, name: str) -> None:
        """Count that something was done."""
        self.phases.setdefault(name, {}).setdefault("times", 0)
        self.phases[name]["times"] += 1

    def _mark(self) -> None:
        now = (time.monotonic(), 0.0 if self._group is None else usage(self._group))
        mine = time.process_time()
        used = {"wall": now[0] - self._then[0], "all": now[1] - self._then[1], MINE: mine - self._mine}
        for pid, role in self.roles.items():
            clock = max(_clock(pid), self._last[pid])
            used[role] = used.get(role, 0.0) + clock - self._last[pid]
            self._last[pid] = clock
        if self._open:
            into = self.phases.setdefault(self._open[-1], {})
            for role, seconds in used.items():
                into[role] = into.get(role, 0.0) + seconds
        self._then, self._mine = now, time.process_time()


class Probe:
    """Wraps what the grader does with a submission, and writes what it took."""

    def __init__(self, out: Path, group: Path | None) -> None:
        self._out = out
        self._meter = Meter(group)
        self._memory: dict[str, int] = {}
        self._ran: list[int] = []

    def install(self) -> None:
        """Wrap the functions, before any judge is forked."""
        supervisor.LONG_SECONDS = float("inf")  # one at a time, or figures of two would mix
        self._replace(batch, "_graded", self._submission)
        self._replace(store, "write", self._written)
        self._replace(Jails, "start", self._start)
        self._replace(NotebookProcess, "run_cell", self._cell)
        self._replace(submission_run.SubmissionRun, "end", self._end)
        self._phase(NotebookProcess, "__init__", "start: job, listener, session")
        self._phase(Jailed, "used_up", "what is left after a cell")
        self._phase(NotebookProcess, "finished", "names defined twice")
        self._phase(submission_run.SubmissionRun, "exhaust", "one question more")
        self._phase(judge, "scan", "scan for flags")
        self._phase(judge, "run_exercise", lambda exercise, *_: f"questions: exercise {exercise.number}")
        for owner, name in ((NotebookProcess, ASKED), (RemoteModel, LOOKED)):
            self._replace(owner, "ask", _before(functools.partial(self._meter.count, name)))

    def _replace(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        setattr(owner, name, wrapper(getattr(owner, name)))

    def _phase(self, owner: Any, name: str, phase: str | Callable[..., str]) -> None:
        def wrapper(inner: Work) -> Work:
            def outer(*words: Any, **more: Any) -> Any:
                with self._meter.phase(phase if isinstance(phase, str) else phase(*words)):
                    return inner(*words, **more)

            return outer

        self._replace(owner, name, wrapper)

    def _submission(self, inner: Work) -> Work:
        def outer(*words: Any) -> Any:
            self._meter.begin()
            self._ran.clear()
            self._memory.clear()
            self._meter.meet(_kept, born=False)
            with self._meter.phase("judge: read, hash, tell"):
                result = inner(*words)
            told = {"phases": self._meter.phases, "memory": self._memory, "ran": self._ran}
            self._tell(told)
            return result

        return outer

    def _start(self, inner: Work) -> Work:
        def outer(jails: Jails, module: str) -> Jailed:
            role = ROLES[module]
            with self._meter.phase(FORKS[role]):
                child: Jailed = inner(jails, module)
                with self._meter.unseen():
                    self._meter.meet(lambda process: role, born=True)
            return child

        return outer

    def _cell(self, inner: Work) -> Work:
        def outer(*words: Any) -> Any:
            with self._meter.phase("cells"):
                done = inner(*words)
            if done.status != "skipped":
                self._ran.append(done.cell.number)
            return done

        return outer

    def _end(self, inner: Work) -> Work:
        def outer(*words: Any) -> Any:
            with self._meter.unseen():
                for pid, role in ((os.getpid(), MINE), *self._meter.roles.items()):
                    if (used := private_bytes(pid)) is not None:
                        self._memory[role] = max(used, self._memory.get(role, 0))
            with self._meter.phase("end of processes"):
                return inner(*words)

        return outer

    def _written(self, inner: Work) -> Work:
        def outer(*words: Any) -> Any:
            began, wall = time.process_time(), time.monotonic()
            result = inner(*words)
            self._tell({"written": {"cpu": time.process_time() - began, "wall": time.monotonic() - wall}})
            return result

        return outer

    def _tell(self, what: dict[str, Any]) -> None:
        with self._out.open("a") as file:
            file.write(json.dumps(what) + "\n")


def private_bytes(pid: int) -> int | None:
    """Return the memory that a process shares with nobody; ``None`` where that cannot be seen."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return None
    return sum(map(int, PRIVATE.findall(text))) * 1024


def _before(step: Callable[[], None]) -> Wrapper:
    def wrapper(inner: Work) -> Work:
        def outer(*words: Any, **more: Any) -> Any:
            step()
            return inner(*words, **more)

        return outer

    return wrapper


def _below_jailer() -> list[psutil.Process]:
    """Return the jailer and everything below it, as a judge sees it, which is its sibling."""
    for process in psutil.Process(os.getppid()).children():
        with contextlib.suppress(psutil.Error):
            if "grader.sandbox.jailer" in process.cmdline():
                return [process, *process.children(recursive=True)]
    return []


def _kept(process: psutil.Process) -> str:
    """Return the role of a process that is there between two submissions."""
    with contextlib.suppress(psutil.Error):
        return WARM if "grader.jail.zygote" in process.cmdline() else JAILER
    return JAILER


def _clock(pid: int) -> float:
    """Return the seconds that a process has used, by the number of its clock; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def main(lab: str, submissions: str, out: str, told: str, group: str) -> int:
    """Grade, one submission at a time."""
    Probe(Path(told), None if group == "-" else Path(group)).install()
    options = Options(
        submissions=Path(submissions),
        out=Path(out),
        labs=(lab,),
        jobs=1,
        seconds=PATIENT,
        secret=Path(out).parent / "secret",
        root=ROOT,
    )
    return run(options, print, lambda text: print(text, file=sys.stderr))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
