"""Results for the tests: ordinary ones, hostile ones, and any at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from hypothesis import strategies as st

from grader.results.result import Flag, Loss, LossKind, Result, Sandbox, SubmissionStatus
from utils.results import CheckResult, ExerciseResult, Status

LAB = "01_persistence"
SCRIPT = "<script>alert(1)</script>"
LONG = 250_000
"""letters of a long text: far more than anything shows, and what takes the square of it takes minutes"""
HOSTILE = (
    SCRIPT,
    "\"><img src=x onerror=alert(1)>'",
    "=cmd|' /C calc'!A0",
    "\x1b[31mred\x1b]0;owned\x07",
    "\u202egnp.exe",
    "line one\nline two\r\n\x85\u2028three",
    "{{ 7*7 }} ${7*7} %s {0}",
    "`<b>`</code></pre></style></title>",
    "\udcff\udc80 no UTF-8",
    "名前" * 40,
    "x" * LONG,
    "<&\"'" * (LONG // 4),
    "\n" * LONG,
    "\u202e" * LONG,
)


def check(name: str = "a", status: Status = "passed", **more: Any) -> CheckResult:
    """Return a check worth one point; what did not pass says why."""
    facts = {
        "exercise": "1.1",
        "title": f"check {name}",
        "points": float(status == "passed"),
        "max_points": 1.0,
    }
    if status == "failed":
        facts |= {
            "message": "After a tool has answered, the model must be asked again.",
            "called": "agent.invoke({'messages': []}, thread 'trip')",
            "returned": "what the student's code gave",
            "expected": "a list with `messages`",
            "why": "A model may look things up several times.",
            "detail": "line 3 in ask: a traceback",
        }
    return CheckResult(check=name, status=status, **(facts | more))  # type: ignore[arg-type]


def exercise(number: str = "1.1", *checks: CheckResult) -> ExerciseResult:
    """Return an exercise; without checks it has two that passed."""
    made = checks or (check("a"), check("b"))
    return ExerciseResult(number, f"Exercise {number}", tuple(replace(one, exercise=number) for one in made))


def result(student: str = "ada", **more: Any) -> Result:
    """Return a result; without more it is fully right, 4 of 4."""
    facts = {
        "lab": LAB,
        "title": "Keep the conversation",
        "status": "graded",
        "exercises": (exercise("1.1"), exercise("1.2")),
    }
    return Result(student=student, **(facts | more))  # type: ignore[arg-type]


def partly(student: str = "bob", **more: Any) -> Result:
    """Return a graded result of 3 of 4 points."""
    exercises = (exercise("1.1"), exercise("1.2", check("a"), check("b", "failed")))
    return result(student, **({"exercises": exercises} | more))


def not_graded(status: SubmissionStatus, student: str = "eve", **more: Any) -> Result:
    """Return a result that is not ``graded``, with a reason; nothing ran unless exercises are given."""
    facts = {
        "status": status,
        "exercises": tuple(
            exercise(number, check("a", "not run"), check("b", "not run")) for number in ("1.1", "1.2")
        ),
        "reason": f"Reason of {status}.",
        "do": f"Do about {status}.",
    }
    return result(student, **(facts | more))


def hostile(text: str, student: str | None = None) -> Result:
    """Return a result that holds the text wherever text can be."""
    checks = tuple(check(str(at), "failed", **dict.fromkeys(_TEXTS, text)) for at in range(3))
    return Result(
        student=text if student is None else student,
        lab=LAB,
        title=text,
        status="crashed",
        exercises=(ExerciseResult("1.1", text, checks), ExerciseResult(text, text, checks)),
        reason=text,
        do=text,
        name=text,
        path=text,
        late=True,
        notes=(text,),
        losses=(Loss("cell-error", text, text, text, 3, text),),
        flags=(Flag(text, text, 4, text),),
        lacking=(text,),
        submission=text,
        inputs=text,
        handed_in=text,
        told_by=text,
    )


_TEXTS = ("title", "message", "called", "returned", "expected", "why", "detail")

# Any text at all, but for halves of letters that JSON would put together.
TEXT = st.text(
    st.characters(exclude_categories=("Cs",)) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
)
POINTS = st.floats(0, 20, allow_nan=False) | st.integers(0, 20).map(float)


def _points(check: CheckResult, share: float) -> CheckResult:
    """Return the check with the points that its status allows."""
    shares = {"passed": 1.0, "failed": share}
    return replace(check, points=check.max_points * shares.get(check.status, 0.0))


CHECKS = st.builds(
    _points,
    st.builds(CheckResult, *[TEXT] * 3, st.sampled_from(get_args(Status)), st.just(0.0), POINTS, *[TEXT] * 6),
    st.floats(0, 1),
)
EXERCISES = st.builds(ExerciseResult, TEXT, TEXT, st.lists(CHECKS, max_size=3).map(tuple))
RESULTS = st.builds(
    Result,
    student=TEXT,
    lab=TEXT,
    title=TEXT,
    status=st.sampled_from(get_args(SubmissionStatus)),
    exercises=st.lists(EXERCISES, max_size=3).map(tuple),
    reason=TEXT,
    do=TEXT,
    name=TEXT,
    path=TEXT,
    late=st.booleans(),
    notes=st.lists(TEXT, max_size=2).map(tuple),
    losses=st.lists(
        st.builds(Loss, st.sampled_from(get_args(LossKind)), TEXT, TEXT, TEXT, st.integers(0, 1_000), TEXT),
        max_size=2,
    ).map(tuple),
    flags=st.lists(st.builds(Flag, TEXT, TEXT, st.integers(0, 99), TEXT), max_size=2).map(tuple),
    sandbox=st.sampled_from(get_args(Sandbox)),
    lacking=st.lists(TEXT, max_size=2).map(tuple),
    submission=TEXT,
    inputs=TEXT,
    handed_in=TEXT,
    told_by=TEXT,
    attempt=st.integers(0, 3),
)
