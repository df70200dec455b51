"""Processes without a jail, for submissions that one has read or written oneself (``--no-sandbox``).

Code that runs this way can do what its user can: read the hidden cases, other submissions, keys.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path, PurePosixPath

from grader.sandbox.bubblewrap import environment
from grader.sandbox.child import Child, buried, said_by, started
from grader.sandbox.stage import Stage


class Plain:
    """Starts modules of ``grader.jail`` as ordinary processes, each in a folder of its own."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __call__(self, module: str, theirs: int) -> Child:
        """Return the started process (see ``Start``); nothing watches what it uses."""
        folder = Path(tempfile.mkdtemp(prefix="grading-"))
        kit = str(self._stage.kit(PurePosixPath(self._stage.folder)))
        try:
            process = started(
                [sys.executable, "-P", "-m", module, str(theirs)],
                [theirs],
                environment=dict(environment(kit, str(folder), str(Path(sys.executable).parent))),
                cwd=str(folder),
            )
        except BaseException:
            shutil.rmtree(folder)
            raise
        child = Child(
            process.pid,
            os.pidfd_open(process.pid),
            lambda: buried(process),
            stop=lambda: os.killpg(process.pid, signal.SIGKILL),
            said=lambda: said_by(process),
        )
        child.after_end(lambda: shutil.rmtree(folder, ignore_errors=True))
        return child
