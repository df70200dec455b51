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

import pytest


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
