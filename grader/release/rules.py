"""Rules of the house for a lab: what every lab has, so that students find their way in the next one.

A rule is a function that looks at a lab and yields what breaks it: sentences with the cell and what to do.
``grader validate`` tells them to authors. What makes a release safe is not here but in ``exercises`` and
``leaks``: a lab that breaks a rule of the house can be released.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from grader.errors import Problem
from grader.release.notebook import Cell, Notebook
from grader.release.requirements import NAME as REQUIREMENTS
from grader.release.requirements import Requirements, read_requirements, unaccounted, unquoted
from grader.release.stubs import EXERCISE
from utils.checks.registry import LabChecks
from utils.views.plain import plural

HAND_IN = "hand-in"
"""the id of the cell with which students hand in"""
READABLE_ID = re.compile(r"[a-z][a-z0-9-]*")
HINTS = ("the idea", "the call", "a skeleton with gaps")
"""what the folded hints of a task give, one after the other: each helps more, and none is the solution"""
MAX_AIMS = 5
MIN_AIMS = 3
"""a lab with fewer exercises needs no more aims than exercises"""
IGNORED = 5
"""one code cell in so many may have an output that varies"""
UNWANTED = ("%pip", "!pip", "getpass", "sys.path", "input(", "NBVAL_SKIP")
FENCE, FOLD = ("```", "```"), ("<details>", "</details>")
"""how code and folded texts begin and end, each on lines of their own"""
VARIES = "# NBVAL_IGNORE_OUTPUT"
OF_ONE_MACHINE = re.compile(r"/tmp/|/home/|/Users/|ipykernel_\d{3,}")  # noqa: S108 - it is looked for


@dataclass(frozen=True, slots=True)
class Limit:
    """How much a lab has of something, by the number of its exercises."""

    around: int
    """without any exercise"""
    each: int
    """more for each exercise"""
    end: int
    """however many exercises there are"""

    def of(self, exercises: int) -> int:
        """Return the limit for so many exercises."""
        return min(self.around + self.each * exercises, self.end)


FEWEST_WORDS, MOST_WORDS = Limit(0, 150, 900), Limit(400, 240, 1600)
FEWEST_CELLS, MOST_CELLS = Limit(2, 3, 20), Limit(10, 5, 35)


@dataclass(frozen=True, slots=True)
class Page:
    """A lab as its rules see it."""

    lab: str
    solution: Notebook
    checks: LabChecks
    root: Path
    """the course's repository"""

    @property
    def where(self) -> str:
        """Return the solution's path, relative to the repository."""
        return f"solutions/{self.lab}.ipynb"

    @property
    def code(self) -> list[Cell]:
        """Return the code cells, in their order."""
        return [cell for cell in self.solution.cells if cell.kind == "code"]

    @property
    def prose(self) -> str:
        """Return all text between the code, code in it included."""
        return "\n\n".join(cell.source for cell in self.solution.cells if cell.kind == "markdown")

    @property
    def title(self) -> Cell:
        """Return the first cell; an empty one where there is none."""
        return self.solution.cells[0] if self.solution.cells else Cell("", "markdown", "")

    def problem(self, cell: str, what: str, do: str) -> Problem:
        """Return what is wrong in a cell; with an empty name, in the whole notebook."""
        return Problem(self.where, cell, what, do)


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a lab breaks, and where."""

    rule: str
    """the rule's name in ``RULES``"""
    problem: Problem

    def __str__(self) -> str:
        return f"{self.problem} (rule: {self.rule})"


Rule = Callable[[Page], Iterator[Problem]]


def broken_rules(page: Page) -> list[Broken]:
    """Return every rule that a lab breaks, in the order of ``RULES``; none for a lab that keeps them all."""
    return [Broken(name, problem) for name, rule in RULES.items() for problem in rule(page)]


def _readable_ids(page: Page) -> Iterator[Problem]:
    for cell in page.solution.cells:
        if not READABLE_ID.fullmatch(cell.id):
            do = "Give it one of small letters, digits and '-', as in 'ex-1-2': Problems are told by it"
            yield page.problem(cell.id, f"the cell's id {cell.id!r} cannot be read out", do)


def _headings(page: Page) -> Iterator[Problem]:
    lines = _lines(page.prose, (FENCE,))
    levels = [len(line) - len(line.lstrip("#")) for line in lines if re.match(r"#+ ", line)]
    if levels.count(1) != 1 or levels[0] != 1:
        what = f"the notebook has {levels.count(1)} titles, or another heading before its title"
        yield page.problem("", what, "Begin it with one heading '# Lab …', and use '##' for the others")
    for before, after in pairwise(levels):
        if after > before + 1:
            what = f"a heading '{'#' * before}' is followed by '{'#' * after}'"
            yield page.problem("", what, f"Write '{'#' * (before + 1)}': readers jump from level to level")


def _beginning(page: Page) -> Iterator[Problem]:
    text = page.title.source
    aims = len(re.findall(r"^\d\. ", text, re.MULTILINE))
    fewest = max(1, min(MIN_AIMS, len(page.checks.exercises)))
    if "You will be able to" not in text or not fewest <= aims <= MAX_AIMS:
        do = f"Write 'You will be able to' and {fewest} to {MAX_AIMS} lines that begin with '1. ', '2. ', …"
        yield page.problem(page.title.id, f"it tells {aims} aims", do)
    if not re.search(r"\*\*Time\*\* \d+–\d+ minutes", text):
        yield page.problem(
            page.title.id, "it does not say how long the lab takes", "Write '**Time** 20–30 minutes'"
        )
    if "**You need**" not in text:
        do = "Write '**You need**' and what has to be known before"
        yield page.problem(page.title.id, "it does not say what students need", do)


def _table_of_points(page: Page) -> Iterator[Problem]:
    rows = re.findall(r"^\| (\d+\.\d+) \| `(\w+)`.*\| ([\d.]+) \|$", page.title.source, re.MULTILINE)
    declared = [(e.number, e.function, f"{e.points:g}") for e in page.checks.exercises.values()]
    for row in declared:
        if row not in rows:
            do = "Write the row '| {} | `{}`: … | {} |', as the checks declare the exercise".format(*row)
            yield page.problem(page.title.id, f"its table has no such row for exercise {row[0]}", do)
    total = sum(exercise.points for exercise in page.checks.exercises.values())
    if f"**Graded** ({total:g} points)" not in page.title.source:
        do = f"Write '**Graded** ({total:g} points):' above the table"
        yield page.problem(page.title.id, f"it does not say that the lab has {total:g} points", do)
    for row in rows:
        if row not in declared:
            what = "its table says '{} | `{}` | {}', which the checks do not declare".format(*row)
            yield page.problem(page.title.id, what, "Correct the row, or take it out")


def _points_add_up(page: Page) -> Iterator[Problem]:
    for exercise in page.checks.exercises.values():
        total = sum(check.points for check in exercise.checks)
        if total != exercise.points:
            what = f"exercise {exercise.number} has {exercise.points:g} points, but its checks have {total:g}"
            yield page.problem("", what, "Change LAB.exercise(…, points=…), or the points of its checks")


def _exercises(page: Page) -> Iterator[Problem]:
    cells = page.solution.cells
    ids = [cell.id for cell in cells]
    for number in page.checks.exercises:
        dashed = number.replace(".", "-")
        wanted = [f"task-{dashed}", f"ex-{dashed}", f"check-{dashed}"]
        at = ids.index(wanted[0]) if wanted[0] in ids else -1
        if at < 0 or ids[at : at + 3] != wanted:
            do = f"Put three cells with these ids one below the other: {', '.join(wanted)}"
            yield page.problem("", f"exercise {number} has no task, answer and check in a row", do)
            continue
        task, answer, check = cells[at : at + 3]
        if answer.tags != (f"{EXERCISE}{number}",):
            do = f"Give it the one tag '{EXERCISE}{number}'"
            yield page.problem(answer.id, f"its tags are {list(answer.tags)}", do)
        if check.source != f'check("{number}")':
            yield page.problem(check.id, "it does more, or less, than to check", f'Write check("{number}")')
        hints = re.findall(r"<details><summary>(Hint [^<\n]*)</summary>", task.source)
        wanted = [f"Hint {number}: {title}" for number, title in enumerate(HINTS, 1)]
        if hints != wanted:
            do = "Write {}".format(", ".join(f"'<details><summary>{hint}</summary>'" for hint in wanted))
            yield page.problem(task.id, f"its folded hints are {hints}", do)
        if "```python\n>>> " not in task.source:
            do = "Show a call and what comes back: '```python', then a line that begins with '>>> '"
            yield page.problem(task.id, "it shows no example", do)


def _requirements(page: Page) -> Iterator[Problem]:
    where = f"utils/checks/{page.checks.slug}"
    tables = read_requirements(page.root / where)
    tasks = {cell.id.removeprefix("task-").replace("-", "."): cell for cell in page.solution.cells}
    for number, exercise in page.checks.exercises.items():
        if number not in tasks:
            continue
        task, table = tasks[number], tables.get(number, Requirements())
        for sentence in unaccounted(task.source, table):
            do = (
                f"Quote it in {where}/{REQUIREMENTS}, with the check that asks for it, or below 'told' "
                "where it asks for nothing"
            )
            yield page.problem(task.id, f"nobody says which check asks for '{sentence}'", do)
        for quote in unquoted(task.source, table):
            do = f"Correct {where}/{REQUIREMENTS}, exercise {number}"
            yield page.problem(task.id, f"it does not say '{' '.join(quote.split())}'", do)
        checks = {check.name for check in exercise.checks}
        for name, row in table.asked.items():
            if row.check not in checks:
                do = f"Correct {where}/{REQUIREMENTS}, '{name}': it has {', '.join(sorted(checks))}"
                yield page.problem(task.id, f"exercise {number} has no check {row.check}", do)


def _own_cells(page: Page) -> Iterator[Problem]:
    for cell in page.code:
        for word in UNWANTED:
            if word in cell.source:
                do = "Take it out: a lab needs nothing but its own cells, and runs without anybody there"
                yield page.problem(cell.id, f"it has {word!r}", do)


def _nothing_remote(page: Page) -> Iterator[Problem]:
    for cell in page.solution.cells:
        found = re.search(r"!\[|<img|<script|<iframe|https?://", cell.source)
        if cell.kind == "markdown" and found:
            do = "Take it out: a lab works without a network, and reads the same everywhere"
            yield page.problem(cell.id, f"it has {found[0]!r}", do)


def _hidden_kit(page: Page) -> Iterator[Problem]:
    if "cannot import name" not in page.prose or "rename" not in page.prose:
        do = "Copy the folded text below 'Setting up' from another lab"
        what = (
            "it does not say what to do about a utils.py that hides the kit ('cannot import name', 'rename')"
        )
        yield page.problem("", what, do)


def _handing_in(page: Page) -> Iterator[Problem]:
    last = page.code[-1] if page.code else Cell("", "code", "")
    if last.id != HAND_IN or last.source.splitlines()[-1:] != ["hand_in()"]:
        do = f"Let the last code cell have the id '{HAND_IN}' and end with the line hand_in()"
        yield page.problem(last.id, "students find no cell to hand in with", do)


def _length(page: Page) -> Iterator[Problem]:
    exercises = len(page.checks.exercises)
    lines = _lines(page.prose, (FENCE, FOLD))
    words = sum(len(line.split()) for line in lines if not line.startswith(("|", "#")))
    for_it = f"a lab with {plural(exercises, 'exercise')}"
    least, most = FEWEST_WORDS.of(exercises), MOST_WORDS.of(exercises)
    if not least <= words <= most:
        do = "Write more, or less; code, tables, headings and folded texts do not count"
        yield page.problem("", f"its text has {words} words, and {for_it} has {least} to {most}", do)
    cells = sum("parameters" not in cell.tags and cell.id != HAND_IN for cell in page.code)
    least, most = FEWEST_CELLS.of(exercises), MOST_CELLS.of(exercises)
    if not least <= cells <= most:
        do = "Show more of it as code, or join cells; those of the parameters and for handing in do not count"
        yield page.problem("", f"it has {cells} code cells, and {for_it} has {least} to {most}", do)


def _lines(text: str, blocks: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of a text that lie in none of these blocks, each told by how it begins and ends."""
    end = ""
    for line in text.splitlines():
        if end:
            end = "" if line.startswith(end) else end
        elif found := [last for first, last in blocks if line.startswith(first)]:
            end = "" if found[0] in line[1:] else found[0]
        else:
            yield line


def _ignored_outputs(page: Page) -> Iterator[Problem]:
    ignored = [c for c in page.code if VARIES in c.source.splitlines() or "nbval-ignore-output" in c.tags]
    if len(ignored) > len(page.code) / IGNORED:
        what = f"the outputs of {len(ignored)} of {len(page.code)} code cells are not compared"
        yield page.problem("", what, f"Let at most one in {IGNORED} vary: what varies is not tested")
    for cell in ignored:
        first, second = [*cell.source.splitlines(), "", ""][:2]
        if first != VARIES or not re.match(r"# \w+", second):
            do = f"Begin the cell with the line {VARIES!r} and a comment that says why"
            yield page.problem(cell.id, "it does not say why its output varies", do)


def _stored_outputs(page: Page) -> Iterator[Problem]:
    do = f"Run make outputs LAB={page.lab}"
    if "widgets" in page.solution.metadata:
        yield page.problem("", "the states of widgets are stored in it", do)
    for cell in page.code:
        text = str(cell.outputs)
        if "execution" in cell.metadata:
            yield page.problem(cell.id, "the times of a run are stored in it", do)
        if any(output.get("output_type") == "error" for output in cell.outputs):
            yield page.problem(cell.id, "its stored output is an error", f"Mend the cell. {do}")
        if found := OF_ONE_MACHINE.search(text):
            yield page.problem(
                cell.id, f"its output holds {found[0]!r}, a place on one machine", f"Mend it. {do}"
            )


def _files(page: Page) -> Iterator[Problem]:
    files = {
        f"labs/{page.lab}.ipynb": "Run make release",
        f"utils/checks/{page.checks.slug}/conversations.yaml": "Write what the recorded model answers",
        f"docs/instructors/{page.lab}.md": "Write the notes: where the time goes, what students get wrong",
    }
    for path, do in files.items():
        if not (page.root / path).is_file():
            yield page.problem("", f"its file {path} is missing", do)


RULES: Mapping[str, Rule] = {
    "readable-ids": _readable_ids,
    "headings": _headings,
    "beginning": _beginning,
    "table-of-points": _table_of_points,
    "points-add-up": _points_add_up,
    "exercises": _exercises,
    "requirements": _requirements,
    "own-cells": _own_cells,
    "nothing-remote": _nothing_remote,
    "hidden-kit": _hidden_kit,
    "handing-in": _handing_in,
    "length": _length,
    "ignored-outputs": _ignored_outputs,
    "stored-outputs": _stored_outputs,
    "files": _files,
}
