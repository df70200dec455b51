"""The kit's parts and those of each lab are found by name."""

from __future__ import annotations

import pytest

from utils.checks.parts import load_parts
from utils.errors import KitError
from utils.lab.parts import PARTS


def test_a_lab_s_own_parts_are_found_in_its_folder() -> None:
    parts = load_parts()
    assert parts["waiting"].__module__ == "utils.checks.human_in_the_loop.parts"
    assert parts.keys() > PARTS.keys()


def test_two_parts_of_one_name_are_an_author_s_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    from utils.checks.streaming import parts as of_streaming

    monkeypatch.setattr(of_streaming, "PARTS", {"saver": print})
    with pytest.raises(KitError, match="'saver' exists already"):
        load_parts()
