"""How long a process was ready to run while others had the processors: time that is not its own fault."""

from __future__ import annotations

from pathlib import Path

_NANO = 1e-9


def kept_waiting(pid: int | str = "self") -> float:
    """Return for how many seconds, since it began, the system let a process wait for a processor.

    Of several threads the one counts that waited longest. The figure is 0 where the system does not tell it
    (https://docs.kernel.org/scheduler/sched-stats.html: the second number of ``schedstat``).
    """
    longest = 0
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return 0.0
    for task in tasks:
        try:
            longest = max(longest, int((task / "schedstat").read_text("ascii").split()[1]))
        except OSError:  # it has ended meanwhile, or the kernel keeps no such figures
            continue
    return longest * _NANO
