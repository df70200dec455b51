"""What grading costs, beside merely executing the same notebook and beside other graders, in one run.

    .venv/bin/python benchmarks/grading.py                       all of lab 1: a quarter of an hour, or more
    .venv/bin/python benchmarks/grading.py --only phases         where the time of a submission goes
    .venv/bin/python benchmarks/grading.py --only ways phases --lab 02_streaming
    .venv/bin/python benchmarks/grading.py --only ways phases --all
    .venv/bin/python benchmarks/grading.py --only class --class 60
    .venv/bin/python benchmarks/grading.py --only soak --soak 3000

Costs are those of one submission more: a run of many less a run of one, divided by how many more there are.
What is compared takes turns, in each round; medians of the rounds are printed. CPU is that of a command and
of everything it started: from a control group of its own where one can be made (version 1, as root), else
that of processes waited for, which leaves out jails that were killed. The machine may be shared: compare
ratios of one run, not digits of two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.grading_cost import accounts  # noqa: E402
from benchmarks.grading_cost.crowd import crowd  # noqa: E402
from benchmarks.grading_cost.peers import Size, peers  # noqa: E402
from benchmarks.grading_cost.phases import Phases, phases  # noqa: E402
from benchmarks.grading_cost.report import Report  # noqa: E402
from benchmarks.grading_cost.ways import compare  # noqa: E402
from utils.checks.registry import load_checks, slug_of  # noqa: E402

PARTS = ("ways", "phases", "peers", "class", "soak")
HOSTILE_EVERY = 20
"""of a class; 15 of 300"""
SOAK_HOSTILE_EVERY = 10
FEW = 4
"""submissions that are looked into, where only the cells and questions are to be known"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed."""

    labs: tuple[str, ...]
    parts: frozenset[str]
    copies: int
    rounds: int
    size: int
    soak: int


def main(words: Sequence[str]) -> int:
    """Measure and print."""
    wanted, report = _wanted(words), Report()
    how = "everything" if accounts.counts_everything() else "processes that were waited for, jails not all"
    report.say(f"{accounts.load()}; processor time is that of {how}")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        try:
            _measure(wanted, report, Path(name))
        except accounts.Failed as error:
            report.say(f"stopped: {error}")
            return 1
    report.say(accounts.load())
    return 0


def _measure(wanted: Wanted, report: Report, folder: Path) -> None:
    for number, lab in enumerate(wanted.labs):
        if wanted.parts & {"phases", "ways", "peers"}:
            _look_into(wanted, report, folder, lab, first=number == 0)
    if "class" in wanted.parts and wanted.size:
        _crowd(report, folder, wanted.labs[0], wanted.size, HOSTILE_EVERY)
    if "soak" in wanted.parts and wanted.soak:
        _crowd(report, folder, wanted.labs[0], wanted.soak, SOAK_HOSTILE_EVERY)


def _look_into(wanted: Wanted, report: Report, folder: Path, lab: str, *, first: bool) -> None:
    found = phases(lab, 3 * wanted.copies if "phases" in wanted.parts else FEW, folder)
    if "ways" in wanted.parts:
        report.comparison(compare(lab, found.ran, wanted.copies, wanted.rounds, folder, report.progress))
    if "phases" in wanted.parts:
        report.phases(found)
    if "peers" in wanted.parts and first:
        size = _size(found)
        report.peers(peers(size, wanted.copies, wanted.rounds, folder, report.progress), size)


def _size(found: Phases) -> Size:
    exercises = len(load_checks(slug_of(found.lab)).exercises)
    return Size(exercises, max(0, len(found.ran) - exercises), found.questions)


def _crowd(report: Report, folder: Path, lab: str, size: int, every: int) -> None:
    found = crowd(lab, size, max(1, size // every), folder, report.progress)
    report.crowd(found)
    report.edges(found)


def _wanted(words: Sequence[str]) -> Wanted:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    labs = sorted(path.stem for path in (ROOT / "solutions").glob("[0-9]*.ipynb"))
    parser.add_argument("--lab", choices=labs, nargs="+", default=labs[:1], help="the first one, if not said")
    parser.add_argument("--all", action="store_true", help="all labs; other graders and classes: the first")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="some parts")
    parser.add_argument("--copies", type=int, default=3, help="of the solution, at least 2")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--class", dest="size", type=int, default=300, help="how large the class is; 0: none")
    parser.add_argument("--soak", type=int, default=0, help="grade so many, and look for what leaks")
    given = parser.parse_args(words)
    if given.copies < 2:
        parser.error("--copies 2 at least: the first one pays for the start")
    if list(given.only) == ["soak"] and not given.soak:
        parser.error("--soak: say how many, for example --soak 3000")
    chosen = labs if given.all else given.lab
    return Wanted(tuple(chosen), frozenset(given.only), given.copies, given.rounds, given.size, given.soak)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
