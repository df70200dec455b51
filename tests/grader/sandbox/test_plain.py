"""Processes without a jail: what they are given, and that nothing of them is left."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.sandbox import plain as module
from grader.sandbox.plain import Plain
from grader.sandbox.stage import KIT, stage
from tests.grader.sandbox.looking import PROBE, Inside, descriptors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="graded on Linux only")


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Plain:
    staged = stage(tmp_path_factory.mktemp("run") / "stage")
    (staged.folder / KIT / "probe.py").write_text(PROBE)
    return Plain(staged)


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def inside(start, temporary) -> Iterator[Inside]:
    opened = Inside(start)
    yield opened
    if not opened.ended:
        opened.end()


def test_it_runs_in_a_folder_of_its_own_that_is_its_home_and_is_gone_afterwards(inside, temporary):
    here, home, made = inside.look("found = [os.getcwd(), os.environ['HOME'], os.environ['TMPDIR']]")
    assert here == home == made
    assert Path(here).parent == temporary
    inside.look("os.makedirs('a/b'); open('a/b/c', 'w').write('x')")
    inside.end()
    assert list(temporary.iterdir()) == []


def test_it_has_the_kits_copy_and_the_graders_packages(inside, start):
    kit, prefix, version = inside.look("import utils; found = [utils.__file__, sys.prefix, sys.version]")
    assert Path(kit).is_relative_to(start._stage.folder)
    assert (prefix, version) == (sys.prefix, sys.version)


def test_its_environment_holds_nothing_of_whoever_grades(start, temporary, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    opened = Inside(start)
    try:
        environment = opened.look("found = dict(os.environ)")
    finally:
        opened.end()
    assert "sk-secret" not in environment.values()
    assert set(environment) - {"LC_CTYPE"} == set(module.environment("", ""))


def test_it_has_no_input_and_says_nothing_here(inside, capfd):
    assert inside.look("print('noise', flush=True); os.write(2, b'noise'); found = sys.stdin.read()") == ""
    assert capfd.readouterr() == ("", "")


def test_all_that_it_starts_ends_with_it(inside):
    child = inside.look("import signal\nfound = os.fork()\nif found == 0:\n    while True: signal.pause()")
    handle = os.pidfd_open(child)
    inside.end()
    import select

    assert select.select([handle], [], [], 30)[0]
    os.close(handle)


def test_one_that_cannot_be_started_leaves_nothing(start, temporary, monkeypatch):
    before = descriptors()
    monkeypatch.setattr(module.sys, "executable", str(temporary / "none"))
    with pytest.raises(OSError, match="No such file"):
        start("probe", 0)
    assert list(temporary.iterdir()) == []
    assert descriptors() == before
