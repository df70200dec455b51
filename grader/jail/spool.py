"""A file behind descriptor 1 or 2: what subprocesses and C code print, which passes Python by."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile


class Spool:
    """A descriptor turned into a file that nobody reads.

    RLIMIT_FSIZE bounds it, so that a program which prints without end is ended. A pipe that nobody reads
    would make it wait instead.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._file = _anonymous()
        # Appending, so that the file can be emptied under somebody who still writes.
        fcntl.fcntl(self._file, fcntl.F_SETFL, fcntl.fcntl(self._file, fcntl.F_GETFL) | os.O_APPEND)
        os.dup2(self._file, descriptor)

    def empty(self) -> None:
        """Empty the file and put it behind the descriptor again, wherever that points by now."""
        with contextlib.suppress(OSError):  # closed by the submission: nothing more comes this way
            os.ftruncate(self._file, 0)
            os.dup2(self._file, self._descriptor)


def _anonymous() -> int:
    # Not a memfd: nothing would bound the memory in it, and a jail refuses the call.
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
