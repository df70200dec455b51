"""The same submission gets the same questions; without the secret nobody can know them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.grading.secret import SECRET_BYTES, course_secret, rng_for

ROOT = Path(__file__).resolve().parents[3]


def values(secret: bytes, submission: bytes, lab: str) -> list[float]:
    rng = rng_for(secret, submission, lab)
    return [rng.random() for _ in range(4)]


def test_the_values_depend_on_secret_submission_and_lab_and_nothing_else():
    made = [
        values(secret, submission, lab)
        for secret in (b"s" * 32, b"t" * 32)
        for submission in (b"one", b"two")
        for lab in ("01_persistence", "02_streaming")
    ]
    assert len({tuple(found) for found in made}) == 8
    assert values(b"s" * 32, b"one", "01_persistence") == made[0]


def test_another_process_gets_the_same_values():
    program = (
        "from grader.grading.secret import rng_for\n"
        "print(rng_for(b's' * 32, b'one', '01_persistence').random())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == values(b"s" * 32, b"one", "01_persistence")[0]


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path):
    path = tmp_path / "new" / "secret"
    made = course_secret(path)
    assert len(made) == SECRET_BYTES
    assert course_secret(path) == made
    assert [found.name for found in path.parent.iterdir()] == ["secret"]
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


def test_two_courses_have_different_secrets(tmp_path: Path):
    assert course_secret(tmp_path / "a") != course_secret(tmp_path / "b")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path):
    path = tmp_path / "secret"
    course_secret(path)
    path.chmod(0o644)
    with pytest.raises(GraderError, match="can be read by others"):
        course_secret(path)


def test_a_damaged_secret_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(GraderError, match="has 5 bytes, not 32"):
        course_secret(path)
    assert path.read_bytes() == b"short"


def test_a_secret_without_a_place_gets_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GraderError, match="cannot be used"):
        course_secret(tmp_path / "file" / "secret")
