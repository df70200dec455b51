"""Of several hand-ins that one counts which the rules name, and the reason is told."""

import pytest

from grader.results.result import Result
from grader.rules.attempts import counting
from tests.grader.results.made import not_graded
from tests.grader.rules.made import came, rules

MORNING, EVENING = "2026-11-03T08:00:00", "2026-11-03T20:00:00"
NEXT_DAY, NEXT_WEEK = "2026-11-04T20:00:00", "2026-11-10T20:00:00"


def attempts(*each: tuple[str, int]) -> list[Result]:
    last = len(each)
    return [
        came(at, points=points, attempt=0 if number == last else number, path=str(number))
        for number, (at, points) in enumerate(each, 1)
    ]


def chosen(found: list[Result], lab: str) -> tuple[str, str]:
    one, said = counting(found, "ada", rules(lab))
    return one.path, " ".join(said)


@pytest.mark.parametrize(
    ("counts", "path", "why"),
    [
        ("last", "3", "the last"),
        ("first", "1", "the first"),
        ("best", "2", "the best"),
        ("last before due", "2", "the last before the due date"),
    ],
)
def test_the_rule_chooses(counts: str, path: str, why: str) -> None:
    found = attempts((MORNING, 1), (EVENING, 3), (NEXT_DAY, 3))
    assert chosen(found, f'counts = "{counts}"') == (path, f"Attempt {path} of 3 counts: {why}.")


def test_the_best_is_the_best_after_what_lateness_costs() -> None:
    assert chosen(attempts((MORNING, 3), (NEXT_WEEK, 4)), 'counts = "best"')[0] == "1"
    assert chosen(attempts((MORNING, 2), (NEXT_DAY, 4)), 'counts = "best"')[0] == "2"


def test_what_has_no_score_is_the_best_only_where_nothing_has_one() -> None:
    tampered = not_graded("tampered", "ada", path="2", handed_in=EVENING)
    nothing = came(MORNING, points=0, path="1", attempt=1)
    assert chosen([nothing, tampered], 'counts = "best"')[0] == "1"


def test_what_came_after_the_last_date_does_not_take_the_place_of_what_came_before() -> None:
    found = attempts((MORNING, 1), (NEXT_WEEK, 4))
    assert chosen(found, "last = 2026-11-08T00:00:00")[0] == "1"
    assert chosen(found[1:], "last = 2026-11-08T00:00:00") == ("2", "")


def test_where_no_time_is_known_the_platform_s_order_holds_and_the_due_date_cannot() -> None:
    found = attempts(("", 3), ("", 1))
    assert chosen(found, "")[0] == "2"
    path, said = chosen(found, 'counts = "last before due"')
    assert path == "2"
    assert said.endswith("counts: the last; which of them came before the due date is not known.")
    none = attempts((NEXT_DAY, 3), (NEXT_WEEK, 1))
    assert chosen(none, 'counts = "last before due"')[1].endswith(
        "the last, since none came before the due date."
    )


def test_of_a_group_the_later_counts_and_without_times_the_better_and_that_is_told() -> None:
    by_time = [came(EVENING, "ada", 1), came(MORNING, "bob", 4)]
    assert counting(by_time, "bob", rules())[0].student == "ada"
    one, said = counting([came("", "ada", 1), came("", "bob", 4)], "ada", rules())
    assert (one.student, said) == (
        "bob", ("Nothing says which of 2 hand-ins came last; that with most points counts.",))  # fmt: skip


def test_one_hand_in_needs_no_choice_and_nothing_is_nothing() -> None:
    assert counting([came(MORNING), not_graded("missing", "bob")], "bob", rules())[1] == ()
    assert counting([not_graded("missing", "ada")], "ada", rules())[0].status == "missing"
