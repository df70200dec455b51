"""What a submission is given on this machine: a way to start processes, and their limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from grader.grading.attempt import Terms
from grader.grading.paper import Paper
from grader.jail.limits import Limits
from grader.sandbox.bubblewrap import WRITABLE, Bubblewrap
from grader.sandbox.child import Start
from grader.sandbox.leftovers import used_up
from grader.sandbox.plain import Plain
from grader.sandbox.scratch import scratch_folder
from grader.sandbox.stage import stage
from grader.sandbox.watch import MemoryWatch
from utils.providers import chosen_provider

PORT = 8080
"""where the recorded model is found in a jail, whose network is its own"""
CELL_CPU, CELL_WALL = 2.0, 5.0
JAILED = Limits(address_space=4 * 2**30, processes=120, cell_cpu=CELL_CPU, cell_wall=CELL_WALL)
UNJAILED = Limits(cell_cpu=CELL_CPU, cell_wall=CELL_WALL)
"""without a user of its own, a limit on processes would count everything else of this user"""


@dataclass(frozen=True, slots=True)
class Machine:
    """How submissions are run here."""

    start: Start
    sandboxed: bool
    lacking: tuple[str, ...] = ()
    """layers of the jail that this machine does not have"""

    def terms(self, paper: Paper, start: Start) -> Terms:
        """What every submission to a lab is given, with processes started by ``start``."""
        provider = chosen_provider()
        if self.sandboxed:
            return Terms(
                start,
                provider,
                paper.scenario,
                JAILED,
                paper.demo,
                leaves=used_up,
                port=PORT,
                lacking=self.lacking,
                folders=tuple(WRITABLE),
            )
        return Terms(start, provider, paper.scenario, UNJAILED, paper.demo)


@contextmanager
def machine(*, sandboxed: bool = True) -> Iterator[Machine]:
    """A machine ready to grade. Raises GraderError, with what to do, when it cannot."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        if not sandboxed:
            yield Machine(Plain(stage(folder)), sandboxed=False)
            return
        watch = stack.enter_context(MemoryWatch())
        jails = Bubblewrap(lambda: stage(folder), watch)
        yield Machine(jails, sandboxed=True, lacking=jails.lacking)
