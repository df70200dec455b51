"""A recorded model for all tests, and labs on namespaces that a test writes itself.

What the fixtures need is imported by those that are asked for: half of the tests here, those of `make quick`
among them, need no LangGraph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from utils.lab.lab import Lab
    from utils.notebook.inprocess import InProcess
    from utils.notebook.kit import Kit
    from utils.replay.server import ReplayServer

MakeLab = Callable[..., "Lab"]


@pytest.fixture(scope="session")
def recorded_server() -> Iterator[ReplayServer]:
    """A server of recorded models that all tests share, each with sessions of its own."""
    from utils.replay.server import ReplayServer

    server = ReplayServer().start()
    yield server
    server.close()


@pytest.fixture
def make_transport() -> Iterator[Callable[..., InProcess]]:
    """Makes transports to a namespace and ends their threads."""
    from utils.checks.parts import load_parts
    from utils.notebook.inprocess import InProcess

    every = load_parts()
    made: list[InProcess] = []

    def make(
        namespace: Mapping[str, Any], parts: Mapping[str, Any] = every, *, seconds: float = 15.0
    ) -> InProcess:
        made.append(InProcess(namespace, parts, seconds=seconds))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def make_lab(
    recorded_server: ReplayServer, make_transport: Callable[..., InProcess], tmp_path: Path
) -> MakeLab:
    """Makes a lab on a namespace, as a notebook's self-check has it."""
    from utils.checks.parts import load_parts
    from utils.lab.lab import Lab
    from utils.notebook.surroundings import NotebookSurroundings

    every = load_parts()

    def make(namespace: Mapping[str, Any], parts: Mapping[str, Any] = every, *, seconds: float = 15.0) -> Lab:
        transport = make_transport(namespace, parts, seconds=seconds)
        return Lab(transport, NotebookSurroundings(recorded_server, tmp_path / "checks"))

    return make


@pytest.fixture
def setup_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Kit]]:
    """``setup()`` in an empty folder, far from any .env; its kit is closed afterwards."""
    from utils.notebook import kit as kits

    folder = tmp_path / "course" / "labs"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(kits, "ENV_FILE", tmp_path / "nowhere" / ".env")
    monkeypatch.delenv("LLM_MODE")
    monkeypatch.setattr(kits._Current, "kit", None)

    def run(lab: str = "01_persistence", **options: Any) -> Kit:
        return kits.setup(lab, **options)

    yield run
    if kits._Current.kit is not None:
        kits._Current.kit.close()
