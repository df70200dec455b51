"""A result does not depend on how its processes were started, nor on who was graded before by the same ones.

Every known solution, right or wrong, the samples and the attacks are judged warm and cold. Results are
compared as they are stored, byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from grader.grading.host import Host
from grader.release.course import REPOSITORY
from grader.results.result import Result
from grader.results.scrub import scrubbed
from grader.results.store import from_json, to_json
from grader.submissions import CodeCell, Submission, read_notebook
from tests.grader.attacks import accidents, table
from tests.grader.attacks.other_labs import LAB_ATTACKS
from tests.grader.grading.harms import STUBBORN
from tests.grader.grading.judged import SECONDS, judge_one, solution, spec, supervised
from tests.grader.grading.test_agreement import TABLES

pytestmark = pytest.mark.jail

LAB = "01_persistence"
FEW = 15.0
"""seconds for what uses up all that it gets"""
BY_CHANCE = ("timeout", "crashed", "memory")
"""statuses of what a limit ended: which question it had come to by then is the machine's affair"""

Works = dict[str, Callable[[Host], dict[str, Any]]]


def work(
    submission: Submission, lab: str = LAB, seconds: float = SECONDS
) -> Callable[[Host], dict[str, Any]]:
    """What a judge does with it: the result as it is stored."""
    judging = spec(lab)
    return lambda host: {"result": to_json(scrubbed(judge_one(judging, submission, host, seconds)))}


def stored(works: Works, *, warm: bool) -> dict[str, str]:
    # Questions and cells have time, so that a busy machine ends none that would have come to its end.
    judged = supervised(works, warm=warm, notes=[], cell_wall=SECONDS)
    return {name: str(value["result"]) for name, value in judged.items()}


def submission_of(notebook: Mapping[str, Any], folder: Path) -> Submission:
    (folder / "one.ipynb").write_text(json.dumps(notebook), "utf-8")
    read = read_notebook(folder, "one.ipynb")
    assert isinstance(read, Submission), read
    return read


# Every solution that tests know


def solutions(lab: str) -> Works:
    groups = TABLES[lab].groups
    works = {name: work(TABLES[lab].in_one(variants), lab) for name, variants in groups.items()}
    return works | {"solution": work(solution(lab), lab)}


def samples() -> Works:
    found: Works = {}
    for path in sorted((REPOSITORY / "samples" / "submitted").glob("*/*.ipynb")):
        read = read_notebook(path.parent, path.name)
        if isinstance(read, Submission) and path.stem in TABLES:
            found[f"{path.parent.name}/{path.stem}"] = work(read, path.stem)
    return found


def attacks(folder: Path) -> Works:
    notebooks = {**table.notebooks(), **accidents.notebooks()}
    return {name: work(submission_of(one, folder), seconds=FEW) for name, one in notebooks.items()}


def other_attacks(folder: Path) -> Works:
    return {
        f"{one.lab}: {one.name}": work(submission_of(one.notebook, folder), one.lab, FEW)
        for one in LAB_ATTACKS
    }


def differing(works: Works) -> dict[str, list[tuple[str, str]]]:
    """What differs between warm and cold, by name: lines of the stored results."""
    warm, cold = stored(works, warm=True), stored(works, warm=False)
    assert warm.keys() == cold.keys() == works.keys()
    return {name: lines for name in works if (lines := compared(warm[name], cold[name]))}


def compared(one: str, other: str) -> list[tuple[str, str]]:
    """Lines that differ; where a limit has ended something of either, only how each of both came out.

    A cold start is slower, so a limit may end there what comes to an end by itself in a warm one.
    """
    if one == other:
        return []
    first, second = from_json(one), from_json(other)
    if ended(first) or ended(second):
        if first.status == second.status or {first.status, second.status} <= {"graded", *BY_CHANCE}:
            return []
        return [(first.status, second.status)]
    pairs = zip(one.splitlines(), other.splitlines(), strict=False)
    return [(a, b) for a, b in pairs if a != b] or [("", "more lines")]


def ended(result: Result) -> bool:
    """Whether a limit has ended something of it."""
    lost = {loss.kind.removeprefix("cell-") for loss in result.losses}
    return result.status in BY_CHANCE or not lost.isdisjoint(BY_CHANCE)


@pytest.mark.nightly
@pytest.mark.parametrize("lab", list(TABLES))
def test_every_known_solution_has_the_same_bytes_warm_and_cold(lab: str):
    assert differing(solutions(lab)) == {}


@pytest.mark.nightly
def test_every_sample_has_the_same_bytes_warm_and_cold():
    assert differing(samples()) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("kind", [attacks, other_attacks], ids=lambda kind: kind.__name__)
def test_every_attack_has_the_same_bytes_warm_and_cold_unless_a_limit_ended_it(
    kind: Callable[[Path], Works], tmp_path: Path
):
    assert differing(kind(tmp_path)) == {}


# One after the other

BETWEEN = {
    "stubborn": STUBBORN,
    "patches": (
        "import json, random, sqlite3, sys\nfrom utils.lab import parts\nparts.PARTS.clear()\n"
        "json.dumps = json.loads = sqlite3.connect = None\nrandom.seed(1)\nsys.modules.clear()"
    ),
    "files": (
        "import os\nfor top in ('/work', '/dev/shm', '/tmp'):\n    open(f'{top}/left', 'w').write('left')\n"
        "os.umask(0o777)\nos.environ.clear()"
    ),
}


def one_after_the_other(lab: str, *, warm: bool) -> dict[str, str]:
    """A solution, something hostile, and the same solution again, by the same processes."""
    works: Works = {"first": work(solution(lab), lab)}
    for name, source in BETWEEN.items():
        given = solution(lab).cells
        hostile = Submission((CodeCell(0, None, source), *given), name, 0)
        works[name] = work(hostile, lab, FEW)
        works[f"after {name}"] = work(solution(lab), lab)
    return stored(works, warm=warm)


@pytest.mark.parametrize(
    "lab", [pytest.param(lab, marks=() if lab == LAB else pytest.mark.nightly) for lab in TABLES]
)
def test_a_solution_after_a_hostile_one_has_the_bytes_of_the_one_before(lab: str):
    found = one_after_the_other(lab, warm=True)
    for name in BETWEEN:
        assert found[f"after {name}"] == found["first"], name
    assert points_of(found["first"]) == 20


def points_of(text: str) -> float:
    return sum(exercise.points for exercise in from_json(text).exercises)
