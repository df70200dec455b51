"""A process seen from outside, and its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from grader.jail.frames import Channel, Closed
from grader.sandbox.child import Child
from tests.grader.sandbox.looking import descriptors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="graded on Linux only")
SECONDS = 30.0


def started(code: str, **options: int) -> Child:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", code, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            stderr=subprocess.PIPE,
            **options,
        )
    return Child(Channel(ours), process, process.pid)


SAYS = "import os, signal, socket, sys; sock = socket.socket(fileno=int(sys.argv[1])); "
WAITS = SAYS + "sock.sendall(b'x'); signal.pause()"
FORKS = SAYS + "os.fork(); sock.sendall(b'%d ' % os.getpid()); signal.pause()"


@pytest.fixture
def child() -> Iterator[Child]:
    one = started(WAITS)
    assert select.select([one.channel], [], [], SECONDS)[0]
    yield one
    one.end()


def test_its_end_is_waited_for_and_comes_once(child):
    child.end()
    assert child.process.returncode == -signal.SIGKILL
    child.end()
    with pytest.raises(Closed):
        child.channel.send({})


def test_its_group_ends_with_it():
    one = started(FORKS)
    numbers = b""
    while numbers.count(b" ") < 2:
        numbers += (
            os.read(one.channel.fileno(), 100) if select.select([one.channel], [], [], SECONDS)[0] else b" "
        )
    handles = [os.pidfd_open(int(number)) for number in numbers.split()]
    one.end()
    assert all(select.select([handle], [], [], SECONDS)[0] for handle in handles)
    for handle in handles:
        os.close(handle)


def test_the_first_of_a_namespace_is_gone_when_its_end_has_come():
    """Not only killed: what it used may be another's at once."""
    outer, first = started(WAITS), started(WAITS)
    outer.opened(first.process.pid)
    handle = os.pidfd_open(first.process.pid)
    outer.end()
    assert select.select([handle], [], [], 0)[0]
    os.close(handle)
    first.end()


def test_a_first_process_that_is_gone_already_is_no_trouble(child):
    other = started("pass")
    other.process.wait()
    gone = other.process.pid
    other.end()
    child.opened(gone)
    child.end()
    assert child.process.returncode is not None


def test_it_may_be_killed_from_any_thread_and_after_its_end(child):
    thread = threading.Thread(target=child.kill)
    thread.start()
    thread.join()
    assert select.select([child.channel], [], [], SECONDS)[0]
    child.end()
    child.kill()


def test_a_number_that_was_waited_for_is_never_killed_again(child, monkeypatch):
    child.end()
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("it may be another's by now"))
    child.kill()


def test_what_it_said_at_first_is_told_once_and_cut():
    one = started("import sys; sys.stderr.write('no such thing ' * 1000)")
    one.process.wait(SECONDS)
    assert one.said().startswith("no such thing no")
    one.end()
    assert one.said() == ""


def test_one_that_says_nothing_is_not_waited_for(child):
    assert child.said() == ""


def test_bytes_that_are_no_text_are_told_as_such():
    one = started("import os; os.write(2, b'\\xff!')")
    one.process.wait(SECONDS)
    assert one.said() == "\ufffd!"
    one.end()


def test_what_goes_on_meanwhile_ends_before_and_the_rest_after_and_last_first(child):
    order = []

    @contextlib.contextmanager
    def watching() -> Iterator[None]:
        yield
        order.append(("watch", child.process.returncode))

    child.while_alive(watching())
    for name in ("one", "two"):
        child.after_end(lambda name=name: order.append((name, child.process.returncode)))
    child.end()
    child.end()
    assert order == [("watch", None), ("two", -9), ("one", -9)]


def test_no_descriptor_is_left():
    before = descriptors()
    one = started(WAITS)
    one.opened(one.process.pid)
    one.end()
    assert descriptors() == before
