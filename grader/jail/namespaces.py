"""The walls of a jail, asked of the kernel by the process that is to live behind them. Linux only.

A process that was forked needs no program such as bubblewrap to be put into a jail: it takes namespaces of
its own, mounts what is its own there, and gives up every right. What it shares with the process that it was
forked from (interpreter, packages, kit) is mounted read-only already.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEW_MOUNTS, NEW_UTS, NEW_IPC = 0x00020000, 0x04000000, 0x08000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXEC, _RECURSIVE, _PRIVATE = 1, 2, 4, 8, 16384, 1 << 18
_SET_DUMPABLE, _SET_SECCOMP, _DROP_BOUND, _NO_NEW_PRIVS, _AMBIENT = 4, 22, 24, 38, 47
_FILTER, _CLEAR_ALL = 2, 4
_CAPABILITIES = 64
BUFFERS = "4096 65536 262144"
"""bytes that the kernel keeps of what was sent, or was not read yet: at least, at first, at most"""
_CAPABILITY_VERSION = 0x20080522
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


@dataclass(frozen=True, slots=True)
class Walls:
    """What makes a forked process a jailed one."""

    folders: Mapping[str, int] = field(default_factory=dict)
    """folders in memory that it can write to, with their sizes in bytes; the first one is its work folder"""
    filter: bytes = b""
    """a program for the kernel that refuses system calls; empty for none"""
    uid: int | None = None
    """the user that it becomes, where root starts it; ``None`` where an ordinary user does"""

    def plain(self) -> dict[str, Any]:
        """Return the walls as JSON has them."""
        return {"folders": dict(self.folders), "filter": self.filter.hex(), "uid": self.uid}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Walls:
        """Return the walls that ``plain`` gave."""
        return cls(dict(plain["folders"]), bytes.fromhex(plain["filter"]), plain["uid"])


def unshare(namespaces: int) -> None:
    """Take new namespaces; a new one of processes is for the children. Raises OSError."""
    _check(_libc().unshare(ctypes.c_int(namespaces)), "unshare")


def enter(descriptor: int, namespace: int) -> None:
    """Have children live in the namespace of this kind that a descriptor stands for. Raises OSError."""
    _check(_libc().setns(descriptor, ctypes.c_int(namespace)), "setns")


def own_tree(walls: Walls, old_proc: int) -> None:
    """Take a file system, network and messages of its own; the rights to do so are still there.

    Raises OSError. The process must be the first one of its namespace of processes, or below it. ``old_proc``
    is a descriptor of a /proc that can be written to.
    """
    unshare(NEW_MOUNTS | NEW_NET | NEW_IPC | NEW_UTS)
    _mount("none", "/", None, _RECURSIVE | _PRIVATE)
    for folder, size in walls.folders.items():
        _mount("tmpfs", folder, "tmpfs", _NO_SUID | _NO_DEVICES, f"mode=1777,size={size}")
    # Terminals, too: those of another jail must not be there.
    _mount("devpts", "/dev/pts", "devpts", _NO_SUID | _NO_EXEC, "newinstance,ptmxmode=0666,mode=620")
    _mount("proc", "/proc", "proc", _NO_SUID | _NO_DEVICES | _NO_EXEC | _READ_ONLY)
    loopback_up()
    _bound_buffers(old_proc)
    work = next(iter(walls.folders))
    Path(work, ".tmp").mkdir()
    Path(work, ".tmp").chmod(0o1777)
    os.chdir(work)


def no_rights(walls: Walls, old_proc: int) -> None:
    """Become a user without any right, for good. Raises OSError.

    ``old_proc`` is a descriptor of a /proc that can be written to.
    """
    if walls.uid is None:
        own_user(old_proc, os.getuid(), os.getgid())
    drop_bounds()
    if walls.uid is not None:
        become(walls.uid)
    _prctl(_NO_NEW_PRIVS, 1)
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    _check(_libc().capset(header, struct.pack("IIIIII", *(0,) * 6)), "capset")
    # Who becomes somebody else is hidden from itself: its own descriptors could not be listed.
    _prctl(_SET_DUMPABLE, 1)
    if walls.filter:
        _filter_calls(walls.filter)


def own_user(proc: int, inner_uid: int, inner_gid: int, more: int = 0) -> None:
    """Take a namespace of users in which this user has these ids, and every right. Raises OSError.

    ``proc`` is a descriptor of a /proc that can be written to; ``more`` are other namespaces to take at once.
    """
    uid, gid = os.getuid(), os.getgid()
    unshare(NEW_USER | more)
    maps = {"setgroups": "deny", "uid_map": f"{inner_uid} {uid} 1", "gid_map": f"{inner_gid} {gid} 1"}
    for name, text in maps.items():
        file = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def become(uid: int) -> None:
    """Become another user, with no group but its own. Raises OSError."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def drop_bounds() -> None:
    """Give up every right that a program could get back by being started."""
    for capability in range(_CAPABILITIES):
        if _libc().prctl(_DROP_BOUND, capability, 0, 0, 0) < 0:  # there are no more
            break
    _libc().prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)


def _bound_buffers(proc: int) -> None:
    """Bound what the kernel keeps for each connection: that memory is in no process. Raises OSError."""
    for name in ("tcp_rmem", "tcp_wmem"):
        file = os.open(f"sys/net/ipv4/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            os.write(file, BUFFERS.encode())
        finally:
            os.close(file)


def loopback_up() -> None:
    """Switch the loopback device of this network on. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack("16sh22x", b"lo", 0))
        (now,) = struct.unpack_from("16xh", flags)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", now | _UP))


def fresh_proc() -> None:
    """Mount a /proc over the one that is there. Raises OSError."""
    _mount("proc", "/proc", "proc", _NO_SUID | _NO_DEVICES | _NO_EXEC)


def private_mounts() -> None:
    """Let what is mounted from here on be seen by nobody else. Raises OSError."""
    _mount("none", "/", None, _RECURSIVE | _PRIVATE)


def _filter_calls(program: bytes) -> None:
    steps = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(steps))
    buffer = ctypes.create_string_buffer(described, len(described))
    _prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(buffer))


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    given = (source.encode(), target.encode(), kind.encode() if kind else None)
    _check(_libc().mount(*given, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _prctl(option: int, *arguments: int) -> None:
    given = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc().prctl(option, *given), f"prctl {option}")


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
