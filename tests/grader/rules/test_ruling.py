"""Rules are applied in one order, to everybody once, and without grading anything again."""

import csv
import io

from grader.results.adjustments import Adjustment, Adjustments
from grader.results.gradebook import Row, gradebook
from grader.results.result import Flag, Result
from grader.rules.ruling import Ruling, needs_all
from grader.rules.totals import table, totals
from grader.submissions.layout import OLDER, Stray
from tests.grader.results.made import LAB, not_graded
from tests.grader.rules.made import came, rules

IN_TIME, LATE = "2026-11-03T08:00:00", "2026-11-05T14:12:00"
TEAM = '[[group]]\nname = "Team 1"\nmembers = ["ada", "BOB"]\n'


def line(student: str, exercise: str, points: float) -> Adjustment:
    return Adjustment(student, LAB, exercise, points, "R. Miller", "read by hand", 2)


def rows(
    *results: Result, lab: str = "", more: str = "", given: tuple[Adjustment, ...] = ()
) -> dict[str, Row]:
    found = Ruling(rules(lab, more)).rows(results, Adjustments(given))
    assert len(found) == len(results)
    return {row[0].student: row for row in found}


def test_the_work_s_points_stay_beside_what_the_rules_make_of_them() -> None:
    found = rows(came(LATE, points=3), came(IN_TIME, "bob"))
    (ada, bob) = csv.DictReader(io.StringIO(gradebook(found.values())))
    assert (ada["score"], ada["work"], ada["handed_in"]) == ("2.4", "3", "2026-11-05 14:12")
    assert ada["rules"] == "2 days late (came 2026-11-05 14:12, due 2026-11-03 23:59): 20 % off."
    assert (bob["score"], bob["work"], bob["rules"]) == ("4", "4", "")


def test_people_s_decisions_come_first_and_what_time_costs_is_taken_off_them() -> None:
    final = rows(came(LATE, points=1), given=(line("ada", "*", 4.0),))["ada"][1]
    assert (final.points, final.counts) == (4.0, 3.2)


def test_one_hand_in_counts_for_all_members_and_nobody_gets_another_s_row() -> None:
    found = rows(
        came(LATE, "ada", 3, name="Ada", path="a"),
        not_graded("missing", "bob", name="Bob"),
        not_graded("missing", "eve"),
        more=TEAM,
    )
    result, final = found["bob"]
    assert (result.name, result.path, result.status, final.points, final.counts) == (
        "Bob",
        "",
        "graded",
        3,
        2.4,
    )
    assert final.ruled is not None
    assert final.ruled.said[0] == "Handed in by Ada for Team 1."
    assert (found["eve"][1].counts, found["ada"][0].path) == (None, "a")


def test_a_decision_on_the_work_holds_for_the_group_and_a_member_s_own_line_for_that_member() -> None:
    given = (line("ada", "1.1", 4.0), line("bob", "*", 1.0))
    found = rows(came(IN_TIME, "ada", 1), not_graded("missing", "bob"), more=TEAM, given=given)
    assert (found["ada"][1].counts, found["bob"][1].counts) == (4.0, 1.0)


def test_people_whose_ids_differ_in_capitals_only_stay_two() -> None:
    found = rows(
        came(IN_TIME, "ada", 1), came(IN_TIME, "Ada", 3), more='[[extension]]\nstudent = "ADA"\ndays = 1\n'
    )
    assert (found["ada"][1].counts, found["Ada"][1].counts) == (1, 3)


def test_what_is_missing_stays_empty_unless_the_rules_say_zero() -> None:
    assert rows(not_graded("missing"))["eve"][1].counts is None
    final = rows(not_graded("missing"), not_graded("tampered", "bob"), lab='missing = "zero"')
    assert final["eve"][1].counts == 0
    assert final["bob"][1].counts is None


def test_an_earlier_attempt_counts_where_the_rules_say_so() -> None:
    earlier, last = came(IN_TIME, points=3, attempt=1, path="1"), came(LATE, points=2, path="2")
    (row,) = Ruling(rules('counts = "best"'), [earlier]).rows([last], Adjustments())
    assert (row[0].path, row[0].attempt, row[1].counts) == ("1", 0, 3)
    assert row[1].ruled is not None
    assert row[1].ruled.said == ("Attempt 1 of 2 counts: the best.",)


def test_names_that_nobody_has_are_told_with_the_nearest() -> None:
    more = '[labs.02_streeming]\nweight = 2\n[[extension]]\nstudent = "adda"\ndays = 1\n' + TEAM
    notes = Ruling(rules(more=more)).notes([came(IN_TIME), came(IN_TIME, lab="02_streaming")])
    assert notes == (
        "course.toml, labs.02_streeming: there is no result of this lab; is 02_streaming meant?",
        "course.toml, extension[1].student: there is no result of adda; is ada meant?",
        "course.toml, group[1].members: there is no result of BOB",
    )


def test_attempts_that_may_count_and_were_not_graded_are_told() -> None:
    strays = [Stray("1", OLDER, "ada", LAB), Stray("2", "is no lab")]
    best = Ruling(rules('counts = "best"'), [came("", attempt=1, flags=(Flag("a", "b"),))])
    to_grade = f"course.toml: 1 older attempt of {LAB} may count and have no result yet"
    assert best.notes([came(IN_TIME)], strays) == (
        f"{to_grade}; grader grade grades them and nothing else again",
    )
    assert Ruling(rules()).notes([came(IN_TIME)], strays) == ()


def test_what_needs_a_look_is_told_also_where_another_attempt_counts() -> None:
    earlier = came(IN_TIME, points=2, attempt=1)
    last = not_graded("tampered", "ada", handed_in=IN_TIME)
    (note,) = Ruling(rules('counts = "first"'), [earlier]).notes([last])
    assert (
        note == f"{LAB}: what was handed in by ada does not count and needs a look: its file is in results/"
    )
    assert Ruling(rules(), [earlier]).notes([last]) == ()


def test_many_attempts_may_have_to_be_graded() -> None:
    assert needs_all(rules("last = 2026-11-10T00:00:00"), LAB)


def test_totals_weigh_labs_drop_the_lowest_and_leave_open_what_has_no_points() -> None:
    more = "[labs.02_streaming]\nweight = 3\n[labs.03_async_graphs]\n[drop]\nlowest = 1\n"
    found = Ruling(rules(more=more)).rows(
        [
            came(IN_TIME, "ada", 4),
            came("", "ada", 2, lab="02_streaming"),
            came("", "ada", 1, lab="03_async_graphs"),
            came(IN_TIME, "=bob", 2),
            not_graded("missing", "=bob", lab="02_streaming"),
            not_graded("missing", "cem"),
        ],
        Adjustments(),
    )
    bob, ada, cem = totals(found, rules(more=more))
    assert (ada.percent, ada.dropped, ada.open) == (62.5, ("03_async_graphs",), ())
    assert (bob.percent, bob.dropped, bob.open) == (50.0, (), ("02_streaming", "03_async_graphs"))
    assert cem.percent is None
    lines = table(totals(found, rules(more=more))).decode().splitlines()
    assert lines[0].endswith("dropped,open,total_percent")
    assert lines[1].startswith("'=bob,")
    assert len(lines) == 4
