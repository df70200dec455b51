from __future__ import annotations

import pytest

from utils.errors import SetupError
from utils.replay.conversation import Timing
from utils.replay.pacing import OFF, VARIABLE, Pace, pace_from_environment


def test_a_pace_knows_the_first_piece_and_the_gap() -> None:
    assert Pace().of(None) == (0.4, 0.02)
    assert Pace(factor=0.5).of(Timing(first=1.0, token=0.1)) == (0.5, 0.05)
    assert Pace().of(Timing(first=1.0)) == (1.0, 0.02)
    assert OFF.of(Timing(first=1.0, token=0.1)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("value", "pace"),
    [
        ("", Pace()),
        ("on", Pace()),
        (" OFF ", OFF),
        ("0.5", Pace(factor=0.5)),
        ("0", OFF),
        ("100", Pace(factor=100)),
    ],
)
def test_the_environment_says_how_fast(monkeypatch: pytest.MonkeyPatch, value: str, pace: Pace) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert pace_from_environment() == pace


def test_without_a_word_the_default_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    assert pace_from_environment(OFF) is OFF


@pytest.mark.parametrize("value", ["fast", "-1", "101", "nan", "inf", "1e999", "½"])
def test_anything_else_is_no_pace(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SetupError, match="is not a pace") as caught:
        pace_from_environment()
    assert "set REPLAY_PACE to on, off, or a factor" in caught.value.hint
