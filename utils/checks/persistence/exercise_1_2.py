"""Exercise 1.2, "Ask a question": judged by the answers and by the questions that the model was sent."""

from __future__ import annotations

from utils.checks.persistence.follow_up import NO_IDEA, WARMER
from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import questions
from utils.checks.registry import Words, expect
from utils.checks.weather import asked, conversation, plain
from utils.lab.lab import Lab


@check("1.2", points=1, title="only the new question goes in, on the right thread")
def asks_in_context(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    warmer = f"{max(first, second, key=lambda city: city.celsius).name}, so take {case.word}."
    stage = lab.stage(
        conversation("trip", asked(first), asked(second), plain(WARMER, warmer)),
        conversation("no context", plain(WARMER, NO_IDEA)),
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    for text, answer in ((first.question, first.answer), (second.question, second.answer), (WARMER, warmer)):
        told = lab.call("ask", agent, case.thread, text)
        expect(
            isinstance(told, str) and told == answer,
            "ask must return the text of the model's answer.",
            got=told,
            expected=repr(answer),
            why="The run's last message is the answer; everything before it is how the model got there.",
        )
    expect(
        questions(stage) == (first.question, second.question, WARMER),
        "Only the new question may go in: the checkpointer brings the rest.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([first.question, second.question, WARMER]),
        why="What is sent again is stored again, and the conversation grows with every turn.",
    )
    told = lab.call("ask", agent, case.other, WARMER)
    expect(
        questions(stage) == (WARMER,) and told == NO_IDEA,
        "Another thread must not know of this conversation.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([WARMER]),
        why="The thread_id in the config decides whose conversation is continued.",
    )


@check("1.2", points=1, title="the answer's text, also when its content is a list of blocks")
def gives_text(lab: Lab, case: Case) -> None:
    city = case.cities[2]
    pieces = (f"It is cold in {city.name}, ", f"but take {case.word}", " anyway.")
    agent = lab.kit.agent(lab.kit.blocks_model(pieces), [], lab.kit.saver())
    told = lab.call("ask", agent, case.thread, city.question)
    expect(
        isinstance(told, str) and told == "".join(pieces),
        "ask must return text, whatever the content of the message looks like.",
        got=told,
        expected=repr("".join(pieces)),
        why="OpenAI sends content as a string, Anthropic and Bedrock as a list of blocks; .text reads both.",
    )
