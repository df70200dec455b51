"""Stored outputs compared with those of a run that is over: nbval's own comparison, without a kernel.

nbval executes a notebook cell by cell and compares what comes with what is stored. Here it gets a kernel that
has the outputs already: it is given the cells of an executed copy and says again what they printed.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbval.plugin
import pytest
from nbformat import NotebookNode

SANITIZER = Path(__file__).resolve().parent / "nbval.cfg"
INJECTED = "injected-parameters"
"""papermill's tag for the cell that it adds"""


class Recording:
    """What nbval asks of a kernel, answered from the cells of an executed notebook."""

    def __init__(self, executed: NotebookNode) -> None:
        self._cells = deque(
            cell
            for cell in executed.cells
            if cell.cell_type == "code" and INJECTED not in cell.metadata.get("tags", ())
        )
        self._numbers = itertools.count(1)
        self._messages: deque[dict[str, Any]] = deque()

    def __call__(self, *words: Any, **options: Any) -> Recording:
        """Be started, in place of nbval's own kernel."""
        return self

    def is_alive(self) -> bool:
        return True

    def stop(self) -> None:
        """Have nothing to end."""

    def execute_cell_input(self, source: str, allow_stdin: bool | None = None) -> str:
        """Put out what this cell printed; cells come in the order of the notebook."""
        cell = self._cells.popleft()
        assert cell.source == source, "another cell was executed here"
        parent = {"msg_id": f"cell {next(self._numbers)}"}
        self._messages.extend(
            {"msg_type": output.output_type, "parent_header": parent, "content": output}
            for output in cell.outputs
        )
        idle = {"execution_state": "idle"}
        self._messages.append({"msg_type": "status", "parent_header": parent, "content": idle})
        return parent["msg_id"]

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Have answered long ago."""

    await_idle = await_reply

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        return self._messages.popleft()


class Verdicts:
    """A plugin that notes how each cell ended."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext
        elif report.when == "call":
            self.passed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext


def compare(stored: Path, executed: NotebookNode) -> Verdicts:
    """How strict nbval judges each cell of a notebook, when a run of it gave these outputs."""
    verdicts = Verdicts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbval.plugin, "RunningKernel", Recording(executed))
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        words: Sequence[str] = (
            *("-c", os.devnull, "--rootdir", str(stored.parent), "--color=no", "--nbval"),
            *("--nbval-sanitize-with", str(SANITIZER)),
            # These belong to the run that this one is inside of.
            *(f"-pno:{name}" for name in ("cacheprovider", "capture", "faulthandler", "logging")),
            str(stored),
        )
        ended = pytest.main(list(words), plugins=[nbval.plugin, verdicts])
    assert ended in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), "nbval did not get to the end"
    return verdicts
