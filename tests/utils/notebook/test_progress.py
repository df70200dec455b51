"""Points are kept in a small file beside the labs: whole, for the learner alone, and never in the way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from utils.notebook.progress import FILE, forget, read_progress, record


def test_points_are_there_the_next_day_and_in_a_moved_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert record(tmp_path / "a", "persistence", {"1.1": 5, "1.2": 1.5}).said == ""
    (tmp_path / "a").rename(tmp_path / "b")
    assert read_progress(tmp_path / "b").of("persistence") == {"1.1": 5, "1.2": 1.5}
    assert [path.name for path in (tmp_path / "b").iterdir()] == [FILE]


def test_the_file_holds_points_and_nothing_else(tmp_path: Path) -> None:
    record(tmp_path, "persistence", {"1.1": 5})
    assert json.loads((tmp_path / FILE).read_text("utf-8")) == {
        "kit_progress": 1,
        "points": {"persistence": {"1.1": 5}},
    }


def test_the_most_points_stay_and_labs_do_not_touch_each_other(tmp_path: Path) -> None:
    record(tmp_path, "persistence", {"1.1": 5})
    record(tmp_path, "streaming", {"2.1": 1})
    kept = record(tmp_path, "persistence", {"1.1": 2, "1.2": 0})
    assert kept.points == {"persistence": {"1.1": 5}, "streaming": {"2.1": 1}}
    assert read_progress(tmp_path).points == kept.points


def test_an_exercise_that_is_begun_again_is_forgotten(tmp_path: Path) -> None:
    record(tmp_path, "persistence", {"1.1": 5, "1.2": 2})
    assert forget(tmp_path, "persistence", ("1.1",)) == ""
    assert forget(tmp_path, "persistence", ("1.6",)) == ""
    assert read_progress(tmp_path).of("persistence") == {"1.2": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'{"other": "file"}',
        b'{"kit_progress": 2, "points": {}}',
        b'{"kit_progress": 1, "points": []}',
        b'{"kit_progress": 1, "points": {"persistence": 5}}',
        b'{"kit_progress": 1, "points": {"persistence": {"1.1": "5"}}}',
        b'{"kit_progress": 1, "points": {"persistence": {"1.1": true}}}',
        b'{"kit_progress": 1, "points": {"persistence": {"1.1": NaN}}}',
        b'{"kit_progress": 1, "points": {"persistence": {"1.1": -1}}}',
        b" " * 200_000,
    ],
    ids=range(14),
)
def test_what_is_not_ours_is_set_aside_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / ".kit-progress.aside-1.json").touch()
    kept = record(tmp_path, "persistence", {"1.1": 5})
    aside = tmp_path / ".kit-progress.aside-2.json"
    assert kept.said == (
        f"Your progress starts afresh, because {FILE} could not be understood. It is now {aside.name}."
    )
    assert aside.read_bytes() == content
    assert read_progress(tmp_path).points == {"persistence": {"1.1": 5}}


def test_a_pipe_of_that_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    assert "could not be understood" in read_progress(tmp_path).said
    assert not (tmp_path / FILE).exists()


def test_where_nothing_can_be_written_a_sentence_says_so_and_points_still_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    kept = record(tmp_path, "persistence", {"1.1": 5})
    assert kept.said == f"Your progress is not kept: {FILE} cannot be written (Permission denied)."
    assert kept.of("persistence") == {"1.1": 5}
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_that_cannot_be_moved_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / FILE).write_text("{")
    monkeypatch.setattr(Path, "rename", refuse)
    kept = record(tmp_path, "persistence", {"1.1": 5})
    assert kept.said == (
        f"Your progress starts afresh, because {FILE} cannot be understood (Permission denied)."
    )
    assert (tmp_path / FILE).read_text() == "{"


def test_a_file_that_cannot_be_read_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    record(tmp_path, "persistence", {"1.1": 5})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", refuse)
        assert "cannot be read" in record(tmp_path, "persistence", {"1.2": 2}).said
    assert read_progress(tmp_path).of("persistence") == {"1.1": 5}
