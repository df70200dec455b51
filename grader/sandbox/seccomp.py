"""Which system calls a jail is refused: a program for the kernel, in the form that ``bwrap --seccomp`` takes.

Namespaces, limits and a read-only tree are the jail; this is the layer behind them. It takes away what no
notebook needs and what holes in the kernel were found in, or what memory can be hidden in: new namespaces,
mounts, tracing, io_uring, kernel keys, odd protocols, shared memory that no file and no page table shows.

It is a list of what is refused, not of what is allowed: the stack that students import may use any ordinary
call. Calls newer than the list do not exist for a jail, so that none is open because nobody knew of it.

Arguments are compared by their low 32 bits. The kernel declares those that matter here as int (socket,
ioctl, prctl, personality) or takes the low half itself (clone), so what stands above changes nothing; a
filter that compared all 64 bits would be passed by setting one of the upper ones.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NEWEST = 469
"""the last call that was weighed (file_setattr, Linux 6.17); from 424 on all machines count alike"""

# Calls by name: their numbers on x86_64 and on aarch64, None where a machine has no such call.
MACHINES = ("x86_64", "aarch64")
REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    # other namespaces, other roots, other file systems
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree_attr": (467, 467),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "nfsservctl": (180, 42),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # large parts of the kernel that holes were found in
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    # memory that is in no process's address space, so that nobody could say whose it is
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "memfd_secret": (447, 447),
    "vmsplice": (278, 75),
    "io_setup": (206, 0),
    # where memory lies
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # the machine
    "create_module": (174, None),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "get_kernel_syms": (177, None),
    "query_module": (178, None),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "lookup_dcookie": (212, 18),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
}
MISSING = {"clone3": (435, 435)}
"""its flags lie in memory, where no filter can look: glibc then takes clone"""
WEIGHED = {
    "clone": (56, 220),
    "mmap": (9, 222),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "setsockopt": (54, 208),
    "ioctl": (16, 29),
    "personality": (135, 92),
    "prctl": (157, 167),
}
"""calls that are refused for some of their arguments only"""

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEW_NAMESPACES = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000
"""CLONE_NEW* for cgroup, uts, ipc, user, pid, net and mount; CLONE_NEWTIME is clone3's only"""
_ANONYMOUS, _SHARED, _SHARED_VALIDATED, _SHARING = 0x20, 0x1, 0x3, 0xF
"""of mmap: shared memory without a file stays when those who have it mapped drop it, and nothing says then
whose it is; a file in memory has the size of its folder as its bound"""
_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _DGRAM, _KINDS = 1, 2, 0xF
_PROTOCOLS = (0, 6, 17)
"""whichever is usual, TCP, UDP: not SCTP, DCCP or MPTCP, which a kernel would load a module for"""
_SOCKET, _LINGER = 1, 13
"""SOL_SOCKET and SO_LINGER: a socket that was handed over could hold up its closing, for years"""
_TERMINAL = (0x5412, 0x541C, 0x5423)
"""TIOCSTI types into the terminal that the grader was started from, TIOCLINUX pastes, and TIOCSETD has
modules loaded"""
_USUAL = (0, 0xFFFFFFFF)
"""personality: the ordinary one, and the question which one it is"""
_SET_DUMPABLE = 4
"""a process that hides itself this way could not be measured by an ordinary user"""

# What linux/filter.h and linux/seccomp.h call BPF_LD|BPF_W|BPF_ABS and so on.
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _GREATER, _ANY_BIT = 0x15, 0x25, 0x45
_NUMBER, _MACHINE = 0, 4
_KILL, _ERROR, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_FURTHEST = 255
"""a jump counts instructions in one byte"""


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction; a jump goes to a label, or to the next instruction where it names none."""

    code: int
    k: int
    then: str = ""
    otherwise: str = ""


def filter_bytes(machine: str | None = None) -> bytes | None:
    """Return the program for a machine, by default this one; ``None`` if there is none for it."""
    if machine is None:
        # A 32-bit interpreter would be ended by the first rule.
        machine = platform.machine() if struct.calcsize("P") == 8 else ""
    if machine not in MACHINES:
        return None
    return _assembled(list(_program(machine)))


def _program(machine: str) -> Iterator[_Step | str]:
    """Yield steps, and labels before the steps they name."""
    column = MACHINES.index(machine)
    yield _Step(_LOAD, _MACHINE)
    yield _Step(_EQUAL, _ARCHITECTURES[machine], otherwise="kill")
    yield _Step(_LOAD, _NUMBER)
    # Among them all calls of x32, which have bit 30 set or, on old kernels, numbers from 512 on.
    yield _Step(_GREATER, NEWEST, then="missing")
    for name, numbers in WEIGHED.items():
        yield _Step(_EQUAL, numbers[column], then="socket" if name == "socketpair" else name)
    yield _Step(_EQUAL, MISSING["clone3"][column], then="missing")
    for refused in REFUSED.values():
        if (number := refused[column]) is not None:
            yield _Step(_EQUAL, number, then="refuse")
    yield _Step(_RETURN, _ALLOW)
    yield from _arguments()
    yield from _block("kill", _Step(_RETURN, _KILL))
    yield from _block("missing", _Step(_RETURN, _ERROR | errno.ENOSYS))
    yield from _block("refuse", _Step(_RETURN, _ERROR | errno.EPERM))
    yield from _block("allow", _Step(_RETURN, _ALLOW))


def _arguments() -> Iterator[_Step | str]:
    """Yield what is looked at in calls that are refused for some of their arguments."""
    namespaces = _Step(_ANY_BIT, _NEW_NAMESPACES, then="refuse", otherwise="allow")
    yield from _block("clone", _argument(0), namespaces)
    yield from _block("mmap", _argument(3), _Step(_AND, _ANONYMOUS | _SHARING))
    shared = (_ANONYMOUS | _SHARED, _ANONYMOUS | _SHARED_VALIDATED)
    yield from _among(shared, then="refuse", otherwise="allow")
    yield from _block("ioctl", _argument(1), *_among(_TERMINAL, then="refuse", otherwise="allow"))
    yield from _block("personality", _argument(0), *_among(_USUAL, then="allow", otherwise="refuse"))
    yield from _block("prctl", _argument(0), *_among((_SET_DUMPABLE,), then="refuse", otherwise="allow"))
    at_all = _Step(_EQUAL, _SOCKET, then="option", otherwise="allow")
    yield from _block("setsockopt", _argument(1), at_all)
    lingers = _among((_LINGER,), then="refuse", otherwise="allow")
    yield from _block("option", _argument(2), *lingers)
    yield from _block("socket", _argument(0), _Step(_EQUAL, _UNIX, then="allow"))
    yield from _among((_INET, _INET6), then="internet", otherwise="refuse")
    yield from _block("internet", _argument(1), _Step(_AND, _KINDS))
    yield from _among((_STREAM, _DGRAM), then="protocol", otherwise="refuse")
    yield from _block("protocol", _argument(2), *_among(_PROTOCOLS, then="allow", otherwise="refuse"))


def _block(label: str, *steps: _Step) -> Iterator[_Step | str]:
    yield label
    yield from steps


def _argument(index: int) -> _Step:
    """Load the low half of an argument; both machines are little-endian."""
    return _Step(_LOAD, 16 + 8 * index)


def _among(values: tuple[int, ...], *, then: str, otherwise: str) -> Iterator[_Step]:
    for value in values[:-1]:
        yield _Step(_EQUAL, value, then=then)
    yield _Step(_EQUAL, values[-1], then=then, otherwise=otherwise)


def _assembled(program: list[_Step | str]) -> bytes:
    places: dict[str, int] = {}
    steps: list[_Step] = []
    for item in program:
        if isinstance(item, str):
            places[item] = len(steps)
        else:
            steps.append(item)

    def distance(here: int, label: str) -> int:
        jump = places[label] - here - 1 if label else 0
        if not 0 <= jump <= _FURTHEST:
            msg = f"a jump from step {here} to {label!r} would go over {jump} steps"
            raise ValueError(msg)
        return jump

    return b"".join(
        struct.pack("=HBBI", step.code, distance(here, step.then), distance(here, step.otherwise), step.k)
        for here, step in enumerate(steps)
    )
