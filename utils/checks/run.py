"""Running checks: every check ends as a result, whatever the student's code does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from utils.checks.explanation import Explanation, of_refused, of_unknown
from utils.checks.fault import is_the_checks_own, place_of
from utils.checks.registry import Check, Exercise, Failed, LabChecks
from utils.errors import KitError
from utils.lab.lab import Died, Lab, LabError, Missing, Spoiled, StudentError, TookTooLong
from utils.mistakes import recognise
from utils.results import CheckResult, ExerciseResult, LabResult, Status

TRIPS = (ArithmeticError, AttributeError, LookupError, RecursionError, StopIteration, TypeError, ValueError)
"""What reading data of an unexpected form raises; anything else in a check is the check's own fault. These
are the check's own fault as well where ``utils.checks.fault`` says so.

Forged data is among it: ``utils.lab.plain.Forged`` is a ValueError.
"""
MOST_LETTERS = 20_000
"""letters of each text in a result: what came back from a student's code may be of any length"""
_STOPPED = ("timeout", "memory", "crashed", "not run")


def run_lab(checks: LabChecks, lab: Lab, case: Any) -> LabResult:
    """Return the results of all exercises of a lab."""
    return LabResult(checks.slug, tuple(run_exercise(e, lab, case) for e in checks.exercises.values()))


def run_exercise(
    exercise: Exercise, lab: Lab, case: Any, tell: Callable[[CheckResult], None] | None = None
) -> ExerciseResult:
    """Return the results of an exercise's checks, in their order; ``tell`` is told each that has run."""
    results: list[CheckResult] = []
    for check in exercise.checks:
        if results and (_is_not_begun(exercise, results[0]) or results[-1].status in _STOPPED):
            # The rest would say the same again, or wait as long again.
            results.append(_unrun(check))
        else:
            results.append(run_check(exercise, check, lab, case))
            if tell is not None:
                tell(results[-1])
    return ExerciseResult(exercise.number, exercise.title, tuple(results))


def _is_not_begun(exercise: Exercise, first: CheckResult) -> bool:
    """Return whether the remaining checks are pointless: the only function is as it was given."""
    return not exercise.others and first.status == "not begun"


def not_run(exercise: Exercise) -> ExerciseResult:
    """Return the exercise as it stands before anybody checked it."""
    return ExerciseResult(exercise.number, exercise.title, tuple(_unrun(check) for check in exercise.checks))


def _unrun(check: Check) -> CheckResult:
    return CheckResult(check.exercise, check.name, check.title, "not run", 0.0, check.points)


def _not_begun(check: Check, function: str) -> CheckResult:
    """Return what is to be said of a cell that the student has not touched: nothing in it is wrong."""
    message = f"{function} is not written yet."
    return CheckResult(
        check.exercise, check.name, check.title, "not begun", 0.0, check.points, message=message
    )


def run_check(exercise: Exercise, check: Check, lab: Lab, case: Any) -> CheckResult:
    """Return the result of one check. Only a fault of the kit itself ends as ``error``."""
    try:
        return _judged(exercise, check, lab, case)
    except Exception as error:  # what the check needs is gone, even for saying what was wrong
        return _result(check, "error", lab, _kit_fault(error))
    finally:
        _clean_up(lab)


def _judged(exercise: Exercise, check: Check, lab: Lab, case: Any) -> CheckResult:
    try:
        check.run(lab, case)
    except Failed as failed:
        told = Explanation(
            failed.message,
            failed.returned,
            failed.expected,
            failed.why,
            detail=_model_said(lab),
        )
        return _result(check, "failed", lab, told, points=min(failed.keeps, check.points))
    except Missing as missing:
        return _result(check, "failed", lab, _missing(missing.name))
    except StudentError as error:
        if error.is_a("NotImplementedError") and not error.message:
            called = lab.last_call.split("(")[0]
            return _not_begun(check, called if called in exercise.others else exercise.function)
        status: Status = "memory" if error.is_a("MemoryError") else "failed"
        return _result(check, status, lab, _raised(exercise, error, lab))
    except TookTooLong as error:
        told = Explanation(
            "This call did not come back in time, so it was stopped.",
            returned=str(error),
            expected="an answer within the time limit",
            why="A loop that never ends, or a wait for what never happens, would hold up every user.",
        )
        return _result(check, "timeout", lab, told)
    except Died as error:
        return _result(check, error.how, lab, _died(error))
    except Spoiled as error:
        told = Explanation(
            "The check could not go on with what this notebook's code had left.",
            returned=str(error),
            expected="files, objects and a kit that stay as the check made them",
            why="A file that is deleted, replaced or locked under others takes their work with it.",
        )
        return _result(check, "failed", lab, told)
    except (LabError, KitError) as error:
        return _result(check, "error", lab, _kit_fault(error))
    except TRIPS as error:
        if is_the_checks_own(error, lab):
            return _result(check, "error", lab, _kit_fault(error))
        # A check that trips over a student's data: the data has not the form that the text asks for.
        told = Explanation(
            "Something of another form came back than the exercise asks for.",
            expected="what the exercise's text says, in that form",
            why="Whoever uses this function reads its result in the form that was agreed.",
            detail=f"{type(error).__name__}: {error}",
        )
        return _result(check, "failed", lab, told)
    return _result(check, "passed", lab, points=check.points)


def _clean_up(lab: Lab) -> None:
    # A transport that gave up has nothing left to clean; the next question starts afresh.
    with contextlib.suppress(Exception):
        lab.clean_up()


def _kit_fault(error: Exception) -> Explanation:
    place = place_of(error)
    return Explanation(
        "The check itself could not run; this is not your fault.",
        expected="a check that runs",
        why="Run the notebook's setup cell again; if that does not help, tell your instructor.",
        detail=f"{type(error).__name__}: {error}" + (f" ({place})" if place else ""),
    )


def _result(
    check: Check, status: Status, lab: Lab, told: Explanation | None = None, *, points: float = 0.0
) -> CheckResult:
    if told is None:
        return CheckResult(check.exercise, check.name, check.title, status, points, check.points)
    return CheckResult(
        check.exercise,
        check.name,
        check.title,
        status,
        points,
        check.points,
        message=_within(told.message),
        called=_within(lab.last_call),
        returned=_within(told.returned),
        expected=_within(told.expected),
        why=_within(told.why),
        detail=_within(told.detail),
    )


def _within(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def _died(error: Died) -> Explanation:
    if error.how == "memory":
        return Explanation(
            "This call used more memory than a submission may have.",
            returned=str(error),
            expected="an answer within the memory limit",
            why="A list or a text that never stops growing takes the machine down for everybody.",
        )
    return Explanation(
        "The process that ran this notebook ended during this call.",
        returned=str(error),
        expected="an answer",
        why="Code that ends its own process, as exit() or a crash in C does, ends the service it is part of.",
    )


def missing_message(name: str) -> str:
    """Return what a check says of a function that is not there."""
    return f"There is no {name} in this notebook yet."


def _missing(name: str) -> Explanation:
    return Explanation(
        message=missing_message(name),
        returned=f"no {name}",
        expected=f"a function called {name}",
        why="The check looks your work up by its name. Was the cell that defines it run?",
    )


def _raised(exercise: Exercise, error: StudentError, lab: Lab) -> Explanation:
    trace = _trace(error)
    called = lab.last_call.split("(")[0]
    returned = f"{error.type}: {error.message}"
    if error.is_a("MemoryError"):
        return _died(Died("memory", returned))
    if refused := lab.refusals():
        return replace(of_refused(refused[-1]), detail=f"{returned}\n{trace}")
    if any(miss.reason == "tool" for miss in lab.misses()):
        return Explanation(
            message="The model was asked without being told of its tools.",
            returned=_model_said(lab),
            expected="model.bind_tools(tools), and the model that it returns is the one to ask",
            why="A model can ask only for tools that its request offers.",
            detail=trace,
        )
    if misses := lab.misses():
        unknown = lab.unknown()
        return replace(
            of_unknown(misses[-1], unknown[-1] if unknown else None), detail=f"{returned}\n{trace}"
        )
    if "No recorded answer for" in error.message:
        return Explanation(
            message="Another model was asked than the one that this check passes in.",
            returned=f"{error.type}: nothing is recorded there for this check's question",
            expected="only what the function is given is used: no agent or model of the notebook",
            why="A function that uses what happens to be in the notebook works for nobody else.",
            detail=trace,
        )
    return Explanation(
        message=f"{called or exercise.function} raised an error.",
        returned=returned,
        expected="a result, not an error",
        why=_why(exercise, error),
        detail=trace,
    )


def _why(exercise: Exercise, error: StudentError) -> str:
    mistake = recognise(error.bases, error.message, exercise.mistakes)
    if mistake is None:
        return "Who calls this function gets an error instead of an answer."
    return f"What happened: {mistake.what} What to do: {mistake.remedy}"


def _model_said(lab: Lab) -> str:
    """Return what the recorded model complained about in this check; empty if it did not."""
    said = list(lab.complaints())
    said += ["The model refused a malformed conversation (400)." for _ in lab.refusals()]
    return " ".join(dict.fromkeys(said))


def _trace(error: StudentError) -> str:
    lines = [
        f"line {step.get('line')} in {step.get('function')}: {step.get('source')}" for step in error.trace
    ]
    return "\n".join(lines)
