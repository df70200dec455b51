"""A submission's work folder, seen from outside by its descriptor: no link in it is followed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

MOST_ENTRIES = 500
DEEPEST = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def make_folder(parent: int, name: str) -> int | None:
    """Make a folder that all in the jail may write to; return its descriptor, ``None`` if that fails."""
    try:
        os.mkdir(name, dir_fd=parent)
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except OSError:  # full, or taken
        return None
    with contextlib.suppress(OSError):
        # By its descriptor: the name may be a link to somewhere else by now.
        os.fchmod(folder, 0o777)
    return folder


def sizes(folder: int) -> dict[str, int]:
    """Return sizes in bytes of the regular files below a folder, by relative name; at most a few hundred."""
    found: dict[str, int] = {}
    for name, size in _walk(folder, "", 0):
        found[name] = size
        if len(found) >= MOST_ENTRIES:
            break
    return dict(sorted(found.items()))


def _walk(folder: int, prefix: str, depth: int) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + os.fsencode(entry.name).decode("utf-8", "replace")
            try:
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode):
                    yield name, facts.st_size
                elif stat.S_ISDIR(facts.st_mode) and depth < DEEPEST:
                    inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                    try:
                        yield from _walk(inner, f"{name}/", depth + 1)
                    finally:
                        os.close(inner)
            except OSError:  # gone meanwhile
                continue


def opened(folder: int, name: str, most: int) -> int | None:
    """Return a descriptor of a regular file of at most so many bytes; ``None`` if it is not there."""
    *steps, last = [step for step in name.split("/") if step] or [""]
    if not last or "\0" in name:
        return None
    folders: list[int] = []
    try:
        for step in steps:
            if step == "..":
                return None
            folders.append(os.open(step, _FOLDER, dir_fd=(folders or [folder])[-1]))
        found = os.open(last, _FILE, dir_fd=(folders or [folder])[-1])
    except OSError:
        return None
    finally:
        for descriptor in folders:
            os.close(descriptor)
    facts = os.fstat(found)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > most:
        os.close(found)
        return None
    return found
