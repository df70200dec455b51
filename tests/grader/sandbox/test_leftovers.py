"""What a cell holds on to: enough is left for the others, or it is said what is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from grader.sandbox import leftovers
from grader.sandbox.bubblewrap import WRITABLE
from grader.sandbox.leftovers import FILES, MEMORY, TASKS, used_up
from tests.grader.sandbox.looking import Inside, Jails, possible

pytestmark = pytest.mark.jail
MIB = 2**20


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Iterator[Jails]:
    yield from possible(tmp_path_factory.mktemp("run") / "stage")


@pytest.fixture
def inside(made) -> Iterator[Inside]:
    with made.open() as opened:
        yield opened


@pytest.fixture
def look(inside) -> Iterator[Any]:
    """What is said after some code has run; the jail's folders are seen through its own root."""
    inside.look("pass")  # else its root would still be that of this machine
    python = psutil.Process(inside.child.root).children(recursive=True)[-1].pid
    folders = [os.open(f"/proc/{python}/root{place}", os.O_RDONLY) for place in WRITABLE]

    def after(code: str) -> str:
        inside.look(code)
        return used_up(inside.child.root, folders)

    yield after
    for folder in folders:
        os.close(folder)


def test_ordinary_work_leaves_enough(look):
    assert look("open('/work/x', 'wb').write(bytes(2**20)); mine = bytearray(100 * 2**20)") == ""


@pytest.mark.parametrize("place", WRITABLE)
def test_files_that_nearly_fill_a_folder_are_told(look, place):
    size = WRITABLE[place]
    assert look(f"open('{place}/x', 'wb').write(bytes({size // 2}))") == ""
    assert look(f"open('{place}/y', 'wb').write(bytes({size // 3}))") == "files nearly fill the work folder"
    assert look(f"os.unlink('{place}/y')") == ""


def test_a_file_without_a_name_counts_as_well(look):
    code = (
        f"import tempfile; mine = tempfile.TemporaryFile(); mine.write(bytes({WRITABLE['/work'] * 4 // 5}))"
    )
    assert look(code) == "files nearly fill the work folder"


def test_very_many_files_are_told(look):
    assert look(f"for n in range({FILES // 2}): open(f'/work/{{n}}', 'w').close()") == ""
    code = f"for n in range({FILES} + 10): open(f'/dev/shm/{{n}}', 'w').close()"
    assert look(code) == f"more than {FILES} files lie in the work folder"


def test_processes_and_threads_that_go_on_are_told(look):
    code = (
        "import signal, threading\n"
        "for _ in range(%d): threading.Thread(target=signal.pause, daemon=True).start()"
    )
    assert look(code % (TASKS // 2)) == ""
    assert look(code % (TASKS // 2 + 5)) == f"more than {TASKS} processes and threads go on"


def test_memory_that_stays_in_use_is_told(look):
    assert (
        look(f"mine = b'x' * {MEMORY + 10 * MIB}") == f"more than {MEMORY // MIB} MiB of memory stay in use"
    )
    assert look("del mine") == ""


def test_memory_that_forks_share_is_counted_once(look, monkeypatch):
    monkeypatch.setattr(leftovers, "MEMORY", 200 * MIB)
    code = (
        "import signal; mine = b'x' * (80 * 2**20)\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        while True: signal.pause()"
    )
    assert look(code) == ""
