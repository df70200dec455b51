"""Reads checkpoint files that a submission left: ``python -P -m grader.jail.checkpoint_reader FD``.

A database can be made to attack what opens it, so it is opened here, in a jail with nothing else in it. The
descriptor is a connected stream socket; each frame that comes brings two files: the database and its
write-ahead log, which may be empty. What goes back is ``{"rows": [[thread, id, parent], …]}`` by creation,
or ``{"rows": null}`` if it is not a checkpoint file. All files are those of one submission.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path

from grader.jail import limits as limiting
from grader.jail.frames import Channel, FrameError
from grader.jail.limits import Limits
from utils.observed.checkpoints import checkpoint_rows

MOST_BYTES = 48 * 2**20
LIMITS = Limits(data=512 * 2**20, file_size=MOST_BYTES, cpu=10, cell_cpu=None, cell_wall=None)
FILE = "file.db"


def main(sock: socket.socket, folder: Path) -> None:
    """Read files, each of them alone in the folder, until the other end has had enough."""
    channel = Channel(sock)
    limiting.apply(LIMITS)
    with contextlib.suppress(FrameError):
        while True:
            _, descriptors = channel.receive_granted(2)
            for descriptor, name in zip(descriptors, (FILE, f"{FILE}-wal"), strict=True):
                with os.fdopen(descriptor, "rb") as given:
                    (folder / name).write_bytes(given.read(MOST_BYTES))
            channel.send({"rows": checkpoint_rows(folder / FILE)})
            for left in folder.glob(f"{FILE}*"):
                left.unlink()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as sock:
        main(sock, Path.cwd())
    os._exit(0)
