"""The course's rules where commands need them: read beside the results, applied to views, and told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from grader.errors import UsageError
from grader.results import store, strays
from grader.results.files import create_below, remove_below, write_below
from grader.results.gradebook import Row
from grader.results.store import Stored
from grader.results.views import Views, rows_of, write_views
from grader.results.words import points, total
from grader.rules import course_file, totals
from grader.rules.course_file import CourseRules
from grader.rules.ruling import Ruling, needs_all
from grader.submissions.layout import Stray
from grader.submissions.safe_text import for_terminal
from grader.tables import read_text
from utils.views.words import number

MOST = 2**20
"""bytes of a file of rules"""

Say = Callable[[str], None]


def ruling_of(out: Path, stored: Stored) -> Ruling | None:
    """Return the course's rules with what they apply to; ``None`` where there are none. Raises UsageError."""
    rules = course_file.read(out)
    return None if rules is None else Ruling(rules, stored.earlier)


def labs_with_attempts(out: Path, labs: Collection[str]) -> frozenset[str]:
    """Return the labs of which earlier attempts may count. Raises UsageError for rules with mistakes."""
    rules = course_file.read(out)
    return frozenset() if rules is None else frozenset(lab for lab in labs if needs_all(rules, lab))


def write_all(out: Path, stored: Stored, left: Sequence[Stray], problems: Sequence[str]) -> Views:
    """Write all views as the course's rules have them, and the totals where there are rules."""
    ruling = ruling_of(out, stored)
    if ruling is None:
        remove_below(out, totals.NAME)  # of rules that are gone
        return write_views(out, stored.results, strays=left, problems=problems)
    said = [*problems, *ruling.notes(stored.results, left)]
    views = write_views(out, stored.results, strays=left, problems=said, rule=ruling.rows)
    write_below(out, totals.NAME, totals.table(totals.totals(views.rows, ruling.rules)))
    return views


def percents(rows: Sequence[Row], rules: CourseRules) -> Mapping[str, float]:
    """Return the percent of the whole course that each student has, where there is any."""
    return {one.student: one.percent for one in totals.totals(rows, rules) if one.percent is not None}


def begin(out: Path, note: Say) -> int:
    """Write a file of rules to begin with; the exit code."""
    text = resources.files("grader.rules").joinpath("course.toml").read_bytes()
    if not create_below(out, course_file.NAME, text):
        raise UsageError(f"{out / course_file.NAME} is there already", hint="change it, or move it away")
    note(f"{out / course_file.NAME} written: put in your dates, then grader rules {out}")
    return 0


def told(out: Path, check: Path | None, say: Say, note: Say) -> int:
    """Tell what the rules make of the points; the exit code. ``check`` is a file to try instead."""
    if check is not None:
        text = read_text(check, "the file of rules", "--check", MOST)
        rules: CourseRules | None = course_file.parse(text, str(check))
    else:
        rules = course_file.read(out)
    if rules is None:
        hint = f"grader rules {out} --new writes one to begin with"
        raise UsageError(f"there is no {course_file.NAME}", where=str(out), hint=hint)
    for line in _dates(rules):
        say(line)
    stored = store.read_all(out)
    ruling = Ruling(rules, stored.earlier)
    rows, problems = rows_of(out, stored.results, ruling.rows)
    for line in _table(rows, rules):
        say(line)
    said = (*map(str, stored.problems), *problems, *ruling.notes(stored.results, strays.read(out)))
    for text in said:
        note(f"note: {text}")
    known = {result.lab for result in stored.results}
    if rows and (later := [lab for lab in rules.labs if lab not in known]):
        note(f"no results yet of {', '.join(later)}")
    if not rows:
        note(f"there are no results in {out} yet, so only the file was read")
    return 1 if said else 0


def _dates(rules: CourseRules) -> Iterator[str]:
    for lab in rules.labs or ("every lab",):
        own = rules.lab(lab)
        words = [f"due {own.due}" if own.due else "no due date"]
        words += [f"grace {own.grace}"] if own.grace else []
        words += [f"{number(own.late.off)} % off for each {own.late.per} begun"] if own.late else []
        words += [f"at most {number(own.late.most)} %"] if own.late and own.late.most < 100 else []
        words += [f"last {own.last}"] if own.last else []
        words += [f"{own.counts} counts", f"weight {number(own.weight)}"]
        say_missing = "missing counts 0" if own.missing == "zero" else "missing stays empty"
        yield f"{lab}: {', '.join((*words, say_missing))} ({rules.timezone})"


def _table(rows: Sequence[Row], rules: CourseRules) -> Iterator[str]:
    whole = {one.student: one for one in totals.totals(rows, rules)}
    for at, (result, final) in enumerate(rows):
        work = points(final.points, final.max_points)
        changed = f", of {work} for the work" if final.counts != final.points else ""
        said = " ".join(final.ruled.said) if final.ruled else ""
        who = for_terminal(result.name or result.student, 40)
        yield f"{who}  {result.lab}  {total(final)}{changed}{f'  {for_terminal(said, 400)}' if said else ''}"
        last = at + 1 == len(rows) or rows[at + 1][0].student != result.student
        if last and (one := whole[result.student]).percent is not None:
            dropped = f", without {', '.join(one.dropped)}" if one.dropped else ""
            still = f"; no points yet for {', '.join(one.open)}" if one.open else ""
            yield f"{who}  whole course  {number(one.percent)} %{dropped}{still}"
