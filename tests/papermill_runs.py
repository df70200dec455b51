"""A program: execute notebooks with papermill one after the other, and write down what went wrong with which.

To start papermill costs as much as a short notebook, so one process does all that belongs together; every
notebook has a kernel of its own all the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# For the reason see tests/conftest.py, which the processes of tests do not read.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

import papermill  # noqa: E402


def execute(order: dict[str, Any]) -> str:
    """Execute one notebook in the folder of its target, and return the error if there was one."""
    target = Path(order["target"])
    try:
        papermill.execute_notebook(
            order["notebook"], target, order["parameters"], progress_bar=False, cwd=target.parent
        )
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    orders, results = map(Path, sys.argv[1:])
    results.write_text(
        json.dumps([execute(order) for order in json.loads(orders.read_text("utf-8"))]), "utf-8"
    )
