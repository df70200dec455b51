"""What notebooks do, as cells in ``features.txt``; the runner must show what a kernel shows.

A feature is a line with its name and then its cells, parted by lines of three hyphens. All run one after
the other in one kernel, so no feature may leave anything behind that another one sees. The pauses are
for the kernel's own thread, which reads what is written past Python whenever it comes to it.
"""

from __future__ import annotations

import re
from pathlib import Path


def load_features() -> dict[str, tuple[str, ...]]:
    """Each feature's cells, in order."""
    text = Path(__file__).with_name("features.txt").read_text("utf-8")
    parts = re.split(r"^=== (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        name: tuple(cell.strip("\n") for cell in re.split(r"^---$", cells, flags=re.MULTILINE))
        for name, cells in zip(parts[::2], parts[1::2], strict=True)
    }
