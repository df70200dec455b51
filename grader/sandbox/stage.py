"""What goes into every jail of a grading run: made once, in a fresh folder, and then only read.

``kit/`` has a copy of ``utils`` and of ``grader/jail``, byte-compiled; ``venv/`` is an environment without a
package, whose ``site-packages`` the installed one is mounted over. Nothing else of the course is there, and
where a folder that has to be mounted has more of it, that is covered.

This module knows what must be seen at which place, and not by what means: see ``Stage.mounts``.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

import grader
import utils
from grader.errors import GraderError

KIT, VENV, NOTHING = "kit", "venv", "nothing"
DISTRIBUTION = "langgraph-course-kit"
SYSTEM = Path("/usr")
"""mounted into every jail anyway"""
_KINDS = frozenset({".py", ".css", ".html", ".yaml", ".typed"})
_TRANSIENT = frozenset({"__pycache__", "tests"})


@dataclass(frozen=True, slots=True)
class Mount:
    """Something of this machine at a place in the jail, to be read only."""

    source: Path | None
    """None for an empty folder"""
    target: PurePosixPath


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder that was made for jails."""

    folder: Path
    digest: str
    """a hash over the kit's files in it: whether a jail would run the same code as another time"""
    interpreter: tuple[Path, ...]
    """where the interpreter and its library are, seen at the same place in a jail; empty if below ``/usr``"""
    packages: tuple[tuple[Path, str], ...]
    """what is mounted over which folder below ``venv``"""
    masked: tuple[str, ...]
    """what is covered by an empty folder or file because it has more of the course; paths on this machine"""
    closed: tuple[Path, ...]
    """folders on the way to any of these, the stage included, which an ordinary user may not enter

    Nothing to care about where the jail runs as the user who started the grader. Where it drops to another
    one, the mounts have to be made before."""

    def python(self, at: PurePosixPath) -> PurePosixPath:
        """Return the interpreter to start, in a jail that has the stage at this place."""
        return at / VENV / "bin" / "python"

    def kit(self, at: PurePosixPath) -> PurePosixPath:
        """Return what PYTHONPATH has to be."""
        return at / KIT

    def mounts(self, at: PurePosixPath) -> tuple[Mount, ...]:
        """Return what to mount, in this order and after ``/usr``, in a jail with the stage at this place."""
        made = [Mount(path, PurePosixPath(path)) for path in self.interpreter]
        made.append(Mount(self.folder, at))
        made += [Mount(source, at / VENV / below) for source, below in self.packages]
        return (*made, *self._covers([Mount(SYSTEM, PurePosixPath(SYSTEM)), *made]))

    def _covers(self, made: list[Mount]) -> Iterator[Mount]:
        """Yield a cover for each place where a masked thing is seen, unless a folder above it is covered."""
        empty: list[PurePosixPath] = []
        for path in map(Path, self.masked):
            cover = None if path.is_dir() else self.folder / NOTHING
            for mount in made:
                if mount.source is None or not path.is_relative_to(mount.source):
                    continue
                target = mount.target / path.relative_to(mount.source)
                if not any(target.is_relative_to(above) for above in empty):
                    empty.append(target)
                    yield Mount(cover, target)


def stage(folder: Path) -> Stage:
    """Make what jails need in a folder that does not exist yet, or is empty."""
    if sys.platform != "linux":
        msg = "What goes into a jail can be made on Linux only"
        raise GraderError(msg, hint="grade on Linux; WSL2 or a container will do")
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = "The folder for what goes into a jail has to be a fresh one"
        raise GraderError(msg, where=str(folder), hint="name a folder that does not exist yet")
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    executable = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    interpreter = _interpreter(executable)
    packages = _packages()
    digest = _copy_kit(folder / KIT)
    _make_venv(folder / VENV, executable, [below for _, below in packages])
    (folder / NOTHING).write_bytes(b"")
    _let_everyone_read(folder)
    sources = [*interpreter, *(source for source, _ in packages)]
    # What is below /usr is in the jail by way of it, and so may be the course.
    masked = tuple(str(path) for path in _course_below([*sources, SYSTEM]))
    ways = (closed for path in (folder, *sources) for closed in _closed(path))
    return Stage(folder, digest, interpreter, packages, masked, tuple(dict.fromkeys(ways)))


def _interpreter(executable: Path) -> tuple[Path, ...]:
    """Return folders that an interpreter cannot do without, none of them below another."""
    # The second is where Python finds its library by way of pyvenv.cfg; usually they are one.
    wanted = {executable.parent.parent, Path(sys.base_prefix).resolve(), Path(sys.base_exec_prefix).resolve()}
    if Path("/") in wanted:
        msg = f"The interpreter {executable} has the whole machine as its folder"
        raise GraderError(msg, hint="make the environment again with an interpreter of its own, as uv does")
    apart = [one for one in wanted if not any(one != other and one.is_relative_to(other) for other in wanted)]
    return tuple(sorted(one for one in apart if not one.is_relative_to(SYSTEM)))


def _packages() -> tuple[tuple[Path, str], ...]:
    """Return where packages are installed, and where below an environment they belong."""
    below = {"base": "", "platbase": "", "installed_base": "", "installed_platbase": ""}
    found: dict[Path, str] = {}
    for kind in ("purelib", "platlib"):
        source = Path(sysconfig.get_path(kind)).resolve()
        # One folder by two names where lib64 is a link to lib.
        found.setdefault(source, sysconfig.get_path(kind, "posix_prefix", below).lstrip("/"))
    return tuple(found.items())


def _copy_kit(kit: Path) -> str:
    """Copy and compile; the hash of what was copied."""
    digest = hashlib.sha256()
    for name, source in _kit_files():
        data = source.read_bytes()
        target = kit / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        for part in (name.encode(), data):
            digest.update(len(part).to_bytes(8, "big") + part)
    # A jail cannot write what it compiled, and need not ask whether what it finds is still right.
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(kit, quiet=2, force=True, optimize=0, invalidation_mode=unchecked):
        msg = "The kit cannot be compiled"
        raise GraderError(
            msg, where=str(kit), hint="run `make test`: a file of utils or grader/jail is broken"
        )
    return digest.hexdigest()


def _kit_files() -> Iterator[tuple[str, Path]]:
    """Yield names below the stage's kit, in order, and the files to be copied."""
    ours, theirs = _home(grader.__file__), _home(utils.__file__)
    yield "grader/__init__.py", ours / "__init__.py"
    yield from _files(ours / "jail", "grader/jail")
    yield from _files(theirs, "utils")


def _files(top: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Yield a package's own files; a link may lead anywhere, and a hidden file may be private."""
    for path in sorted(top.iterdir(), key=lambda path: path.name):
        if path.is_symlink() or path.name.startswith(".") or path.name in _TRANSIENT:
            continue
        if path.is_dir():
            yield from _files(path, f"{name}/{path.name}")
        elif path.suffix in _KINDS:
            yield f"{name}/{path.name}", path


def _home(file: str | None) -> Path:
    if file is None:
        msg = "A part of the kit is not where it should be: a folder of the same name stands before it"
        raise GraderError(msg, hint="run the grader from the kit's own folder")
    return Path(file).resolve().parent


def _make_venv(venv: Path, executable: Path, mount_points: list[str]) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(executable)
    for below in mount_points:
        (venv / below).mkdir(parents=True)
    version = ".".join(map(str, sys.version_info[:3]))
    settings = f"home = {executable.parent}\ninclude-system-site-packages = false\nversion = {version}\n"
    (venv / "pyvenv.cfg").write_text(settings, encoding="utf-8")


def _let_everyone_read(folder: Path) -> None:
    """Let everyone read it, whatever the umask: the jail's user is not the one who made this."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def _course_below(sources: list[Path]) -> Iterator[Path]:
    """Yield what of the course can be seen in these folders, and need not."""
    home = _home(grader.__file__)
    installed = [Path(source) for source in map(sysconfig.get_path, ("purelib", "platlib"))]
    ours = {source.resolve() / "grader" for source in installed}
    # A checkout has solutions beside its packages; installed, others' packages are beside them.
    ours.add(home if home.parent in {path.parent for path in ours} else home.parent)
    # Of an editable installation only the file that finds the checkout: it says where that is.
    ours.update(path for path in _finders() if path.suffix == ".pth")
    for path in sorted(ours):
        if path.exists() and any(path.is_relative_to(source) for source in sources):
            yield path


def _finders() -> Iterator[Path]:
    """Yield the files of every installation; none when run from a checkout."""
    # Building leaves a second, without these files, in the checkout, and it may be found first.
    for installed in metadata.distributions(name=DISTRIBUTION):
        for file in installed.files or []:
            yield Path(str(file.locate())).resolve()


def _closed(path: Path) -> Iterator[Path]:
    """Yield folders on the way to this one, itself included, that not everybody may enter."""
    for folder in (*reversed(path.parents), path):
        if not os.stat(folder).st_mode & 0o001:  # noqa: PTH116 - follows links, as entering does
            yield folder
