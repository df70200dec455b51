"""``check()``: a notebook judges its own exercises, by the checks that will grade them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.checks.registry import Exercise, LabChecks, load_checks, slug_of
from utils.checks.run import not_run, run_exercise
from utils.errors import ExerciseError
from utils.lab.lab import Lab
from utils.modes import GRADING
from utils.notebook.desk import Desk, desk
from utils.notebook.inprocess import InProcess
from utils.notebook.kit import Kit, current_kit
from utils.notebook.pages import LabPage, full_title, labs_in, link, next_of, read_page, short_title
from utils.notebook.progress import record
from utils.notebook.runs import runs_of
from utils.notebook.saved import read_saved, told_path
from utils.notebook.surroundings import NotebookSurroundings
from utils.notebook.unrun import newest_unrun
from utils.results import ExerciseResult, LabResult
from utils.shell import shell

if TYPE_CHECKING:
    from utils.views import ExerciseView, LabView
    from utils.views.way import Way


class Checker:
    """What stays from one ``check()`` to the next: the thread that calls the student's code, a server."""

    def __init__(self, kit: Kit) -> None:
        from utils.checks.parts import load_parts  # noqa: PLC0415 - imports LangGraph
        from utils.replay.server import ReplayServer  # noqa: PLC0415

        self._own_server = ReplayServer().start() if kit.server is None else None
        server = kit.server or self._own_server
        assert server is not None
        self.said: set[str] = set()
        """what was said about the learner's progress: once is enough"""
        self.transport = InProcess(_namespace(), load_parts())
        self.lab = Lab(
            self.transport, NotebookSurroundings(server, kit.workdir / "checks"), kit.provider.name
        )

    def close(self) -> None:
        self.transport.close()
        if self._own_server is not None:
            self._own_server.close()


def check(exercise: str | None = None) -> ExerciseView | LabView | None:
    """Return a card with the result of one exercise, or without a number the table of all.

    ``None`` under the grader, which asks by itself and from outside. Raises ExerciseError for a number that
    the lab does not have, SetupError before ``setup()``.
    """
    from utils.views import ExerciseView, LabView  # noqa: PLC0415

    if os.environ.get(GRADING):
        return None
    kit = current_kit()
    checks = load_checks(slug_of(kit.lab))
    if exercise is None:
        every = [kit.results.get(number) or not_run(found) for number, found in checks.exercises.items()]
        return LabView(LabResult(kit.lab, tuple(every), full_title(kit.lab, checks)))
    found = checks.find(str(exercise))
    checker = checker_of(kit)
    checker.transport.printed = ""
    try:
        result = run_exercise(found, checker.lab, checks.example)
    except KeyboardInterrupt:
        msg = f"the check of {found.number} was interrupted"
        raise ExerciseError(msg, hint="run the cell again when you like; nothing was kept of it") from None
    result = _with_printed(result, checker.transport.printed)
    kit.results[found.number] = result
    note = _unrun(found, kit.lab)
    way = _way(kit, checker, checks, found)
    return ExerciseView(_begun(result), note) if note else ExerciseView(result, way=way)


def _way(kit: Kit, checker: Checker, checks: LabChecks, passed: Exercise) -> Way | None:
    """Keep what was earned, and return how far the learner has come; ``None`` where nothing has passed.

    Where nobody sits in front, nothing is kept, and only what this kernel has seen counts.
    """
    from utils.views.way import Stop, Way  # noqa: PLC0415

    points: Mapping[str, float] = {number: result.points for number, result in kit.results.items()}
    here = desk(kit.lab)
    if here is not None:
        kept = record(here.folder, checks.slug, points)
        points = kept.of(checks.slug)
        if kept.said and kept.said not in checker.said:
            checker.said.add(kept.said)
            print(kept.said)
    if not kit.results[passed.number].passed:
        return None
    exercises = list(checks.exercises.values())
    page = LabPage(kit.lab, checks, Path(kit.lab))
    if here is not None:
        page = read_page(here.notebook, kit.lab, checks)
    way = Way(
        passed.number,
        sum(min(points.get(one.number, 0), one.points) for one in exercises),
        page.points,
        short_title(kit.lab),
    )
    if further := next_of(exercises, points, passed.number):
        href = page.href(further.number) if here is not None and here.links else ""
        return replace(way, next=Stop(f"{further.number} {further.title}", href))
    return way if here is None else replace(way, aims=page.aims, **_after(here, kit.lab))


def _after(here: Desk, lab: str) -> dict[str, Any]:
    """Return what there is to do after a lab: the next one, or behind the last one the summary."""
    from utils.views.way import Stop  # noqa: PLC0415

    following = next((page for page in labs_in(here.folder) if page.lab > lab), None)
    if following is None:
        return {"more": "`summary()` on the start page shows all that you have learnt."}
    return {"then": Stop(following.title, link(following.file.name) if here.links else "")}


def _unrun(exercise: Exercise, lab: str) -> str:
    """Return a sentence where the newest version of the student's work did not run; empty where it did."""
    ip = shell()
    runs = runs_of(ip)
    saved = read_saved(told_path(ip.user_ns, lab)) if runs else None
    unrun = newest_unrun(runs, exercise.functions, saved)
    return "" if unrun is None else unrun.sentence


def _begun(result: ExerciseResult) -> ExerciseResult:
    """Return the result of a student who has begun, though not with the version that was checked."""
    message = "The version before is the cell as it was given."
    checks = (replace(one, message=message) if one.status == "not begun" else one for one in result.checks)
    return replace(result, checks=tuple(checks))


def _with_printed(result: ExerciseResult, printed: str) -> ExerciseResult:
    """Return the result with what the student's code printed, where something failed: it helps to debug."""
    text = printed.strip()
    at = next((i for i, check in enumerate(result.checks) if check.status in ("failed", "timeout")), None)
    if not text or at is None:
        return result
    detail = "\n".join(filter(None, [result.checks[at].detail, f"Your code printed:\n{text}"]))
    told = replace(result.checks[at], detail=detail)
    return replace(result, checks=(*result.checks[:at], told, *result.checks[at + 1 :]))


def checker_of(kit: Kit) -> Checker:
    """Return the checker of a kit, made when it is first asked for."""
    if not isinstance(kit.checker, Checker):
        kit.checker = Checker(kit)
    return kit.checker


def _namespace() -> Mapping[str, Any]:
    """Return the names of the notebook, or of the main module outside of one."""
    ip = shell()
    names: Mapping[str, Any] = ip.user_ns if ip is not None else vars(sys.modules["__main__"])
    return names
