"""What a notebook's self-check has around it: fresh models and fresh folders."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from utils.lab.lab import CheckpointRow, Spoiled
from utils.lab.parts import close_saver, make_saver
from utils.notebook.surroundings import NotebookSurroundings
from utils.replay.conversation import Scenario

CHECKPOINT: Any = {"v": 4, "channel_values": {}, "channel_versions": {}, "versions_seen": {}, "ts": ""}


@pytest.fixture
def around(recorded_server: Any, tmp_path: Path) -> NotebookSurroundings:
    return NotebookSurroundings(recorded_server, tmp_path / "a folder with spaces" / "checks")


def test_every_session_has_an_address_of_its_own(around: NotebookSurroundings) -> None:
    one, two = around.serve(Scenario()), around.serve(Scenario())
    assert one.url != two.url
    one.close()
    two.close()


def test_files_are_listed_with_their_sizes_below_the_folder(around: NotebookSurroundings) -> None:
    assert around.files() == {}
    Path(around.path("a/b")).mkdir(parents=True)
    Path(around.path("a/b/c.txt")).write_text("four")
    assert around.files() == {"a/b/c.txt": 4}


def test_every_check_gets_a_fresh_folder(around: NotebookSurroundings) -> None:
    Path(around.path("x")).write_text("x")
    before = around.folder
    around.renew()
    assert around.files() == {}
    assert around.folder != before
    assert not before.exists()


def test_a_folder_that_somebody_deleted_is_made_again(around: NotebookSurroundings) -> None:
    around.folder.rmdir()
    around.renew()
    assert around.files() == {}
    assert around.folder.is_dir()


def test_checkpoints_are_read_as_the_file_has_them(around: NotebookSurroundings) -> None:
    saver = make_saver(around.path("trip #1?.db"))
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    saver.put(config, {**CHECKPOINT, "id": "1"}, {}, {})
    config["configurable"]["checkpoint_id"] = "1"
    saver.put(config, {**CHECKPOINT, "id": "2"}, {}, {})
    rows = (CheckpointRow("t", "1", None), CheckpointRow("t", "2", "1"))
    assert around.checkpoints("trip #1?.db") == rows, "also while it is open elsewhere"
    close_saver(saver)
    assert around.checkpoints("trip #1?.db") == rows


def test_what_is_no_checkpoint_file_is_none(around: NotebookSurroundings) -> None:
    Path(around.path("text.db")).write_text("no database")
    Path(around.path("folder.db")).mkdir()
    with closing(sqlite3.connect(around.path("other.db"))) as connection:
        connection.execute("create table other (a)")
    for name in ("text.db", "folder.db", "other.db", "nothing.db"):
        assert around.checkpoints(name) is None, name


def test_a_file_that_somebody_locked_swapped_or_took_away_is_none(
    around: NotebookSurroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(around.path("locked.db"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table checkpoints (thread_id, checkpoint_id, parent_checkpoint_id)")
        connection.execute("begin exclusive")
        connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, timeout=0, **more))
        assert around.checkpoints("locked.db") is None
    os.mkfifo(around.path("pipe.db"))
    Path(around.path("loop.db")).symlink_to("loop.db")
    Path(around.path("nowhere.db")).symlink_to("gone")
    for name in ("pipe.db", "loop.db", "nowhere.db"):
        assert around.checkpoints(name) is None, name
    assert set(around.files()) == {"locked.db"}


def test_files_that_are_taken_away_meanwhile_are_not_there(
    around: NotebookSurroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(around.path("a")).write_text("a")
    Path(around.path("b")).write_text("b")
    walk = os.walk

    def walking(top: Path) -> Any:
        for step in walk(top):
            Path(around.path("a")).unlink()
            yield step

    monkeypatch.setattr(os, "walk", walking)
    assert around.files() == {"b": 1}


def test_a_file_in_the_folder_s_place_is_whose_it_is(around: NotebookSurroundings) -> None:
    folder = around.folder
    shutil.rmtree(folder)
    folder.write_text("no folder")
    with pytest.raises(Spoiled, match="no folder for this check"):
        around.path("x")
    with pytest.raises(Spoiled):
        around.files()
