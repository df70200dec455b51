"""The guards around all tests do what they say."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import pytest_collection_modifyitems, pytest_configure, same_surroundings


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1"])
def test_nothing_beyond_this_machine_can_be_reached(host: str) -> None:
    with pytest.raises(AssertionError, match=r"a test (looked up|connected to)"):
        socket.create_connection((host, 80), timeout=1)
    with pytest.raises(AssertionError, match=r"a test (looked up|connected to)"):
        urllib.request.urlopen(f"http://[{host}]/" if ":" in host else f"http://{host}/", timeout=1)


def test_asyncio_is_guarded_as_well() -> None:
    with pytest.raises(AssertionError, match="a test looked up"):
        asyncio.run(asyncio.open_connection("example.com", 80))


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()


def test_no_key_and_no_setting_is_left_and_children_inherit_that(empty_home: Path) -> None:
    code = "import os; print(os.path.expanduser('~'), sorted(k for k in os.environ if 'API_KEY' in k))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == f"{empty_home} []"
    assert {
        name: os.environ[name] for name in os.environ if name.startswith(("LLM_", "REPLAY_", "KIT_"))
    } == {
        "LLM_MODE": "replay",
        "REPLAY_PACE": "off",
    }
    assert time.tzname[0] == "UTC"


def test_what_tests_share_can_have_the_same_surroundings(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("HOME", "/mine")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with same_surroundings(empty_home):
        assert ("OPENAI_API_KEY" in os.environ, os.environ["HOME"]) == (False, str(empty_home))
        assert time.tzname[0] == "UTC"
    assert (os.environ["OPENAI_API_KEY"], os.environ["HOME"]) == ("secret", "/mine")


# Which tests a run has


KINDS = ("", "kernel", "browser", "jail", "nightly", "jail nightly")


@pytest.mark.parametrize(
    ("part", "nightly", "expected"),
    [
        (None, False, ["", "kernel", "browser", "jail"]),
        (None, True, [*KINDS]),
        ("beside", False, ["", "kernel", "browser"]),
        ("beside", True, ["", "kernel", "browser", "nightly"]),
        ("alone", False, ["jail"]),
        ("alone", True, ["jail", "jail nightly"]),
    ],
)
def test_each_test_is_in_one_part_and_nightly_ones_wait_for_the_night(
    part: str | None, nightly: bool, expected: list[str]
) -> None:
    assert chosen(part=part, nightly=nightly) == expected


def test_what_takes_longest_is_given_to_the_workers_first() -> None:
    assert chosen(part="beside", nightly=False, workerinput={}) == ["browser", "kernel", ""]


def test_what_a_run_may_not_import_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("this", "antigravity"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    pytest_configure(SimpleNamespace(getoption=lambda option: "this,antigravity"))  # type: ignore[arg-type]
    with pytest.raises(ModuleNotFoundError, match="this"):
        import this  # noqa: F401


def chosen(*, part: str | None, nightly: bool, **more: object) -> list[str]:
    """The kinds of tests that are left."""
    items = [
        SimpleNamespace(kind=kind, get_closest_marker=lambda name, kind=kind: name in kind.split() or None)
        for kind in KINDS
    ]
    options = {"part": part, "nightly": nightly}
    hook = SimpleNamespace(pytest_deselected=lambda items: None)
    pytest_collection_modifyitems(SimpleNamespace(getoption=options.get, hook=hook, **more), items)  # type: ignore[arg-type]
    return [item.kind for item in items]
