"""Exercise 3.5, "Give up in time": judged by what is given up in time, and by the thread's next answer.

No check waits for a time-out. What is to be cut is held, the event loop's clock is put forward, and so the
time is over at just this moment: on a busy machine as on a quiet one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from utils.checks.async_graphs.histories import what_is_wrong
from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.questions import advice, pack_question, turn
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import City, asked, compare_question, compared, conversation, plain
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import ToolAnswer

TIME = 25.0
"""seconds that an answer may take; longer than a question to a notebook may, so none is too late by itself"""
PART = 15.0
"""seconds of a step that alone is quick enough, and after which a second one is not"""
MORE = 12.0
"""seconds after which the second step alone has taken too long; the kit's tools wait for thirty"""
HELD = 6.0
"""seconds for which an answer is held that is to be given up; only what gives nothing up waits that long"""
LOOK = 0.02
"""seconds between two looks at whether a request has arrived"""
LOOKS = 250
"""how often somebody looks, at most"""
AFTER = 2.0
"""seconds for coming to an end when the time is over"""
SETTLE = 3.0
"""seconds that requests have for coming to their end before they are counted"""
UNHURRIED = 0.45
"""seconds that an answer in time may take: longer than the notebook's examples wait"""


def timed(lab: Lab, agent: Ref, thread: str, text: str, seconds: float) -> Any:
    """Return what ``ask_with_timeout`` returns."""
    try:
        return lab.call("ask_with_timeout", agent, thread, text, seconds)
    except StudentError as error:
        explain(error)
        raise


def explain(error: StudentError) -> None:
    """End the check with a sentence if a time-out went out instead of None."""
    if error.is_a("TimeoutError") or error.is_a("CancelledError"):
        fail(
            f"When the time is over, None must come back, and {error.type} was raised.",
            got=Words(f"{error.type}: {error.message}"),
            expected="None: the time-out is caught inside of ask_with_timeout",
            why="Whoever waits can tell an answer from none, and need not catch anything.",
        )


def asks(request: Any, about: str) -> bool:
    """Return whether a request of the model, or of a tool, is about this."""
    if request.kind == "tool":
        return isinstance(request.args, Mapping) and request.args.get("query") == about
    return any(question.endswith(about) for question in request.questions[-1:])


class Cut:
    """A question whose answer is held until its time is over."""

    def __init__(self, lab: Lab, stage: Stage, agent: Ref, thread: str, text: str) -> None:
        self._lab = lab
        self._stage = stage
        self._seen = len(stage.traffic().requests)
        self._held: list[int] = []
        self.called = lab.describe("ask_with_timeout", agent, thread, text, TIME)
        work = lab.get("ask_with_timeout")
        self._attempt = lab.make("attempt", work, [agent, thread, text, TIME], label="attempt")

    def _requests(self, settle: float = 0.0) -> Sequence[Any]:
        """Return what was asked since the question."""
        return self._stage.traffic(settle=settle).requests[self._seen :]

    def wait_for(self, kind: str, about: str) -> None:
        """Wait until a request of a kind is held that asks this. Fails if the question is over before."""
        for _ in range(LOOKS):
            if self._over(LOOK):
                break
            held = [
                r.arrived
                for r in self._requests()
                if r.kind == kind and r.finished is None and asks(r, about)
            ]
            if held:
                self._held = held
                return
        told = self._outcome() if self._over(LOOK) else None
        expect(
            bool(self._requests()),
            "None came back, and nothing had been asked.",
            got=Words("no request"),
            expected="the question is asked, and given up when the time is over",
            why="Nobody knows beforehand how long an answer takes.",
        )
        self._expect_none(told)
        fail(
            "None came back before the time was over.",
            got=Words(f"None, and the {TIME:g} seconds were not over"),
            expected="the answer, or None when the time is over",
            why="Most answers do come in time; seconds says how long that is.",
        )

    def pass_time(self, seconds: float) -> None:
        self._lab.part("pass_time", seconds)

    def expect_given_up(self, late: str = "") -> None:
        """Let the time be over; fail unless None comes back and the open request was given up."""
        if not self._over(AFTER):
            if late:
                self.pass_time(MORE)
                late = late if self._over(AFTER) and self._gave_nothing() else ""
            self._stage.release()
            self._lab.part("drop", self._attempt)
            fail(
                late or "When the time is over, None must come back, and it does not come.",
                got=Words("it still waits for the answer"),
                expected=f"None when {TIME:g} seconds are over",
                why=(
                    "Time can be up only at an await, and somebody must look at it there: "
                    "a look at the clock after the answer comes too late."
                ),
            )
        self._expect_none(self._outcome())
        held = [request for request in self._requests() if request.arrived in self._held]
        # A client that does not say that it is asynchronous (AWS has none) works in threads, which go on.
        if any(request.kind == "tool" or request.client for request in held):
            held = [request for request in self._requests(SETTLE) if request.arrived in self._held]
            expect(
                all(request.gave_up for request in held),
                "When the time is over, the open request must be given up.",
                got=Words("nobody hung up: the request went on, or was waited for"),
                expected="the connection is closed when the time is over",
                why=(
                    "A run that goes on in the background costs money and writes into the thread later. "
                    "Cancelling an await ends what is below it; a thread, or asyncio.shield, goes on."
                ),
            )
        later = [request.kind for request in self._requests() if request.arrived > max(self._held)]
        expect(
            not later,
            "The time was over, and the run went on all the same.",
            got=Words(f"asked after the time was over: {', '.join(later)}"),
            expected="no request after the one that was given up",
            why="aupdate_state writes and runs nothing; ainvoke with None goes on, and takes time again.",
        )
        self._stage.release()

    def _over(self, patience: float) -> bool:
        return self._lab.part("rest", self._attempt, patience, called=self.called) is True

    def _gave_nothing(self) -> bool:
        try:
            return self._outcome() is None
        except StudentError:  # the tool's own patience was over first
            return False

    def _outcome(self) -> Any:
        try:
            return self._lab.part("outcome", self._attempt, called=self.called)
        except StudentError as error:
            explain(error)
            raise

    def _expect_none(self, told: Any) -> None:
        if told is None:
            return
        fail(
            "When the time is over, None must come back."
            if not isinstance(told, str)
            else "When the time is over, None must come back, and a text came.",
            got=told,
            expected="None",
            why=(
                "agent.invoke(…) has no await, and blocks until the answer is there. And what a run has said "
                "before its end, such as a word beside a tool call, is no answer."
            ),
        )


def answered_in_time(lab: Lab, agent: Ref, thread: str, city: City) -> None:
    """Ask with far more time than it takes, and expect the answer, on this thread."""
    told = timed(lab, agent, thread, city.question, TIME)
    expect(
        not isinstance(told, list) and not str(told).startswith("[{"),
        "The answer must be text, also where a message's content is a list of blocks.",
        got=told,
        expected=repr(city.answer),
        why="OpenAI sends content as a string, Anthropic and Bedrock often as a list; .text reads both.",
    )
    expect(
        isinstance(told, str) and told == city.answer,
        "An answer that comes in time must be returned, as text.",
        got=told,
        expected=repr(city.answer),
        why=f"Most answers do come in time; seconds, here {TIME:g}, says how long that is.",
    )
    messages = messages_of(lab, agent, thread)
    expect(
        any(message.text == city.question for message in messages),
        "The question was asked on another thread than thread_id says.",
        got=Words(f"on the thread {thread!r}: {' '.join(message.type for message in messages) or 'nothing'}"),
        expected="the question and its answer, on the thread that is given",
        why="The next question there needs to know what was said before.",
    )


def messages_of(lab: Lab, agent: Ref, thread: str) -> list[Message]:
    """Return the messages that a thread holds."""
    state = lab.part("state", agent, thread)
    messages = state.get("messages", ()) if isinstance(state, dict) else ()
    return [message for message in messages if isinstance(message, Message)]


def spoilt(lab: Lab, refused: Sequence[Any], why: str = "") -> None:
    """End the check: a question after the cut was refused."""
    fail(
        f"After the cut the thread is spoilt. {what_is_wrong(refused[-1])}",
        got=Words(f"the model refused this: {' '.join(refused[-1].roles)}"),
        expected="a history in which every tool call is answered, under its own id",
        why=why
        or (
            "The model's tool calls were saved, their results were not. Answer each of them with a tool "
            "message that says so, or take the turn's messages out: at once, when the time is over. The next "
            "question may come by plain ainvoke."
        ),
    )


def goes_on(lab: Lab, stage: Stage, agent: Ref, case: Case, earlier: City, city: City) -> None:
    """Ask the next question on the thread, by plain ``ainvoke``, and expect an answer."""
    try:
        state = turn(lab, agent, case.thread, city.question)
    except StudentError:
        refused = lab.refusals()
        if not refused:
            raise
        spoilt(lab, refused, why=repaired_too_late(lab, agent, case, city))
    questions = stage.requests()[-1].questions
    expect(
        # Some providers' clients join what was asked in vain and what is asked now into one message.
        questions[:1] == (earlier.question,) and questions[-1].endswith(city.question),
        "What was said on the thread before the cut must stay.",
        got=Words(f"the model was sent: {list(questions)}"),
        expected=f"{earlier.question!r} first, {city.question!r} last",
        why="Only the question that ran out of time may be lost, not the conversation.",
    )
    messages = state.get("messages") or [None]
    expect(
        isinstance(messages[-1], Message) and messages[-1].text == city.answer,
        "The next question on the thread must be answered.",
        got=messages[-1],
        expected=repr(city.answer),
        why="Giving up one question is not a reason to lose the traveller.",
    )


def repaired_too_late(lab: Lab, agent: Ref, case: Case, city: City) -> str:
    """Return what to say if the thread is repaired by the next call of ``ask_with_timeout``; else nothing."""
    called = lab.last_call
    try:
        told = lab.call("ask_with_timeout", agent, case.thread, city.question, TIME)
    except StudentError:
        told = None
    lab.last_call = called
    if told != city.answer:
        return ""
    return (
        "The thread is repaired before your own next question only. Others ask there with plain ainvoke: "
        "repair it at once, when the time is over."
    )


@check("3.5", points=1, title="the answer in time, else None, and an error goes through")
def keeps_to_the_time(lab: Lab, case: Case) -> None:
    first, second, third = case.cities[:3]
    stage = lab.stage(
        conversation("in time", asked(first, answer=ToolAnswer(text=first.result, delay=UNHURRIED))),
        conversation("slow", asked(second, answer=ToolAnswer(text=second.result, delay=HELD))),
        conversation("failing", asked(third, answer=ToolAnswer(raises=f"no {case.word} today"))),
    )
    model = lab.make("model_in_blocks", stage.model(), label="model")
    agent = lab.kit.agent(model, [stage.tool()], lab.kit.saver())
    answered_in_time(lab, agent, case.thread, first)
    cut = Cut(lab, stage, agent, case.other, second.question)
    cut.wait_for("tool", second.query)
    cut.pass_time(TIME + 1)
    cut.expect_given_up()
    an_error_goes_through(lab, agent, case.other, third)
    gives_up_before_anything_is_there(lab, case, stage)


def an_error_goes_through(lab: Lab, agent: Ref, thread: str, city: City) -> None:
    """Fail unless what the agent raises is raised, on a thread on which something was given up before."""
    try:
        told = timed(lab, agent, thread, city.question, TIME)
    except StudentError as error:
        if refused := lab.refusals():
            spoilt(lab, refused)
        if error.is_a("ToolFailed") or error.is_a("BaseExceptionGroup"):
            return
        raise
    if refused := lab.refusals():
        spoilt(lab, refused)
    fail(
        "An error of the agent must go through: None says that the time is over, and nothing else.",
        got=told,
        expected="ToolFailed, as the tool raised it",
        why="A search that is down, or a mistake of your own, would look like a slow answer for ever.",
    )


def gives_up_before_anything_is_there(lab: Lab, case: Case, stage: Stage) -> None:
    """Fail if a cut before the first step, which leaves a fresh thread without a message, is an error."""
    # In memory nothing is waited for before the question is saved: no cut could come sooner.
    saver = lab.make("distant_saver", label="saver")
    agent = lab.kit.agent(stage.model(), [stage.tool()], saver)
    try:
        told = timed(lab, agent, case.thread, case.cities[1].question, 0)
    except StudentError as error:
        fail(
            "On a fresh thread a cut can come before there is a message, and None must come back then, too.",
            got=Words(f"{error.type}: {error.message}"),
            expected="None for a time of 0 seconds",
            why="snapshot.values is {} until something is saved; values.get('messages', []) is empty then.",
        )
    expect(
        told is None,
        "In no time there is no answer: None must come back for 0 seconds.",
        got=told,
        expected="None",
        why=(
            "The time is for the whole run. LangGraph's step_timeout counts each step by itself, and takes 0 "
            "for no limit; asyncio.timeout(0) is over at once."
        ),
    )


@check("3.5", points=1, title="it goes on after cuts in a model's answer and in a tool")
def survives_a_cut_in_the_model(lab: Lab, case: Case) -> None:
    first, second, third, fourth, _ = case.cities
    in_vain = pack_question(second)
    stage = lab.stage(
        conversation("trip", asked(first)),
        conversation("held", plain(in_vain, advice(second, case))),
        conversation("slow", asked(third, answer=ToolAnswer(text=third.result, delay=HELD))),
        conversation("next", asked(fourth)),
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    answered_in_time(lab, agent, case.thread, first)
    stage.hold(1, patience=HELD)
    cut = Cut(lab, stage, agent, case.thread, in_vain)
    cut.wait_for("model", in_vain)
    cut.pass_time(TIME + 1)
    cut.expect_given_up()
    cut = Cut(lab, stage, agent, case.thread, third.question)
    cut.wait_for("tool", third.query)
    cut.pass_time(TIME + 1)
    cut.expect_given_up()
    goes_on(lab, stage, agent, case, first, fourth)


@check("3.5", points=1, title="it goes on after a late cut, between two tools")
def survives_a_cut_in_a_tool(lab: Lab, case: Case) -> None:
    first, second, third, fourth, _ = case.cities
    results = (ToolAnswer(text=second.result), ToolAnswer(text=third.result, delay=HELD))
    stage = lab.stage(
        conversation("trip", asked(first)),
        conversation("slow", compared(second, third, answers=results)),
        conversation("next", asked(fourth)),
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    answered_in_time(lab, agent, case.thread, first)
    stage.hold(1, patience=HELD)
    question = compare_question(second, third)
    cut = Cut(lab, stage, agent, case.thread, question)
    cut.wait_for("model", question)
    cut.pass_time(PART)
    stage.release()
    cut.wait_for("tool", third.query)
    cut.pass_time(PART)
    cut.expect_given_up(
        late="seconds is for the whole run, and here the time begins anew with each step.",
    )
    goes_on(lab, stage, agent, case, first, fourth)
