"""Where there is no browser, or no JupyterLab, that is said and not passed over."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.browser import chromium
from tests.browser.server import _address, _environment


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [("true", pytest.fail.Exception), ("", pytest.skip.Exception)],
    ids=["in CI it fails", "elsewhere it is skipped"],
)
def test_without_a_browser_the_line_to_run_is_told(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(outcome, match="apt-get install chromium"):
        chromium.needed()


def test_a_jupyterlab_that_ends_at_once_says_why() -> None:
    with pytest.raises(AssertionError, match="no such option"):
        _address(io.StringIO("no such option\n"), [])


def test_the_server_gets_no_key_and_no_folder_of_whoever_runs_the_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    given = _environment(tmp_path, tmp_path / "home")
    assert "secret" not in given.values()
    assert given["HOME"] == str(tmp_path / "home")
    assert given["LLM_MODE"] == "replay"
