"""The shell that runs a notebook's cells."""

from __future__ import annotations

import sys

import pytest

from utils.shell import shell


def test_a_script_does_not_pay_for_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert shell() is None
