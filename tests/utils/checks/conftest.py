"""Labs whose models are one provider's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from utils.lab.lab import Lab
from utils.notebook.surroundings import NotebookSurroundings
from utils.replay.server import ReplayServer

MakeLabOf = Callable[[Mapping[str, Any], str], Lab]


@pytest.fixture
def make_lab_of(
    recorded_server: ReplayServer, make_transport: Callable[..., Any], tmp_path: Path
) -> MakeLabOf:
    """Makes a lab whose models are one provider's."""

    def make(namespace: Mapping[str, Any], provider: str) -> Lab:
        surroundings = NotebookSurroundings(recorded_server, tmp_path / "checks")
        return Lab(make_transport(namespace), surroundings, provider)

    return make
