"""Grade the bundled samples into `build/grades`; more words go on to `python -m grader grade`.

Where there is no bubblewrap the samples run without a sandbox, as the person who started this: those that do
harm are left out then, and both is said. A sample that cannot be graded is what it is there for, no error.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

from make.samples import HANDED_IN, LAB, ROOT, SAMPLES, SAMPLES_OF_THE_CLASS
from make.tools import jail_works

BUILD = ROOT / "build"
GRADES = BUILD / "grades"
HARMLESS = BUILD / "harmless-samples"
SECRET = BUILD / ".course-secret"  # not the course's own, on which real grades depend
SOME_NOT_GRADED = 1


def main(words: list[str]) -> int:
    """Grade, print what the grader prints, and end with where to look; the exit code."""
    sandboxed = shutil.which("bwrap") is not None and jail_works()
    handed_in, roster = HANDED_IN, SAMPLES / "roster.csv"
    if not sandboxed:
        hostile = sorted(sample.student for sample in SAMPLES_OF_THE_CLASS if sample.hostile)
        print(
            "There is no bubblewrap here that works, so the samples run WITHOUT A SANDBOX.\n"
            f"Left out, because they do harm: {', '.join(hostile)}.\n"
            "With bubblewrap all are graded: apt install bubblewrap\n",
            flush=True,
        )
        handed_in, roster = without(hostile)
    code = subprocess.run(command(handed_in, roster, words, sandboxed=sandboxed), check=False).returncode
    if code not in (0, SOME_NOT_GRADED):
        return code
    where = GRADES.relative_to(ROOT)
    print(f"\nLook at {where}/report.html for the class, at {where}/feedback/ for what each student reads.")
    return 0


def command(handed_in: Path, roster: Path, words: list[str], *, sandboxed: bool) -> list[str]:
    """Return the command that grades."""
    options = {"--out": GRADES, "--roster": roster, "--lab": LAB, "--secret": SECRET, "--root": ROOT}
    named = [str(part) for option in options.items() for part in option]
    more = [] if sandboxed else ["--no-sandbox"]
    return [sys.executable, "-m", "grader", "grade", str(handed_in), *named, *more, *words]


def without(students: list[str]) -> tuple[Path, Path]:
    """Return a copy of the samples and of the roster in which these students are not."""
    shutil.rmtree(HARMLESS, ignore_errors=True)
    shutil.copytree(HANDED_IN, HARMLESS / HANDED_IN.name, ignore=lambda _, names: {*students} & {*names})
    roster = HARMLESS / "roster.csv"
    with (SAMPLES / roster.name).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row[0] not in students]
    with roster.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return HARMLESS / HANDED_IN.name, roster


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
