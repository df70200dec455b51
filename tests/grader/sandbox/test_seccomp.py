from __future__ import annotations

import errno
import itertools
import json
import os
import platform
import struct
import subprocess
from functools import cache
from typing import Any

import pytest

from grader.sandbox import seccomp
from grader.sandbox.seccomp import MACHINES, NEWEST, REFUSED, WEIGHED, filter_bytes
from tests.grader.sandbox import plain_jail
from tests.grader.sandbox.plain_jail import PYTHON, SECONDS

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
FOREIGN = {"i386": 0x40000003, "arm": 0x40000028, "riscv64": 0xC00000F3}
ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
HIGH = 0xDEADBEEF << 32

# Calls that Python, its standard library and the stack make all the time: x86_64, aarch64.
ORDINARY = {
    "read": (0, 63),
    "write": (1, 64),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "brk": (12, 214),
    "openat": (257, 56),
    "close": (3, 57),
    "statx": (332, 291),
    "newfstatat": (262, 79),
    "futex": (202, 98),
    "epoll_create1": (291, 20),
    "eventfd2": (290, 19),
    "timerfd_create": (283, 85),
    "inotify_init1": (294, 26),
    "pipe2": (293, 59),
    "execve": (59, 221),
    "wait4": (61, 260),
    "kill": (62, 129),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "connect": (42, 203),
    "bind": (49, 200),
    "accept4": (288, 242),
    "sendmsg": (46, 211),
    "sched_getaffinity": (204, 123),
    "prlimit64": (302, 261),
    "getrandom": (318, 278),
    "setitimer": (38, 103),
    "rseq": (334, 293),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
    "fchmodat2": (452, 452),
    "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "flock": (73, 32),
    "setsid": (112, 157),
}


def steps(program: bytes) -> list[tuple[int, int, int, int]]:
    return list(struct.iter_unpack("=HBBI", program))


def run(program: bytes, arch: int, nr: int, *args: int) -> int:
    """What the kernel would make of one call."""
    data = struct.pack("<IIQ6Q", nr & 0xFFFFFFFF, arch, 0, *args, *[0] * (6 - len(args)))
    accumulator, at, listed = 0, 0, steps(program)
    while True:
        code, then, otherwise, k = listed[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, k)
            case 0x54:
                accumulator &= k
            case 0x06:
                return k
            case 0x15 | 0x25 | 0x45:
                yes = {0x15: accumulator == k, 0x25: accumulator > k, 0x45: accumulator & k != 0}[code]
                at += then if yes else otherwise
            case _:
                pytest.fail(f"the kernel has no instruction {code:#x}")


def verdict(machine: str, nr: int, *args: int) -> int:
    program = filter_bytes(machine)
    assert program is not None
    return run(program, ARCH[machine], nr, *args)


def column(table: Any, name: str, machine: str) -> int:
    number = table[name][MACHINES.index(machine)]
    assert number is not None
    return number


@pytest.mark.parametrize("machine", MACHINES)
def test_every_jump_stays_inside_and_every_way_ends(machine):
    program = filter_bytes(machine)
    assert program is not None
    listed = steps(program)
    assert len(program) % 8 == 0
    assert len(listed) < 4096
    for at, (code, then, otherwise, _) in enumerate(listed):
        if code in (0x15, 0x25, 0x45):
            assert at + 1 + max(then, otherwise) < len(listed)
        else:
            assert (then, otherwise) == (0, 0)
    assert listed[-1][0] == 0x06


@pytest.mark.parametrize("machine", MACHINES)
def test_every_listed_call_is_refused_whatever_its_arguments(machine):
    for name, numbers in REFUSED.items():
        number = numbers[MACHINES.index(machine)]
        if number is not None:
            assert verdict(machine, number) == EPERM, name
            assert verdict(machine, number, HIGH | 1, 2, 3) == EPERM, name


@pytest.mark.parametrize("machine", MACHINES)
def test_ordinary_calls_are_allowed(machine):
    for name in ORDINARY:
        assert verdict(machine, column(ORDINARY, name, machine)) == ALLOW, name


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("number", [NEWEST + 1, 512, 547, 0x40000000, 0x40000000 | 59, 0xFFFFFFFF, 2**31])
def test_calls_that_nobody_weighed_and_those_of_x32_do_not_exist(machine, number):
    assert verdict(machine, number) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_architecture_end_the_process(machine):
    program = filter_bytes(machine)
    assert program is not None
    others = {**FOREIGN, **{name: arch for name, arch in ARCH.items() if name != machine}}
    for arch in others.values():
        assert {run(program, arch, nr) for nr in (0, 1, 20, 120, 400)} == {KILL}


FORK = 0x01200011  # what glibc's fork() passes
THREAD = 0x3D0F00  # what pthread_create() passes
VFORK = 0x4111


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (FORK, ALLOW),
        (THREAD, ALLOW),
        (VFORK, ALLOW),
        (0, ALLOW),
        (HIGH | FORK, ALLOW),  # clone() does not look at the upper half
        (0x80, ALLOW),  # CLONE_NEWTIME for clone3, a signal's number for clone
        *((flag | FORK, EPERM) for flag in (0x20000, *(1 << bit for bit in range(25, 31)))),
        (HIGH | 0x10000000 | 17, EPERM),
        (0x7E020000, EPERM),
    ],
)
@pytest.mark.parametrize("machine", MACHINES)
def test_clone_makes_processes_and_threads_but_no_namespaces(machine, flags, expected):
    assert verdict(machine, column(WEIGHED, "clone", machine), flags) == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_clone3_does_not_exist_so_that_clone_is_taken(machine):
    assert verdict(machine, 435, 1 << 40, 88) == ENOSYS


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0x22, ALLOW),  # private, without a file
        (0x20022, ALLOW),  # a thread's stack
        (0x01, ALLOW),  # shared, of a file
        (0x03, ALLOW),
        (0x02, ALLOW),
        (0x21, EPERM),
        (0x23, EPERM),
        (0x40021, EPERM),  # in huge pages
        (0x108021, EPERM),  # filled at once, at a fixed place
        (HIGH | 0x21, EPERM),
        (HIGH | 0x22, ALLOW),
    ],
)
@pytest.mark.parametrize("machine", MACHINES)
def test_memory_is_private_or_a_files(machine, flags, expected):
    assert verdict(machine, column(WEIGHED, "mmap", machine), 0, 4096, 3, flags, 2**64 - 1, 0) == expected


SOCKETS = [
    ((1, 1, 0), ALLOW),
    ((1, 5 | 0o2000000, 0), ALLOW),
    ((2, 1 | 0o2004000, 0), ALLOW),
    ((2, 1, 6), ALLOW),
    ((10, 1, 6), ALLOW),
    ((10, 2, 17), ALLOW),
    ((HIGH | 2, HIGH | 1, HIGH | 6), ALLOW),  # the kernel reads all three as int
    ((2, 3, 0), EPERM),  # raw
    ((2, 5, 132), EPERM),  # SCTP
    ((2, 1, 132), EPERM),
    ((2, 6, 33), EPERM),  # DCCP
    ((2, 1, 262), EPERM),  # MPTCP
    ((2, 2, 136), EPERM),  # UDP-Lite
    ((2, 2, 1), EPERM),  # ping
    *(((family, 1, 0), EPERM) for family in (0, 3, 9, 15, 16, 17, 21, 29, 30, 38, 40, 41, 44, 45, 2**32 - 1)),
    ((HIGH | 38, 5, 0), EPERM),
]


@pytest.mark.parametrize("call", ["socket", "socketpair"])
@pytest.mark.parametrize(("args", "expected"), SOCKETS)
@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_are_local_or_of_the_usual_internet_protocols(machine, args, expected, call):
    assert verdict(machine, column(WEIGHED, call, machine), *args) == expected


@pytest.mark.parametrize(
    ("call", "args", "expected"),
    [
        ("ioctl", (0, 0x5412, 1 << 40), EPERM),
        ("ioctl", (0, HIGH | 0x5412, 0), EPERM),  # CVE-2019-10063: compared by 64 bits, this would pass
        ("ioctl", (0, 0x541C), EPERM),
        ("ioctl", (0, 0x5423), EPERM),
        ("ioctl", (0, 0x5401), ALLOW),  # isatty
        ("ioctl", (0, 0x5413), ALLOW),  # the terminal's size
        ("ioctl", (0, 0x541B), ALLOW),  # FIONREAD
        ("ioctl", (0x5412, 0x5421), ALLOW),  # the number is a descriptor here
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0,), ALLOW),
        ("personality", (0x0040000,), EPERM),  # addresses that can be guessed
        ("personality", (HIGH | 0x0400000,), EPERM),  # every page can be executed
        ("prctl", (4, 0), EPERM),
        ("prctl", (15, 1), ALLOW),  # a thread's name
        ("prctl", (1, 9), ALLOW),
        ("prctl", (38, 1), ALLOW),
        ("setsockopt", (5, 1, 13), EPERM),  # SO_LINGER
        ("setsockopt", (5, HIGH | 1, HIGH | 13), EPERM),
        ("setsockopt", (5, 1, 2), ALLOW),  # SO_REUSEADDR
        ("setsockopt", (5, 6, 13), ALLOW),  # TCP_CONGESTION
        ("setsockopt", (5, 6, 1), ALLOW),  # TCP_NODELAY
    ],
)
@pytest.mark.parametrize("machine", MACHINES)
def test_some_arguments_are_refused(machine, call, args, expected):
    assert verdict(machine, column(WEIGHED, call, machine), *args) == expected


def test_numbers_are_named_once_and_none_is_beyond_the_newest():
    tables = [REFUSED, seccomp.MISSING, WEIGHED]
    names = list(itertools.chain(*tables))
    assert len(names) == len(set(names))
    for machine in range(len(MACHINES)):
        numbers = [row[machine] for table in tables for row in table.values() if row[machine] is not None]
        assert len(numbers) == len(set(numbers))
        assert max(numbers) <= NEWEST


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_ordinary_shares_a_number_with_what_is_refused(machine):
    """And a call that is neither listed nor weighed is allowed: the list says all."""
    at = MACHINES.index(machine)
    listed = {row[at] for table in (REFUSED, seccomp.MISSING) for row in table.values()}
    weighed = {row[at] for row in WEIGHED.values()}
    for number in range(NEWEST + 1):
        if number not in weighed:
            assert (verdict(machine, number) == ALLOW) == (number not in listed), number


@pytest.mark.parametrize("machine", ["", "i686", "armv7l", "riscv64", "aarch64_be", "arm64"])
def test_there_is_no_program_for_another_machine(machine):
    assert filter_bytes(machine) is None


def test_this_machine_is_the_usual_one(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert filter_bytes() == filter_bytes("aarch64")
    assert filter_bytes("aarch64") != filter_bytes("x86_64")
    monkeypatch.setattr(platform, "machine", lambda: "i686")
    assert filter_bytes() is None


def test_a_jump_that_would_be_too_far_is_told_when_the_program_is_made():
    step = seccomp._Step(0x06, 0)
    with pytest.raises(ValueError, match="256 steps"):
        seccomp._assembled([seccomp._Step(0x15, 1, then="end"), *[step] * 256, "end", step])
    with pytest.raises(ValueError, match="-2 steps"):
        seccomp._assembled(["start", step, seccomp._Step(0x15, 1, then="start")])


# In a real jail


def in_jail(code: str, *, filtered: bool = True) -> subprocess.CompletedProcess[str]:
    plain_jail.needed()
    program = filter_bytes()
    if program is None:
        pytest.skip(f"there is no program for {platform.machine()}")
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb") as sink:
        sink.write(program)
        sink.close()
        options = ["--seccomp", str(file.fileno())] if filtered else []
        return subprocess.run(
            [*plain_jail.bwrap("--chdir", "/tmp", *options), PYTHON, "-I", "-c", code],
            pass_fds=[file.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


CALLER = """
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    ctypes.set_errno(0)
    got = libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(arg) for arg in args])
    return ctypes.get_errno() if got == -1 else 0
"""


@cache
def tried_in_jail() -> dict[str, int]:
    """Every refused call, with arguments that would do no harm; the number of the error each ended with."""
    at = MACHINES.index(platform.machine()) if platform.machine() in MACHINES else 0
    weighed = {name: row[at] for name, row in WEIGHED.items()}
    calls = {name: [row[at]] for name, row in REFUSED.items() if row[at] is not None}
    calls |= {
        "a new user namespace": [weighed["clone"], 0x10000000 | 17],
        "clone3": [435, 0, 0],
        "netlink": [weighed["socket"], 16, 3, 0],
        "AF_ALG": [weighed["socket"], 38, 5, 0],
        "AF_VSOCK": [weighed["socket"], 40, 1, 0],
        "packets": [weighed["socketpair"], 17, 3, 0],
        "TIOCSTI": [weighed["ioctl"], 0, 0x5412, 0],
        "TIOCSTI, upper half set": [weighed["ioctl"], 0, 1 << 32 | 0x5412, 0],
        "ADDR_NO_RANDOMIZE": [weighed["personality"], 0x0040000],
        "shared memory": [weighed["mmap"], 0, 4096, 3, 0x21, 2**64 - 1, 0],
        "PR_SET_DUMPABLE": [weighed["prctl"], 4, 0],
        "SO_LINGER": [weighed["setsockopt"], 0, 1, 13, 0, 0],
        "a call of x32": [0x40000000 | 39],
        "a call to come": [NEWEST + 1],
    }
    code = f"{CALLER}\ncalls = {calls!r}\nprint(json.dumps({{n: call(*c) for n, c in calls.items()}}))"
    told = in_jail(code)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_the_kernel_refuses_every_listed_call():
    missing = ("clone3", "a call of x32", "a call to come")
    wrong = {
        name: errno.errorcode.get(number, str(number))
        for name, number in tried_in_jail().items()
        if number != (errno.ENOSYS if name in missing else errno.EPERM)
    }
    assert wrong == {}


def test_without_the_filter_several_of_these_calls_do_work():
    """The jail has namespaces of its own, so this shows that the filter refuses, and nothing else."""
    code = f"""{CALLER}
print(json.dumps([call({WEIGHED["socket"][0]}, 16, 3, 0), call({REFUSED["shmget"][0]}, 0, 4096, 0o1600)]))"""
    if platform.machine() != "x86_64":
        pytest.skip("the numbers in this test are those of x86_64")
    assert json.loads(in_jail(code, filtered=False).stdout) == [0, 0]
    assert json.loads(in_jail(code).stdout) == [errno.EPERM, errno.EPERM]


def test_a_call_of_i386_ends_the_process():
    """On x86_64 ``int 0x80`` reaches the calls of i386, which have other numbers."""
    if platform.machine() != "x86_64":
        pytest.skip("only x86_64 has this way in")
    code = """
import ctypes, mmap
# mov eax, 20 (getpid); int 0x80; ret
page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    told = in_jail(code)
    assert told.stdout == ""
    assert told.returncode in (128 + 31, -31)  # SIGSYS, as bubblewrap passes it on


WORKS = {
    "threads": """
import threading
threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(20)]
[t.start() for t in threads], [t.join() for t in threads]
assert sorted(seen) == list(range(20))
""",
    "subprocesses": """
import os, subprocess
assert subprocess.run(["echo", "x"], capture_output=True).stdout == b"x\\n"
assert subprocess.check_output("echo y | cat", shell=True, start_new_session=True) == b"y\\n"
assert subprocess.run(["pwd"], cwd="/", preexec_fn=os.getpid, capture_output=True).stdout == b"/\\n"
pid = os.posix_spawn("/bin/true", ["true"], {})
assert os.waitpid(pid, 0)[1] == 0
pid = os.fork()
pid or os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
""",
    "asyncio": """
import asyncio
async def main():
    async def serve(reader, writer):
        writer.write(await reader.readline()); await writer.drain(); writer.close()
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    assert (await process.communicate(b"through"))[0] == b"through"
    assert await asyncio.to_thread(sum, [1, 2]) == 3
    server = await asyncio.start_unix_server(serve, "/tmp/s")
    reader, writer = await asyncio.open_unix_connection("/tmp/s")
    writer.write(b"line\\n")
    assert await reader.readline() == b"line\\n"
    writer.close(); server.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"line\\n")
    assert await reader.readline() == b"line\\n"
    writer.close(); server.close()
    asyncio.get_running_loop().add_signal_handler(10, seen.append, 1)
asyncio.run(main())
""",
    "SQLite": """
import sqlite3
base = sqlite3.connect("/tmp/x.db")
assert base.execute("PRAGMA journal_mode=wal").fetchone() == ("wal",)
base.execute("create table t(x)"); base.execute("insert into t values (1)"); base.commit()
assert sqlite3.connect("/tmp/x.db").execute("select x from t").fetchall() == [(1,)]
base.execute("PRAGMA mmap_size=1000000"); base.execute("vacuum"); base.close()
""",
    "multiprocessing": """
import concurrent.futures, multiprocessing
from multiprocessing import shared_memory
for way in ("fork", "forkserver"):
    context = multiprocessing.get_context(way)
    with context.Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
lock, value = multiprocessing.Lock(), multiprocessing.Value("i", 3)
with lock, value.get_lock():
    value.value += 1
with concurrent.futures.ProcessPoolExecutor(2) as pool:
    assert list(pool.map(abs, [-3])) == [3]
block = shared_memory.SharedMemory(create=True, size=10)
block.buf[0] = 1; block.close(); block.unlink()
""",
    "a terminal of its own": """
import os, pty
pid, fd = pty.fork()
if not pid:
    os.execlp("sh", "sh", "-c", "stty size; tty")
text = b""
try:
    while more := os.read(fd, 1000):
        text += more
except OSError:
    pass
assert b"/dev/pts/" in text, text
assert os.waitpid(pid, 0)[1] == 0
""",
    "memory, files and signals": """
import ctypes, faulthandler, mmap, os, resource, signal, socket, tempfile, time
mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE).write(b"x")
with tempfile.TemporaryFile() as file:
    file.write(b"x"); file.flush(); os.fsync(file.fileno()); os.posix_fallocate(file.fileno(), 0, 100)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.setitimer(signal.ITIMER_REAL, 100); signal.setitimer(signal.ITIMER_REAL, 0)
ctypes.CFUNCTYPE(None)(lambda: None)()
os.close(os.pidfd_open(os.getpid()))
a, b = socket.socketpair()
socket.send_fds(a, [b"x"], [1])
for fd in socket.recv_fds(b, 1, 1)[1]: os.close(fd)
try:
    socket.getaddrinfo("localhost", 80)
except socket.gaierror:
    pass
os.sched_setaffinity(0, os.sched_getaffinity(0)); os.nice(1); os.getrandom(4); time.process_time()
os.setsid()
""",
}


@pytest.mark.parametrize("what", WORKS)
def test_what_a_notebook_may_need_works(what):
    code = f"import os\nseen = []\nif __name__ == '__main__':\n{_indented(WORKS[what])}\n    print('worked')"
    told = in_jail("import sys\nsys.argv = ['-c']\n" + code)
    assert (told.stdout, told.returncode) == ("worked\n", 0), told.stderr


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
