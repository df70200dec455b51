"""Hostile hand-ins in a class of honest ones: each has a result that says what happened, and nobody else's
changes by a byte."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from grader.results import store
from grader.results.result import Result
from make.tools import jail_works
from tests.grader.attacks.classroom import answered, lean, solved
from tests.grader.grading.harms import HARMS, STUBBORN, Harm
from tests.grader.grading.running import Done, Grader, course, hand_in, lean_right, result_file
from tests.grader.submissions.files import cell, data

pytestmark = pytest.mark.jail

MIB = 2**20
MEMORY = 300 * MIB
"""of the process that schedules and writes results, at its peak"""
LARGEST = 200_000
"""bytes of a result, whatever a submission says"""
PAGE = 40_000
"""bytes of a page of feedback"""
LOOK = 0.05
HANGS = 60.0
"""seconds after which a run does not end; two are promised, on a machine that is not busy"""
SECONDS = "20"
"""for all cells of one, and for its answers: some use them up"""
WRONG = "def ask(agent, thread_id, text):\n    return 'The weather is fine.'"
RIGHT, ALMOST = "a right one", "z an almost right one"


def neighbours() -> dict[str, bytes]:
    """What two honest students hand in."""
    almost = answered(lean(solved()), {"1.2": WRONG})
    return {RIGHT: lean_right(), ALMOST: json.dumps(almost).encode()}


@dataclass(frozen=True)
class Class:
    """What came of a class with hostile ones in it."""

    done: Done
    out: Path
    peak: int
    """bytes of memory that the supervisor had at most"""
    left: list[str]
    """processes and files that were still there"""
    mounts: bool
    """whether something is mounted that was not before"""

    def of(self, student: str) -> Result:
        (one,) = [one for one in store.read_all(self.out).results if one.student == student]
        return one


def watched(grader: Grader, submissions: Path, out: Path) -> Class:
    """Grade a class as people do, and look at the supervisor meanwhile."""
    before = Path("/proc/self/mountinfo").read_text()
    words = grader.words(submissions, out, "--json", "--timeout", SECONDS)
    peak, over = [0], threading.Event()
    with grader.started(words) as process:

        def look() -> None:
            while not over.wait(LOOK):
                text = Path(f"/proc/{process.pid}/status").read_text()
                if found := re.search(r"VmHWM:\s*(\d+) kB", text):
                    peak[0] = max(peak[0], int(found[1]) * 1024)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            said, told = process.communicate()
        finally:
            over.set()
            looking.join()
    left = grader.living() + grader.left_behind()
    mounts = Path("/proc/self/mountinfo").read_text() != before
    return Class(Done(process.returncode, said, told), out, peak[0], left, mounts)


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Grader:
    if not jail_works():
        pytest.skip("bubblewrap may not make namespaces here")
    folder = tmp_path_factory.mktemp("grader")
    (folder / "course").mkdir()
    return Grader(course(folder / "course"), folder / "tmp")


@pytest.fixture(scope="module")
def quiet(grader: Grader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the honest ones among themselves."""
    folder = tmp_path_factory.mktemp("quiet")
    done = grader.grade(hand_in(folder / "in", neighbours()), folder / "out", "--timeout", SECONDS)
    assert done.code == 0, done.err
    points = {one.student: _points(one) for one in store.read_all(folder / "out").results}
    assert points == {RIGHT: 20, ALMOST: 18}
    return folder / "out"


Graded = Callable[[bool], Class]


@pytest.fixture(scope="module")
def graded(grader: Grader, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Grades the class of the quick ones, or of the others, when a test first asks for it."""
    made: dict[bool, Class] = {}

    def grade(quick: bool) -> Class:
        if quick not in made:
            folder = tmp_path_factory.mktemp("class")
            hand_in(folder / "in", neighbours())
            for harm in HARMS:
                if harm.quick is quick:
                    harm.hand_in(folder / "in")
            made[quick] = watched(grader, folder / "in", folder / "out")
        return made[quick]

    return grade


KINDS = [pytest.param(True, id="quick"), pytest.param(False, id="others", marks=pytest.mark.nightly)]
EACH = [
    pytest.param(harm, id=f"{harm.kind}: {harm.name}", marks=() if harm.quick else pytest.mark.nightly)
    for harm in HARMS
]


@pytest.mark.parametrize("harm", EACH)
def test_a_hostile_one_has_a_result_that_a_person_can_understand(harm: Harm, graded: Graded):
    one = graded(harm.quick)
    result = one.of(harm.who)
    assert result.status in harm.ends, (result.status, result.reason, result.losses)
    assert result.status == "graded" or result.reason.endswith("."), result.reason
    for text in (
        result.reason,
        *(loss.what for loss in result.losses),
        *(flag.what for flag in result.flags),
    ):
        assert text.isprintable(), text
        assert len(text) < 1_000, text
    wrong = [check for exercise in result.exercises for check in exercise.checks if check.status != "passed"]
    assert all(check.message or check.status == "not run" for check in wrong)
    assert harm.lies or not [check for check in wrong if check.status == "error"], wrong
    assert result_file(one.out, harm.who).stat().st_size < LARGEST
    page = next(iter((one.out / "feedback").glob(f"{result_file(one.out, harm.who).parent.name}/*.html")))
    assert page.stat().st_size <= PAGE


@pytest.mark.parametrize("quick", KINDS)
def test_the_honest_ones_have_the_bytes_of_a_class_without_hostile_ones(
    quick: bool, graded: Graded, quiet: Path
):
    one = graded(quick)
    for student in neighbours():
        there = result_file(one.out, student).read_bytes()
        assert there == result_file(quiet, student).read_bytes(), one.of(student)


@pytest.mark.parametrize("quick", KINDS)
def test_the_run_ends_by_itself_in_bounded_memory_and_leaves_nothing(quick: bool, graded: Graded):
    one = graded(quick)
    assert one.done.code in (0, 1), one.done.err
    assert "Traceback" not in one.done.err
    assert "could not be started" not in one.done.err
    assert len(one.done.results) == len(neighbours()) + sum(harm.quick is quick for harm in HARMS)
    assert 0 < one.peak < MEMORY
    assert one.left == []
    assert not one.mounts
    assert (one.out / "report.html").stat().st_size < 2 * MIB


# Ended from outside while they are at it

STORM = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
DEAF = STUBBORN + "\nwhile True:\n    pass"
IN_C = "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')"
BAD = {"storm": STORM, "deaf": DEAF, "stuck in C": IN_C}
STORMY = 50
"""processes; without a storm there are two dozens"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_run_that_is_interrupted_ends_whatever_is_going_on(
    grader: Grader, tmp_path: Path, sent: signal.Signals
):
    before = Path("/proc/self/mountinfo").read_text()
    # Each ends after some seconds; several of a kind, so that there is one whenever the signal comes.
    bad = {f"{n} {kind}": data(cell(f"{n}\n{source}")) for n in range(4) for kind, source in BAD.items()}
    folder = hand_in(tmp_path / "in", {"0": b"", **bad})
    words = grader.words(folder, tmp_path / "out", "--json", "--jobs", "3")
    with grader.started(words) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        _at_work(process.pid)
        process.send_signal(sent)
        try:
            _, told = process.communicate(timeout=HANGS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert "interrupted" in told
    assert grader.living() == []
    assert grader.left_behind() == []
    assert Path("/proc/self/mountinfo").read_text() == before


def _at_work(top: int) -> None:
    """Wait until there is a storm of processes in one of the jails; a busy machine starts slowly."""
    seen = 0
    for _ in _patiently():
        seen = len(psutil.Process(top).children(recursive=True))
        if seen > STORMY:
            return
    pytest.fail(f"only {seen} processes, and no storm")


def _patiently() -> Iterator[None]:
    waiting = threading.Event()
    for _ in range(4_000):
        yield
        waiting.wait(0.05)


def _points(result: Result) -> float:
    return sum(exercise.points for exercise in result.exercises)


def test_there_are_harms_of_every_kind():
    kinds = {harm.kind for harm in HARMS}
    assert kinds == {"parse", "text", "lie", "memory", "process", "file", "traffic", "name"}
    assert sum(harm.quick for harm in HARMS) <= 26
    assert len({harm.who for harm in HARMS}) == len(HARMS)
