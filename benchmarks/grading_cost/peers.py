"""nbgrader and otter-grader on a lab of their own: as many cells and questions as a lab here, no LangGraph.

Each is installed into a folder of its own, never beside the kit. Where that does not work, it is said why.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.grading_cost.accounts import Cost, Failed, Marginal, marginal, middle, python, run
from benchmarks.grading_cost.ways import NBCLIENT

INSTALL_SECONDS = 300.0
LAB = "tiny"
QUIET = {"PYTHONWARNINGS": "ignore", "JUPYTER_PLATFORM_DIRS": "1"}
OTTER = """
import shutil, sys
from otter.api import grade_submission
for path in sys.argv[2:]:
    graded = grade_submission(path, ag_path=sys.argv[1], quiet=True)
    assert graded.total == graded.possible > 0, graded
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is in a lab."""

    exercises: int
    others: int
    """code cells that are run besides those of the exercises"""
    questions: int

    def asked(self, exercise: int) -> range:
        """Return which questions an exercise has."""
        every, more = divmod(self.questions, self.exercises)
        begin = exercise * every + min(exercise, more)
        return range(begin, begin + every + (exercise < more))


@dataclass(frozen=True, slots=True)
class Peer:
    """What another grader costs, or why it was not measured."""

    name: str
    version: str = ""
    cost: Marginal | None = None
    executed: Marginal | None = None
    """nbclient merely executing the same notebook, in the same environment"""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Tool:
    """Another grader, and how it is used."""

    package: str
    prepare: Callable[[Path, Path, Size], Path]
    """makes the assignment in a folder; returns a right submission"""
    grade: Callable[[Path, Path, Path, int], Cost]


class _Trial:
    """One of the graders in a folder of its own, and what it has cost so far."""

    def __init__(self, tool: _Tool, home: Path) -> None:
        self.name = tool.package
        self._tool = tool
        self._home = home
        self._python = home / "environment" / "bin" / "python"
        self._right = home
        self._costs: list[Marginal] = []
        self._executed: list[Marginal] = []
        self._reason = ""

    def prepare(self, size: Size) -> None:
        """Install it and have it make the lab."""
        with self._noticed():
            self._home.mkdir()
            _install(self.name, self._python.parents[1])
            self._right = self._tool.prepare(self._python, self._home, size)

    def measure(self, copies: int) -> None:
        """Measure one round, unless something went wrong before."""
        if not self._reason:
            with self._noticed():
                self._costs.append(marginal(self._grade, copies))
                self._executed.append(marginal(self._execute, copies))

    def told(self) -> Peer:
        """Return what was found."""
        if self._reason:
            return Peer(self.name, reason=self._reason)
        version = _version(self._python.parents[1], self.name)
        return Peer(self.name, version, middle(self._costs), middle(self._executed))

    def _grade(self, count: int) -> Cost:
        return self._tool.grade(self._python, self._home, self._right, count)

    def _execute(self, count: int) -> Cost:
        words: list[str | Path] = [self._python, "-c", NBCLIENT, *[self._right] * count]
        return run(words, cwd=self._home, environment=_around(self._python))

    @contextlib.contextmanager
    def _noticed(self) -> Iterator[None]:
        """Keep the reason why a step did not work; the other graders are measured all the same."""
        try:
            yield
        except (Failed, OSError, subprocess.SubprocessError) as error:
            self._reason = _shortly(error)


def peers(size: Size, copies: int, rounds: int, folder: Path, say: Callable[[str], None]) -> tuple[Peer, ...]:
    """Measure the other graders, round by round."""
    trials = [_Trial(tool, folder / tool.package) for tool in TOOLS]
    for trial in trials:
        say(f"{trial.name}: installed into a folder of its own")
        trial.prepare(size)
    for number in range(1, rounds + 1):
        for trial in trials:
            say(f"{trial.name}, round {number}")
            trial.measure(copies)
    return tuple(trial.told() for trial in trials)


def _around(inside: Path) -> dict[str, str]:
    """Return an environment in which its own kernel is found, and nothing of this user's."""
    home = str(inside.parents[2])
    path = f"{inside.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**QUIET, "HOME": home, "PATH": path, "VIRTUAL_ENV": str(inside.parents[1]), "PYTHONPATH": ""}


def _install(package: str, environment: Path) -> None:
    """Make a fresh environment with a package. Raises Failed, or what subprocess raises."""
    commands: tuple[list[str | Path], ...] = (
        ["venv", "--quiet", "--python", python(), environment],
        ["pip", "install", "--quiet", "--python", environment / "bin" / "python", package, "ipykernel"],
    )
    for words in commands:
        done = subprocess.run(
            [Path(python()).with_name("uv"), *words],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        if done.returncode:
            raise Failed(f"it could not be installed: {done.stderr.strip()}")


def _version(environment: Path, package: str) -> str:
    name = package.replace("-", "_")
    found = environment.glob(f"lib/python*/site-packages/{name}-*.dist-info")
    return next((path.name.split("-")[1].removesuffix(".dist") for path in found), "?")


def _shortly(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{lines[0]} {lines[-1] if len(lines) > 1 else ''}".strip()[:300]


# The lab: functions that add


def _answer(exercise: int) -> str:
    return f"def add_{exercise}(number):\n    return number + {exercise}"


def _asserts(exercise: int, size: Size) -> str:
    return "\n".join(f"assert add_{exercise}({n}) == {n + exercise}" for n in size.asked(exercise))


def _others(size: Size) -> list[str]:
    return [f"given_{number} = [n * n for n in range(100)]" for number in range(size.others)]


def _cell(kind: str, source: str, **metadata: Any) -> dict[str, Any]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": uuid.uuid4().hex[:8], "metadata": metadata, "source": source, **code}


def _write(path: Path, cells: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), "utf-8")


# nbgrader


def _nbgrader_cell(kind: str, exercise: int, source: str) -> dict[str, Any]:
    facts = {"schema_version": 3, "grade_id": f"{kind}-{exercise}", "locked": kind == "test", "task": False}
    kinds = {
        "grade": kind == "test",
        "solution": kind == "answer",
        **({"points": 1} if kind == "test" else {}),
    }
    return _cell("code", source, nbgrader={**facts, **kinds})


def _nbgrader_prepare(inside: Path, home: Path, size: Size) -> Path:
    cells = [_cell("code", source) for source in _others(size)]
    for exercise in range(size.exercises):
        marked = _answer(exercise).replace("    return", "    ### BEGIN SOLUTION\n    return")
        cells.append(_nbgrader_cell("answer", exercise, f"{marked}\n    ### END SOLUTION"))
        hidden = f"### BEGIN HIDDEN TESTS\n{_asserts(exercise, size)}\n### END HIDDEN TESTS"
        cells.append(_nbgrader_cell("test", exercise, hidden))
    _write(home / "source" / LAB / f"{LAB}.ipynb", cells)
    (home / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'tiny'\n")
    _nbgrader(inside, home, "generate_assignment", LAB)
    released = json.loads((home / "release" / LAB / f"{LAB}.ipynb").read_text("utf-8"))
    for cell in released["cells"]:
        told = cell["metadata"].get("nbgrader", {})
        if told.get("solution"):
            cell["source"] = _answer(int(told["grade_id"].rpartition("-")[2]))
    right = home / f"{LAB}.ipynb"
    right.write_text(json.dumps(released), "utf-8")
    return right


def _nbgrader_grade(inside: Path, home: Path, right: Path, count: int) -> Cost:
    for name in ("submitted", "autograded"):
        shutil.rmtree(home / name, ignore_errors=True)
    for number in range(count):
        student = home / "submitted" / f"s{number:03}" / LAB
        student.mkdir(parents=True)
        shutil.copy(right, student / f"{LAB}.ipynb")
    cost = _nbgrader(inside, home, "autograde", LAB, "--force")
    graded = len(list((home / "autograded").glob(f"*/{LAB}/{LAB}.ipynb")))
    if graded != count:
        raise Failed(f"nbgrader graded {graded} of {count}")
    return cost


def _nbgrader(inside: Path, home: Path, *words: str) -> Cost:
    return run([inside, "-m", "nbgrader", *words], cwd=home, environment=_around(inside))


# otter-grader


def _otter_prepare(inside: Path, home: Path, size: Size) -> Path:
    config = "# ASSIGNMENT CONFIG\nname: tiny\ninit_cell: true\nexport_cell: false\nrun_tests: false\n"
    cells = [_cell("raw", f"{config}generate:\n  show_stdout: false")]
    cells += [_cell("code", source) for source in _others(size)]
    for exercise in range(size.exercises):
        marked = _answer(exercise).replace("    return", "    # BEGIN SOLUTION\n    return")
        cells += [
            _cell("raw", f"# BEGIN QUESTION\nname: q{exercise}\npoints: 1"),
            _cell("raw", "# BEGIN SOLUTION"),
            _cell("code", f"{marked}\n    # END SOLUTION"),
            _cell("raw", "# END SOLUTION"),
            _cell("raw", "# BEGIN TESTS"),
            _cell("code", f"# HIDDEN\n{_asserts(exercise, size)}"),
            _cell("raw", "# END TESTS"),
            _cell("raw", "# END QUESTION"),
        ]
    _write(home / f"{LAB}.ipynb", cells)
    run(
        [inside, "-m", "otter", "assign", f"{LAB}.ipynb", "made"],
        cwd=home,
        environment=_around(inside),
    )
    right = home / "made" / "autograder" / f"{LAB}.ipynb"
    for path in home.glob("made/autograder/*.zip"):
        shutil.copy(path, home / "autograder.zip")
    return right


def _otter_grade(inside: Path, home: Path, right: Path, count: int) -> Cost:
    folder = home / "submitted"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = [folder / f"s{number:03}.ipynb" for number in range(count)]
    for file in files:
        shutil.copy(right, file)
    words: list[str | Path] = [inside, "-c", OTTER, home / "autograder.zip", *files]
    return run(words, cwd=home, environment=_around(inside))


TOOLS = (
    _Tool("nbgrader", _nbgrader_prepare, _nbgrader_grade),
    _Tool("otter-grader", _otter_prepare, _otter_grade),
)
