"""The desk of exercises 4.5 and 4.6: calls, what a person decides about each, and the agent that asks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_letters, digits
from typing import Any, Literal, NoReturn

from utils.checks.graphs import compiled, expect_own_methods
from utils.checks.human_in_the_loop.conversations import WHATEVER, does
from utils.checks.human_in_the_loop.lab import Case
from utils.checks.human_in_the_loop.pauses import ANSWERED, broken, state_of
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolCall, Turn, UserTurn

POLICY = {"search": "run", "book": "ask", "mail": "ask", "wire": "forbid"}
FILE, COPY = "desk.db", "desk-before.db"
MOST_SHOWN = 50
"""different questions that a person is asked about a handful of calls, before that is called too many"""

OTHERS = str.maketrans(ascii_letters + digits, ascii_letters[1:] + ascii_letters[0] + digits[1:] + digits[0])
"""what stands in another id for each letter and digit of one"""
KEPT = (
    "A variable, global or of a closure, is empty in the next process: a node reads the calls in its state, "
    "asks, and then acts, in one go and each time from its start."
)
"""why nothing may be kept beside the thread"""

Decision = Mapping[str, Any]
Args = Mapping[str, Any]
Work = tuple[str, str]
"""a tool's name and its arguments, as JSON"""


@dataclass(frozen=True, slots=True)
class Task:
    """One call, what a person decides about it, and what must come of it."""

    tool: str
    args: Args
    decision: Decision | None = None
    """``None`` where nobody is to be asked"""
    runs: Args | None = None
    """the arguments that the tool must run with, once; ``None`` if it must not run"""
    says: str = ""
    """what the result must say"""
    status: Literal["success", "error"] = "success"

    @property
    def call(self) -> ToolCall:
        # A forbidden tool may be left unbound; the model calls it all the same.
        return ToolCall(tool=self.tool, args=dict(self.args), unoffered=POLICY[self.tool] == "forbid")

    @property
    def named(self) -> str:
        how = self.decision["type"] if self.decision else POLICY[self.tool]
        return f"{self.tool} {dict(self.args)} ({how})"


def work(tool: str, args: Args) -> Work:
    """Return what a tool has done, or is to do, in a form that can be counted."""
    return tool, json.dumps(dict(args), sort_keys=True)


def fulfilled(tool: str, args: Args, case: Case) -> str:
    """Return what a tool says when it has done its work."""
    return f"{tool} has done: {', '.join(map(str, args.values()))}; {case.word}"


def that_runs(tool: str, args: Args, case: Case, decision: Decision | None = None) -> Task:
    """Return a call whose tool must run, with other arguments if the decision has some."""
    runs = decision.get("args", args) if decision else args
    return Task(tool, args, decision, runs, fulfilled(tool, runs, case))


def that_is_rejected(tool: str, args: Args, message: str) -> Task:
    return Task(tool, args, {"type": "reject", "message": message}, says=message, status="error")


def that_is_answered(tool: str, args: Args, message: str) -> Task:
    return Task(tool, args, {"type": "respond", "message": message}, says=message)


def tasks(case: Case) -> list[Task]:
    """Return one call that runs, five that a person is asked about, and one that is forbidden."""
    first, second, third = (city.name for city in case.cities)
    no, yes, full = f"I cannot approve of {case.word}", f"they know of {case.word}", f"only {case.word} left"
    noted = {"note": f"with {case.word}"}
    other = {"type": "edit", "args": {"query": f"a room in {third}"}}
    return [
        that_runs("search", {"query": f"trains to {first}"}, case),
        Task("wire", {"query": f"100 to {second}"}, status="error"),
        that_runs("book", {"query": f"a room in {first}", **noted}, case, {"type": "approve"}),
        that_runs("book", {"query": f"a flat in {second}", **noted}, case, other),
        that_is_rejected("mail", {"query": f"ask {first}"}, no),
        that_is_answered("mail", {"query": f"ask {second}"}, yes),
        that_is_answered("book", {"query": f"a boat in {third}"}, full),
    ]


def alike(case: Case) -> tuple[Sequence[Task], Sequence[Task]]:
    """Return two rounds of calls, all of them asked about.

    In the second round two calls are like those of the first, and two are like each other.
    """
    first, second, third = (city.name for city in case.cities)
    room, boat = {"query": f"a room in {first}"}, {"query": f"a boat in {third}"}
    letter = {"query": f"ask {second}"}
    no, full = f"no more {case.word}", f"only {case.word} left"
    return (
        (
            that_runs("book", room, case, {"type": "approve"}),
            that_is_rejected("mail", letter, no),
        ),
        (
            that_is_rejected("book", room, no),
            that_runs("book", boat, case, {"type": "approve"}),
            that_is_answered("book", boat, full),
            that_runs("mail", letter, case, {"type": "approve"}),
        ),
    )


def results(count: int) -> ResultsTurn:
    return ResultsTurn(results=(WHATEVER,) * count)


def errand(case: Case, rounds: Sequence[Sequence[Task]]) -> tuple[Turn, ...]:
    """Return a question that takes these calls, each round in one message of the model."""
    turns: list[Turn] = [UserTurn(user=errand_question(case, rounds))]
    for chosen in rounds:
        turns += [CallsTurn(calls=tuple(task.call for task in chosen)), results(len(chosen))]
    return (*turns, errand_answer(case))


def errand_question(case: Case, rounds: Sequence[Sequence[Task]]) -> str:
    return f"Please do {sum(map(len, rounds))} things, and mind the {case.word}."


def errand_answer(case: Case) -> AnswerTurn:
    return AnswerTurn(answer=f"I have seen to it, and to the {case.word}.")


@dataclass
class Desk:
    """An agent that asks, and that a person attends to.

    With ``anew`` its graph is built again from the file at each step; without, it is built once and keeps
    its thread in memory.
    """

    lab: Lab
    stage: Stage
    case: Case
    function: str
    """what the student writes: ``ask_first`` or ``build_guarded``"""
    tools: Sequence[str]
    anew: bool = False
    handed: bool = False
    """whether each answer comes to another process than the one that has asked"""
    shown: list[Any] = field(default_factory=list)
    """what the person was asked, by the order in which it was first seen"""
    _model: Ref | None = None
    _tools: Sequence[Ref] = ()
    _saver: Ref | None = None
    _built: Ref | None = None
    _past: set[str] = field(default_factory=set)
    """ids that calls had in other processes"""
    _decided: set[str] = field(default_factory=set)
    """ids of calls that the person has decided about"""
    _elsewhere: bool = False
    """whether the kit's own node asks, so that the student's has never seen the call"""
    _before: Counter[Work] = field(default_factory=Counter)
    """what had been done before the last answer"""

    def __post_init__(self) -> None:
        self._model = self.stage.model()
        url = self.stage.model_side.url
        self._tools = [self.lab.make("booking_tool", url, name, label=name) for name in self.tools]

    def _hand_over(self, ids: Sequence[str]) -> None:
        """Let the file be another process's: its thread has another name, and each call another id."""
        renamed = {id: other_id(id) for id in ids}
        self._past.update(ids)
        self.close()
        self.case = replace(self.case, thread=f"{self.case.thread}, later")
        path = self.lab.path(FILE)
        self.lab.part("hand_over", path, self.case.thread, renamed, called=self.lab.last_call)

    def put_back(self) -> None:
        """Let the file be as it was before the last answer, and every further answer come to this process."""
        self.handed = False
        self._decided.clear()
        self.close()
        self._copy(COPY, FILE)

    def done(self) -> Counter[Work]:
        """Return what the tools have done so far, and how often."""
        return Counter(work(request.tool, request.args) for request in self.stage.tool_requests())

    def done_last(self) -> Counter[Work]:
        """Return what the tools have done since the last answer was given."""
        return self.done() - self._before

    def _copy(self, path: str, copy: str) -> None:
        self.lab.part("copy_file", self.lab.path(path), self.lab.path(copy), called=self.lab.last_call)

    def close(self) -> None:
        """Close the file."""
        if self._saver is not None and self.anew:
            self.lab.part("close_saver", self._saver)
        self._saver = self._built = None

    def built(self) -> Ref:
        """Return the graph as it was built last: to read the thread takes no other."""
        return self._built or self.graph()

    def graph(self) -> Ref:
        """Return the graph, built with a saver that was opened again where it is to be built anew."""
        if self._built is not None and not self.anew:
            return self._built
        self.close()
        self._saver = self.lab.kit.saver(self.lab.path(FILE) if self.anew else None)
        self._built = self._guarded() if self.function == "build_guarded" else self._with_the_node()
        return self._built

    def _with_the_node(self) -> Ref:
        node = self.lab.make("asking_node", label="node") if self._elsewhere else self.lab.get(self.function)
        given = (self._model, self._tools[0], self._saver, node)
        return self.lab.make("agent_with", *given, label="agent")

    def _guarded(self) -> Ref:
        given = self.lab.call(self.function, self._model, list(self._tools), POLICY, self._saver)
        graph = compiled(
            self.lab, given, self.function, why="A graph can be run as it comes back, with invoke."
        )
        expect_own_methods(self.lab, graph)
        expect(
            bool(self.lab.part("remembers", graph, self._saver)),
            f"The graph must be compiled with the checkpointer that {self.function} is given.",
            got=Words("a graph without it"),
            expected="graph.compile(checkpointer=checkpointer)",
            why="Without it the run still ends with __interrupt__, but nobody can ever answer.",
        )
        return Ref(graph.number, graph.type, "agent", self.lab)

    def ask(self, text: str, *, elsewhere: bool = False) -> None:
        """Ask a question, up to the first pause; ``elsewhere`` it is as if another process did."""
        called = f'agent.invoke({{"messages": [("user", {text!r})]}}, thread({self.case.thread!r}))'
        self._elsewhere = elsewhere
        self._run("sync_turn", text, called)
        if elsewhere:
            self.waiting(self.built())
            self._elsewhere = False

    def _run(self, part: str, given: Any, called: str) -> None:
        """Run the graph; fail where the model refuses what the graph has made of the conversation."""
        try:
            self.lab.part(part, self.graph(), self.case.thread, given, called=called)
        except StudentError:
            if not self.lab.refusals():
                raise
            self._refused()

    def _refused(self) -> NoReturn:
        sent = {message.call_id for request in self.lab.refusals()[-1:] for message in request.messages}
        if sent & self._past:
            fail(
                "A result has the id of a call that another process knew, and that is not in the thread.",
                got=Words(f"the model was sent {broken(self.lab)}"),
                expected=ANSWERED,
                why=KEPT,
            )
        fail(
            "The model refused the conversation: a call has no result, or another one than its own.",
            got=Words(f"the model was sent {broken(self.lab)}"),
            expected=ANSWERED,
            why=(
                "Whatever becomes of a call, run, refused, forbidden or answered by a person, a ToolMessage "
                "with its id must say so."
            ),
        )

    def waiting(self, graph: Ref) -> list[Mapping[str, Any]]:
        """Return the interrupts that wait now, and note what they show."""
        found: list[Mapping[str, Any]] = self.lab.part("waiting", graph, self.case.thread)
        plain: list[Mapping[str, Any]] = [
            {"id": item["id"], "value": _as_a_call(item["value"])} for item in found
        ]
        for item in plain:
            if item["value"] not in self.shown:
                self.shown.append(item["value"])
            expect(
                len(self.shown) <= MOST_SHOWN,
                "Far more is asked than there are calls.",
                got=Words(f"more than {MOST_SHOWN} different questions"),
                expected="one interrupt for each call that needs one",
                why="Too many questions are clicked away.",
            )
        return plain

    def decide(self, *rounds: Sequence[Task]) -> None:
        """Answer what waits, by id, until nothing waits any more."""
        chosen = [task for calls in rounds for task in calls]
        for _ in range(2 * len(chosen)):
            waiting = self.waiting(self.built())
            if not waiting:
                return
            self._expect_none_of_another_process(waiting)
            self._expect_undecided(waiting)
            ids = [call["id"] for message in self.messages() for call in message.tool_calls]
            answers = {item["id"]: _decision(item["value"], chosen, ids) for item in waiting}
            if self.handed:
                self._hand_over([str(id) for id in ids])
            if self.anew:
                self._copy(FILE, COPY)
            self._before = self.done()
            given = ", ".join(f"{decision['type']!r}" for decision in answers.values())
            called = f"agent.invoke(Command(resume={{… {given} …}}), thread({self.case.thread!r}))"
            self._run("resume", answers, called)

    def _expect_none_of_another_process(self, waiting: Sequence[Mapping[str, Any]]) -> None:
        known = [item["value"]["name"] for item in waiting if str(item["value"]["id"]) in self._past]
        expect(
            not known,
            "A person was asked about a call that another process knew, and that is not in the thread.",
            got=Words(f"a question about {', '.join(map(str, known))}, with an id of long ago"),
            expected="questions about the calls of the last message in the state",
            why=KEPT,
        )

    def _expect_undecided(self, waiting: Sequence[Mapping[str, Any]]) -> None:
        asked_again = [item for item in waiting if str(item["value"]["id"]) in self._decided]
        again = [item["value"]["name"] for item in asked_again]
        if again:
            messages = self.messages()
            open_now = [str(call["id"]) for call in messages[-1].tool_calls]
            expect(
                all(str(item["value"]["id"]) in open_now for item in asked_again),
                "The person was asked about an earlier call, not about a call of the last message.",
                got=Words(f"a question about {', '.join(map(str, again))}, which was decided before"),
                expected="questions about the calls of the last message in the state",
                why='A thread may hold many calls. state["messages"][-1] holds those that wait now.',
            )
        expect(
            not again,
            "A person was asked about a call again that they had decided about.",
            got=Words(f"a further question about {', '.join(map(str, again))}, after its answer"),
            expected="one interrupt for each call that needs one",
            why="Each call of interrupt() is a question of its own; one for each call is enough.",
        )
        self._decided.update(str(item["value"]["id"]) for item in waiting)

    def messages(self) -> list[Message]:
        """Return the thread's messages."""
        found: list[Message] = state_of(self.lab, self.built(), self.case.thread)["messages"]
        return found


def other_id(id: str) -> str:
    """Return another id of a call, as long as this one, and for each id its own."""
    head, mark, tail = id.rpartition("_")
    return head + mark + tail.translate(OTHERS)


def _as_a_call(value: Any) -> dict[str, Any]:
    """Return what a person is shown, without the key ``type`` that LangChain's calls have."""
    told = {key: part for key, part in value.items() if key != "type"} if isinstance(value, Mapping) else {}
    expect(
        set(told) == {"id", "name", "args"},
        "The value of each interrupt must be the call: its id, name and args, and nothing else.",
        got=value,
        expected="interrupt({'id': …, 'name': …, 'args': …}), one for each call",
        why="A person reads the call and decides about this one alone. LangChain's own key type may stay.",
    )
    return told


def _decision(value: Mapping[str, Any], chosen: Sequence[Task], ids: Sequence[Any]) -> Decision:
    """Return what a person decides about the call that is shown; ``ids`` are those of the thread's calls."""
    expect(
        bool(ids),
        "The person was asked before the model's message with the calls was in the thread.",
        got=Words(f"a question about {value['name']}, and no call in the thread"),
        expected="first the message with the calls in the thread, then the question",
        why=(
            "A node that asks the model and then a person runs again from its start at every answer, and "
            "asks the model again. Let one node ask the model, and another one the person."
        ),
    )
    known = list(ids[: len(chosen)])
    expect(
        value["id"] in known,
        "The id that the person is shown must be the call's.",
        got=value["id"],
        expected=f"one of {known}",
        why="Two calls may have the same name and arguments; the id tells them apart.",
    )
    return chosen[known.index(value["id"])].decision or {"type": "approve"}


def attended(
    lab: Lab,
    case: Case,
    function: str,
    *rounds: Sequence[Task],
    tools: Sequence[str] = tuple(POLICY),
    decide: bool = True,
    anew: bool = False,
    elsewhere: bool = False,
) -> Desk:
    """Return a desk after a question that takes these calls, each round in one message of the model.

    ``elsewhere`` the first question to the person is put as by another process.
    """
    chosen = [task for calls in rounds for task in calls]
    # Every tool can do everything, so that whatever should not have run is seen to have run.
    known = {work(tool, args): args for task in chosen for args in _variants(task) for tool in tools}
    able = (does(tool, args, fulfilled(tool, args, case)) for (tool, _), args in known.items())
    stage = lab.stage(conversation("errand", errand(case, rounds)), conversation("tools", *able))
    desk = Desk(lab, stage, case, function, tools, anew)
    desk.ask(errand_question(case, rounds), elsewhere=elsewhere)
    if decide:
        desk.decide(*rounds)
    return desk


def _variants(task: Task) -> list[Args]:
    """Return the arguments that a tool may be run with, rightly or wrongly, when this call has come."""
    if task.runs is None:
        return [task.args]
    return [task.args, task.runs, {**task.args, **task.runs}, {"query": task.args["query"]}]
