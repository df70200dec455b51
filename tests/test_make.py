"""The scripts behind the commands: Python, the environment, JupyterLab's arguments, demo and outputs."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent
SH = shutil.which("sh") or "/bin/sh"
STUDENTS = ("Makefile", "make/python.sh", "make/environment.py", "make/lab.py")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"make_{name}", ROOT / "make" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# python.sh


@pytest.fixture
def find(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run python.sh where only the given programs exist: name -> shell lines."""

    def run(PYTHON: str = "", **programs: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "bin of mine"
        folder.mkdir()
        for name, body in programs.items():
            path = folder / name.replace("_", ".")
            path.write_text(f"#!{SH}\n{body}\n")
            path.chmod(0o755)
        environment = {"PATH": str(folder), "PYTHON": PYTHON.replace("BIN", str(folder))}
        return subprocess.run(
            [SH, ROOT / "make" / "python.sh"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_python_that_fits_is_found_behind_a_placeholder_that_does_not_run(find: Any) -> None:
    found = find(python3_13="echo not installed >&2; exit 127", python3="exit 0")
    assert (found.returncode, found.stdout, found.stderr) == (0, "python3\n", "")


def test_a_python_with_venv_is_preferred_to_a_newer_one_without(find: Any) -> None:
    assert find(python3_13="echo 3.13; exit 4", python3_11="exit 0").stdout == "python3.11\n"


def test_a_named_python_is_the_only_one_tried(find: Any) -> None:
    assert find(PYTHON="BIN/mine", mine="exit 0", python3="exit 0").stdout.endswith("bin of mine/mine\n")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "No Python was found: install Python 3.11, 3.12 or 3.13"),
        ({"python3": "echo 3.9.2; exit 3"}, "needs Python 3.11, 3.12 or 3.13, and here python3 is 3.9.2"),
        ({"python3": "echo 3.12; exit 4"}, "venv module is missing: install it (the package python3.12-venv"),
        ({"PYTHON": "python9", "python3": "exit 0"}, "PYTHON=python9 does not run"),
    ],
    ids=["no Python", "too old", "no venv module", "a name that is nothing"],
)
def test_what_is_missing_is_said_in_one_sentence(find: Any, given: dict[str, str], told: str) -> None:
    found = find(**given)
    assert found.returncode == 1
    assert found.stdout == ""
    assert told in found.stderr
    assert found.stderr.count("\n") == 1


def test_the_real_python_passes_the_probe(tmp_path: Path) -> None:
    found = subprocess.run(
        [SH, ROOT / "make" / "python.sh"],
        cwd=tmp_path,
        env={"PATH": "", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == sys.executable


# environment.py


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The environment script in a folder of its own, with its slow steps written down instead of done."""
    module: Any = load("environment")
    module.steps = []
    module.is_right = True

    def stand(root: Path) -> None:
        paths = {"ROOT": root, "VENV": root / ".venv", "STAMP": root / ".venv/kit-stamp"}
        paths |= {"LOCK": root / "requirements.lock", "DEV_LOCK": root / "requirements-dev.lock"}
        paths |= {"UV": root / ".venv/bin/uv"}
        for name, path in paths.items():
            monkeypatch.setattr(module, name, path)

    def create(version: str) -> None:
        module.steps.append("create")
        shutil.rmtree(module.VENV, ignore_errors=True)
        module.UV.parent.mkdir(parents=True)

    def runs(*command: object, **_: object) -> bool:
        if "-r" in command:
            module.steps.append("fetch uv")
            module.UV.touch()
        return True

    def install(*words: object) -> bool:
        module.steps.append(" ".join(word.name if isinstance(word, Path) else str(word) for word in words))
        return True

    root = tmp_path / "kit"
    root.mkdir()
    stand(root)
    uv = f"uv==1.2.3 \\\n    --hash=sha256:{'0' * 64}\n    # via a-kit\n"
    module.LOCK.write_text(f"a-package==1\n{uv}websockets==2\n")
    module.DEV_LOCK.write_text("b-package==1\n")
    (root / "pyproject.toml").write_text("[project]")
    for step in (create, runs, install):
        monkeypatch.setattr(module, step.__name__, step)
    monkeypatch.setattr(module, "is_as_in", lambda lock: module.is_right)
    module.stand = stand
    return module


STUDENTS_LOCK, AUTHORS_LOCK = (f"--require-hashes -r requirements{which}.lock" for which in ("", "-dev"))
THE_KIT = "--no-build-isolation -e ."
ALL = ["create", "fetch uv", STUDENTS_LOCK, THE_KIT]


def test_the_first_run_creates_and_installs_the_second_does_nothing(kit: Any) -> None:
    kit.main([])
    kit.main([])
    assert kit.steps == ALL
    assert re.fullmatch(r"uv==1\.2\.3 \\\n +--hash=sha256:0+\n", (kit.VENV / "uv.lock").read_text())


def test_tests_add_their_packages(kit: Any) -> None:
    kit.main([])
    kit.is_right = False
    kit.main(["--dev"])
    assert kit.steps == [*ALL, AUTHORS_LOCK]


def test_packages_that_somebody_changed_are_put_right(kit: Any) -> None:
    kit.main([])
    kit.is_right = False
    kit.main([])
    assert kit.steps == [*ALL, STUDENTS_LOCK]


def test_another_project_file_installs_the_kit_again(kit: Any) -> None:
    kit.main([])
    (kit.ROOT / "pyproject.toml").write_text("changed")
    kit.main([])
    kit.main([])
    assert kit.steps == [*ALL, STUDENTS_LOCK, THE_KIT]


def test_an_installation_that_was_ended_half_way_begins_anew(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*words: object) -> bool:
        raise KeyboardInterrupt

    kit.main([])
    kit.is_right = False
    with monkeypatch.context() as patch:
        patch.setattr(kit, "install", stopped)
        with pytest.raises(SystemExit, match="The next run goes on from here"):
            kit.main([])
    kit.is_right = True
    kit.main([])
    assert kit.steps == ALL * 2


def test_an_installation_that_failed_leaves_an_environment_that_worked(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.main([])
    kit.is_right = False
    with monkeypatch.context() as patch:
        patch.setattr(kit, "install", lambda *_: False)
        with pytest.raises(SystemExit, match=r"could not be installed.+ run this again when there is one\."):
            kit.main([])
    kit.is_right = True
    kit.main([])
    assert kit.steps == ALL


def test_a_copied_folder_gets_an_environment_of_its_own(kit: Any) -> None:
    kit.main([])
    copy = kit.ROOT.with_name("copy")
    shutil.copytree(kit.ROOT, copy)
    kit.stand(copy)
    kit.main([])
    assert kit.steps == ALL * 2


def test_a_damaged_stamp_is_no_stamp(kit: Any) -> None:
    kit.main([])
    kit.STAMP.write_text("{")
    kit.main([])
    assert kit.steps == ALL * 2


def test_a_read_only_folder_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(self: Path, *args: object, **more: object) -> None:
        raise OSError(30, "Read-only file system", str(self))

    module: Any = load("environment")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv/kit-stamp")
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(SystemExit, match=r"cannot be written to \(Read-only file system\): copy the folder"):
        module.main([])


def test_a_missing_lock_is_named_before_anything_is_done(kit: Any) -> None:
    kit.LOCK.unlink()
    with pytest.raises(SystemExit, match=r"requirements\.lock is missing"):
        kit.main([])
    assert kit.steps == []


class Programs:
    """A folder with programs that write down what they were given, beside the script that runs them."""

    def __init__(self, folder: Path, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.install = folder, module.install
        monkeypatch.setattr(module, "PYTHON", folder / "python")
        monkeypatch.setattr(module, "UV_INSTALL", (folder / "uv", "pip", "install"))
        monkeypatch.setattr(module, "PIP_INSTALL", (folder / "python", "-m", "pip", "install"))

    def write(self, name: str, line: str) -> None:
        path = self.folder / name
        path.write_text(f"#!{SH}\n{line}\n")
        path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    return Programs(tmp_path, load("environment"), monkeypatch)


def test_uv_is_told_where_pip_gets_its_packages(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = """cat <<'X'
global.index-url='of all'
install.index-url='of-install'
global.extra-index-url='\\none\\nother'
global.find-links='a b'
:env:.cert='corporate.pem'
:env:.proxy='proxy'
:env:.timeout='9'
X"""
    programs.write("python", said)
    names = (
        "UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS SSL_CERT_FILE ALL_PROXY UV_TARGET UV_CONSTRAINT"
    )
    programs.write("uv", "".join(f'echo "${name}";' for name in names.split()))
    monkeypatch.setenv("SSL_CERT_FILE", "another.pem")
    monkeypatch.setenv("UV_FIND_LINKS", "uv's own")
    monkeypatch.setenv("UV_CONSTRAINT", "another project's")
    assert programs.install("-e", ".")
    assert capfd.readouterr().out.splitlines() == [
        *("of-install", "one other", "uv's own", "corporate.pem", "proxy", "", "")
    ]


@pytest.mark.parametrize("missing", [False, True], ids=["fails", "is not there"])
def test_where_uv_fails_pip_installs_and_that_is_said(
    programs: Programs, capfd: pytest.CaptureFixture[str], missing: bool
) -> None:
    if not missing:
        programs.write("uv", "echo 'no route' >&2; exit 1")
    programs.write("python", '[ "$4" = config ] || echo "$@"')
    assert programs.install("-r", "a.lock")
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == "-m pip install --quiet -r a.lock"
    assert "Now pip tries, which takes minutes." in out
    assert err == ("" if missing else "no route\n")


# lab.py


def test_what_opens_first_is_the_start_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = load("lab")
    assert "--LabApp.default_url=/lab/tree/labs/00_start.ipynb" in lab.command([])
    (tmp_path / "labs").mkdir()
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    (tmp_path / "labs/01_persistence.ipynb").touch()
    assert lab.first_page() == "labs/01_persistence.ipynb"
    (tmp_path / "labs/02_streaming.ipynb").touch()
    assert lab.first_page() == "labs"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    return load("lab")


def test_jupyterlab_asks_the_network_for_nothing(lab: Any) -> None:
    words = " ".join(lab.command([]))
    assert "news_url=None" in words
    assert "NeverCheckForUpdate" in words
    assert "extension_manager=readonly" in words
    assert "://" not in words


@pytest.mark.parametrize(("uid", "told"), [(0, True), (1000, False)], ids=["root", "a user"])
def test_only_root_is_allowed_to_be_root(
    lab: Any, monkeypatch: pytest.MonkeyPatch, uid: int, told: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid, raising=False)
    assert ("--allow-root" in lab.command([])) is told


@pytest.mark.parametrize("display", ["DISPLAY", "WAYLAND_DISPLAY", None])
def test_a_browser_opens_only_where_there_is_a_display(
    lab: Any, monkeypatch: pytest.MonkeyPatch, display: str | None
) -> None:
    if display:
        monkeypatch.setenv(display, ":1")
    assert ("--no-browser" in lab.command([])) is (display is None)


def test_a_mac_always_has_a_display(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "--no-browser" not in lab.command([])


def test_a_port_and_words_of_ones_own_are_handed_on(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8890")
    assert "--ServerApp.port=8890" in lab.command(["--ip=0.0.0.0"])
    assert lab.command(["--ip=0.0.0.0"])[-1] == "--ip=0.0.0.0"


@pytest.mark.parametrize("port", ["eighty", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused_in_a_sentence(
    lab: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    monkeypatch.setenv("PORT", port)
    assert lab.main() == 2
    assert "PORT is a number from 1 to 65535" in capsys.readouterr().err


# tools.py


@pytest.mark.parametrize(
    ("ci", "code"), [("true", 1), ("", 0)], ids=["in CI it fails", "elsewhere it goes on"]
)
def test_a_missing_program_is_named_with_the_line_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, code: int
) -> None:
    tools: Any = load("tools")
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(tools, "missing", lambda: ["bubblewrap"])
    monkeypatch.setattr(tools, "may_install", lambda: False)
    assert tools.main() == code
    assert "apt-get install bubblewrap" in capsys.readouterr().err


def test_where_it_is_allowed_the_missing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    tools: Any = load("tools")
    here: list[str] = []
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(tools, "missing", lambda: [] if here else ["chromium"])
    monkeypatch.setattr(tools, "may_install", lambda: True)
    monkeypatch.setattr(tools, "jail_works", lambda: True)
    monkeypatch.setattr(tools, "install", here.extend)
    assert tools.main() == 0
    assert here == ["chromium"]


# quick.py


@pytest.mark.parametrize(
    "words",
    [("--collect-only",), pytest.param((), marks=pytest.mark.nightly)],
    ids=["to be read", "to be run"],
)
def test_the_tests_of_the_fast_lane_are_there_and_need_no_slow_package(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        load("quick").tests("-p", "no:cacheprovider", *words),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


# demo.py and outputs.py, in a kit of their own under a path with spaces


class Course:
    """A folder with the scripts and whatever notebooks a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.solutions = root / "solutions"
        self.solutions.mkdir(parents=True)
        shutil.copytree(ROOT / "make", root / "make", ignore=shutil.ignore_patterns("__pycache__"))

    def write(self, name: str, *sources: str) -> Path:
        cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
        notebook = new_notebook(cells=[new_markdown_cell("# A lab", id="title"), *cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        notebook.metadata["widgets"] = {"old": "state"}
        path = self.solutions / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path

    def run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, f"make/{script}.py", *words],
            cwd=self.root,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path / "a course")


def test_a_demo_of_nothing_says_so(course: Course) -> None:
    told = course.run("demo")
    assert told.returncode == 1
    assert told.stderr == "There are no solutions to run in solutions/.\n"


@pytest.mark.kernel
def test_the_demo_ends_with_a_table_and_names_what_failed(course: Course) -> None:
    course.write("01_good", "import os", "assert os.environ['REPLAY_PACE'] == 'off'")
    course.write("02_bad", "1", "raise ValueError('no such city')", "3")
    course.write("03_left", "1", "import sys\nsys.exit(0)", "3")
    told = course.run("demo")
    assert told.returncode == 1
    rows = {
        row[0]: row for row in (re.split(r"\s*│\s*", line.strip("│ ")) for line in told.stdout.splitlines())
    }
    assert rows["01_good.ipynb"][1::2] == ["2", "ok"]
    assert rows["02_bad.ipynb"][1::2] == ["1", "failed"]
    assert rows["03_left.ipynb"][3] == "failed"
    assert "02_bad.ipynb: cell 2: ValueError: no such city" in told.stdout
    assert "without an error" in told.stdout
    # A kernel that is still busy when it is ended may say words of its own between these, a traceback even.
    said = [line for line in told.stderr.splitlines() if line.startswith("Running ")]
    assert said == [f"Running {name}.ipynb" for name in ("01_good", "02_bad", "03_left")]
    assert "demo.py" not in told.stderr
    assert "Traceback" not in told.stdout
    assert (course.root / "build/demo/02_bad.ipynb").exists()


VARIED = """
import sys, time, uuid
from IPython.display import display
import ipywidgets
first, second = uuid.uuid4(), uuid.uuid4()
print("a", flush=True); time.sleep(0.3); print(first, second)
print("to the other stream", file=sys.stderr)
print(first, object())
display(ipywidgets.HTML("<b>hello</b>"))
"""
TIMED = (
    "# NBVAL_IGNORE_OUTPUT\n# A measured time, in words that vary as well.\nimport time\n"
    "print(f'{time.perf_counter():.6f}', 'x' * (time.perf_counter_ns() % 50))"
)


@pytest.mark.kernel
def test_outputs_are_stored_and_nothing_else_changes(course: Course) -> None:
    path = course.write("01_lab", VARIED, TIMED, "1 + 1")
    before: Any = nbformat.read(path, as_version=4)
    told = course.run("outputs", "01_lab")
    assert (told.returncode, told.stdout) == (0, "01_lab.ipynb: outputs stored\n"), told.stderr
    text = path.read_text("utf-8")
    after: Any = nbformat.read(path, as_version=4)
    assert [(c.id, c.source, c.metadata) for c in after.cells] == [
        (c.id, c.source, c.metadata) for c in before.cells
    ]
    assert "widgets" not in after.metadata
    streams = [(o.name, o.text) for o in after.cells[1].outputs if o.output_type == "stream"]
    ids = [f"00000000-0000-4000-8000-{n:012d}" for n in (1, 2)]
    assert streams == [
        ("stdout", f"a\n{ids[0]} {ids[1]}\n{ids[0]} <object object at 0x7f0000000001>\n"),
        ("stderr", "to the other stream\n"),
    ]
    assert after.cells[1].outputs[-1].data == {"text/plain": "HTML(value='<b>hello</b>')"}
    assert [cell.execution_count for cell in after.cells[1:]] == [1, 2, 3]
    assert after.cells[3].outputs[0].data == {"text/plain": "2"}

    again = course.run("outputs")
    assert (again.returncode, again.stdout) == (0, "01_lab.ipynb: as it was\n")
    assert path.read_text("utf-8") == text


@pytest.mark.kernel
def test_a_cell_that_raises_leaves_every_notebook_as_it_was(course: Course) -> None:
    good, bad = course.write("01_good", "1"), course.write("02_bad", "1", "{}['city']")
    before = good.read_text("utf-8"), bad.read_text("utf-8")
    told = course.run("outputs")
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1] == (
        "Nothing was written: 02_bad.ipynb stops in cell 2 (cell-1) with KeyError: 'city'"
    )
    assert "Traceback" not in told.stderr
    assert (good.read_text("utf-8"), bad.read_text("utf-8")) == before


@pytest.mark.kernel
@pytest.mark.parametrize("script", ["outputs", "demo"])
def test_a_solution_that_misses_points_is_refused_with_its_exercises(course: Course, script: str) -> None:
    begin = "from utils import check, setup\nkit = setup('01_persistence')"
    path = course.write(
        "01_persistence", begin, "def ask(agent, thread_id, text):\n    return 1", "check('1.2')"
    )
    notebook: Any = nbformat.read(path, as_version=4)
    notebook.cells[2].metadata["tags"] = ["exercise:1.2"]
    nbformat.write(notebook, path)
    before = path.read_text("utf-8")
    told = course.run(script)
    assert told.returncode == 1
    said = told.stderr if script == "outputs" else told.stdout
    assert (
        'exercise 1.2 misses 2 of 2 points: "only the new question goes in, on the right thread": '
        "ask did not ask the model anything; "
    ) in said
    assert 'exercise 1.3 was not checked: no cell runs check("1.3")' in said
    assert "Traceback" not in told.stderr
    assert path.read_text("utf-8") == before
    if script == "demo":
        ran: Any = nbformat.read(course.root / "build/demo/01_persistence.ipynb", as_version=4)
        assert [cell.source for cell in ran.cells] == [cell.source for cell in notebook.cells]
        assert "failed" in told.stdout


@pytest.mark.kernel
def test_a_notebook_that_is_no_lab_but_has_exercises_is_refused(course: Course) -> None:
    path = course.write("01_nowhere", "1")
    notebook: Any = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata["tags"] = ["exercise:1.1"]
    nbformat.write(notebook, path)
    told = course.run("outputs")
    assert told.returncode == 1
    assert "Nothing was written: 01_nowhere.ipynb stops in cell 2 (points) with SetupError" in told.stderr


SAYS = "import os, sys\nsaid = os.write(getattr(sys.stderr, '_original_stdstream_copy', 2), b'by itself')"
"""writes what the kernel's process says, and no cell; it may say things while it is shut down"""


@pytest.mark.kernel
@pytest.mark.parametrize(("cell", "died"), [("1", False), ("os._exit(3)", True)], ids=["well", "dead"])
def test_what_a_kernel_s_process_says_is_shown_only_when_it_died(
    course: Course, cell: str, died: bool
) -> None:
    course.write("01_lab", SAYS, cell)
    told = course.run("outputs")
    assert (told.returncode == 1) is died, told.stderr
    assert ("by itself" in told.stderr) is died
    assert "Traceback" not in told.stderr


# What goes to students, and what the lock files promise


def test_students_have_their_commands_without_the_authors(tmp_path: Path) -> None:
    (tmp_path / "make").mkdir()
    for name in STUDENTS:
        shutil.copy(ROOT / name, tmp_path / name)
    told = subprocess.run(["make"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.findall(r"^  make (\w+)", told.stdout, re.MULTILINE) == ["help", "setup", "lab"]
    assert told.stderr == ""


NINE = {
    "jupyterlab",
    "nbval",
    "papermill",
    "nbclient",
    "nbconvert",
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "langchain-openai",
    "langchain-community",
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let tests that install packages run only where packages can be had; CI has to have them."""
    words = ["download", "--quiet", "--no-deps", "--no-cache-dir", "--retries", "0", "--timeout", "10"]
    place = str(tmp_path_factory.mktemp("registry"))
    command = [sys.executable, "-m", "pip", *words, "--dest", place, "nbval"]
    asked = subprocess.run(command, capture_output=True, text=True)
    if asked.returncode != 0:
        reason = "no package registry can be reached, and this test installs from one"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.mark.install
@pytest.mark.usefixtures("registry")
def test_the_pip_part_of_the_conda_environment_installs_the_course(tmp_path: Path) -> None:
    folder = tmp_path / "a student"
    folder.mkdir()
    for name in ("pyproject.toml", "requirements.lock", "README.md", "LICENSE", "LICENSE-PROSE"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "utils", folder / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def pip(*words: str) -> str:
        done = subprocess.run([python, "-m", "pip", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    lines = next(part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    pip("install", *(word for line in lines for word in line.split()))
    installed = {item["name"].lower(): item["version"] for item in json.loads(pip("list", "--format=json"))}
    locked = dict(
        re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    )
    assert {name: installed.get(name) for name in NINE} == {name: locked[name] for name in NINE}

    # The second step of the README's conda lines: the kit itself, with no index to ask.
    pip("install", "--no-index", "--no-deps", "--no-build-isolation", "-e", ".")
    where = subprocess.run(
        [python, "-c", "import utils; print(utils.__path__[0])"], cwd=tmp_path, capture_output=True, text=True
    )
    assert Path(where.stdout.strip()) == folder / "utils", where.stderr


@pytest.mark.install
@pytest.mark.usefixtures("registry")
def test_the_set_up_installs_the_lock_and_puts_right_what_somebody_changed(tmp_path: Path) -> None:
    folder = tmp_path / "a student"
    (folder / "make").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-PROSE", *STUDENTS):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "utils", folder / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "requirements.lock").read_text("utf-8")
    few = "setuptools|uv|iniconfig"
    pins = re.findall(rf"^(?:{few})==.*\n(?: +(?:--hash|#).*\n)+", text, re.MULTILINE)
    assert len(pins) == 3
    (folder / "requirements.lock").write_text("".join(pins))
    python = folder / ".venv/bin/python"

    def make() -> str:
        command = ["make", "setup", f"PYTHON={sys.executable}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    assert "ready in .venv" in make()
    assert make() == ""
    other = [python, "-m", "pip", "install", "--quiet", "iniconfig==2.0.0"]
    subprocess.run(other, check=True, capture_output=True)
    told = make()
    assert " - iniconfig==2.0.0\n + iniconfig==" in told
    assert make() == ""
    where = [python, "-c", "import utils; print(utils.__path__[0])"]
    assert subprocess.run(where, cwd=tmp_path, capture_output=True, text=True).stdout.strip() == str(
        folder / "utils"
    )


@pytest.mark.install
@pytest.mark.usefixtures("registry")
def test_the_lock_command_writes_the_same_locks_again(tmp_path: Path) -> None:
    (tmp_path / "make").mkdir()
    locks = sorted(path.name for path in ROOT.glob("requirements*.lock"))
    for name in ("pyproject.toml", *locks, "Makefile", "make/authors.mk"):
        shutil.copy(ROOT / name, tmp_path / name)
    command = ["make", "lock", "--old-file=setup-dev", f"UV={sys.executable} -m uv"]
    subprocess.run(command, cwd=tmp_path, check=True)
    for name in locks:
        assert (tmp_path / name).read_text("utf-8") == (ROOT / name).read_text("utf-8"), (
            f"run make lock: {name}"
        )
