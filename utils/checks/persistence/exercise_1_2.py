"""Exercise 1.2, "Ask a question": judged by the answers and by the questions that the model was sent."""

from __future__ import annotations

from typing import Any

from utils.checks.persistence.follow_up import NO_IDEA, WARMER
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import expect_one_run, explain_refusal, questions, sent
from utils.checks.registry import expect
from utils.checks.weather import asked, conversation, plain
from utils.lab.lab import Lab, Ref, Stage, StudentError

PAID_TWICE = "A run does its work again each time: it is paid for twice, and a tool may book twice."


def told(lab: Lab, agent: Ref, thread: str, text: str) -> Any:
    """Return what ``ask`` returns; a sentence if the model had no answer to what it was sent."""
    try:
        return lab.call("ask", agent, thread, text)
    except StudentError:
        explain_refusal(lab)
        if not lab.misses():
            raise
    return "no answer: nothing is recorded for what the model was sent"


def expect_sent(stage: Stage, *true: str) -> None:
    """Fail if the last model request held other questions."""
    found = questions(stage)
    expect(
        bool(found),
        "ask did not ask the model anything.",
        got=sent(stage),
        expected=str(list(true)),
        why="An answer comes of a run of the agent: it is given the question, and its model is asked.",
    )
    expect(
        found[-1] == true[-1],
        "The question that ask is given must be the one that goes in.",
        got=sent(stage),
        expected=str(list(true)),
        why="A function that asks a fixed question works for that one only.",
    )
    expect(
        len(found) >= len(true),
        "The model did not get the earlier questions of the thread.",
        got=sent(stage),
        expected=str(list(true)),
        why="The thread_id decides which conversation goes on. Another id begins a new one.",
    )
    expect(
        found == true,
        "Only the new question may go in: the checkpointer brings the rest.",
        got=sent(stage),
        expected=str(list(true)),
        why="What is sent again is stored again, and the conversation grows with every turn.",
    )


def expect_answer(found: Any, answer: str, message: str, why: str) -> None:
    """Fail unless ``ask`` returned the answer; say so if it returned more than that, or a part of it."""
    text = found if isinstance(found, str) else ""
    expect(
        text == answer or answer not in text,
        "ask returned more than the answer: also the text of other messages of the run.",
        got=found,
        expected=repr(answer),
        why="What the model says beside a tool call, and what a tool says, is how it got to its answer.",
    )
    expect(
        text == answer or not text or text not in answer,
        "ask returned only a part of the answer's text: the content may have several blocks.",
        got=found,
        expected=repr(answer),
        why="OpenAI sends content as a string, Anthropic and Bedrock often as a list of blocks.",
    )
    expect(text == answer, message, got=found, expected=repr(answer), why=why)


@check("1.2", points=1, title="only the new question goes in, on the right thread")
def asks_in_context(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    warmer = f"{max(first, second, key=lambda city: city.celsius).name}, so take {case.word}."
    with_a_word = asked(second, say=f"Let me look up {second.name}.")
    stage = lab.stage(
        conversation("trip", asked(first), with_a_word, plain(WARMER, warmer)),
        conversation("no context", plain(WARMER, NO_IDEA)),
        conversation("only the second question", with_a_word),
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    so_far: list[str] = []
    # How often a run asks the model: a lookup takes two requests.
    turns = ((first.question, first.answer, 2), (second.question, second.answer, 2), (WARMER, warmer, 1))
    for text, answer, requests in turns:
        so_far.append(text)
        stage.clear()
        found = told(lab, agent, case.thread, text)
        expect_sent(stage, *so_far)
        expect_one_run(stage, "ask", requests, PAID_TWICE)
        expect_answer(
            found,
            answer,
            "ask must return the text of the model's answer.",
            why="The run's last message is the answer; everything before it is how the model got there.",
        )
    given = lab.part("most_given", agent, case.thread)
    expect(
        given <= 1,
        "Only the new question may go in: the checkpointer brings the rest.",
        got=given,
        expected="1 message goes in with each question",
        why="Old messages that go in again replace themselves. That hides the work, and does not save it.",
    )
    found = told(lab, agent, case.other, WARMER)
    expect(
        questions(stage) == (WARMER,) and found == NO_IDEA,
        "Another thread must not know of this conversation.",
        got=sent(stage),
        expected=str([WARMER]),
        why="The thread_id in the config decides whose conversation is continued.",
    )


@check("1.2", points=1, title="the answer's text, also when its content is a list of blocks")
def gives_text(lab: Lab, case: Case) -> None:
    first, _, city = case.cities
    turns = (
        (first.question, first.answer),
        (city.question, f"It is cold in {city.name}, but take {case.word} anyway."),
    )
    stage = lab.stage(conversation("trip", *(plain(*turn) for turn in turns)))
    agent = lab.kit.agent(lab.make("model_in_blocks", stage.model(), label="model"), [], lab.kit.saver())
    so_far: list[str] = []
    for question, answer in turns:
        so_far.append(question)
        stage.clear()
        found = told(lab, agent, case.thread, question)
        expect_sent(stage, *so_far)
        expect_one_run(stage, "ask", 1, PAID_TWICE)
        expect_answer(
            found,
            answer,
            "ask must return the newest answer as text, whatever the content of the message looks like.",
            why="OpenAI sends content as a string, Anthropic and Bedrock often as a list of blocks.",
        )
