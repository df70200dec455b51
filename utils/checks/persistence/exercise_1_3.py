"""Exercise 1.3, "Keep it on disk": judged by the files, by what is in them and by what is left open."""

from __future__ import annotations

from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import questions
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import asked, conversation
from utils.lab.lab import Lab, Ref, StudentError


def opened(lab: Lab, path: str) -> tuple[Ref, Ref]:  # noqa: RET503 - fail() does not return
    """Return what ``open_saver`` returns, and the saver it gives inside a ``with`` block."""
    manager = lab.call("open_saver", path)
    called = lab.last_call
    if isinstance(manager, Ref):
        try:
            saver = lab.part("enter", manager, called=f"with {called} as saver", label="saver")
        except StudentError as error:
            if not error.is_a("AttributeError") and not error.is_a("TypeError"):
                raise
            manager = Words(f"{manager.type}; entering it raised {error.type}: {error.message}")
        else:
            if isinstance(saver, Ref) and lab.part("is_saver", saver):
                lab.close_later(saver)
                return manager, saver
            fail(
                "The with block must be given a saver.",
                got=saver,
                expected="a SqliteSaver on the file: yield SqliteSaver(connection)",
                why="The graph is compiled with what stands behind as; a connection alone saves nothing.",
            )
    fail(
        "open_saver must return a context manager that gives the saver.",
        got=manager,
        expected="something to use as: with open_saver(path) as saver",
        why=(
            "A context manager closes the file at the end of the block, whatever happens in it. "
            "With @contextmanager above it, a function with one yield is one."
        ),
    )


@check("1.3", points=1, title="makes the folder and the file")
def makes_folder(lab: Lab, case: Case) -> None:
    name = f"journeys/{case.thread}/memory.db"
    try:
        manager, saver = opened(lab, lab.path(name))
        saver.call("setup")
        found = sorted(lab.files())
        lab.part("leave", manager, called=f"with open_saver({name!r}) as saver: …")
    except StudentError as error:
        if not error.is_a("OperationalError") and not error.is_a("FileNotFoundError"):
            raise
        lab.last_call = f"with open_saver({name!r}) as saver: …"
        fail(
            "The folder of the file must be made, with all the folders above it.",
            got=Words(f"{error.type}: {error.message}"),
            expected=name,
            why="SQLite makes a file but no folder, and says only: unable to open database file.",
        )
    expect(
        name in found,
        "The file must be where the path says, in a folder that did not exist before.",
        got=Words(", ".join(found) or "no file"),
        expected=name,
        why="SQLite makes a file but no folder, and says only: unable to open database file.",
    )


@check("1.3", points=1, title="keeps the conversation for the next opening")
def keeps_the_conversation(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(first), asked(second)))
    path = lab.path("memory.db")
    for city in (first, second):
        manager, saver = opened(lab, path)
        agent = lab.kit.agent(stage.model(), [stage.tool()], saver)
        called = f"agent.invoke(…) with the saver of open_saver, thread {case.thread!r}"
        lab.part("sync_turn", agent, case.thread, city.question, called=called)
        lab.part("leave", manager, called="with open_saver('memory.db') as saver: …")
    expect(
        questions(stage) == (first.question, second.question),
        "A conversation must go on when the same file is opened again.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([first.question, second.question]),
        why="That is the point of a file: the next process, or next week's, finds the conversation.",
    )
    rows = lab.checkpoints("memory.db") or ()
    expect(
        len(rows) == 10,
        "The file must hold a checkpoint for the question and for each step.",
        got=Words(f"{len(rows)} checkpoints in the file"),
        expected="10 checkpoints: for each question one when it comes in and one for each of 4 steps",
        why="Only what is in the file survives the process.",
    )


@check("1.3", points=1, title="closes the file, also when the block raises")
def closes_the_file(lab: Lab, case: Case) -> None:
    for failing in (False, True):
        path = lab.path(f"closed-{failing}.db")
        manager, saver = opened(lab, path)
        saver.call("setup")
        block = f"with open_saver(…) as saver: {'raise …' if failing else '…'}"
        swallowed = lab.part("leave", manager, failing=failing, called=block)
        still_open = lab.part("open_handles", path)
        expect(
            still_open == 0 and not any(name.endswith("-wal") for name in lab.files()),
            "The file must be closed at the end of the block"
            + (", also when the block raises an error." if failing else "."),
            got=Words(f"{still_open} open handles on the file"),
            expected="no open handle, and no -wal file beside it",
            why=(
                "An open connection keeps its lock and its -wal file: others wait, and on Windows nobody can "
                "delete it. `with sqlite3.connect(…)` commits, it does not close; after a yield only "
                "finally runs when the block raises."
            ),
        )
        expect(
            swallowed is not True,
            "An error in the block must go through.",
            got=Words("the error was swallowed"),
            expected="the error reaches whoever wrote the block",
            why="Swallowed errors look like success.",
        )
