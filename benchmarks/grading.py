"""What grading costs, beside merely executing the same notebook, measured in one run.

    .venv/bin/python benchmarks/grading.py               six submissions each way, some minutes
    .venv/bin/python benchmarks/grading.py --count 2     quicker

Every submission is the solution of lab 1. CPU is that of the command and of everything it started: from a
control group of its own where one can be made (version 1, as root), else that of processes waited for, which
leaves out jails that were killed. The machine is shared: compare ratios of one run, not digits of two.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from utils.modes import RECORDED

ROOT = Path(__file__).resolve().parent.parent
LAB = "01_persistence"
SOLUTION = ROOT / "solutions" / f"{LAB}.ipynb"
ACCOUNTS = Path("/sys/fs/cgroup/cpuacct")
NBCLIENT = """
import sys, nbformat, nbclient
for path in sys.argv[1:]:
    nbclient.NotebookClient(nbformat.read(path, 4), kernel_name="python3").execute()
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of one command."""

    wall: float
    cpu: float


@contextlib.contextmanager
def account() -> Iterator[Path | None]:
    """A control group to count in; ``None`` where none can be made."""
    group = ACCOUNTS / f"benchmark-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


def cost(command: Sequence[str], fine: tuple[int, ...] = (0,)) -> Cost:
    """What a command costs, with everything it starts."""
    with account() as group:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)

        def enter() -> None:
            if group is not None:
                (group / "tasks").write_text("0")

        began = time.monotonic()
        environment = {**os.environ, **RECORDED}
        done = subprocess.run(
            command,
            cwd=ROOT / "labs",
            env=environment,
            capture_output=True,
            text=True,
            preexec_fn=enter,
        )
        wall = time.monotonic() - began
        if done.returncode not in fine:
            sys.exit(f"{command[:6]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        waited = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        counted = None if group is None else int((group / "cpuacct.usage").read_text()) / 1e9
    return Cost(wall, waited if counted is None else counted)


def grading(folder: Path, count: int, jobs: int, out: Path, *more: str) -> Cost:
    """What grading so many copies costs."""
    for number in range(count):
        (folder / f"student-{number:03}").mkdir(parents=True, exist_ok=True)
        shutil.copy(SOLUTION, folder / f"student-{number:03}")
    words = ["grade", str(folder), "--out", str(out), "--lab", LAB, "--jobs", str(jobs), *more]
    return cost(
        [sys.executable, "-m", "grader", *words, "--root", str(ROOT), "--secret", str(out.parent / "secret")]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=6)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        copies = [str(base / f"{number}.ipynb") for number in range(count)]
        for copy in copies:
            shutil.copy(SOLUTION, copy)
        python = sys.executable
        rows = {
            "nbclient, one driver": cost([python, "-c", NBCLIENT, *copies]),
            "papermill, a process each": _sum(
                cost([python, "-m", "papermill", "--log-level", "ERROR", copy, os.devnull]) for copy in copies
            ),
            "grade --jobs 1": grading(base / "in", count, 1, base / "one"),
            "grade --jobs 2": grading(base / "in", count, 2, base / "two"),
        }
        start = grading(base / "in", 0, 1, base / "none", "--student", "student-000", "--timeout", "60")
        again = grading(base / "in", count, 2, base / "two")
    table = Table(title=f"lab 1's solution, {count} times: seconds for each")
    for head in ("way", "wall", "CPU", "CPU against grade --jobs 1"):
        table.add_column(head, justify="left" if head == "way" else "right")
    base_cpu = rows["grade --jobs 1"].cpu
    for name, spent in rows.items():
        cells = (spent.wall / count, spent.cpu / count, spent.cpu / base_cpu)
        table.add_row(name, *(f"{cell:.2f}" for cell in cells))
    console = Console(width=100)
    console.print(table)
    console.print(f"one submission alone: {start.wall:.2f} s; the same {count} unchanged: {again.wall:.2f} s")


def _sum(costs: Iterator[Cost]) -> Cost:
    every = list(costs)
    return Cost(sum(one.wall for one in every), sum(one.cpu for one in every))


if __name__ == "__main__":
    main()
