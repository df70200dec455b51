"""The inspector of a checkpoint file reads, never writes, and explains what it cannot read."""

from __future__ import annotations

import pickle
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from utils.views.sqlite import CheckpointFileError, sqlite_tables, sqlite_threads, tables_in, threads_in

NAMES = ["checkpoints.db", "with space.db", "a#b.db", "100%25.db", "schön.db"]
if sys.platform != "win32":
    NAMES += ["what?.db?mode=rw", "back\\slash.db"]


def run(saver: SqliteSaver, *threads: str) -> None:
    builder = StateGraph(MessagesState)
    builder.add_node("llm", lambda state: {"messages": [("ai", "59 °F")]})
    builder.add_edge(START, "llm")
    graph = builder.compile(checkpointer=saver)
    for thread in threads:
        graph.invoke({"messages": [HumanMessage("sf?")]}, {"configurable": {"thread_id": thread}})


def schema(path: Path) -> sqlite3.Connection:
    """An empty checkpoint file, made by hand."""
    connection = sqlite3.connect(path)
    connection.execute("create table checkpoints (thread_id, checkpoint, metadata)")
    connection.execute("create table writes (thread_id, value)")
    return connection


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that a saver has closed, with two threads."""
    path = tmp_path / "checkpoints.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        run(saver, "2", "1", "1")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_can_be_opened(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with SqliteSaver.from_conn_string(str(path)) as saver:
        run(saver, "1")
    assert [row.thread_id for row in threads_in(path)] == ["1"]
    assert [row.thread_id for row in threads_in(str(path))] == ["1"]


def test_counts_and_sizes_are_those_of_the_file(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        (checkpoints,) = connection.execute(
            "select count(*) from checkpoints where thread_id = '1'"
        ).fetchone()
        (writes,) = connection.execute("select count(*) from writes where thread_id = '1'").fetchone()
        (size,) = connection.execute(
            "select (select sum(length(checkpoint) + length(metadata)) from checkpoints)"
            " + (select sum(length(value)) from writes)"
        ).fetchone()
    connection.close()
    one, two = threads_in(file)
    assert (one.thread_id, one.checkpoints, one.writes) == ("1", checkpoints, writes)
    assert one.bytes + two.bytes == size


def test_reading_leaves_no_trace(file: Path) -> None:
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    threads_in(file)
    tables_in(file)
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == before


def test_what_an_open_saver_wrote_is_seen_too(tmp_path: Path) -> None:
    path = tmp_path / "open.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        run(saver, "1")
        assert (tmp_path / "open.db-wal").exists()
        assert [row.checkpoints for row in threads_in(path)] == [3]


def test_tables_come_with_columns_and_rows(file: Path) -> None:
    checkpoints, writes = tables_in(file)
    assert (checkpoints.table, writes.table) == ("checkpoints", "writes")
    assert "parent_checkpoint_id" in checkpoints.columns
    assert checkpoints.rows == sum(row.checkpoints for row in threads_in(file))


def test_the_text_forms_read_as_agreed(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    path = tmp_path / "checkpoints.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        saver.setup()
        golden(sqlite_tables(path).text(), "sqlite_tables")
    with schema(tmp_path / "made.db") as connection:
        rows = [("1", b"x" * 900, b"{}"), ("1", b"x" * 1_000, b"{}"), ("traveller", b"x" * 20, None)]
        connection.executemany("insert into checkpoints values (?, ?, ?)", rows)
        connection.executemany("insert into writes values (?, ?)", [("1", b"x" * 10_000)] * 3)
    connection.close()
    golden(sqlite_threads(tmp_path / "made.db").text(), "sqlite_threads")


def test_html_names_rows_and_columns(file: Path, read_html: Callable[[str], Any]) -> None:
    assert read_html(sqlite_threads(file).html()).labels == ["checkpoints.db: 2 threads"]
    assert read_html(sqlite_tables(file).html()).labels == ["checkpoints.db: 2 tables"]
    assert sqlite_threads(file).html().count('scope="col"') == 4


def test_stored_objects_are_measured_and_not_unpacked(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    trap = pickle.dumps(Trap())
    with schema(tmp_path / "trap.db") as connection:
        connection.execute("insert into checkpoints values ('1', ?, ?)", (trap, trap))
    connection.close()
    assert threads_in(tmp_path / "trap.db")[0].bytes == 2 * len(trap)
    assert not (tmp_path / "sprung").exists()


def test_hostile_names_stay_names(hostile: str, tmp_path: Path, read_html: Callable[[str], Any]) -> None:
    name = hostile.encode("utf-8", "replace").decode().replace("\x00", "\x01")
    path = tmp_path / "hostile.db"
    with schema(path) as connection:
        connection.execute("insert into checkpoints values (?, null, null)", (name,))
        connection.execute("insert into checkpoints values (?, 1, 2.5)", (b"\xff\x00",))
        if len(name) < 1_000:
            connection.execute('create table "{}" (x)'.format(name.replace('"', '""')))
    connection.close()
    for view in (sqlite_threads(path), sqlite_tables(path)):
        read_html(view.html())
        assert not {"\x1b", "\u202e", "\r"} & set(view.text() + view.html())
        assert len(view.text()) < 2_000


def test_many_threads_are_cut_with_a_mark(tmp_path: Path) -> None:
    with schema(tmp_path / "many.db") as connection:
        rows = [(f"{i:04}",) for i in range(1_000)]
        connection.executemany("insert into checkpoints values (?, null, null)", rows)
    connection.close()
    view = sqlite_threads(tmp_path / "many.db")
    assert len(view.threads) == 1_000
    assert view.text().endswith("[… 800 more rows …]")
    assert "[… 800 more rows …]" in view.html()


def missing(folder: Path) -> Path:
    return folder / "none.db"


def directory(folder: Path) -> Path:
    return folder


def other_tables(folder: Path) -> Path:
    with sqlite3.connect(folder / "other.db") as connection:
        connection.execute("create table pets (name)")
    connection.close()
    return folder / "other.db"


def no_database(folder: Path) -> Path:
    path = folder / "prose.db"
    path.write_text("this is prose, and rather more of it than the head of a database has" * 50)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "does not exist"),
        (directory, "is not a file"),
        (other_tables, "has no table `checkpoints`"),
        (no_database, "file is not a database"),
        (lambda folder: ":memory:", "in memory has no file"),
    ],
    ids=["missing", "directory", "other tables", "no database", "in memory"],
)
def test_what_cannot_be_read_is_explained(
    make: Callable[[Path], Path | str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointFileError, match=message) as caught:
        sqlite_threads(make(tmp_path))
    assert isinstance(caught.value, ValueError)


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CheckpointFileError):
        sqlite_tables(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
