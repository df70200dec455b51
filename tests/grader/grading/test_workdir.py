"""A work folder in which everything is meant to mislead."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading import workdir
from grader.grading.workdir import DEEPEST, MOST_ENTRIES, make_folder, opened, sizes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="graded on Linux only")


@pytest.fixture
def outside(tmp_path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.fixture
def work(tmp_path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def handle(work) -> Iterator[int]:
    descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def descriptors() -> int:
    folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    return len(os.listdir(folder))  # noqa: PTH208 - one folder, and only names


# A folder for a check


def test_a_new_folder_is_one_that_everybody_may_write_to(work, handle):
    folder = make_folder(handle, "check")
    assert folder is not None
    assert os.fstat(folder).st_ino == (work / "check").stat().st_ino
    assert stat.S_IMODE((work / "check").stat().st_mode) == 0o777
    os.close(folder)


def test_a_name_that_is_taken_gives_none_and_nothing_changes(work, handle, outside):
    (work / "file").write_text("x")
    (work / "folder").mkdir(mode=0o700)
    (work / "link").symlink_to(outside)
    (work / "dangling").symlink_to(outside / "new")
    mode = outside.stat().st_mode
    for name in ("file", "folder", "link", "dangling", "no/where"):
        assert make_folder(handle, name) is None
    assert not (outside / "new").exists()
    assert (outside.stat().st_mode, stat.S_IMODE((work / "folder").stat().st_mode)) == (mode, 0o700)


def test_a_folder_swapped_for_a_link_while_it_is_made_is_none(work, handle, outside, monkeypatch):
    real = os.mkdir

    def mkdir(name: str, **options: int) -> None:
        real(name, **options)
        (work / name).rmdir()
        (work / name).symlink_to(outside)

    monkeypatch.setattr(workdir.os, "mkdir", mkdir)
    mode, before = outside.stat().st_mode, descriptors()
    assert make_folder(handle, "check") is None
    assert outside.stat().st_mode == mode
    assert descriptors() == before


# What is in it


def test_regular_files_are_told_by_relative_names_and_in_order(work, handle):
    for name, size in (("b", 3), ("a/z", 2), ("a/b/c", 1)):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(bytes(size))
    assert list(sizes(handle).items()) == [("a/b/c", 1), ("a/z", 2), ("b", 3)]


def test_an_empty_folder_has_nothing(handle):
    assert sizes(handle) == {}


def test_nothing_but_regular_files_is_told_and_no_link_is_followed(work, handle, outside):
    (work / "link").symlink_to(outside / "secret")
    (work / "folder").symlink_to(outside)
    (work / "loop").symlink_to(work)
    os.mkfifo(work / "fifo")
    # Its path may be longer than a socket's address can be.
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(work)
        try:
            one.bind("socket")
        finally:
            os.chdir(here)
    (work / "file").write_text("x")
    assert sizes(handle) == {"file": 1}


def test_what_is_nested_too_deeply_is_left_out(work, handle):
    folder = work
    for depth in range(DEEPEST + 3):
        (folder / f"file{depth}").write_text("x")
        folder /= "x"
        folder.mkdir()
    before = descriptors()
    assert len(sizes(handle)) == DEEPEST + 1
    assert descriptors() == before


def test_a_nesting_that_no_path_could_name_is_walked_in_part(work, handle):
    folders = [os.dup(handle)]
    for _ in range(60):
        os.mkdir("x" * 200, dir_fd=folders[-1])
        folders.append(os.open("x" * 200, os.O_RDONLY, dir_fd=folders[-1]))
        os.close(folders.pop(0))
    os.close(folders.pop())
    (work / "file").write_text("x")
    assert sizes(handle) == {"file": 1}
    # pytest's own way of clearing up would not get through.
    os.system(f"rm -rf '{work}'/x*")


def test_of_very_many_files_a_few_hundred_are_told(work, handle):
    for number in range(MOST_ENTRIES + 50):
        (work / f"{number}").touch()
    before = descriptors()
    assert len(sizes(handle)) == MOST_ENTRIES
    assert descriptors() == before


def test_a_name_that_is_no_text_is_told_in_a_form_that_is(work, handle):
    if sys.platform != "linux":
        pytest.skip("such names are for Linux")
    Path(os.fsdecode(os.fsencode(work) + b"/\xff\n\x1b")).write_bytes(b"12")
    assert sizes(handle) == {"\ufffd\n\x1b": 2}
    assert "\ufffd".encode() in next(iter(sizes(handle))).encode()


def test_a_folder_swapped_for_a_link_while_it_is_walked_is_left_out(work, handle, outside, monkeypatch):
    (work / "folder").mkdir()
    (work / "file").write_text("x")
    real = os.open

    def swapping(path: str, flags: int, **options: int) -> int:
        if path == "folder":
            (work / "folder").rmdir()
            (work / "folder").symlink_to(outside)
        return real(path, flags, **options)

    monkeypatch.setattr(workdir.os, "open", swapping)
    assert sizes(handle) == {"file": 1}


def test_a_folder_that_may_not_be_read_is_left_out(work, handle, monkeypatch):
    (work / "folder").mkdir()
    (work / "file").write_text("x")
    real = os.open

    def refusing(path: str, flags: int, **options: int) -> int:
        if path == "folder":
            raise PermissionError(13, "no")
        return real(path, flags, **options)

    monkeypatch.setattr(workdir.os, "open", refusing)
    assert sizes(handle) == {"file": 1}


# One file


def read(folder: int, name: str, most: int = 100) -> bytes | None:
    descriptor = opened(folder, name, most)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_a_file_is_opened_by_its_relative_name(work, handle):
    (work / "a" / "b").mkdir(parents=True)
    (work / "a" / "b" / "c").write_text("deep")
    (work / "c").write_text("flat")
    assert [read(handle, name) for name in ("a/b/c", "c", "/c", "a//b/c")] == [
        b"deep",
        b"flat",
        b"flat",
        b"deep",
    ]


def test_what_is_no_file_of_at_most_that_size_is_none_and_nobody_waits(work, handle, outside):
    (work / "large").write_bytes(bytes(101))
    (work / "link").symlink_to(outside / "secret")
    (work / "folder").symlink_to(outside)
    (work / "real").mkdir()
    (work / "device").symlink_to("/dev/zero")
    os.mkfifo(work / "fifo")
    before = descriptors()
    names = ("large", "link", "folder/secret", "real", "device", "fifo", "none", "real/none", "link/x")
    assert [name for name in names if read(handle, name) is not None] == []
    assert descriptors() == before


@pytest.mark.parametrize("name", ["../outside/secret", "real/../../outside/secret", "..", "."])
def test_a_name_that_leads_out_or_nowhere_is_none(name, work, handle, outside):
    (work / "real").mkdir()
    before = descriptors()
    assert read(handle, name) is None
    assert descriptors() == before
