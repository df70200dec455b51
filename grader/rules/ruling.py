"""A course's rules applied to a class: from results and people's decisions to final rows. Nothing is graded.

The order, which is part of what a grade means:

1. The group: all attempts of its members are one pile, and each member has a row of their own.
2. The attempt that counts, by the points of the checks.
3. People's decisions (``adjustments.csv``): they say what the work is worth. Those on the person whose work
   counts hold for the whole group; a member's own line for the same exercise wins for that member.
4. Time: what late work costs is taken off what the work is worth. An extension waives it, and no adjustment.
5. What is missing, and last, in `grader.rules.totals`, drops and weights.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.results.adjustments import Adjustment, Adjustments, adjusted
from grader.results.gradebook import Row
from grader.results.result import Result
from grader.results.ruled import Ruled
from grader.rules.attempts import counting
from grader.rules.course_file import NAME, CourseRules, Group
from grader.rules.lateness import deadline, shown, timing
from grader.submissions.layout import OLDER, Stray
from grader.submissions.patterns import folded
from grader.submissions.safe_text import for_cell, for_terminal
from utils.views.plain import plural

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A course's rules and the earlier attempts that they may let count."""

    rules: CourseRules
    earlier: Sequence[Result] = ()

    def rows(self, results: Sequence[Result], given: Adjustments) -> tuple[Row, ...]:
        """Return the rows of a class, sorted by student and lab; as many as there are results."""
        rules, attempts = self._sorted(results)
        decided: dict[_Key, list[Adjustment]] = defaultdict(list)
        for line in given.given:
            decided[line.student, line.lab].append(line)
        ordered = sorted(results, key=lambda one: (one.student, one.lab))
        return tuple(_row(own, rules, attempts, decided) for own in ordered)

    def notes(self, results: Sequence[Result], strays: Sequence[Stray] = ()) -> tuple[str, ...]:
        """Return what the file names and nobody knows, and what it would need to be graded."""
        return (*self._unknown(results), *self._not_graded(strays), *self._flagged(results))

    def _unknown(self, results: Sequence[Result]) -> Iterator[str]:
        people = {one.student for one in results}
        labs = sorted({one.lab for one in results})
        for lab in self.rules.labs:
            # A lab of a later week has no results, and that is as it should be; a slip is like another name.
            if lab not in labs and (near := _or(lab, labs)):
                yield f"{NAME}, labs.{lab}: there is no result of this lab{near}"
        named = [(f"extension[{at}].student", one.student) for at, one in enumerate(self.rules.extension, 1)]
        named += [
            (f"group[{at}].members", member)
            for at, group in enumerate(self.rules.group, 1)
            for member in group.members
        ]
        for path, student in named:
            if student and people and _person(student, people) not in people:
                near = _or(student, sorted(people))
                yield f"{NAME}, {path}: there is no result of {for_terminal(student, 60)}{near}"

    def _not_graded(self, strays: Sequence[Stray]) -> Iterator[str]:
        for lab in sorted({stray.lab for stray in strays if stray.why == OLDER}):
            count = sum(1 for stray in strays if stray.why == OLDER and stray.lab == lab)
            if lab and needs_all(self.rules, lab):
                yield (
                    f"{NAME}: {plural(count, 'older attempt')} of {lab} may count and have no result yet; "
                    "grader grade grades them and nothing else again"
                )

    def _flagged(self, results: Sequence[Result]) -> Iterator[str]:
        """Yield what needs a look and stands in no row: another attempt, or another member's, counts."""
        rules, attempts = self._sorted(results)
        counts = [
            counting(_pile(own, rules.group_of(own.student, own.lab), attempts), own.student, rules)[0]
            for own in results
        ]
        for one in (*self.earlier, *results):
            needs_a_look = one.flags or one.status in ("tampered", "error")
            if needs_a_look and not any(one is other for other in counts):
                which = f"attempt {one.attempt}" if one.attempt else "what was handed in"
                who = for_terminal(one.student, 60)
                yield f"{one.lab}: {which} by {who} does not count and needs a look: its file is in results/"

    def _sorted(self, results: Sequence[Result]) -> tuple[CourseRules, Mapping[_Key, Sequence[Result]]]:
        """Return the rules for these people, and everybody's attempts, earlier ones first."""
        attempts: dict[_Key, list[Result]] = defaultdict(list)
        for one in (*self.earlier, *results):
            attempts[one.student, one.lab].append(one)
        return _resolved(self.rules, {one.student for one in results}), attempts


def _row(
    own: Result,
    rules: CourseRules,
    attempts: Mapping[_Key, Sequence[Result]],
    decided: Mapping[_Key, Sequence[Adjustment]],
) -> Row:
    group = rules.group_of(own.student, own.lab)
    pile = _pile(own, group, attempts)
    chosen, why = counting(pile, own.student, rules)
    by_whom = f"Handed in by {chosen.name or chosen.student} for {group.name}." if group else ""
    said = (by_whom,) if by_whom and chosen.student != own.student else ()
    path = chosen.path if chosen.student == own.student else own.path
    result = replace(chosen, student=own.student, name=own.name, path=path, attempt=0)
    lines = {line.exercise: line for line in decided.get((chosen.student, own.lab), ())}
    lines |= {line.exercise: line for line in decided.get((own.student, own.lab), ())}
    final = adjusted(result, (replace(line, student=own.student) for line in lines.values()))
    late = timing(result, own.student, rules)
    dates = deadline(rules, own.student, own.lab)
    points = final.points
    if points is not None and late.percent:
        points = points * (100 - late.percent) / 100
    said = (*said, *why, *late.said)
    if points is None and result.status == "missing" and rules.lab(own.lab).missing == "zero":
        points, said = 0.0, (*said, "Nothing was handed in: it counts 0.")
    at = "" if late.at is None else shown(late.at, rules)
    due = "" if dates.due is None else shown(dates.due, rules)
    return result, replace(final, ruled=Ruled(points, said, at, due))


def needs_all(rules: CourseRules, lab: str) -> bool:
    """Return whether another attempt than the last may count, so that all have to be graded."""
    own = rules.lab(lab)
    return own.counts != "last" or own.last is not None


def _resolved(rules: CourseRules, people: Collection[str]) -> CourseRules:
    """Return the rules with people's ids as the results have them."""
    groups = [
        one.model_copy(update={"members": [_person(name, people) for name in one.members]})
        for one in rules.group
    ]
    extensions = [one.model_copy(update={"student": _person(one.student, people)}) for one in rules.extension]
    return rules.model_copy(update={"group": groups, "extension": extensions})


def _person(name: str, people: Collection[str]) -> str:
    """Return who is meant, also where it is copied from a table or has other capitals; else the name."""
    if name in people:
        return name
    for same in (for_cell, folded):
        found = [one for one in people if same(one) == same(name) or same(one) == name]
        if len(found) == 1:
            return found[0]
    return name


def _pile(own: Result, group: Group | None, attempts: Mapping[_Key, Sequence[Result]]) -> Sequence[Result]:
    members = [own.student] if group is None else group.members
    return [one for member in members for one in attempts.get((member, own.lab), ())]


def _or(text: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(text, names, 1)
    return f"; is {for_terminal(near[0], 60)} meant?" if near else ""
