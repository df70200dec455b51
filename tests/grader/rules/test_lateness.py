"""Late work costs what the rules say, and a time that nobody knows costs nothing and is told."""

import pytest

from grader.results.result import Result
from grader.rules.course_file import parse
from grader.rules.lateness import timing
from tests.grader.results.made import LAB, not_graded
from tests.grader.rules.made import HEAD, came, rules

DUE = "due 2026-11-03 23:59"
HOURS = 'late = { per = "hour", off = 5, most = 40 }'


def off(one: Result, lab: str = "", more: str = "") -> tuple[float, str]:
    found = timing(one, one.student, rules(lab, more))
    return found.percent, " ".join(found.said)


@pytest.mark.parametrize(
    ("at", "percent", "said"),
    [
        ("2026-11-03T23:59:00", 0, ""),
        ("2026-11-03T23:59:01", 10, f"1 day late (came 2026-11-03 23:59, {DUE}): 10 % off."),
        ("2026-11-05T14:12:00", 20, f"2 days late (came 2026-11-05 14:12, {DUE}): 20 % off."),
        ("2026-11-05T13:12:00+00:00", 20, f"2 days late (came 2026-11-05 14:12, {DUE}): 20 % off."),
        ("2026-12-05T14:12:00", 50,
         f"32 days late (came 2026-12-05 14:12, {DUE}): 50 % off, the most there is."),
    ],
)  # fmt: skip
def test_each_day_that_has_begun_costs_up_to_a_limit(at: str, percent: float, said: str) -> None:
    assert off(came(at)) == (percent, said)


def test_hours_are_counted_where_the_rules_say_so() -> None:
    assert off(came("2026-11-04T01:30:00"), HOURS)[0] == 10
    assert off(came("2026-11-04T23:30:00"), HOURS)[0] == 40


def test_a_change_of_the_clocks_costs_nobody_an_hour() -> None:
    spring = parse(f"{HEAD}[labs.{LAB}]\ndue = 2026-03-29T01:30:00\n{HOURS}\n")
    # from 01:30 to 03:30 the clocks show two hours, and one has gone by
    assert timing(came("2026-03-29T03:30:00"), "ada", spring).percent == 5


def test_within_the_time_of_grace_nothing_is_off_and_beyond_it_the_whole_time_counts() -> None:
    percent, said = off(came("2026-11-04T00:10:00"), 'grace = "15 min"')
    assert (percent, said) == (0, "It is late within the time of grace: nothing is off.")
    assert off(came("2026-11-04T00:30:00"), 'grace = "15 min"')[0] == 10


def test_after_the_last_date_it_counts_nothing() -> None:
    percent, said = off(came("2026-11-10T00:00:01"), "last = 2026-11-10T00:00:00")
    assert percent == 100
    assert said == "It came at 2026-11-10 00:00, after the last date, 2026-11-10 00:00: it counts 0."
    assert off(came("2026-11-10T00:00:00"), "last = 2026-11-10T00:00:00")[0] == 50


@pytest.mark.parametrize("end", ["days = 2", "until = 2026-11-05T23:59:00"])
def test_an_extension_moves_the_due_date_and_the_last_one(end: str) -> None:
    more = f'[[extension]]\nstudent = "ada"\nlab = "{LAB}"\n{end}\nreason = "private"'
    said = "Due later by an extension: 2026-11-05 23:59 instead of 2026-11-03 23:59."
    assert off(came("2026-11-05T14:12:00"), more=more) == (0, said)
    assert off(came("2026-11-06T14:12:00"), more=more)[0] == 10
    assert off(came("2026-11-06T14:12:00"), "last = 2026-11-05T00:00:00", more)[0] == 10
    assert off(came("2026-11-05T14:12:00", "bob"), more=more)[0] == 20


def test_of_several_extensions_the_longest_holds_and_a_group_s_is_its_members_too() -> None:
    more = (
        '[[group]]\nname = "A"\nmembers = ["ada", "bob"]\n[[extension]]\ngroup = "A"\ndays = 5\n'
        '[[extension]]\nstudent = "ada"\ndays = 1\n'
    )
    assert off(came("2026-11-08T14:12:00"), more=more)[0] == 0
    assert off(came("2026-11-08T14:12:00", "cem"), more=more)[0] == 50


@pytest.mark.parametrize(
    ("path", "late", "percent", "said"),
    [
        ("ada/x.ipynb", False, 0, "When it came is not known, so no rule on time was applied."),
        ("doeada_12_34_x.ipynb", False, 0, "When it came is not known; Canvas does not mark it as late."),
        ("doeada_LATE_12_34_x.ipynb", True, 0,
         "The platform marks it as late; by how much is not known: nothing is off."),
    ],
)  # fmt: skip
def test_an_unknown_time_is_told_and_not_guessed(path: str, late: bool, percent: float, said: str) -> None:
    assert off(came("", path=path, late=late)) == (percent, said)


def test_a_mere_mark_costs_the_days_that_the_rules_say() -> None:
    percent, said = off(came("", late=True), "marked_late_days = 2")
    assert percent == 20
    assert said.endswith("by how much is not known. It counts as 2 days late: 20 % off.")
    assert off(came("", late=True), f"{HOURS}\nmarked_late_days = 1")[0] == 40


def test_a_mere_mark_costs_nothing_where_there_is_an_extension() -> None:
    more = '[[extension]]\nstudent = "ada"\ndays = 2\n'
    percent, said = off(came("", late=True), "marked_late_days = 2", more)
    assert percent == 0
    assert said.startswith("Due later by an extension")
    assert said.endswith("by how much is not known: nothing is off.")


def test_what_is_missing_is_not_late_and_a_broken_time_is_unknown() -> None:
    assert off(not_graded("missing")) == (0, "")
    assert off(came("not a time"))[0] == 0
