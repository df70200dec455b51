"""The judging side: checks ask through ``Lab`` and see plain data only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from utils.brief import Inner, cut, first, listed, written
from utils.lab.facts import MAX_IDENTIFIER, error_facts
from utils.lab.plain import MAX_MESSAGE, Forged, Message, decode, leaf, seen_message
from utils.replay.conversation import Conversation, Scenario
from utils.replay.gates import LIMIT, CapGate, Gate, HoldGate, ReverseGate
from utils.replay.log import Miss, Request, Traffic
from utils.replay.matching import GO_LIVE

MAX_CALL, MAX_ARGUMENT = 2_000, 80
"""letters of a call, and of each value in it, as cards show them"""
KINDS = ("model", "tool")
"""kinds of requests that a gate may hold"""


class Transport(Protocol):
    """What carries questions to a student's work and answers back."""

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer. Raises TookTooLong or Died when none came, LabError when none can come."""
        ...


class ModelSide(Protocol):
    """A session of the recorded model as checks use it."""

    @property
    def url(self) -> str: ...

    def traffic(self, *, settle: float = 0.0) -> Traffic:
        """Return what was asked so far, after waiting up to ``settle`` seconds for open requests."""
        ...

    def arm(self, gate: Gate, kind: str = "model") -> None:
        """Put a gate before the next requests of a kind."""
        ...

    def release(self) -> None:
        """Let everything go on that waits at a gate or in a stall."""
        ...

    def clear(self) -> None:
        """Forget what was asked so far."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


class Surroundings(Protocol):
    """What a check needs besides the student's work: models to serve and files to look at."""

    def serve(self, scenario: Scenario) -> ModelSide:
        """Open a fresh session that knows these conversations."""
        ...

    def path(self, name: str) -> str:
        """Return a path in the student's work folder, as the student's side spells it."""
        ...

    def files(self) -> Mapping[str, int]:
        """Return names, relative to the work folder, and sizes in bytes of the files in it."""
        ...

    def checkpoints(self, name: str) -> tuple[CheckpointRow, ...] | None:
        """Return the rows of a checkpoint file by creation; ``None`` if there is no readable file."""
        ...

    def renew(self) -> None:
        """Make the work folder a fresh one, for the next check."""
        ...


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint as its file has it: nothing of it is deserialised."""

    thread: str
    id: str
    parent: str | None


class LabError(Exception):
    """A question could not be asked or answered, through no fault of an exercise's code."""


class Spoiled(Exception):
    """A part of the kit could not work with what the notebook's code had left it."""


class TookTooLong(Exception):
    """No answer came in time."""


class Died(Exception):
    """The process of the student's work ended, or was ended, before it answered."""

    def __init__(self, how: Literal["crashed", "memory"], what: str) -> None:
        super().__init__(what)
        self.how = how


class Missing(Exception):
    """The notebook has no such name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class StudentError(Exception):
    """The student's code raised; everything here came from its process.

    What is longer than the process itself makes it is cut, and what is not of the right form is left out:
    an error's facts are read while a check says what is wrong, and nothing may go wrong then.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        told = error_facts(facts)
        self.type: str = told["type"] or "Exception"
        self.bases: tuple[str, ...] = tuple(told["bases"])
        self.message: str = told["message"]
        self.trace: tuple[Mapping[str, Any], ...] = tuple(told["trace"])
        super().__init__(f"{self.type}: {self.message}")

    def is_a(self, name: str) -> bool:
        return name in self.bases

    @property
    def of_a_file(self) -> bool:
        """Whether it is about a file: one that is gone, is another's, is locked, or has no room."""
        return self.is_a("DatabaseError") or (self.is_a("OSError") and not self.is_a("ConnectionError"))


class _End:
    """What ``next`` gives when there is no further item."""

    def __repr__(self) -> str:
        return "END"


END = _End()


@dataclass(frozen=True, eq=False)
class Ref:
    """An object that stays on the student's side."""

    number: int
    type: str
    label: str = ""
    """how cards call it"""
    _lab: Lab | None = field(default=None, repr=False)

    @property
    def is_the_kits(self) -> bool:
        """Return whether the kit made this object, so that no student's code gave it back."""
        return self.number < 0

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return what a method of the object returns."""
        if self._lab is None:
            msg = "this reference belongs to no lab"
            raise LabError(msg)
        return self._lab.call(self, *args, method=method, **kwargs)

    def get(self, *path: str | tuple[Any]) -> Any:
        """Return an attribute of an attribute …; a one-tuple takes an item."""
        if self._lab is None:
            msg = "this reference belongs to no lab"
            raise LabError(msg)
        return self._lab.get(self, *path)


class Lab:
    """What checks ask of a student's work."""

    def __init__(self, transport: Transport, surroundings: Surroundings, provider: str = "openai") -> None:
        self.provider = provider
        """whose models the parts are"""
        self._transport = transport
        self._surroundings = surroundings
        self._stages: list[Stage] = []
        self._names: dict[str, _Name] = {}
        self._savers: list[Ref] = []
        self._waiting: list[dict[str, Any]] = []
        """questions that nobody waits for; they go with the next one"""
        self._made = 0
        self.kit = Parts(self)
        self.last_call = ""
        """the last call of the student's code, as a card shows it"""
        self._theirs = False
        """whether code of the notebook was called in this check"""
        self.heard = False
        """whether an answer from the student's side has come in this check"""

    def call(self, target: str | Ref, *args: Any, method: str | None = None, **kwargs: Any) -> Any:
        """Return what a function of the notebook, or a method of an object, returns.

        Raises Missing, StudentError or TookTooLong.
        """
        call = self._calling(target, args, kwargs, method)
        self._theirs = True
        self.last_call = self.describe(target, *args, method=method, **kwargs)
        return self._value(self._ask({"op": "call", **call}))

    def get(self, target: str | Ref, *path: str | tuple[Any]) -> Any:
        """Return a name of the notebook, or what its attributes lead to."""
        steps = [step if isinstance(step, str) else [step[0]] for step in path]
        return self._value(self._ask({"op": "get", "target": self._target(target), "path": steps}))

    def next(self, items: Ref) -> Any:
        """Return the next item of an iterator, sync or async; ``END`` when there is no further item."""
        self._theirs = True
        return self._value(self._ask({"op": "next", "target": self._target(items)}))

    def close(self, ref: Ref) -> None:
        self._value(self._ask({"op": "close", "target": self._target(ref)}))

    def gather(self, *calls: tuple[Any, ...]) -> list[Any]:
        """Return what several calls return that run at the same time; one that raises gives its StudentError.

        Each call is ``(target, *args)``.
        """
        asked = [self._calling(call[0], call[1:], {}, None) for call in calls]
        self._theirs = True
        self.last_call = " beside ".join(dict.fromkeys(self.describe(call[0], *call[1:]) for call in calls))
        answer = self._ask({"op": "gather", "calls": asked})
        if "values" not in answer:
            self._value(answer)
        told = answer.get("values")
        if not isinstance(told, list) or len(told) != len(calls):
            msg = f"{len(calls)} calls at once did not give as many answers"
            raise Forged(msg)
        values: list[Any] = []
        for item in told:
            try:
                values.append(self._value(item))
            except StudentError as error:
                values.append(error)
        return values

    def part(self, name: str, *args: Any, label: str = "", called: str = "", **kwargs: Any) -> Any:
        """Return what a part of the kit returns on the student's side.

        ``called`` is what a card shows for it, where the part runs the student's code; without it an
        error raises Spoiled, or LabError where nothing of the notebook's can have brought it about.
        """
        self.last_call = called or self.last_call
        self._theirs = self._theirs or bool(called)
        call = {"target": {"kit": name}, "args": self._plain(args), "kwargs": self._plain(kwargs)}
        try:
            value = self._value(self._ask({"op": "call", **call}))
        except StudentError as error:
            if called:
                raise
            raise self._fault(f"the kit's part {name!r} failed: {error}", error) from error
        return Ref(value.number, value.type, label, self) if isinstance(value, Ref) and label else value

    def make(self, name: str, *args: Any, label: str, **kwargs: Any) -> Ref:
        """Return an object that a part of the kit makes on the student's side. ``label`` is for cards.

        It is made together with the next question: only that one takes a way there and back.
        """
        self._made -= 1
        call = {"target": {"kit": name}, "args": self._plain(args), "kwargs": self._plain(kwargs)}
        self._waiting.append({"op": "call", **call, "keep": self._made})
        return Ref(self._made, name, label, self)

    def _ask(self, question: dict[str, Any]) -> Mapping[str, Any]:
        """Return the answer to a question, after all that waits for it. Raises LabError for what waited."""
        waiting, self._waiting = self._waiting, []
        self.heard = True
        if not waiting:
            return self._transport.ask(question)
        answer = self._transport.ask({"op": "series", "questions": [*waiting, question]})
        if "failed" in answer:
            try:
                self._value(answer["failed"])
            except StudentError as error:
                raise self._fault(f"a part of the kit could not be made: {error}", error) from error
            raise self._fault("a part of the kit could not be made")
        return answer

    def _fault(self, what: str, error: StudentError | None = None) -> Spoiled | LabError:
        """Return whose fault it is that a part of the kit does not work.

        It lives among the student's objects, so what was done to those, to the kit or to its files is done
        to it. No part of it has trouble with a file by itself: its files are its own, and fresh.
        """
        spoiled = self._theirs or (error is not None and error.of_a_file)
        return Spoiled(what) if spoiled else LabError(what)

    def stage(self, *conversations: Conversation) -> Stage:
        """Open a fresh recorded model that knows these conversations only."""
        stage = Stage(self, self._surroundings.serve(Scenario(conversations=conversations)))
        self._stages.append(stage)
        return stage

    def path(self, name: str) -> str:
        """Return a path in the work folder, as the student's side spells it."""
        path = self._surroundings.path(name)
        self._names[path] = _Name(name)
        return path

    def files(self) -> Mapping[str, int]:
        """Return the sizes in bytes of the files in the work folder, by name."""
        return self._surroundings.files()

    def checkpoints(self, name: str) -> tuple[CheckpointRow, ...] | None:
        """Return the rows of a checkpoint file in the work folder; ``None`` if there is no readable file."""
        return self._surroundings.checkpoints(name)

    def misses(self) -> tuple[Miss, ...]:
        """Return the questions that nobody recorded, in all stages so far."""
        return tuple(miss for stage in self._stages for miss in stage.traffic().misses)

    def complaints(self) -> tuple[str, ...]:
        """Return what the recorded models said of such questions, without the advice to ask a real one."""
        return tuple(miss.sentence.removesuffix(GO_LIVE).strip() for miss in self.misses())

    def refusals(self) -> tuple[Request, ...]:
        """Return the requests that the model refused as malformed, in all stages so far."""
        return tuple(request for stage in self._stages for request in stage.traffic().refused)

    def unknown(self) -> tuple[Request, ...]:
        """Return the requests of the model that nobody recorded, in all stages so far."""
        return tuple(request for stage in self._stages for request in stage.traffic().unknown)

    def clean_up(self) -> None:
        """End the stages and let go of what is kept: called after each check."""
        stages, self._stages = self._stages, []
        savers, self._savers = self._savers, []
        self._waiting.clear()
        self.last_call = ""
        self._theirs = False
        self.heard = False
        self._names.clear()
        calls = [
            {"target": {"kit": "close_saver"}, "args": [self._plain(saver)], "kwargs": {}} for saver in savers
        ]
        with contextlib.ExitStack() as last:  # each of these, whatever becomes of the one before
            last.callback(self._surroundings.renew)
            last.callback(self._transport.ask, {"op": "end", "calls": calls})
            for stage in reversed(stages):
                last.callback(stage.model_side.close)

    def close_later(self, saver: Ref) -> None:
        """Close a saver's file after this check, whoever opened it."""
        self._savers.append(saver)

    def describe(self, target: str | Ref, *args: Any, method: str | None = None, **kwargs: Any) -> str:
        """Return a call as a person would write it."""
        name = target if isinstance(target, str) else target.label or target.type
        args = tuple(self._names.get(arg, arg) if isinstance(arg, str) else arg for arg in args)
        given = [_written(arg) for arg in args] + [f"{key}={_written(arg)}" for key, arg in kwargs.items()]
        call = f"{name}{'.' + method if method else ''}({', '.join(given)})"
        return cut(call, MAX_CALL)

    def _calling(
        self, target: str | Ref, args: Sequence[Any], kwargs: Mapping[str, Any], method: str | None
    ) -> dict[str, Any]:
        aimed = self._target(target)
        if method is not None:
            aimed["method"] = method
        return {"target": aimed, "args": self._plain(args), "kwargs": self._plain(kwargs)}

    def _target(self, target: str | Ref) -> dict[str, Any]:
        return {"name": target} if isinstance(target, str) else {"ref": target.number}

    def _plain(self, value: Any) -> Any:
        """Return a value as a question holds it; what a student's code gave may be given back to it."""
        if isinstance(value, Ref):
            return {"$object": value.number}
        if isinstance(value, Message):
            return {"$message": {"type": value.type, "text": value.text, "id": value.id}}
        if isinstance(value, Mapping):
            if all(isinstance(key, str) and not key.startswith("$") for key in value):
                return {key: self._plain(item) for key, item in value.items()}
            return {"$map": [[self._key(key), self._plain(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        if isinstance(value, set | frozenset):
            return {"$set": [self._key(item) for item in value]}
        return leaf(value)

    def _key(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return {"$tuple": [self._key(item) for item in value]}
        return self._plain(value)

    def _value(self, answer: Any) -> Any:
        match answer:
            case {"value": data}:
                return decode(data, lambda number, kind: Ref(number, kind, "", self), seen_message)
            case {"end": True}:
                return END
            case {"missing": str(name)} if len(name) <= MAX_IDENTIFIER and name.isidentifier():
                raise Missing(name)
            case {"error": dict(facts)}:
                raise StudentError(facts)
            case {"unfit": str(why)}:
                raise LabError(why[:MAX_MESSAGE])
            case {"bad": str(why)}:
                raise self._fault(why[:MAX_MESSAGE])
        msg = "an answer of a form that none has"
        raise Forged(msg)


class Stage:
    """One recorded model, with the parts that talk to it and what it saw."""

    def __init__(self, lab: Lab, model_side: ModelSide) -> None:
        self._lab = lab
        self.model_side = model_side

    def model(self) -> Ref:
        """Return a chat model that talks to this recorded model."""
        return self._lab.make("model", self.model_side.url, self._lab.provider, label="model")

    def tool(self, name: str = "search", error: str = "") -> Ref:
        """Return a tool that does its work by one request to this recorded model's side.

        Where that fails it raises the kit's own error, or Python's error of this name.
        """
        return self._lab.make("tool", self.model_side.url, name, error, label=name)

    def traffic(self, *, settle: float = 0.0) -> Traffic:
        """Return what was asked so far, after waiting up to ``settle`` seconds for open requests."""
        return self.model_side.traffic(settle=settle)

    def requests(self) -> tuple[Request, ...]:
        """Return the model requests so far, by order of arrival."""
        return self.traffic().of("model")

    def tool_requests(self) -> tuple[Request, ...]:
        """Return the requests of the graded tools so far, by order of arrival."""
        return self.traffic().of("tool")

    def clear(self) -> None:
        """Forget what was asked so far."""
        self.model_side.clear()

    def cap(self, count: int, kind: str = "model", *, linger: float = 0.05, patience: float = 0.5) -> None:
        """Let the first ``count`` requests wait for each other, to see how many come at the same time."""
        self._arm(kind, CapGate, count=_within_limit(count), linger=linger, patience=patience)

    def reverse(self, asked: Sequence[str], kind: str = "model", *, patience: float = 0.5) -> None:
        """Let requests that ask this (questions, or a tool's arguments) wait for each other, and finish the
        last of them first, in whatever order they came."""
        count = _within_limit(len(asked))
        self._arm(kind, ReverseGate, count=count, order=tuple(asked), patience=patience)

    def hold(self, count: int, kind: str = "model", *, patience: float = 0.5) -> None:
        """Hold the first request until ``count`` others have been answered."""
        self._arm(kind, HoldGate, count=count, patience=patience)

    def _arm(self, kind: str, gate: Callable[..., Gate], **options: Any) -> None:
        """Put a gate before the next requests of a kind. Raises LabError for one that can never open."""
        if kind not in KINDS:
            msg = f"there are no requests of the kind {kind!r} to wait for: use {' or '.join(KINDS)}"
            raise LabError(msg)
        try:
            armed = gate(**options)
        except ValueError as error:  # pydantic's
            msg = f"a check's gate cannot be made of {options}"
            raise LabError(msg) from error
        self.model_side.arm(armed, kind)

    def release(self) -> None:
        """Let everything go on that waits at a gate or in a stall."""
        self.model_side.release()


def _within_limit(count: int) -> int:
    if isinstance(count, int) and count > LIMIT:
        msg = f"a check's gate waits for at most {LIMIT} requests, not {count}"
        raise LabError(msg)
    return count


class Parts:
    """The kit's own parts, made on the student's side.

    An exercise is checked with them for everything that it does not itself ask for.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def saver(self, path: str | None = None) -> Ref:
        """Return a saver in memory, or on disk when a path is given."""
        made = self._lab.make("saver", path, label="saver")
        if path is not None:
            self._lab.close_later(made)
        return made

    def agent(self, model: Ref, tools: Sequence[Ref], saver: Ref | None = None, **options: Any) -> Ref:
        """Return the reference agent's compiled graph."""
        return self._lab.make("agent", model, list(tools), saver, label="agent", **options)

    def blocks_model(self, *answers: Sequence[str]) -> Ref:
        """Return a model whose answers are lists of text blocks."""
        return self._lab.make("blocks_model", [list(answer) for answer in answers], label="model")


class _Name(str):
    """A path in the work folder as cards show it: relative to the folder, whole."""

    __slots__ = ()


def _written(value: Any) -> str:
    """Return an argument as a person would write it."""
    return first(value, MAX_CALL if isinstance(value, list | tuple) else MAX_ARGUMENT, _argument)


def _argument(value: Any, room: int) -> Iterable[str | Inner]:
    if isinstance(value, Ref):
        return (value.label or value.type,)
    if isinstance(value, str) and not isinstance(value, _Name) and ("/" in value or "\\" in value):
        return written(PurePosixPath(value.replace("\\", "/")).name, room)
    if isinstance(value, list | tuple):
        return listed("[", value, "]", _in_a_list)
    return written(value, room)


def _in_a_list(value: Any, room: int) -> Iterable[str | Inner]:
    return (_written(value),) if not isinstance(value, list | tuple) else _argument(value, room)
