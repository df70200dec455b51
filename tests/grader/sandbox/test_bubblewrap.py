"""The jail by its own eyes and from outside, as root builds it and as an ordinary user does."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.errors import GraderError
from grader.grading.fair_clock import Grant
from grader.grading.host import JAILED, PORT, Host
from grader.grading.lab_spec import read_lab_spec
from grader.grading.notebook_process import NotebookProcess
from grader.jail.frames import Channel
from grader.release.course import Course
from grader.sandbox import bubblewrap as module
from grader.sandbox.bubblewrap import FIRST_UID, UIDS, WRITABLE, Bubblewrap
from grader.sandbox.child import End
from grader.sandbox.jails import Jails as GradersJails
from grader.sandbox.jails import jailer
from grader.submissions import CodeCell
from tests.grader.sandbox.looking import AS_ROOT, ROOT, SECONDS, Inside, Jails, descriptors, possible
from tests.grader.sandbox.ordinary import as_ordinary
from utils.modes import RECORDED
from utils.providers import chosen_provider, settings

pytestmark = pytest.mark.jail

AT_START = {
    *("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "HOME", "TMPDIR", "LANG", "TZ"),
    *("USER", "LOGNAME", "PWD", "IPYTHONDIR", "MPLCONFIGDIR", "SSL_CERT_DIR", "LLM_PROVIDER"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"),
}
STATUS = (
    "dict(line.split(':\\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\\t' in line)"
)


@pytest.fixture(scope="module", params=["cold", "warm"])
def made(tmp_path_factory, request) -> Iterator[Jails]:
    yield from possible(tmp_path_factory.mktemp("run") / "stage", warm=request.param == "warm")


@pytest.fixture(scope="module")
def cold(tmp_path_factory) -> Iterator[Jails]:
    yield from possible(tmp_path_factory.mktemp("run") / "stage")


@pytest.fixture(scope="module")
def inside(made) -> Iterator[Inside]:
    """A jail for tests that only look."""
    with made.open() as opened:
        yield opened


# Whose process it is


def test_it_runs_on_the_graders_own_interpreter_and_library(inside):
    version, prefix, library = inside.look("found = [sys.version, sys.base_prefix, os.__file__]")
    assert (version, prefix, library) == (sys.version, sys.base_prefix, os.__file__)


def test_it_has_no_rights_beyond_an_ordinary_users_and_can_get_none(inside):
    status = inside.look(f"found = {STATUS}")
    assert {name: int(status[name], 16) for name in status if name.startswith("Cap")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0
    )
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert set(status["Groups"].split()) <= {str(os.getgid()), "65534"}


def test_its_user_is_not_root_and_not_the_one_who_grades_where_that_is_root(inside):
    ids = inside.look("found = [*os.getresuid(), *os.getresgid()]")
    if AS_ROOT:
        assert len(set(ids)) == 1
        assert ids[0] in range(FIRST_UID, FIRST_UID + UIDS)
    else:
        assert 0 not in ids
        assert inside.look("found = open('/proc/self/setgroups').read()") == "deny\n"


def test_programs_that_would_give_rights_give_none(inside):
    said = inside.look(
        "import subprocess\n"
        "found = [subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL).returncode\n"
        "         for words in (['unshare', '-U', 'true'], ['mount', '-t', 'tmpfs', 'x', '/work'])]"
    )
    assert 0 not in said


# What it is in


def test_it_sees_only_its_own_processes_and_none_of_their_secrets(inside, made):
    processes, names = inside.look(
        "processes = sorted(int(name) for name in os.listdir('/proc') if name.isdigit())\n"
        "found = [processes, [open(f'/proc/{p}/comm').read().strip() for p in processes]]"
    )
    assert processes[0] == 1
    assert names == ["python" if made.warm else "bwrap", "python"]
    environ = inside.look("try: found = open('/proc/1/environ').read()\nexcept PermissionError: found = ''")
    assert environ == ""


def test_every_namespace_is_its_own_and_so_is_its_host_name(inside):
    theirs = inside.look(
        "found = {name: os.readlink('/proc/self/ns/' + name) for name in os.listdir('/proc/self/ns')}"
    )
    same = {name for name, space in theirs.items() if str(Path(f"/proc/self/ns/{name}").readlink()) == space}
    assert same <= {"user", "time", "time_for_children"} - (set() if AS_ROOT else {"user"})
    assert inside.look("found = os.uname().nodename") == "jail"
    assert (
        inside.look("found = [socket.gethostbyname(name) for name in ('jail', 'localhost')]")
        == ["127.0.0.1"] * 2
    )


def test_its_network_is_nothing_but_itself(inside):
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0grader-test-{os.getpid()}")
        abstract.listen()
        told = inside.look(
            "def tried(family, address):\n"
            "    with socket.socket(family) as one:\n"
            "        one.settimeout(5)\n"
            "        try: one.connect(address)\n"
            "        except OSError as error: return type(error).__name__ + ' ' + str(error.errno)\n"
            "        return 'connected'\n"
            f"found = [tried(socket.AF_INET, ('127.0.0.1', {ours.getsockname()[1]})),\n"
            f"         tried(socket.AF_UNIX, {abstract.getsockname()!r}),\n"
            "         tried(socket.AF_INET, ('192.0.2.1', 80)),\n"
            "         tried(socket.AF_INET, ('169.254.169.254', 80)),\n"
            "         tried(socket.AF_INET6, ('2001:db8::1', 80))]"
        )
    refused, unreachable = "ConnectionRefusedError 111", "OSError 101"
    assert told[:4] == [refused, refused, unreachable, unreachable]
    assert told[4] in (unreachable, "OSError 99")
    assert inside.look("found = os.listdir('/sys') if os.path.exists('/sys') else []") == []
    assert inside.look("found = [line.split(':')[0].strip() for line in open('/proc/net/dev')][2:]") == ["lo"]


def test_its_environment_is_nothing_but_what_is_listed(inside):
    environment = inside.look("found = dict(os.environ)")
    assert set(environment) == AT_START
    assert str(ROOT) not in str(environment)


def test_it_has_no_input_and_no_descriptor_but_its_socket(inside, made):
    told = inside.look(
        "names = os.listdir('/proc/self/fd')\n"
        "there = [name for name in names if os.path.lexists(f'/proc/self/fd/{name}')]\n"
        "links = {name: os.readlink(f'/proc/self/fd/{name}') for name in there}\n"
        "found = [links, str(sock.fileno()), sys.stdin.read()]"
    )
    links, own, read = told
    assert set(links) == {"0", "1", "2", own}
    assert (links["0"], links["1"], read) == ("/dev/null", "/dev/null", "")
    # What a cold process says before anything of a submission runs is told.
    assert links["2"] == "/dev/null" if made.warm else links["2"].startswith("pipe:")


def test_what_it_cannot_write_to_is_mounted_read_only(inside):
    mounts = inside.look("found = [line.split() for line in open('/proc/self/mountinfo')]")
    # Of several mounts at one place the last one is seen.
    seen = {words[4]: words[5].split(",") for words in mounts}
    writable = {place for place, options in seen.items() if "ro" not in options}
    devices = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "pts")}
    assert writable == {*WRITABLE, *devices}
    assert all("nosuid" in words[5].split(",") for words in mounts)
    assert all(
        "nodev" in words[5].split(",")
        for words in mounts
        if not words[4].startswith("/dev/") or words[4] == "/dev/shm"
    )


def test_what_it_can_write_to_is_in_memory_and_of_a_known_size(inside):
    sizes = inside.look(
        f"stats = {{place: os.statvfs(place) for place in {list(WRITABLE)!r}}}\n"
        "found = {place: one.f_blocks * one.f_frsize for place, one in stats.items()}"
    )
    assert sizes == dict(WRITABLE)
    with_ends = inside.look(
        "import errno\n"
        "def fill(path):\n"
        "    with open(path, 'wb', buffering=0) as file:\n"
        "        try:\n"
        "            for _ in range(80): file.write(bytes(2**20))\n"
        "        except OSError as error: return error.errno == errno.ENOSPC, file.tell()\n"
        "        finally: os.unlink(path)\n"
        "found = [fill('/work/x'), fill('/dev/shm/x')]"
    )
    assert with_ends == [[True, size] for size in WRITABLE.values()]


# What a cell finds

LIMITS = {
    "NPROC": JAILED.processes,
    "FSIZE": JAILED.file_size,
    "NOFILE": JAILED.open_files,
    "CORE": JAILED.core,
    "DATA": JAILED.data,
}
CELLS = {
    "environment": "json.dumps(dict(os.environ))",
    "listening": "json.dumps([int(words[1].split(':')[1], 16) for words in sockets if words[3] == '0A'])",
    "others": "json.dumps([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')"
    " if os.path.lexists(f'/proc/self/fd/{n}')])",
    "limits": "json.dumps({name: resource.getrlimit(getattr(resource, 'RLIMIT_' + name))"
    f" for name in {list(LIMITS)!r}}})",
    "rights": "json.dumps([open('/proc/self/status').read(), os.getuid()])",
    "forks": "forks()",
    "paths": "json.dumps([os.getcwd(), sys.path[0], os.path.expanduser('~'), tempfile.gettempdir()])",
}
SETUP = """
import json, os, resource, signal, sys, tempfile
sockets = [line.split() for line in open('/proc/net/tcp').read().splitlines()[1:]]

def forks():
    children = []
    try:
        while len(children) < 1_000:
            child = os.fork()
            if child == 0:
                while True:
                    signal.pause()
            children.append(child)
        failed = ''
    except OSError as error:
        failed = type(error).__name__
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return json.dumps([len(children), failed])
"""


@pytest.fixture(scope="module")
def cells(made) -> Iterator[dict[str, Any]]:
    """What cells find that look around, in the grader's own process for them."""
    sources = [SETUP, *(f"{name} = {code}" for name, code in CELLS.items())]
    cells = [CodeCell(number, None, source) for number, source in enumerate(sources, 1)]
    with jailer(warm=made.warm) as process:
        ours, theirs = socket.socketpair()
        ready = process.channel.receive(time.monotonic() + SECONDS)
        assert ready == {"ready": True}
        process.connect(theirs)
        theirs.close()
        access = GradersJails(Channel(ours))
        host = Host(access, chosen_provider())
        notebook = NotebookProcess(host, read_lab_spec(Course(ROOT), "01_persistence"), cells, (), Grant(0.0))
        try:
            assert notebook.lacking == ()
            runs = [notebook.run_cell(number, SECONDS) for number in range(len(cells))]
            assert [(run.status, run.error) for run in runs] == [("ok", "")] * len(runs)
            notebook.finished(SECONDS)
            told = {name: notebook.ask({"op": "get", "target": {"name": name}}, SECONDS) for name in CELLS}
            found = {name: json.loads(frame["answer"]["value"]) for name, frame in told.items()}
            yield {**found, "url": notebook.session.url}
        finally:
            notebook.end()
            access.close()


def test_a_cells_environment_is_the_listed_names_and_those_of_the_recorded_model(cells):
    given = {"KIT_GRADING", "NO_PROXY", "no_proxy", *RECORDED, *settings(chosen_provider(), "")}
    shown = {"TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "GIT_PAGER"}  # IPython's own
    assert set(cells["environment"]) - shown == AT_START | given
    keys = {name: value for name, value in cells["environment"].items() if "KEY" in name}
    assert keys
    assert all(settings(chosen_provider(), "")[name] == value for name, value in keys.items())


def test_only_the_recorded_model_listens(cells):
    assert cells["listening"] == [PORT]
    assert f":{PORT}/" in cells["url"] or cells["url"].endswith(f":{PORT}")


def test_a_cell_has_no_descriptor_that_leads_out_but_its_socket(cells):
    leads = [link for link in cells["others"] if not link.startswith(("/work/.tmp/", "anon_inode:[event"))]
    # The runner's socket, and the pair by which its loop is woken.
    assert sorted(link.split(":")[0] for link in leads) == ["/dev/null", "socket", "socket", "socket"]


def test_the_limits_are_in_force_and_cannot_be_raised(cells):
    assert cells["limits"] == {name: [value, value] for name, value in LIMITS.items()}


def test_a_cell_has_no_rights_either(cells):
    status, uid = cells["rights"]
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1\nSeccomp:\t2" in status
    assert uid != 0


def test_processes_without_end_come_to_an_end(cells):
    made, failed = cells["forks"]
    assert failed == "BlockingIOError"
    assert 50 < made < JAILED.processes


def test_a_cell_works_in_the_folder_that_its_files_are_looked_for_in(cells):
    assert cells["paths"] == ["/work", "", "/work", "/work/.tmp"]


# Its end


def below(pid: int) -> list[psutil.Process]:
    """A process and all that it has started, and they too."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


@contextlib.contextmanager
def ending(processes: list[psutil.Process]) -> Iterator[None]:
    """Fails when one of these processes is there at the end, or comes back as a zombie of ours."""
    handles = [os.pidfd_open(process.pid) for process in processes]
    try:
        yield
        deadline = time.monotonic() + SECONDS
        for process, handle in zip(processes, handles, strict=True):
            left = max(0.0, deadline - time.monotonic())
            assert select.select([handle], [], [], left)[0], f"{process} goes on"
    finally:
        for handle in handles:
            os.close(handle)


STUBBORN = """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
for _ in range(3):
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            while True: signal.pause()
        os._exit(0)
    try: os.waitpid(child, 0)
    except ChildProcessError: pass  # nobody has to wait for one whose end is ignored
open('/work/left', 'w').write('x')
open('/dev/shm/left', 'w').write('x')
found = 1
"""


def lasting() -> Iterator[str]:
    """Open descriptors, but for those with which the watch looks at processes just now."""
    for name in descriptors():
        with contextlib.suppress(FileNotFoundError):
            link = str(Path("/proc/self/fd", name).readlink())
            if not link.startswith("/proc/"):
                yield link


def traces(folder: Path) -> dict[str, Any]:
    """What a jail could leave on this machine."""
    gc.collect()
    return {
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "files": sorted(str(path) for path in folder.rglob("*")),
        "temporary": sorted(str(p) for p in Path("/dev/shm").iterdir() if "sem." not in p.name),
        "descriptors": sorted(lasting()),
        "threads": threading.active_count(),
    }


def test_nothing_is_left_of_a_jail_that_is_ended(made):
    before = traces(made.stage.folder.parent)
    with made.open() as one:
        one.look(STUBBORN)
        processes = below(one.child.root)
        assert len(processes) == (5 if made.warm else 6)
        handles = [os.pidfd_open(process.pid) for process in processes]
    # Not a moment later: the next submission may have the same user.
    assert all(select.select([handle], [], [], 0)[0] for handle in handles)
    for handle in handles:
        os.close(handle)
    assert traces(made.stage.folder.parent) == before


def test_what_kills_all_it_can_kills_itself_at_most(made):
    with made.open() as other, made.open() as one:
        one.send(
            "import signal\n"
            "os.kill(1, signal.SIGKILL); os.kill(os.getppid(), signal.SIGSTOP)\n"
            "os.killpg(0, signal.SIGKILL)"
        )
        assert select.select([one.channel], [], [], SECONDS)[0]
        assert other.look("found = 1") == 1
    with made.open() as third:
        assert third.look("found = 1") == 1


def test_a_jail_ends_when_its_first_program_does(made):
    with made.open() as one, ending(below(one.child.root)):
        one.send("os._exit(0)")


def test_it_is_ended_from_any_thread_and_at_any_time(made):
    with made.open() as one, ending(below(one.child.root)):
        one.look(STUBBORN)
        one.send("while True: pass")
        thread = threading.Thread(target=one.child.kill)
        thread.start()
        thread.join()


def test_users_are_given_back(made, monkeypatch):
    monkeypatch.setattr(module, "UIDS", 2)
    fresh = made
    monkeypatch.setattr(made.cold.users, "_next", 0)
    for _ in range(3):
        with fresh.open() as one, fresh.open() as two:
            users = [each.look("found = os.getuid()") for each in (one, two)]
            assert len(set(users)) == (2 if AS_ROOT else 1)
            if AS_ROOT:
                with pytest.raises(GraderError, match="more than 2") as told:
                    fresh.start("probe", 0)
                assert told.value.hint


GRADER = """
import json, sys
from pathlib import Path
from tests.grader.sandbox.looking import descriptors, jails
with jails(Path(sys.argv[1]), warm=sys.argv[3] == "True") as made, made.open() as one, made.open() as two:
    for each in (one, two):
        each.look(sys.argv[2])
        each.send("while True: signal.pause()")  # not even an end of its socket is noticed
    print(json.dumps([one.child.root, two.child.root]), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_jails_end_with_a_grader_that_is_killed(warm, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", GRADER, str(tmp_path / "stage"), STUBBORN, str(warm)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as grader:
        assert grader.stdout is not None
        roots = json.loads(grader.stdout.readline())
        processes = [process for root in roots for process in below(root)]
        assert len(processes) == 2 * (5 if warm else 6)
        with ending(processes):
            grader.kill()


def test_a_jail_ends_with_the_thread_that_started_it(cold):
    """Who starts jails in threads has to know: for the kernel, a thread is its parent."""
    opened, enough = [], threading.Event()
    started = threading.Event()

    def start() -> None:
        opened.append(Inside(cold.start))
        started.set()
        enough.wait(SECONDS)

    thread = threading.Thread(target=start)
    thread.start()
    assert started.wait(SECONDS)
    try:
        opened[0].look(STUBBORN)
        with ending(below(opened[0].child.root)):
            enough.set()
            thread.join()
    finally:
        opened[0].end()


# Several


def test_two_jails_do_not_see_each_other(made):
    with made.open() as one, made.open() as two:
        one.look(
            "import signal, subprocess\n"
            "open('/work/mine', 'w').write('x'); open('/dev/shm/mine', 'w').write('x')\n"
            "tcp = socket.create_server(('127.0.0.1', 9999))\n"
            "unix = socket.socket(socket.AF_UNIX); unix.bind('\\0mine'); unix.listen()\n"
            "sleeper = subprocess.Popen(['sleep', '1000'])"
        )
        files, names, refused = two.look(
            "refused = []\n"
            "for family, address in ((socket.AF_INET, ('127.0.0.1', 9999)), (socket.AF_UNIX, '\\0mine')):\n"
            "    with socket.socket(family) as one:\n"
            "        refused.append(one.connect_ex(address))\n"
            "names = [open(f'/proc/{p}/comm').read().strip() for p in os.listdir('/proc') if p.isdigit()]\n"
            "files = os.listdir('/work') + os.listdir('/dev/shm') + os.listdir('/tmp')\n"
            "found = [files, sorted(names), refused]"
        )
        assert files == [".tmp"]
        assert names == ["python" if made.warm else "bwrap", "python"]
        assert 0 not in refused
        if AS_ROOT:
            assert one.look("found = os.getuid()") != two.look("found = os.getuid()")


def test_what_one_writes_the_next_does_not_see(made):
    look = (
        "files = sorted(p + '/' + n for p in ('/work', '/dev/shm', '/tmp') for n in os.listdir(p))\n"
        "found = [files, sorted(os.listdir('/'))]\n"
        "for place in ('/work/x', '/dev/shm/x', '/tmp/x'): open(place, 'w').write('x')"
    )
    seen = []
    for _ in range(2):
        with made.open() as one:
            seen.append(one.look(look))
    assert seen[0] == seen[1]
    assert seen[0][0] == ["/work/.tmp"]


# What goes wrong


def a_program(folder: Path, script: str) -> str:
    """Instead of bubblewrap."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_what_bubblewrap_says_is_told_when_it_cannot_build_a_jail(cold, tmp_path):
    program = a_program(tmp_path, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    before = traces(tmp_path)
    with pytest.raises(
        GraderError, match="could not be built: setting up uid map: Permission denied"
    ) as told:
        Bubblewrap(cold.stage, cold.watch, program)("probe", 0)
    assert "doctor" in told.value.hint
    del told
    assert traces(tmp_path) == before


def test_a_program_that_says_nothing_is_told_by_its_code(cold, tmp_path):
    with pytest.raises(GraderError, match="could not be built: code 7"):
        Bubblewrap(cold.stage, cold.watch, a_program(tmp_path, "exit 7"))("probe", 0)


def test_a_program_that_cannot_be_started_is_an_error_with_a_way_out(cold, tmp_path):
    with pytest.raises(GraderError, match="could not be started") as told:
        Bubblewrap(cold.stage, cold.watch, str(tmp_path / "none"))("probe", 0)
    assert told.value.hint


def test_without_bubblewrap_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraderError, match="not installed") as told:
        module.find_bubblewrap()
    assert "apt install bubblewrap" in told.value.hint


def test_a_machine_without_a_filter_says_so(cold, monkeypatch):
    assert module.missing_layers() == ()
    monkeypatch.setattr(module, "filter_bytes", lambda: None)
    assert module.missing_layers() == (f"a filter of system calls for {os.uname().machine}",)
    inside = Inside(Bubblewrap(cold.stage, cold.watch))
    try:
        assert inside.look(f"found = ({STATUS})['Seccomp']") == "0"
    finally:
        inside.end()


def test_one_that_uses_too_much_is_ended_and_it_is_told(made):
    inside = Inside(made.start)
    with ending(below(inside.child.root)):
        inside.send(
            "import signal, threading\n"
            "for _ in range(200): threading.Thread(target=signal.pause, daemon=True).start()\n"
        )
        assert select.select([inside.channel], [], [], SECONDS)[0]
    assert inside.end() == End("more tasks than a submission may have")


def test_one_that_is_killed_from_outside_is_told_from_one_that_ends_itself(made):
    ends = []
    for code in ("os._exit(3)", "import signal; os.kill(os.getpid(), signal.SIGKILL)"):
        inside = Inside(made.start)
        inside.send(code)
        assert select.select([inside.channel], [], [], SECONDS)[0]
        ends.append(inside.child.end(SECONDS).killed)
        inside.channel.close()
    inside = Inside(made.start)
    for process in reversed(below(inside.child.root)):
        process.kill()
    ends.append(inside.child.end(SECONDS).killed)
    inside.channel.close()
    assert ends == [False, True, True]


# Others


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user has run all of this already")
def test_all_of_this_holds_for_an_ordinary_user():
    files = ("tests/grader/sandbox/test_bubblewrap.py", "tests/grader/sandbox/test_walk.py")
    told = as_ordinary(["-m", "pytest", "-q", "-p", "no:cacheprovider", *files])
    assert told.returncode == 0, told.stdout[-6_000:] + told.stderr[-1_000:]
    assert " passed, 1 skipped in" in told.stdout, "one is this test"
