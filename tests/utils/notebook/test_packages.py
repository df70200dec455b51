"""The sentence about packages that are not those of the lock."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from utils.notebook import kit as kits
from utils.notebook import packages
from utils.notebook.packages import other_than_locked

LOCK = """# written by a command
langgraph==1.2.22 \\
    --hash=sha256:0
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:0
numpy==2.5.0 ; python_full_version >= '3.12' \\
    --hash=sha256:0
ruamel-yaml==1.0 \\
    --hash=sha256:0
colorama==0.4 ; sys_platform == 'win32' \\
    --hash=sha256:0
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK)
    return path


def installed(folder: Path, *names: str) -> str:
    for name in names:
        (folder / f"{name}.dist-info").mkdir(parents=True)
    return str(folder)


RIGHT = ("langgraph-1.2.22", "numpy-2.5.0", "Ruamel.YAML-1.0", "pandas-3.0")


def test_packages_of_the_lock_and_others_beside_them_are_no_reason_for_a_word(
    lock: Path, tmp_path: Path
) -> None:
    assert other_than_locked(lock, [installed(tmp_path / "site", *RIGHT), str(tmp_path / "no.zip")]) == ""


def test_the_packages_of_this_environment_are_those_of_the_lock() -> None:
    assert other_than_locked() == ""


def test_where_there_is_no_lock_nothing_is_said(tmp_path: Path) -> None:
    assert other_than_locked(tmp_path / "no.lock", [installed(tmp_path, "langgraph-2.0")]) == ""


def test_other_versions_are_named_with_what_to_type(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = installed(tmp_path / "site", "langgraph-2.0", "numpy-2.3.0")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "conda"))
    told = other_than_locked(lock, [site])
    assert "(langgraph 2.0 instead of 1.2.22, numpy 2.3.0 instead of 2.4.6 or 2.5.0)" in told
    assert told.endswith(f'type "{sys.executable}" -m pip install -r "{lock}" in a terminal.')
    (tmp_path / "conda").mkdir()
    (tmp_path / "conda/kit-stamp").touch()
    assert other_than_locked(lock, [site]).endswith("stop JupyterLab and type make lab in a terminal.")


def test_what_stands_first_in_the_path_counts(lock: Path, tmp_path: Path) -> None:
    ones_own = installed(tmp_path / "own", "langgraph-2.0")
    site = installed(tmp_path / "site", *RIGHT)
    assert "langgraph 2.0" in other_than_locked(lock, [ones_own, site])
    assert other_than_locked(lock, [site, ones_own]) == ""


def test_of_many_only_some_are_named(tmp_path: Path) -> None:
    names = [f"package{n}" for n in range(9)]
    lock = tmp_path / "requirements.lock"
    lock.write_text("".join(f"{name}==1\n" for name in names))
    told = other_than_locked(lock, [installed(tmp_path / "site", *(f"{name}-2" for name in names))])
    assert "package3 2 instead of 1, 5 more)" in told
    assert "package4" not in told


def test_the_setup_cell_says_it_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "other_than_locked", lambda: "Packages are not those.")
    kit = kits.setup("01_persistence")
    try:
        first, second = capsys.readouterr().out.splitlines()
    finally:
        kit.close()
    assert first == "Packages are not those."
    assert second.startswith("01_persistence: recorded answers")
