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
from utils.checks.human_in_the_loop.pauses import (
    ANSWERED,
    ask,
    broken,
    called,
    finish,
    queries,
    state_of,
    watched,
    written,
)
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import City, asked, compare_question, conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import CallsTurn, Turn
from utils.views.plain import plural

UNWANTED = {"language": "la"}
"""an argument of the model's own making, which the person takes out"""
WANTED = {"days": 3}
"""an argument that the person puts in"""


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
    wrote: bool
    """whether there is a checkpoint more than before"""
    made: tuple[int, int]
    """requests of the model and of the tool before"""

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
    wanted: Mapping[str, Any] | None = None,
    say: str = "",
    earlier: bool = False,
) -> Edited:
    """Call ``edit`` on one of the calls that wait: it is to look up the third city. Return what came of it.

    ``unwanted`` are arguments that the calls have besides, ``wanted`` those that the new ones have besides;
    ``say`` is the model's text beside the calls, in blocks; ``earlier`` has the thread begin with a turn
    about the third city.
    """
    third = case.cities[2]
    stage = lab.stage(
        conversation(
            "trip", asked(third) if earlier else (), *with_more(anyhow(*cities), unwanted or {}, say)
        ),
        conversation("search", searches(*cities, third)),
    )
    agent = watched(lab, stage, in_blocks=bool(say))
    if earlier:
        ask(lab, agent, case.thread, third.question)
        finish(lab, agent, case.thread)
    question = compare_question(*cities) if len(cities) > 1 else cities[0].question
    ask(lab, agent, case.thread, question)
    before = state_of(lab, agent, case.thread)["messages"]
    checkpoints = written(lab, agent, case.thread)
    made = len(stage.requests()), len(stage.tool_requests())
    args = {"query": third.query, **(wanted or {})}
    called(lab, stage, "edit", agent, case.thread, before[-1].tool_calls[number]["id"], args)
    state = state_of(lab, agent, case.thread)
    wrote = written(lab, agent, case.thread) != checkpoints
    after = tuple(state["messages"])
    return Edited(agent, stage, tuple(before), after, state["next"], number, args, wrote, made)


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
    done = edited(lab, case, 0, case.cities[0], unwanted=UNWANTED, wanted=WANTED)
    _expect_to_wait(done)
    _expect_as_many(done)
    expect(
        done.arguments != [{**UNWANTED, **done.args}],
        "The new arguments must take the place of all old ones.",
        got=Words(str(done.arguments)),
        expected=str(done.expected()),
        why="Old and new put together keep what the person took out.",
    )
    _expect_the_new_arguments(done)
    _expect_to_be_used(lab, case, done)


def _expect_to_wait(done: Edited) -> None:
    made = len(done.stage.requests()), len(done.stage.tool_requests())
    went_on = made != done.made
    expect(
        done.next == ("action",) and not went_on,
        "After edit the run must still wait, before the same tools.",
        got=Words(
            f"next: {done.next}; {plural(made[0] - done.made[0], 'model request')} and "
            f"{plural(made[1] - done.made[1], 'search')} by edit"
        ),
        expected="next: ('action',); 0 model requests and 0 searches by edit",
        why=_why_it_does_not_wait(done.next, went_on=went_on),
    )


def _expect_as_many(done: Edited) -> None:
    expect(
        len(done.after) == len(done.before),
        "There must be as many messages as before.",
        got=Words(kinds(done.after)),
        expected=kinds(done.before),
        why="The reducer add_messages replaces a message that has the same id; any other is put behind.",
    )


def _why_it_does_not_wait(following: tuple[str, ...], *, went_on: bool) -> str:
    if went_on:
        return (
            "invoke lets the run go on. To correct is one thing, to approve another: the person looks again."
        )
    if following == ("llm",):
        return "Written as_node='action' it counts as the work of the tools, and then llm comes next."
    return (
        "as_node says whose work an update is. After llm's message with calls action comes next; after END "
        "comes nothing."
    )


def _expect_the_new_arguments(done: Edited) -> None:
    told = [call["args"] for call in done.before[-1].tool_calls]
    expect(
        done.wrote,
        "edit has written nothing into the thread.",
        got=Words(f"no new checkpoint; the last message has calls with {done.arguments}"),
        expected=f"a new checkpoint, whose last message has calls with {done.expected()}",
        why=(
            "A snapshot is a copy: changing it changes nothing. "
            "update_state writes a new checkpoint, from which the run goes on."
        ),
    )
    expect(
        done.arguments != told,
        "edit has written a message, but every call in it has its old arguments.",
        got=Words(str(done.arguments)),
        expected=str(done.expected()),
        why="The call is the one whose call['id'] equals call_id; its args become the new ones.",
    )
    expect(
        done.arguments == done.expected(),
        "The call with this id must have the new arguments, all of them, and every other call its own.",
        got=Words(f"the last message is of the type {done.after[-1].type}, with calls {done.arguments}"),
        expected=f"the last message is of the type ai, with calls {done.expected()}",
        why=(
            "args takes the place of the old arguments as it is, whatever keys it has."
            if len(told) == 1
            else "With several calls in a message the id says which one is meant, not its place or its args."
        ),
    )


@check("4.3", points=1, title="all else stays: messages and their ids, the other calls and their order")
def keeps_the_rest(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    say = f"Let me see, and take {case.word}."
    done = edited(lab, case, 1, second, first, first, say=say, earlier=True)
    _expect_to_wait(done)
    _expect_as_many(done)
    expect(
        [message.id for message in done.after] == [message.id for message in done.before],
        "The messages must keep their ids.",
        got=Words("other ids than before"),
        expected="the same ids",
        why="Interfaces and logs know a message by its id; the corrected one stands in its place.",
    )
    ids, told = [call["id"] for call in done.calls], [call["id"] for call in done.before[-1].tool_calls]
    expect(
        len(ids) == len(told),
        "Every call must stay, also those that were not edited.",
        got=Words(f"{plural(len(ids), 'call')}: {done.arguments}"),
        expected=f"{plural(len(told), 'call')}: {done.expected()}",
        why="The person has corrected one call, and refused none.",
    )
    expect(
        sorted(map(str, ids)) == sorted(map(str, told)),
        "The calls must keep their ids.",
        got=Words(f"ids: {ids}"),
        expected=f"ids: {told}",
        why="A tool's result is matched to its call by the id.",
    )
    expect(
        ids == told,
        "The calls must keep their order: the edited one stays in its place.",
        got=Words(f"in this order: {done.arguments}"),
        expected=f"in this order: {done.expected()}",
        why="Results come in the order of the calls, and so does what a person has seen.",
    )
    _expect_the_new_arguments(done)
    texts = [message.text for message in done.after]
    expect(
        texts == [message.text for message in done.before],
        "The texts of the messages must stay, also what the model says beside its calls.",
        got=Words(f"the text beside the calls: {texts[-1]!r}"),
        expected=f"the text beside the calls: {say!r}",
        why="Only arguments were to be changed; the words are part of what the person and the model read.",
    )
    _expect_to_be_used(lab, case, done)


@check("4.3", points=1, title="after the approval tools and model get the new arguments")
def uses_the_new_arguments(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    done = edited(lab, case, 0, first, second)
    _expect_to_wait(done)
    _expect_as_many(done)
    _expect_to_be_used(lab, case, done)


def _expect_to_be_used(lab: Lab, case: Case, done: Edited) -> None:
    """Let the run go on; expect that the tools and the model get the calls as they should be now."""
    before = len(done.stage.tool_requests())
    try:
        finish(lab, done.agent, case.thread)
    except StudentError:
        if not lab.refusals():
            raise
        fail(
            "After edit the thread is spoilt: the model refuses it when the run goes on.",
            got=Words(f"the model was sent {broken(lab)}"),
            expected=ANSWERED,
            why="An edit replaces the message with the calls. A second one behind it leaves the first open.",
        )
    found, true = queries(done.stage)[before:], [str(args["query"]) for args in done.expected()]
    expect(
        sorted(found) == sorted(true),
        "The tools must run with the new arguments, each call once.",
        got=Words(f"searches: {found}"),
        expected=f"searches: {true}",
        why="The tools take what the last message of the state says.",
    )
    requests = done.stage.requests()
    sent = [dict(call.args) for message in requests[-1].messages for call in message.calls]
    sent = sent[-len(true) :]
    expect(
        len(requests) == done.made[0] + 1 and sent == [dict(args) for args in done.expected()],
        "The next model request must show the call with its new arguments.",
        got=Words(f"{plural(len(requests) - done.made[0], 'more model request')}, with calls {sent}"),
        expected=f"1 more model request, with calls {done.expected()}",
        why="A model that reads of one search and of the result of another answers about the wrong place.",
    )
