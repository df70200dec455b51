"""The solution notebook of a lab, read once, and its given cells, run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.utils.checks.authored import Authored, Player
from utils import kit as kits

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def authored() -> Authored:
    """The solution notebook of lab 1."""
    return Authored.read(ROOT / "solutions" / "01_persistence.ipynb")


@pytest.fixture
def player(authored: Authored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    """The notebook's given cells, run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kits, "ENV_FILE", tmp_path / "none")
    loop = asyncio.new_event_loop()
    player = Player({"display": lambda *_: None}, loop)
    try:
        for source in (*authored.given, authored.imports):
            player.cell(source)
        yield player
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        if kits._Current.kit is not None:
            kits._Current.kit.close()
            kits._Current.kit = None
