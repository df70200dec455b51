"""Make the bundled samples: what fourteen people might hand in for lab 1, from right to hostile.

A sample is the released lab with what a file of `samples/answers` puts into it, so after a change of the lab
one command makes all of them again. What grading has to find is in `samples/expected.csv`, written by hand.

`--check` writes nothing and fails when the stored ones are others than those that would be made now.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.errors import GraderError
from grader.release.course import Course, find_course
from grader.release.notebook import Cell, Notebook, dump
from grader.release.stubs import BEGIN, END, EXERCISE

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
HANDED_IN = SAMPLES / "submitted"
"""nbgrader's name for it: ``grade samples`` finds it, and looks at nothing beside it"""
LAB = "01_persistence"

AS_SOLVED = "as in the solution"
FIRST, LAST, AFTER = "first", "last", "after "
_SECTION = re.compile(r"^# %% (.+)$", re.MULTILINE)

Mishap = Callable[[Notebook], Notebook]
Damage = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one person hands in."""

    student: str
    answers: str
    """name of a file in ``samples/answers``"""
    mishap: Mishap = lambda notebook: notebook
    """what an editor did to the notebook"""
    damage: Damage = lambda data: data
    """what happened to the file on its way"""
    hostile: bool = False
    """not to be run without a jail"""


@dataclass(slots=True)
class Answers:
    """What somebody wrote into the lab."""

    solved: set[str] = field(default_factory=set)
    """exercises that are answered as in the solution"""
    written: dict[str, str] = field(default_factory=dict)
    """code in place of an exercise's, by its number"""
    added: list[tuple[str, str]] = field(default_factory=list)
    """cells of one's own: where (``first``, ``last``, ``after 1.3``) and their code"""


def pasted_check_and_lost_metadata(notebook: Notebook) -> Notebook:
    """Return the notebook with a check pasted twice and without what cells say about themselves."""
    cells = list(notebook.cells)
    at = next(number for number, cell in enumerate(cells) if cell.id == "check-1-1")
    cells[at + 1 : at + 1] = [cells[at]]
    return Notebook(tuple(replace(cell, metadata={}) for cell in cells))


def cut_off(data: bytes) -> bytes:
    """Return the first half of a file, as a broken upload leaves it."""
    return data[: len(data) // 2]


def half_merged(data: bytes) -> bytes:
    """Return the file with the marks of a merge that nobody finished."""
    line = next(line for line in data.splitlines(keepends=True) if b"configurable" in line)
    mine, theirs = line, line.replace(b"thread_id", b"thread")
    return data.replace(line, b"<<<<<<< HEAD\n" + mine + b"=======\n" + theirs + b">>>>>>> origin/main\n", 1)


SAMPLES_OF_THE_CLASS = (
    Sample("Ada Okafor", "right"),
    Sample("Zoë Müller", "style"),
    Sample("Nguyễn Thị Lan", "accidents", mishap=pasted_check_and_lost_metadata),
    Sample("O’Brien, Jack", "partly"),
    Sample("Sam Taylor", "untouched"),
    Sample("José Álvarez", "loop"),
    Sample("Mia Svensson", "ends"),
    Sample("Łukasz Nowak", "exit"),
    Sample("王小明", "memory", hostile=True),
    Sample("Tom Baker", "right", damage=cut_off),
    Sample("Priya Raman", "right", damage=half_merged),
    Sample("Dana Whitfield", "forging", hostile=True),
    Sample("=Cem Yıldız", "example"),
)


def main(words: list[str]) -> int:
    """Write all samples, or only compare them; the exit code."""
    if words not in ([], ["--check"]):
        print("Say make/samples.py, or make/samples.py --check.", file=sys.stderr)
        return 2
    try:
        made = dict(files(find_course(ROOT, ROOT)))
    except (GraderError, FaultyAnswers) as error:
        print(f"The samples cannot be made: {error}", file=sys.stderr)
        return 1
    wrong = [*_differing(made), *_strangers(made)]
    if words:
        for path in wrong:
            print(f"{path.relative_to(ROOT)} is not what would be made now: run make samples")
        if not wrong:
            print(f"{len(made)} samples are as they would be made now")
        return 1 if wrong else 0
    for path, data in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for path in _strangers(made):
        print(f"{path.relative_to(ROOT)} belongs to no sample; delete it if it is old")
    print(f"{len(made)} samples: {sum(path in made for path in wrong)} written, the others as they were")
    return 0


def files(course: Course) -> Iterator[tuple[Path, bytes]]:
    """Yield where each sample is, and its bytes."""
    lab = course.fresh(LAB)
    solved = _by_exercise(course.solution(LAB))
    for sample in SAMPLES_OF_THE_CLASS:
        answers = read_answers(SAMPLES / "answers" / f"{sample.answers}.py", solved)
        notebook = sample.mishap(answered(lab, answers, solved))
        yield HANDED_IN / sample.student / f"{LAB}.ipynb", sample.damage(dump(notebook))


class FaultyAnswers(Exception):
    """A file of answers has a section that fits nowhere."""


def read_answers(path: Path, solved: Mapping[str, str]) -> Answers:
    """Return what a file says. Raises FaultyAnswers for a section that the lab has no place for."""
    _, *parts = _SECTION.split(path.read_text("utf-8"))
    found = Answers()
    for title, code in zip(parts[::2], parts[1::2], strict=True):
        number = title.removesuffix(AS_SOLVED).strip()
        if title in (FIRST, LAST) or title.removeprefix(AFTER) in solved.keys() - {title}:
            found.added.append((title, code.strip()))
        elif number not in solved or (title == number) != bool(code.strip()):
            msg = f"{path.name} has a section {title!r} that fits nowhere"
            raise FaultyAnswers(msg)
        elif title == number:
            found.written[number] = code.strip()
        else:
            found.solved.add(number)
    return found


def answered(lab: Notebook, answers: Answers, solved: Mapping[str, str]) -> Notebook:
    """Return the lab with somebody's answers in it."""
    numbers = iter(range(1, len(answers.added) + 1))

    def own(where: str) -> list[Cell]:
        return [Cell(f"own-{next(numbers)}", "code", code) for place, code in answers.added if place == where]

    cells = own(FIRST)
    for cell in lab.cells:
        number = _exercise(cell)
        if number in answers.solved:
            cells.append(replace(cell, source=solved[number]))
        elif number in answers.written:
            cells.append(replace(cell, source=answers.written[number]))
        else:
            cells.append(cell)
        cells += own(f"{AFTER}{number}") if number else []
    return Notebook((*cells, *own(LAST)), lab.metadata)


def _by_exercise(solution: Notebook) -> dict[str, str]:
    """Return the solution of each exercise, without the marks of its region."""
    marks = (BEGIN, END)
    return {
        _exercise(cell): "\n".join(line for line in cell.source.split("\n") if line.strip() not in marks)
        for cell in solution.cells
        if _exercise(cell)
    }


def _exercise(cell: Cell) -> str:
    return next((tag.removeprefix(EXERCISE) for tag in cell.tags if tag.startswith(EXERCISE)), "")


def _differing(made: Mapping[Path, bytes]) -> list[Path]:
    return [path for path, data in made.items() if not path.is_file() or path.read_bytes() != data]


def _strangers(made: Mapping[Path, bytes]) -> list[Path]:
    return [path for path in sorted(HANDED_IN.rglob("*")) if path.is_file() and path not in made]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
