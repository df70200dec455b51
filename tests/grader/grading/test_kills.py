"""Whatever is killed, at any moment: nobody is lost or doubled, and the bytes are those of a quiet run."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.results import store
from tests.grader.grading.running import Grader, contents, course, hand_in, lean_right, tiny
from tests.grader.submissions.files import GOOD

pytestmark = pytest.mark.jail

VICTIMS = ("judge", "jailed", "warm", "jailer", "supervisor")
SEED = 7
BETWEEN = 4
"""results between two kills: a submission that was disturbed twice would be told as what it looks like"""
MOMENT = 0.02
"""seconds until it is looked again for a process of a kind that is not there"""


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Grader:
    folder = tmp_path_factory.mktemp("grader")
    (folder / "course").mkdir()
    return Grader(course(folder / "course"), folder / "tmp")


def many(right: int, small: int, broken: int) -> dict[str, bytes]:
    files = [lean_right() + b" " * number for number in range(right)]
    files += [tiny(number) for number in range(small)] + [GOOD[: 20 + number] for number in range(broken)]
    random.Random(SEED).shuffle(files)
    return {f"student {number:03}": content for number, content in enumerate(files)}


def victims(top: int, kind: str) -> list[psutil.Process]:
    """Processes of a running grader that are of a kind."""
    supervisor = psutil.Process(top)
    if kind == "supervisor":
        return [supervisor]
    jailer = [one for one in supervisor.children() if "grader.sandbox.jailer" in " ".join(one.cmdline())]
    if kind == "jailer":
        return jailer
    if kind == "judge":
        return [one for one in supervisor.children() if one not in jailer]
    below = [process for one in jailer for process in one.children(recursive=True)]
    depths = {process.pid: _depth(process, top) for process in below}
    # Above it are the supervisor, the jailer, bubblewrap twice, and the process that bubblewrap starts.
    warm = 5
    return [
        one for one in below if (depths[one.pid] > warm) == (kind == "jailed") and depths[one.pid] >= warm
    ]


def _depth(process: psutil.Process, top: int) -> int:
    return [one.pid for one in process.parents()].index(top) + 1


class Harried:
    """A run in which things are killed, and which is begun again when it was the run itself."""

    def __init__(self, grader: Grader, words: list[str | Path], rng: random.Random) -> None:
        self.grader = grader
        self.words = words
        self.rng = rng
        self.killed: dict[str, int] = {}
        self.results: list[str] = []

    def run(self, kills: list[str]) -> subprocess.Popen[str]:
        """Kill these kinds one after the other, then let it come to its end."""
        process = self.grader.started(self.words)
        for kind in kills:
            for _ in range(BETWEEN + self.rng.randint(0, 3)):
                self._read(process)
            self._wait(process, self.rng.uniform(0, 0.6))
            while process.poll() is None and not self._kill(process, kind):
                self._wait(process, MOMENT)
            if kind == "supervisor":
                process.communicate()
                assert self.grader.living() == [], "nothing goes on when the supervisor is killed"
                self.results.clear()
                process = self.grader.started(self.words)
        while self._read(process):
            pass
        return process

    def _kill(self, process: subprocess.Popen[str], kind: str) -> bool:
        """Kill one process of a kind; False where there is none, as between two submissions."""
        with contextlib.suppress(psutil.Error, ValueError):
            if living := victims(process.pid, kind):
                self.rng.choice(living).kill()
                self.killed[kind] = self.killed.get(kind, 0) + 1
                return True
        return False

    def _read(self, process: subprocess.Popen[str]) -> bool:
        assert process.stdout is not None
        line = process.stdout.readline()
        if line:
            self.results.append(json.loads(line)["student"])
        return bool(line)

    def _wait(self, process: subprocess.Popen[str], seconds: float) -> None:
        with contextlib.suppress(ProcessLookupError):
            ended = os.pidfd_open(process.pid)
            select.select([ended], [], [], seconds)
            os.close(ended)


def counts(kinds: int) -> Iterator[str]:
    for number in range(kinds):
        yield VICTIMS[number % len(VICTIMS)]


@pytest.mark.parametrize(
    ("size", "kills"),
    [
        pytest.param((6, 14, 20), 5, id="a few"),
        pytest.param((20, 20, 60), 15, id="many", marks=pytest.mark.nightly),
    ],
)
def test_a_class_in_which_everything_is_killed_has_the_results_of_a_quiet_one(
    grader: Grader, tmp_path: Path, size: tuple[int, int, int], kills: int
):
    folder = hand_in(tmp_path / "submissions", many(*size))
    quiet = grader.grade(folder, tmp_path / "quiet")
    assert quiet.code == 1, quiet.err
    words = grader.words(folder, tmp_path / "out", "--json", "--jobs", "2")
    harried = Harried(grader, words, random.Random(SEED))
    process = harried.run(list(counts(kills)))
    _, err = process.communicate()
    assert process.returncode == 1, err
    assert harried.killed.keys() == set(VICTIMS), "each kind was there to be killed"
    assert harried.results == sorted(path.name for path in folder.iterdir()), err
    assert contents(tmp_path / "out") == contents(tmp_path / "quiet"), err
    assert store.read_all(tmp_path / "out").problems == ()
    assert grader.living() == []
    assert grader.left_behind() == []


def test_nothing_is_mounted_that_was_not_before(grader: Grader, tmp_path: Path):
    before = Path("/proc/self/mountinfo").read_text()
    folder = hand_in(tmp_path / "submissions", {"ada": tiny(1)})
    process = grader.started(grader.words(folder, tmp_path / "out", "--json"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert Path("/proc/self/mountinfo").read_text() == before
