"""What cells show is dropped; of an error, name and text stay, and no longer than agreed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from grader.jail.outputs import MAX_NAME, MAX_TEXT, Outputs
from tests.grader.jail.jailed import ROOT


@pytest.fixture
def outputs() -> Outputs:
    made = Outputs()
    made.begin()
    return made


def test_nothing_is_kept_of_what_is_printed_or_displayed(outputs: Outputs) -> None:
    before = dict(vars(outputs))
    outputs.write("stdout", "x" * 1_000_000)
    outputs.message("display_data", {"data": {"text/plain": "x"}, "metadata": {}})
    outputs.message("clear_output", {"wait": True})
    assert vars(outputs) == before


def test_the_last_error_of_a_cell_is_kept(outputs: Outputs) -> None:
    outputs.message("error", {"ename": "KeyError", "evalue": "first", "traceback": []})
    outputs.message("error", {"ename": "ValueError", "evalue": "last", "traceback": ["line"]})
    assert outputs.error == {"ename": "ValueError", "evalue": "last"}
    outputs.begin()
    assert outputs.error is None


def test_an_error_is_cut(outputs: Outputs) -> None:
    outputs.message("error", {"ename": "E" * 1_000, "evalue": "x" * 5_000_000})
    assert outputs.error == {"ename": "E" * MAX_NAME, "evalue": "x" * MAX_TEXT}


class Loud(str):
    """Text with a mind of its own."""

    __slots__ = ()

    def __getitem__(self, key: object) -> str:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ({"ename": Loud("E"), "evalue": Loud("t")}, ("E", "t")),
        ({"ename": "E", "evalue": "\ud800"}, ("E", "\\ud800")),
        ({"ename": None, "evalue": 5}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_an_error_is_read_by_its_base_types(
    outputs: Outputs, content: dict[str, object], kept: tuple[str, str]
) -> None:
    outputs.message("error", content)
    assert outputs.error == dict(zip(("ename", "evalue"), kept, strict=True))


def test_what_programs_print_takes_no_room_after_the_cell() -> None:
    source = (
        "import os\nfrom grader.jail.outputs import Outputs\nfrom grader.jail.spool import Spool\n"
        "outputs = Outputs([Spool(1)])\noutputs.begin()\nos.system('echo x')\n"
        "before = os.fstat(1).st_size\nos.close(1)\noutputs.end()\n"
        "assert (before, os.fstat(1).st_size) == (2, 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", source], check=True, env=environment, stdin=subprocess.DEVNULL)
