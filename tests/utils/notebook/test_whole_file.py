"""A file that is read at any moment holds the old text or the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.notebook.whole_file import write_whole


def test_the_new_text_takes_the_place_of_the_old_one_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "said"
    for text in ("one …", "two"):
        write_whole(path, text)
        assert path.read_text("utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_what_stands_in_the_way_is_raised_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "said"
    path.mkdir()
    with pytest.raises(OSError, match="said"):
        write_whole(path, "one")
    assert list(tmp_path.iterdir()) == [path]
