"""A file behind descriptor 1 or 2: what subprocesses and C code print, which passes Python by."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import tempfile


class Spool:
    """A descriptor turned into a file; RLIMIT_FSIZE bounds it, and whoever writes never has to wait."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._file = _anonymous()
        # Appending, so that the file can be emptied under somebody who still writes.
        fcntl.fcntl(self._file, fcntl.F_SETFL, fcntl.fcntl(self._file, fcntl.F_GETFL) | os.O_APPEND)
        self._at = 0
        self._decoder = _decoder()
        os.dup2(self._file, descriptor)

    def read(self, most: int) -> str:
        """Text that has come since the last time; what goes far beyond ``most`` bytes is passed over."""
        try:
            size = os.fstat(self._file).st_size
            if size <= self._at:
                self._at = size  # emptied by the submission itself
                return ""
            data = os.pread(self._file, min(size - self._at, 4 * most), self._at)
        except OSError:  # closed by the submission: nothing more comes this way
            return ""
        self._at = size
        return self._decoder.decode(data)

    def restart(self) -> None:
        """Empty the file and put it behind the descriptor again, wherever that points by now."""
        self._at = 0
        self._decoder = _decoder()
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
            os.dup2(self._file, self._descriptor)


def _anonymous() -> int:
    # Not a memfd: nothing would bound the memory in it, and a jail refuses the call.
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")
