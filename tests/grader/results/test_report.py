"""The instructor's page: the class in numbers, what to look at with its evidence, and nothing that acts."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from grader.results.adjustments import Adjustment, adjusted
from grader.results.report import MOST, Remarks, report_page
from grader.results.result import Flag, Loss
from grader.results.sizes import bounded
from grader.submissions.layout import Stray
from tests.grader.results.made import (
    HOSTILE,
    LAB,
    RESULTS,
    check,
    exercise,
    hostile,
    not_graded,
    partly,
    result,
)
from tests.grader.results.pages import Page, harmless
from tests.grader.results.test_sizes import huge


def html_of(results, given_by=(), **remarks) -> str:
    return report_page([(one, adjusted(one, given_by)) for one in results], Remarks(**remarks))


def page_of(*results, given_by=(), **remarks) -> Page:
    return harmless(html_of(results, given_by, **remarks))


def test_an_empty_report_says_so():
    page = page_of()
    assert "There are no results." in page.text
    assert page.headings == ["h1"]


def test_it_counts_how_submissions_ended():
    text = page_of(
        result("a"), partly("b", sandbox="none"), not_graded("missing", "c"), not_graded("timeout", "d")
    ).text
    assert "4 results: 2 graded, 1 timeout, 1 missing, 1 unsandboxed." in text


def test_it_counts_how_exercises_ended_among_those_that_ran():
    half = exercise("1.2", check("a"), check("b", "failed"))
    none = exercise("1.2", check("a", "failed"), check("b", "failed"))
    results = [result("a"), result("b"), result("c", exercises=(exercise(), half))]
    results += [
        result("d", exercises=(exercise(), none)),
        not_graded("crashed", "e"),
        not_graded("missing", "f"),
    ]
    text = page_of(*results).text
    assert "Counted below: the 5 that ran, by their checks." in text
    assert "Exercise Title ✓ passed ◐ partly ✗ not yet – not begun · not run" in text
    assert "1.1 Exercise 1.1 4 1 1.2 Exercise 1.2 2 1 1 1" in text


def test_who_did_not_begin_has_not_stumbled():
    untouched = exercise(
        "1.1", check("a", "not begun", message="ask is not written yet."), check("b", "not run")
    )
    text = page_of(result("a", exercises=(untouched,))).text
    assert "1.1 Exercise 1.1 1" in text
    assert "Where people stumble" not in text


def test_it_says_what_checks_most_said():
    messages = ["rare", *["often"] * 3, *["second"] * 2, "third", "fourth"]
    results = [
        result(f"s{at}", exercises=(exercise("1.1", check("a", "failed", message=message), check("b")),))
        for at, message in enumerate(messages)
    ]
    text = page_of(*results).text
    assert "1.1 check a 0 of 8 3 × often 2 × second 1 × fourth and 2 other" in text
    assert "check b" not in text


def test_what_needs_a_look_comes_with_its_evidence():
    one = partly(
        flags=(Flag("patches-library", "The notebook changes langgraph.", 4, "StateGraph.compile = mine"),),
        losses=(Loss("cell-error", "Cell 3 raised an error.", "Look at it.", "1.2", 3, "NameError: x"),),
        lacking=("memory",),
        notes=("the file was mended",),
        path="bob/lab.ipynb",
    )
    page = page_of(one, result("ada"))
    for words in (
        f"bob · {LAB} · graded · patches-library",
        "patches-library (cell 4): The notebook changes langgraph. StateGraph.compile = mine",
        "cell-error (cell 3, exercise 1.2): Cell 3 raised an error. Look at it. NameError: x",
        "1.2 check b (not yet): After a tool has answered",
        "Came back what the student's code gave",
        "Details line 3 in ask: a traceback",
        "File bob/lab.ipynb",
        "Without limits for memory",
        "Note the file was mended",
    ):
        assert words in page.text
    assert [name for name in page.ids if name.startswith("look-")] == ["look-1"]
    assert "#look-1" in page.links


@pytest.mark.parametrize("status", ["timeout", "crashed", "unreadable", "tampered"])
def test_what_was_not_graded_needs_a_look(status):
    text = page_of(not_graded(status)).text
    assert "To look at: 1" in text
    assert f"Reason of {status}. Do about {status}." in text


def test_what_is_missing_or_wrong_needs_none():
    assert "To look at:" not in page_of(partly(), not_graded("missing"), result()).text


def test_an_exercise_says_how_hard_it_was_and_how_well_it_tells_people_apart():
    right = [result(f"r{at}") for at in range(8)]
    nothing = tuple(exercise(number, check("a", "failed"), check("b", "failed")) for number in ("1.1", "1.2"))
    wrong = [result(f"w{at}", exercises=nothing) for at in range(2)]
    html = html_of([*right, *wrong])
    text = harmless(html).text
    assert "1.1 Exercise 1.1 10 80% 1.00" in text
    assert html.count("<svg") == 1
    html = html_of(right)
    assert "8 too few (below 10) too few (below 10)" in harmless(html).text
    assert "<svg" not in html
    assert "10 100% all the same" in page_of(*(result(f"r{at}") for at in range(10))).text


def test_everyone_is_in_the_table_with_a_way_to_the_feedback():
    given_by = [Adjustment("bob", LAB, "1.2", 2, "R. Miller", "was right", 2, "Look again.")]
    page = page_of(result("Ada L/x"), partly(), not_graded("missing", "mia"), given_by=given_by)
    assert (
        "bob 01_persistence 4 of 4 ◐ partly 1.2=2 (R. Miller: was right); 1.2 “Look again.” (R. Miller)"
        in page.text
    )
    assert "mia 01_persistence – of 4 · missing" in page.text
    assert f"feedback/%2541da%2520%254c%252fx/{LAB}.html" in page.links


def test_strays_problems_and_notes_are_listed():
    page = page_of(
        result(),
        strays=[Stray("a/b.txt", "is called like none of the labs")],
        problems=["adjustments.csv, line 3: no author"],
        notes=["line 4 takes the place of line 2"],
    )
    assert "Could not be used adjustments.csv, line 3: no author" in page.text
    assert "Good to know line 4 takes the place of line 2" in page.text
    assert "Files that were not graded a/b.txt is called like none of the labs" in page.text


def test_labs_are_told_apart():
    page = page_of(result("a"), result("a", lab="02_streaming", title="As it comes"))
    assert [name for name in page.ids if name.startswith("lab-")] == [
        "lab-01_persistence",
        "lab-02_streaming",
    ]
    assert "02_streaming: As it comes" in page.text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_does_nothing(text):
    one = hostile(text)
    given_by = [Adjustment(one.student, LAB, number, 1, text, text, 2, text) for number in ("1.1", "*")]
    html = html_of(
        [one, hostile(text, "eve")], given_by, strays=[Stray(text, text)], problems=[text], notes=[text]
    )
    harmless(html)
    assert len(html) < 500_000


@settings(max_examples=40)
@given(RESULTS)
def test_any_result_can_be_reported(one):
    assert Page(html_of([one, one])).headings[0] == "h1"


def test_a_class_of_three_hundred_is_reported_at_once_and_stays_readable():
    everyone = [partly(f"s{at}") for at in range(270)]
    everyone += [hostile("<b>'x\u202e" * 5_000, f"h{at}") for at in range(30)]
    html = html_of(everyone)
    assert len(html.encode()) < MOST
    harmless(html)


def crowded(text, student):
    """A result as the store holds it at most, in which everything is long."""
    return bounded(replace(huge(text), student=student, name=text * 90, path=text * 999))


@pytest.mark.parametrize(
    "text", ["'&", "`'`", "\U0001f40d", "\u05d0\u202e", "a\n"],
    ids=["signs that are escaped", "signs in code", "letters of four bytes", "from right to left", "lines"],
)  # fmt: skip
def test_a_class_of_three_hundred_that_says_all_it_can_is_a_page_that_opens(text):
    one = crowded(text, "a")
    everyone = [replace(one, student=f"{at:03}{text * 90}") for at in range(300)]
    given_by = [Adjustment(student.student, LAB, "*", 1, text * 90, text * 900, 2) for student in everyone]
    long = [text * 900] * 300
    html = html_of(everyone, given_by, strays=[Stray(one, one) for one in long], problems=long, notes=long)
    assert len(html.encode()) < MOST
    page = harmless(html)
    assert len([name for name in page.ids if name.startswith("look-")]) == 100
    assert len([link for link in page.links if link.startswith("feedback/")]) == 300


def test_one_that_says_all_it_can_takes_nothing_from_the_others():
    honest = [partly(f"s{at:02}", losses=(Loss("crashed", "w", shown="what it said"),)) for at in range(60)]
    alone = html_of(honest)
    together = html_of([*honest, *(crowded("'&", f"t{at:02}") for at in range(40))])
    looks = alone.split('<details class="kit-one')[1:61]
    assert all(look in together for look in looks[:59])
    assert together.count("There is too much to show here.") + together.count("more characters") > 40


def test_labs_and_checks_that_somebody_made_up_do_not_fill_the_page():
    made = [
        result(
            f"s{at}",
            lab=f"{at:03}_x",
            exercises=tuple(exercise(f"{at}.{n}", check("a", "failed")) for n in range(50)),
        )
        for at in range(300)
    ]
    html = html_of(made)
    assert len(html.encode()) < MOST
    assert "And 250 more labs." in harmless(html).text
    same = [replace(one, lab=LAB) for one in made]
    html = html_of(same)
    assert len(html.encode()) < MOST


def test_when_all_need_a_look_the_evidence_of_the_first_hundred_is_shown_and_the_rest_named():
    page = page_of(*(not_graded("timeout", f"s{at:03}") for at in range(103)))
    assert "And 3 more, whose evidence is in results/: s100 , s101 , s102" in page.text
    assert len([name for name in page.ids if name.startswith("look-")]) == 100
