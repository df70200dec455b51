"""A run over a class that is killed ten times and taken up again, beside one that nobody disturbs.

    .venv/bin/python benchmarks/resume.py                     60 submissions, ten kills, some minutes
    .venv/bin/python benchmarks/resume.py --class 12 --kills 3

The grader gets SIGKILL at moments that come from a seed: after so many results of its own, and up to
1.5 seconds more. Said at the end: whether every file is byte for byte that of the undisturbed run, whether a
process of a jail is left, what lies in /tmp, and how long ten unchanged submissions take.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grader.results import store  # noqa: E402
from tests.grader.grading.running import Grader, contents, course, hand_in, small_class  # noqa: E402

UNCHANGED = 10
REPEATS = 5


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--class", dest="size", type=int, default=60)
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--seed", type=int, default=2026)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="resume-") as name:
        return measure(Path(name), given.size, given.kills, random.Random(given.seed))


def measure(folder: Path, size: int, kills: int, rng: random.Random) -> int:
    (folder / "course").mkdir()
    grader = Grader(course(folder / "course"), folder / "tmp")
    files = small_class(right=size // 6, small=size // 3, broken=size - size // 6 - size // 3)
    handed_in = hand_in(folder / "submissions", files)
    began = time.monotonic()
    words = grader.words(handed_in, folder / "undisturbed", "--json")
    done = grader(*words)
    print(f"undisturbed: {len(done.results)} results in {time.monotonic() - began:.0f} s, code {done.code}")
    words = grader.words(handed_in, folder / "killed", "--json")
    left = 0
    for number in range(1, kills + 1):
        had = stored(folder / "killed")
        wanted = rng.randint(0, max(1, size // kills - 2))  # so that the last kill comes before the end
        done = grader.stopped(words, signal.SIGKILL, min(had + wanted, size), rng.uniform(0, 1.5))
        living = grader.living()
        left += len(living)
        print(
            f"kill {number}: code {done.code}, {had} results before, {stored(folder / 'killed')} after, "
            f"{done.jailed} processes in jails, {len(living)} left {' '.join(living)}"
        )
    done = grader(*words)
    students = [one["student"] for one in done.results]
    same = contents(folder / "killed") == contents(folder / "undisturbed")
    once = sorted(students) == sorted(files)
    drafts = sum(1 for path in (folder / "killed").rglob(".*.draft"))
    print(f"taken up to the end: code {done.code}, every student once: {once}, same bytes: {same}")
    print(f"left: {left + len(grader.living())} processes, {drafts} drafts, in /tmp: {grader.left_behind()}")
    print(f"{UNCHANGED} unchanged again: {unchanged(grader, folder, sorted(files)[:UNCHANGED]):.2f} s")
    return 0 if same and once and not left else 1


def stored(out: Path) -> int:
    return len(store.read_all(out).results) if out.exists() else 0


def unchanged(grader: Grader, folder: Path, students: list[str]) -> float:
    """Seconds of the whole command, the quickest of a few."""
    for student in students:
        shutil.copytree(folder / "submissions" / student, folder / "ten" / student)
    times = []
    for _ in range(REPEATS):
        began = time.monotonic()
        done = grader.grade(folder / "ten", folder / "undisturbed")
        times.append(time.monotonic() - began)
        if f"{len(students)} unchanged" not in done.err:
            print(done.err)
            return float("nan")
    return min(times)


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    sys.exit(main())
