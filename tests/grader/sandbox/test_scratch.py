"""A grading run's folder goes with the run, and at the latest with the next one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from grader.sandbox.scratch import LOCK, PREFIX, scratch_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from grader.sandbox.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "something").write_text("left")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def folders(parent: Path) -> list[Path]:
    return sorted(parent.iterdir())


def test_a_folder_goes_with_its_run(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert folder.is_dir()
        assert list(folder.iterdir()) == []
    assert folders(tmp_path) == []


def test_two_runs_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as first, scratch_folder(tmp_path) as second:
        assert first != second
        assert first.is_dir()
    assert folders(tmp_path) == []


def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path.cwd(), check=False)
    (left,) = folders(tmp_path)
    with scratch_folder(tmp_path):
        assert left not in folders(tmp_path)
    assert folders(tmp_path) == []


def test_what_is_not_of_a_run_stays(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}of-a-person").mkdir()
    (tmp_path / f"{PREFIX}note").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / LOCK).touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    before = folders(tmp_path)
    with scratch_folder(tmp_path):
        pass
    assert folders(tmp_path) == before
