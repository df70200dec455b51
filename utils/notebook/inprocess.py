"""Carrying questions within a notebook's own kernel: another thread, another loop, the same JSON.

The kernel's loop is running and cannot be used for sync questions, so the student's functions are
called in a thread with a loop of its own. That loop serves all questions of a lab: async savers and
clients belong to the loop they were first used in.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import contextlib
import ctypes
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from utils.lab.handle import Handle
from utils.lab.lab import LabError, TookTooLong

SECONDS = 8.0
MAX_PRINTED = 4_000
CANCELLED = 5
"""how many times a task is cancelled that will not end"""


class Stopped(BaseException):
    """Raised in a student's code that ran too long; a bare ``except Exception`` does not catch it."""


class InProcess:
    """A transport to a namespace of this process."""

    def __init__(
        self,
        namespace: Mapping[str, Any],
        parts: Mapping[str, Callable[..., Any]],
        *,
        seconds: float = SECONDS,
    ) -> None:
        self._handle = Handle(namespace, parts)
        self.seconds = seconds
        """how long a question may take"""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self.printed = ""
        """what the student's code printed while questions were answered, cut at a few thousand characters"""

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer, through JSON both ways. Raises TookTooLong after ``seconds``."""
        crossing = json.loads(json.dumps(question))
        loop = self._running()
        before = set(threading.enumerate())
        with _captured() as printed:
            future = asyncio.run_coroutine_threadsafe(self._handle.answer(crossing), loop)
            try:
                answer = future.result(self.seconds)
            except (concurrent.futures.TimeoutError, TimeoutError):
                future.cancel()
                self._give_up(before)
                msg = f"no answer within {self.seconds:g} seconds"
                raise TookTooLong(msg) from None
            except concurrent.futures.CancelledError:
                msg = "the question was cancelled"
                raise LabError(msg) from None
            except BaseException:  # the person at the keyboard has had enough
                future.cancel()
                self._give_up(before)
                raise
            finally:
                self.printed = (self.printed + printed.getvalue())[:MAX_PRINTED]
        try:
            told = json.loads(json.dumps(answer))
        except (TypeError, ValueError, RecursionError) as error:
            msg = f"the answer does not fit into JSON: {error}"
            raise LabError(msg) from error
        if not isinstance(told, dict):
            msg = "the answer is not an object"
            raise LabError(msg)
        return told

    def close(self) -> None:
        """End the thread; a second call does nothing."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        self._end(loop)
        if thread is not threading.current_thread():  # a student's function may run setup() again
            thread.join(timeout=2.0)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ending.set()
        with contextlib.suppress(RuntimeError):  # closed already
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            started = threading.Event()
            ending = self._ending = threading.Event()

            def serve() -> None:
                asyncio.set_event_loop(loop)
                loop.call_soon(started.set)
                while not ending.is_set():
                    # A task that raises SystemExit, or stops the loop, must not end the questions.
                    with contextlib.suppress(Stopped, SystemExit, KeyboardInterrupt):
                        loop.run_forever()
                with contextlib.suppress(Stopped):
                    _finish(loop)

            self._thread = threading.Thread(target=serve, name="self-check", daemon=True)
            self._thread.start()
            started.wait()
            self._loop = loop
        return self._loop

    def _give_up(self, before: set[threading.Thread]) -> None:
        """Leave a stuck thread behind and stop it where Python allows; the next question gets a fresh one.

        Worker threads that a graph has begun meanwhile (all but ``before``) are stopped as well: Python
        waits for them at its end.
        """
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        self._end(loop)
        thread.join(timeout=0.5)
        workers = [found for found in threading.enumerate() if found not in before]
        if sys.version_info < (3, 12) and sys.gettrace() is not None:
            # Under a debugger or a coverage tool Python 3.11 would spin in this thread for as long as the
            # other one has not noticed its exception: for ever, if that one waits in C.
            return
        for stuck in {thread, *workers}:
            _stop(stuck)


def _stop(thread: threading.Thread) -> None:
    at = sys._current_frames().get(thread.ident or 0)
    # A pool's idle worker ends by itself, and would complain on stderr.
    if at is not None and at.f_code.co_filename != concurrent.futures.thread.__file__:
        # The documented way to end a loop in pure Python; code stuck in C ends when it comes back.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stopped)
        )


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs on a stopped loop, so that nothing complains later."""
    with contextlib.suppress(Exception):
        for _ in range(CANCELLED):
            if not (tasks := asyncio.all_tasks(loop)):
                break
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks, timeout=0.1))
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


class _Capped(io.StringIO):
    """Text that stops growing at a limit, and that a student's code cannot close."""

    def write(self, text: str) -> int:
        if self.tell() < MAX_PRINTED:
            super().write(text[:MAX_PRINTED])
        return len(text)

    def close(self) -> None:
        return


@contextlib.contextmanager
def _captured() -> Iterator[io.StringIO]:
    """Keep what is printed meanwhile out of the notebook, and give it: a check's only output is its card."""
    text = _Capped()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text
