"""Exercise 1.3, "Keep it on disk": judged by the files, by what is in them and by what is left open."""

from __future__ import annotations

from typing import NoReturn

from utils.checks.persistence.lab import Case, check
from utils.checks.persistence.model_requests import questions, sent
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import asked, conversation
from utils.lab.lab import Lab, Ref, Spoiled, Stage, StudentError
from utils.views.plain import plural

NO_FOLDER = ("OperationalError", "FileNotFoundError", "NotADirectoryError")
FORMS = (("'str'", "a string"), ("Path", "a Path"))
"""parts of what Python says of the argument, and what that is"""


def opened(lab: Lab, path: str, form: str = "a string") -> tuple[Ref, Ref]:
    """Return what ``open_saver`` returns for a path of this form, and the saver in its ``with`` block."""
    given = path if form == "a string" else lab.make("as_path", path, label=f"Path({path.split('/')[-1]!r})")
    called = ""
    try:
        manager = lab.call("open_saver", given)
        called = f"with {lab.last_call} as saver"
        if not isinstance(manager, Ref):
            no_context_manager(manager)
        saver = lab.part("enter", manager, called=called, label="saver")
    except StudentError as error:
        explain(error, form, entered=bool(called))
        raise
    if not isinstance(saver, Ref) or not lab.part("is_saver", saver):
        fail(
            "The with block must be given a saver.",
            got=saver,
            expected="a SqliteSaver on the file",
            why="The graph is compiled with what stands behind as; a connection alone saves nothing.",
        )
    lab.close_later(saver)
    return manager, saver


def no_context_manager(got: object) -> NoReturn:
    fail(
        "open_saver must return a context manager that gives the saver.",
        got=got,
        expected="something to use as: with open_saver(path) as saver",
        why=(
            "A context manager closes the file at the end of the block, whatever happens in it. "
            "With @contextmanager above it, a function with one yield is one."
        ),
    )


def explain(error: StudentError, form: str, *, entered: bool) -> None:
    """Fail with what is wrong if a file could not be opened, and that has a name."""
    got = Words(f"{error.type}: {error.message}")
    if any(map(error.is_a, NO_FOLDER)):
        fail(
            "The folder of the file must be made, with all the folders above it.",
            got=got,
            expected="the file, in a folder that was not there before",
            why="SQLite makes a file but no folder, and says only: unable to open database file.",
        )
    if error.is_a("FileExistsError"):
        fail(
            "The folder was there already, and open_saver took that for an error.",
            got=got,
            expected="the file is opened, whether its folder is new or not",
            why="Only the first opening finds no folder. Every later one finds it.",
        )
    if not error.is_a("AttributeError") and not error.is_a("TypeError"):
        return
    if entered and "__enter__" in error.message:
        no_context_manager(got)
    if any(part in error.message and name == form for part, name in FORMS):
        fail(
            f"open_saver was given {form}, and cannot work with it.",
            got=got,
            expected="a path may be a string or a Path",
            why="Paths come as strings from settings and the command line, and as a Path from other code.",
        )
    if entered:
        no_context_manager(got)


def leave(lab: Lab, manager: Ref, failing: str = "") -> bool:
    """Return whether the block swallows its own error; ``failing`` says which one it raises, if any."""
    block = f"with open_saver(…) as saver: {f'raise {failing}' if failing else '…'}"
    try:
        return lab.part("leave", manager, failing=failing, called=block) is True
    except StudentError as error:
        if not failing:
            raise
        fail(
            "The block raised an error, and another error came out of it.",
            got=Words(f"{error.type}: {error.message}"),
            expected="the error that was raised in the block",
            why="The code around the block looks for the error that happened, and does not find it.",
        )


def expect_kept(lab: Lab, stage: Stage, name: str, case: Case) -> None:
    """Fail unless the kit's own saver finds in this file what was written in the block."""
    rows = lab.checkpoints(name) or ()
    found = f"files: {', '.join(sorted(lab.files())) or 'none'}; {plural(len(rows), 'checkpoint')}"
    texts: list[str] = []
    if any(row.thread == case.thread for row in rows):
        reader = lab.kit.agent(stage.model(), [], lab.kit.saver(lab.path(name)))
        try:
            texts = [message.text for message in lab.part("state", reader, case.thread)["messages"]]
        except Spoiled as error:  # there are rows in it that no saver has written
            found = str(error)
    expect(
        texts == [case.word],
        "What the saver keeps must be in the file that the path names.",
        got=Words(found),
        expected=f"{name}, with the checkpoint that was saved in the block",
        why="Only what is in the file is there after a restart.",
    )


@check("1.3", points=1, title="makes the folder and the file")
def makes_folder(lab: Lab, case: Case) -> None:
    name = f"journeys/{case.thread}/memory.db"
    stage = lab.stage()
    manager, saver = opened(lab, lab.path(name))
    lab.part("write_checkpoint", lab.kit.agent(stage.model(), [], saver), case.thread, case.word)
    leave(lab, manager)
    expect_kept(lab, stage, name, case)


@check("1.3", points=1, title="keeps the conversation for the next opening")
def keeps_the_conversation(lab: Lab, case: Case) -> None:
    name = "journeys/memory.db"
    path = lab.path(name)
    pieces = [asked(city) for city in case.cities]
    told = [conversation("trip", *pieces)]
    told += [conversation(f"only {n}", *pieces[n:last]) for n in (1, 2) for last in range(n + 1, 4)]
    stage = lab.stage(*told)
    # The kit itself opens the file in between: what it finds there is what is really in it.
    for number, (city, form) in enumerate(zip(case.cities, ("a string", "", "a Path"), strict=True), 1):
        manager, saver = opened(lab, path, form) if form else (None, lab.kit.saver(path))
        agent = lab.kit.agent(stage.model(), [stage.tool()], saver)
        called = f"agent.invoke(…) with the saver of open_saver, thread {case.thread!r}"
        try:
            lab.part("sync_turn", agent, case.thread, city.question, called=called)
        except StudentError as error:
            if manager is None:
                fail(
                    "A conversation must go on when the same file is opened again.",
                    got=Words(f"{error.type}: {error.message}"),
                    expected="the checkpoints that a saver writes",
                    why="That is the point of a file: the next process, or next week's, finds it.",
                )
            if not (error.is_a("ProgrammingError") and "thread" in error.message):
                raise
            fail(
                "SQLite refused the saver's work: it came from another thread than the opening.",
                got=Words(f"{error.type}: {error.message}"),
                expected="a connection that may be used from any thread",
                why="A graph saves from worker threads, so that the next step need not wait.",
            )
        if manager is not None:
            leave(lab, manager)
        true = tuple(each.question for each in case.cities[:number])
        expect(
            number == 1 or questions(stage) != (city.question,),
            "What was saved in one block is not there in the next one, which began with nothing.",
            got=sent(stage),
            expected=str(list(true)),
            why="A file that is there already is opened as it is: not removed, not made anew, no other one.",
        )
        expect(
            questions(stage) == true,
            "A conversation must go on when the same file is opened again.",
            got=sent(stage),
            expected=str(list(true)),
            why="That is the point of a file: the next process, or next week's, finds the conversation.",
        )
    rows = lab.checkpoints(name) or ()
    expect(
        {row.thread for row in rows} == {case.thread},
        "What the saver keeps must be in the file that the path names.",
        got=Words(f"{plural(len(rows), 'checkpoint')} in {name}"),
        expected=f"the checkpoints of the thread {case.thread!r}",
        why="Only what is in the file is there after a restart.",
    )


@check("1.3", points=1, title="closes the file, also when the block raises")
def closes_the_file(lab: Lab, case: Case) -> None:
    stage = lab.stage()
    for failing in ("", "sqlite3.Error", "KeyboardInterrupt"):
        name = f"journeys/closed-{failing}.db"
        path = lab.path(name)
        manager, saver = opened(lab, path, "a Path")
        lab.part("write_checkpoint", lab.kit.agent(stage.model(), [], saver), case.thread, case.word)
        swallowed = leave(lab, manager, failing)
        still_open = lab.part("open_handles", path)
        expect(
            still_open == 0 and f"{name}-wal" not in lab.files(),
            "The file must be closed at the end of the block"
            + (f", also when the block raises an error: {failing}." if failing else "."),
            got=Words(f"{plural(still_open, 'open handle')} on the file"),
            expected="no open handle, and no -wal file beside it",
            why=(
                "An open connection keeps its lock and its -wal file: others wait, and on Windows nobody can "
                "delete it. `with sqlite3.connect(…)` commits, it does not close; after a yield only "
                "finally runs whatever the block raises: a person who interrupts it is no Exception."
            ),
        )
        expect_kept(lab, stage, name, case)
        expect(
            not swallowed,
            "An error in the block must go through.",
            got=Words(f"{failing} was swallowed"),
            expected="the error reaches the code around the block",
            why="Swallowed errors look like success. An except without raise swallows one, and so does a "
            "return in finally.",
        )
