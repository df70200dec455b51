"""Reads which checkpoints a file has. Nothing in it is deserialised: that could run code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

MOST_ROWS = 20_000
MOST_TEXT = 200

Row = tuple[str, str, str | None]
"""thread, checkpoint and its parent"""

_TABLE = "SELECT type FROM sqlite_master WHERE name = 'checkpoints'"
_ROWS = "SELECT thread_id, checkpoint_id, parent_checkpoint_id FROM checkpoints ORDER BY checkpoint_id"


def checkpoint_rows(path: Path) -> list[Row] | None:
    """Return the checkpoints in a file by creation; ``None`` if there is no readable file."""
    try:
        if not path.is_file():
            return None
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            # What the file defines (views, triggers) is not to be trusted with anything.
            connection.execute("PRAGMA trusted_schema = OFF")
            if connection.execute(_TABLE).fetchall() != [("table",)]:
                return None
            found = connection.execute(_ROWS).fetchmany(MOST_ROWS)
    except (OSError, sqlite3.Error, MemoryError, OverflowError, ValueError):
        return None
    return [
        (_text(thread), _text(id), None if parent is None else _text(parent)) for thread, id, parent in found
    ]


def _text(value: object) -> str:
    return str(value)[:MOST_TEXT]
