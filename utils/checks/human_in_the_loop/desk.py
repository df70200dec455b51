"""The desk of exercise 4.5: calls, what a person decides about each, and the guarded agent they attend to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from utils.checks.graphs import compiled, expect_own_methods
from utils.checks.human_in_the_loop.conversations import WHATEVER, does
from utils.checks.human_in_the_loop.lab import Case
from utils.checks.human_in_the_loop.pauses import state_of
from utils.checks.registry import Words, expect
from utils.checks.weather import conversation
from utils.lab.lab import Lab, Ref, Stage
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolCall, Turn, UserTurn

POLICY = {"search": "run", "book": "ask", "mail": "ask", "wire": "forbid"}
FILE, COPY = "desk.db", "desk-before.db"
MOST_SHOWN = 50
"""different questions that a person is asked about a handful of calls, before that is called too many"""

Decision = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """One call, what a person decides about it, and what must come of it."""

    tool: str
    query: str
    decision: Decision | None = None
    """``None`` where nobody is to be asked"""
    runs: str | None = None
    """the query that the tool must do, once; ``None`` if it must not run"""
    says: str = ""
    """what the result must say"""
    status: Literal["success", "error"] = "success"

    @property
    def call(self) -> ToolCall:
        return ToolCall(tool=self.tool, args={"query": self.query})

    @property
    def named(self) -> str:
        how = self.decision["type"] if self.decision else POLICY[self.tool]
        return f"{self.tool} {self.query!r} ({how})"


def fulfilled(query: str, case: Case) -> str:
    """Return what every tool says when it has done its work."""
    return f"done: {query}, {case.word}"


def tasks(case: Case) -> list[Task]:
    """Return one call that runs, five that a person is asked about, and one that is forbidden."""
    first, second, third = (city.name for city in case.cities)
    trains, flat = f"trains to {first}", f"a flat in {second}"
    room, better = f"a room in {first}", f"a room in {third}"
    no, yes, full = f"no {case.word} today", f"they know of {case.word}", f"only {case.word} left"
    return [
        Task("search", trains, runs=trains, says=fulfilled(trains, case)),
        Task("wire", f"100 to {second}", status="error"),
        Task("book", room, {"type": "approve"}, runs=room, says=fulfilled(room, case)),
        Task("book", flat, {"type": "edit", "args": {"query": better}}, better, fulfilled(better, case)),
        Task("mail", f"ask {first}", {"type": "reject", "message": no}, says=no, status="error"),
        Task("mail", f"ask {second}", {"type": "respond", "message": yes}, says=yes),
        Task("book", f"a boat in {third}", {"type": "respond", "message": full}, says=full),
    ]


def alike(case: Case) -> tuple[Sequence[Task], Sequence[Task]]:
    """Return two rounds of calls, all of them asked about.

    In the second round one call is like one of the first, and two are like each other.
    """
    first, second, third = (city.name for city in case.cities)
    room, boat = f"a room in {first}", f"a boat in {third}"
    no, full = f"no more {case.word}", f"only {case.word} left"
    return (
        (
            Task("book", room, {"type": "approve"}, runs=room, says=fulfilled(room, case)),
            Task("mail", f"ask {second}", {"type": "reject", "message": no}, says=no, status="error"),
        ),
        (
            Task("book", room, {"type": "reject", "message": no}, says=no, status="error"),
            Task("book", boat, {"type": "respond", "message": full}, says=full),
            Task("book", boat, {"type": "approve"}, runs=boat, says=fulfilled(boat, case)),
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
    """A guarded agent that a person attends to: its graph is built again from the file at each step."""

    lab: Lab
    stage: Stage
    case: Case
    model: Ref
    tools: Sequence[Ref]
    shown: list[Any] = field(default_factory=list)
    """what the person was asked, by the order in which it was first seen"""
    _saver: Ref | None = None
    _built: Ref | None = None
    _before: Counter[tuple[str, str]] = field(default_factory=Counter)
    """what had been done before the last answer"""

    def put_back(self) -> None:
        """Let the file be as it was before the last answer."""
        self.close()
        self._copy(COPY, FILE)

    def done(self) -> Counter[tuple[str, str]]:
        """Return what the tools have done so far, and how often."""
        made = self.stage.tool_requests()
        return Counter((request.tool, str(request.args.get("query"))) for request in made)

    def done_last(self) -> Counter[tuple[str, str]]:
        """Return what the tools have done since the last answer was given."""
        return self.done() - self._before

    def _copy(self, path: str, copy: str) -> None:
        self.lab.part("copy_file", self.lab.path(path), self.lab.path(copy), called=self.lab.last_call)

    def close(self) -> None:
        """Close the file."""
        if self._saver is not None:
            self.lab.part("close_saver", self._saver)
        self._saver = self._built = None

    def built(self) -> Ref:
        """Return the graph as it was built last: to read the thread takes no other."""
        return self._built or self.graph()

    def graph(self) -> Ref:
        """Return the graph, built by ``build_guarded`` with a saver that was opened again."""
        self.close()
        self._saver = self.lab.kit.saver(self.lab.path(FILE))
        given = self.lab.call("build_guarded", self.model, list(self.tools), POLICY, self._saver)
        graph = compiled(self.lab, given, "build_guarded", why="Whoever runs it needs nothing else.")
        expect_own_methods(self.lab, graph)
        expect(
            bool(self.lab.part("remembers", graph, self._saver)),
            "The graph must be compiled with the checkpointer that build_guarded is given.",
            got=Words("a graph without it"),
            expected="graph.compile(checkpointer=checkpointer)",
            why="Without it the run still ends with __interrupt__, but nobody can ever answer.",
        )
        self._built = Ref(graph.number, graph.type, "agent", self.lab)
        return self._built

    def ask(self, text: str) -> None:
        """Ask a question, up to the first pause."""
        called = f'agent.invoke({{"messages": [("user", {text!r})]}}, thread({self.case.thread!r}))'
        self.lab.part("sync_turn", self.graph(), self.case.thread, text, called=called)

    def waiting(self, graph: Ref) -> list[Mapping[str, Any]]:
        """Return the interrupts that wait now, and note what they show."""
        found: list[Mapping[str, Any]] = self.lab.part("waiting", graph, self.case.thread)
        for item in found:
            value = item["value"]
            expect(
                isinstance(value, Mapping) and set(value) == {"id", "name", "args"},
                "The value of each interrupt must be the call: id, name and args, and nothing else.",
                got=value,
                expected="interrupt({'id': …, 'name': …, 'args': …}), one for each call",
                why="Whoever decides reads the call, and answers for this one alone.",
            )
            if value not in self.shown:
                self.shown.append(value)
            expect(
                len(self.shown) <= MOST_SHOWN,
                "Far more is asked than there are calls.",
                got=Words(f"more than {MOST_SHOWN} different questions"),
                expected="one interrupt for each call of a tool with the policy ask",
                why="Too many questions are clicked away.",
            )
        return found

    def decide(self, *rounds: Sequence[Task]) -> None:
        """Answer what waits, by id, until nothing waits any more; the graph is rebuilt before each answer."""
        chosen = [task for calls in rounds for task in calls]
        for _ in range(2 * len(chosen)):
            waiting = self.waiting(self.built())
            if not waiting:
                return
            ids = [call["id"] for message in self.messages() for call in message.tool_calls]
            answers = {item["id"]: _decision(item["value"], chosen, ids) for item in waiting}
            self._copy(FILE, COPY)
            self._before = self.done()
            given = ", ".join(f"{decision['type']!r}" for decision in answers.values())
            called = f"agent.invoke(Command(resume={{… {given} …}}), thread({self.case.thread!r}))"
            self.lab.part("resume", self.graph(), self.case.thread, answers, called=called)

    def messages(self) -> list[Message]:
        """Return the thread's messages."""
        found: list[Message] = state_of(self.lab, self.built(), self.case.thread)["messages"]
        return found


def _decision(value: Mapping[str, Any], chosen: Sequence[Task], ids: Sequence[Any]) -> Decision:
    """Return what a person decides about the call that is shown; ``ids`` are those of the thread's calls.

    Where the thread has no such id, the first call with this name and these arguments is meant.
    """
    wanted = value["name"], value["args"]
    fitting = [(n, task) for n, task in enumerate(chosen) if (task.tool, dict(task.call.args)) == wanted]
    if not fitting:
        return {"type": "approve"}
    meant = [task for n, task in fitting if ids[n : n + 1] == [value["id"]]]
    task = meant[0] if meant else fitting[0][1]
    return task.decision or {"type": "approve"}


def attended(lab: Lab, case: Case, *rounds: Sequence[Task], decide: bool = True) -> Desk:
    """Return a desk after a question that takes these calls, each round in one message of the model."""
    chosen = [task for calls in rounds for task in calls]
    # Every tool can do everything, so that whatever should not have run is seen to have run.
    known = dict.fromkeys([task.query for task in chosen] + [task.runs for task in chosen if task.runs])
    able = (does(tool, query, fulfilled(query, case)) for tool in POLICY for query in known)
    stage = lab.stage(conversation("errand", errand(case, rounds)), conversation("tools", *able))
    desk = Desk(lab, stage, case, stage.model(), [stage.tool(name) for name in POLICY])
    desk.ask(errand_question(case, rounds))
    if decide:
        desk.decide(*rounds)
    return desk
