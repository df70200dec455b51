"""Every test here that takes a way runs on all protocols."""

from __future__ import annotations

import pytest

from tests.utils.replay.wires.ways import WAYS, Way


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found
