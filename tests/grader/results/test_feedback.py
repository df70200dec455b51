"""What a student reads: author's words only, one small page that does nothing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from grader.results.adjustments import Adjustment, adjusted
from grader.results.feedback import MOST, feedback_page, path_of
from grader.results.result import Flag, Loss
from grader.results.ruled import Ruled
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

INSIDE = "INSIDE-THE-JAIL"


def page_of(one, *given_by) -> Page:
    return harmless(feedback_page(one, adjusted(one, given_by)))


def decide(exercise_number: str, points: float, student: str = "bob") -> Adjustment:
    return Adjustment(student, LAB, exercise_number, points, "R. Miller", "the cell was right", 2)


def test_it_says_who_which_lab_and_how_many_points():
    text = page_of(partly(name="Bob Doe", late=True)).text
    assert f"Keep the conversation Bob Doe , bob · {LAB} · handed in late 3 of 4 points" in text
    assert "1 of 2 exercises is right." in text


def test_a_right_one_says_so():
    text = page_of(result()).text
    assert "4 of 4 points" in text
    assert "All exercises are right." in text


def test_a_check_that_did_not_pass_explains_itself():
    text = page_of(partly()).text
    assert "✗ not yet check b 0 of 1 After a tool has answered, the model must be asked again." in text
    assert "Called agent.invoke({'messages': []}, thread 'trip')" in text
    assert "Expected a list with messages" in text
    assert "Why it matters A model may look things up several times." in text


def test_what_was_said_once_is_not_said_again():
    both = (check("a", "failed"), check("b", "failed"))
    text = page_of(result(exercises=(exercise("1.1", *both),))).text
    assert text.count("the model must be asked again") == 1
    assert "The same as above." in text


def test_what_the_student_s_code_gave_back_is_shown_as_plain_text_and_cut():
    hostile = "<img src=x onerror=alert(1)>\x1b[31m\u202e" + "x" * 5_000
    page = page_of(partly(exercises=(exercise("1.1", check("a", "failed", returned=hostile)),)))
    assert "Came back <img src=x onerror=alert(1)>" in page.text
    assert page.text.count("x") < 600


def test_nothing_else_that_came_out_of_the_jail_and_no_flag_is_shown():
    one = check("a", "failed", detail=INSIDE)
    text = page_of(
        partly(
            exercises=(exercise("1.1", one),),
            flags=(Flag(INSIDE, INSIDE, 3, INSIDE),),
            losses=(Loss("cell-error", "Cell 3 raised an error.", "Look at it.", "1.1", 3, INSIDE),),
            notes=(INSIDE,),
            path=INSIDE,
            inputs=INSIDE,
            submission=INSIDE,
            lacking=(INSIDE,),
        )
    ).text
    assert INSIDE not in text
    assert "Cell 3 · Exercise 1.1: Cell 3 raised an error. Look at it." in text


def test_a_decision_is_shown_with_its_author_and_reason():
    text = page_of(partly(), decide("1.2", 2), decide("*", 3.5)).text
    assert "3.5 of 4 points" in text
    assert "The whole lab: 3.5 of 4. the cell was right ( R. Miller )" in text
    assert "Exercise 1.2: 2 of 2. the cell was right ( R. Miller )" in text
    assert "All exercises are right." in text
    assert "A person gave these points; the checks said:" in text


@pytest.mark.parametrize("status", ["missing", "unreadable"])
def test_what_could_not_be_judged_has_no_points_and_no_checks(status):
    text = page_of(not_graded(status)).text
    assert "– of 4 points" in text
    assert f"Reason of {status}. Do about {status}." in text
    assert "check a" not in text


@pytest.mark.parametrize("status", ["missing", "unreadable", "timeout", "crashed"])
def test_without_a_reason_there_is_still_a_sentence(status):
    page = page_of(not_graded(status, reason="", do=""))
    assert "instructor" in page.text or "notebook" in page.text


@pytest.mark.parametrize("status", ["timeout", "crashed"])
def test_what_stopped_shows_what_did_run(status):
    text = page_of(not_graded(status, exercises=(exercise("1.1"),))).text
    assert "2 of 2 points" in text
    assert "These are the points of what did run." in text
    assert "check a" in text


def test_a_suspicion_is_not_shown_nor_what_was_tampered_with():
    one = not_graded("tampered", exercises=(exercise("1.1"),))
    text = page_of(one).text
    assert "A person looks at this submission before it gets a score." in text
    assert "– of 2 points" in text
    assert "Reason of tampered" not in text
    assert "check a" not in text
    text = page_of(one, decide("*", 1, "eve")).text
    assert "A person has looked at this submission." in text
    assert "1 of 2 points" in text


def test_a_comment_is_shown_with_its_lines_and_its_author_and_changes_no_points():
    said = Adjustment("bob", LAB, "1.2", None, "R. Miller", "", 2, "Close the file.\nThen ask again.")
    whole = Adjustment("bob", LAB, "*", None, "R. Miller", "", 3, "Well done.")
    html = feedback_page(partly(), adjusted(partly(), [said, whole]))
    text = harmless(html).text
    assert "What a person says to you The whole lab ( R. Miller ): Well done." in text
    assert "Close the file.\nThen ask again." in html
    assert "3 of 4 points" in text
    assert "Points that a person gave" not in text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_does_nothing_and_the_page_stays_small(text):
    one = hostile(text)
    given_by = [Adjustment(one.student, LAB, number, 1, text, text, 2, text) for number in ("1.1", text, "*")]
    html = feedback_page(one, adjusted(one, given_by))
    harmless(html)
    assert len(html.encode()) <= MOST


@settings(max_examples=40)
@given(RESULTS)
def test_any_result_is_a_small_page_that_does_nothing(one):
    html = feedback_page(one, adjusted(one))
    assert len(html.encode()) <= MOST
    page = Page(html)
    assert page.headings[0] == "h1"


@pytest.mark.parametrize(("exercises", "checks"), [(6, 3), (6, 10), (40, 10), (2_000, 5)])
@pytest.mark.parametrize(
    "letter",
    ["a", "'", "\u202e", "名", "`'`", "&", "\U0001f40d", "e\u0301\u0302", "\u05d0", "a\n", "\x1b[31m"],
)
def test_the_worst_lab_is_no_longer_than_forty_thousand_bytes(exercises, checks, letter):
    long = letter * 5_000
    texts = dict.fromkeys(("title", "called", "expected", "why"), long)
    made = tuple(
        exercise(f"{at}", *(check(str(n), "failed", **texts, message=f"{n}{long}") for n in range(checks)))
        for at in range(exercises)
    )
    losses = tuple(Loss("cell-error", long, long, long, n, long) for n in range(100))
    one = partly(exercises=made, losses=losses, title=long, name=long, reason=long, do=long)
    given_by = [Adjustment("bob", LAB, f"{at}", 1, long, long, 2, long) for at in range(exercises)]
    html = feedback_page(one, adjusted(one, given_by))
    assert len(html.encode()) <= MOST
    harmless(html)


def test_a_real_lab_fits_with_every_word():
    words = {
        "message": "After a tool has answered, the model must be asked, until it asks for no more tools. "
        * 3,
        "called": "agent.invoke({'messages': [('user', 'What is the weather in Oslo?')]}, thread 'trip') "
        * 2,
        "expected": "user assistant tool assistant tool " * 3,
        "why": "A model may look things up several times; an edge leads from action back to llm. " * 2,
    }
    made = tuple(
        exercise(
            f"1.{at}",
            *(check(f"{n}", "failed", **words | {"message": f"{n} {words['message']}"}) for n in range(3)),
        )
        for at in range(1, 7)
    )
    text = page_of(partly(exercises=made)).text
    assert text.count(words["why"].strip()) == 18
    assert "more characters" not in text


def test_a_page_lies_where_no_name_leads_out():
    assert path_of("../x", LAB) == f"feedback/%2e.%2fx/{LAB}.html"


def test_what_the_rules_did_stands_beside_what_the_work_earned_and_is_escaped():
    one = partly("bob")
    final = replace(adjusted(one), ruled=Ruled(2.4, ("2 days late: 20 % off.", "Handed in by <b>Eve</b>.")))
    page = feedback_page(one, final)
    assert '<p class="kit-total">2.4 of 4 points</p>' in page
    assert "The work earned 3 of 4." in page
    assert "20 % off" in page
    assert "<b>Eve" not in page
    assert "rules of the course" not in feedback_page(one, replace(final, ruled=Ruled(3.0)))
