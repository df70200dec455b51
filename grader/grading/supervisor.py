"""The supervisor: hands tasks to judges, each in a process of its own, and sees that each comes to an end.

It never looks at what came out of a jail. A judge does, and may be held up, bloated or brought down by it.
Then the supervisor ends it, puts another judge in its place, and has the task done once more. If that does
not help, it says what happened. It never waits for one judge alone: it waits for all of them at once.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from grader.errors import GraderError
from grader.grading.judging import Work, be_a_judge
from grader.jail.frames import Channel, FrameError, TimedOut
from grader.sandbox.child import is_over
from grader.sandbox.dying import die_with_parent
from grader.sandbox.jails import JailerGone, JailerProcess
from grader.sandbox.scratch import scratch_folder

MAX_RESULT = 4 * 2**20
"""bytes of what a judge says of one task"""
TRIES = 2
"""to have a task done by a judge that does not survive it"""
LONG_SECONDS = 4.0
"""after which a task no longer counts as one of those that run at a time: it waits, most likely"""
MOST_FAILURES = 3
"""tasks for which no process could be started, until it is taken for the machine's fault"""
END_SECONDS = 0.5
RESTARTS = 3
"""of a jailer that was ended from outside"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task."""

    task: int
    value: Mapping[str, Any] | None
    """what the judge said; ``None`` if no judge survived to say anything"""
    problem: str = ""
    """why there is no value, in one sentence"""
    cannot: bool = False
    """whether that is because no process could be started for it"""


@dataclass(eq=False, slots=True)
class _Judge:
    """A judge's process, and what it is at."""

    pid: int
    handle: int
    channel: Channel
    jails: socket.socket | None
    """the jailer's end of its connection to the jailer, until that has it"""
    task: int | None = None
    began: float = 0.0
    wants_jails: bool = False


@dataclass(slots=True)
class _Task:
    """How far a task has come."""

    failures: int = 0
    disturbed: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How tasks are done."""

    jobs: int
    """how many at a time"""
    deadline: float
    """seconds that one task may take"""
    sandboxed: bool = True
    warm: bool = True


JailerStart = Callable[..., JailerProcess]


class Supervisor:
    """Has tasks done, by number, by judges in processes of their own."""

    def __init__(self, work: Work, plan: Plan, note: Callable[[str], None], jailer: JailerStart) -> None:
        """Prepare: ``work`` is done with a task's number, ``note`` is told what a person should know."""
        self._work = work
        self._plan = plan
        self._note = note
        self._start_jailer = jailer
        self._jailer: JailerProcess | None = None
        self._jailer_ready = False
        self._restarts = 0
        self._judges: list[_Judge] = []
        self._tasks: dict[int, _Task] = {}
        self._waiting: deque[int] = deque()
        self._cannot = 0
        self._done: deque[Outcome] = deque()
        self._selector = selectors.DefaultSelector()

    def outcomes(self, count: int) -> Iterator[Outcome]:
        """Yield what came of the tasks 0 to ``count`` - 1, as they end.

        Raises GraderError when this machine cannot start processes for submissions.
        """
        self._tasks = {number: _Task() for number in range(count)}
        self._waiting.extend(range(count))
        left = count
        while left:
            self._assign()
            for outcome in self._ended():
                left -= 1
                yield outcome
            if left:
                self._look()

    def close(self) -> None:
        """End everything that was started, whatever it is at."""
        for judge in list(self._judges):
            self._bury(judge)
        jailer, self._jailer = self._jailer, None
        if jailer is not None:
            self._selector.unregister(jailer.channel)
            jailer.end()
        self._selector.close()

    def _ended(self) -> Iterator[Outcome]:
        while self._done:
            yield self._done.popleft()

    # Judges and their tasks

    def _assign(self) -> None:
        now = time.monotonic()
        while self._waiting:
            busy = [judge for judge in self._judges if judge.task is not None]
            short = [judge for judge in busy if now - judge.began < LONG_SECONDS]
            if len(short) >= self._plan.jobs or len(busy) >= 2 * self._plan.jobs:
                return
            idle = next((judge for judge in self._judges if judge.task is None), None)
            self._give(idle or self._fork(), self._waiting.popleft())

    def _give(self, judge: _Judge, number: int) -> None:
        judge.task, judge.began = number, time.monotonic()
        with contextlib.suppress(FrameError):  # gone: that is seen when it is listened to
            judge.channel.send({"task": number, "again": self._tasks[number].disturbed}, judge.began + 1.0)

    def _fork(self) -> _Judge:
        """Start a judge: a fork of this process, which has imported everything and has one thread only."""
        ours, theirs = socket.socketpair()
        to_jailer, jailers_end = socket.socketpair()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            # Nothing of the parent's may be kept open, or its end would be noticed by nobody.
            try:
                die_with_parent(parent)
                for number in (signal.SIGINT, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                self._forget()
                for sock in (ours, jailers_end):
                    sock.close()
                be_a_judge(Channel(theirs, max_frame=MAX_RESULT), Channel(to_jailer), self._work)
            finally:
                os._exit(1)
        for sock in (theirs, to_jailer):
            sock.close()
        judge = _Judge(pid, os.pidfd_open(pid), Channel(ours, max_frame=MAX_RESULT), jailers_end)
        self._judges.append(judge)
        self._selector.register(judge.channel, selectors.EVENT_READ, judge)
        return judge

    def _forget(self) -> None:
        """Close, in a judge, what belongs to its parent."""
        self._selector.close()
        for judge in self._judges:
            os.close(judge.handle)
            judge.channel.close()
            if judge.jails is not None:
                judge.jails.close()
        if self._jailer is not None:
            self._jailer.channel.close()

    def _look(self) -> None:
        """Wait until something happens, at most until the next deadline, and see to it."""
        for key, _ in self._selector.select(self._patience()):
            # What was seen first may have ended others of the same moment: all judges end with their jailer.
            if key.data in self._judges:
                self._listen(key.data)
            elif key.data is self._jailer:
                self._listen_to_jailer()
        now = time.monotonic()
        for judge in list(self._judges):
            if judge.task is not None and now - judge.began > self._plan.deadline:
                self._lose(judge, f"judging it took longer than {self._plan.deadline:g} seconds")

    def _patience(self) -> float:
        now = time.monotonic()
        ends = [judge.began + self._plan.deadline for judge in self._judges if judge.task is not None]
        if self._waiting:
            longs = (judge.began + LONG_SECONDS for judge in self._judges if judge.task is not None)
            ends += [end for end in longs if end > now]
        return max(0.0, min(ends, default=now + 1.0) - now)

    def _listen(self, judge: _Judge) -> None:
        try:
            message = judge.channel.receive(time.monotonic())
        except TimedOut:  # the rest of it comes later
            return
        except FrameError:
            self._lose(judge, self._how_it_ended(judge))
            return
        self._heard(judge, message)

    def _heard(self, judge: _Judge, message: Mapping[str, Any]) -> None:
        number = judge.task
        match message:
            case {"kind": "jails"}:
                self._want_jails(judge)
            case {"kind": "done", "value": dict(value)} if number is not None:
                judge.task = None
                self._done.append(Outcome(number, value))
            case {"kind": "cannot", "what": str(what), "hint": str(hint)} if number is not None:
                judge.task = None
                self._cannot += 1
                if self._cannot >= MOST_FAILURES:
                    raise GraderError(what, hint=hint)
                self._done.append(Outcome(number, None, f"{what}; {hint}", cannot=True))
            case {"kind": "disturbed"} if number is not None and not self._tasks[number].disturbed:
                judge.task = None
                self._tasks[number].disturbed = True
                self._waiting.appendleft(number)
            case {"kind": "jailer gone"} if number is not None:
                # Whatever becomes of the jailer is nobody's submission's fault.
                self._bury(judge)
                self._waiting.appendleft(number)
            case {"kind": "failed", "what": str(what)}:
                self._lose(judge, what)
            case _:
                self._lose(judge, "its judge said something that no judge says")

    def _lose(self, judge: _Judge, why: str) -> None:
        """End a judge. Its task is another one's, once; after that it is said what happened."""
        number = judge.task
        self._bury(judge)
        if number is None:
            return
        task = self._tasks[number]
        task.failures += 1
        if task.failures < TRIES:
            self._waiting.append(number)
        else:
            self._done.append(Outcome(number, None, why))

    def _bury(self, judge: _Judge) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(judge.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(judge.pid, 0)
        os.close(judge.handle)
        self._selector.unregister(judge.channel)
        judge.channel.close()
        if judge.jails is not None:
            judge.jails.close()
        self._judges.remove(judge)

    def _how_it_ended(self, judge: _Judge) -> str:
        """Return what became of a judge that has closed its connection: it is ending, or has ended."""
        if is_over(judge.handle, END_SECONDS):
            ended = os.waitid(os.P_PIDFD, judge.handle, os.WEXITED | os.WNOWAIT)
            if ended is not None and ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED):
                return f"its judge was ended by {_name(ended.si_status)}"
        return "its judge ended"

    # The jailer

    def _begin_jailer(self) -> None:
        """Start the jailer, if it does not run: it takes a while until it is ready."""
        if self._jailer is None:
            self._jailer = self._start_jailer(sandboxed=self._plan.sandboxed, warm=self._plan.warm)
            self._selector.register(self._jailer.channel, selectors.EVENT_READ, self._jailer)

    def _want_jails(self, judge: _Judge) -> None:
        judge.wants_jails = True
        self._begin_jailer()
        self._connect()

    def _connect(self) -> None:
        """Tell the jailer of the judges that want something of it."""
        assert self._jailer is not None
        if not self._jailer_ready:
            return
        for judge in self._judges:
            if judge.wants_jails and judge.jails is not None:
                with judge.jails, contextlib.suppress(JailerGone):
                    self._jailer.connect(judge.jails)
                judge.jails = None

    def _listen_to_jailer(self) -> None:
        jailer = self._jailer
        assert jailer is not None
        try:
            message = jailer.channel.receive(time.monotonic())
        except TimedOut:
            return
        except FrameError:
            self._lose_jailer(jailer)
            return
        match message:
            case {"ready": True}:
                self._jailer_ready = True
                self._connect()
            case {"note": str(text)}:
                self._note(text)
            case {"fault": str(what), "hint": str(hint)}:
                raise GraderError(what, hint=hint)

    def _lose_jailer(self, jailer: JailerProcess) -> None:
        """Start another jailer: this one was ended from outside. Raises GraderError when that goes on."""
        said = jailer.said()
        self._selector.unregister(jailer.channel)
        jailer.end()
        self._jailer, self._jailer_ready = None, False
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise GraderError(f"the process that starts jails ended again and again. {said}".strip())
        for judge in list(self._judges):
            number = judge.task
            self._bury(judge)
            if number is not None:
                self._waiting.appendleft(number)
        self._begin_jailer()


@contextmanager
def supervisor(work: Work, plan: Plan, note: Callable[[str], None]) -> Iterator[Supervisor]:
    """Give a supervisor, and end everything that it started. Raises GraderError, with what to do."""
    with scratch_folder() as folder:

        def start(*, sandboxed: bool, warm: bool) -> JailerProcess:
            return JailerProcess(folder, sandboxed=sandboxed, warm=warm)

        made = Supervisor(work, plan, note, start)
        try:
            yield made
        finally:
            made.close()


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
