"""The store: one JSON file for each student and lab, ``OUT/results/<safe_name(student)>/<lab>.json``.

Earlier attempts, where a course's rules want them graded, lie beside the last one: ``<lab>.attempt-1.json``.

Files of two runs, of two machines say, are put together by copying. A file that cannot be used is an error
that names it; it is never deleted, and grading that submission once more replaces it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from grader.errors import GraderError
from grader.results.adjustments import NAME
from grader.results.fields import NotOfThatForm, from_plain, to_plain
from grader.results.files import is_folder_below, names_below, read_below, sweep, write_below
from grader.results.result import Result
from grader.results.sizes import bounded, unusual
from grader.submissions.names import safe_name

VERSION = 2
FOLDER = "results"
ENDING = ".json"
ATTEMPT = ".attempt-"

AFRESH = "grade this submission again; that writes the file again"


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything in the store: what could be read, and why something could not."""

    results: tuple[Result, ...] = ()
    """the last of each student and lab, sorted by these"""
    problems: tuple[GraderError, ...] = ()
    """one for each file that cannot be used, by its path"""
    earlier: tuple[Result, ...] = ()
    """earlier attempts, sorted by student, lab and number"""


# As text


def to_json(result: Result) -> str:
    """Return the file's text: the same result gives the same bytes, and ASCII only.

    What students wrote can then do nothing to the terminal of someone who looks into the file.
    """
    plain = {"version": VERSION, **to_plain(result)}
    return json.dumps(plain, indent=1, allow_nan=False) + "\n"


def from_json(text: str, where: str = "") -> Result:
    """Return the result that `to_json` was given. Raises GraderError; ``where`` names the file.

    That somebody has changed the file by hand shows where points are more than there can be.
    The one thing that JSON cannot keep is a pair of lone surrogates that together make a letter; no name
    of a file gives one.
    """
    try:
        plain = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        message = "the file is broken or was cut off: it is not JSON"
        raise GraderError(message, where=where, hint=AFRESH) from error
    if not isinstance(plain, dict) or "version" not in plain:
        raise GraderError("the file is not a result of this grader", where=where, hint=AFRESH)
    version = plain.pop("version")
    if type(version) is not int or version != VERSION:
        shown = version if type(version) is int and abs(version) < 10**9 else "an unknown one"
        message = f"the result was written in version {shown} of the format; this grader knows {VERSION}"
        raise GraderError(message, where=where, hint=f"use the grader that wrote it, or {AFRESH}")
    try:
        result = from_plain(Result, plain)
    except (NotOfThatForm, RecursionError) as error:
        message = f"the file is not a whole result: {error}"
        raise GraderError(message, where=where, hint=AFRESH) from error
    if odd := unusual(result):
        message = f"the file is not a result as this grader writes it: {odd}"
        raise GraderError(message, where=where, hint=f"{AFRESH}; points are changed in {NAME}")
    return result


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


# As files


def path_of(student: str, lab: str, attempt: int = 0) -> str:
    """Return where a result lies below OUT, with forward slashes."""
    earlier = f"{ATTEMPT}{attempt}" if attempt else ""
    return f"{FOLDER}/{safe_name(student)}/{safe_name(lab)}{earlier}{ENDING}"


def write(out: Path, result: Result) -> None:
    """Write a result; at any moment, also when killed, the old file or the new one is there.

    What is longer than a result may hold is cut, so that whatever was written can be read.
    """
    path = path_of(result.student, result.lab, result.attempt)
    write_below(out, path, to_json(bounded(result)).encode())


def read(out: Path, student: str, lab: str, attempt: int = 0) -> Result | None:
    """Return a result; None when there is no file. Raises GraderError when the file cannot be used."""
    return _read(out, path_of(student, lab, attempt))


def read_attempts(out: Path, student: str, lab: str) -> tuple[Result, ...]:
    """Return what can be read of a student's results of a lab: earlier attempts and the last one."""
    head = path_of(student, lab).removesuffix(ENDING)
    found = []
    for name in names_below(out, f"{FOLDER}/{safe_name(student)}"):
        path = f"{FOLDER}/{safe_name(student)}/{name}"
        if path == f"{head}{ENDING}" or (path.startswith(f"{head}{ATTEMPT}") and path.endswith(ENDING)):
            with contextlib.suppress(GraderError):
                found += [one for one in [_read(out, path)] if one]
    return tuple(found)


def read_all(out: Path) -> Stored:
    """Return every result below OUT, and a problem for each file that cannot be used."""
    results: list[Result] = []
    problems: list[GraderError] = []
    for path in _paths(out, problems):
        try:
            found = _read(out, path)
        except GraderError as error:
            problems.append(error)
        else:
            results += [found] if found else []  # it may have gone meanwhile
    results.sort(key=lambda one: (one.student, one.lab, one.attempt))
    last = tuple(one for one in results if not one.attempt)
    return Stored(last, tuple(problems), tuple(one for one in results if one.attempt))


def tidy(out: Path) -> int:
    """Take away the drafts that killed runs left, and say how many; for the beginning of a run."""
    return sweep(out, FOLDER)


def _paths(out: Path, problems: list[GraderError]) -> list[str]:
    paths: list[str] = []
    try:
        people = names_below(out, FOLDER)
    except GraderError as error:
        problems.append(error)
        return paths
    for person in people:
        folder = f"{FOLDER}/{person}"
        try:
            # A file beside the folders is somebody's note; a link or a closed folder hides results.
            if is_folder_below(out, folder) or (out / folder).is_symlink():
                paths += [f"{folder}/{name}" for name in names_below(out, folder) if name.endswith(ENDING)]
        except GraderError as error:
            problems.append(error)
        except OSError:  # gone meanwhile
            continue
    return paths


def _read(out: Path, path: str) -> Result | None:
    data = read_below(out, path)
    if data is None:
        return None
    where = str(out / path)
    try:
        result = from_json(data.decode(), where)
    except UnicodeDecodeError as error:
        raise GraderError("the file is not a result of this grader", where=where, hint=AFRESH) from error
    rightly = path_of(result.student, result.lab, result.attempt)
    if rightly != path:
        message = "the file holds the result of someone else, or of another lab"
        hint = f"move it to {rightly}, or delete it"
        raise GraderError(message, where=where, hint=hint)
    return bounded(result)  # older graders cut later


def plain_result(result: Result) -> dict[str, Any]:
    """Return a result as JSON has it, without the version; what ``--json`` is made of."""
    return to_plain(result)
