"""The grader as a command of its own: started, watched, ended from outside, and what it leaves behind."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.results.files import _DRAFT
from grader.submissions import safe_name
from tests.grader.submissions.files import GOOD, LAB, cell, data

ROOT = Path(__file__).resolve().parents[3]
CODE = ("grader", "labs", "solutions", "utils", "requirements.lock")
SECRET = bytes(range(32))
GONE_SECONDS = 10.0
"""for processes that were killed, on a machine that is busy"""


def course(folder: Path) -> Path:
    """A copy of all that grading depends on, so that nobody's editor changes it between two runs."""
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    (folder / "secret").write_bytes(SECRET)
    (folder / "secret").chmod(0o600)
    return folder


def lean_right() -> bytes:
    """The solution without demonstrations and texts, which cost time and earn nothing."""
    notebook = json.loads((ROOT / "solutions" / f"{LAB}.ipynb").read_text("utf-8"))
    kept = [
        cell
        for cell in notebook["cells"]
        if cell["id"] in ("parameters", "setup", "imports") or cell["id"].startswith("ex-")
    ]
    return json.dumps({**notebook, "cells": kept}).encode()


def tiny(number: int) -> bytes:
    """A notebook with one cell, which nobody else has."""
    return data(cell(f"x = {number}"))


def hand_in(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write what each student hands in, and return the folder."""
    for student, content in files.items():
        (folder / student).mkdir(parents=True, exist_ok=True)
        (folder / student / f"{LAB}.ipynb").write_bytes(content)
    return folder


def small_class(*, right: int = 1, small: int = 2, broken: int = 9) -> dict[str, bytes]:
    """Few that cost something to grade, spread among those that do not."""
    costly = [lean_right() + b" " * number for number in range(right)] + [tiny(n) for n in range(small)]
    cheap = [GOOD[: 20 + number] for number in range(broken)]
    every = [(number / len(some), content) for some in (costly, cheap) for number, content in enumerate(some)]
    return {
        f"student {n:02}": content for n, (_, content) in enumerate(sorted(every, key=lambda one: one[0]))
    }


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str
    jailed: int = 0
    """processes of its jails that were seen when it was sent a signal"""

    @property
    def results(self) -> list[dict[str, Any]]:
        """What ``--json`` said."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Grader:
    """The command, with a course and a folder for its temporary files."""

    course: Path
    temporary: Path

    def __call__(self, *words: str | Path, **environment: str) -> Done:
        """Run it to its end."""
        with self.started(words, environment) as process:
            out, err = process.communicate()
        return Done(process.returncode, out, err)

    def grade(self, submissions: Path, out: Path, *more: str | Path, **environment: str) -> Done:
        """Grade to the end."""
        return self(*self.words(submissions, out, *more), **environment)

    def words(self, submissions: Path, out: Path, *more: str | Path) -> list[str | Path]:
        # Minutes, because this machine may be busy and nothing here is about limits.
        usual = ("--secret", self.course / "secret", "--timeout", "120", "--lab", LAB)
        return ["grade", submissions, "--out", out, *usual, *more]

    def started(
        self, words: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        self.temporary.mkdir(exist_ok=True)
        return subprocess.Popen(
            # What runs in the background of a shell has SIGINT ignored, and so would the grader.
            [
                str(shutil.which("env")),
                "--default-signal=INT",
                sys.executable,
                "-m",
                "grader",
                *map(str, words),
            ],
            cwd=self.course,
            env={**os.environ, "TMPDIR": str(self.temporary), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stopped(
        self, words: Sequence[str | Path], signal_: signal.Signals, lines: int, seconds: float = 0.0
    ) -> Done:
        """Run it until it has said so many lines, and so many seconds more; then send it a signal."""
        # Of stderr, which nobody reads meanwhile, there is less than a pipe holds.
        with self.started(words) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(lines)]
            ended = os.pidfd_open(process.pid)
            try:
                waiting = select.poll()
                waiting.register(ended, select.POLLIN)
                waiting.poll(seconds * 1000)
            finally:
                os.close(ended)
            jailed = len(self._processes())
            process.send_signal(signal_)
            rest, told = process.communicate()
        return Done(process.returncode, "".join(said) + rest, told, jailed)

    def living(self) -> list[str]:
        """Processes of the jails that it made, after those that were killed had time to go."""
        deadline = time.monotonic() + GONE_SECONDS
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(process)
                try:
                    waiting = select.poll()
                    waiting.register(handle, select.POLLIN)
                    waiting.poll(max(0.0, deadline - time.monotonic()) * 1000)
                finally:
                    os.close(handle)
        return [_name(process) for process in self._processes()]

    def _processes(self) -> list[int]:
        """Whoever sees our stage mounted, or was called with its path: others may grade here as well."""
        mark = str(self.temporary).encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                called = mark in (process / "cmdline").read_bytes()
                if called or mark in (process / "mountinfo").read_bytes():
                    found.append(int(process.name))
        return found

    def left_behind(self) -> list[str]:
        """Names of temporary files and folders that are still there."""
        return sorted(path.name for path in self.temporary.iterdir())


def _name(process: int) -> str:
    try:
        return f"{process} {Path(f'/proc/{process}/cmdline').read_bytes()[-80:]!r}"
    except OSError:
        return f"{process} (gone)"


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder, without the drafts that a killed run leaves and `tidy` takes away later."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not _DRAFT.fullmatch(path.name)
    }


def result_file(out: Path, student: str) -> Path:
    return out / "results" / safe_name(student) / f"{LAB}.json"


def gradebook(out: Path) -> list[dict[str, str]]:
    """The table as a program reads it."""
    return list(csv.DictReader(io.StringIO((out / "gradebook.csv").read_text("utf-8"))))
