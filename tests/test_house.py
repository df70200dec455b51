"""Rules of the house that no single module can keep: imports, locks, commands, links."""

from __future__ import annotations

import ast
import builtins
import itertools
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from make import rooms

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = tuple(sorted(path.name for path in ROOT.glob("requirements*.lock")))
HTTP = ("aiohttp", "http", "httpx", "httpx2", "openai", "requests", "socket", "urllib.request", "urllib3")

# who, may not import, except
ARROWS = [
    ("utils", ("grader",), ()),
    (
        "utils.replay",
        ("langgraph", "langchain", "langchain_core", "langchain_openai", "langchain_community"),
        (),
    ),
    ("utils.views", (*HTTP, "utils.replay"), ("utils.replay.conversation",)),
    (
        "utils.checks",
        ("utils.notebook", "utils.replay"),
        # what was asked, and what is wrong with it: data that knows no protocol
        ("utils.replay.conversation", "utils.replay.log", "utils.replay.matching", "utils.replay.strictness"),
    ),
    ("grader.jail", ("grader",), ("grader.jail",)),
]


def files() -> list[Path]:
    """Every file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.split("\0") if name]
    return [path for name in names if (path := ROOT / name).is_file()]


def texts(*suffixes: str) -> Iterator[tuple[str, str]]:
    for path in files():
        if path.suffix in suffixes or not suffixes:
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("who", "never", "but"), ARROWS, ids=[f"{who} never imports {never[-1]}" for who, never, _ in ARROWS]
)
def test_imports_go_one_way(who: str, never: tuple[str, ...], but: tuple[str, ...]) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for module, path in rooms.modules(who)
        for line, name in rooms.imports(module, path)
        if within(name, never) and not within(name, but)
    ]
    assert not wrong, "\n".join(wrong)


STACK = ("langgraph", "langchain", "langchain_core", "langchain_openai")


def test_judging_and_answering_are_told_apart() -> None:
    """A lab's ``parts`` live with the student's objects; all else in its folder judges, and touches none."""
    wrong = []
    for module, path in rooms.modules("utils.checks"):
        answers = module.endswith(".parts")
        never = ("utils.checks",) if answers else (*HTTP, *STACK, "utils.agent", "utils.lab.parts")
        wrong += [
            f"{path.relative_to(ROOT)}:{line} imports {name}"
            for line, name in rooms.imports(module, path)
            if within(name, never) or (not answers and name.split(".")[-2:-1] == ["parts"])
        ]
    assert not wrong, "\n".join(wrong)


def test_no_module_comes_back_to_itself_by_imports() -> None:
    assert rooms.circle(rooms.module_arrows()) == []


def test_no_room_comes_back_to_itself_by_imports() -> None:
    """A room is a package below `utils` or `grader`, or a single module there."""
    assert rooms.circle(rooms.room_arrows(rooms.module_arrows())) == []


def bare_errors(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of every error of Python's own that this module raises."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            kind = getattr(builtins, ast.unparse(raised), None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                yield node.lineno, kind.__name__


# Protocols of their own, whose errors are turned into sentences elsewhere.
NOT_SPOKEN_TO = ("utils.lab", "utils.replay", "utils.checks")


def test_a_mistake_that_was_foreseen_is_told_by_an_error_of_the_kit() -> None:
    """`KitError` shows a sentence; with an error of Python's own a student sees the kit's frames."""
    found = [path for module, path in rooms.modules("utils") if not within(module, NOT_SPOKEN_TO)]
    assert ROOT / "utils/views/approval.py" in found
    wrong = [
        f"{path.relative_to(ROOT)}:{line} raises {name}: raise an error of utils/errors.py"
        for path in found
        for line, name in bare_errors(path)
        if name != "AttributeError"  # what Python expects of a module's __getattr__
    ]
    assert not wrong, "\n".join(wrong)


def test_errors_of_pythons_own_are_seen_however_they_are_raised(tmp_path: Path) -> None:
    path = tmp_path / "cards.py"
    path.write_text(
        "def f():\n    raise ValueError\ndef g():\n    raise TypeError('x') from None\n"
        "def h(error):\n    raise error\ndef i():\n    raise ViewError('x')\n"
    )
    assert list(bare_errors(path)) == [(2, "ValueError"), (4, "TypeError")]


# Locks and versions


def pins(lock: str) -> list[tuple[str, str]]:
    """Name and version; a package has several where systems or Pythons need different ones."""
    return re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    text = re.sub(r"\\\n", "", (ROOT / lock).read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) == len(pins(lock)) > 0
    assert [line[:60] for line in lines if "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_says_which_command_wrote_it(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"https?://|--(extra-)?index|--find-links|^-[if] ", text, re.MULTILINE)
    assert "make lock" in "".join(text.splitlines(keepends=True)[:3])


def test_the_locks_agree_where_they_overlap() -> None:
    for one, other in itertools.combinations([set(pins(lock)) for lock in LOCKS], 2):
        shared = {name for name, _ in one} & {name for name, _ in other}
        assert shared
        # Some packages have a version for each system: a lock may need fewer of them.
        mine, theirs = ({pin for pin in lock if pin[0] in shared} for lock in (one, other))
        assert mine <= theirs or theirs <= mine


def test_the_build_backend_and_the_installer_are_in_the_lock() -> None:
    group = PYPROJECT["dependency-groups"]["setup"]
    assert set(PYPROJECT["build-system"]["requires"]) < set(group)
    assert (
        {re.split(r"\W", line)[0] for line in group}
        == {"setuptools", "uv"}
        <= dict(pins("requirements.lock")).keys()
    )


def test_what_authors_install_has_all_that_students_install() -> None:
    assert set(pins("requirements.lock")) <= set(pins("requirements-dev.lock"))


def test_conda_takes_the_same_python_and_the_same_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert environment["channels"] == ["conda-forge"]
    assert environment["dependencies"] == [
        f"python {PYPROJECT['project']['requires-python']}",
        "pip",
        {"pip": ["-r requirements.lock"]},
    ]


def test_the_version_is_written_once() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", PYPROJECT["project"]["version"])
    again = [
        name for name, text in texts(".py") if re.search(r"^__version__\s*=\s*[\"']", text, re.MULTILINE)
    ]
    assert again == []
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text("utf-8")


# Commands


def makefiles() -> str:
    return "\n".join((ROOT / name).read_text("utf-8") for name in ("Makefile", "make/authors.mk"))


def targets() -> dict[str, str]:
    """Every target that can be named on the command line, with what follows it."""
    return dict(re.findall(r"^([a-z][\w-]*):(.*)$", makefiles(), re.MULTILINE))


def test_every_target_says_in_make_help_what_it_does() -> None:
    assert [name for name, rest in targets().items() if "## " not in rest] == []
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in targets() if f"make {name} " not in told] == []
    assert subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout == told


def test_every_target_is_phony() -> None:
    phony = {
        name for line in re.findall(r"^\.PHONY:(.*)$", makefiles(), re.MULTILINE) for name in line.split()
    }
    assert phony == set(targets())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_the_commands_on_a_page_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z][\w-]*)", text, re.MULTILINE))
    assert named, "no make command found: the pattern of this test is wrong"
    assert named - set(targets()) == set()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    fence = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert fence
    assert re.findall(r"^make \w+", fence[1], re.MULTILINE) == ["make lab", "make test"]
    script = ROOT / ".ci" / "run"
    assert 'make "${1:-test}" </dev/null' in script.read_text("utf-8")
    assert os.access(script, os.X_OK)


def test_the_hosted_ci_may_only_read_and_its_gate_waits_for_every_job() -> None:
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert ci["permissions"] == {"contents": "read"}
    assert ci["concurrency"]["cancel-in-progress"] is True
    gate = ci["jobs"].pop("green")
    assert set(gate["needs"]) == {
        name for name, job in ci["jobs"].items() if "schedule" not in job.get("if", "")
    }


def test_what_is_marked_nightly_runs_once_a_day() -> None:
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert ci[True]["schedule"], "on: is true for YAML"
    runs = [step.get("run", "") for step in ci["jobs"]["linux"]["steps"]]
    assert ".ci/run ${{ github.event_name == 'schedule' && 'test-all' || 'test' }}" in runs


# Texts


def pages() -> Iterator[tuple[Path, str]]:
    """Markdown: whole files, and the text cells of notebooks."""
    for name, text in texts(".md"):
        yield ROOT / name, text
    for name, text in texts(".ipynb"):
        if not name.startswith(("tests/", "samples/")):  # some of the samples are no notebooks
            notebook: Any = json.loads(text)
            cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
            yield ROOT / name, "\n\n".join("".join(cell["source"]) for cell in cells)


def test_every_link_to_a_file_leads_somewhere() -> None:
    broken = []
    for page, text in pages():
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(<?([^)<>\s]+)>?(?:\s+\"[^\"]*\")?\)", prose):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (page.parent / target.split("#")[0]).exists():
                broken.append(f"{page.relative_to(ROOT)} links to {target}")
    assert not broken, "\n".join(broken)


def test_every_picture_has_a_text_of_its_own() -> None:
    bare = [str(page.relative_to(ROOT)) for page, text in pages() if re.search(r"!\[\s*\]\(", text)]
    assert bare == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    home = re.compile(r"(?<![\w.])/(?:home|Users|root)/\w|[A-Z]:\\Users\\\w")
    here = f"{ROOT}/" if len(ROOT.parts) > 2 else None
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if home.search(line) or (here and here in line)
    ]
    assert found == []


def workflows() -> Iterator[tuple[str, str]]:
    return ((name, text) for name, text in texts(".yml") if name.startswith(".github/workflows/"))


def test_actions_of_ci_are_pinned_by_commit() -> None:
    """A tag can be moved to other code by whoever owns it."""
    used = [line for _, text in workflows() for line in re.findall(r"uses: (.*)", text)]
    assert used
    assert [line for line in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", line)] == []


def test_ci_tries_every_python_that_is_promised() -> None:
    promised = re.search(r"You need Python (.*?) and", (ROOT / "README.md").read_text("utf-8"))
    assert promised
    tried = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["linux"]["strategy"]
    assert tried["matrix"]["python"] == re.findall(r"\d\.\d+", promised[1])
