"""Jailed processes: namespaces of their own, by bubblewrap, with nothing mounted but what they run on.

Started by root, the jail is built by root and its program runs under a user id that nobody has: root is
exempt from the limit on processes, and an interpreter may lie below a folder that only root may enter.
Started by anyone else, a user namespace gives the right to build it.
"""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from grader.errors import GraderError
from grader.sandbox.cgroups import Cgroups
from grader.sandbox.child import OVER, Child, buried, said_by, started
from grader.sandbox.leftovers import too_many_files
from grader.sandbox.seccomp import filter_bytes
from grader.sandbox.stage import Mount, Stage
from grader.sandbox.watch import Bounds, MemoryWatch, tree
from utils.providers import VARIABLE as PROVIDER
from utils.providers import chosen_provider

JAIL = PurePosixPath("/jail")
"""where the kit and the environment are"""
WORK = "/work"
ETC = "etc"
MIB = 2**20
WRITABLE: Mapping[str, int] = {WORK: 64 * MIB, "/dev/shm": 16 * MIB}  # noqa: S108 - in the jail
"""folders in memory and their sizes: nothing else can be written to"""
BOUNDS = Bounds(memory=1536 * MIB, tasks=160, descriptors=1_500)
FIRST_UID, UIDS = 61_900, 1_000
"""users that no distribution gives to anybody; each process has its own, so that its limits are its own"""
START_SECONDS = 20.0
DOCTOR = "python -m grader doctor says what this machine lacks"

_SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
"""folders of the system besides /usr; on most systems links into it"""
_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_FILES = {
    "passwd": "root:x:0:0:root:/:/bin/false\nstudent:x:1000:1000:student:/work:/bin/sh\n",
    "group": "root:x:0:\nstudent:x:1000:\n",
    "hosts": "127.0.0.1 localhost jail\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


def missing_layers() -> tuple[str, ...]:
    """Return the layers of a jail that cannot be had on this machine."""
    return () if filter_bytes() is not None else (f"a filter of system calls for {platform.machine()}",)


def find_bubblewrap() -> str:
    """Return the path of the program. Raises GraderError, which says what to do, where it is missing."""
    found = shutil.which("bwrap")
    if found is None:
        msg = "bubblewrap is not installed, and nothing of a submission runs without it"
        raise GraderError(msg, hint="apt install bubblewrap (dnf, pacman and zypper have it as well)")
    return found


@dataclass
class Users:
    """User ids in use by processes that root has started."""

    # Another grader at the same time begins elsewhere: limits on processes count all of a user's.
    _next: int = field(default_factory=lambda: random.randrange(UIDS))
    _used: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> int:
        with self._lock:
            for number in range(self._next, self._next + UIDS):
                uid = FIRST_UID + number % UIDS
                if uid not in self._used:
                    self._next = number + 1
                    self._used.add(uid)
                    return uid
        msg = f"more than {UIDS} processes for submissions run at the same time"
        raise GraderError(msg, hint="grade with fewer --jobs")

    def give_back(self, uid: int) -> None:
        with self._lock:
            self._used.discard(uid)


class Bubblewrap:
    """Starts modules of ``grader.jail`` in jails, each with an interpreter of its own."""

    def __init__(
        self,
        stage: Stage,
        watch: MemoryWatch,
        program: str | None = None,
        cgroups: Cgroups | None = None,
    ) -> None:
        """Prepare: ``stage`` goes into the jails; ``cgroups`` is there where each jail may have a group."""
        self.stage = stage
        self.filter = filter_bytes()
        self.as_root = os.geteuid() == 0
        self.users = Users()
        self._program = program or find_bubblewrap()
        self._watch = watch
        self._cgroups = cgroups
        _write_etc(stage.folder / ETC)

    def __call__(self, module: str, theirs: int) -> Child:
        """Return the started process (see ``Start``). What bubblewrap says, if it fails, is in the error."""
        uid = self.users.take() if self.as_root else None
        told, telling = os.pipe()
        passed = [theirs, telling]
        options = ["--info-fd", str(telling)]
        try:
            if self.filter is not None:
                passed.append(_file_with(self.filter))
                options += ["--seccomp", str(passed[-1])]
            process = self.started(
                [*options, *self.arguments(), *(_dropping(uid) if uid is not None else ())],
                module,
                [str(theirs)],
                passed,
            )
        except BaseException:
            os.close(told)
            if uid is not None:
                self.users.give_back(uid)
            raise
        finally:
            for descriptor in passed[1:]:
                os.close(descriptor)
        first = _first_process(told)
        handle = None if first is None else _handle(first)
        if handle is None:
            code = buried(process) if first is not None else process.wait(START_SECONDS)
            said = said_by(process).removeprefix("bwrap: ")
            if process.stderr is not None:
                process.stderr.close()
            if uid is not None:
                self.users.give_back(uid)
            raise GraderError(f"the jail could not be built: {said or f'code {code}'}", hint=DOCTOR)
        child = Child(process.pid, handle, lambda: buried(process), said=lambda: said_by(process))
        if uid is not None:
            child.after_end(lambda: self.users.give_back(uid))
        self.watched(child)
        return child

    def started(
        self, options: Iterable[str], module: str, words: Iterable[str], passed: Sequence[int]
    ) -> subprocess.Popen[bytes]:
        """Return bubblewrap, started with these options and a module in the jail. Raises GraderError."""
        python = [str(self.stage.python(JAIL)), "-P", "-m", module, *words]
        try:
            return started([self._program, *options, *python], passed)
        except OSError as error:
            msg = f"a jail could not be started: {error.strerror or error}"
            raise GraderError(msg, hint=DOCTOR) from error

    def watched(self, child: Child) -> None:
        """Bound what a process uses for as long as it is there; nothing of a submission has run in it yet."""
        if self._cgroups is not None:
            group = self._cgroups.make(f"jail-{child.root}", BOUNDS.memory, BOUNDS.tasks)
            for pid in tree(child.root):
                group.enter(pid)
            child.ran_out = group.ran_out_of_memory
            child.after_end(group.end)
        watching = self._watch.over(
            child.root,
            BOUNDS,
            lambda found: child.went_over(f"more {found.what} {OVER}"),
            lambda: too_many_files(child.folders),
        )
        child.while_alive(watching)

    def arguments(self, *, writable_proc: bool = False) -> Iterator[str]:
        """Yield what bubblewrap is told of the jail. ``writable_proc`` leaves /proc as it is mounted."""
        yield from (
            "--unshare-pid",
            "--unshare-net",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup-try",
        )
        if not self.as_root:
            yield "--unshare-user"
        yield from ("--die-with-parent", "--new-session", "--hostname", "jail", "--clearenv")
        for name, value in environment(str(self.stage.kit(JAIL))).items():
            yield from ("--setenv", name, value)
        for path in ("/usr", *_SYSTEM):
            yield from _mounted(path)
        mounts = self.stage.mounts(JAIL)
        yield from _ways([*_ETC, *(f"/etc/{name}" for name in _FILES), *(mount.target for mount in mounts)])
        for path in _ETC:
            yield from ("--ro-bind-try", path, path)
        for name in _FILES:
            yield from ("--ro-bind", str(self.stage.folder / ETC / name), f"/etc/{name}")
        yield from _staged(mounts)
        # Mapped and shared, /dev/zero is memory that no page table has to show. /dev/full has the same zeros
        # and cannot be mapped.
        yield from ("--proc", "/proc", "--dev", "/dev", "--dev-bind", "/dev/full", "/dev/zero")
        for folder, size in WRITABLE.items():
            yield from ("--perms", "1777", "--size", str(size), "--tmpfs", folder)
        yield from ("--perms", "1777", "--dir", f"{WORK}/.tmp", "--symlink", f"{WORK}/.tmp", "/tmp")  # noqa: S108
        # These are writable until now, and nothing may be left there for others. In /proc, some settings of
        # its namespaces would be.
        for folder in ("/dev", "/") if writable_proc else ("/proc", "/dev", "/"):
            yield from ("--remount-ro", folder)
        yield from ("--chdir", WORK)


def environment(kit: str, work: str = WORK, programs: str = f"{JAIL}/venv/bin") -> Mapping[str, str]:
    """Return all that a process for a submission finds in its environment when it starts."""
    return {
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": kit,
        "PYTHONDONTWRITEBYTECODE": "1",
        # Sets of strings have one order: the same submission gives the same answers.
        "PYTHONHASHSEED": "0",
        "HOME": work,
        "TMPDIR": f"{work}/.tmp" if work == WORK else work,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        PROVIDER: chosen_provider().name,
        "USER": "student",
        "LOGNAME": "student",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "IPYTHONDIR": f"{work}/.ipython",
        "MPLCONFIGDIR": f"{work}/.matplotlib",
        # A folder without certificates: there is no network, and reading them all takes each client 30 ms.
        "SSL_CERT_DIR": programs,
    }


def _write_etc(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for name, text in _FILES.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)


def _mounted(path: str) -> Iterator[str]:
    there = Path(path)
    if there.is_symlink():
        yield from ("--symlink", str(there.readlink()), path)
    elif there.is_dir():
        yield from ("--ro-bind", path, path)


def _ways(targets: Iterable[str | PurePosixPath]) -> Iterator[str]:
    """Yield folders on the way to what is mounted; bubblewrap would let only root enter those it makes.

    An interpreter that cannot read its own library takes another one, if it finds one below ``/usr``.
    """
    mounted, made = [PurePosixPath("/usr")], {PurePosixPath("/")}
    for target in map(PurePosixPath, targets):
        for folder in reversed(target.parents):
            if folder not in made and not any(folder.is_relative_to(path) for path in mounted):
                made.add(folder)
                yield from ("--perms", "0755", "--dir", str(folder))
        mounted.append(target)


def _staged(mounts: Iterable[Mount]) -> Iterator[str]:
    for mount in mounts:
        if mount.source is None:
            yield from ("--tmpfs", str(mount.target), "--remount-ro", str(mount.target))
        else:
            yield from ("--ro-bind", str(mount.source), str(mount.target))


def _dropping(uid: int) -> tuple[str, ...]:
    user = str(uid)
    rights = ("--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")
    return ("setpriv", "--reuid", user, "--regid", user, *rights)


def _handle(first: int) -> int | None:
    """Return a handle of the jail's first process; ``None`` when it is gone already."""
    try:
        return os.pidfd_open(first)
    except ProcessLookupError:
        return None


def _file_with(data: bytes) -> int:
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _first_process(told: int) -> int | None:
    """Return the pid of the jail's first process, once it is there; ``None`` if bubblewrap failed before."""
    with open(told, "rb") as pipe:
        text = pipe.read()
    try:
        facts: Any = json.loads(text)
        return int(facts["child-pid"])
    except (ValueError, KeyError, TypeError):
        return None
