"""A process seen from outside, and its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from grader.sandbox.child import Child, End, buried, said_by, started
from tests.grader.sandbox.looking import descriptors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="graded on Linux only")
SECONDS = 30.0


class One:
    """A process that a test started, and a socket to it."""

    def __init__(self, code: str) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-I", "-c", code, str(theirs.fileno())]
            self.process = started(words, [theirs.fileno()])
        self.child = Child(
            self.process.pid,
            os.pidfd_open(self.process.pid),
            lambda: buried(self.process),
            stop=lambda: os.killpg(self.process.pid, signal.SIGKILL),
            said=lambda: said_by(self.process),
        )

    def end(self, patience: float = 0.0) -> End:
        self.socket.close()
        return self.child.end(patience)


SAYS = "import os, signal, socket, sys; sock = socket.socket(fileno=int(sys.argv[1])); "
WAITS = SAYS + "sock.sendall(b'x'); signal.pause()"
FORKS = SAYS + "os.fork(); sock.sendall(b'%d ' % os.getpid()); signal.pause()"


@pytest.fixture
def one() -> Iterator[One]:
    made = One(WAITS)
    assert select.select([made.socket], [], [], SECONDS)[0]
    yield made
    made.socket.close()


def test_its_end_is_waited_for(one):
    assert one.end() == End()
    assert one.process.returncode == -signal.SIGKILL


def test_its_group_ends_with_it():
    one = One(FORKS)
    numbers = b""
    while numbers.count(b" ") < 2:
        numbers += one.socket.recv(100) if select.select([one.socket], [], [], SECONDS)[0] else b" "
    handles = [os.pidfd_open(int(number)) for number in numbers.split()]
    one.end()
    assert all(select.select([handle], [], [], SECONDS)[0] for handle in handles)
    for handle in handles:
        os.close(handle)


def test_the_process_of_its_handle_is_gone_when_its_end_has_come():
    """Not only killed: what it used may be another's at once."""
    outer, first = One(WAITS), One(WAITS)
    os.close(outer.child.handle)
    outer.child.handle = os.pidfd_open(first.process.pid)
    outer.child.stop = None
    handle = os.pidfd_open(first.process.pid)
    # What started it ends with it, as bubblewrap does.
    outer.process.kill()
    outer.end()
    assert select.select([handle], [], [], 0)[0]
    os.close(handle)
    first.end()


def test_it_may_be_killed_from_any_thread_and_after_its_end(one):
    thread = threading.Thread(target=one.child.kill)
    thread.start()
    thread.join()
    assert select.select([one.socket], [], [], SECONDS)[0]
    one.end()
    one.child.kill()


def test_a_number_that_was_waited_for_is_never_killed_again(one, monkeypatch):
    one.end()
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("it may be another's by now"))
    one.child.kill()


def test_what_it_said_at_first_is_told_and_cut():
    one = One("import sys; sys.stderr.write('no such thing ' * 1000)")
    said = one.end(SECONDS).said
    assert said.startswith("no such thing no")
    assert len(said) <= 4_000


def test_bytes_that_are_no_text_are_told_as_such():
    assert One("import os; os.write(2, b'\\xff!')").end(SECONDS).said == "\ufffd!"


@pytest.mark.parametrize(
    ("code", "killed"),
    [
        ("pass", False),
        ("import os; os._exit(7)", False),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", False),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", True),
        ("import os; os._exit(137)", True),
    ],
)
def test_one_that_was_killed_is_told_from_one_that_ended(code, killed):
    assert One(code).end(SECONDS) == End(killed=killed)


def test_one_that_used_too_much_was_ended_for_that(one):
    one.child.went_over("more than it may")
    assert one.end(SECONDS) == End(over="more than it may")


def test_what_goes_on_meanwhile_ends_before_and_the_rest_after_and_last_first(one):
    order = []

    @contextlib.contextmanager
    def watching() -> Iterator[None]:
        yield
        order.append(("watch", one.process.returncode))

    one.child.while_alive(watching())
    for name in ("one", "two"):
        one.child.after_end(lambda name=name: order.append((name, one.process.returncode)))
    one.end()
    assert order == [("watch", None), ("two", -9), ("one", -9)]


def test_no_descriptor_is_left():
    before = descriptors()
    One(WAITS).end()
    assert descriptors() == before
