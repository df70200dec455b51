"""Files below the folder of results: whole or not at all, and never through a link.

The folder is held by a descriptor and every step below it is taken by name (see `grader.submissions.files`),
so nothing that lies there leads out of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import GraderError
from grader.submissions.files import opened_below, read_bytes
from grader.submissions.submission import MIB, Unreadable

MOST = 64 * MIB
"""bytes of a file that is read; a result has a few thousand"""
OLD = 3_600.0
"""seconds after which a draft is a leftover: no other run can still be writing it"""

_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_DRAFT = re.compile(r"\.[0-9a-f]{16}\.draft")
_HINT = "look at the folder's permissions and at the space on the disk"
_NO_LINK = "take the link away; the folder of results holds no links"


def write_below(out: Path, path: str, data: bytes, *, durable: bool = True) -> None:
    """Write a file by replacing it as a whole; folders are made when missing.

    ``path`` is relative to ``out``, with forward slashes. A reader at any moment, also after a
    SIGKILL, finds the old bytes or the new ones. ``durable``: also after the power went out.
    """
    *above, name = path.split("/")
    with _said(f"{path} cannot be written", out / path):
        out.mkdir(parents=True, exist_ok=True)
        with _opened(out) as root:
            _make_folders(root, above)
            with opened_below(root, above) as folder:
                _replace(folder, name, data, durable=durable)


def read_below(out: Path, path: str) -> bytes | None:
    """Return what a file holds; None when there is no such file. Anything but a file is a GraderError."""
    try:
        with _opened(out) as root:
            found = read_bytes(root, path, MOST)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"the folder cannot be opened: {error.strerror or error}"
        raise GraderError(message, where=str(out), hint=_HINT) from error
    if not isinstance(found, Unreadable):
        return found
    if found.kind == "gone":
        return None
    hint = _NO_LINK if found.kind == "link" else "move it away; the next run writes it afresh"
    raise GraderError(found.what, where=str(out / path), hint=hint)


def create_below(out: Path, path: str, data: bytes) -> bool:
    """Write a file in the folder itself, unless it is there already, and say whether it was written."""
    with _said(f"{path} cannot be written", out / path):
        out.mkdir(parents=True, exist_ok=True)
        with _opened(out) as root:
            try:
                descriptor = os.open(path, _NEW, 0o666, dir_fd=root)
            except FileExistsError:
                return False
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
    return True


@contextmanager
def locked_below(out: Path, path: str) -> Iterator[None]:
    """Hold a lock that one process, and one thread of it, has at a time; the others wait.

    ``path`` names a file in the folder itself, which stays. The lock is gone with the process that has it,
    however that ends.
    """
    with _said(f"{path} cannot be written", out / path):
        out.mkdir(parents=True, exist_ok=True)
        with _opened(out) as root:
            descriptor = os.open(path, _LOCK, 0o666, dir_fd=root)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def names_below(out: Path, path: str) -> tuple[str, ...]:
    """Return the sorted names in a folder, hidden ones left out; none when there is no such folder."""
    with _said(f"{path} cannot be looked into", out / path):
        try:
            with _opened(out) as root, opened_below(root, path.split("/")) as folder:
                names = os.listdir(folder)  # noqa: PTH208 - a descriptor, which pathlib does not take
                return tuple(sorted(name for name in names if not name.startswith(".")))
        except FileNotFoundError:
            return ()


def is_folder_below(out: Path, path: str) -> bool:
    """Return whether a folder of that name is there, and not a link to one."""
    *above, name = path.split("/")
    with _opened(out) as root, opened_below(root, above) as folder:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def all_below(out: Path, path: str) -> tuple[str, ...]:
    """Return the paths of all files in a folder, hidden ones too; none without such a folder."""
    with _said(f"{path} cannot be looked into", out / path):
        try:
            with _opened(out) as root, opened_below(root, path.split("/")) as folder:
                names = os.listdir(folder)  # noqa: PTH208 - a descriptor, which pathlib does not take
                modes = {name: os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode for name in names}
        except FileNotFoundError:
            return ()
    return tuple(f"{path}/{name}" for name in sorted(names) if not stat.S_ISDIR(modes[name]))


def remove_below(out: Path, path: str) -> bool:
    """Remove a file, and its folder where that is empty then; say whether the file was there."""
    *above, name = path.split("/")
    with _said(f"{path} cannot be removed", out / path):
        try:
            with _opened(out) as root:
                with opened_below(root, above) as folder:
                    os.unlink(name, dir_fd=folder)
                if above:
                    with contextlib.suppress(OSError), opened_below(root, above[:-1]) as outer:
                        os.rmdir(above[-1], dir_fd=outer)  # one that holds something stays
        except FileNotFoundError:
            return False
    return True


def sweep(out: Path, path: str) -> int:
    """Take away what killed runs left half written in a folder and one step below; say how many.

    Drafts of the last hour stay: another run may be writing them.
    """
    swept = 0
    with contextlib.suppress(OSError), _opened(out) as root:
        steps = path.split("/")
        for inner in ("", *names_below(out, path)):
            # What is not a folder, or vanishes meanwhile, holds no drafts.
            with contextlib.suppress(OSError), opened_below(root, [*steps, *filter(None, [inner])]) as folder:
                swept += _swept(folder)
    return swept


def _swept(folder: int) -> int:
    names = os.listdir(folder)
    drafts = [name for name in names if _DRAFT.fullmatch(name)]
    swept = 0
    for name in drafts:
        if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < time.time() - OLD:
            os.unlink(name, dir_fd=folder)
            swept += 1
    return swept


@contextmanager
def _opened(out: Path) -> Iterator[int]:
    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make_folders(root: int, steps: list[str]) -> None:
    for depth, step in enumerate(steps):
        with opened_below(root, steps[:depth]) as folder, contextlib.suppress(FileExistsError):
            os.mkdir(step, dir_fd=folder)


def _replace(folder: int, name: str, data: bytes, *, durable: bool) -> None:
    draft = _drafted(folder, data, durable=durable)
    try:
        with contextlib.suppress(FileNotFoundError):
            old = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(old.st_mode):  # replacing a file must not change who may read it
                os.chmod(draft, stat.S_IMODE(old.st_mode), dir_fd=folder)
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        if durable:
            os.fsync(folder)  # else the old name may come back after a power failure
    except BaseException:
        os.unlink(draft, dir_fd=folder)
        raise


def _drafted(folder: int, data: bytes, *, durable: bool) -> str:
    """Return the name of a new file with these bytes. Its name is short, however long the other one is."""
    draft = f".{secrets.token_hex(8)}.draft"
    descriptor = os.open(draft, _NEW, 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(descriptor)
    except BaseException:
        os.unlink(draft, dir_fd=folder)
        raise
    return draft


@contextmanager
def _said(message: str, where: Path) -> Iterator[None]:
    """Turn what the system says about a file into a sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise GraderError(f"{message}: {reason}", where=str(where), hint=_HINT) from error
