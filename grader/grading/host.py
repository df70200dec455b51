"""What a submission is given on this machine: a way to start processes, places in them, and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.jail.limits import Limits
from grader.results.result import Sandbox
from grader.sandbox.bubblewrap import WRITABLE
from grader.sandbox.jails import Jails
from utils.providers import Provider

CELL_CPU, CELL_WALL = 2.0, 5.0
JAILED = Limits(address_space=4 * 2**30, processes=120, cell_cpu=CELL_CPU, cell_wall=CELL_WALL)
UNJAILED = Limits(cell_cpu=CELL_CPU, cell_wall=CELL_WALL)
"""without a user of its own, a limit on processes would count everything else of this user"""
PORT = 8080
"""where the recorded model is found in a jail, whose network is its own"""


@dataclass(frozen=True, slots=True)
class Host:
    """Where one submission is run."""

    jails: Jails
    provider: Provider
    """whose models the work is judged with"""
    sandbox: Sandbox = "bubblewrap"
    lacking: tuple[str, ...] = ()
    """layers of the jail that this machine does not have"""
    second_try: bool = False
    """whether the first one ended because a process was killed from outside, as it seemed"""
    cell_wall: float = CELL_WALL
    """seconds that one cell or question may take, waiting included"""

    @property
    def limits(self) -> Limits:
        """What a process of a submission may use."""
        return replace(UNJAILED if self.sandbox == "none" else JAILED, cell_wall=self.cell_wall)

    @property
    def port(self) -> int:
        """Where the recorded model is to be found in there; 0 for any."""
        return 0 if self.sandbox == "none" else PORT

    @property
    def folders(self) -> tuple[str, ...]:
        """Where something can be written, as the process spells it; the work folder comes first."""
        return (".",) if self.sandbox == "none" else tuple(WRITABLE)
