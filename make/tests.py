"""Run the tests: first those that may run beside each other, then those that want the machine for themselves.

Jails have limits in seconds and use all cores by themselves, and a browser that waits for its processor is
no browser: these run one after the other. Arguments go to both runs of pytest.
"""

from __future__ import annotations

import subprocess
import sys

NOTHING_COLLECTED = 5
RUNS = (
    ("--part=beside", "-n", "logical", "--dist", "worksteal", "--junit-xml=build/junit.xml"),
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
    fine = (0, NOTHING_COLLECTED) if arguments else (0,)
    return next((status for status in statuses if status not in fine), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
