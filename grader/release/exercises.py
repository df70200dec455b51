"""What keeps a solution from being released in silence: every exercise is declared, tagged and marked.

A release hides what the author has marked, and nothing else. So a mark that was forgotten or misspelled has
to be an error. The numbers of a lab's exercises are read from the text of its ``lab.py``: a release imports
no checks, so it stays quick and reads the repository that it was asked about.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.errors import GraderError, Problem
from grader.release.notebook import Cell, Notebook
from grader.release.stubs import (
    BEGIN,
    END,
    EXERCISE,
    SOLUTION_ONLY,
    SOLUTION_SHOWN,
    marker_problems,
    regions,
)

NUMBER = re.compile(r"\d+\.\d+")
TAGS = (
    "given",
    "demo",
    "parameters",
    SOLUTION_ONLY,
    SOLUTION_SHOWN,
    "nbval-ignore-output",
    "raises-exception",
    "hide-input",
    "hide-output",
    "hide-cell",
)
"""Tags that a cell of a solution may have besides ``exercise:N``. Another tag is most likely misspelled, and
a misspelled tag would show a cell that was to stay with the authors."""


def declared_exercises(root: Path, lab: str) -> tuple[str, ...]:
    """Return the numbers that ``LAB.exercise(…)`` declares in the checks of a lab, in their order.

    Raises GraderError when there are no checks, or when they cannot be read.
    """
    where = f"utils/checks/{lab.partition('_')[2]}/lab.py"
    try:
        tree = ast.parse((root / where).read_bytes())
    except FileNotFoundError as error:
        hint = "write the lab's checks, or rename the solution: its name is a number and the checks' folder"
        raise GraderError(f"there are no checks for the lab {lab}", where=where, hint=hint) from error
    except OSError as error:
        hint = "look at the file's permissions"
        raise GraderError(f"it cannot be read: {error.strerror}", where=where, hint=hint) from error
    except (SyntaxError, ValueError) as error:
        raise GraderError(f"it is not Python: {error}", where=where, hint="mend the file") from error
    return tuple(_number(call, where) for call in _declarations(tree))


def exercise_problems(solution: Notebook, declared: Sequence[str], where: str) -> Iterator[Problem]:
    """Yield what would release an exercise with its solution, or an exercise that nobody checks.

    ``declared`` has the numbers of the lab's checks; ``where`` names the solution.
    """
    cells = [cell for cell in solution.cells if SOLUTION_ONLY not in cell.tags]
    found: list[str] = []
    for cell in cells:
        yield from _tag_problems(cell, where)
        numbers = [tag.removeprefix(EXERCISE) for tag in cell.tags if tag.startswith(EXERCISE)]
        found += numbers
        if numbers:
            yield from _hiding_problems(cell, where)
        for number in numbers:
            if NUMBER.fullmatch(number) and number not in declared:
                do = f"Declare it with LAB.exercise({number!r}, …) in the lab's checks, or correct the tag"
                yield Problem(where, cell.id, f"exercise {number} is not declared by the lab's checks", do)
    if not found:
        do = f"Tag the cell that students write in '{EXERCISE}1.1', and put its solution between markers"
        yield Problem(where, "", "the lab has no exercise: no cell of it is graded", do)
        return
    for number, times in Counter(declared).items():
        if number not in found:
            do = f"Tag its cell '{EXERCISE}{number}', or take the declaration out"
            yield Problem(where, "", f"no cell has the exercise {number}, which the checks declare", do)
        elif times > 1:
            what = f"the checks declare exercise {number} {times} times"
            yield Problem(where, "", what, "Take the second declaration out")


def page_problems(page: Notebook, where: str) -> Iterator[Problem]:
    """Yield what does not belong into a notebook that nobody grades: an exercise, a misspelled tag."""
    for cell in page.cells:
        if SOLUTION_ONLY in cell.tags:
            continue
        yield from _tag_problems(cell, where)
        if any(tag.startswith(EXERCISE) for tag in cell.tags):
            do = "Take the tag off, or give the lab a number from 01 on"
            yield Problem(where, cell.id, "a page whose number is 00 has no exercises: nobody grades it", do)


def _tag_problems(cell: Cell, where: str) -> Iterator[Problem]:
    for tag in cell.tags:
        if tag in TAGS or (tag.startswith(EXERCISE) and NUMBER.fullmatch(tag.removeprefix(EXERCISE))):
            continue
        known = ", ".join(f"'{name}'" for name in (f"{EXERCISE}1.2", *TAGS))
        do = f"Use one of {known}, or add it to TAGS in grader/release/exercises.py"
        yield Problem(where, cell.id, f"the tag {tag!r} is not known, so it hides and marks nothing", do)


def _hiding_problems(cell: Cell, where: str) -> Iterator[Problem]:
    """Yield why the release would not hide the solution of this exercise."""
    if cell.kind != "code":
        do = "Make it a code cell, or take the tag off"
        yield Problem(where, cell.id, f"it is a {cell.kind} cell, but is tagged as an exercise", do)
        return
    if any(marker_problems(cell, where)):
        return  # the release says that
    bodies = list(regions(cell.source))
    do = f"Put the lines {BEGIN!r} and {END!r} around what students have to write"
    if not bodies:
        what = "the exercise has no solution region, so students would get the solution"
        yield Problem(where, cell.id, what, do)
    elif not any(body.strip() for body in bodies):
        what = "the exercise's solution region is empty, so students would get what stands around it"
        yield Problem(where, cell.id, what, do)


def _declarations(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="exercise")):
                yield node


def _number(call: ast.Call, where: str) -> str:
    match call.args:
        case [ast.Constant(value=str(number)), *_]:
            return number
    place = f"{where}, line {call.lineno}"
    hint = 'write it out, as in LAB.exercise("1.1", …)'
    raise GraderError("the number of an exercise is not a text", where=place, hint=hint)
