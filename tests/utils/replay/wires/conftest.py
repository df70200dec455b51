"""Every test here that takes a way runs on all protocols."""

from __future__ import annotations

import pytest

from tests.utils.replay.wires.ways import CHECKS, WAYS, Way


@pytest.fixture(params=(*WAYS, CHECKS), ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found
