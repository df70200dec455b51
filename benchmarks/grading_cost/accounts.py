"""Counts the time that commands take, with everything that they start."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from utils.modes import RECORDED

ROOT = Path(__file__).resolve().parents[2]
GROUPS = Path("/sys/fs/cgroup/cpuacct")
SHOWN = 1_500
"""characters of what a command said that failed"""


class Failed(Exception):
    """A command that was to be measured did not do its work."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of some work."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Marginal:
    """What one submission more costs, and what there is to pay once."""

    start: Cost
    each: Cost
    copies: int


class Account:
    """Processor time of processes that were entered, and of all that these started."""

    def __init__(self, group: Path | None) -> None:
        """Count in a control group; where there is none, count processes that were waited for."""
        self.group = group
        self._before = _waited()

    def enter(self) -> None:
        """Put this process into the account; a command's own does so before it becomes the command."""
        if self.group is not None:
            (self.group / "tasks").write_text("0")

    @property
    def cpu(self) -> float:
        """Seconds so far."""
        return _waited() - self._before if self.group is None else usage(self.group)


@contextlib.contextmanager
def account() -> Iterator[Account]:
    """Open an account."""
    group = GROUPS / f"benchmark-{os.getpid()}-{time.monotonic_ns()}"
    try:
        group.mkdir()
    except OSError:
        yield Account(None)
        return
    try:
        yield Account(group)
    finally:
        _remove(group)


def counts_everything() -> bool:
    """Return whether processes count that nobody waits for, such as those of a jail that is ended."""
    with account() as opened:
        return opened.group is not None


def usage(group: Path) -> float:
    """Return the seconds that everything in a control group has used."""
    return int((group / "cpuacct.usage").read_text("ascii")) / 1e9


def run(
    words: Sequence[str | Path],
    *,
    cwd: Path = ROOT / "labs",
    fine: Sequence[int] = (0,),
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Return what a command costs. Raises Failed with what it said."""
    with account() as opened:
        return run_in(opened, words, cwd, surroundings(environment), fine)


def run_in(
    opened: Account,
    words: Sequence[str | Path],
    cwd: Path,
    environment: Mapping[str, str],
    fine: Sequence[int] = (0,),
) -> Cost:
    """Return what a command costs that is put into this account. Raises Failed with what it said."""
    began = time.monotonic()
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        preexec_fn=opened.enter,
    )
    wall = time.monotonic() - began
    if done.returncode not in fine:
        said = f"{done.stdout}{done.stderr}"[-SHOWN:]
        raise Failed(f"{' '.join(map(str, words[:4]))} ended with {done.returncode}:\n{said}")
    return Cost(wall, opened.cpu)


def surroundings(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of what is measured: no key, no other provider, no pace, nothing reported."""
    return {**os.environ, **RECORDED, "LLM_PROVIDER": "openai", **(more or {})}


def marginal(measure: Callable[[int], Cost], copies: int) -> Marginal:
    """Return the cost of one submission more, from a run of one and a run of many."""
    one, many = measure(1), measure(copies)
    each = Cost((many.wall - one.wall) / (copies - 1), (many.cpu - one.cpu) / (copies - 1))
    return Marginal(Cost(one.wall - each.wall, one.cpu - each.cpu), each, copies)


def middle(found: Sequence[Marginal]) -> Marginal:
    """Return the median of several rounds, figure by figure."""
    return Marginal(
        _middle([one.start for one in found]), _middle([one.each for one in found]), found[0].copies
    )


def load() -> str:
    """Return how busy this machine is, and with how many cores."""
    return f"{os.cpu_count()} cores, load {' '.join(f'{one:.1f}' for one in os.getloadavg())}"


def python() -> str:
    """Return the interpreter that runs all of this."""
    return sys.executable


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(one.wall for one in costs), statistics.median(one.cpu for one in costs))


def _remove(group: Path) -> None:
    """Take a group away; what is ending in there needs a moment."""
    for _ in range(50):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)


def _waited() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
