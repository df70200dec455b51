"""The repository itself, for tests that look at the real labs."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.release.course import Course


@pytest.fixture
def repository() -> Path:
    """Where this repository is."""
    return Path(__file__).resolve().parents[3]


@pytest.fixture
def real_course(repository: Path) -> Course:
    """The course of this repository."""
    return Course(repository)
