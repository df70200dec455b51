"""``grader new``: the files of a lab with one exercise, which passes every test and keeps every rule.

Everything is made and looked at before the first file is written, and no file is ever written over.
"""

from __future__ import annotations

import importlib.resources
import keyword
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from grader.authoring.cells import notebook_of
from grader.errors import UsageError
from grader.release.course import Course
from grader.release.files import write_atomically
from grader.release.labs import release_lab
from grader.release.notebook import dump

NAME = re.compile(r"(\d\d)_([a-z][a-z0-9_]*)")
BY_HAND = (
    "solutions/{lab}.ipynb",
    "{checks}/lab.py",
    "{checks}/exercise_{number}_1.py",
    "{checks}/conversations.yaml",
    "{checks}/requirements.yaml",
)
"""files that an author writes; the others follow from them, or say little at first"""
TEMPLATES: Mapping[str, str] = {
    "{checks}/__init__.py": "init.py.jinja",
    "{checks}/lab.py": "lab.py.jinja",
    "{checks}/exercise_{number}_1.py": "exercise.py.jinja",
    "{checks}/conversations.yaml": "conversations.yaml.jinja",
    "{checks}/requirements.yaml": "requirements.yaml.jinja",
    "docs/instructors/{lab}.md": "instructors.md.jinja",
    "tests/utils/checks/{slug}_right.py": "right.py.jinja",
    "tests/utils/checks/{slug}_wrong.py": "wrong.py.jinja",
}
"""files of a lab that are text, each with its template; the notebook has one of its own"""
NOTEBOOK = "solution.jinja"


@dataclass(frozen=True, slots=True)
class NewLab:
    """What a new lab is called."""

    lab: str
    """a number and a slug, as in ``05_memory``"""
    title: str

    @property
    def number(self) -> str:
        """Return the number that its exercises begin with, as in ``5``."""
        return str(int(self.lab[:2]))

    @property
    def slug(self) -> str:
        """Return the name of its folder of checks."""
        return self.lab[3:]

    def path(self, pattern: str) -> str:
        """Return a path of ``TEMPLATES`` for this lab, relative to the repository."""
        checks = f"utils/checks/{self.slug}"
        return pattern.format(lab=self.lab, slug=self.slug, number=self.number, checks=checks)


def new_lab(course: Course, name: str, title: str = "") -> list[str]:
    """Write a lab and return the paths of its files, those for its author first.

    Without a title, the lab is called by its name. Raises UsageError for a name that cannot be or is taken,
    and when a file of the lab is there already; nothing is written then.
    """
    lab = _named(course, name, title)
    files = _files(lab)
    taken = [path for path in [*files, f"labs/{lab.lab}.ipynb"] if os.path.lexists(course.root / path)]
    if taken:
        hint = "choose another name, or move away what is there"
        raise UsageError(f"there is already {', '.join(taken)}; nothing was written", hint=hint)
    for path, data in files.items():
        write_atomically(course.root / path, data, path)
    release_lab(course, lab.lab)
    mine = [lab.path(pattern) for pattern in BY_HAND]
    return [*mine, *(path for path in files if path not in mine), f"labs/{lab.lab}.ipynb"]


def next_steps(name: str) -> list[str]:
    """Return what an author does with a new lab, one line each."""
    lab = NewLab(name, "")
    return [
        f"write {', '.join(map(lab.path, BY_HAND))}",
        f"make outputs LAB={name}    runs the solution and stores its outputs",
        "make release    writes the lab that students get",
        f"python -m grader validate --lab {name}    tells which rules it breaks, and grades it",
        f"add solutions to tests/utils/checks/{lab.slug}_right.py and {lab.slug}_wrong.py; run make test",
        f"write docs/instructors/{name}.md, and a row in the table of README.md; docs/authoring.md says more",
    ]


def _named(course: Course, name: str, title: str) -> NewLab:
    found = NAME.fullmatch(name)
    if found is None or found[1] == "00":
        hint = "call it by two digits and a word of small letters, as in 05_memory"
        raise UsageError(f"{name!r} is not the name of a lab", hint=hint)
    if keyword.iskeyword(found[2]):
        hint = "choose another word: its checks are a package of that name"
        raise UsageError(f"{found[2]!r} is a word of Python's own", hint=hint)
    if same := [lab for lab in course.labs() if lab.startswith(f"{found[1]}_")]:
        hint = "choose the next free number: exercises are called by it"
        raise UsageError(f"{same[0]} has the number {found[1]} already", hint=hint)
    if (course.root / "utils" / "checks" / f"{found[2]}.py").exists():
        hint = "choose another word: its checks would hide that module"
        raise UsageError(f"there is already utils/checks/{found[2]}.py", hint=hint)
    title = title.strip() or found[2].replace("_", " ").capitalize()
    if any(letter in title for letter in '"\\|\n{}'):
        raise UsageError(f"the title {title!r} has a sign that it cannot have", hint='leave out " \\ | { }')
    return NewLab(name, title)


def _files(lab: NewLab) -> dict[str, bytes]:
    """Return the files of a lab by their paths."""
    # imported here: no other command needs a template engine to start
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    # escaping is for HTML; these are Python, YAML and Markdown
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    words = {"lab": lab.lab, "slug": lab.slug, "number": lab.number, "title": lab.title}

    def rendered(template: str) -> str:
        text = importlib.resources.files("grader.authoring").joinpath(template).read_text("utf-8")
        return environment.from_string(text).render(words)

    notebook = notebook_of(rendered(NOTEBOOK), lab.title)
    files = {lab.path("solutions/{lab}.ipynb"): dump(notebook)}
    return files | {lab.path(path): rendered(template).encode() for path, template in TEMPLATES.items()}
