"""Every file that a submission can see, by its own eyes."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from grader.sandbox.bubblewrap import WRITABLE
from tests.grader.sandbox.looking import ROOT, Jails, possible, quoted

pytestmark = pytest.mark.jail

DEVICES = {f"/dev/{name}" for name in ("full", "null", "pts/ptmx", "random", "tty", "urandom", "zero")}
SECRETS = {
    "hidden": "the hidden cases",
    ".course-secret": "the secret of the course",
    "submissions/ada/01.ipynb": "another submission",
    "results/ada/01.json": "another one's result",
    ".env": "KEY=sk-1234",
}
WALK = """
forbidden = set(map(tuple, FORBIDDEN))
seen, hits, writable, closed = [], [], [], []
aside = tuple(ASIDE)

def walk(folder):
    try:
        entries = list(os.scandir(folder))
    except PermissionError:
        closed.append(folder)
        return
    for entry in entries:
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # of /proc: the descriptor that lists it
        if (facts.st_dev, facts.st_ino) in forbidden:
            hits.append(entry.path)
        if not entry.is_symlink() and os.access(entry.path, os.W_OK):
            writable.append(entry.path)
        if not entry.path.startswith(aside):
            seen.append(entry.path)
        if entry.is_dir(follow_symlinks=False) and not OWN.fullmatch(entry.path):
            walk(entry.path)

import re
OWN = re.compile(r"/proc/(\\d+|self|thread-self)")
walk("/")
found = [seen, hits, writable, closed]
"""


def everything_of_the_course() -> Iterator[Path]:
    """All of the checkout but what the jail has: whatever it is called, and whoever put it there."""
    yield ROOT
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name for name in folders if Path(folder) / name != Path(sys.prefix) and name != "__pycache__"
        ]
        for name in (*folders, *files):
            yield Path(folder, name)


def everything_at_home(needed: list[Path]) -> Iterator[Path]:
    """What is in the home of whoever runs this, but for the ways to the interpreter and its packages."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    for one in home.iterdir() if home != Path("/") and os.access(home, os.R_OK | os.X_OK) else ():
        if not any(path.is_relative_to(one) for path in needed):
            yield one
            if one.is_dir() and not one.is_symlink() and os.access(one, os.R_OK | os.X_OK):
                yield from one.iterdir()


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Iterator[Jails]:
    folder = tmp_path_factory.mktemp("course")
    for name, text in SECRETS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    yield from possible(folder / "run")


@pytest.fixture(scope="module")
def walked(made) -> dict[str, list[str]]:
    needed = [*made.stage.interpreter, *(source for source, _ in made.stage.packages)]
    course = made.stage.folder.parent
    forbidden = [
        *everything_of_the_course(),
        *everything_at_home(needed),
        *(path for path in course.rglob("*") if not path.is_relative_to(made.stage.folder)),
        *Path(course.parent).glob("*"),
    ]
    ids = {(facts.st_dev, facts.st_ino) for facts in map(os.lstat, forbidden)}
    assert len(ids) > 200
    aside = ["/usr/", *(f"{path}/" for path in made.stage.interpreter), "/jail/venv/lib/", "/proc/"]
    code = WALK.replace("FORBIDDEN", quoted(sorted(ids))).replace("ASIDE", quoted(aside))
    with made.open() as inside:
        told = inside.look(code)
    return dict(zip(("seen", "hits", "writable", "closed"), told, strict=True))


def test_nothing_of_the_course_of_a_home_or_of_anothers_work_is_seen(walked):
    assert walked["hits"] == []


def test_no_name_is_seen_that_would_be_the_courses(walked):
    for path in walked["seen"]:
        parts = set(path.lower().split("/"))
        assert not parts & {"grading", "solutions", "samples", "labs", "tests", ".env", ".git"}, path
        assert not parts & {".course-secret", "submissions", "results", "home"} or "/home/" in path, path
        assert not path.endswith((".ipynb", ".db", ".csv")), path


def test_beside_the_system_the_interpreter_and_the_kit_there_is_next_to_nothing(made, walked):
    ways = {str(parent) for path in made.stage.interpreter for parent in (path, *path.parents)}
    rest = {path for path in walked["seen"] if not path.startswith(("/jail/", "/etc/", "/dev/"))} - ways
    system = {"/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"}
    assert rest - system == {"/usr", "/etc", "/proc", "/dev", "/jail", "/work", "/work/.tmp", "/tmp"}
    assert {path for path in walked["seen"] if path.startswith("/jail/") and path.count("/") == 2} == {
        "/jail/kit",
        "/jail/venv",
        "/jail/nothing",
        "/jail/etc",
    }
    assert {PurePosixPath(path).parts[2] for path in walked["seen"] if path.startswith("/etc/")} <= {
        *("passwd", "group", "hosts", "nsswitch.conf"),
        *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives"),
    }


def test_no_folder_of_ours_is_closed_to_the_jails_user(walked):
    assert [path for path in walked["closed"] if not path.startswith(("/usr/", "/proc/"))] == []


def test_nothing_can_be_written_to_but_the_folders_in_memory_and_devices(walked):
    inside = {*WRITABLE, "/work/.tmp"}
    # A folder of terminals, in which files cannot be made, belongs to whoever built the jail.
    assert set(walked["writable"]) - {"/dev/pts"} == inside | DEVICES


def test_where_it_says_that_nothing_can_be_written_nothing_can(made):
    places = [
        "/",
        "/etc",
        "/dev",
        "/dev/pts",
        "/jail",
        "/jail/kit",
        "/jail/venv",
        "/usr",
        "/proc",
        "/proc/sys",
    ]
    places += map(str, made.stage.interpreter)
    with made.open() as inside:
        written = inside.look(
            f"found = []\n"
            f"for place in {places!r}:\n"
            "    for way in (lambda: open(place + '/x', 'w'), lambda: os.mkdir(place + '/y')):\n"
            "        try: way()\n"
            "        except OSError: continue\n"
            "        found.append(place)\n"
        )
    assert written == []


def test_the_walk_would_find_what_is_there(made):
    """Else all of the above would say nothing."""
    kit = made.stage.folder / "kit"
    ids = {(facts.st_dev, facts.st_ino) for facts in map(os.lstat, [kit / "utils", kit / "probe.py"])}
    code = WALK.replace("FORBIDDEN", quoted(sorted(ids))).replace("ASIDE", quoted(["/usr/"]))
    with made.open() as inside:
        _, hits, *_ = inside.look(code.replace('walk("/")', 'walk("/jail/kit")'))
    assert sorted(hits) == ["/jail/kit/probe.py", "/jail/kit/utils"]
