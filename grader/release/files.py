"""Writing that leaves the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from grader.errors import GraderError


def write_atomically(path: Path, data: bytes, where: str, *, private: bool = False) -> None:
    """Write a file by replacing it as a whole; its folder is made when missing.

    Only its owner may read a ``private`` one, whoever could read the file before.
    """
    with said(f"{where} cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
        try:
            with draft.open("xb") as file:
                if private:
                    draft.chmod(0o600)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if path.exists() and not private:
                shutil.copymode(path, draft)  # replacing a file must not change who may read it
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def keep_copy(path: Path, where: str) -> str:
    """Copy a file beside itself under the first free name, never over another, and return that name."""
    with said(f"{where} cannot be copied, so it was left alone"):
        number = 0
        while True:
            number += 1
            copy = path.with_name(kept_name(path.stem, number))
            try:
                target = copy.open("xb")
            except FileExistsError:
                continue
            try:
                with target, path.open("rb") as source:
                    shutil.copyfileobj(source, target)
                    target.flush()
                    os.fsync(target.fileno())
                shutil.copystat(path, copy)
            except BaseException:
                copy.unlink(missing_ok=True)  # half a copy would look like a whole one
                raise
            return copy.name


def kept_name(stem: str, number: int) -> str:
    """Return the name under which a lab's copy is kept."""
    return f"{stem}.kept-{number}.ipynb"


def next_kept_name(path: Path) -> str:
    """Return the name that ``keep_copy`` would use now."""
    names = (kept_name(path.stem, number) for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(path.with_name(name)))


@contextlib.contextmanager
def said(message: str) -> Iterator[None]:
    """Turn what the system says about a file into a sentence."""
    try:
        yield
    except OSError as error:
        hint = "look at the folder's permissions and at the space on the disk"
        raise GraderError(f"{message}: {error.strerror or error}", hint=hint) from error
