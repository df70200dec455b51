"""What a notebook's self-check has around it: recorded models on the kernel's server, a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from utils.lab.lab import CheckpointRow, Spoiled
from utils.observed.checkpoints import checkpoint_rows
from utils.replay.conversation import Scenario
from utils.replay.server import ReplayServer
from utils.replay.session import Session

STALL_SECONDS = 0.5


class NotebookSurroundings:
    """Fresh sessions of one server and a fresh folder for each check."""

    def __init__(self, server: ReplayServer, folder: Path) -> None:
        self._server = server
        self._base = folder
        self._number = 0

    @property
    def folder(self) -> Path:
        folder = self._base / f"check-{self._number}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"there is no folder for this check's files: {error}"
            raise Spoiled(msg) from error
        return folder

    def serve(self, scenario: Scenario) -> Session:
        return self._server.open(scenario, patience=STALL_SECONDS)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def files(self) -> Mapping[str, int]:
        """Return names and sizes in bytes; files that a student's code takes away meanwhile are left out."""
        base, found = self.folder, {}
        for folder, _, names in os.walk(base):
            for path in (Path(folder, name) for name in names):
                with contextlib.suppress(OSError):
                    facts = path.stat()
                    if stat.S_ISREG(facts.st_mode):
                        found[path.relative_to(base).as_posix()] = facts.st_size
        return found

    def checkpoints(self, name: str) -> tuple[CheckpointRow, ...] | None:
        rows = checkpoint_rows(self.folder / name)
        return None if rows is None else tuple(CheckpointRow(*row) for row in rows)

    def renew(self) -> None:
        """Make a new folder for the next check; what a student's code still holds open stays where it is."""
        shutil.rmtree(self._base / f"check-{self._number}", ignore_errors=True)
        self._number += 1
