"""Whatever a student's code does, a check ends as a result and the next one works."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from utils.checks.registry import Check, Exercise, LabChecks, expect, fail
from utils.checks.run import run_check, run_exercise, run_lab
from utils.checks.weather import City, conversation, plain
from utils.errors import SetupError
from utils.lab.lab import Died, Lab
from utils.results import CheckResult
from utils.views import ExerciseView

MakeLab = Callable[..., Lab]
ANSWER = 42


def numbers() -> LabChecks:
    """A lab with one exercise: ``work`` returns 42."""
    lab_checks = LabChecks("numbers", "Numbers")
    lab_checks.exercise("9.1", "The answer", function="work", points=2)

    @lab_checks.check("9.1", points=1, title="it is 42")
    def is_the_answer(lab: Lab, case: Any) -> None:
        told = lab.call("work", case)
        expect(told == ANSWER, "work must return 42.", got=told, expected="42", why="It is the answer.")

    @lab_checks.check("9.1", points=1, title="still")
    def is_still_the_answer(lab: Lab, case: Any) -> None:
        is_the_answer(lab, case)

    return lab_checks


CHECKS = numbers()
EXERCISE = CHECKS.find("9.1")
CHECK: Check = EXERCISE.checks[0]


class EqualToAll:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class LyingText(str):
    def __eq__(self, other: object) -> bool:
        return True

    def __str__(self) -> str:
        raise RuntimeError

    __hash__ = str.__hash__


class LyingNumber(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __index__(self) -> int:
        return ANSWER

    def __int__(self) -> int:
        return ANSWER

    __hash__ = int.__hash__


class LyingDict(dict):
    def items(self) -> Any:
        raise RuntimeError

    def __iter__(self) -> Any:
        raise RuntimeError

    def __len__(self) -> int:
        return -1


class LyingList(list):
    def __iter__(self) -> Any:
        while True:
            yield ANSWER


class OfAnotherClass:
    def __init__(self, told: type) -> None:
        self.told = told

    @property
    def __class__(self) -> Any:
        return self.__dict__["told"]

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError


class Meta(type):
    @property
    def __name__(cls) -> str:
        raise RuntimeError

    @property
    def __mro__(cls) -> Any:
        raise RuntimeError


class Nameless(metaclass=Meta):
    pass


class NamelessError(Exception, metaclass=Meta):
    pass


class NothingWorks:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def itself() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def itself_as_a_dict() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["data"] = data
    return data


def deep() -> list[Any]:
    items: list[Any] = []
    for _ in range(100_000):
        items = [items]
    return items


def forever(_: Any) -> Any:
    while True:
        yield ANSWER


VALUES: dict[str, Callable[[], Any]] = {
    "an object that equals everything": EqualToAll,
    "a class": lambda: EqualToAll,
    "text that equals everything": lambda: LyingText("no"),
    "a number that says it is another": lambda: LyingNumber(7),
    "a dict that cannot be read": lambda: LyingDict(a=1),
    "a list without end": lambda: LyingList([1]),
    "an object that says it is text": lambda: OfAnotherClass(str),
    "an object that says it is a dict": lambda: OfAnotherClass(dict),
    "an object that says it is a number": lambda: OfAnotherClass(int),
    "an object whose class has no name": Nameless,
    "an object without attributes": NothingWorks,
    "a mock": MagicMock,
    "huge text": lambda: "x" * 50_000_000,
    "much text": lambda: ["x" * 100_000] * 4_000,
    "a huge number": lambda: 1 << 1_000_000,
    "a huge list": lambda: [0] * 5_000_000,
    "a huge dict": lambda: dict.fromkeys(range(1_000_000)),
    "a list that holds itself": itself,
    "a dict that holds itself": itself_as_a_dict,
    "a deep list": deep,
    "a generator": lambda: forever(None),
    "no number": lambda: float("nan"),
    "half a character": lambda: "\ud800",
    "control characters": lambda: "\x1b[31m\x00",
    "a dict with dollar keys": lambda: {"$object": 1, "$message": 2},
    "a dict with odd keys": lambda: {EqualToAll: 1, (1, 2): 3, None: 4},
    "an error": lambda: ValueError("as a value"),
    "itself": lambda: VALUES,
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_a_value_of_any_kind_fails_a_check_that_wants_another(make_lab: MakeLab, make: Any) -> None:
    namespace: dict[str, Any] = {"work": lambda _: make()}
    assert_failed_and_next_one_works(make_lab(namespace), namespace)


class UglyError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class ExitingError(Exception):
    def __str__(self) -> str:
        sys.exit(3)


class OddTextError(Exception):
    def __str__(self) -> str:
        return LyingText("odd")


class NoTraceError(Exception):
    @property
    def __traceback__(self) -> Any:
        raise RuntimeError


class FromTheBase(BaseException):
    pass


def recurse() -> Any:
    return recurse()


ERRORS: dict[str, BaseException | type[BaseException]] = {
    "an exit": SystemExit(0),
    "an interrupt": KeyboardInterrupt,
    "a generator's exit": GeneratorExit,
    "one of its own, from the base": FromTheBase,
    "the end of an iterator": StopIteration(ANSWER),
    "the end of an async iterator": StopAsyncIteration,
    "a cancellation": asyncio.CancelledError,
    "one that cannot say what it is": UglyError,
    "one that exits when asked what it is": ExitingError,
    "one with odd text": OddTextError,
    "one without a trace": NoTraceError,
    "one without a name": NamelessError,
    "a long one": ValueError("x" * 10_000_000),
    "half a character": ValueError("\ud800"),
    "a group": BaseExceptionGroup("several", [ValueError(), KeyboardInterrupt()]),
    "an assertion": AssertionError,
    "a time-out": TimeoutError,
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("how", ["at once", "in a coroutine", "in a task"])
def test_an_error_of_any_kind_fails_the_check(make_lab: MakeLab, error: Any, how: str) -> None:
    def at_once(_: Any) -> Any:
        raise error

    async def in_a_coroutine(_: Any) -> Any:
        await asyncio.sleep(0)
        at_once(_)

    async def in_a_task(_: Any) -> Any:
        return await asyncio.get_running_loop().create_task(in_a_coroutine(_))

    namespace: dict[str, Any] = {
        "work": {"at once": at_once, "in a coroutine": in_a_coroutine, "in a task": in_a_task}[how]
    }
    result = assert_failed_and_next_one_works(make_lab(namespace), namespace)
    assert result.message == "work raised an error."


def test_an_error_that_everybody_makes_once_is_explained(make_lab: MakeLab) -> None:
    async def later() -> dict[str, int]:
        return {"answer": ANSWER}

    def work(_: Any) -> Any:
        with contextlib.closing(later()) as told:
            return told["answer"]  # type: ignore[index]

    result = run_check(EXERCISE, CHECK, make_lab({"work": work}), None)
    assert result.message == "work raised an error."
    assert result.why == (
        "What happened: a coroutine stands where its result is needed: an await is missing. "
        "What to do: write await before the call: await agent.ainvoke(...)."
    )


def test_memory_that_runs_out_is_told_as_such(make_lab: MakeLab) -> None:
    def work(_: Any) -> Any:
        raise MemoryError

    namespace: dict[str, Any] = {"work": work}
    result = assert_failed_and_next_one_works(make_lab(namespace), namespace, "memory")
    assert result.message == "This call used more memory than a submission may have."


class Dying:
    """A transport whose process ends, once, as soon as the student's function is called."""

    def __init__(self, transport: Any, error: Died) -> None:
        self.transport, self.error, self.died = transport, error, False

    def ask(self, question: Any) -> Any:
        if question["op"] == "call" and not self.died:
            self.died = True
            raise self.error
        return self.transport.ask(question)


@pytest.mark.parametrize("how", ["crashed", "memory"])
def test_a_process_that_ends_costs_this_exercise_only(make_lab: MakeLab, how: Any) -> None:
    lab = make_lab({"work": lambda _: ANSWER})
    lab._transport = Dying(lab._transport, Died(how, "its process ended"))
    result = run_exercise(EXERCISE, lab, None)
    assert [check.status for check in result.checks] == [how, "not run"]
    assert result.points == 0
    assert "process" in result.checks[0].message or "memory" in result.checks[0].message
    assert run_exercise(EXERCISE, lab, None).passed


def test_endless_recursion_fails_the_check(make_lab: MakeLab) -> None:
    namespace: dict[str, Any] = {"work": lambda _: recurse()}
    result = assert_failed_and_next_one_works(make_lab(namespace), namespace)
    assert result.returned.startswith("RecursionError")


def assert_failed_and_next_one_works(
    lab: Lab, namespace: dict[str, Any], status: str = "failed"
) -> CheckResult:
    result = run_check(EXERCISE, CHECK, lab, None)
    assert result.status == status, result
    assert result.points == 0
    assert_shown(result)
    namespace["work"] = lambda _: ANSWER
    again = run_exercise(EXERCISE, lab, None)
    assert again.passed, again
    return result


def assert_shown(result: CheckResult) -> None:
    """A card can be drawn, and nothing on it is large."""
    assert result.message
    assert result.called
    assert result.expected
    assert result.why
    view = ExerciseView(run_result(result))
    assert len(view.text()) < 40_000
    assert len(view.html()) < 80_000


def run_result(result: CheckResult) -> Any:
    from utils.results import ExerciseResult

    return ExerciseResult(result.exercise, "The answer", (result,))


def loop_forever(_: Any) -> None:
    while True:
        pass


def loop_and_catch(_: Any) -> None:
    while True:
        try:
            while True:
                pass
        except Exception:
            continue


async def wait_forever(_: Any) -> None:
    await asyncio.get_running_loop().create_future()


async def wait_and_refuse_to_stop(_: Any) -> None:
    for _ in range(3):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            continue


def print_forever(_: Any) -> None:
    while True:
        print("still here")


def lock_forever(_: Any) -> None:
    lock = threading.Lock()
    while not lock.acquire(timeout=0.01) or True:
        pass


cannot_stop = pytest.mark.skipif(
    sys.version_info < (3, 12) and sys.gettrace() is not None,
    reason="Python 3.11 cannot stop a thread while it is traced: see utils.notebook.inprocess",
)


@cannot_stop
@pytest.mark.parametrize(
    "work", [loop_forever, loop_and_catch, wait_forever, wait_and_refuse_to_stop, print_forever, lock_forever]
)
def test_work_without_end_is_stopped_and_the_next_check_works(make_lab: MakeLab, work: Any) -> None:
    namespace: dict[str, Any] = {"work": work}
    lab = make_lab(namespace, seconds=0.2)
    before = set(threading.enumerate())
    result = run_check(EXERCISE, CHECK, lab, None)
    lab._transport.seconds = 15.0  # type: ignore[attr-defined]
    assert (result.status, result.points) == ("timeout", 0)
    assert "0.2 seconds" in result.returned
    assert_shown(result)
    stuck = [
        thread for thread in threading.enumerate() if thread not in before and thread.name == "self-check"
    ]
    namespace["work"] = lambda _: ANSWER
    assert run_check(EXERCISE, CHECK, lab, None).status == "passed"
    lab._transport.close()  # type: ignore[attr-defined]
    for thread in stuck:
        thread.join(timeout=5)
        assert not thread.is_alive(), "the stuck thread has not ended"


@cannot_stop
def test_a_loop_in_a_graph_s_worker_thread_is_stopped_as_well(make_lab: MakeLab) -> None:
    spinning = threading.Event()

    def spin() -> None:
        spinning.set()
        loop_forever(None)

    async def in_a_worker(_: Any) -> Any:
        await asyncio.to_thread(spin)

    before = set(threading.enumerate())
    lab = make_lab({"work": in_a_worker}, seconds=1.0)
    assert run_check(EXERCISE, CHECK, lab, None).status == "timeout"
    assert spinning.is_set()
    lab._transport.close()  # type: ignore[attr-defined]
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive(), thread


# What is around


def test_what_work_prints_is_kept_and_not_shown(
    make_lab: MakeLab, make_transport: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(_: Any) -> int:
        for _ in range(100_000):
            print("a lot")
        print("to stderr", file=sys.stderr)
        return ANSWER

    lab = make_lab({"work": work})
    assert run_check(EXERCISE, CHECK, lab, None).status == "passed"
    assert capsys.readouterr() == ("", "")
    printed = lab._transport.printed  # type: ignore[attr-defined]
    assert printed.startswith("a lot\na lot\n")
    assert len(printed) <= 4_000


def close_stdout() -> None:
    sys.stdout.close()
    sys.stderr.close()


def lose_stdout() -> None:
    sys.stdout = sys.stderr = None  # type: ignore[assignment]


@pytest.mark.parametrize("harm", [close_stdout, lose_stdout])
def test_closing_stdout_harms_nobody(
    make_lab: MakeLab, harm: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(_: Any) -> int:
        harm()
        return ANSWER

    assert run_lab(CHECKS, make_lab({"work": work}), None).points == 2
    print("still here")
    assert capsys.readouterr().out == "still here\n"


def test_deleting_the_folders_harms_nobody(
    make_lab: MakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def work(_: Any) -> int:
        folder = Path(lab.path("x")).parent
        os.chdir(folder)
        shutil.rmtree(folder.parent)
        return ANSWER

    lab = make_lab({"work": work})
    assert run_lab(CHECKS, lab, None).points == 2
    assert lab.files() == {}
    assert lab.checkpoints("x") is None


def test_ending_the_loop_harms_nobody(make_lab: MakeLab) -> None:
    async def work(_: Any) -> int:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        return ANSWER

    assert run_lab(CHECKS, make_lab({"work": work}), None).points == 2


# Faults of the kit, misses and refusals


def check_of(run: Any) -> Check:
    return Check("9.1", "made_here", "made here", 1, run)


def outcome(make_lab: MakeLab, run: Any, namespace: Any = None) -> CheckResult:
    return run_check(EXERCISE, check_of(run), make_lab(namespace or {}), None)


def test_a_fault_of_the_kit_is_an_error_and_not_the_student_s(make_lab: MakeLab) -> None:
    def part(lab: Lab, case: Any) -> None:
        lab.part("no such part")

    def setup(lab: Lab, case: Any) -> None:
        msg = "the recorded model is not running"
        raise SetupError(msg)

    def misspelt(lab: Lab, case: Any) -> None:
        raise NameError

    for broken in (part, setup, misspelt):
        result = outcome(make_lab, broken)
        assert (result.status, result.points) == ("error", 0)
        assert "not your fault" in result.message
        assert "Error" in result.detail


def slip(run: Any) -> Any:
    """Return a check with a slip that comes after the student's code has answered."""

    def check(lab: Lab, case: Any) -> None:
        told = lab.call("work")
        run(lab, case, told)

    return check


GOOD: dict[str, Any] = {"got": 1, "expected": "2", "why": "w"}
SLIPS: dict[str, Any] = {
    "a part that is not there": lambda lab, case, told: lab.kit.message("hello"),
    "a method that is not there": lambda lab, case, told: lab.cal("work"),
    "a stage's attribute that is not there": lambda lab, case, told: lab.stage().request(),
    "an attribute of a model": lambda lab, case, told: lab.stage().model().text,
    "an attribute of a case": lambda lab, case, told: City("Oslo", 3.4).degrees,
    "an attribute of a module": lambda lab, case, told: os.nothing,  # type: ignore[attr-defined]
    "too few words": lambda lab, case, told: expect(False, "m", got=told, expected="e"),  # type: ignore[call-arg]
    "a word too many": lambda lab, case, told: expect(True, "m", **GOOD, keep=1),
    "a helper called wrongly": lambda lab, case, told: plain(told),  # type: ignore[call-arg]
    "a class called wrongly": lambda lab, case, told: City(told),  # type: ignore[call-arg]
    "an unknown part": lambda lab, case, told: lab.part("message"),
    "an unknown part that runs the student's code": lambda lab, case, told: lab.part("run", called="run()"),
    "a part with too few arguments": lambda lab, case, told: lab.part("turn", 1, called="agent.invoke(…)"),
    "a part with too many": lambda lab, case, told: lab.part("is_saver", 1, 2),
    "a part made with too many": lambda lab, case, told: lab.call("work", lab.make("saver", 1, 2, label="s")),
    "a message that is a number": lambda lab, case, told: expect(False, 5, **GOOD),  # type: ignore[arg-type]
    "an expected value that is no text": lambda lab, case, told: expect(True, "m", **{**GOOD, "expected": 2}),
    "a reason that is None": lambda lab, case, told: fail("m", **{**GOOD, "why": None}),
    "points that are a text": lambda lab, case, told: fail("m", **GOOD, keeps="1"),  # type: ignore[arg-type]
    "points below 0": lambda lab, case, told: fail("m", **GOOD, keeps=-1),
    "points that are no number": lambda lab, case, told: fail("m", **GOOD, keeps=float("nan")),
    "a gate for nobody": lambda lab, case, told: lab.stage().cap(0),
    "a gate for too many": lambda lab, case, told: lab.stage().cap(5),
    "a gate for a word": lambda lab, case, told: lab.stage().cap("all"),  # type: ignore[arg-type]
    "a gate that reverses nothing": lambda lab, case, told: lab.stage().reverse([]),
    "a gate that holds for fewer than one": lambda lab, case, told: lab.stage().hold(-1),
    "a gate before what nobody asks": lambda lab, case, told: lab.stage().cap(2, "tols"),
    "a gate without patience": lambda lab, case, told: lab.stage().cap(2, patience="long"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("run", SLIPS.values(), ids=SLIPS)
def test_a_slip_of_an_author_is_an_error_and_not_the_student_s(make_lab: MakeLab, run: Any) -> None:
    result = outcome(make_lab, slip(run), {"work": lambda *given: 1})
    assert (result.status, result.points) == ("error", 0), result
    assert "not your fault" in result.message


def test_an_author_is_told_where_the_slip_is(make_lab: MakeLab) -> None:
    result = outcome(make_lab, slip(SLIPS["a part that is not there"]), {"work": lambda: 1})
    assert result.detail.startswith(
        "AttributeError: 'Parts' object has no attribute 'message' (test_run.py, line "
    )


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda lab, case: case["thread"], id="a wrong case"),
        pytest.param(lambda lab, case: {}["key"], id="a wrong key"),
        pytest.param(lambda lab, case: 1 / 0, id="a division by zero"),
        pytest.param(lambda lab, case: lab.stage().requests()[0], id="a request before anybody asked"),
    ],
)
def test_a_check_that_trips_before_it_has_asked_trips_over_itself(make_lab: MakeLab, run: Any) -> None:
    assert outcome(make_lab, run).status == "error"


class Own:
    """An object that stays on the student's side."""


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(told, id=type(told).__name__)
        for told in (None, 5, 1.5, "text", b"text", [1], (1,), {1: 2}, {1}, Own())
    ],
)
def test_an_attribute_that_what_came_back_lacks_is_the_student_s(make_lab: MakeLab, told: Any) -> None:
    result = outcome(make_lab, lambda lab, case: lab.call("work").tool_calls, {"work": lambda: told})
    assert (result.status, result.points) == ("failed", 0)
    assert "not your fault" not in result.message


def test_a_model_that_is_gone_is_an_error_even_while_saying_what_is_wrong(
    make_lab: MakeLab, recorded_server: Any
) -> None:
    def run(lab: Lab, case: Any) -> None:
        stage = lab.stage(conversation("one", plain("a?", "b")))

        def gone(*, settle: float = 0.0) -> Any:
            msg = "the recorded model is not running"
            raise SetupError(msg)

        stage.model_side.traffic = gone  # type: ignore[method-assign]
        fail("something", got=1, expected="2", why="so")

    result = outcome(make_lab, run)
    assert result.status == "error"
    assert "SetupError" in result.detail


class Forger:
    """A transport whose answers are what somebody wrote past the kit."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def ask(self, question: Any) -> Any:
        return self._answer


HUGE = "'\"\x1b\u202e" * 200_000
FORGED: dict[str, Any] = {
    "nothing": {},
    "no object": 5,
    "no list": {"values": 5},
    "an odd form": {"value": {"$map": 5}},
    "a form that is none": {"value": {"$map": [[{"$map": [[{"$unheard": 1}, 1]]}, 1]]}},
    "bytes": {"value": [{"$bytes": 3}]},
    "a number": {"value": {"$int": "zz"}},
    "a message": {"value": {"$message": {"type": 5, "text": [], "tool_calls": 3}}},
    "too many": {"value": [0] * 400_000},
    "too long": {"value": "x" * 15_000_000},
    "a name": {"missing": HUGE},
    "an error of nothing": {"error": {}},
    "an error's name": {"error": {"type": HUGE, "bases": [HUGE] * 9}},
    "an error's text": {"error": {"type": "TypeError", "bases": ["TypeError"], "message": HUGE}},
    "an error's steps": {"error": {"trace": 5, "bases": 7, "message": []}},
    "more of an error's steps": {"error": {"trace": [1, None, {"line": HUGE, "source": [HUGE]}]}},
    "what the saver's mistake looks like": {
        "error": {
            "type": "TypeError",
            "bases": ["TypeError"],
            "message": "Invalid checkpointer provided. " * 400_000,
        }
    },
}


@pytest.mark.parametrize("answer", FORGED.values(), ids=FORGED)
def test_a_forged_answer_is_a_failed_check_and_no_fault_of_the_kit(answer: Any) -> None:
    def asks(lab: Lab, case: Any) -> None:
        fail("m", got=lab.call("work"), expected="e", why="w")

    def asks_at_once(lab: Lab, case: Any) -> None:
        fail("m", got=lab.gather(("work",)), expected="e", why="w")

    for run, told in ((asks, answer), (asks_at_once, answer), (asks_at_once, {"values": [answer]})):
        result = run_check(EXERCISE, check_of(run), Lab(Forger(told), None), None)  # type: ignore[arg-type]
        assert (result.status, result.points) == ("failed", 0)
        assert "not your fault" not in result.message
        assert_shown(result)


def test_what_is_looked_for_and_not_there_is_another_form(make_lab: MakeLab) -> None:
    result = outcome(make_lab, lambda lab, case: next(iter(lab.call("work"))), {"work": list})
    assert (result.status, result.points) == ("failed", 0)
    assert "StopIteration" in result.detail


def test_data_of_another_form_is_told_in_words(make_lab: MakeLab) -> None:
    result = outcome(make_lab, lambda lab, case: lab.call("work")["key"], {"work": lambda: 5})
    assert result.status == "failed"
    assert result.message == "Something of another form came back than the exercise asks for."
    assert "TypeError" in result.detail


def test_an_error_is_told_with_the_student_s_own_lines(make_lab: MakeLab) -> None:
    source = "def work(x):\n    return help_(x)\n\ndef help_(x):\n    return 1 / 0\n"
    names: dict[str, Any] = {}
    exec(compile(source, "<ipython-input-3>", "exec"), names)
    import linecache

    linecache.cache["<ipython-input-3>"] = (len(source), None, source.splitlines(True), "<ipython-input-3>")
    result = run_check(EXERCISE, CHECK, make_lab(names), None)
    assert result.returned == "ZeroDivisionError: division by zero"
    assert result.detail == "line 2 in work: return help_(x)\nline 5 in help_: return 1 / 0"


def test_points_are_kept_with_a_message_but_never_more_than_a_check_has(make_lab: MakeLab) -> None:
    def half(lab: Lab, case: Any) -> None:
        fail("almost", got=1, expected="2", why="so", keeps=0.5)

    def greedy(lab: Lab, case: Any) -> None:
        fail("almost", got=1, expected="2", why="so", keeps=7)

    assert [outcome(make_lab, run).points for run in (half, greedy)] == [0.5, 1]


def test_each_check_that_has_run_is_told_at_once_and_no_other(make_lab: MakeLab) -> None:
    told: list[CheckResult] = []
    lab = make_lab({"work": lambda _: ANSWER})
    result = run_exercise(EXERCISE, lab, None, told.append)
    assert tuple(told) == result.checks
    lab._transport = Dying(lab._transport, Died("crashed", "its process ended"))
    result = run_exercise(EXERCISE, lab, None, told.append)
    assert tuple(told[len(result.checks) :]) == result.checks[:1]


def test_an_untouched_cell_is_told_once(make_lab: MakeLab) -> None:
    def work(_: Any) -> None:
        raise NotImplementedError

    result = run_exercise(EXERCISE, make_lab({"work": work}), None)
    assert [check.status for check in result.checks] == ["not begun", "not run"]
    assert result.checks[0].message == "work is not written yet."
    assert not result.passed


def test_an_exercise_knows_its_points() -> None:
    found: Exercise = CHECKS.find(" 9.1 ")
    assert found.points == sum(check.points for check in found.checks) == 2
