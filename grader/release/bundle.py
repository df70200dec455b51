"""The students' repository: fresh labs, what they import, what sets them up, and nothing else.

A file goes out because a row of the table below names it. Everything is collected and looked through before
the first file is written.
"""

from __future__ import annotations

import importlib.resources
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from grader.errors import FaultySolution, GraderError, Problem, UsageError
from grader.release.course import Course
from grader.release.files import said
from grader.release.leaks import leaks_in_cells, leaks_in_text
from grader.release.notebook import Notebook, dump, parse
from grader.release.stubs import BEGIN, END


@dataclass(frozen=True, slots=True)
class Row:
    """Files that students get."""

    pattern: str
    """path in the repository; ``*`` stands for any text, slashes included"""
    why: str
    required: bool = True


SHIPPED = (
    Row("utils/*.py", "what the notebooks import"),
    Row("utils/*.yaml", "the recorded conversations"),
    Row("utils/*py.typed", "tells type checkers that the package is annotated"),
    Row("utils/*.css", "looks of the pictures", required=False),
    Row("utils/*.js", "what the studio does in the page", required=False),
    Row("utils/*.html", "pictures", required=False),
    Row("utils/*.jinja", "templates of pictures", required=False),
    Row("utils/*.md", "notes beside the code", required=False),
    Row("pyproject.toml", "makes utils importable"),
    Row("requirements.lock", "the exact packages"),
    Row("requirements-anthropic.lock", "the packages of another provider", required=False),
    Row("requirements-bedrock.lock", "the packages of another provider", required=False),
    Row("environment.yml", "the same for conda"),
    Row(".env.example", "what a key's settings would be called"),
    Row("docs/live.md", "how to ask a real model", required=False),
    Row(".gitignore", "keeps .env and caches out of students' own repositories"),
    Row(".gitattributes", "the same line ends on every system", required=False),
    Row("Makefile", "make lab, make setup"),
    Row("make/python.sh", "finds a Python"),
    Row("make/environment.py", "makes the environment"),
    Row("make/lab.py", "starts JupyterLab"),
    Row("make/jupyter/labconfig/*.json", "JupyterLab does not ask about news"),
    Row("LICENSE", "for the code"),
    Row("LICENSE-PROSE", "for the text"),
)
FOLDERS = ("utils", "make")
"""Where patterns are looked for; every other row is one file in the root."""

AUTHORS = ("make/*",)
"""Files in those folders that stay here when no row names them. Any other file without a row is an error:
whether students need it or must not see it cannot be guessed."""

NEVER = ("__pycache__", "*.pyc", ".*")
"""Names of files and folders in those folders that are passed over."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the bundle."""

    path: str
    data: bytes
    executable: bool = False


def write_bundle(course: Course, target: Path) -> int:
    """Write the students' repository into a new or empty folder and return the number of its files."""
    with said(f"{target} cannot be used"):
        if target.exists() and not target.is_dir():
            raise UsageError(f"{target} is not a folder", hint="name a new folder")
        if target.exists() and any(target.iterdir()):
            raise UsageError(f"{target} is not empty", hint="name a new folder, or empty this one")
    files = collected(course)
    with said(f"the bundle in {target} is incomplete"):
        for file in files:
            path = target / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            if file.executable:
                path.chmod(path.stat().st_mode | 0o111)
    return len(files)


def collected(course: Course) -> list[File]:
    """Return every file of the bundle, in order of their paths."""
    labs = _released_labs(course)
    files = [File(f"labs/{lab}.ipynb", dump(notebook)) for lab, notebook in labs.items()]
    files.append(File("README.md", _readme(labs).encode()))
    files += [_file(course.root, path) for path in _listed(course.root)]
    _refuse_markers(files)
    _refuse_solutions(files, course)
    _refuse_missing_helpers(files)
    return sorted(files, key=lambda file: file.path)


def _released_labs(course: Course) -> dict[str, Notebook]:
    """Return fresh releases, never what is in labs/: somebody may have worked there."""
    labs: dict[str, Notebook] = {}
    problems: list[Problem] = []
    for lab in course.released():
        try:
            labs[lab] = course.fresh(lab)
        except FaultySolution as error:
            problems += error.problems
    if problems:
        raise FaultySolution(problems)
    return labs


def _listed(root: Path) -> list[str]:
    """Return the paths that the table names. Raises when a required row has no file."""
    present = [*_walked(root), *(row.pattern for row in SHIPPED if os.path.lexists(root / row.pattern))]
    paths = sorted({path for path in present if any(fnmatchcase(path, row.pattern) for row in SHIPPED)})
    missing = [
        f"{row.pattern} ({row.why})"
        for row in SHIPPED
        if row.required and not any(fnmatchcase(path, row.pattern) for path in paths)
    ]
    if missing:
        message = f"the bundle needs files that are not there: {', '.join(missing)}"
        raise GraderError(message, hint=f"add them, or run this in the whole repository (not {root})")
    unknown = [
        path
        for path in present
        if path not in paths and not any(fnmatchcase(path, pattern) for pattern in AUTHORS)
    ]
    if unknown:
        hint = "remove what does not belong there, or give it a row in SHIPPED (grader/release/bundle.py)"
        raise GraderError(f"nothing says whether students get {', '.join(unknown)}", hint=hint)
    return paths


def _walked(root: Path) -> Iterator[str]:
    for top in FOLDERS:
        for folder, folders, files in os.walk(root / top):
            folders[:] = sorted(name for name in folders if not _passed_over(name))
            here = Path(folder).relative_to(root)
            for name in folders:
                _refuse_link(root, (here / name).as_posix())
            for name in files:
                if not _passed_over(name):
                    yield (here / name).as_posix()


def _passed_over(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in NEVER)


def _file(root: Path, path: str) -> File:
    _refuse_link(root, path)
    source = root / path
    with said(f"{path} cannot be read"):
        return File(path, source.read_bytes(), executable=bool(source.stat().st_mode & 0o100))


def _refuse_link(root: Path, path: str) -> None:
    """Refuse a path that leads through a symbolic link: it could carry anything out."""
    parts = Path(path).parts
    for length in range(1, len(parts) + 1):
        if root.joinpath(*parts[:length]).is_symlink():
            link = "/".join(parts[:length])
            raise GraderError(f"{link} is a symbolic link", hint="put the file itself there")


def _refuse_markers(files: list[File]) -> None:
    """Refuse to hand out a solution marker: what stands beside it is a solution."""
    for file in files:
        for number, line in enumerate(file.data.decode("utf-8", "replace").splitlines(), 1):
            if BEGIN in line or END in line:
                message = "there is a solution marker in a file that students would get"
                raise GraderError(message, where=f"{file.path}, line {number}", hint="take the solution out")


def _refuse_solutions(files: list[File], course: Course) -> None:
    """Refuse to hand out a solution of any lab, wherever it stands."""
    secrets = [secret for lab in course.released() for secret in course.secrets(lab)]
    problems: list[Problem] = []
    for file in files:
        if file.path.startswith("labs/"):
            problems += leaks_in_cells(parse(file.data, file.path), secrets, file.path)
        else:
            problems += leaks_in_text(file.data.decode("utf-8", "replace"), secrets, file.path)
    if problems:
        raise FaultySolution(problems)


def _refuse_missing_helpers(files: list[File]) -> None:
    """Refuse a Makefile that calls a helper which stays here."""
    shipped = {file.path: file for file in files}
    called = set(re.findall(r"\bmake/[\w.-]+", shipped["Makefile"].data.decode("utf-8", "replace")))
    absent = sorted(called - shipped.keys() - {"make/authors.mk"})  # the Makefile goes on without that one
    if absent:
        hint = "give it a row in SHIPPED (grader/release/bundle.py), or call it from make/authors.mk"
        raise GraderError(f"the students' Makefile calls {', '.join(absent)}, which stays here", hint=hint)


def _readme(labs: dict[str, Notebook]) -> str:
    # imported here: `--help` and `release` go without a template engine
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    template = importlib.resources.files("grader.release").joinpath("README.md.jinja").read_text("utf-8")
    # escaping is for HTML; this is Markdown, made from the authors' own headings
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    rows = [(lab, _title(lab, notebook)) for lab, notebook in labs.items()]
    return environment.from_string(template).render(labs=rows)


def _title(lab: str, notebook: Notebook) -> str:
    """Return a lab's first heading, or its name."""
    for cell in notebook.cells:
        if cell.kind == "markdown" and (heading := re.search(r"^#\s+(\S.*)$", cell.source, re.MULTILINE)):
            return heading.group(1).strip().replace("|", "\\|")
    return lab
