"""What holds for every test: no network, no keys, no traces of the person who runs it."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from utils.modes import RECORDED

# jsonschema, which nbformat imports, builds a parser of web addresses where it finds this package. That takes
# two seconds of every process, for a format that no test checks; without the package it does without.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

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
    "LIVE_",
    "LLM_",
    "MAKE",  # a make above this one hands its options on to those that tests start
    "MFLAGS",
    "OPENAI_",
    "REPLAY_",
    "TAVILY_",
)
_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_HERE = ("localhost", "ip6-localhost", "::1", "")
_REAL_HOME = Path.home()


# What has the machine to itself: see make/tests.py.
_ALONE = "jail"
# What takes longest begins first, so that no worker is left alone with it at the end.
_FIRST = ("browser", "kernel")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        choices=("beside", "alone"),
        help=f"only tests that may run beside others, or only those that may not ({_ALONE})",
    )
    parser.addoption("--nightly", action="store_true", help="also the tests that are marked nightly")
    parser.addoption(
        "--never-import",
        default="",
        metavar="PACKAGES",
        help="packages, with commas between them, that no test of this run may import",
    )


def pytest_configure(config: pytest.Config) -> None:
    for name in filter(None, config.getoption("never_import").split(",")):
        sys.modules[name] = None  # type: ignore[assignment]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part, nightly = config.getoption("part"), config.getoption("nightly")
    chosen, others = [], []
    for item in items:
        alone = item.get_closest_marker(_ALONE) is not None
        here = part is None or alone == (part == "alone")
        now = nightly or item.get_closest_marker("nightly") is None
        (chosen if here and now else others).append(item)
    config.hook.pytest_deselected(items=others)
    if hasattr(config, "workerinput"):
        chosen.sort(key=_turn)
    items[:] = chosen


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, name in enumerate(_FIRST) if item.get_closest_marker(name)), len(_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadfile``, give a worker whole files, and all files of a folder that is a package.

    What tests share is made once then. Not by xdist's marks for groups, which pytest 9.2 does not let it see.
    """
    from xdist.scheduler import LoadFileScheduling

    class Units(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = Path(super()._split_scope(nodeid))
            package = (config.rootpath / file.parent / "__init__.py").exists()
            return str(file.parent if package else file)

    return Units(config, log) if config.getoption("dist") == "loadfile" else None


class NetworkUsed(AssertionError):
    """A test tried to reach something beyond this machine."""


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder without anybody's settings; all tests share it."""
    return tmp_path_factory.mktemp("home")


@contextmanager
def same_surroundings(home: Path | None) -> Iterator[None]:
    """No keys, no settings, no colours, one time zone and one language; child processes inherit it all.

    Without a home folder, that of the person who runs the tests stays, and so does the way to the network.
    Each test has these by itself; a fixture that several tests share is made before and has to ask for them.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper().startswith(_PRIVATE):
                patch.delenv(name)
        # A developer's own .env must not send tests to a real model: what is set already stays.
        for name, value in {**RECORDED, "NO_COLOR": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}.items():
            patch.setenv(name, value)
        if home is not None:
            _move_to(home, patch)
        _read_time_zone()
        yield
    _read_time_zone()


def _move_to(home: Path, patch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        patch.delenv(name, raising=False)
        patch.delenv(name.lower(), raising=False)
    # Browsers are installed once per person, below the real home.
    browsers = _REAL_HOME / ".cache" / "ms-playwright"
    if browsers.is_dir() and "PLAYWRIGHT_BROWSERS_PATH" not in os.environ:
        patch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(browsers))
    for name in ("HOME", "USERPROFILE"):
        patch.setenv(name, str(home))
    for name in list(os.environ):
        if name.startswith(("XDG_", "JUPYTER_", "IPYTHON")):
            patch.delenv(name)


def _read_time_zone() -> None:
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture(autouse=True)
def _same_surroundings_everywhere(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> Iterator[None]:
    with same_surroundings(None if request.node.get_closest_marker("install") else empty_home):
        yield
        # What the test itself has changed goes first: these fixtures end after this one.
        monkeypatch.undo()


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
