from __future__ import annotations

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

from grader.errors import GraderError
from grader.sandbox import stage as module
from grader.sandbox.stage import Mount, Stage, stage
from tests.grader.sandbox import plain_jail
from tests.grader.sandbox.plain_jail import PYTHON, SECONDS

ROOT = Path(__file__).resolve().parents[3]
AT = PurePosixPath("/stage")
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are jails on Linux only")


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Stage:
    return stage(tmp_path_factory.mktemp("run") / "stage")


def walk(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        yield path.relative_to(folder).as_posix()


# What is there


def test_nothing_of_the_course_but_utils_and_the_jail_is_there(staged):
    names = list(walk(staged.folder))
    assert {name.split("/")[0] for name in names} == {"kit", "venv", "nothing"}
    assert {name for name in names if name.startswith("venv")} == {
        "venv",
        "venv/bin",
        "venv/bin/python",
        "venv/lib",
        f"venv/lib/{VERSION}",
        f"venv/lib/{VERSION}/site-packages",
        "venv/pyvenv.cfg",
    }
    assert {"/".join(name.split("/")[1:3]) for name in names if name.startswith("kit/grader/")} == {
        "grader/__init__.py",
        "grader/__pycache__",
        "grader/jail",
    }
    for name in names:
        parts = name.lower().split("/")
        assert not {"grading", "solutions", "samples", "labs", "tests", ".env", ".git"} & set(parts), name
        assert not name.endswith((".ipynb", ".db", ".csv")), name
        assert not any(part.startswith(".") for part in parts), name


def test_no_text_of_a_solution_is_there(staged):
    for path in staged.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            # In two halves, or this test's own text would be an example.
            for word in (b"BEGIN " + b"SOLUTION", b"END " + b"SOLUTION", b"course" + b"_secret"):
                assert word not in data, path


def test_all_modules_of_utils_and_the_jail_are_there_and_compiled(staged):
    for package in ("utils", "grader/jail"):
        modules = {name for name in walk(ROOT / package) if name.endswith(".py")}
        copied = {name for name in walk(staged.folder / "kit" / package) if name.endswith(".py")}
        assert copied == modules != set()
        for name in modules:
            source = staged.folder / "kit" / package / name
            compiled = Path(importlib.util.cache_from_source(str(source), optimization=""))
            header = compiled.read_bytes()[:8]
            assert header[:4] == importlib.util.MAGIC_NUMBER
            assert int.from_bytes(header[4:], "little") == 0b01, "compiled, and not asked about its source"
    made_by = {name.split(".")[-2] for name in walk(staged.folder) if name.endswith(".pyc")}
    assert made_by == {sys.implementation.cache_tag}


def test_what_modules_read_is_there(staged):
    data = {name for name in walk(ROOT / "utils") if name.endswith((".css", ".yaml", ".html"))}
    assert data
    assert data <= set(walk(staged.folder / "kit" / "utils"))


def test_everybody_may_read_it_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        made = stage(tmp_path / "stage")
    finally:
        os.umask(before)
    for path in (made.folder, *made.folder.rglob("*")):
        if not path.is_symlink():
            expected = 0o755 if path.is_dir() else 0o644
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_links_hidden_files_and_leftovers_of_utils_stay_where_they_are(tmp_path, monkeypatch):
    copy = a_copy_of_utils(tmp_path, monkeypatch)
    secret = tmp_path / "secret.py"
    secret.write_text("SECRET = 1")
    (copy / "linked.py").symlink_to(secret)
    (copy / "linked").symlink_to(tmp_path, target_is_directory=True)
    for name in (".env", ".hidden.py", "notes.ipynb", "checkpoints.db", "tests/test_x.py", ".git/x.py"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("x = 1")
    made = stage(tmp_path / "stage")
    plain = stage_of_plain_utils(tmp_path, monkeypatch)
    assert list(walk(made.folder)) == list(walk(plain.folder))
    assert made.digest == plain.digest


def a_copy_of_utils(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = folder / "course" / "utils"
    shutil.copytree(ROOT / "utils", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module.utils, "__file__", str(copy / "__init__.py"))
    return copy


def stage_of_plain_utils(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(module.utils, "__file__", str(ROOT / "utils" / "__init__.py"))
    return stage(folder / "plain")


def test_the_digest_is_that_of_the_files_and_of_nothing_else(tmp_path, monkeypatch, staged):
    copy = a_copy_of_utils(tmp_path, monkeypatch)
    assert stage(tmp_path / "same").digest == staged.digest
    (copy / "agent.py").write_text((copy / "agent.py").read_text("utf-8") + "\n", "utf-8")
    changed = stage(tmp_path / "changed").digest
    (copy / "agent.py").rename(copy / "agent2.py")
    renamed = stage(tmp_path / "renamed").digest
    assert len({staged.digest, changed, renamed}) == 3


# What cannot be done


def test_the_folder_has_to_be_fresh(tmp_path):
    (tmp_path / "file").write_text("somebody's")
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(GraderError, match="fresh") as told:
            stage(folder)
        assert told.value.hint
    assert list(walk(tmp_path)) == ["file"]


def test_an_empty_folder_is_fresh(tmp_path):
    assert stage(tmp_path).folder == tmp_path.resolve()


def test_elsewhere_than_on_linux_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "win32")
    with pytest.raises(GraderError, match="Linux only") as told:
        stage(tmp_path / "stage")
    assert told.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_kit_that_cannot_be_compiled_is_told(tmp_path, monkeypatch):
    (a_copy_of_utils(tmp_path, monkeypatch) / "agent.py").write_text("def")
    with pytest.raises(GraderError, match="cannot be compiled"):
        stage(tmp_path / "stage")


def test_an_interpreter_without_a_folder_of_its_own_is_told():
    with pytest.raises(GraderError, match="whole machine"):
        module._interpreter(Path("/bin/python"))


def test_a_package_that_something_else_stands_before_is_told():
    with pytest.raises(GraderError, match="same name"):
        module._home(None)


# What has to be mounted


def test_the_interpreter_and_the_packages_are_named(staged):
    base = Path(sys.base_prefix).resolve()
    assert staged.interpreter == (() if base.is_relative_to("/usr") else (base,))
    assert staged.packages[0] == (
        Path(sysconfig.get_path("purelib")).resolve(),
        f"lib/{VERSION}/site-packages",
    )
    mounts = staged.mounts(AT)
    assert Mount(staged.folder, AT) in mounts
    assert Mount(staged.packages[0][0], AT / "venv/lib" / VERSION / "site-packages") in mounts
    assert staged.python(AT) == PurePosixPath("/stage/venv/bin/python")
    assert staged.kit(AT) == PurePosixPath("/stage/kit")


def test_two_folders_of_packages_have_two_places(monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path / "lib", tmp_path / "lib64", libdir="lib64")
    found = stage(tmp_path / "stage")
    assert [source for source, _ in found.packages] == [tmp_path / "lib", tmp_path / "lib64"]
    assert {below.split("/")[0] for _, below in found.packages} == {"lib", "lib64"}
    for _, below in found.packages:
        assert (found.folder / "venv" / below).is_dir()


def test_two_names_of_one_folder_are_one(monkeypatch, tmp_path):
    (tmp_path / "lib64").symlink_to(tmp_path / "lib")
    installed(monkeypatch, tmp_path / "lib", tmp_path / "lib64")
    assert [source for source, _ in stage(tmp_path / "stage").packages] == [tmp_path / "lib"]


def installed(
    monkeypatch: pytest.MonkeyPatch, purelib: Path, platlib: Path | None = None, libdir: str = "lib"
) -> None:
    """Have packages somewhere else."""
    paths = {"purelib": purelib, "platlib": platlib or purelib}
    original = sysconfig.get_path

    def get_path(name: str, *scheme: object) -> str:
        if not scheme:
            return str(paths[name])
        return f"/{libdir if name == 'platlib' else 'lib'}/{original(name, *scheme).split('/', 2)[2]}"

    for path in paths.values():
        path.mkdir(exist_ok=True, parents=True)
    monkeypatch.setattr(module.sysconfig, "get_path", get_path)


def test_interpreters_within_others_are_mounted_once(monkeypatch):
    monkeypatch.setattr(module.sys, "base_prefix", "/opt/python")
    monkeypatch.setattr(module.sys, "base_exec_prefix", "/opt/python/exec")
    assert module._interpreter(Path("/opt/python/bin/python3")) == (Path("/opt/python"),)
    assert module._interpreter(Path("/srv/other/bin/python3")) == (Path("/opt/python"), Path("/srv/other"))
    monkeypatch.setattr(module.sys, "base_prefix", "/usr/local")
    monkeypatch.setattr(module.sys, "base_exec_prefix", "/usr")
    assert module._interpreter(Path("/usr/bin/python3")) == ()


def test_folders_that_not_everybody_may_enter_are_named(tmp_path):
    for name, mode in (("open", 0o755), ("open/shut", 0o700), ("open/shut/inner", 0o750)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    found = stage(tmp_path / "open" / "shut" / "inner" / "stage")
    assert {tmp_path / "open/shut", tmp_path / "open/shut/inner"} <= set(found.closed)
    assert tmp_path / "open" not in found.closed
    assert found.folder not in found.closed


# What must not be seen


def test_a_kit_among_the_installed_packages_is_covered(monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path / "packages")
    (tmp_path / "packages" / "grader" / "grading").mkdir(parents=True)
    found = stage(tmp_path / "stage")
    assert str(tmp_path / "packages" / "grader") in found.masked
    assert found.mounts(AT)[-1] == Mount(None, AT / f"venv/lib/{VERSION}/site-packages/grader")


def test_a_kit_that_runs_from_there_is_covered_without_its_neighbours(monkeypatch, tmp_path):
    packages = tmp_path / "packages"
    installed(monkeypatch, packages)
    shutil.copytree(ROOT / "grader", packages / "grader")
    monkeypatch.setattr(module.grader, "__file__", str(packages / "grader" / "__init__.py"))
    assert list(module._course_below([packages])) == [packages / "grader"]


def test_where_the_packages_are_the_interpreters_own_both_places_are_covered(monkeypatch, tmp_path):
    """As in a conda environment, which is an interpreter with packages and no venv."""
    packages = tmp_path / "env" / "lib" / VERSION / "site-packages"
    installed(monkeypatch, packages)
    (packages / "grader").mkdir()
    monkeypatch.setattr(module.sys, "base_prefix", str(tmp_path / "env"))
    mounts = stage(tmp_path / "stage").mounts(AT)
    covers = [mount.target for mount in mounts if mount.source is None]
    assert covers == [PurePosixPath(packages / "grader"), AT / f"venv/lib/{VERSION}/site-packages/grader"]


def test_a_checkout_below_a_mounted_folder_is_covered(monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path / "packages")
    assert next(module._course_below([ROOT.parent])) == ROOT
    course = str(tmp_path / "usr" / "course")
    monkeypatch.setattr(module, "SYSTEM", tmp_path / "usr")
    (tmp_path / "usr" / "course" / "labs").mkdir(parents=True)
    made = Stage(tmp_path / "stage", "", (), (), (course, f"{course}/labs"), ())
    assert made.mounts(AT) == (Mount(made.folder, AT), Mount(None, PurePosixPath(course)))


def test_what_is_below_an_interpreter_is_covered_where_the_interpreter_is(tmp_path):
    made = Stage(tmp_path, "", (Path("/opt/python"),), (), ("/usr/src/course", "/opt/python/course"), ())
    below = [mount for mount in made.mounts(AT) if mount.source not in (Path("/opt/python"), tmp_path)]
    assert [mount.target for mount in below] == [
        PurePosixPath("/usr/src/course"),
        PurePosixPath("/opt/python/course"),
    ]


def test_the_file_that_leads_to_a_checkout_is_covered_by_an_empty_one(monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path / "packages")
    finder = tmp_path / "packages" / "__editable__.course.pth"
    finder.write_text("import finder")
    monkeypatch.setattr(module, "_finders", lambda: iter([finder, finder.with_suffix(".py")]))
    found = stage(tmp_path / "stage")
    assert found.masked == (str(finder),)
    cover = found.mounts(AT)[-1]
    assert cover == Mount(found.folder / "nothing", AT / f"venv/lib/{VERSION}/site-packages/{finder.name}")
    assert (found.folder / "nothing").read_bytes() == b""


def test_a_kit_that_is_not_installed_leads_nowhere(monkeypatch):
    monkeypatch.setattr(module, "DISTRIBUTION", "no-such-kit")
    assert list(module._finders()) == []


def test_what_building_left_in_the_checkout_does_not_stand_before_the_installation(monkeypatch, tmp_path):
    before = set(module._finders())
    left = tmp_path / f"{module.DISTRIBUTION.replace('-', '_')}.egg-info"
    left.mkdir()
    (left / "PKG-INFO").write_text(f"Metadata-Version: 2.4\nName: {module.DISTRIBUTION}\nVersion: 9\n")
    (left / "SOURCES.txt").write_text("pyproject.toml\n")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert metadata.version(module.DISTRIBUTION) == "9"
    assert before <= set(module._finders())
    assert any(path.suffix == ".pth" for path in before), "the kit is to be installed, as make does it"


# It runs

ASKS = """
import importlib.util, json, sys
import utils, grader.jail.frames, grader.jail.limits
hidden = importlib.util.find_spec("grader.grading")
release = importlib.util.find_spec("grader.errors")
print(json.dumps([sys.prefix, utils.__file__, utils.__cached__, bool(hidden or release)]))
"""


def asked(made: Stage) -> None:
    words = [str(made.folder / "venv" / "bin" / "python"), "-P", "-c", ASKS]
    before = list(walk(made.folder))
    told = subprocess.run(
        words,
        env={"PYTHONPATH": str(made.folder / "kit")},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    prefix, file, cached, more = json.loads(told.stdout)
    assert prefix == str(made.folder / "venv")
    assert file == str(made.folder / "kit" / "utils" / "__init__.py")
    assert Path(cached).is_file()
    assert not more
    assert list(walk(made.folder)) == before


def test_the_staged_interpreter_runs_and_finds_the_kit_only(staged):
    asked(staged)


def test_it_does_so_when_made_by_the_systems_python(tmp_path):
    system = next((path for path in (Path(PYTHON),) if path.exists()), None)
    if (
        system is None
        or subprocess.run([PYTHON, "-c", "import sys; assert sys.version_info >= (3, 11)"]).returncode
    ):
        pytest.skip(f"{PYTHON} is not there, or too old for the kit")
    if subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(tmp_path / "env")]).returncode:
        pytest.skip(f"{PYTHON} cannot make environments")
    code = """
import json, sys
from importlib import metadata
from pathlib import Path, PurePosixPath
from grader.sandbox.stage import stage
made = stage(Path(sys.argv[1]))
print(json.dumps([list(map(str, made.interpreter)), [list(map(str, one)) for one in made.packages]]))
"""
    python = str(tmp_path / "env" / "bin" / "python")
    folder = tmp_path.resolve() / "stage"
    told = subprocess.run(
        [python, "-B", "-c", code, str(folder)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    interpreter, ((source, below),) = json.loads(told.stdout)
    assert interpreter == []
    assert source == str(tmp_path.resolve() / "env" / below)
    asked(Stage(folder, "", (), (), (), ()))


def in_jail(made: Stage, code: str) -> subprocess.CompletedProcess[str]:
    """Root makes the mounts and drops to an ordinary user inside; an ordinary user has a user namespace."""
    plain_jail.needed()
    words = ["bwrap", "--unshare-pid", "--unshare-net", "--die-with-parent"]
    words += ["--unshare-user"] if os.geteuid() else []
    words += ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/lib", "/lib64", "/sbin"):
        if Path(name).is_symlink():
            words += ["--symlink", str(Path(name).readlink()), name]
        elif Path(name).exists():
            words += ["--ro-bind", name, name]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for mount in made.mounts(AT):
        target = str(mount.target)
        # What bubblewrap makes on the way to a target is its owner's only, and the interpreter's own library
        # may lie there.
        for folder in reversed(mount.target.parents[:-1]):
            words += ["--perms", "0755", "--dir", str(folder)]
        words += ["--tmpfs", target] if mount.source is None else ["--ro-bind", str(mount.source), target]
    words += ["--remount-ro", "/", "--clearenv", "--setenv", "PYTHONPATH", str(made.kit(AT))]
    words += ["--setenv", "HOME", "/tmp", "--chdir", "/tmp", *plain_jail.ordinary()]
    words += [str(made.python(AT)), "-P", "-c", code]
    return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_in_a_jail_the_runner_can_be_imported_and_the_course_cannot_be_found(staged):
    code = f"""
import importlib.util, json, os, pathlib, sys
import grader.jail.runner, IPython, utils
def lies(top):
    for folder, folders, files in os.walk(top):
        if folder == "/":
            folders[:] = [name for name in folders if name not in ("proc", "dev", "sys")]
        for name in folders + files:
            if name in (".env", ".git", "solutions") or name.endswith(".ipynb") and "packages" not in folder:
                yield os.path.join(folder, name)
            if name == "grading" and os.path.basename(folder) == "grader":
                yield os.path.join(folder, name)
found = [bool(importlib.util.find_spec(f"grader.{{name}}")) for name in ("grading", "errors", "sandbox")]
print(json.dumps([sys.prefix, grader.jail.runner.__file__, found, os.path.exists({str(ROOT)!r}),
                  sorted(lies("/stage/kit")), sorted(lies("/usr/src")), os.access("/stage", os.W_OK),
                  any("editable" in name for name in sys.modules)]))
"""
    told = in_jail(staged, code)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == [
        "/stage/venv",
        "/stage/kit/grader/jail/runner.py",
        [False, False, False],
        False,
        [],
        [],
        False,
        False,
    ]


def test_in_a_jail_an_installed_kit_is_an_empty_folder(monkeypatch, tmp_path):
    packages = tmp_path / "packages"
    installed(monkeypatch, packages)
    (packages / "grader" / "grading").mkdir(parents=True)
    (packages / "grader" / "grading" / "values.py").write_text("SECRET = 1")
    (packages / "other.py").write_text("")
    code = "import os, sys; print(sorted(os.listdir(p := sys.path[-1])), os.listdir(p + '/grader'))"
    told = in_jail(stage(tmp_path / "stage"), code)
    assert told.stdout == "['grader', 'other.py'] []\n", told.stderr
