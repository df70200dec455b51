"""What a lab's submissions are judged by: its checks, what students were given, and a hash over all of it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError
from grader.jail.job import DEMO, Cell, Spare
from grader.release.course import Course
from grader.submissions import CodeCell, Unreadable, read_notebook
from utils.checks.registry import LabChecks, load_checks, slug_of
from utils.replay.conversation import Scenario
from utils.replay.fixtures import fixture_of, load_scenario

TAG = "exercise:"
PACKAGES = ("utils", "grader")
KINDS = frozenset((".py", ".yaml", ".css", ".jinja", ".html"))


@dataclass(frozen=True, slots=True)
class LabSpec:
    """One lab, as its submissions are judged."""

    lab: str
    slug: str
    checks: LabChecks
    scenario: Scenario
    """what the notebook itself may ask the recorded model"""
    released: frozenset[str]
    """sources of the code cells that students were given"""
    spare: Spare
    """released cells that are not run unless something needs them"""


def read_lab_spec(course: Course, lab: str) -> LabSpec:
    """Return what a lab's submissions are judged by. Raises GraderError when the lab cannot be read."""
    slug = slug_of(lab)
    given = read_notebook(course.root / "labs", f"{lab}.ipynb")
    if isinstance(given, Unreadable):
        hint = "python -m grader release writes it from its solution"
        raise GraderError(
            f"the released lab cannot be read: {given.what}", where=f"labs/{lab}.ipynb", hint=hint
        )
    return LabSpec(
        lab,
        slug,
        load_checks(slug),
        load_scenario(fixture_of(slug), free=True),
        frozenset(cell.source for cell in given.cells),
        Spare(
            frozenset(hash_of(cell) for cell in given.cells if DEMO in cell.tags),
            frozenset(hash_of(cell) for cell in given.cells if not is_answer(cell)),
        ),
    )


def hash_of(cell: CodeCell) -> str:
    """Return the hash of a cell's source, as a run compares it."""
    return Cell("", cell.source).hash


def is_answer(cell: CodeCell) -> bool:
    """Return whether a released cell is one that students write in."""
    return any(tag.startswith(TAG) for tag in cell.tags)


def digest(course: Course) -> str:
    """Return a hash over what decides a result, submissions apart: code, fixtures, labs, lock, Python."""
    found = hashlib.sha256(platform.python_version().encode())
    for name, path in sorted(_files(course)):
        found.update(f"{name}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _files(course: Course) -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        top = _package(package)
        for path in top.rglob("*"):
            if path.suffix in KINDS:
                yield f"{package}/{path.relative_to(top).as_posix()}", path
    for lab in course.labs():
        path = course.lab_path(lab)
        if path.is_file():
            yield f"labs/{path.name}", path
    lock = course.root / "requirements.lock"
    if lock.is_file():
        yield lock.name, lock


def _package(name: str) -> Path:
    return Path(__file__).resolve().parents[2] / name
