"""The jailer as a process: what it starts, what it knows of it, and that it ends it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.errors import GraderError
from grader.jail.frames import Channel, Closed
from grader.sandbox.bubblewrap import WRITABLE
from grader.sandbox.child import End
from grader.sandbox.jails import Jailed, JailerGone, JailerProcess, Jails, jailer
from tests.grader.sandbox.looking import SECONDS, descriptors

pytestmark = pytest.mark.jail

RUNNER = "grader.jail.runner"


class Tracked(Jails):
    """A judge's access that remembers what was started."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self.all: list[Jailed] = []

    def start(self, module: str) -> Jailed:
        self.all.append(super().start(module))
        return self.all[-1]


@dataclass(frozen=True)
class Yard:
    """A jailer, and judges that are connected to it."""

    process: JailerProcess

    @contextlib.contextmanager
    def judge(self) -> Iterator[Jails]:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process.connect(theirs)
        jails = Tracked(Channel(ours))
        try:
            yield jails
        finally:
            for jailed in jails.all:
                jailed.channel.close()
            jails.close()

    def notes(self) -> list[str]:
        """What it has said so far that a person should know."""
        found = []
        while select.select([self.process.channel], [], [], 0)[0]:
            found.append(self.process.channel.receive(time.monotonic() + SECONDS)["note"])
        return found

    def below(self) -> list[psutil.Process]:
        return psutil.Process(self.process.process.pid).children(recursive=True)


KINDS = {
    "warm": {"sandboxed": True, "warm": True},
    "cold": {"sandboxed": True, "warm": False},
    "plain": {"sandboxed": False, "warm": False},
}


@pytest.fixture(scope="module", params=KINDS)
def yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    with opened(**KINDS[request.param]) as made:
        yield made
        assert made.notes() == []


@contextlib.contextmanager
def opened(**settings: bool) -> Iterator[Yard]:
    before = descriptors()
    with jailer(**settings) as process:
        made = Yard(process)
        assert process.channel.receive(time.monotonic() + SECONDS) == {"ready": True}
        yield made
        processes = made.below() if process.process.poll() is None else []
    gone(processes)
    assert descriptors() == before


def gone(processes: list[psutil.Process]) -> None:
    """Fails when one of them is still there after a while."""
    _, alive = psutil.wait_procs(processes, SECONDS)
    assert alive == []


def at_work(jails: Jails, *cells: str) -> Jailed:
    """A runner that has run these cells."""
    jailed = jails.start(RUNNER)
    job = {"cells": [{"id": str(n), "source": source} for n, source in enumerate(cells)], "limits": {}}
    jailed.channel.send(job)
    while jailed.channel.receive(time.monotonic() + SECONDS)["kind"] != "finished":
        pass
    return jailed


def until_it_ends(jailed: Jailed) -> None:
    """Take in what it says until it has closed its connection."""
    with contextlib.suppress(Closed):
        while True:
            jailed.channel.receive(time.monotonic() + SECONDS)


def asked(jailed: Jailed, name: str) -> Any:
    jailed.channel.send({"op": "get", "target": {"name": name}, "number": 1})
    return jailed.channel.receive(time.monotonic() + SECONDS)["answer"]["value"]


def test_it_starts_what_a_judge_asks_for_and_ends_it(yard: Yard):
    with yard.judge() as jails:
        one, two = at_work(jails, "x = 1"), at_work(jails, "x = 2")
        assert [asked(each, "x") for each in (one, two)] == [1, 2]
        assert one.end() == one.end() == End()
        assert asked(two, "x") == 2


def test_what_a_judge_leaves_behind_ends_with_it_and_its_neighbour_goes_on(yard: Yard):
    with yard.judge() as other:
        kept = at_work(other, "x = 1")
        before = yard.below()
        with yard.judge() as jails:
            at_work(jails, "import subprocess; sleeper = subprocess.Popen(['sleep', '1000'])")
            started = [process for process in yard.below() if process not in before]
            assert started
        gone(started)
        assert asked(kept, "x") == 1


def test_it_says_how_a_process_ended(yard: Yard):
    with yard.judge() as jails:
        for code, killed in (("import os; os._exit(0)", False), ("import os; os.kill(os.getpid(), 9)", True)):
            jailed = jails.start(RUNNER)
            jailed.channel.send({"cells": [{"id": "1", "source": code}], "limits": {}})
            until_it_ends(jailed)
            assert jailed.end(SECONDS) == End(killed=killed)


def test_it_tells_how_long_others_kept_a_process_waiting(yard: Yard):
    crowd = (
        "import os, time\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "end = time.monotonic() + 1\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        while time.monotonic() < end: pass\n"
        "        os._exit(0)\n"
        "while time.monotonic() < end: pass"
    )
    with yard.judge() as jails:
        alone, crowded = at_work(jails, "x = 1"), at_work(jails, crowd)
        assert crowded.kept_waiting() > 0.4
        assert crowded.kept_waiting() > alone.kept_waiting()
        crowded.end()
        assert crowded.kept_waiting() == 0.0


def test_a_module_that_does_not_exist_is_no_trouble(yard: Yard):
    with yard.judge() as jails:
        jailed = jails.start("grader.jail.nothing")
        with pytest.raises(Closed):
            jailed.channel.receive(time.monotonic() + SECONDS)
        assert not jailed.end(SECONDS).killed


def test_what_is_used_up_is_seen_in_the_folders_too():
    with opened() as yard, yard.judge() as jails:
        jailed = jails.start(RUNNER)
        cells = ["x = 1", "open('big', 'wb').write(bytes(60 * 2**20))"]
        job = {"cells": [{"id": str(n), "source": source} for n, source in enumerate(cells)], "limits": {}}
        jailed.channel.send({**job, "grant": {"port": 8080, "folders": list(WRITABLE)}})
        _, given = jailed.channel.receive_granted(3, time.monotonic() + SECONDS)
        jailed.watch_folders(given[1:])
        for descriptor in given:
            os.close(descriptor)
        jailed.channel.send({"env": {}})
        for kind in ("ready", "cell"):
            assert jailed.channel.receive(time.monotonic() + SECONDS)["kind"] == kind
        while jailed.channel.receive(time.monotonic() + SECONDS)["kind"] != "finished":
            pass
        assert jailed.used_up() == "files nearly fill the work folder"


def test_what_uses_too_much_is_ended_and_said():
    with opened() as yard, yard.judge() as jails:
        jailed = at_work(jails, "x = 1")
        spin = "import threading, signal\nfor _ in range(200): threading.Thread(target=signal.pause).start()"
        other = jails.start(RUNNER)
        other.channel.send({"cells": [{"id": "1", "source": spin}], "limits": {"data": None}})
        until_it_ends(other)
        assert other.end(SECONDS).over == "more tasks than a submission may have"
        assert asked(jailed, "x") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_when_it_is_killed_everything_that_it_started_ends(kind: str):
    with opened(**KINDS[kind]) as yard, yard.judge() as jails:
        at_work(jails, "x = 1")
        processes = yard.below()
        yard.process.process.kill()
        with pytest.raises(JailerGone):
            jails.start(RUNNER)
        for jailed in jails.all:  # without a sandbox they end as soon as they look at their connection
            jailed.channel.close()
        gone(processes)


# Warm processes


def warm_processes(yard: Yard) -> list[psutil.Process]:
    """Every warm process, bubblewrap's own left out."""
    found = []
    for process in yard.below():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if "grader.jail.zygote" in words and "bwrap" not in Path(words[0]).name:
                found.append(process)
    return found


def test_warm_processes_that_are_killed_are_started_again_and_their_children_are_told_as_killed():
    with opened() as yard, yard.judge() as jails:
        jailed = at_work(jails, "x = 1")
        for process in warm_processes(yard):
            process.kill()
        with pytest.raises(Closed):
            jailed.channel.receive(time.monotonic() + SECONDS)
        assert jailed.end(SECONDS).killed
        # Those that come until it is warm again start cold.
        for _ in range(3):
            one = at_work(jails, "x = 2")
            assert asked(one, "x") == 2
            one.end()
        assert yard.notes() == []


def test_a_machine_on_which_nothing_can_be_forked_says_so_and_starts_cold(tmp_path: Path, monkeypatch):
    """As where a container's filter refuses namespaces within a namespace."""
    refuses = tmp_path / "bwrap"
    refuses.write_text(
        '#!/bin/sh\nfor word; do [ "$word" = grader.jail.zygote ] && { echo no >&2; exit 1; }; done\n'
        f'exec {subprocess.check_output(["which", "bwrap"], text=True).strip()} "$@"\n'
    )
    refuses.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with jailer() as process:
        note = process.channel.receive(time.monotonic() + SECONDS)["note"]
        assert note.startswith("the warm start does not work on this machine, so every process starts cold: ")
        assert process.channel.receive(time.monotonic() + SECONDS) == {"ready": True}
        with Yard(process).judge() as jails:
            jailed = at_work(jails, "x = 1")
            assert asked(jailed, "x") == 1
            jailed.end()


# What goes wrong


def test_a_machine_without_bubblewrap_is_told_what_to_do(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with jailer() as process:
        told = process.channel.receive(time.monotonic() + SECONDS)
    assert "bubblewrap is not installed" in told["fault"]
    assert "apt install bubblewrap" in told["hint"]


def test_a_jail_that_cannot_be_built_is_said_to_the_judge(tmp_path: Path, monkeypatch):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: no permission' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with jailer(warm=False) as process:
        assert process.channel.receive(time.monotonic() + SECONDS) == {"ready": True}
        with Yard(process).judge() as jails, pytest.raises(GraderError, match="no permission"):
            jails.start(RUNNER)


def test_it_ends_with_the_one_that_started_it(tmp_path: Path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom grader.sandbox.jails import JailerProcess\n"
        "process = JailerProcess(Path(sys.argv[1]), sandboxed=True, warm=True)\n"
        "process.channel.receive(time.monotonic() + 60)\n"
        "print(process.process.pid, flush=True)\nsys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[3]
    ) as starter:
        assert starter.stdout is not None
        jailers = psutil.Process(int(starter.stdout.readline()))
        processes = [jailers, *jailers.children(recursive=True)]
        starter.send_signal(signal.SIGKILL)
        gone(processes)
