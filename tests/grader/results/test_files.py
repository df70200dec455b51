"""Files below the folder of results are listed and removed there, and nowhere else."""

from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.results.files import all_below, remove_below, write_below


def test_a_file_goes_and_its_folder_goes_with_the_last_one(tmp_path: Path) -> None:
    write_below(tmp_path, "results/ada/x.json", b"")
    write_below(tmp_path, "results/ada/y.json", b"")
    assert remove_below(tmp_path, "results/ada/x.json")
    assert (tmp_path / "results" / "ada").is_dir()
    assert remove_below(tmp_path, "results/ada/y.json")
    assert list((tmp_path / "results").iterdir()) == []


def test_what_is_not_there_was_not_removed(tmp_path: Path) -> None:
    assert not remove_below(tmp_path, "results/ada/x.json")
    assert not remove_below(tmp_path / "gone", "x.json")
    assert all_below(tmp_path, "results/ada") == ()


def test_hidden_files_are_listed_and_folders_are_not(tmp_path: Path) -> None:
    write_below(tmp_path, "results/ada/x.json", b"")
    write_below(tmp_path, "results/ada/.1.draft", b"")
    write_below(tmp_path, "results/ada/deeper/z", b"")
    assert all_below(tmp_path, "results/ada") == ("results/ada/.1.draft", "results/ada/x.json")


def test_neither_goes_through_a_link(tmp_path: Path) -> None:
    write_below(tmp_path / "away", "kept", b"")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "away", target_is_directory=True)
    with pytest.raises(GraderError, match="cannot be removed"):
        remove_below(tmp_path / "out", "link/kept")
    with pytest.raises(GraderError, match="cannot be looked into"):
        all_below(tmp_path / "out", "link")
    assert (tmp_path / "away" / "kept").exists()
