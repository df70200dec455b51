"""Gradescope's autograder: the archive made, and in its container one submission graded.

The service lays out ``/autograder``: ``source`` is the archive, ``submission`` what was handed in, and
``submission_metadata.json`` says whose it is; ``results/results.json`` is what it reads.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.exports.grades import Grade, grades_of
from grader.exports.gradescope import document
from grader.grading import command
from grader.grading.secret import course_secret
from grader.release.autograder import SECRET, autograder
from grader.release.course import find_course
from grader.release.files import write_atomically
from grader.results import store
from grader.results.adjustments import adjusted
from grader.results.gradebook import UNSANDBOXED
from grader.results.result import UNTOLD, Result

UNKNOWN = "submission"
"""who handed in, where the service does not say"""
NO_RESULT = "No result was written, so the service shows a failure and no points."
NOT_UNJAILED = "Nothing was run outside of a jail."
BY_A_PERSON = "A person has to look at this one, so no result was written: {reason}"
NOTHING = "No notebook of the lab is among the files. Hand in {lab}.ipynb."
AGAIN = "Download the notebook itself in JupyterLab (File, Download) and hand it in again."

Say = Callable[[str], None]


def make(root: Path | None, lab: str, to: Path, secret: Path | None, *, sandbox: bool, note: Say) -> int:
    """Write the archive for a lab; the exit code."""
    course = find_course(root, Path.cwd())
    known = course_secret(secret or course.root / command.SECRET)
    data = autograder(course, lab, known, sandbox=sandbox)
    write_atomically(to, data, str(to), private=True)  # the course's secret is in it
    note(f"{to}: the autograder of {lab}, {len(data) / 1e6:.1f} MB")
    if not sandbox:
        note("NO SANDBOX: in the container a submission can write its own result. Every result is stamped.")
    return 0


def autograde(base: Path, lab: str, *, sandbox: bool, say: Say, note: Say) -> int:
    """Grade what the service laid out below ``base`` and write its result; the exit code.

    Without jails, unless they are not wanted, nothing is run and no result is written.
    """
    results = base / "results" / "results.json"
    results.unlink(missing_ok=True)
    try:
        found = _graded(base, lab, sandbox=sandbox, say=say, note=note)
    except GraderError as error:
        note(f"error: {error}")
        note(f"{NO_RESULT} {NOT_UNJAILED}" if sandbox else NO_RESULT)
        return 1
    if found is not None and found.status in UNTOLD:
        note(BY_A_PERSON.format(reason=found.reason))
        return 1
    write_atomically(results, _document(found, lab), str(results))
    return 0


def _document(found: Result | None, lab: str) -> bytes:
    """Return what the student sees at once. A file that cannot be judged is a 0 until another one comes."""
    if found is None:
        nothing = Grade(
            "", "", lab, "", None, 0.0, NOTHING.format(lab=lab), late=False, path="", exercises=()
        )
        return document(nothing, "visible")
    (grade,) = grades_of([(found, adjusted(found))])
    words = [f"{found.reason} {AGAIN}" if grade.points is None else grade.comment]
    words += [UNSANDBOXED] if found.sandbox == "none" else []
    return document(replace(grade, comment="\n".join(words)), "visible", _said(found))


def _graded(base: Path, lab: str, *, sandbox: bool, say: Say, note: Say) -> Result | None:
    with tempfile.TemporaryDirectory(prefix="autograde-") as folder:
        work = Path(folder)
        student = _student(base / "submission_metadata.json")
        try:
            # A link stays a link, and what reads submissions follows none.
            shutil.copytree(base / "submission", work / "submitted" / "one", symlinks=True)
        except OSError as error:
            hint = "the service lays the submission out as submission/ below the folder that was named"
            raise GraderError(
                f"the submission cannot be read: {error}", where=str(base), hint=hint
            ) from error
        options = command.Options(
            submissions=work / "submitted",
            out=work / "grades",
            labs=(lab,),
            jobs=1,
            sandbox=sandbox,
            secret=base / "source" / SECRET,
            root=base / "source",
        )
        command.run(options, say, note)
        stored = store.read_all(work / "grades").results
    say(f"graded for {student}")
    return stored[0] if stored else None


def _student(path: Path) -> str:
    """Return who handed in, for the instructor's log only."""
    try:
        people: Any = json.loads(path.read_text("utf-8"))["users"]
        return ", ".join(str(person.get("email") or person.get("name")) for person in people) or UNKNOWN
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return UNKNOWN


def _said(result: Result) -> Mapping[str, str]:
    """Return what the checks of each exercise say that did not pass, in authors' words."""
    return {
        exercise.exercise: "\n".join(
            f"{check.title}: {check.message}"
            for check in exercise.checks
            if check.status != "passed" and check.message
        )
        for exercise in result.exercises
    }
