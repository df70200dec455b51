"""What is in a checkpoint file: its tables, and how much each thread keeps there.

The file is only ever read, and what the saver stored is measured, never unpacked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from utils.errors import ViewError
from utils.views.display import View
from utils.views.page import escape_line
from utils.views.plain import grid, hang, one_line, plural

_MOST_ROWS = 200
_NAME = 40


class CheckpointFileError(ViewError):
    """A file cannot be read, or is not a checkpoint file."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One table of the file."""

    table: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """What the file keeps of one thread."""

    thread_id: str
    checkpoints: int
    writes: int
    bytes: int
    """size of its checkpoints, their metadata and its writes, as stored"""


@dataclass(frozen=True, slots=True, repr=False)
class TablesView(View):
    """The tables of a file."""

    file: str
    tables: tuple[TableRow, ...]

    def text(self) -> str:
        return _text(self.file, _TABLE_HEAD, _table_cells(self.tables), right={1})

    def html(self) -> str:
        return _html(self.file, _TABLE_HEAD, _table_cells(self.tables), right={1})


@dataclass(frozen=True, slots=True, repr=False)
class ThreadsView(View):
    """The threads in a file."""

    file: str
    threads: tuple[ThreadRow, ...]

    def text(self) -> str:
        return _text(self.file, _THREAD_HEAD, _thread_cells(self.threads), right={1, 2, 3})

    def html(self) -> str:
        return _html(self.file, _THREAD_HEAD, _thread_cells(self.threads), right={1, 2, 3})


def sqlite_tables(path: str | PathLike[str]) -> TablesView:
    """Return a view of the tables of a checkpoint file: their columns and how many rows they have."""
    return TablesView(Path(path).name, tuple(tables_in(path)))


def sqlite_threads(path: str | PathLike[str]) -> ThreadsView:
    """Return a view of the threads in a checkpoint file: how many checkpoints and writes, and their size."""
    return ThreadsView(Path(path).name, tuple(threads_in(path)))


def tables_in(path: str | PathLike[str]) -> list[TableRow]:
    """Return the tables of an SQLite file, by name. Raises CheckpointFileError."""
    with _reading(path) as connection:
        names = [str(name) for (name,) in connection.execute(_TABLES)]
        return [_table(connection, name) for name in names]


def threads_in(path: str | PathLike[str]) -> list[ThreadRow]:
    """Return the threads in a checkpoint file, by id. Raises CheckpointFileError."""
    with _reading(path) as connection:
        present = {name for (name,) in connection.execute(_TABLES)}
        for table in ("checkpoints", "writes"):
            if table not in present:
                raise CheckpointFileError(
                    f"has no table `{table}`",
                    where=Path(path).name,
                    hint="was it made by an SQLite saver, and has a run been saved in it? "
                    "What an open saver wrote may still be in the -wal file beside it: keep both.",
                )
        return [ThreadRow(_string(id), *map(int, numbers)) for id, *numbers in connection.execute(_THREADS)]


_TABLES = """
    select name from sqlite_master
    where type = 'table' and name not like 'sqlite!_%' escape '!'
    order by name
"""
_THREADS = """
    select thread_id, sum(checkpoints), sum(writes), sum(bytes)
    from (
        select thread_id, 1 as checkpoints, 0 as writes,
               ifnull(length(checkpoint), 0) + ifnull(length(metadata), 0) as bytes
        from checkpoints
        union all
        select thread_id, 0, 1, ifnull(length(value), 0) from writes
    )
    group by thread_id
    order by thread_id
"""
_TABLE_HEAD = ("Table", "Rows", "Columns")
_THREAD_HEAD = ("Thread", "Checkpoints", "Writes", "Size")


@contextmanager
def _reading(path: str | PathLike[str]) -> Iterator[sqlite3.Connection]:
    file = Path(path)
    if fspath(path) == ":memory:":
        raise CheckpointFileError(
            "a database in memory has no file to look into", hint="give the saver a path"
        )
    if not file.is_file():
        raise CheckpointFileError("is not a file" if file.exists() else "does not exist", where=str(path))
    try:
        with closing(sqlite3.connect(_uri(file), uri=True, timeout=2)) as connection:
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            connection.execute("pragma trusted_schema = off")
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise CheckpointFileError(f"cannot be read: {one_line(str(error), 200)}", where=str(path)) from error


def _uri(file: Path) -> str:
    # as_uri() quotes what a URI would misread in a path: spaces, # and ?.
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with file.open("rb") as stream:
        write_ahead = stream.read(20)[18:] == b"\2\2"
    # A reader of a file in write-ahead mode leaves -wal and -shm behind, and needs a folder to write to.
    # With no -wal there is nobody to wait for and nothing to add: then the file can be taken as it is.
    if write_ahead and not file.with_name(f"{file.name}-wal").exists():
        uri += "&immutable=1"
    return uri


def _table(connection: sqlite3.Connection, name: str) -> TableRow:
    quoted = '"' + name.replace('"', '""') + '"'
    columns = tuple(str(row[1]) for row in connection.execute(f"pragma table_info({quoted})"))
    (rows,) = connection.execute(f"select count(*) from {quoted}").fetchone()  # noqa: S608 - quoted above
    return TableRow(name, columns, int(rows))


def _string(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _table_cells(tables: Sequence[TableRow]) -> list[tuple[str, ...]]:
    return [(table.table, f"{table.rows:,}", ", ".join(table.columns)) for table in tables]


def _thread_cells(threads: Sequence[ThreadRow]) -> list[tuple[str, ...]]:
    return [(row.thread_id, f"{row.checkpoints:,}", f"{row.writes:,}", _size(row.bytes)) for row in threads]


def _size(number: int) -> str:
    # Whole kilobytes: the saver's version numbers differ by some bytes from run to run.
    return f"{number} B" if number < 1000 else f"{number / 1000:,.0f} kB"


def _text(file: str, head: tuple[str, ...], rows: list[tuple[str, ...]], right: set[int]) -> str:
    cells = [
        head,
        *(
            tuple(one_line(cell, 120 if i else _NAME) for i, cell in enumerate(row))
            for row in rows[:_MOST_ROWS]
        ),
    ]
    last = len(head) - 1
    if last in right:
        lines = grid(cells, right)
    else:
        leads = grid([(*row[:-1], "|") for row in cells], right)
        lines = [hang(lead[:-1], row[-1]) for lead, row in zip(leads, cells, strict=True)]
    return "\n".join([one_line(file, _NAME), "", *lines, *_more(rows)])


def _html(file: str, head: tuple[str, ...], rows: list[tuple[str, ...]], right: set[int]) -> str:
    name = escape_line(file, _NAME)

    def kind(i: int) -> str:
        return ' class="kit-right"' if i in right else ""

    titles = "".join(f'<th scope="col"{kind(i)}>{title}</th>' for i, title in enumerate(head))
    body = "\n".join(
        f'<tr><th scope="row"><bdi>{escape_line(row[0], _NAME)}</bdi></th>'
        + "".join(f"<td{kind(i)}>{escape_line(cell, 120)}</td>" for i, cell in enumerate(row) if i)
        + "</tr>"
        for row in rows[:_MOST_ROWS]
    )
    more = "".join(f'<p class="kit-more">{line}</p>\n' for line in _more(rows))
    return (
        f'<section class="kit-view kit-card" aria-label="{name}: {plural(len(rows), head[0].lower())}">\n'
        f'<table class="kit-table">\n<caption>{name}</caption>\n<thead><tr>{titles}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>\n{more}</section>"
    )


def _more(rows: Sequence[object]) -> list[str]:
    more = len(rows) - _MOST_ROWS
    return [f"[… {more:,} more rows …]"] if more > 0 else []
