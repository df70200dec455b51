"""Prints what was measured, and says what may be compared with what."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.grading_cost.crowd import Crowd, Edge
from benchmarks.grading_cost.peers import Peer, Size
from benchmarks.grading_cost.phases import ROLES, Phase, Phases
from benchmarks.grading_cost.ways import Comparison

MIB = 2**20
BASE = "grader, warm"
WIDTH = 110


class Report:
    """Tables and sentences on a console."""

    def __init__(self) -> None:
        self._console = Console(width=WIDTH, highlight=False)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=False)

    def progress(self, text: str) -> None:
        """Say what goes on, beside what was measured."""
        print(text, file=sys.stderr, flush=True)

    def comparison(self, found: Comparison) -> None:
        """Print what each way costs."""
        heads = ("way", "CPU", "wall", f"CPU against {BASE}", "start: CPU", "start: wall", "copies")
        table = _table(f"{found.lab}: a right solution, seconds for each one more", heads)
        base = found.costs[BASE].each.cpu
        for name, cost in found.costs.items():
            figures = (cost.each.cpu, cost.each.wall, cost.each.cpu / base, cost.start.cpu, cost.start.wall)
            table.add_row(name, *(f"{figure:.2f}" for figure in figures), str(cost.copies))
        self._console.print(table)
        self.say(
            f"nbclient and papermill execute all {found.cells} code cells, self-checks and demonstrations "
            f"too, and judge nothing. The grader runs {found.graded} of them, which the last row executes, "
            "and asks its questions besides. Start: what is paid once, from a run of one."
        )

    def phases(self, found: Phases) -> None:
        """Print where the time of a submission goes."""
        heads = ("phase", "times", "wall", "all", *ROLES)
        title = f"{found.lab}: a warm submission, milliseconds of CPU, medians of {found.submissions}"
        table = _table(title, heads)
        for phase in (*found.phases, found.written):
            table.add_row(*_phase(phase))
        table.add_section()
        table.add_row(*_phase(found.whole))
        self._console.print(table)
        memory = ", ".join(f"{role} {found.memory[role]:.1f}" for role in ROLES)
        self.say(
            f"{found.questions} questions to the notebook's process, {found.looks} to the recorded model. "
            f"Memory that is not shared, at the end, in MiB: {memory}. runner, model and reader are forks of "
            "the warm processes. all: also what is in nobody's column, such as processes that end."
        )

    def peers(self, found: Sequence[Peer], size: Size) -> None:
        """Print what the other graders cost."""
        title = f"other graders, on {size.exercises + size.others} cells and {size.questions} questions"
        heads = ("grader", "CPU", "wall", "start: CPU", "nbclient, the same notebook: CPU", "copies")
        table = _table(title, heads)
        for peer in found:
            if peer.cost is not None and peer.executed is not None:
                costs = (peer.cost.each.cpu, peer.cost.each.wall, peer.cost.start.cpu, peer.executed.each.cpu)
                named = f"{peer.name} {peer.version}"
                table.add_row(named, *(f"{cost:.2f}" for cost in costs), str(peer.cost.copies))
        self._console.print(table)
        for peer in found:
            if peer.reason:
                self.say(f"{peer.name} was not measured: {peer.reason}")
        self.say(
            "Comparable: how much each of them spends beyond executing its notebook (columns CPU and "
            "nbclient). Not comparable: the rest. Their lab is additions, asserted in the student's own "
            "process, without LangGraph, model or jail; the kit's questions are runs of agents, asked from "
            "outside."
        )

    def crowd(self, found: Crowd) -> None:
        """Print what a class took, and what it left."""
        size, cost = found.right + found.hostile, found.cost
        self.say(
            f"{found.lab}: a class of {size}, {found.hostile} of them hostile: {cost.wall:.0f} s, "
            f"{cost.cpu:.0f} s of CPU; {cost.wall / size:.2f} s and {cost.cpu / size:.2f} s of CPU for each "
            f"one; {found.fully_right} of {found.right} right ones got all points."
        )
        peaks = ", ".join(f"{name} {peak / MIB:.0f} MiB" for name, peak in found.peaks.items())
        self.say(f"In memory at most: {peaks}.")
        table = _table("hostile hand-ins", ("what it does", "status and points"))
        for kind, verdicts in found.verdicts.items():
            table.add_row(kind, ", ".join(verdicts.statuses))
        self._console.print(table)
        for note in found.notes:
            self.say(f"the grader said: {note}")
        files = ", ".join(found.left_files) or "nothing"
        self.say(f"Left: {found.left_processes} processes; in its temporary folder: {files}.")

    def edges(self, found: Crowd) -> None:
        """Print the grader's own processes at the beginning and at the end of a run."""
        heads = ("process", "when", "private memory, MiB", "descriptors", "threads", "processes below")
        table = _table("the grader's own processes: a leak would show", heads, left=2)
        for name, edges in found.edges.items():
            for when, edge in zip(("begin", "end"), edges, strict=True):
                table.add_row(name, when, *_edge(edge))
        self._console.print(table)
        self.say("Medians of memory, and the least number of all else, in the first and in the last tenth.")


def _table(title: str, heads: Sequence[str], left: int = 1) -> Table:
    table = Table(title=title, title_justify="left")
    for number, head in enumerate(heads):
        table.add_column(head, justify="left" if number < left else "right")
    return table


def _phase(phase: Phase) -> Iterator[str]:
    yield phase.name
    yield str(phase.times or "")
    for figure in (phase.wall, phase.all, *(phase.roles[role] for role in ROLES)):
        yield f"{figure:.1f}" if figure >= 0.05 else ""


def _edge(edge: Edge) -> Iterator[str]:
    yield f"{edge.memory / MIB:.1f}"
    yield from map(str, (edge.descriptors, edge.threads, edge.below))
