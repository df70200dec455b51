"""The command line. It reads arguments, calls one function and turns the result into text and an exit code.

Nothing is decided here. Results go to stdout, everything else to stderr; plain text, so there is no colour
to switch off. What takes long to import is imported where it is used, so `--help` answers at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from grader.authoring.new import new_lab, next_steps
from grader.authoring.outputs import store_outputs
from grader.errors import FaultySolution, GraderError, UsageError
from grader.release.bundle import write_bundle
from grader.release.course import Course, find_course
from grader.release.labs import check_lab, orphans, release_lab
from utils.errors import KitError

INTERRUPTED = 130

# What several commands take.
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="The course's repository. [default: this one]"),
]
Labs = Annotated[
    list[str] | None,
    typer.Option("--lab", metavar="NAME", help="Only this lab; may be repeated. [default: all]"),
]
Secret = Annotated[
    Path | None,
    typer.Option(
        "--secret", metavar="FILE", help="The course's secret. [default: .course-secret of the course]"
    ),
]
Out = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that grade wrote.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", metavar="N", min=1, help="Submissions at a time. [default: cores + 1]"),
]
Cold = Annotated[
    bool,
    typer.Option("--cold", help="Start a Python for each process, instead of forking a warm one."),
]
Author = Annotated[
    str, typer.Option("--author", metavar="NAME", help="Who decides. [default: who is logged in]")
]

app = typer.Typer(
    help="What instructors and authors of the course run.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def grader() -> None:
    """Do what instructors and authors of the course need."""
    # without a callback, typer takes a single command for the whole program: `release` would not be a word


@app.command()
def release(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a lab and its solution disagree.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace labs that have been worked in; a copy of each is kept.")
    ] = False,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="DIR", help="Write the students' repository into this new folder."),
    ] = None,
    root: Root = None,
) -> None:
    """Turn solutions/ into labs/.

    Solution regions become stubs and outputs are cleared. A lab is written only
    when its solution has changed, and never over someone's work.

    Exit codes: 0 done, or all agree; 1 something was refused or disagrees;
    2 wrong use; 130 interrupted.
    """
    _leave(lambda: _release(check=check, force=force, bundle=bundle, root=root))


@app.command()
def new(
    lab: Annotated[
        str, typer.Argument(metavar="LAB", help="Two digits and a word of small letters, as in 05_memory.")
    ],
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="What the lab is called. [default: its name]")
    ] = "",
    root: Root = None,
) -> None:
    """Write a new lab with one exercise, which passes every test as it is.

    Solution, checks, conversations, notes for instructors, right and wrong
    solutions for the tests, and the released lab. The solution is run once, to
    store its outputs. No file is ever written over; docs/authoring.md goes on.

    Exit codes: 0 done; 1 the solution could not be run; 2 wrong use, or the lab
    exists; 130 interrupted.
    """
    _leave(lambda: _new(lab, title, root))


@app.command()
def grade(
    submissions: Annotated[
        Path, typer.Argument(metavar="SUBMISSIONS", help="The folder with what was handed in.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where results go.")] = Path("grades"),
    lab: Labs = None,
    student: Annotated[str, typer.Option("--student", metavar="ID", help="Only this student.")] = "",
    show: Annotated[
        bool, typer.Option("--show", help="Ask this student's work again and show every question and answer.")
    ] = False,
    exercise: Annotated[
        str, typer.Option("--exercise", metavar="N", help="With --show: only this exercise, such as 1.3.")
    ] = "",
    roster: Annotated[
        Path | None,
        typer.Option("--roster", metavar="FILE", help="CSV of who is expected: student_id, name, email."),
    ] = None,
    jobs: Jobs = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="S", help="Seconds for all cells of a submission, and for all its answers."
        ),
    ] = 15.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Grade again what has not changed, too.")] = False,
    shard: Annotated[
        str,
        typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts; results merge by copying."),
    ] = "",
    no_sandbox: Annotated[
        bool,
        typer.Option(
            "--no-sandbox", help="Run submissions as yourself, with all your rights. Stamps every result."
        ),
    ] = False,
    cold: Cold = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each result.")] = False,
    secret: Secret = None,
    root: Root = None,
) -> None:
    """Grade what was handed in.

    SUBMISSIONS holds a folder for each student, nbgrader's submitted/, or what
    Canvas or Moodle give as one download. Results are written as they come:
    the same command goes on after an interruption, and grades only what is new.

    Exit codes: 0 all graded; 1 some could not be; 2 wrong use; 130 interrupted.
    """
    from grader.grading import command  # noqa: PLC0415 - takes a quarter of a second

    options = command.Options(
        submissions=submissions,
        out=out,
        labs=tuple(lab or ()),
        student=student,
        show=show,
        exercise=exercise,
        roster=roster,
        jobs=jobs,
        seconds=timeout,
        fresh=fresh,
        shard=shard,
        sandbox=not no_sandbox,
        warm=not cold,
        as_json=as_json,
        secret=secret,
        root=root,
    )
    _leave(lambda: command.run(options, _tell, _say))


@app.command()
def validate(
    lab: Labs = None,
    jobs: Jobs = None,
    no_sandbox: Annotated[bool, typer.Option("--no-sandbox", help="Without a jail.")] = False,
    cold: Cold = False,
    root: Root = None,
) -> None:
    """See whether labs keep the rules of the house, and are graded as they are meant to be.

    The solution must get everything, the released lab nothing, each exercise
    alone exactly its points.

    Exit codes: 0 all is well; 1 a rule is broken, or points are wrong; 2 wrong use;
    130 interrupted.
    """
    from grader.grading import command  # noqa: PLC0415

    options = command.Options(
        labs=tuple(lab or ()), jobs=jobs, sandbox=not no_sandbox, warm=not cold, root=root
    )
    _leave(lambda: command.validate_labs(options, typer.echo, _say))


@app.command()
def doctor() -> None:
    """Try everything that grading needs on this machine, and say what is missing."""
    from grader.grading import command  # noqa: PLC0415

    _leave(lambda: command.doctor(typer.echo))


@app.command()
def report(
    out: Out,
) -> None:
    """Write gradebook.csv, feedback/ and report.html again, after a change of adjustments.csv."""
    from grader.grading import command  # noqa: PLC0415

    _leave(lambda: command.views(out, _say))


@app.command()
def autograder(
    lab: Annotated[str, typer.Option("--lab", metavar="NAME", help="The lab of the assignment.")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The zip to write.")],
    no_sandbox: Annotated[
        bool,
        typer.Option(
            "--no-sandbox", help="For containers without jails: submissions have the container's rights."
        ),
    ] = False,
    secret: Secret = None,
    root: Root = None,
) -> None:
    """Write the archive that Gradescope takes as the autograder of an assignment."""
    from grader.grading import autograde as service  # noqa: PLC0415

    _leave(lambda: service.make(root, lab, to, secret, sandbox=not no_sandbox, note=_say))


@app.command(hidden=True)
def autograde(
    base: Annotated[Path, typer.Argument(metavar="DIR", help="What Gradescope calls /autograder.")],
    lab: Annotated[str, typer.Option("--lab", metavar="NAME")],
    no_sandbox: Annotated[bool, typer.Option("--no-sandbox")] = False,
) -> None:
    """Grade the one submission that Gradescope's container holds, and write results.json."""
    from grader.grading import autograde as service  # noqa: PLC0415

    _leave(lambda: service.autograde(base, lab, sandbox=not no_sandbox, say=_tell, note=_say))


@app.command()
def forget(
    out: Out,
    student: Annotated[str, typer.Argument(metavar="STUDENT", help="The id that gradebook.csv has.")],
    submissions: Annotated[
        Path | None,
        typer.Option("--submissions", metavar="DIR", help="Remove what was handed in there, too."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this, only say what would go.")] = False,
    root: Root = None,
) -> None:
    """Remove every file about one person, and say which; without --yes, only say which.

    Lines that you wrote yourself, in adjustments.csv and course.toml, are told and
    left to you.

    Exit codes: 0 all that is the grader's is gone; 1 lines of yours name the person; 2 wrong use.
    """
    from grader.grading import forgetting  # noqa: PLC0415

    _leave(lambda: forgetting.forget(out, student, submissions, root, yes=yes, say=_tell, note=_say))


@app.command()
def rules(
    out: Out,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="Try these rules, and write nothing."),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Write DIR/course.toml to begin with, unless there is one.")
    ] = False,
) -> None:
    """Show what the course's rules, DIR/course.toml, make of the points, and which rule did what.

    grade, report and export apply them; nothing is graded again.

    Exit codes: 0 the rules are sound; 1 they name what nobody knows; 2 they cannot be used.
    """
    from grader.grading import course_rules  # noqa: PLC0415

    _leave(lambda: course_rules.begin(out, _say) if new else course_rules.told(out, check, _tell, _say))


@app.command()
def review(
    out: Annotated[Path, typer.Argument(metavar="RESULTS", help="The folder that grade wrote.")],
    submissions: Annotated[
        Path | None,
        typer.Argument(metavar="[SUBMISSIONS]", help="The folder with what was handed in, to see the cells."),
    ] = None,
    lab: Labs = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Show no names and no ids of students.")
    ] = False,
    author: Author = "",
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="Exercises to look at without a reason.")
    ] = 10,
    seed: Annotated[
        str, typer.Option("--seed", metavar="TEXT", help="The same seed draws the same sample and names.")
    ] = "1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="Where it listens. [default: any free port]")
    ] = 0,
    unsandboxed: Annotated[
        bool, typer.Option("--unsandboxed", help="Also with results of work that ran without a jail.")
    ] = False,
) -> None:
    """Open the marking room: flags, near misses, appeals and a sample, with the code beside them.

    It serves a page to this machine only, at an address that works once. Points and
    comments go to adjustments.csv at once; Ctrl-C writes gradebook, feedback and report.

    Exit codes: 0 ended; 1 something could not be read or used; 2 wrong use.
    """
    from grader.grading import command  # noqa: PLC0415
    from grader.review import command as room  # noqa: PLC0415
    from grader.review.room import Settings  # noqa: PLC0415

    who = author or room.usual_author()
    settings = Settings(out, submissions, anonymous, seed, sample, tuple(lab or ()), who)
    options = room.Options(settings, port, unsandboxed)
    _leave(lambda: room.review(options, lambda: command.views(out, _say), _say))


@app.command()
def adjust(
    out: Annotated[Path, typer.Argument(metavar="RESULTS", help="The folder that grade wrote.")],
    student: Annotated[str, typer.Argument(metavar="STUDENT", help="The id, as in gradebook.csv.")],
    lab: Annotated[str, typer.Argument(metavar="LAB", help="For example 01_persistence.")],
    exercise: Annotated[str, typer.Argument(metavar="EXERCISE", help="A number, or * for the whole lab.")],
    points: Annotated[
        float | None, typer.Option("--points", metavar="N", help="Points. [default: those of the checks]")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; points need it.")] = "",
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="What the student reads.")] = "",
    author: Author = "",
    back: Annotated[bool, typer.Option("--back", help="Take back what was decided before.")] = False,
) -> None:
    """Decide about one exercise of one student's, as in the marking room.

    Exit codes: 0 saved; 1 a file could not be read or written; 2 wrong use.
    """
    from grader.results.decisions import Decision  # noqa: PLC0415
    from grader.review import command as room  # noqa: PLC0415

    who = author or room.usual_author()
    decision = Decision(student, lab, exercise, who, points, reason, comment, back)
    _leave(lambda: room.adjust(out, decision, typer.echo))


@app.command()
def export(
    out: Out,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="canvas, csv, gradescope, moodle, nbgrader.")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="PATH", help="The file, or folder, to write.")],
    fill: Annotated[
        Path | None, typer.Option("--fill", metavar="FILE", help="The file that the platform gave, to fill.")
    ] = None,
    lab: Labs = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="LAB=TITLE", help="Which column of the file is a lab's."),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option("--roster", metavar="FILE", help="Names and addresses, where the format has them."),
    ] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Not the points but the pages, as Canvas or Moodle takes them.")
    ] = False,
) -> None:
    """Write grades, or feedback pages, as a learning platform takes them.

    Canvas and Moodle take back the file that they gave: name it with --fill.
    """
    from grader.grading import exporting  # noqa: PLC0415

    _leave(
        lambda: exporting.export_grades(
            exporting.Wanted(out, form, to, fill, tuple(lab or ()), tuple(column or ()), roster, feedback),
            _say,
        )
    )


def _release(*, check: bool, force: bool, bundle: Path | None, root: Path | None) -> int:
    if sum([check, force, bundle is not None]) > 1:
        message = "--check, --force and --bundle exclude each other"
        hint = "--check writes nothing, --force rewrites labs/, --bundle leaves labs/ alone"
        raise UsageError(message, hint=hint)
    course = find_course(root, Path.cwd())
    for name in course.strangers():
        _say(f"note: {name} is left out, because its name is not that of a lab, as in 01_persistence.ipynb")
    if check:
        return _check(course)
    return _write(course, force=force) if bundle is None else _bundle(course, bundle)


def _new(lab: str, title: str, root: Path | None) -> int:
    course = find_course(root, Path.cwd())
    for path in new_lab(course, lab, title):
        typer.echo(path)
    store_outputs(course, lab)
    _say("Next:")
    for step in next_steps(lab):
        _say(f"  {step}")
    return 0


def _check(course: Course) -> int:
    labs = course.released()
    problems = [problem for lab in labs for problem in check_lab(course, lab)]
    problems += orphans(course)
    for problem in problems:
        typer.echo(problem)
    if problems:
        _say(f"{_counted(len(problems), 'problem')} in {_counted(len(labs), 'notebook')}")
        return 1
    typer.echo(f"{_counted(len(labs), 'notebook')} checked: labs and solutions agree")
    return 0


def _write(course: Course, *, force: bool) -> int:
    code = 0
    for lab in course.released():
        try:
            typer.echo(release_lab(course, lab, force=force))
        except GraderError as error:  # one lab that cannot be written does not hold up the others
            code = _failed(error)
    return code


def _bundle(course: Course, target: Path) -> int:
    typer.echo(f"{target}: {_counted(write_bundle(course, target), 'file')} for students")
    return 0


def _leave(step: Callable[[], int]) -> NoReturn:
    """Run a command's step and leave with its exit code; expected errors become sentences."""
    try:
        code = step()
    except KitError as error:
        code = _failed(error)
    except KeyboardInterrupt:
        _say("interrupted")
        code = INTERRUPTED
    raise typer.Exit(code)


def _failed(error: KitError) -> int:
    _say(str(error) if isinstance(error, FaultySolution) else f"error: {error}")
    # The kit's other errors are about settings, such as a provider that does not exist.
    return error.exit_code if isinstance(error, GraderError) else UsageError.exit_code


def _tell(text: str) -> None:
    """Write a result; a reader may stop reading, and the work goes on."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        # Nothing more is written, not even what Python would flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
