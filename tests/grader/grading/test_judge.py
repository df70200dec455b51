"""Honest notebooks that are slow, lost or misled: what is right is found, and what is lost is named."""

from __future__ import annotations

import random
import socket
from dataclasses import replace
from typing import Any

import pytest

from grader.grading import submission_run
from grader.grading.host import Host
from grader.grading.submission_run import SubmissionRun
from grader.jail.frames import Channel
from grader.results.result import Result
from grader.results.store import from_json, to_json
from grader.results.words import needs_a_look
from grader.sandbox.child import End
from grader.submissions import CodeCell, Submission
from tests.grader.grading import harms
from tests.grader.grading.judged import judge_all, judge_one, points, solution, spec, supervised, told
from utils.checks.persistence.lab import LAB
from utils.checks.registry import LabChecks
from utils.lab.lab import Lab
from utils.providers import chosen_provider

pytestmark = pytest.mark.jail
FULL = sum(exercise.points for exercise in LAB.exercises.values())
KEPT = ("parameters", "setup", "imports")


def lean(*before: str, after: tuple[str, ...] = ()) -> Submission:
    """The imports and the solved exercises, with cells before and after them."""
    solved = [c.source for c in solution().cells if c.id in KEPT or any("exercise:" in t for t in c.tags)]
    sources = [*before, *solved, *after]
    cells = tuple(CodeCell(number, None, source) for number, source in enumerate(sources, 1))
    return Submission(cells, f"{before}{after}", 0)


def whole(first: str) -> Submission:
    """The solution with one more cell at its top."""
    given = solution()
    return replace(given, cells=(CodeCell(0, None, first), *given.cells))


def tried_out(lab: str, *ids: str) -> Submission:
    """The solution with something changed in some of its demonstrations."""
    cells = tuple(
        replace(cell, source=f"{cell.source}\n# tried out") if cell.id in ids else cell
        for cell in solution(lab).cells
    )
    return Submission(cells, f"{lab} {ids}", 0)


SLOW = "import time\ntime.sleep(3)"
SCRATCH = "def ask(agent, thread_id, text):\n    return 'scratch'"
PROXY = "import os\nos.environ['HTTP_PROXY'] = os.environ['HTTPS_PROXY'] = 'http://proxy.example:8080'"
ADDRESS = "import os\nos.environ['OPENAI_BASE_URL'] = 'https://llm.example/v1'"


def slips() -> LabChecks:
    """A lab whose author has made slips: in the check's own code, and in what it asks of the kit."""
    checks = LabChecks("persistence", "Keep the conversation")
    checks.example = LAB.example
    checks.exercise("1.2", "Ask a question", function="ask", points=2)

    @checks.check("1.2", points=1, title="a part that is not there")
    def has_no_part(lab: Lab, case: Any) -> None:
        lab.get("ask")
        lab.kit.message("hello")  # type: ignore[attr-defined]

    @checks.check("1.2", points=1, title="a student's own mistake")
    def asks_a_saver(lab: Lab, case: Any) -> None:
        lab.call("ask", lab.kit.saver(), "trip", "text")

    @checks.check("1.2", points=0, title="a part of another name")
    def misspells_a_part(lab: Lab, case: Any) -> None:
        lab.get("ask")
        lab.part("trun", called="agent.invoke(…)")

    return checks


def test_a_slip_of_an_author_is_no_mistake_of_a_student() -> None:
    judging = replace(spec(), checks=slips())
    judged = supervised({"slip": lambda host: {"result": to_json(judge_one(judging, lean(), host))}})
    statuses = [check.status for check in from_json(judged["slip"]["result"]).exercises[0].checks]
    assert statuses == ["error", "failed", "error"]


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    quick = judge_all({"slow": lean(SLOW, SLOW, SLOW), "waiting": lean(*[SLOW] * 5)}, seconds=8)
    return quick | judge_all(
        {
            "proxy": whole(PROXY),
            "address": whole(ADDRESS),
            "reset": lean(after=("%reset -f",)),
            "scratch": lean(after=(SCRATCH,)),
            "twice": lean(SCRATCH),
            "errors": lean(*["1 / 0"] * 5),
            "package": lean("import not_here_1\nfrom not_here_2.part import a"),
            "package that costs": lean(after=("import not_here_1\ndel ask",)),
            "input": lean("city = input('Which city? ')"),
            "network": lean("import urllib.request\nurllib.request.urlopen('http://example.com')"),
        }
    )


@pytest.mark.parametrize("name", ["proxy", "address"])
def test_settings_of_another_network_cost_nothing(results: dict[str, Result], name: str) -> None:
    result = results[name]
    assert sum(points(result).values()) == FULL, told(result)
    assert (result.status, result.flags, result.losses) == ("graded", (), ()), told(result)


@pytest.mark.parametrize("name", ["slow", "waiting"])
def test_slow_cells_are_left_out_and_cost_the_answers_nothing(results: dict[str, Result], name: str) -> None:
    result = results[name]
    assert sum(points(result).values()) == FULL, told(result)
    assert result.status == "graded"
    loss, *others = result.losses
    assert "without the slow ones: 1, 2, 3" in loss.what
    assert {one.kind for one in result.losses} == {"cell-timeout"}
    assert [one.cell for one in others] == ([] if name == "slow" else [4, 5])


def test_a_notebook_that_forgets_everything_is_to_be_looked_at(results: dict[str, Result]) -> None:
    result = results["reset"]
    assert points(result) == {}
    assert [loss.kind for loss in result.losses] == ["nothing-found"], told(result)
    assert needs_a_look(result)


def test_a_later_definition_that_costs_points_is_named(results: dict[str, Result]) -> None:
    result = results["scratch"]
    assert FULL - sum(points(result).values()) == LAB.find("1.2").points
    (loss,) = result.losses
    assert (loss.kind, loss.exercise) == ("defined-twice", "1.2")
    assert "the last one counts" in loss.what


def test_an_earlier_definition_that_costs_nothing_is_a_note(results: dict[str, Result]) -> None:
    result = results["twice"]
    assert sum(points(result).values()) == FULL, told(result)
    assert result.losses == ()
    assert len(result.notes) == 1


def test_a_package_that_the_grader_lacks_costs_the_rest_of_its_cell_nothing(
    results: dict[str, Result],
) -> None:
    result = results["package"]
    assert sum(points(result).values()) == FULL, told(result)
    assert result.losses == ()
    (note,) = result.notes
    assert "not not_here_1, not_here_2; those imports were left out" in note


def test_where_points_are_lost_such_a_package_is_named(results: dict[str, Result]) -> None:
    result = results["package that costs"]
    (loss,) = result.losses
    assert loss.kind == "package"
    assert "not not_here_1; that line was left out" in loss.what
    assert needs_a_look(result)


@pytest.mark.parametrize(
    ("name", "words"), [("input", "nobody types while the grader"), ("network", "asks the network")]
)
def test_what_happens_in_the_grader_only_is_told_as_that(
    results: dict[str, Result], name: str, words: str
) -> None:
    result = results[name]
    assert sum(points(result).values()) == FULL, told(result)
    (loss,) = result.losses
    assert words in loss.what
    assert "Restart the kernel" not in loss.do


def test_many_errors_are_told_in_one_sentence(results: dict[str, Result]) -> None:
    result = results["errors"]
    assert sum(points(result).values()) == FULL, told(result)
    (loss,) = result.losses
    assert (loss.kind, loss.cell) == ("cell-error", 1)
    assert "4 later ones" in loss.what


@pytest.mark.parametrize(
    ("lab", "cell"),
    [
        ("01_persistence", "resume-demo"),  # needs a file that another one makes
        ("03_async_graphs", "at-once"),
        ("03_async_graphs", "streams"),
        ("03_async_graphs", "shared"),
        ("04_human_in_the_loop", "rounds"),
        ("04_human_in_the_loop", "wrong"),
    ],
)
def test_whoever_tries_something_out_in_a_demonstration_loses_nothing(lab: str, cell: str) -> None:
    (result,) = judge_all({cell: tried_out(lab, cell)}, lab=lab).values()
    assert sum(points(result).values()) == FULL, told(result)
    assert (result.status, result.flags, result.losses) == ("graded", (), ()), told(result)


def test_an_answer_may_use_what_a_demonstration_defines() -> None:
    given = solution("03_async_graphs")
    named = "async def _answer("
    cells = tuple(
        replace(cell, source=cell.source.replace("async def ask_with_timeout(", "async def _answer("))
        for cell in given.cells
    )
    assert sum(named in cell.source for cell in cells) == 1
    leaning = (
        "async def ask_with_timeout(agent, thread_id, text, seconds):\n"
        "    assert callable(follow)\n"
        "    return await _answer(agent, thread_id, text, seconds)"
    )
    answer = CodeCell(cells[-1].number + 1, None, leaning)
    submission = Submission((*cells, answer), "leaning", 0)
    (result,) = judge_all({"leaning": submission}, lab="03_async_graphs").values()
    assert points(result)["3.5"] == 3, told(result)


# Files under a check


def hurting(hurt: str) -> Submission:
    """The right solution, which hurts its file when it closes it, and the check's when it reads from it."""
    answers = {"exercise:1.3": hurt + harms.OPEN, "exercise:1.5": hurt + harms.HISTORY}
    cells = tuple(
        replace(cell, source=next((answers[tag] for tag in cell.tags if tag in answers), cell.source))
        for cell in solution().cells
    )
    return Submission(cells, hurt.encode().hex()[-64:], 0)


HURTS = {
    "unlinked": hurting(harms.UNLINKED),
    "locked": hurting(harms.LOCKED),
    "swapped for a pipe": hurting(harms.SWAPPED),
    "closed to all": hurting(harms.CLOSED),
    "unlinked by a thread": lean(after=(harms.UNLINKED + harms.LATER,)),
}


@pytest.fixture(scope="module")
def hurt() -> dict[str, Result]:
    return judge_all(HURTS)


@pytest.mark.parametrize("name", HURTS)
def test_a_file_that_is_hurt_under_a_check_is_no_fault_of_the_kit(hurt: dict[str, Result], name: str) -> None:
    result = hurt[name]
    checks = [check for exercise in result.exercises for check in exercise.checks]
    assert {check.status for check in checks} <= {"passed", "failed", "crashed", "not run"}, told(result)
    assert any(check.status == "failed" for check in checks), told(result)
    assert result.status == "graded", told(result)


def test_all_checkpoint_files_of_a_submission_have_seconds_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission_run, "READER_SECONDS", 0.05)
    started: list[str] = []

    class Silent:
        def __init__(self) -> None:
            ours, self.theirs = socket.socketpair()
            self.channel = Channel(ours)

        def end(self, patience: float = 0.0) -> End:
            self.channel.close()
            self.theirs.close()
            return End()

    class Jails:
        def start(self, module: str) -> Any:
            started.append(module)
            return Silent()

    host = Host(Jails(), chosen_provider())  # type: ignore[arg-type]
    run = SubmissionRun(host, spec(), (), random.Random(1), 1.0)
    assert [run._read(()) for _ in range(5)] == [None] * 5
    assert len(started) == 1
