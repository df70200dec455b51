"""Every lab runs live: its solution asks a provider that a server on the loopback address plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.notebook_runs import SOLUTIONS, execute, texts
from tests.utils.replay.standin import StandIn
from utils.checks.registry import slug_of
from utils.providers import PROVIDERS
from utils.replay.fixtures import fixture_of, load_scenario
from utils.replay.server import ReplayServer

KEYS = {
    "OPENAI_API_KEY": "sk-marked-key-of-openai",
    "ANTHROPIC_API_KEY": "sk-ant-marked-key-of-anthropic",
    "AWS_ACCESS_KEY_ID": "AKIAMARKEDKEYOFAWS01",
    "AWS_SECRET_ACCESS_KEY": "marked-secret-key-of-aws",
    "TAVILY_API_KEY": "tvly-marked-key-of-tavily",
}
OFTEN = ("02_streaming", "openai")
"""the lab in which most depends on the line, and the provider that is the default"""


@pytest.fixture(scope="module")
def recorded_server() -> Iterator[ReplayServer]:
    running = ReplayServer().start()
    yield running
    running.close()


RUNS = [
    pytest.param(
        solution,
        name,
        id=f"{solution.stem}-{name}",
        marks=[pytest.mark.kernel, *([] if (solution.stem, name) == OFTEN else [pytest.mark.nightly])],
    )
    for solution in SOLUTIONS
    for name in PROVIDERS
]


@pytest.mark.parametrize(("solution", "name"), RUNS)
def test_a_solution_runs_live_to_its_end_and_its_notebook_holds_no_key(
    recorded_server: ReplayServer,
    solution: Path,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = PROVIDERS[name]
    there = recorded_server.open(load_scenario(fixture_of(slug_of(solution.stem)), free=True))
    settings = {
        **KEYS,
        "LLM_MODE": "live",
        "LLM_PROVIDER": name,
        "AWS_REGION": "us-east-1",
        provider.address: there.url + provider.path,
        "TAVILY_API_URL": f"{there.url}/tavily",
    }
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
    executed = execute(solution, tmp_path / solution.name)
    told = texts(executed)
    assert "check() grades on recorded answers, as ever." in told
    assert "20 of 20" in told
    assert len(there.traffic(settle=1).of()) > 3, "the provider was asked"
    assert "marked" not in nbformat.writes(executed)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"-marked-" not in path.read_bytes()
    there.close()


@pytest.fixture
def refusing() -> Iterator[StandIn]:
    """A provider that refuses the key, and repeats it."""
    standin = StandIn(fails="401", echo=KEYS["OPENAI_API_KEY"]).start()
    yield standin
    standin.close()


@pytest.mark.kernel
def test_a_failure_is_two_lines_in_a_notebook_and_the_rest_is_one_call_away(
    refusing: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbclient import NotebookClient

    for setting, value in {**KEYS, "LLM_MODE": "live", "OPENAI_BASE_URL": f"{refusing.url}/v1"}.items():
        monkeypatch.setenv(setting, value)
    cells = [
        'from utils import setup\nkit = setup("01_persistence")',
        'kit.model().invoke("hi")',
        "%tb",
        "import os\nprint(os.environ)",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(made, timeout=60, allow_errors=True, resources=resources).execute()
    (error,) = made.cells[1].outputs
    what, remedy = "\n".join(error.traceback).splitlines()
    assert what.startswith("NoLiveAnswer: your own model did not accept the key (401). It says: ")
    assert what.endswith('no, says the provider. [key]".')
    assert remedy == (
        "  What to do: correct OPENAI_API_KEY in .env and restart the kernel. "
        "(%tb shows the whole traceback.)"
    )
    assert len(str(made.cells[2].outputs).split("\\n")) > 50
    assert "marked" not in nbformat.writes(made)
