"""What this machine can do for a grading run, found out by doing it: one line for each thing.

Versions and settings are looked at only to say why something failed: what counts is whether a jail starts,
is closed where it has to be, and can be reached where it has to be.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.jail.frames import Channel, FrameError
from grader.jail.zygote import RUNNER
from grader.sandbox import watch
from grader.sandbox.bubblewrap import WRITABLE, Bubblewrap, find_bubblewrap, missing_layers
from grader.sandbox.cgroups import NoCgroups, own_cgroups
from grader.sandbox.child import Child
from grader.sandbox.stage import stage
from grader.sandbox.start import Start
from grader.sandbox.warm import WarmStart

PYTHONS = ((3, 11), (3, 14))
"""the oldest that can, and the first that nobody has tried"""
END_SECONDS = 1.0
SECONDS = 30.0
"""for one answer from a jail; a machine that needs more cannot grade in the time that submissions have"""
SLOW = 10.0
"""seconds for an empty jail, from which on grading is not a pleasure"""
PROCESSES, DATA = 120, 1024 * 2**20
"""limits that are tried: as many processes, and so many bytes of memory for each"""
PROFILE = """\
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}
"""
"""for AppArmor on Ubuntu from 23.10 on"""
MAINTAINERS = "tell the course's maintainers"
_MIB = 2**20
_PORT = 8080
_SYSCTL = Path("/proc/sys")
_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))

# What is run in the jail: ordinary cells, each of which leaves one thing that can be asked for.
_CELLS = {
    "version": "import sys; version = sys.version",
    "status": "status = open('/proc/self/status').read()",
    "room": "import os; room = [os.statvfs(p).f_blocks * os.statvfs(p).f_frsize for p in PLACES]",
    "in_force": """
import resource
in_force = [resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_DATA)]
""",
    "reached": """
import socket
def _tried(*address):
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(address) == 0
reached = [name for name, address in PLACES if _tried(*address)]
""",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    what: str
    ok: bool
    needed: bool
    """whether nothing can be graded in a jail without it"""
    said: str
    """how it ended"""
    do: str = ""
    """what to do about it; empty if nothing"""


class _Failed(Exception):
    """What was tried did not work."""

    def __init__(self, said: str, do: str = "") -> None:
        super().__init__(said)
        self.do = do


def examine() -> tuple[Finding, ...]:
    """Return what was found, in the order in which it was tried; nothing is raised, whatever is wrong."""
    found = [_tried("Linux", _system)]
    if not found[0].ok:
        return tuple(found)
    found += [
        _tried("Python", _python),
        _tried("memory of processes can be watched", _watch),
        _tried("bubblewrap", _program),
        _tried("setpriv", _setpriv),
    ]
    if all(finding.ok for finding in found):
        stack = ExitStack()
        for finding in _jail(stack):
            found.append(finding)
        found.append(_tried("nothing of this is left", lambda: _closed(stack)))
    return tuple(found)


def _tried(what: str, step: Callable[[], str], *, needed: bool = True, known: bool = False) -> Finding:
    """Return the finding of a step that says how it went, or raises."""
    try:
        return Finding(what, ok=True, needed=needed, said=step())
    except _Failed as error:
        return Finding(what, ok=False, needed=needed, said=str(error), do=error.do)
    except GraderError as error:
        causes = _causes(error.message) if known else ""
        return Finding(what, ok=False, needed=needed, said=_line(error.message), do=causes or error.hint)
    except Exception as error:  # whatever this machine has in store is a finding, too
        said = _line(f"{type(error).__name__}: {error}")
        return Finding(what, ok=False, needed=needed, said=said, do=MAINTAINERS)


def _line(text: str) -> str:
    return " ".join(text.split())[:400]


def _closed(stack: ExitStack) -> str:
    stack.close()
    return "no process, no file"


# Without a jail


def _system() -> str:
    if sys.platform != "linux":
        msg = f"this is {platform.system() or sys.platform}"
        raise _Failed(msg, "grade on Linux; WSL2, a virtual machine or a container will do")
    return f"{platform.release()} on {platform.machine()}"


def _python() -> str:
    here, (oldest, beyond) = sys.version_info[:2], PYTHONS
    said = platform.python_version()
    if not oldest <= here < beyond:
        msg = f"{said}; {oldest[0]}.{oldest[1]} to {beyond[0]}.{beyond[1] - 1} are supported"
        raise _Failed(msg, "make the environment again with a supported Python")
    return said


def _watch() -> str:
    if why := watch.lacking():
        raise _Failed(why, "grade where /proc is that of an ordinary Linux")
    return f"{watch.use(os.getpid()).memory // _MIB} MiB are used right now"


def _program() -> str:
    return find_bubblewrap()


def _setpriv() -> str:
    if os.geteuid() != 0:
        return "not needed, as this is not root"
    found = shutil.which("setpriv")
    if found is None:
        msg = "not installed, and without it root would run submissions as root"
        raise _Failed(msg, "apt install util-linux, or grade as an ordinary user")
    return found


# With one


def _jail(stack: ExitStack) -> Iterator[Finding]:
    jails: list[Bubblewrap] = []

    def ready() -> str:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="doctor-")))
        watching = stack.enter_context(watch.MemoryWatch())
        staged = stage(folder / "stage")
        jails.append(Bubblewrap(staged, watching))
        return "made"

    yield _tried("what goes into a jail", ready)
    if not jails:
        return
    patient = _Patient(jails[0], missing_layers())
    stack.callback(patient.end)
    yield _tried("a jail starts", patient.start, known=True)
    if patient.child is None:
        return
    yield _tried("the interpreter can be read in it", patient.interpreter)
    if not patient.alive:
        return
    yield _tried("its limits are in force", patient.limits)
    yield _tried("it has no rights", patient.rights)
    yield _tried("system calls are filtered", patient.filter, needed=False)
    yield _tried("what it can write to is bounded", patient.room)
    yield _tried("its listener can be reached from here", patient.listens)
    yield _tried("nothing else can be reached from it", patient.reaches)
    yield _tried("it ends, and nothing is left", patient.ends)
    yield _tried("an empty jail is quick", patient.quick, needed=False)
    yield _tried("jails are forked from a warm process", lambda: _warm(jails[0]), needed=False)
    yield _tried("memory is bounded by the kernel", _cgroups, needed=False)


def _cgroups() -> str:
    try:
        return f"by a control group for each jail, below {own_cgroups().top}"
    except NoCgroups as error:
        msg = f"not here, so it is looked at every 50 ms instead: {error}"
        do = "nothing has to be done; with systemd, `systemd-run --user --scope -p Delegate=yes` helps"
        raise _Failed(msg, do) from error


def _warm(cold: Bubblewrap) -> str:
    notes: list[str] = []
    began = time.monotonic()
    start = WarmStart(cold, notes.append)
    try:
        ready = time.monotonic()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            start(RUNNER, theirs.fileno()).end()
        forked = time.monotonic()
    finally:
        start.end()
    if notes:
        raise _Failed(_line(notes[0]), "nothing has to be done: grading takes four times as long without it")
    return f"within {(forked - ready) * 1000:.0f} ms, once it is warm after {ready - began:.1f} s"


class _Patient:
    """A jail with a process in it that runs cells, as a submission's does."""

    def __init__(self, start: Start, lacking: Sequence[str] = ()) -> None:
        """Prepare: ``lacking`` are layers of the jail that cannot be had on this machine."""
        self._start = start
        self._missing = lacking
        self._channel: Channel | None = None
        self._listener: socket.socket | None = None
        self._began = 0.0
        self._took = 0.0
        self._lacking: Sequence[str] = ()
        self._outside = socket.socket()
        self.child: Child | None = None
        self.alive = False
        """whether its process has come as far as running cells"""

    def start(self) -> str:
        self._outside.bind(("127.0.0.1", 0))
        self._outside.listen()
        self._began = time.monotonic()
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        with theirs:
            self.child = self._start(RUNNER, theirs.fileno())
        return f"within {(time.monotonic() - self._began) * 1000:.0f} ms"

    def interpreter(self) -> str:
        outside = self._outside.getsockname()
        places = [("this machine", outside), ("the internet", ("192.0.2.1", 80)), *_gateways()]
        cells = dict(_CELLS)
        cells["room"] = cells["room"].replace("PLACES", repr(list(WRITABLE)))
        cells["reached"] = cells["reached"].replace("PLACES", repr(places))
        job = {
            "cells": [{"id": name, "source": source} for name, source in cells.items()],
            "limits": {"processes": PROCESSES, "data": DATA},
            "grant": {"port": _PORT, "folders": []},
        }
        try:
            self._send(job)
            _, (listener,) = self._talk().receive_granted(1, self._deadline())
            self._listener = socket.socket(fileno=listener)
            self._send({"env": {}})
            self._lacking = tuple(map(str, self._receive()["lacking"]))
        except FrameError as error:
            last = self._child().end(END_SECONDS).said.splitlines()[-1:] or [str(error)]
            self.child = None
            do = (
                "make the environment again, with an interpreter of its own that anybody may read, as uv does"
            )
            raise _Failed(_line(f"its process did not start: {last[0]}"), do) from error
        self._took = time.monotonic() - self._began
        self.alive = True
        for name in cells:
            if (frame := self._receive())["status"] != "ok":
                msg = f"a cell that asks for its {name} ended with {frame['status']}: {frame['error']}"
                raise _Failed(_line(msg), MAINTAINERS)
        self._receive()
        version = str(self._found("version"))
        if version != sys.version:
            msg = f"a jail runs on {version.split()[0]}, and the grader on {sys.version.split()[0]}"
            raise _Failed(msg, "make the environment again with one interpreter, as uv does")
        return f"{version.split()[0]}, as here"

    def limits(self) -> str:
        if self._lacking:
            msg = f"not set: {', '.join(self._lacking)}"
            raise _Failed(msg, "raise the hard limits of this shell or container (ulimit -H -a)")
        in_force = self._found("in_force")
        if in_force != [PROCESSES, DATA]:
            msg = f"{in_force[0]} processes and {in_force[1]} bytes, not {PROCESSES} and {DATA}"
            raise _Failed(msg, "raise the hard limits of this shell or container (ulimit -H -a)")
        return f"{PROCESSES} processes, {DATA // _MIB} MiB of memory for each"

    def rights(self) -> str:
        status = self._status()
        rights = {name: value for name, value in status.items() if name.startswith("Cap") and int(value, 16)}
        uid = status["Uid"].split()[0]
        if rights or uid == "0" or status["NoNewPrivs"] != "1":
            msg = f"user {uid}, rights {rights or 'none'}, NoNewPrivs {status['NoNewPrivs']}"
            raise _Failed(msg, "grade as an ordinary user, and not as root")
        return f"user {uid}, no capabilities, and none to be had"

    def filter(self) -> str:
        if self._missing:
            msg = f"not here: {self._missing[0]}"
            raise _Failed(msg, "nothing has to be done: this is the layer behind the others")
        if self._status()["Seccomp"] != "2":
            msg = "the kernel runs the jail without its filter"
            raise _Failed(msg, "grade on a kernel with CONFIG_SECCOMP_FILTER, as all distributions have")
        return "by a filter of its own"

    def room(self) -> str:
        sizes, wanted = self._found("room"), list(WRITABLE.values())
        if sizes != wanted:
            msg = f"{sizes} bytes, and not {wanted}"
            raise _Failed(msg, "install bubblewrap 0.5 or newer, which can bound it")
        return ", ".join(f"{size // _MIB} MiB in {place}" for place, size in WRITABLE.items())

    def listens(self) -> str:
        if self._listener is None:
            msg = "no listener came out of it"
            raise _Failed(msg)
        # A socket belongs to the network that it was made in: here it takes connections from in there only.
        with socket.socket() as ours:
            ours.settimeout(1)
            if ours.connect_ex(("127.0.0.1", _PORT)) == 0 and _accepts(self._listener):
                msg = "its network is that of this machine"
                raise _Failed(msg, "see why a jail does not get a network of its own")
        self._send({"op": "call", "target": {"name": "_tried"}, "args": ["127.0.0.1", _PORT], "number": 1})
        if not _accepts(self._listener):
            msg = "nothing came through it"
            raise _Failed(msg, MAINTAINERS)
        self._receive()
        return f"port {_PORT} in its own network"

    def reaches(self) -> str:
        reached = self._found("reached")
        if reached or _accepts(self._outside, 0.0):
            msg = f"a jail reaches {', '.join(map(str, reached)) or 'this machine'}"
            raise _Failed(msg, "do not grade here: see why bwrap --unshare-net gives no network of its own")
        return "neither this machine nor anything beyond"

    def ends(self) -> str:
        child, began = self._child(), time.monotonic()
        child.end()
        self.child = None
        self.alive = False
        if Path(f"/proc/{child.root}").exists():
            msg = "its first process is there still"
            raise _Failed(msg, MAINTAINERS)
        return f"within {(time.monotonic() - began) * 1000:.0f} ms"

    def quick(self) -> str:
        said = f"{self._took:.1f} s until its first cell, imports included"
        if self._took > SLOW:
            raise _Failed(said, "grade on a faster disk, or with fewer --jobs")
        return said

    def end(self) -> None:
        """End what is left; a second call does nothing."""
        self._outside.close()
        if self._listener is not None:
            self._listener.close()
        if self._channel is not None:
            self._channel.close()
        if self.child is not None:
            self.child.end()
            self.child = None

    def _child(self) -> Child:
        if self.child is None:
            msg = "there is no jail"
            raise _Failed(msg)
        return self.child

    def _talk(self) -> Channel:
        if self._channel is None:
            msg = "there is no jail"
            raise _Failed(msg)
        return self._channel

    def _deadline(self) -> float:
        return time.monotonic() + SECONDS

    def _send(self, message: Mapping[str, Any]) -> None:
        self._talk().send(message, self._deadline())

    def _receive(self) -> dict[str, Any]:
        return dict(self._talk().receive(self._deadline()))

    def _found(self, name: str) -> Any:
        self._send({"op": "get", "target": {"name": name}, "number": 1})
        return self._receive()["answer"]["value"]

    def _status(self) -> Mapping[str, str]:
        lines = (line.split(":\t", 1) for line in str(self._found("status")).splitlines() if ":\t" in line)
        return dict(lines)


def _accepts(listener: socket.socket, seconds: float = 5.0) -> bool:
    listener.settimeout(seconds)
    try:
        listener.accept()[0].close()
    except (TimeoutError, BlockingIOError):
        return False
    return True


def _gateways() -> list[tuple[str, tuple[str, int]]]:
    """Return services that clouds have for every machine, and that give away its rights."""
    return [("the cloud's metadata", ("169.254.169.254", 80))]


# Why not


def _causes(said: str) -> str:
    """Return what is known to keep a jail from starting, and what to do about it; empty if nothing is."""
    done = [do for applies, do in _KNOWN if applies(said)]
    return " ".join(done)


def _setting(name: str) -> str:
    try:
        return (_SYSCTL / name).read_text().strip()
    except OSError:
        return ""


def _ordinary() -> bool:
    return os.geteuid() != 0


_APPARMOR = f"""\
AppArmor keeps user namespaces from programs without a profile (Ubuntu from 23.10 on): as root, write the
following to /etc/apparmor.d/bwrap and run `apparmor_parser -r /etc/apparmor.d/bwrap`:
{PROFILE}"""
_CONTAINER = """\
In a container: Docker's own filter of system calls refuses new namespaces; start it with `--security-opt
seccomp=unconfined --security-opt apparmor=unconfined`, and with `--security-opt systempaths=unconfined` where
it is proc that cannot be mounted."""

_KNOWN: Sequence[tuple[Callable[[str], bool], str]] = (
    (
        lambda said: "unknown option" in said.lower(),
        "This bubblewrap is too old: install 0.5 or newer.",
    ),
    (
        lambda said: _ordinary() and _setting("kernel/apparmor_restrict_unprivileged_userns") == "1",
        _APPARMOR,
    ),
    (
        lambda said: _setting("user/max_user_namespaces") == "0",
        "User namespaces are switched off: as root, run `sysctl user.max_user_namespaces=10000`.",
    ),
    (
        lambda said: _ordinary() and _setting("kernel/unprivileged_userns_clone") == "0",
        "User namespaces are for root only: as root, run `sysctl kernel.unprivileged_userns_clone=1`.",
    ),
    (
        lambda said: "No space left" in said,
        "Too many namespaces or mounts are in use: see `sysctl user.max_user_namespaces fs.mount-max`.",
    ),
    (
        lambda said: any(mark.exists() for mark in _CONTAINERS),
        _CONTAINER,
    ),
)
