"""Where a repository keeps its solutions and labs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from grader.errors import FaultySolution, UsageError
from grader.release.exercises import declared_exercises, exercise_problems, page_problems
from grader.release.leaks import Secret, leaks_in_cells, secrets_of
from grader.release.notebook import Notebook, read
from grader.release.stubs import release

REPOSITORY = Path(__file__).resolve().parents[2]
"""The repository that this package lies in, when it was not installed from elsewhere."""

LAB_NAME = re.compile(r"\d\d_[a-z0-9_]+")
"""A number and a slug: ``01_persistence``. Other notebooks are somebody's own and are left alone."""

PAGE_NAME = re.compile(r"00_[a-z0-9_]+")
"""A notebook beside the labs that is not a lab: ``00_start``. Nothing in it is graded."""


@dataclass(frozen=True, slots=True)
class Course:
    """A repository with ``solutions/`` and ``labs/``."""

    root: Path

    def labs(self) -> list[str]:
        """Return the names of all labs that have a solution, in order."""
        return [name for name in self.released() if not PAGE_NAME.fullmatch(name)]

    def released(self) -> list[str]:
        """Return the names of all notebooks that students get: the labs, and pages without exercises."""
        return sorted(path.stem for path in self._solutions() if LAB_NAME.fullmatch(path.stem))

    def strangers(self) -> list[str]:
        """Return the notebooks in ``solutions/`` whose name is not that of a lab."""
        return sorted(
            f"solutions/{path.name}" for path in self._solutions() if not LAB_NAME.fullmatch(path.stem)
        )

    def lab_path(self, lab: str) -> Path:
        """Return where a lab is, or would be."""
        return self.root / "labs" / f"{lab}.ipynb"

    def solution(self, lab: str) -> Notebook:
        """Return a lab's solution as it was written."""
        return read(self.root / "solutions" / f"{lab}.ipynb", f"solutions/{lab}.ipynb")

    def fresh(self, lab: str) -> Notebook:
        """Return a lab as its solution says it should be released.

        Raises FaultySolution with every reason why it cannot be released, or would show a solution.
        """
        where = f"solutions/{lab}.ipynb"
        solution = self.solution(lab)
        if PAGE_NAME.fullmatch(lab):
            problems = list(page_problems(solution, where))
        else:
            problems = list(exercise_problems(solution, declared_exercises(self.root, lab), where))
        try:
            fresh = release(solution, lab, where)
        except FaultySolution as error:
            raise FaultySolution([*error.problems, *problems]) from error
        problems += leaks_in_cells(fresh, list(secrets_of(solution, where)), where)
        if problems:
            raise FaultySolution(problems)
        return fresh

    def secrets(self, lab: str) -> list[Secret]:
        """Return what of a lab's solution no student may be given."""
        return list(secrets_of(self.solution(lab), f"solutions/{lab}.ipynb"))

    def _solutions(self) -> list[Path]:
        paths = (self.root / "solutions").glob("*.ipynb")
        return [path for path in paths if not path.name.startswith(".")]


def find_course(root: Path | None, here: Path) -> Course:
    """Return the course at ``root``; without one, the one at ``here``, else the grader's own repository."""
    candidates = [root] if root else [here, REPOSITORY]
    for candidate in candidates:
        if (candidate / "solutions").is_dir():
            return _with_labs(Course(candidate))
    message = f"there is no solutions/ folder in {' or '.join(str(place) for place in candidates)}"
    raise UsageError(message, hint="name the course's repository with --root")


def _with_labs(course: Course) -> Course:
    if course.labs():
        return course
    hint = "a solution is named by two digits and a slug, as in solutions/01_persistence.ipynb"
    raise UsageError(f"there is no lab in {course.root / 'solutions'}", hint=hint)
