"""``grade --student ID --show``: every question to one student's work, what came back, and the traffic.

The questions are the ones that were graded: they follow from the submission and the course's secret. Where a
check did not pass, its last question has a cross: after it the check gave up. The last line has the points,
also those that people have decided. What came back may be of any length. It is cut before anything else is
done to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from grader.errors import GraderError
from grader.grading.batch import Batch, blank_result, entries_of, read_entry
from grader.grading.host import Host
from grader.grading.judge import judge
from grader.grading.supervisor import supervisor
from grader.results import adjustments
from grader.results.adjustments import adjusted
from grader.results.gradebook import in_words
from grader.results.result import Result
from grader.results.scrub import scrub
from grader.results.words import total
from grader.sandbox.jails import Jails
from grader.submissions import Entry, Submission
from grader.submissions.safe_text import for_terminal
from utils.brief import brief
from utils.checks.registry import Exercise
from utils.replay.log import Request
from utils.results import CheckResult, ExerciseResult

CHARS = 2_000
LINE = 400
MOST = 3_000
"""lines of one submission; an ordinary one has a thousand"""
_LOOK = 3 * CHARS
"""letters that are looked at to show `CHARS`: addresses and ids are taken out"""
_ASKED, _FAILED = "  asked  ", "✗ asked  "
_ENCODER = json.JSONEncoder(ensure_ascii=False)


def show(batch: Batch, note: Callable[[str], None], only: str = "") -> Iterator[str]:
    """Yield lines for a terminal; what students wrote cannot do anything to it.

    ``only`` is the number of an exercise: all are asked, and of the others nothing is shown.
    """
    entries = entries_of(batch)[1]

    def work(task: int, again: bool, jails: Jails) -> Mapping[str, Any]:
        return {"lines": _shown(batch, entries[task], batch.host(jails, again=again), only)}

    with supervisor(work, batch.plan, note) as judges:
        for outcome in judges.outcomes(len(entries)):
            entry = entries[outcome.task]
            yield f"{for_terminal(entry.student)}  {entry.lab}"
            yield from outcome.value["lines"] if outcome.value is not None else [f"  {outcome.problem}"]


def _shown(batch: Batch, entry: Entry, host: Host, only: str) -> list[str]:
    read = read_entry(batch, entry.found)
    if not isinstance(read, Submission):
        return [f"  {'nothing was handed in' if read is None else for_terminal(read.what, LINE)}"]
    lines: list[str] = []
    blank = blank_result(batch, entry, read)
    result = judge(blank, read, batch.labs[entry.lab], host, batch.secret, batch.seconds, _Told(lines, only))
    more = len(lines) - MOST
    if more > 0:
        lines[MOST:] = [f"  and {more} lines more"]
    return [*lines, _points(result, batch)]


def _points(result: Result, batch: Batch) -> str:
    """Return how it ended, with the points that its checks gave and, where people decided, with theirs."""
    by_checks = f"{result.status}: {result.points:g} points"
    try:
        given = adjustments.read(batch.out, [result]).given
    except GraderError as error:
        why = for_terminal(error.message, LINE)
        return f"{by_checks} by its checks; what people decided cannot be read: {why}"
    final = adjusted(result, given)
    if not final.adjustments:
        return by_checks
    decided = for_terminal("; ".join(map(in_words, final.adjustments)), LINE)
    return f"{by_checks} by its checks, {total(final)} as people decided: {decided}"


class _Told:
    """Turns what is noted while judging into lines."""

    def __init__(self, lines: list[str], only: str = "") -> None:
        self._lines = lines
        self._only = only
        self._wanted = not only
        self._begins = 0
        """the line with which the check that runs now begins"""

    def __call__(self, kind: str, what: Any) -> None:
        if kind == "exercise":
            self._wanted = self._only in ("", what.number)
        if self._wanted:
            self._take(kind, what)

    def _take(self, kind: str, what: Any) -> None:
        match kind, what:
            case "check", CheckResult() as check:
                if check.status != "passed":
                    self._mark()
                self._begins = len(self._lines)
            case "exercise", Exercise() as exercise:
                self._lines += ["", f"{exercise.number}  {exercise.title}"]
            case "asked", (Mapping() as question, Mapping() as frame):
                self._lines += _exchange(question, frame)
            case "traffic", tuple() as requests:
                self._lines += [f"  model  {line}" for request in requests for line in _request(request)]
            case "result", ExerciseResult() as result:
                self._lines += [f"  {line}" for line in _result(result)]
                self._wanted = not self._only  # what is asked afterwards counts nothing

    def _mark(self) -> None:
        """Put a cross before the last question of the check that has just run."""
        for at in reversed(range(self._begins, len(self._lines))):
            if self._lines[at].startswith(_ASKED):
                self._lines[at] = _FAILED + self._lines[at].removeprefix(_ASKED)
                return


def _exchange(question: Mapping[str, Any], frame: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was asked, in one message or several in a row, and what came back in the end."""
    if question.get("op") in ("close", "end"):
        return
    for asked in question.get("questions", (question,)):
        yield f"{_ASKED}{_question(asked)}"
    yield f"  came   {_answer(frame)}"


def _question(question: Mapping[str, Any]) -> str:
    """Return a question as a call would be written."""
    if question["op"] == "gather":
        calls = (_question({"op": "call", **call}) for call in question["calls"])
        return for_terminal(" beside ".join(calls), CHARS)
    target = question.get("target", {})
    name = target.get("name") or target.get("kit") or f"object {target.get('ref')}"
    where = "the kit's " if "kit" in target else ""
    method = f".{target['method']}" if target.get("method") else ""
    given = [_plain(arg) for arg in question.get("args", ())]
    given += [f"{key}={_plain(value)}" for key, value in question.get("kwargs", {}).items()]
    call = f"({', '.join(given)})" if question["op"] == "call" else f" [{question['op']}]"
    return for_terminal(f"{where}{name}{method}{call}", CHARS)


def _plain(value: Any) -> str:
    match value:
        case {"$object": number}:
            return f"<object {number}>"
        case {"$message": {"type": kind, "text": text}}:
            return f"<{kind} message {brief(text, CHARS)}>"
    return _json(value)


def _json(value: Any) -> str:
    """Return the beginning of a value as JSON, scrubbed; what lies behind it is not even written."""
    parts: list[str] = []
    room = _LOOK
    for part in _ENCODER.iterencode(value):
        parts.append(part[:room])
        room -= len(part)
        if room < 0:
            parts.append("…")
            break
    return scrub("".join(parts))


def _answer(frame: Mapping[str, Any]) -> str:
    answer = frame.get("answer", {})
    if frame.get("timeout"):
        return f"nothing in time: {for_terminal(brief(frame['timeout']), LINE)}"
    return for_terminal(_json(answer.get("value", answer)), CHARS)


def _request(request: Request) -> Iterator[str]:
    asked = " ".join(f"{message.role}: {brief(message.text, CHARS)}" for message in request.messages[-3:])
    what = asked if request.kind == "model" else f"{request.tool[:LINE]}({_json(request.args)})"
    yield for_terminal(
        f"{request.kind} request {request.arrived + 1}, status {request.status}: {what}", CHARS
    )


def _result(result: ExerciseResult) -> Iterator[str]:
    for check in result.checks:
        title = for_terminal(check.title, LINE)
        yield f"{check.status}, {check.points:g} of {check.max_points:g}: {title}"
        if check.message:
            yield f"    {for_terminal(check.message, CHARS)}"
