"""The whole class, judged once for all tests that look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.grader.attacks import accidents, table
from tests.grader.attacks.classroom import Classroom, Host, Outcome


@pytest.fixture(scope="session")
def judged_class(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mapping[str, Outcome], Host]:
    """What came of every attack and every accident, and what they left on this machine."""
    if shutil.which("bwrap") is None:
        why = "bubblewrap is not installed: apt install bubblewrap"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    folder: Path = tmp_path_factory.mktemp("class")
    classroom = Classroom(folder)
    outcomes = classroom.judge({**table.notebooks(), **accidents.notebooks()})
    assert classroom.host is not None
    return outcomes, classroom.host


@pytest.fixture(scope="session")
def outcomes(judged_class: tuple[Mapping[str, Outcome], Host]) -> Mapping[str, Outcome]:
    return judged_class[0]


@pytest.fixture(scope="session")
def host(judged_class: tuple[Mapping[str, Outcome], Host]) -> Host:
    return judged_class[1]
