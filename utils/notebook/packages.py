"""Tell when packages are no longer those of the lock: a kernel then breaks in unforeseen ways."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
_NAMED = 4
"""packages that are named; of more, the number says enough"""


def other_than_locked(lock: Path = LOCK, path: Iterable[str] | None = None) -> str:
    """Return a sentence that names such packages and what to do; empty when all is well or there is no lock.

    Names of folders are enough, and take a hundredth of the time that importlib.metadata would.
    """
    locked = _locked(lock)
    found = _installed(sys.path if path is None else path)
    wrong = sorted(name for name in locked.keys() & found.keys() if found[name] not in locked[name])
    if not wrong:
        return ""
    named = [
        f"{name} {found[name]} instead of {' or '.join(sorted(locked[name]))}" for name in wrong[:_NAMED]
    ]
    named += [f"{len(wrong) - _NAMED} more"] if len(wrong) > _NAMED else []
    made_by_make = Path(sys.prefix, "kit-stamp").exists()
    remedy = "make lab" if made_by_make else f'"{sys.executable}" -m pip install -r "{lock}"'
    return (
        f"Packages are not those that the labs were written for ({', '.join(named)}): "
        f"stop JupyterLab and type {remedy} in a terminal."
    )


def locked_and_installed(folder: Path = LOCK.parent, path: Iterable[str] | None = None) -> dict[str, str]:
    """Return the installed version of each package that a lock of the kit names."""
    names = {name for lock in folder.glob("requirements*.lock") for name in _locked(lock)}
    found = _installed(sys.path if path is None else path)
    return {name: version for name, version in found.items() if name in names}


def _locked(lock: Path) -> Mapping[str, set[str]]:
    """Return the versions of each package in a lock: some have several, for several Pythons."""
    try:
        text = lock.read_text("utf-8")
    except OSError:
        return {}
    locked = defaultdict(set)
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE):
        locked[name].add(version)
    return locked


def _installed(path: Iterable[str]) -> dict[str, str]:
    """Return the version of each package by normalised name; what stands first in the path counts."""
    found: dict[str, str] = {}
    for folder in path:
        for entry in Path(folder).glob("*-*.dist-info"):
            name, _, version = entry.name.removesuffix(".dist-info").partition("-")
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return found
