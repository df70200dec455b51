"""What the exercises of an executed solution earned, read from the checks that its own cells have run.

One more cell at the end of a run asks ``check()`` for what it knows. It judges nothing again, so it costs
nothing. A notebook without exercises is asked nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from grader.release.stubs import EXERCISE
from utils.checks.registry import LabChecks

OUTPUT = "application/vnd.course-kit.points+json"
QUESTION = f"""\
from dataclasses import asdict as _asdict
from IPython.display import display as _display
from utils import check as _check
_display({{"{OUTPUT}": _asdict(_check().result)}}, raw=True)"""
"""what the last cell of a run asks"""


def has_exercises(cells: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether one of a notebook's cells, as JSON has them, is tagged as an exercise."""
    return any(tag.startswith(EXERCISE) for cell in cells for tag in cell.get("metadata", {}).get("tags", ()))


def lost_points(asked: Mapping[str, Any], checks: LabChecks) -> list[str]:
    """Return a sentence for each exercise that did not earn all its points; none when all did.

    ``asked`` is the executed cell that asked ``QUESTION``.
    """
    found = [output["data"][OUTPUT] for output in asked["outputs"] if OUTPUT in output.get("data", {})]
    if not found:
        return ["its checks did not say what they found"]
    results = {result["exercise"]: result["checks"] for result in found[0]["exercises"]}
    return [
        sentence
        for exercise in checks.exercises.values()
        for sentence in _lost(exercise.number, exercise.points, results.get(exercise.number, []))
    ]


def _lost(number: str, worth: float, checks: list[Mapping[str, Any]]) -> Iterator[str]:
    earned = sum(check["points"] for check in checks)
    if earned == worth:
        return
    if all(check["status"] == "not run" for check in checks):
        yield f'exercise {number} was not checked: no cell runs check("{number}")'
        return
    failed = next((check for check in checks if check["status"] != "passed"), None)
    if failed is None:
        yield f"exercise {number} is worth {worth:g} points, but its checks add up to {earned:g}"
        return
    said = failed["message"].rstrip(".") or failed["status"]
    if failed["status"] == "error":
        # To a student it is not their fault; to an author it is, and the detail says where.
        said = f"the check itself failed: {failed.get('detail') or said}"
    why = f'{failed["title"]}": {said}'
    yield f'exercise {number} misses {worth - earned:g} of {worth:g} points: "{why}'
