"""Run the tests: those that may run beside each other, then jails, which want the machine to themselves.

Jails run several at a time anyway, under limits in seconds, and their tests look at the whole machine: at
its memory, its processes and its temporary files. Whatever ran beside them would be in the picture. All
others share one pool of workers, two for each core: many tests wait, for a gate, a stall or a browser. A
worker gets whole files; tests that share something dear, such as the browser, are a group, which one worker
gets.

Arguments go to both runs of pytest. One is ours: NIGHTLY also runs the tests that are marked so.
"""

from __future__ import annotations

import os
import subprocess
import sys

NIGHTLY = "--nightly"
NOTHING_COLLECTED = 5
WORKERS = 2 * (os.cpu_count() or 1)
POOL = ("-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder")
RUNS = (
    ("--part=beside", *POOL, "--junit-xml=build/junit.xml"),
    ("--part=alone", "--junit-xml=build/junit-alone.xml"),
)


def main(arguments: list[str]) -> int:
    """Run both parts, the second one also after a failure, and return the first bad status."""
    statuses = []
    for words in RUNS:
        command = [sys.executable, "-m", "pytest", *words, *arguments]
        statuses.append(subprocess.run(command, check=False).returncode)
    if all(status == NOTHING_COLLECTED for status in statuses):
        return NOTHING_COLLECTED
    # Arguments may choose tests of one part only.
    fine = (0,) if set(arguments) <= {NIGHTLY} else (0, NOTHING_COLLECTED)
    return next((status for status in statuses if status not in fine), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
