"""Processes without a jail, for submissions that one has read or written oneself (``--no-sandbox``).

Code that runs this way can do what its user can: read the hidden cases, other submissions, keys.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

from grader.jail.frames import Channel
from grader.sandbox.bubblewrap import environment
from grader.sandbox.child import Child, Guard
from grader.sandbox.stage import Stage


class Plain:
    """Starts modules of ``grader.jail`` as ordinary processes, each in a folder of its own."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __call__(self, module: str, *, guard: Guard | None = None) -> Child:
        """The started process (see ``Start``); nothing watches what it uses."""
        folder = Path(tempfile.mkdtemp(prefix="grading-"))
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={
                    **environment(
                        str(self._stage.kit(PurePosixPath(self._stage.folder))),
                        str(folder),
                        str(Path(sys.executable).parent),
                    )
                },
            )
        except BaseException:
            ours.close()
            shutil.rmtree(folder)
            raise
        finally:
            theirs.close()
        child = Child(Channel(ours), process, process.pid)
        child.after_end(lambda: shutil.rmtree(folder, ignore_errors=True))
        return child
