"""The bundled samples: current, graded as their table says, and judged alike by a notebook's self-check."""

from __future__ import annotations

import ast
import contextlib
import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.grading.secret import rng_for
from grader.results import store
from grader.results.adjustments import adjusted
from grader.results.result import Result
from grader.results.words import is_right
from grader.submissions import CodeCell, Submission, read_notebook, read_roster
from make import grade as command
from make import samples
from make.samples import HANDED_IN, LAB, ROOT, SAMPLES, SAMPLES_OF_THE_CLASS
from make.tools import jail_works
from tests.utils.conftest import make_lab, make_transport, recorded_server
from utils.checks.registry import load_checks, slug_of
from utils.checks.run import run_lab
from utils.lab.lab import Lab
from utils.results import LabResult

__all__ = ["make_lab", "make_transport", "recorded_server"]

SECRET = bytes(range(32))
SLUG = slug_of(LAB)
ONLY_THE_EXAMPLE = "=Cem Yıldız"


@dataclass(frozen=True)
class Expected:
    """A row of the table."""

    student: str
    points: float | None
    status: str
    flagged: bool
    self_check: float | None
    """None where the cells are not to be run in this process"""


def _number(cell: str) -> float | None:
    return None if not cell or cell.startswith("not run: ") else float(cell)


def expected() -> dict[str, Expected]:
    with (SAMPLES / "expected.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["student"]: Expected(
                row["student"],
                _number(row["points"]),
                row["status"],
                {"yes": True, "no": False}[row["flagged"]],
                _number(row["self_check"]),
            )
            for row in csv.DictReader(file)
        }


EXPECTED = expected()
CHECKED = [row for row in EXPECTED.values() if row.self_check is not None]
COMPARED = [
    EXPECTED[student] for student in ("Zoë Müller", "Nguyễn Thị Lan", "O’Brien, Jack", ONLY_THE_EXAMPLE)
]
"""those of them in which most differs from the reference"""


# What is stored


def test_the_stored_samples_are_what_would_be_made_now(capsys):
    assert samples.main(["--check"]) == 0, capsys.readouterr().out


def test_another_byte_in_a_sample_and_a_file_too_many_are_noticed(tmp_path, monkeypatch, capsys):
    copy = tmp_path / "samples"
    shutil.copytree(SAMPLES, copy)
    monkeypatch.setattr(samples, "SAMPLES", copy)
    monkeypatch.setattr(samples, "HANDED_IN", copy / "submitted")
    monkeypatch.setattr(samples, "ROOT", tmp_path)
    monkeypatch.setattr(samples, "find_course", lambda root, here: samples.Course(ROOT))
    stored = copy / "submitted" / "Ada Okafor" / f"{LAB}.ipynb"
    stored.write_bytes(stored.read_bytes() + b" ")
    (copy / "submitted" / "Ada Okafor" / "notes.txt").touch()
    assert samples.main(["--check"]) == 1
    assert capsys.readouterr().out.count("run make samples") == 2
    assert samples.main([]) == 0
    assert "13 samples: 1 written" in capsys.readouterr().out
    assert stored.read_bytes() == (HANDED_IN / "Ada Okafor" / f"{LAB}.ipynb").read_bytes()


def test_answers_to_an_exercise_that_the_lab_does_not_have_are_refused(tmp_path):
    solved = {"1.1": "x = 1"}
    for section in ("1.9", "1.1", "1.9 as in the solution", "after 1.9", "somewhere\nx = 1"):
        (tmp_path / "a.py").write_text(f"# %% {section}\n")
        with pytest.raises(samples.FaultyAnswers, match="fits nowhere"):
            samples.read_answers(tmp_path / "a.py", solved)


def test_cells_of_a_sample_have_the_ids_and_tags_of_the_released_lab():
    released = json.loads((ROOT / "labs" / f"{LAB}.ipynb").read_text("utf-8"))
    given = [(cell["id"], cell["metadata"]) for cell in released["cells"]]
    sample = json.loads((HANDED_IN / "Zoë Müller" / f"{LAB}.ipynb").read_text("utf-8"))
    kept = [(cell["id"], cell["metadata"]) for cell in sample["cells"] if not cell["id"].startswith("own-")]
    assert kept == given
    assert sample["metadata"] == released["metadata"]


def test_the_table_the_roster_and_the_samples_name_the_same_people():
    handed_in = {sample.student for sample in SAMPLES_OF_THE_CLASS}
    on_the_roster = {student.id for student in read_roster(SAMPLES / "roster.csv")}
    assert {path.name for path in HANDED_IN.iterdir()} == handed_in
    assert set(EXPECTED) == on_the_roster
    assert on_the_roster - handed_in == {row.student for row in EXPECTED.values() if row.status == "missing"}
    assert len(on_the_roster - handed_in) == 1


def test_what_does_harm_is_not_checked_in_this_process():
    hostile = {sample.student for sample in SAMPLES_OF_THE_CLASS if sample.hostile}
    assert hostile
    assert hostile.isdisjoint(row.student for row in CHECKED)


# Graded in jails


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Result]:
    """The results of all samples, graded once by the command that people type."""
    if not jail_works():
        pytest.skip("bubblewrap may not make namespaces here")
    folder = tmp_path_factory.mktemp("graded")
    (folder / "secret").write_bytes(SECRET)
    (folder / "secret").chmod(0o600)
    words = ["grade", str(SAMPLES), "--roster", str(SAMPLES / "roster.csv"), "--lab", LAB]
    # Minutes, because this machine may be busy: what is too slow is stopped by the limit of its question.
    options = ["--out", str(folder / "out"), "--secret", str(folder / "secret"), "--timeout", "120"]
    done = subprocess.run(
        [sys.executable, "-m", "grader", *words, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    stored = store.read_all(folder / "out")
    assert stored.problems == ()
    return {result.student: result for result in stored.results}


@pytest.mark.jail
def test_every_sample_gets_what_the_table_says(graded: Mapping[str, Result]):
    found = {
        result.student: (adjusted(result).points, result.status, bool(result.flags))
        for result in graded.values()
    }
    assert found == {row.student: (row.points, row.status, row.flagged) for row in EXPECTED.values()}


@pytest.mark.jail
@pytest.mark.parametrize(
    ("student", "exercise", "status"),
    [("José Álvarez", "1.5", "timeout"), ("Mia Svensson", "1.4", "crashed"), ("王小明", "1.6", "memory")],
)
def test_what_goes_wrong_costs_one_exercise_and_is_named(graded, student, exercise, status):
    result = graded[student]
    lost = {each.exercise for each in result.exercises if not each.passed}
    assert lost == {exercise}
    assert [(loss.kind, loss.exercise) for loss in result.losses] == [(status, exercise)]


@pytest.mark.jail
def test_two_right_ones_are_one_line_each_and_accidents_cost_nothing(graded):
    assert is_right(graded["Ada Okafor"])
    assert is_right(graded["Zoë Müller"])
    for student in ("Nguyễn Thị Lan", "Łukasz Nowak"):
        assert all(exercise.passed for exercise in graded[student].exercises)
        assert {loss.kind for loss in graded[student].losses} == {"cell-error"}
    assert "ask is defined in cells" in " ".join(graded["Nguyễn Thị Lan"].notes)


@pytest.mark.jail
def test_a_submission_that_forges_answers_gets_nothing_and_is_named(graded):
    assert "forged-message" in {flag.kind for flag in graded["Dana Whitfield"].flags}
    assert {flag.kind for flag in graded[ONLY_THE_EXAMPLE].flags} == {"only-the-example"}


# Checked as in a notebook


def names_of(cells: tuple[CodeCell, ...]) -> dict[str, Any]:
    """What the cells define that an exercise can use; cells that only show something are left out."""
    names: dict[str, Any] = {}
    for cell in cells:
        with contextlib.suppress(NotImplementedError, EOFError, OSError, SystemExit):
            source = _definitions(cell.source)
            code = compile(source, f"<cell {cell.number}>", "exec", dont_inherit=True)
            exec(code, names)
    return names


def _definitions(source: str) -> ast.Module:
    """The imports, functions, classes and constants of a cell, if there is any; all of a cell without."""
    kept: list[ast.stmt] = []
    for node in ast.parse(source).body:
        plain = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
        constant = isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.Lambda)
        if isinstance(node, plain) or constant:
            kept.append(node)
    return ast.Module(kept, [])


@pytest.fixture
def checked(make_lab: Callable[..., Lab]) -> Callable[[str, Any], LabResult]:
    """Runs a sample's checks as its notebook's self-check does."""

    def run(student: str, case: Any) -> LabResult:
        submission = read(student)
        return run_lab(load_checks(SLUG), make_lab(names_of(submission.cells)), case)

    return run


def read(student: str) -> Submission:
    found = read_notebook(HANDED_IN, f"{student}/{LAB}.ipynb")
    assert isinstance(found, Submission)
    return found


@pytest.mark.parametrize("row", CHECKED, ids=lambda row: row.student)
def test_the_self_check_says_what_the_table_says(checked, row: Expected):
    result = checked(row.student, load_checks(SLUG).example)
    assert result.points == row.self_check


@pytest.mark.jail
@pytest.mark.parametrize("row", COMPARED, ids=lambda row: row.student)
def test_grade_and_self_check_agree_on_every_check(graded, checked, row: Expected):
    """Asked the same questions: each check ends alike, with the same points and the same sentence."""
    case = load_checks(SLUG).fresh_case(rng_for(SECRET, read(row.student).sha256.encode(), LAB))
    own = checked(row.student, case).exercises
    assert told(graded[row.student].exercises) == told(own)
    assert adjusted(graded[row.student]).points == row.points == sum(one.points for one in own)


def told(exercises: Any) -> list[tuple[str, ...]]:
    return [
        (check.exercise, check.check, check.status, f"{check.points:g}", check.message)
        for exercise in exercises
        for check in exercise.checks
    ]


def test_only_who_knows_nothing_but_the_example_gets_more_from_the_self_check():
    assert [row.student for row in CHECKED if row.self_check != row.points] == [ONLY_THE_EXAMPLE]


# make grade


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``make grade`` with a build folder of its own."""
    monkeypatch.setattr(command, "ROOT", tmp_path)
    for name in ("GRADES", "HARMLESS", "SECRET"):
        monkeypatch.setattr(command, name, tmp_path / getattr(command, name).relative_to(ROOT))
    return tmp_path / "build"


def test_without_bubblewrap_the_harmful_ones_are_left_out_and_both_is_said(build, monkeypatch, capfd):
    monkeypatch.setattr(command.shutil, "which", lambda name: None)
    monkeypatch.setattr(command, "command", lambda *args, **kwargs: seen.append((args, kwargs)) or ["true"])
    seen: list[Any] = []
    assert command.main([]) == 0
    (handed_in, roster, _), options = seen[0]
    hostile = {sample.student for sample in SAMPLES_OF_THE_CLASS if sample.hostile}
    assert {path.name for path in handed_in.iterdir()} == {*(row for row in EXPECTED)} - hostile - {
        "Fatima El-Sayed"
    }
    assert {student.id for student in read_roster(roster)} == {*EXPECTED} - hostile
    assert options == {"sandboxed": False}
    said = capfd.readouterr().out
    assert "WITHOUT A SANDBOX" in said
    assert all(student in said for student in hostile)
    assert "apt install bubblewrap" in said


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 0), (2, 2), (130, 130)])
def test_a_sample_that_cannot_be_graded_is_no_error_and_wrong_use_is_one(
    build, monkeypatch, capfd, code, ends
):
    monkeypatch.setattr(command, "command", lambda *args, **kwargs: ["sh", "-c", f"exit {code}"])
    assert command.main([]) == ends
    assert ("Look at build/grades/report.html" in capfd.readouterr().out) is (ends == 0)


def test_make_grade_grades_what_cannot_be_read_and_ends_with_where_to_look(build, capfd, monkeypatch):
    monkeypatch.setattr(command.shutil, "which", lambda name: None)  # so that no jail is started
    monkeypatch.chdir(ROOT)
    real = command.ROOT
    monkeypatch.setattr(command, "ROOT", ROOT)
    words = command.command(HANDED_IN, SAMPLES / "roster.csv", ["--student", "Tom Baker"], sandboxed=False)
    monkeypatch.setattr(command, "ROOT", real)
    monkeypatch.setattr(command, "command", lambda *args, **kwargs: words)
    assert command.main([]) == 0
    said = capfd.readouterr()
    assert "Tom Baker" in said.out
    assert "NO SANDBOX" in said.err
    last = said.out.strip().splitlines()[-1]
    assert "build/grades/report.html" in last
    assert (build / "grades" / "report.html").is_file()
