"""Which hand-in counts, of all attempts of a person or a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

from grader.results.adjustments import adjusted
from grader.results.result import Result
from grader.rules.course_file import Counts, CourseRules
from grader.rules.lateness import Timing, timing


def counting(found: Sequence[Result], student: str, rules: CourseRules) -> tuple[Result, tuple[str, ...]]:
    """Return the result that counts for a student, and a sentence that says why, where there is a choice.

    ``found`` are all attempts at one lab, of all members where there is a group; there is at least one. It is
    chosen by the points of the checks: what a person decided about points is no reason to take another one.
    """
    came = [one for one in found if one.status != "missing"]
    if len(came) < 2:
        return (came or found)[0], ()
    timings = {id(one): timing(one, student, rules) for one in came}
    ordered, told = _ordered(came, timings)
    rule = rules.lab(came[0].lab).counts
    in_question = [one for one in ordered if not timings[id(one)].too_late] or ordered
    if not told and rule != "best":
        chosen = max(in_question, key=lambda one: _worth(one, timings[id(one)]))
        return chosen, (
            f"Nothing says which of {len(came)} hand-ins came last; that with most points counts.",
        )
    chosen, why = _by(rule, in_question, timings)
    return chosen, (f"Attempt {ordered.index(chosen) + 1} of {len(ordered)} counts: {why}.",)


def _ordered(found: Sequence[Result], timings: Mapping[int, Timing]) -> tuple[list[Result], bool]:
    """Return the attempts from the first to the last, and whether anything tells so."""
    by_number = sorted(found, key=lambda one: (one.student, not one.attempt, one.attempt))
    dated = [(at, one) for one in by_number if (at := timings[id(one)].at) is not None]
    if len(dated) == len(by_number):
        return [one for _, one in sorted(dated, key=lambda pair: pair[0].astimezone(UTC))], True
    return by_number, len({one.student for one in found}) == 1


def _by(rule: Counts, ordered: Sequence[Result], timings: Mapping[int, Timing]) -> tuple[Result, str]:
    if rule == "first":
        return ordered[0], "the first"
    if rule == "best":
        return max(ordered, key=lambda one: _worth(one, timings[id(one)])), "the best"
    if rule == "last":
        return ordered[-1], "the last"
    in_time = [one for one in ordered if timings[id(one)].in_time]
    if in_time:
        return in_time[-1], "the last before the due date"
    if any(timings[id(one)].in_time is None for one in ordered):
        return ordered[-1], "the last; which of them came before the due date is not known"
    return ordered[-1], "the last, since none came before the due date"


def _worth(result: Result, late: Timing) -> float:
    """Return what an attempt would count; less than nothing where it has no score."""
    points = adjusted(result).points
    return -1.0 if points is None else points * (100 - late.percent) / 100
