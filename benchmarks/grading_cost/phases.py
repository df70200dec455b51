"""Where the time of a warm submission goes, and the memory of its processes: the probe's lines, summed up."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.grading_cost import probe
from benchmarks.grading_cost.accounts import ROOT, Failed, account, python, run_in, surroundings
from benchmarks.grading_cost.ways import solution_path

UNSETTLED = 2
"""submissions at the beginning that do not count: they wait for the jailer, and their judge is new"""
ROLES = ("judge", "runner", "model", "reader", "jailer", "warm")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a submission: milliseconds, medians of several submissions."""

    name: str
    times: int
    wall: float
    all: float
    """processor time of everything; that of the roles together where it cannot be counted"""
    roles: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Phases:
    """What a warm submission of a right solution goes through."""

    lab: str
    submissions: int
    phases: tuple[Phase, ...]
    written: Phase
    """writing its result, which the supervisor does"""
    whole: Phase
    """medians of whole submissions, which are not the sum of the phases' medians"""
    questions: int
    looks: int
    memory: Mapping[str, float]
    """MiB that a process shares with nobody at the end of a submission; the warm ones' and jailer's, too"""
    ran: tuple[int, ...]
    """numbers of the cells that were run"""


def phases(lab: str, copies: int, folder: Path) -> Phases:
    """Grade so many copies of a lab's solution with the probe, and some before that do not count."""
    submissions, told = folder / "probed", folder / "told.jsonl"
    for number in range(copies + UNSETTLED):
        student = submissions / f"student-{number:03}"
        student.mkdir(parents=True)
        (student / f"{lab}.ipynb").write_bytes(solution_path(lab).read_bytes() + b" " * number)
    with account() as opened:
        group = "-" if opened.group is None else str(opened.group)
        paths = (submissions, folder / "probed-out", told)
        words: list[str | Path] = [python(), "-m", "benchmarks.grading_cost.probe", lab, *paths, group]
        run_in(opened, words, ROOT, surroundings())
    lines = [json.loads(line) for line in told.read_text("utf-8").splitlines()]
    for path in (submissions, folder / "probed-out"):
        shutil.rmtree(path)
    told.unlink()
    return _summed(lab, lines)


def _summed(lab: str, lines: Sequence[Mapping[str, Any]]) -> Phases:
    every = [line for line in lines if "phases" in line][UNSETTLED:]
    written = [line["written"] for line in lines if "written" in line][UNSETTLED:]
    if not every:
        raise Failed("nothing was graded")
    counted = {name: int(every[0]["phases"][name]["times"]) for name in (probe.ASKED, probe.LOOKED)}
    names = [name for name in every[0]["phases"] if name not in counted]
    return Phases(
        lab,
        len(every),
        tuple(_phase(name, [line["phases"].get(name, {}) for line in every]) for name in names),
        _phase("supervisor: write the result", [{**one, "all": one["cpu"], "times": 1} for one in written]),
        _phase("all", [_together(line["phases"]) for line in every]),
        counted[probe.ASKED],
        counted[probe.LOOKED],
        {role: statistics.median(line["memory"].get(role, 0) for line in every) / 2**20 for role in ROLES},
        tuple(every[0]["ran"]),
    )


def _phase(name: str, found: Sequence[Mapping[str, float]]) -> Phase:
    def middle(what: str) -> float:
        return 1000 * statistics.median(one.get(what, 0.0) for one in found)

    roles = {role: middle(role) for role in ROLES}
    times = int(statistics.median(one.get("times", 0) for one in found))
    return Phase(name, times, middle("wall"), middle("all") or sum(roles.values()), roles)


def _together(every: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {what: sum(one.get(what, 0.0) for one in every.values()) for what in ("wall", "all", *ROLES)}
