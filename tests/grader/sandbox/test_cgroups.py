"""Control groups, on a made-up tree: few machines that run tests let a process have one of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.sandbox.cgroups import Cgroup, Cgroups, NoCgroups, own_cgroups

PLACE = "user.slice/run-1.scope"


class Tree:
    """What the kernel shows of a machine's control groups, and what is written there."""

    def __init__(self, folder: Path) -> None:
        self.mount = folder / "cgroup"
        self.top = self.mount / PLACE
        self.top.mkdir(parents=True)
        self.mounts = folder / "mountinfo"
        self.mounts.write_text(f"30 23 0:26 / {self.mount} rw,nosuid - cgroup2 cgroup2 rw\n")
        self.own = folder / "own"
        self.own.write_text(f"1:name=systemd:/x\n0::/{PLACE}\n")
        self.write("cgroup.controllers", "cpuset cpu io memory pids\n")
        self.write("cgroup.procs", f"{os.getpid()}\n")
        self.write("cgroup.subtree_control", "")

    def write(self, name: str, text: str) -> None:
        (self.top / name).write_text(text)

    def found(self) -> Cgroups:
        return own_cgroups(self.mounts, self.own)


FILES = ("cgroup.procs", "cgroup.kill", "memory.max", "memory.swap.max", "memory.oom.group", "pids.max")


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group has its files from the beginning, and they go with it."""
    mkdir, rmdir = Path.mkdir, Path.rmdir

    def make(folder: Path, *mode: int, **options: bool) -> None:
        mkdir(folder, *mode, **options)
        for name in FILES:
            (folder / name).touch()

    def remove(folder: Path) -> None:
        for path in folder.iterdir():
            path.unlink()
        rmdir(folder)

    monkeypatch.setattr(Path, "mkdir", make)
    monkeypatch.setattr(Path, "rmdir", remove)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_group_of_ones_own_is_divided(tree: Tree):
    assert tree.found() == Cgroups(tree.top)
    assert (tree.top / f"grader-{os.getpid()}" / "cgroup.procs").read_text() == str(os.getpid())
    assert (tree.top / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_the_root_of_a_containers_own_tree_is_found_below_its_mount(tree: Tree):
    tree.mounts.write_text(f"30 23 0:26 /{PLACE} {tree.top} rw - cgroup2 cgroup rw\n")
    assert tree.found().top.resolve() == tree.top


def test_the_one_that_started_the_grader_may_be_in_it_too(tree: Tree):
    tree.write("cgroup.procs", f"{os.getpid()}\n{os.getppid()}\n")
    assert tree.found().top == tree.top


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("cgroup.procs", f"{os.getpid()}\n1\n2\n", "2 processes of others are in"),
        ("cgroup.controllers", "cpu\n", "no controller for memory and pids"),
        ("cgroup.controllers", "pids\n", "no controller for memory"),
    ],
    ids=["others' processes", "two controllers", "one controller"],
)
def test_a_group_that_cannot_be_divided_says_why(tree: Tree, name: str, text: str, why: str):
    tree.write(name, text)
    with pytest.raises(NoCgroups, match=why):
        tree.found()
    assert (tree.top / "cgroup.subtree_control").read_text() == ""


def test_a_machine_with_version_1_only_has_none(tree: Tree):
    tree.mounts.write_text("36 35 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    with pytest.raises(NoCgroups, match="not mounted"):
        tree.found()


def test_one_that_must_not_be_written_to_says_so(tree: Tree):
    (tree.top / "cgroup.controllers").unlink()
    with pytest.raises(NoCgroups, match="cannot be divided: No such file"):
        tree.found()


def test_a_jails_group_has_its_limits(tmp_path: Path):
    group = Cgroups(tmp_path).make("jail-7", 1_000, 50)
    limits = {path.name: text for path in group.folder.iterdir() if (text := path.read_text())}
    assert limits == {
        "memory.max": "1000",
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "50",
    }
    group.enter(123)
    assert (group.folder / "cgroup.procs").read_text() == "123"


@pytest.mark.parametrize(
    ("text", "ran_out"),
    [("low 0\noom 0\noom_kill 0\n", False), ("max 9\noom 1\noom_kill 1\n", True), ("", False), (None, False)],
)
def test_what_the_kernel_killed_for_its_memory_is_seen(tmp_path: Path, text: str | None, ran_out: bool):
    if text is not None:
        (tmp_path / "memory.events").write_text(text)
    assert Cgroup(tmp_path).ran_out_of_memory() is ran_out


def test_its_end_takes_it_away(tmp_path: Path):
    folder = tmp_path / "jail"
    folder.mkdir()
    Cgroup(folder).end()
    assert not folder.exists()
    Cgroup(folder).end()
