"""What holds for every test: no network, no keys, no traces of the person who runs it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from utils.modes import RECORDED

# No test measures time: how long an example takes is the machine's affair.
hypothesis.settings.register_profile("kit", deadline=None)
hypothesis.settings.load_profile("kit")

_PRIVATE = (
    "ANTHROPIC_",
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "KIT_",
    "LANGCHAIN_",
    "LANGGRAPH_",
    "LANGSMITH_",
    "LLM_",
    "OPENAI_",
    "REPLAY_",
    "TAVILY_",
)
_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_HERE = ("localhost", "ip6-localhost", "::1", "")
_REAL_HOME = Path.home()


# What has the machine to itself: see make/tests.py.
_ALONE = ("jail", "browser")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        choices=("beside", "alone"),
        help=f"only tests that may run beside others, or only those that may not ({', '.join(_ALONE)})",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("part")
    if part is None:
        return
    chosen, others = [], []
    for item in items:
        alone = any(item.get_closest_marker(name) for name in _ALONE)
        (chosen if alone == (part == "alone") else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = chosen


class NetworkUsed(AssertionError):
    """A test tried to reach something beyond this machine."""


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder without anybody's settings; all tests share it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _same_surroundings_everywhere(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> Iterator[None]:
    """No keys, no settings, no colours, one time zone and one language; child processes inherit it all."""
    for name in list(os.environ):
        if name.upper().startswith(_PRIVATE):
            monkeypatch.delenv(name)
    # A developer's own .env must not send tests to a real model: what is set already stays.
    for name, value in RECORDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    if request.node.get_closest_marker("install") is None:
        for name in _PROXIES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        # Browsers are installed once per person, below the real home.
        browsers = _REAL_HOME / ".cache" / "ms-playwright"
        if browsers.is_dir() and "PLAYWRIGHT_BROWSERS_PATH" not in os.environ:
            monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(browsers))
        for name in ("HOME", "USERPROFILE"):
            monkeypatch.setenv(name, str(empty_home))
        for name in list(os.environ):
            if name.startswith(("XDG_", "JUPYTER_", "IPYTHON")):
                monkeypatch.delenv(name)
    if hasattr(time, "tzset"):
        time.tzset()
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection but to this machine itself."""
    if request.node.get_closest_marker("install") is not None:
        return
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    look_up = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_foreign(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_foreign(self, address)
        return connect_ex(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_here(host):
            msg = f"a test looked up {host!r}"
            raise NetworkUsed(msg)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


def _refuse_foreign(used: socket.socket, address: Any) -> None:
    if used.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
        msg = f"a test connected to {address[0]!r}"
        raise NetworkUsed(msg)


def _is_here(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return host is None or host in _HERE or str(host).startswith("127.")
