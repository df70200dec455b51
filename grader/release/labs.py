"""The two commands on labs: write them from their solutions, or check that they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.errors import FaultySolution, GraderError, LabWorkedIn, Problem, UnreadableNotebook
from grader.release.compare import (
    FORCE,
    RELEASE,
    changed_cells,
    disagreements,
    is_current,
    kit_entry,
    with_outputs_of,
    work_in,
)
from grader.release.course import LAB_NAME, Course
from grader.release.files import keep_copy, next_kept_name, write_atomically
from grader.release.leaks import leaks_in_cells
from grader.release.notebook import Notebook, dump, read


@dataclass(frozen=True, slots=True)
class Outcome:
    """What releasing did to one lab."""

    lab: str
    """path relative to the repository"""
    action: Literal["written", "updated", "replaced", "up to date"]
    details: str = ""

    def __str__(self) -> str:
        return f"{self.lab}: {self.action}" + (f"; {self.details}" if self.details else "")


def release_lab(course: Course, lab: str, *, force: bool = False) -> Outcome:
    """Bring one lab up to date with its solution and say what was done.

    Writes only where the solution has changed since the lab was released. Raises ``LabWorkedIn`` when that
    would lose someone's work; with ``force`` a copy is kept instead. Work done in an up-to-date lab is never
    touched, except that ``force`` also replaces a lab in which cells were edited that are not exercises.
    """
    where, path = f"labs/{lab}.ipynb", course.lab_path(lab)
    fresh = course.fresh(lab)
    if not path.exists():
        write_atomically(path, dump(fresh), where)
        return Outcome(where, "written")
    try:
        old = read(path, where)
    except UnreadableNotebook as error:
        if not path.is_file():
            raise
        if not force:
            hint = f"{error.hint}; or write the lab again with --force, which {_keeps(path)}"
            raise UnreadableNotebook(error.message, where=where, hint=hint) from error
        return _replaced(path, fresh, where)
    work = work_in(old, fresh)
    if is_current(old, fresh) and not (force and any(disagreements(old, fresh, where))):
        return Outcome(where, "up to date", f"your work is kept ({work})" if work else "")
    if work and not force:
        same = kit_entry(old, "version") == kit_entry(fresh, "version")
        reason = "cells of the release are missing here" if same else "the solution has changed"
        message = f"{reason}, and this lab has been worked in ({work}); nothing was written"
        raise LabWorkedIn(message, where=where, hint=f"--force writes the new release and {_keeps(path)}")
    if work:
        return _replaced(path, fresh, where)
    updated = with_outputs_of(fresh, old)
    if leaks := list(leaks_in_cells(updated, course.secrets(lab), where)):
        raise FaultySolution(leaks)
    write_atomically(path, dump(updated), where)
    return Outcome(where, "updated", _changes(old, fresh))


def check_lab(course: Course, lab: str) -> list[Problem]:
    """Return where a lab and its solution disagree."""
    where, path = f"labs/{lab}.ipynb", course.lab_path(lab)
    try:
        fresh = course.fresh(lab)
        if not path.exists():
            return [Problem(where, "", "is missing", f"Run `{RELEASE}`")]
        return list(disagreements(read(path, where), fresh, where))
    except FaultySolution as error:
        return list(error.problems)
    except GraderError as error:
        hint = error.hint[:1].upper() + error.hint[1:]
        do = f"{hint}, or run {FORCE}, which keeps a copy" if error.where == where else hint
        return [Problem(error.where, "", error.message, do)]


def orphans(course: Course) -> Iterator[Problem]:
    """Yield released labs whose solution is gone. Kept copies and people's own notebooks are none."""
    known = set(course.released())
    for path in sorted((course.root / "labs").glob("*.ipynb")):
        if path.stem in known or not LAB_NAME.fullmatch(path.stem):
            continue
        where = f"labs/{path.name}"
        try:
            lab = kit_entry(read(path, where), "lab")
        except UnreadableNotebook:
            continue  # no release wrote it like that, so it is not ours to judge
        if lab == path.stem:
            do = f"Remove the lab, or bring back solutions/{path.name}"
            yield Problem(where, "", "has no solution", do)


def _replaced(path: Path, fresh: Notebook, where: str) -> Outcome:
    kept = keep_copy(path, where)
    write_atomically(path, dump(fresh), where)
    return Outcome(where, "replaced", f"what was there is now labs/{kept}")


def _keeps(path: Path) -> str:
    return f"keeps this one as labs/{next_kept_name(path)}"


def _changes(old: Notebook, fresh: Notebook) -> str:
    number = changed_cells(old, fresh)
    if not number:
        return "cells were moved, removed or tagged differently"
    return f"{number} cell{'s' if number > 1 else ''} changed, outputs of the others kept"
