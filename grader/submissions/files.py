"""Opening what others named: below one folder, never through a link, never waiting, never without a bound.

The folder is held by a descriptor and every step below it is taken by name, so nothing that a name says,
and nothing that is swapped meanwhile, leads out of it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from grader.errors import UsageError
from grader.submissions.submission import MIB, Unreadable

_DOWN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe without a writer would be waited for, a terminal would become ours.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def opened_folder(root: Path) -> Iterator[int]:
    """Yield a descriptor of the folder that the instructor named; on the way to it links are followed."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        message = f"the folder of submissions cannot be opened: {_system_says(error)}"
        hint = "name the folder that holds what was handed in"
        raise UsageError(message, where=str(root), hint=hint) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_below(folder: int, steps: list[str]) -> Iterator[int]:
    """Yield a descriptor of the folder that lies these steps below; a link on the way is an OSError."""
    at = os.dup(folder)
    try:
        for step in steps:
            deeper = os.open(step, _DOWN, dir_fd=at)
            os.close(at)
            at = deeper
        yield at
    finally:
        os.close(at)


@contextmanager
def opened_file(folder: int, name: str) -> Iterator[BinaryIO]:
    """Yield a regular file of an opened folder, to read; anything else is an OSError."""
    # Looked at before it is opened, because opening a device can already do something.
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it may have been swapped
            raise OSError(errno.EINVAL, "not a regular file")
        yield file


def read_bytes(folder: int, path: str, most: int) -> bytes | Unreadable:
    """Return what a regular file holds. ``path`` is relative to the folder, with forward slashes."""
    *above, name = _steps(path)
    try:
        with opened_below(folder, above) as at:
            return _read(at, name, most)
    except OSError as error:
        return _refused(error, below=bool(above))


def _steps(path: str) -> list[str]:
    steps = path.split("/")
    try:
        possible = os.fsdecode(os.fsencode(path)) == path
    except UnicodeError:
        possible = False
    if not possible or any(step in ("", ".", "..") or "\0" in step for step in steps):
        message = "a submission is named by a path below its folder, without . or .."
        raise UsageError(message, where=ascii(path), hint="take the paths that find_submissions gives")
    return steps


def _read(folder: int, name: str, most: int) -> bytes | Unreadable:
    # Looked at before it is opened, because opening a device can already do something.
    before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if wrong := _wrong(before, most):
        return wrong
    descriptor = os.open(name, _READ, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)
        if wrong := _wrong(opened, most):  # it may have been swapped
            return wrong
        data = file.read(opened.st_size + 1)
    if len(data) > opened.st_size:
        return Unreadable("special", "The file grew while it was read", "Grade a copy that nobody writes to")
    return data


def _wrong(status: os.stat_result, most: int) -> Unreadable | None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFLNK:
        return Unreadable("link", "This is a symbolic link, and links are not followed", _THE_FILE)
    if kind == stat.S_IFDIR:
        return Unreadable("folder", "This is a folder, not a file", "Look inside it for the notebook")
    if kind != stat.S_IFREG:
        what = _SPECIAL.get(kind, "something unknown")
        return Unreadable("special", f"This is {what}, not a file", _THE_FILE)
    if status.st_size > most:
        what = f"The file has {status.st_size / MIB:,.0f} MiB, more than the {most / MIB:,.0f} MiB allowed"
        return Unreadable("large", what, "Ask the student to clear all outputs, save, and hand it in again")
    return None


_THE_FILE = "Remove it and ask the student for the notebook itself"


def _refused(error: OSError, *, below: bool) -> Unreadable:
    if error.errno == errno.ENOENT:
        return Unreadable(
            "gone", "The file is not there any more", "Start again when nobody changes the folder"
        )
    if error.errno in (errno.ELOOP, errno.ENOTDIR) and below:
        return Unreadable(
            "link", "The file lies behind a symbolic link, and links are not followed", _THE_FILE
        )
    what = f"The system does not let the file be read: {_system_says(error)}"
    return Unreadable("denied", what, "Correct its permissions or its name, or copy it again")


def _system_says(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
