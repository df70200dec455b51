"""``grader review`` and ``grader adjust``: what was typed, checked, and turned into a room or a decision."""

from __future__ import annotations

import getpass
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError, UsageError
from grader.results import store
from grader.results.adjustments import Known, Unusable, adjusted, exercise_of
from grader.results.decisions import Decision, current, decide
from grader.results.words import total
from grader.review.room import Room, Settings, now, unsandboxed
from grader.review.server import ReviewServer
from grader.submissions.safe_text import for_terminal
from utils.views.plain import plural

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What was typed for the room."""

    settings: Settings
    port: int = 0
    unsandboxed: bool = False
    """go on although some results are of work that ran without a jail"""


def review(options: Options, write: Callable[[], int], note: Say) -> int:
    """Serve the room until Ctrl-C; return the exit code.

    ``write`` writes gradebook, feedback and report. Raises UsageError for what cannot be served.
    """
    submissions = options.settings.submissions
    if submissions is not None and not submissions.is_dir():
        raise UsageError("the folder of submissions is not there", where=str(submissions))
    room = Room(options.settings)
    count = unsandboxed(room.state().course.everything)
    if count and not options.unsandboxed:
        raise GraderError(
            f"{plural(count, 'result')} here ran without a jail, so what they say may be made up",
            where=str(options.settings.out),
            hint="grade them in a jail; or add --unsandboxed, if you wrote these notebooks yourself",
        )
    if count:
        note(f"NO SANDBOX: {plural(count, 'result')} ran without a jail, and the pages say so")
    server = ReviewServer(room, lambda address: note(f"open: {address}"), write, options.port)
    server.start()
    try:
        note("the address works once; the next one, for another browser, follows it. Ctrl-C ends.")
        with _stopping() as stop:
            stop.wait()
    finally:
        server.close()
    if room.unwritten:
        note(f"{plural(room.unwritten, 'decision')}: writing gradebook, feedback and report")
        return write()
    return 0


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Yield what is set when somebody wants an end, by Ctrl-C or otherwise."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [(number, signal.signal(number, lambda *_: stop.set())) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def adjust(out: Path, decision: Decision, say: Say) -> int:
    """Save one decision and tell the points that follow; return the exit code. Raises UsageError."""
    stored = store.read_all(out)
    known = Known(stored.results)
    try:
        result = known.result(known.student(decision.student), decision.lab)
        exercise, _ = exercise_of(decision.exercise, result)
    except Unusable as error:
        raise UsageError(str(error), where=str(out)) from error
    decision = Decision(
        result.student,
        result.lab,
        exercise,
        decision.author,
        decision.points,
        decision.reason,
        decision.comment,
        decision.back,
    )
    file = decide(out, stored.results, decision, now())
    final = adjusted(result, file.given)
    what = "taken back" if decision.back else "saved"
    held = current(file, decision.about)
    more = ", with a comment" if held and held.comment else ""
    say(f"{what}{more}: {for_terminal(result.student)}  {result.lab}  {total(final)}")
    say("grader report writes gradebook, feedback and report with it")
    return 0


def usual_author() -> str:
    """Return who is logged in here; empty where that cannot be told."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
