"""Tasks are done, each once, whatever becomes of those who do them."""

from __future__ import annotations

import faulthandler
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.errors import GraderError
from grader.grading import judging, supervisor
from grader.grading.supervisor import MAX_RESULT, Outcome, Plan, Supervisor
from grader.jail.frames import Channel, FrameError
from grader.sandbox.jails import CannotStart, Disturbed, Jails
from tests.grader.sandbox.looking import descriptors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="graded on Linux only")
SECONDS = 30.0

Task = Callable[[bool, Jails], Mapping[str, Any]]


def done(again: bool, jails: Jails) -> Mapping[str, Any]:
    return {"done": True}


class FakeJailer:
    """A jailer that starts nothing: it says that it is ready, and counts who connects."""

    made = 0

    def __init__(self, **settings: Any) -> None:
        FakeJailer.made += 1
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self.theirs = Channel(theirs)
        self.theirs.send({"ready": True})
        self.judges: list[Channel] = []

    def connect(self, judge: socket.socket) -> None:
        self.judges.append(Channel(socket.socket(fileno=os.dup(judge.fileno()))))
        if self.goes_away:
            self.goes_away = False
            self.theirs.close()
        else:
            threading.Thread(target=self._answer, args=(self.judges[-1],)).start()

    goes_away = False

    def _answer(self, judge: Channel) -> None:
        try:
            judge.receive(time.monotonic() + SECONDS)
            judge.send({"fault": "the jail could not be built", "hint": "try another machine"})
        except FrameError:
            return

    def said(self) -> str:
        return "what it said"

    def end(self) -> None:
        self.channel.close()
        self.theirs.close()
        for judge in self.judges:
            judge.close()


class Room:
    """Has tasks done, and sees that nothing is left of it."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.jailers: list[FakeJailer] = []
        self.jailer: Callable[..., FakeJailer] = FakeJailer

    def make(self, *tasks: Task, jobs: int = 2, deadline: float = SECONDS) -> Supervisor:
        def start(**settings: Any) -> FakeJailer:
            self.jailers.append(self.jailer(**settings))
            return self.jailers[-1]

        def work(task: int, again: bool, jails: Jails) -> Mapping[str, Any]:
            return tasks[task](again, jails)

        return Supervisor(work, Plan(jobs, deadline), self.notes.append, start)  # type: ignore[arg-type]

    def outcomes(self, *tasks: Task, **plan: Any) -> dict[int, Outcome]:
        made = self.make(*tasks, **plan)
        try:
            found = list(made.outcomes(len(tasks)))
        finally:
            made.close()
        assert sorted(outcome.task for outcome in found) == list(range(len(tasks))), "each task once"
        return {outcome.task: outcome for outcome in found}


@pytest.fixture
def room() -> Iterator[Room]:
    before, children = descriptors(), set(_children())
    yield Room()
    assert set(_children()) == children, "a process is left"
    assert descriptors() == before, "a descriptor is left"


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def once(path: Path, first: Task, then: Task = done) -> Task:
    """A task that does something else the first time, whoever does it."""

    def work(again: bool, jails: Jails) -> Mapping[str, Any]:
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return then(again, jails)
        return first(again, jails)

    return work


def dies(number: signal.Signals) -> Task:
    def work(again: bool, jails: Jails) -> Mapping[str, Any]:
        faulthandler.disable()  # it would tell of it
        os.kill(os.getpid(), number)
        return done(again, jails)

    return work


def raises(error: BaseException) -> Task:
    def work(again: bool, jails: Jails) -> Mapping[str, Any]:
        raise error

    return work


def hangs(again: bool, jails: Jails) -> Mapping[str, Any]:
    """A regular expression of more than linear time holds the interpreter's lock: nothing gets through."""
    re.match(r"(a*)*b", "a" * 60)
    return done(again, jails)


def bloats(again: bool, jails: Jails) -> Mapping[str, Any]:
    kept = []
    while True:
        kept.append(bytearray(64 * 2**20))


def ends(again: bool, jails: Jails) -> Mapping[str, Any]:
    os._exit(0)


def says_too_much(again: bool, jails: Jails) -> Mapping[str, Any]:
    return {"text": "x" * MAX_RESULT}


def says_what_is_no_json(again: bool, jails: Jails) -> Mapping[str, Any]:
    return {"text": object()}


# Tasks


def test_each_task_is_done_once_by_few_processes(room: Room):
    def who(again: bool, jails: Jails) -> Mapping[str, Any]:
        return {"pid": os.getpid()}

    found = room.outcomes(*[who] * 40, jobs=3)
    assert {outcome.problem for outcome in found.values()} == {""}
    pids = {outcome.value["pid"] for outcome in found.values() if outcome.value}
    assert len(pids) <= 6
    assert os.getpid() not in pids
    assert room.jailers == [], "nobody needed a jail"


def test_no_tasks_are_done_at_once(room: Room):
    assert room.outcomes() == {}


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        (raises(RecursionError("too deep")), "RecursionError: too deep"),
        (raises(KeyError("x" * 5_000)), "KeyError: 'xxx"),
        (raises(SystemExit(3)), "SystemExit: 3"),
        (raises(KeyboardInterrupt()), "KeyboardInterrupt"),
        (bloats, "MemoryError"),
        (dies(signal.SIGKILL), "its judge was ended by SIGKILL"),
        (dies(signal.SIGSEGV), "its judge was ended by SIGSEGV"),
        (ends, "its judge ended"),
        (says_too_much, "what came of it cannot be told"),
        (says_what_is_no_json, "what came of it cannot be told"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_that_brings_down_every_judge_is_said_and_costs_no_other_anything(
    room: Room, task: Task, problem: str
):
    found = room.outcomes(done, task, done, done)
    assert found[1].value is None
    assert found[1].problem.startswith(problem)
    assert len(found[1].problem) <= judging.MAX_WHAT
    assert [found[number].value for number in (0, 2, 3)] == [{"done": True}] * 3


@pytest.mark.parametrize(
    "first",
    [dies(signal.SIGKILL), raises(ValueError("once")), ends, bloats],
    ids=["killed", "error", "ended", "memory"],
)
def test_one_whose_judge_died_once_is_done_by_another(room: Room, first: Task, tmp_path: Path):
    assert room.outcomes(once(tmp_path / "done", first)) == {0: Outcome(0, {"done": True})}


def test_one_that_never_ends_is_ended_and_the_others_are_done_meanwhile(room: Room, monkeypatch):
    monkeypatch.setattr(supervisor, "LONG_SECONDS", 0.0)
    found = room.outcomes(hangs, *[done] * 5, jobs=1, deadline=1.0)
    assert found[0].problem == "judging it took longer than 1 seconds"
    assert all(found[number].value for number in range(1, 6))


def test_processor_time_is_bounded_too(room: Room, monkeypatch):
    monkeypatch.setattr(judging, "CPU_SECONDS", 1)
    assert room.outcomes(hangs)[0].problem == "its judge was ended by SIGXCPU"


def test_a_judge_that_is_stopped_is_replaced(room: Room, tmp_path: Path):
    stopped = once(tmp_path / "done", dies(signal.SIGSTOP))
    assert room.outcomes(stopped, deadline=1.0) == {0: Outcome(0, {"done": True})}


def test_no_more_are_done_at_a_time_than_was_said(room: Room, tmp_path: Path):
    def work(again: bool, jails: Jails) -> Mapping[str, Any]:
        mine = tmp_path / str(os.getpid())
        mine.touch()
        at_once = len(list(tmp_path.iterdir()))
        time.sleep(0.02)
        mine.unlink()
        return {"at once": at_once}

    found = room.outcomes(*[work] * 12, jobs=3)
    assert max(outcome.value["at once"] for outcome in found.values() if outcome.value) <= 3


# What became of their processes


def test_one_whose_process_was_killed_is_done_once_more_and_knows_it(room: Room):
    def work(again: bool, jails: Jails) -> Mapping[str, Any]:
        if not again:
            raise Disturbed
        return {"again": again}

    assert room.outcomes(work) == {0: Outcome(0, {"again": True})}


def test_one_that_is_disturbed_for_ever_comes_to_an_end(room: Room):
    (outcome,) = room.outcomes(raises(Disturbed())).values()
    assert outcome.value is None
    assert outcome.problem


def test_one_for_which_no_process_starts_is_said_and_many_are_the_machines_fault(room: Room):
    cannot = raises(CannotStart(GraderError("no jail", hint="another machine")))
    found = room.outcomes(cannot, done, cannot)
    assert (found[0].cannot, found[0].problem) == (True, "no jail; another machine")
    with pytest.raises(GraderError, match="no jail") as told:
        room.outcomes(*[cannot] * 5)
    assert told.value.hint == "another machine"


def asks_for_a_jail(again: bool, jails: Jails) -> Mapping[str, Any]:
    try:
        jails.start("grader.jail.runner")
    except GraderError as error:
        return {"said": str(error.message)}
    return {}


def test_the_jailer_is_started_when_somebody_needs_it(room: Room):
    found = room.outcomes(done, asks_for_a_jail, asks_for_a_jail)
    assert {number: outcome.value for number, outcome in found.items()} == {
        0: {"done": True},
        1: {"said": "the jail could not be built"},
        2: {"said": "the jail could not be built"},
    }
    assert len(room.jailers) == 1


def test_what_the_jailer_has_to_say_is_noted(room: Room):
    def noting(**settings: Any) -> FakeJailer:
        made = FakeJailer(**settings)
        made.theirs.send({"note": "it starts cold"})
        return made

    room.jailer = noting
    room.outcomes(asks_for_a_jail)
    assert room.notes == ["it starts cold"]


def test_a_jailer_that_goes_away_is_replaced_and_nothing_is_lost(room: Room):
    def going(**settings: Any) -> FakeJailer:
        made = FakeJailer(**settings)
        made.goes_away = len(room.jailers) < 2
        return made

    room.jailer = going
    found = room.outcomes(*[asks_for_a_jail] * 4)
    assert {str(outcome.value) for outcome in found.values()} == {"{'said': 'the jail could not be built'}"}
    assert len(room.jailers) == 3


def test_a_jailer_that_goes_away_again_and_again_is_an_error(room: Room):
    def gone(**settings: Any) -> FakeJailer:
        made = FakeJailer(**settings)
        made.theirs.close()
        return made

    room.jailer = gone
    with pytest.raises(GraderError, match=r"again and again\. what it said"):
        room.outcomes(asks_for_a_jail)


def test_a_jailer_and_a_judge_that_end_in_the_same_moment_cost_nothing(room: Room):
    class Together(FakeJailer):
        """The first one goes away, and all judges end, before anybody looks at either."""

        def connect(self, judge: socket.socket) -> None:
            if len(room.jailers) > 1:
                super().connect(judge)
                return
            self.theirs.close()
            for child in psutil.Process().children():
                child.kill()
                os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    room.jailer = Together
    found = room.outcomes(asks_for_a_jail)
    assert found[0].value == {"said": "the jail could not be built"}
    assert len(room.jailers) == 2


def test_a_machine_that_cannot_have_one_is_an_error(room: Room):
    def faulty(**settings: Any) -> FakeJailer:
        made = FakeJailer(**settings)
        made.theirs.close()
        ours, theirs = socket.socketpair()
        made.channel.close()
        made.channel, made.theirs = Channel(ours), Channel(theirs)
        made.theirs.send({"fault": "no bubblewrap", "hint": "install it"})
        return made

    room.jailer = faulty
    with pytest.raises(GraderError, match="no bubblewrap") as told:
        room.outcomes(asks_for_a_jail)
    assert told.value.hint == "install it"


# Their end


def test_an_interruption_ends_everything_whatever_it_is_at(room: Room, tmp_path: Path):
    def waits(again: bool, jails: Jails) -> Mapping[str, Any]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (tmp_path / str(os.getpid())).touch()
        return hangs(again, jails)

    made = room.make(done, waits, waits)
    outcomes = made.outcomes(3)
    assert next(outcomes).task == 0
    made._assign()
    began = time.monotonic()
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() - began < SECONDS
    handles = [os.pidfd_open(int(path.name)) for path in tmp_path.iterdir()]
    made.close()
    for handle in handles:
        assert select.select([handle], [], [], 0)[0]
        os.close(handle)


def test_a_judge_has_nothing_of_its_neighbours_open(room: Room):
    def look(again: bool, jails: Jails) -> Mapping[str, Any]:
        return {"sockets": sockets()}

    before = sockets()
    found = room.outcomes(*[look] * 6, jobs=3)
    assert {outcome.value["sockets"] - before for outcome in found.values() if outcome.value} == {2}


def sockets() -> int:
    """How many sockets this process has open."""
    links = (Path(f"/proc/self/fd/{name}") for name in descriptors())
    return sum(str(link.readlink()).startswith("socket:") for link in links if link.is_symlink())
