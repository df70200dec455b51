"""Control groups of version 2, where this machine lets the grader have some: limits that the kernel keeps.

A group's memory is everything that its processes have brought into being, whether a page table shows it or
not. The grader needs a group in which there is nobody else: ``systemd-run --user --scope -p Delegate=yes``
gives it one, and so do containers whose ``/sys/fs/cgroup`` can be written to. Where there is none, the watch
of memory (``grader.sandbox.watch``) is all there is.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
OWN = Path("/proc/self/cgroup")
CONTROLLERS = ("memory", "pids")
END_SECONDS = 2.0


class NoCgroups(Exception):
    """There is no group that the grader could divide; the text says why."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group of one jail."""

    folder: Path

    def enter(self, pid: int) -> None:
        """Put a process into it, with all that it starts from now on. Does nothing if it is gone."""
        with contextlib.suppress(ProcessLookupError):
            _set(self.folder / "cgroup.procs", pid)

    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel has killed something in it for its memory."""
        with contextlib.suppress(OSError):
            for line in (self.folder / "memory.events").read_text("ascii").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill" and int(count):
                    return True
        return False

    def end(self) -> None:
        """Kill what is left in it, and take it away."""
        with contextlib.suppress(OSError):  # before Linux 5.14 there is no such file
            _set(self.folder / "cgroup.kill", 1)
        deadline = time.monotonic() + END_SECONDS
        while self.folder.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # somebody is still ending in there
                self.folder.rmdir()
                return
            time.sleep(0.001)


@dataclass(frozen=True, slots=True)
class Cgroups:
    """A group of the grader's own, below which jails get theirs."""

    top: Path

    def make(self, name: str, memory: int, tasks: int) -> Cgroup:
        """Return a fresh group that may have so many bytes and tasks. Raises OSError."""
        folder = self.top / name
        folder.mkdir()
        for file, value in (
            ("memory.max", memory),
            ("memory.swap.max", 0),
            ("memory.oom.group", 1),
            ("pids.max", tasks),
        ):
            with contextlib.suppress(FileNotFoundError):  # a kernel without swap accounting
                _set(folder / file, value)
        return Cgroup(folder)


def own_cgroups(mounts: Path = MOUNTS, own: Path = OWN) -> Cgroups:
    """Return the grader's own group, made ready to be divided. Raises NoCgroups where it cannot be."""
    top = _own_folder(mounts.read_text("ascii"), own.read_text("ascii"))
    try:
        there = (top / "cgroup.controllers").read_text("ascii").split()
        if lacking := [name for name in CONTROLLERS if name not in there]:
            raise NoCgroups(f"{top} has no controller for {' and '.join(lacking)}")
        inside = (top / "cgroup.procs").read_text("ascii").split()
        if strangers := [pid for pid in inside if int(pid) not in (os.getpid(), os.getppid())]:
            raise NoCgroups(f"{len(strangers)} processes of others are in {top}")
        leaf = top / f"grader-{os.getpid()}"
        leaf.mkdir(exist_ok=True)
        # A group that has processes of its own cannot be divided.
        for pid in inside:
            _set(leaf / "cgroup.procs", pid)
        _set(top / "cgroup.subtree_control", " ".join(f"+{name}" for name in CONTROLLERS))
    except OSError as error:
        raise NoCgroups(f"{top} cannot be divided: {error.strerror}") from error
    return Cgroups(top)


def _set(file: Path, value: object) -> None:
    """Write to a file of the kernel's, which is there or is not to be had. Raises OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def _own_folder(mounts: str, own: str) -> Path:
    """Return where this process's group is. Raises NoCgroups where version 2 is not mounted."""
    path = next((line.split("::", 1)[1] for line in own.splitlines() if line.startswith("0::")), None)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if path is not None and after.startswith("cgroup2 "):
            root, place = before.split()[3:5]
            inside = os.path.relpath(path, root) if path.startswith(root) else path.lstrip("/")
            return Path(place, inside)
    raise NoCgroups("control groups of version 2 are not mounted")
