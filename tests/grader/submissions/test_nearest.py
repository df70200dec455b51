"""A hand-in of nobody names who may be meant, and gives nothing to anybody."""

import pytest

from grader.submissions.layout import Found
from grader.submissions.nearest import in_words, nearest
from grader.submissions.roster import Student, join

ROSTER = (
    Student("4711", "Ada Okafor", "ada.okafor@example.org", 2),
    Student("4712", "van den Akker, Sem", "sem@example.org", 3),
    Student("4713", "Łukasz Nowak", "lnowak@example.org", 4),
    Student("4714", "Lukas Novak", "x@example.org", 5),
)


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        (["ada okafr"], ["4711"]),
        (["okafor_ada"], ["4711"]),
        (["Sem v. d. Akker"], ["4712"]),
        (["lukas nowak"], ["4713", "4714"]),
        (["ada.okafo"], ["4711"]),
        (["Zoë Müller"], []),
        ([""], []),
    ],
)
def test_the_likest_come_first_and_nobody_is_named_for_little(written: list[str], ids: list[str]) -> None:
    assert [one.id for one in nearest(written, ROSTER)] == ids


def test_the_sentence_says_that_nothing_was_assigned() -> None:
    said = in_words(nearest(["ada okafr"], ROSTER))
    assert said == "nearest on the roster: Ada Okafor (4711); nothing was assigned"
    assert in_words(()) == ""


def test_a_near_name_is_a_stranger_all_the_same() -> None:
    entries = join(ROSTER, [Found("Ada Okafr", "01_persistence", "Ada Okafr/x.ipynb")], ["01_persistence"])
    assert [entry.status for entry in entries] == [*["missing"] * 4, "stranger"]
