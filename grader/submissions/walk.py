"""Lists the files below a folder: a few levels deep, a bounded number of them, always in the same order.

What no person hands in on purpose is left out here: hidden files, the by-products of editors, archives
and runs. Links are never followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from grader.errors import UsageError
from grader.submissions.files import opened_below, opened_folder
from grader.submissions.gradescope import LIST
from grader.submissions.patterns import blackboard, canvas, is_lab, moodle

DEPTH = 4
PEOPLE = 20_000
"""entries in the folder itself"""
PER_PERSON = 1_000
"""entries below one person's folder; who has more is not allowed to hold up the others"""

NBGRADER = "submitted"
NBGRADERS_OWN = frozenset(
    {NBGRADER, "source", "release", "autograded", "feedback", "gradebook.db", "nbgrader_config.py"}
)
"""what a course of nbgrader's has beside what was handed in"""
OUTER = 3
"""folders around a class that are looked through"""

_IGNORED = frozenset({"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini"})
_IGNORED_INSIDE = frozenset({"checkpoints", "timestamp.txt"})
_BY_PRODUCTS = tuple(
    f".{ending}{more}" for ending in ("db", "sqlite") for more in ("", "-wal", "-shm", "-journal")
)

LINKED = "is a symbolic link; links are not followed"
TOO_DEEP = f"lies more than {DEPTH} folders deep; it was not looked into"
BESIDE = f"lies beside nbgrader's folder {NBGRADER}, so it was not looked into"
TOO_MANY = (
    f"holds more than {PER_PERSON:,} files; only those called exactly like a lab, at its top, were seen"
)


@dataclass(frozen=True, slots=True)
class File:
    """Something that is called like a file; what it is, the reader says."""

    steps: tuple[str, ...]
    """folders on the way, and its name"""
    base: int = 0
    """how many of the steps lead to the folders of people"""

    @property
    def path(self) -> str:
        return "/".join(self.steps)

    @property
    def name(self) -> str:
        return self.steps[-1]

    @property
    def owner(self) -> str:
        """The folder that it lies in, of those in the first row; empty when it lies beside them."""
        inner = self.steps[self.base :]
        return inner[0] if len(inner) > 1 else ""

    @property
    def folder(self) -> str:
        """The folder that it lies in directly, when that is below its owner's."""
        inner = self.steps[self.base :]
        return inner[-2] if len(inner) > 2 else ""

    @property
    def depth(self) -> int:
        return len(self.steps) - self.base


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not looked at."""

    path: str
    owner: str
    why: str


@dataclass(slots=True)
class Tree:
    """What lies below a folder."""

    files: list[File] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def walk(root: Path, labs: Sequence[str]) -> Tree:
    """Return what lies below the folder, where files called like a lab must not be overlooked.

    A download that was unpacked into a folder of its own is looked into, however deep it lies.
    """
    expected = {f"{lab}.ipynb" for lab in labs}
    with opened_folder(root) as top:
        base = _base(top, expected, labs)
        with opened_below(top, list(base)) as folder:
            tree = _walk(folder, base, expected, str(root))
        if base[-1:] == (NBGRADER,):
            with opened_below(top, list(base[:-1])) as course:
                tree.skipped += _beside(course, base)
    return tree


def _base(top: int, expected: Collection[str], labs: Sequence[str]) -> tuple[str, ...]:
    """Return the folder that people's folders are in: the named one, all that it holds, ``submitted``."""
    base: tuple[str, ...] = ()
    while (
        len(base) < OUTER and (only := _only_folder(top, base)) and _holds_a_class(top, (*base, only), labs)
    ):
        base = (*base, only)
    try:
        with opened_below(top, [*base, NBGRADER]) as folder, os.scandir(folder) as entries:
            named = any(entry.name in expected for entry in entries)
    except OSError:
        return base
    return base if named else (*base, NBGRADER)


def _only_folder(top: int, base: tuple[str, ...]) -> str | None:
    """Return the one folder that lies in a folder in which nothing else does."""
    entries = _listed(top, base)
    if entries is None or len(entries) != 1 or entries[0][1] != stat.S_IFDIR:
        return None
    return entries[0][0]


def _holds_a_class(top: int, base: tuple[str, ...], labs: Sequence[str]) -> bool:
    """Return whether a folder is one of a class and not one person's own.

    One person's has a notebook that is called like a lab, or nbgrader's folder for one. A class's has what a
    platform names, several folders, or again one folder that is all it holds and that holds a class.
    """
    entries = _listed(top, base)
    if not entries:
        return False
    names = [name for name, _ in entries]
    if any(is_lab(name, labs) for name in names):
        return False
    if LIST in names or any(canvas(name) or moodle(name) or blackboard(name) for name in names):
        return True
    if any(kind != stat.S_IFDIR for _, kind in entries):
        return False
    if len(entries) > 1 or names == [NBGRADER]:
        return True
    return len(base) < OUTER and _holds_a_class(top, (*base, names[0]), labs)


def _listed(top: int, base: tuple[str, ...]) -> list[tuple[str, int]] | None:
    """Return what lies in a folder, without what nobody hands in; ``None`` where it cannot be seen."""
    try:
        with opened_below(top, list(base)) as folder:
            entries = _entries(folder, PEOPLE)
    except OSError:
        return None
    return None if entries is None else [entry for entry in entries if not _is_ignored(entry[0])]


def _beside(course: int, base: tuple[str, ...]) -> Iterator[Skipped]:
    """Yield what lies beside nbgrader's ``submitted``; the folders of its own course are none of it."""
    for name, _ in _entries(course, PEOPLE) or ():
        if name not in NBGRADERS_OWN and not _is_ignored(name):
            yield Skipped("/".join((*base[:-1], name)), "", BESIDE)


def _walk(folder: int, base: tuple[str, ...], expected: Collection[str], where: str) -> Tree:
    entries = _entries(folder, PEOPLE)
    if entries is None:
        hint = "name the folder that holds what was handed in, or grade it in parts"
        raise UsageError(f"there are more than {PEOPLE:,} files and folders", where=where, hint=hint)
    tree = Tree()
    for name, kind in entries:
        if _is_ignored(name):
            continue
        if kind != stat.S_IFDIR:
            _file(tree, base, name, kind, len(base))
        else:
            below = _person(folder, (*base, name), expected)
            tree.files += below.files
            tree.skipped += below.skipped
    return tree


def _person(top: int, steps: tuple[str, ...], expected: Collection[str]) -> Tree:
    tree = Tree()
    path, name = "/".join(steps), steps[-1]
    try:
        with opened_below(top, [name]) as folder:
            left = _below(tree, folder, steps, len(steps) - 1, PER_PERSON)
            if left < 0:
                tree = Tree(skipped=[Skipped(path, name, TOO_MANY)])
                there = [known for known in sorted(expected) if _exists(folder, known)]
                tree.files = [File((*steps, known), len(steps) - 1) for known in there]
    except OSError as error:
        tree.skipped.append(Skipped(path, name, f"cannot be opened: {error.strerror or error}"))
    return tree


def _below(tree: Tree, folder: int, steps: tuple[str, ...], base: int, left: int) -> int:
    """Add what lies in a person's folder and return how many more entries it may have; below 0, too many."""
    entries = _entries(folder, left)
    if entries is None:
        return -1
    left -= len(entries)
    for name, kind in entries:
        deeper = (*steps, name)
        if name in _IGNORED_INSIDE or _is_ignored(name):
            continue
        # A folder that is called like a notebook may be what an archive became; the reader says so.
        if kind != stat.S_IFDIR or name.casefold().endswith(".ipynb"):
            _file(tree, steps, name, kind, base)
        elif len(deeper) - base > DEPTH - 1:
            tree.skipped.append(Skipped("/".join(deeper), steps[base], TOO_DEEP))
        else:
            try:
                with opened_below(folder, [name]) as inner:
                    left = _below(tree, inner, deeper, base, left)
            except OSError as error:
                why = f"cannot be opened: {error.strerror or error}"
                tree.skipped.append(Skipped("/".join(deeper), steps[base], why))
            if left < 0:
                return left
    return left


def _file(tree: Tree, above: tuple[str, ...], name: str, kind: int, base: int) -> None:
    file = File((*above, name), base)
    if kind == stat.S_IFLNK and not name.casefold().endswith(".ipynb"):
        tree.skipped.append(Skipped(file.path, file.owner or name, LINKED))
    elif not name.casefold().endswith(_BY_PRODUCTS):
        tree.files.append(file)


def _entries(folder: int, most: int) -> list[tuple[str, int]] | None:
    """Return names and kinds in a folder, in order; ``None`` when there are more than allowed."""
    with os.scandir(folder) as entries:
        found = [(entry.name, _kind(entry)) for entry in islice(entries, most + 1)]
    return sorted(found) if len(found) <= most else None


def _is_ignored(name: str) -> bool:
    # No program has the habit of two points and more: a person chose them.
    hidden = name.startswith(".") and not name.startswith("..")
    return hidden or name in _IGNORED


def _kind(entry: os.DirEntry[str]) -> int:
    if entry.is_symlink():
        return stat.S_IFLNK
    return stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else stat.S_IFREG


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True
