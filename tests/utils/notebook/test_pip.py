"""%pip install leaves the kit's own packages as they are, and installs what is not the kit's."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from utils.notebook.packages import locked_and_installed
from utils.notebook.pip import install_pip, plan

KIT = {"langgraph": "1.2.22", "langchain-anthropic": "1.7.7", "numpy": "2.3.5"}
BOTH = "langgraph and langchain-anthropic are here in the version that the labs were written for"


@pytest.mark.parametrize(
    ("line", "runs", "says"),
    [
        ("install --quiet -U langgraph langchain_anthropic", "", f"{BOTH}, and stay as they are."),
        ("install langgraph==0.2", "", "langgraph is here in the version that"),
        ("install -U 'langgraph[extra]>=1'", "", "langgraph is here in"),
        ("install -q -U langgraph emoji", "install -q -U emoji", "langgraph is here in"),
        ("install emoji", "install emoji", ""),
        ("install -i https://langgraph emoji", "install -i https://langgraph emoji", ""),
        ("install -r requirements-anthropic.lock", "install -r requirements-anthropic.lock", ""),
        ("list", "list", ""),
        ("", "", ""),
    ],
)
def test_what_becomes_of_a_line(line: str, runs: str, says: str) -> None:
    decided = plan(shlex.split(line), KIT)
    assert " ".join(decided.words) == runs
    assert decided.sentence.startswith(says)
    assert bool(decided.sentence) == bool(says)
    assert decided.constrained == ("emoji" in runs)


class Shell:
    """What stands for IPython: it keeps the magic and what pip was called with."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.pins = ""

    def find_line_magic(self, name: str) -> Any:
        return self.run

    def run(self, line: str) -> None:
        self.called.append(line)
        words = line.split()
        if "-c" in words:
            self.pins = Path(words[-1]).read_text("utf-8")

    def register_magic_function(self, magic: Any, kind: str, name: str) -> None:
        assert (kind, name) == ("line", "pip")
        self.pip = magic


def test_the_notes_cell_runs_nothing_and_says_why_where_it_is_not_captured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shell = Shell()
    install_pip(shell)
    shell.pip("install --quiet -U langgraph langchain_anthropic")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{BOTH}, and stay as they are.\n"
    assert shell.called == []


def test_what_is_not_the_kit_s_is_installed_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell()
    install_pip(shell)
    shell.pip("install -U emoji")
    assert shell.called[0].startswith("install -U emoji -c ")
    assert f"langgraph=={locked_and_installed()['langgraph']}\n" in shell.pins
    shell.pip("list")
    shell.pip("install 'half")
    assert shell.called[1:] == ["list", "install 'half"]
    assert capsys.readouterr().err == ""


def test_a_shell_without_pip_stays_without() -> None:
    class Bare:
        def find_line_magic(self, name: str) -> None:
            return None

    install_pip(Bare())
