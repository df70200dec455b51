"""The solution notebook of a lab, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.utils.checks.authored import Authored

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def authored() -> Authored:
    """The solution notebook of lab 1."""
    return Authored.read(ROOT / "solutions" / "01_persistence.ipynb")
