"""Exercise 4.3, "Edit what it wants to do".

The paused thread is compared before and after ``edit``, and then what tools and model get of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from utils.checks.graphs import kinds
from utils.checks.human_in_the_loop.conversations import anyhow, searches
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import ask, count, finish, queries, state_of, watched
from utils.checks.registry import Words, expect
from utils.checks.weather import City, asked, compare_question, conversation
from utils.lab.lab import Lab, Ref, Stage
from utils.lab.plain import Message
from utils.replay.conversation import CallsTurn, Turn

UNWANTED = {"language": "la"}
"""an argument of the model's own making, which the person takes out"""


@dataclass(frozen=True, slots=True)
class Edited:
    """A paused run before and after ``edit``."""

    agent: Ref
    stage: Stage
    before: tuple[Message, ...]
    after: tuple[Message, ...]
    next: tuple[str, ...]
    number: int
    """which call was edited"""
    args: Mapping[str, Any]
    """its new arguments"""

    @property
    def calls(self) -> list[Mapping[str, Any]]:
        """The calls of the last message, as it is now."""
        return list(self.after[-1].tool_calls) if self.after else []

    @property
    def arguments(self) -> list[Any]:
        return [call["args"] for call in self.calls]

    def expected(self) -> list[Any]:
        """Return the arguments that the calls should have now."""
        told = [call["args"] for call in self.before[-1].tool_calls]
        return [dict(self.args) if n == self.number else args for n, args in enumerate(told)]


def edited(
    lab: Lab,
    case: Case,
    number: int,
    *cities: City,
    unwanted: Mapping[str, str] | None = None,
    say: str = "",
    earlier: bool = False,
) -> Edited:
    """Call ``edit`` on one of the calls that wait: it is to look up the third city. Return what came of it.

    ``unwanted`` are arguments that the calls have besides; ``say`` is the model's text beside the calls;
    ``earlier`` has the thread begin with a turn about the third city.
    """
    third = case.cities[2]
    stage = lab.stage(
        conversation(
            "trip", asked(third) if earlier else (), *with_more(anyhow(*cities), unwanted or {}, say)
        ),
        conversation("search", searches(*cities), searches(third)),
    )
    agent = watched(lab, stage)
    if earlier:
        ask(lab, agent, case.thread, third.question)
        finish(lab, agent, case.thread)
    question = compare_question(*cities) if len(cities) > 1 else cities[0].question
    ask(lab, agent, case.thread, question)
    before = state_of(lab, agent, case.thread)["messages"]
    args = {"query": third.query}
    lab.call("edit", agent, case.thread, before[-1].tool_calls[number]["id"], args)
    state = state_of(lab, agent, case.thread)
    return Edited(agent, stage, tuple(before), tuple(state["messages"]), state["next"], number, args)


def with_more(turns: tuple[Turn, ...], more: Mapping[str, str], say: str) -> Iterator[tuple[Turn, ...]]:
    """Yield the same turns; each call has these arguments besides its own, and the model says this beside."""
    for turn in turns:
        if isinstance(turn, CallsTurn):
            calls = [call.model_copy(update={"args": {**call.args, **more}}) for call in turn.calls]
            yield (turn.model_copy(update={"calls": tuple(calls), "say": say}),)
        else:
            yield (turn,)


@check("4.3", points=1, title="the call has its new arguments and still waits")
def leaves_it_waiting(lab: Lab, case: Case) -> None:
    done = edited(lab, case, 0, case.cities[0], unwanted=UNWANTED)
    made = len(done.stage.requests()), len(done.stage.tool_requests())
    expect(
        done.next == ("action",) and made == (1, 0),
        "After edit the run must still wait, before the same tools.",
        got=Words(f"next: {done.next}; {count(made[0], 'model request')}, {count(made[1], 'search')}"),
        expected="next: ('action',); 1 model request, 0 searches",
        why="To correct is one thing, to approve another: the person may want to look once more.",
    )
    expect(
        done.arguments != [{**UNWANTED, **done.args}],
        "The new arguments must take the place of all old ones.",
        got=Words(str(done.arguments)),
        expected=str(done.expected()),
        why="Old and new put together keep what the person took out.",
    )
    expect(
        done.arguments == done.expected(),
        "The call that waits must have the new arguments.",
        got=Words(f"the last message is of the type {done.after[-1].type}, with calls {done.arguments}"),
        expected=f"the last message is of the type ai, with calls {done.expected()}",
        why=(
            "A snapshot is a copy: changing it changes nothing. "
            "update_state writes a new checkpoint, from which the run goes on."
        ),
    )


@check("4.3", points=1, title="all else stays: messages and their ids, the other call")
def keeps_the_rest(lab: Lab, case: Case) -> None:
    say = f"Let me see, and take {case.word}."
    done = edited(lab, case, 1, *case.cities[:2], say=say, earlier=True)
    expect(
        len(done.after) == len(done.before),
        "There must be as many messages as before.",
        got=Words(kinds(done.after)),
        expected=kinds(done.before),
        why="The reducer add_messages replaces a message that has the same id; any other is put behind.",
    )
    expect(
        [message.id for message in done.after] == [message.id for message in done.before],
        "The messages must keep their ids.",
        got=Words("other ids than before"),
        expected="the same ids",
        why="Interfaces and logs know a message by its id; the corrected one stands in its place.",
    )
    ids = [call["id"] for call in done.calls]
    expect(
        ids == [call["id"] for call in done.before[-1].tool_calls],
        "The calls must keep their ids and their order, the other one too.",
        got=Words(f"{count(len(ids), 'call')}: {done.arguments}"),
        expected=f"2 calls with the same ids: {done.expected()}",
        why="A tool's result is matched to its call by the id.",
    )
    expect(
        done.arguments == done.expected(),
        "Only the call with this id may have new arguments.",
        got=Words(str(done.arguments)),
        expected=str(done.expected()),
        why="With two calls in a message, place and id both matter: the id says which one is meant.",
    )
    texts = [message.text for message in done.after]
    expect(
        texts == [message.text for message in done.before],
        "The texts of the messages must stay, also what the model says beside its calls.",
        got=Words(f"the text beside the calls: {texts[-1]!r}"),
        expected=f"the text beside the calls: {say!r}",
        why="Only arguments were to be changed; the words are part of what the person and the model read.",
    )


@check("4.3", points=2, title="after the approval tools and model get the new arguments")
def uses_the_new_arguments(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    done = edited(lab, case, 0, first, second)
    finish(lab, done.agent, case.thread)
    found = queries(done.stage)
    expect(
        sorted(found) == sorted((third.query, second.query)),
        "The tools must run with the new arguments, each call once.",
        got=Words(f"searches: {found}"),
        expected=f"searches: {[third.query, second.query]}",
        why="The tools take what the last message of the state says.",
    )
    requests = done.stage.requests()
    sent = [dict(call.args) for message in requests[-1].messages for call in message.calls]
    expect(
        len(requests) == 2 and sent == [dict(args) for args in done.expected()],
        "The next model request must show the call with its new arguments.",
        got=Words(f"{count(len(requests), 'model request')}, the last one with calls {sent}"),
        expected=f"2 model requests, the last one with calls {done.expected()}",
        why="A model that reads of one search and of the result of another answers about the wrong place.",
    )
