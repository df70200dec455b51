"""Carrying questions within a notebook's own kernel: another thread, another loop, the same JSON.

The kernel's loop is running and cannot be used for sync questions, so the student's functions are
called in a thread with a loop of its own. That loop serves all questions of a lab: async savers and
clients belong to the loop they were first used in.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import ctypes
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from utils.lab.handle import Handle
from utils.lab.lab import LabError, TookTooLong

SECONDS = 15.0
MAX_PRINTED = 4_000


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
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.printed = ""
        """what the student's code printed while questions were answered, cut at a few thousand characters"""

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer, through JSON both ways; raises TookTooLong after ``seconds``."""
        crossing = json.loads(json.dumps(question))
        loop = self._running()
        with _captured() as printed:
            future = asyncio.run_coroutine_threadsafe(self._handle.answer(crossing), loop)
            try:
                answer = future.result(self._seconds)
            except (concurrent.futures.TimeoutError, TimeoutError):
                future.cancel()
                self._give_up()
                msg = f"no answer within {self._seconds:g} seconds"
                raise TookTooLong(msg) from None
            except concurrent.futures.CancelledError:
                msg = "the question was cancelled"
                raise LabError(msg) from None
            except BaseException:
                future.cancel()
                self._give_up()
                raise
            finally:
                self.printed = (self.printed + printed.getvalue())[:MAX_PRINTED]
        try:
            told = json.loads(json.dumps(answer))
        except (ValueError, RecursionError) as error:
            msg = f"the answer does not fit into JSON: {error}"
            raise LabError(msg) from error
        if not isinstance(told, dict):
            msg = "the answer is no object"
            raise LabError(msg)
        return told

    def close(self) -> None:
        """End the thread; a second call does nothing."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=2.0)
        self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            started = threading.Event()

            def serve() -> None:
                asyncio.set_event_loop(loop)
                loop.call_soon(started.set)
                with contextlib.suppress(Stopped):
                    loop.run_forever()
                _finish(loop)

            self._thread = threading.Thread(target=serve, name="self-check", daemon=True)
            self._thread.start()
            started.wait()
            self._loop = loop
        return self._loop

    def _give_up(self) -> None:
        """Leave a stuck thread behind and stop it where Python allows; the next question gets a fresh one."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None or thread.ident is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=0.5)
        if thread.is_alive():
            # The documented way to end a loop in pure Python; code stuck in C ends when it comes back.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped)
            )


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs on a stopped loop, so that nothing complains later."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(Exception, Stopped):
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


class _Capped(io.StringIO):
    """Text that stops growing at a limit."""

    def write(self, text: str) -> int:
        if self.tell() < MAX_PRINTED:
            super().write(text[:MAX_PRINTED])
        return len(text)


@contextlib.contextmanager
def _captured() -> Iterator[io.StringIO]:
    """What is printed meanwhile, kept out of the notebook: a card is the only output of a check."""
    text = _Capped()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text
