"""Rules of the house that no single module can keep: imports, locks, commands, links."""

from __future__ import annotations

import ast
import graphlib
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
    ("utils.checks", ("utils.notebook", "utils.replay"), ("utils.replay.conversation",)),
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


def modules(package: str) -> Iterator[tuple[str, Path]]:
    top = ROOT.joinpath(*package.split("."))
    for path in sorted([*top.rglob("*.py"), *top.parent.glob(f"{top.name}.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(module: str, path: Path, *, types: bool = True) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything this module imports, wherever in it, for types too or not."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(path.read_text("utf-8"))
    for block in () if types else [node for node in ast.walk(tree) if isinstance(node, ast.If)]:
        if ast.unparse(block.test) == "TYPE_CHECKING":
            block.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for name in node.names:
                yield node.lineno, f"{source}.{name.name}"


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("who", "never", "but"), ARROWS, ids=[f"{who} never imports {never[-1]}" for who, never, _ in ARROWS]
)
def test_imports_go_one_way(who: str, never: tuple[str, ...], but: tuple[str, ...]) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for module, path in modules(who)
        for line, name in imports(module, path)
        if within(name, never) and not within(name, but)
    ]
    assert not wrong, "\n".join(wrong)


STACK = ("langgraph", "langchain", "langchain_core", "langchain_openai")


def test_judging_and_answering_are_told_apart() -> None:
    """A lab's ``parts`` live with the student's objects; all else in its folder judges, and touches none."""
    wrong = []
    for module, path in modules("utils.checks"):
        answers = module.endswith(".parts")
        never = ("utils.checks",) if answers else (*HTTP, *STACK, "utils.agent", "utils.lab.parts")
        wrong += [
            f"{path.relative_to(ROOT)}:{line} imports {name}"
            for line, name in imports(module, path)
            if within(name, never) or (not answers and name.split(".")[-2:-1] == ["parts"])
        ]
    assert not wrong, "\n".join(wrong)


def imported_modules() -> dict[str, set[str]]:
    """Our modules, and which of them each imports when it runs."""
    known = {module: path for package in ("utils", "grader") for module, path in modules(package)}
    found: dict[str, set[str]] = {}
    for module, path in known.items():
        whole = (name for _, name in imports(module, path, types=False))
        used = {name if name in known else name.rpartition(".")[0] for name in whole}
        found[module] = (used & known.keys()) - {module}
    return found


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """One circle, as the names along it; none where there is no circle."""
    try:
        tuple(graphlib.TopologicalSorter(arrows).static_order())
    except graphlib.CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def test_no_module_comes_back_to_itself_by_imports() -> None:
    assert circles(imported_modules()) == []


def test_no_room_comes_back_to_itself_by_imports() -> None:
    """A room is a package below `utils` or `grader`, or a single module there."""
    arrows: dict[str, set[str]] = {}
    for module, used in imported_modules().items():
        arrows.setdefault(room(module), set()).update(set(map(room, used)) - {room(module)})
    assert circles(arrows) == []


def test_a_circle_is_seen() -> None:
    assert set(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


def test_the_arrows_are_seen_whichever_way_an_import_is_written(tmp_path: Path) -> None:
    path = tmp_path / "cards.py"
    path.write_text(
        "import a.b\nfrom c import d\ndef f():\n    from ..replay import server\nfrom . import x\n"
    )
    assert sorted(imports("utils.views.cards", path)) == [
        (1, "a.b"),
        (2, "c.d"),
        (4, "utils.replay.server"),
        (5, "utils.views.x"),
    ]


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


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
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
