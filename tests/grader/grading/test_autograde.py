"""Gradescope's archive, unpacked and run as its container does it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import cli
from grader.errors import UsageError
from grader.grading.autograde import NOTHING, autograde
from grader.release.autograder import autograder
from grader.release.course import Course
from tests.grader.grading.running import ROOT, SECRET, lean_right
from tests.grader.submissions.files import LAB


@pytest.fixture(scope="module")
def archive() -> bytes:
    return autograder(Course(ROOT), LAB, SECRET)


@pytest.fixture(scope="module")
def unjailed() -> bytes:
    return autograder(Course(ROOT), LAB, SECRET, sandbox=False)


def container(folder: Path, archive: bytes, **files: bytes) -> Path:
    """What the service lays out; its Python is ours, because `setup.sh` would install one."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        packed.extractall(folder / "source")
        for info in packed.infolist():
            (folder / "source" / info.filename).chmod(info.external_attr >> 16)
    (folder / "source" / ".venv").symlink_to(sys.prefix)
    (folder / "results").mkdir()
    (folder / "submission").mkdir()
    for name, data in files.items():
        (folder / "submission" / name).write_bytes(data)
    users = [{"email": "ada@example.org", "id": 1, "name": "Ada Okafor"}]
    (folder / "submission_metadata.json").write_text(json.dumps({"users": users}))
    return folder


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    # Only its own source is imported, wherever these tests run.
    environment = {**os.environ, "AUTOGRADER": str(folder), "PYTHONPATH": str(folder / "source")}
    script = folder / "source" / "run_autograder"
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_the_same_course_gives_the_same_bytes_and_no_solution(archive: bytes) -> None:
    assert autograder(Course(ROOT), LAB, SECRET) == archive
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        names = packed.namelist()
        assert {"setup.sh", "run_autograder", f"labs/{LAB}.ipynb", "requirements.lock"} <= set(names)
        assert names == sorted(names)
        assert [name for name in names if name.startswith("solutions/")] == [f"solutions/{LAB}.ipynb"]
        assert json.loads(packed.read(f"solutions/{LAB}.ipynb"))["cells"] == []
        assert packed.read(".course-secret") == SECRET
        assert not [name for name in names if name.startswith(("tests/", "samples/"))]


def test_without_a_sandbox_the_course_s_secret_stays_here(unjailed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(unjailed)) as packed:
        assert all(SECRET not in packed.read(name) for name in packed.namelist())
        assert len(packed.read(".course-secret")) == len(SECRET)
        assert b"--no-sandbox" in packed.read("run_autograder")


def test_both_scripts_are_valid_shell(archive: bytes, tmp_path: Path) -> None:
    folder = container(tmp_path, archive)
    for name in ("setup.sh", "run_autograder"):
        done = subprocess.run(
            ["bash", "-n", folder / "source" / name], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_lab_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no lab '09_x'"):
        autograder(Course(ROOT), "09_x", SECRET)


def test_the_command_writes_the_archive(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    words = ["autograder", "--lab", LAB, "--to", str(tmp_path / "a.zip"), "--secret", str(secret)]
    done = CliRunner().invoke(cli.app, [*words, "--root", str(ROOT), "--no-sandbox"])
    assert done.exit_code == 0, done.output
    assert "NO SANDBOX" in done.stderr
    assert zipfile.is_zipfile(tmp_path / "a.zip")


@pytest.mark.jail
def test_a_right_submission_gets_its_points_in_a_jail(archive: bytes, tmp_path: Path) -> None:
    folder = container(tmp_path, archive, **{f"{LAB}.ipynb": lean_right()})
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((folder / "results" / "results.json").read_text())
    assert document["score"] == sum(test["max_score"] for test in document["tests"]) == 20
    assert document["visibility"] == "visible"
    assert "unsandboxed" not in document["output"]
    assert "graded for ada@example.org" in done.stdout


def test_what_is_no_notebook_is_told_at_once(archive: bytes, tmp_path: Path) -> None:
    folder = container(tmp_path, archive, **{f"{LAB}.ipynb": b"%PDF-1.4"})
    assert autograde(folder, LAB, sandbox=False, say=print, note=print) == 0
    document = json.loads((folder / "results" / "results.json").read_text())
    assert document["score"] == 0
    assert document["output"].startswith("This is a PDF. Download the notebook itself")


def test_without_a_notebook_the_student_reads_what_to_hand_in(archive: bytes, tmp_path: Path) -> None:
    folder = container(tmp_path, archive, **{"notes.txt": b"later"})
    assert autograde(folder, LAB, sandbox=False, say=print, note=print) == 0
    document = json.loads((folder / "results" / "results.json").read_text())
    assert (document["score"], document["output"]) == (0, NOTHING.format(lab=LAB))


def test_where_jails_are_not_there_nothing_is_run_and_an_old_result_does_not_stay(
    archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = container(tmp_path, archive, **{f"{LAB}.ipynb": lean_right()})
    (folder / "results" / "results.json").write_text("of an earlier run")
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    assert autograde(folder, LAB, sandbox=True, say=said.append, note=said.append) == 1
    assert not (folder / "results" / "results.json").exists()
    assert "bubblewrap is not installed" in said[0]
    assert said[-1].endswith("Nothing was run outside of a jail.")


def test_a_submission_that_is_not_laid_out_is_an_error(archive: bytes, tmp_path: Path) -> None:
    folder = container(tmp_path, archive)
    (folder / "submission").rmdir()
    (folder / "submission_metadata.json").write_text("{")
    said: list[str] = []
    assert autograde(folder, LAB, sandbox=False, say=said.append, note=said.append) == 1
    assert "the submission cannot be read" in said[0]


@pytest.mark.nightly
def test_a_right_submission_gets_its_points_without_a_jail_and_is_stamped(
    unjailed: bytes, tmp_path: Path
) -> None:
    folder = container(tmp_path, unjailed, **{f"{LAB}.ipynb": lean_right()})
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((folder / "results" / "results.json").read_text())
    assert document["score"] == 20
    assert document["output"].endswith("unsandboxed")
