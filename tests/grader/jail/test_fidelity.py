"""A feature shows the same in the runner as in a kernel driven by nbclient."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.grader.jail.features import load_features
from tests.grader.jail.jailed import SECONDS, jailed

pytestmark = pytest.mark.kernel

Outputs = list[dict[str, Any]]
FEATURES = load_features()

TRACE = "the innermost line of the traceback is in the runner instead of in ipykernel"
WIDGET = "no front end is there to collect what an Output widget holds: it is shown in the cell instead"
COSMETIC = {
    "input": TRACE,
    "getpass": TRACE,
    "a stream takes text only": TRACE,
    "an Output widget": WIDGET,
    "interact": WIDGET,
    "a display updated from a later cell": "the frame of the cell that shows it has left by then",
}
"""features that show differently, and why that stays"""

_NOISE = [
    (r"0x[0-9a-f]{6,}", "0xADDRESS"),
    (r'[^\s"\\]*/ipykernel_\d+', "ipykernel_N"),
    (r"\(pid=\d+\)", "(pid=N)"),
    (r"\d+(\.\d+)?(e[+-]?\d+)? (ns|µs|μs|us|ms|s)\b", "TIME"),
    (r"IPY_MODEL_[0-9a-f]+", "IPY_MODEL_ID"),
    (r'"model_id": "[0-9a-f]+"', '"model_id": "ID"'),
]


def _cells() -> list[tuple[str, str]]:
    return [(feature, source) for feature, sources in FEATURES.items() for source in sources]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fidelity")


@pytest.fixture(scope="module")
def of_kernel(folder: Path) -> dict[str, list[Outputs]]:
    """What each feature shows in one kernel for all of them."""
    cwd = folder / "kernel"
    cwd.mkdir()
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for _, source in _cells()]
    path = cwd / "features.ipynb"
    nbformat.write(notebook, path)
    # A kernel that believes to be under test does not look at what is written past Python.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    words = [sys.executable, "-m", "jupyter", "execute", "--allow-errors", "--inplace", str(path)]
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shown = nbformat.read(path, as_version=4).cells
    return _by_feature([cell.outputs for cell in shown])


@pytest.fixture(scope="module")
def of_runner(folder: Path) -> Iterator[dict[str, list[Outputs]]]:
    """What each feature shows in one runner for all of them."""
    cwd = folder / "runner"
    cwd.mkdir()
    with jailed(cwd) as runner:
        # A cell that imports the whole stack may be slow on a busy machine.
        patient = {"cell_cpu": 20, "cell_wall": 20}
        frames = runner.run(*(source for _, source in _cells()), limits=patient)
        yield _by_feature([frame["outputs"] for frame in frames])


def _by_feature(shown: list[Outputs]) -> dict[str, list[Outputs]]:
    found: dict[str, list[Outputs]] = {}
    for (feature, _), outputs in zip(_cells(), shown, strict=True):
        found.setdefault(feature, []).append(outputs)
    return found


def normal(cells: list[Outputs]) -> list[Outputs]:
    """Outputs without what differs from one run to the next, streams joined as a front end joins them."""
    normalised = []
    for outputs in cells:
        joined: Outputs = []
        for output in outputs:
            if joined and output["output_type"] == "stream" and joined[-1].get("name") == output["name"]:
                joined[-1]["text"] += output["text"]
            else:
                joined.append(dict(output))
        text = json.dumps(joined, sort_keys=True, ensure_ascii=False)
        for pattern, instead in _NOISE:
            text = re.sub(pattern, instead, text)
        normalised.append(json.loads(text))
    return normalised


def test_there_are_enough_features_and_few_differences() -> None:
    assert len(FEATURES) >= 40
    assert set(COSMETIC) <= set(FEATURES)
    assert len(COSMETIC) <= 6


@pytest.mark.parametrize("feature", [f for f in FEATURES if f not in COSMETIC])
def test_a_feature_shows_the_same_as_in_a_kernel(
    feature: str, of_kernel: dict[str, list[Outputs]], of_runner: dict[str, list[Outputs]]
) -> None:
    assert normal(of_runner[feature]) == normal(of_kernel[feature])


@pytest.mark.parametrize("feature", COSMETIC)
def test_a_difference_that_is_gone_is_no_longer_listed(
    feature: str, of_kernel: dict[str, list[Outputs]], of_runner: dict[str, list[Outputs]]
) -> None:
    assert normal(of_runner[feature]) != normal(of_kernel[feature])


@pytest.mark.parametrize("feature", [f for f, why in COSMETIC.items() if why == TRACE])
def test_but_for_that_line_the_errors_are_the_same(
    feature: str, of_kernel: dict[str, list[Outputs]], of_runner: dict[str, list[Outputs]]
) -> None:
    ours, theirs = normal(of_runner[feature]), normal(of_kernel[feature])
    for outputs in [*ours, *theirs]:
        for output in outputs:
            output.pop("traceback", None)
    assert ours == theirs
