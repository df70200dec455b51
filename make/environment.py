"""Make `.venv` as the lock files say, and do nothing when that has been done.

Runs before anything is installed, so it uses the standard library only.
A stamp in `.venv` remembers what was installed, from which files, and where: a repository that was moved
or copied together with its environment gets a new one, because an environment knows its own path.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "kit-stamp.json"
LOCK, DEV_LOCK = "requirements.lock", "requirements-dev.lock"

# Settings of the person's shell that would make pip install elsewhere, or Python import from elsewhere.
MISLEADING = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_HASHES")


class SetupError(Exception):
    """What a person has to know, in one sentence."""


def main() -> int:
    """Bring `.venv` up to date and return the exit code."""
    parser = argparse.ArgumentParser(description="Make or update .venv.")
    parser.add_argument("--dev", action="store_true", help="with the packages that tests need")
    dev: bool = parser.parse_args().dev
    try:
        update(dev)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The next run goes on from here.", file=sys.stderr)
        return 130
    return 0


def update(dev: bool) -> None:
    """Create the environment if need be and install what the stamp does not have."""
    version = ".".join(map(str, sys.version_info[:3]))
    made = {"place": str(ROOT), "python": version}
    base = digest(LOCK, "pyproject.toml")
    wanted = {"base": base, **({"dev": digest(DEV_LOCK) + base} if dev else {})}
    stamp = read_stamp()
    installed = stamp.get("installed", {}) if stamp.get("made") == made else {}
    if wanted.items() <= installed.items():
        return
    refuse_what_cannot_be_written()
    if stamp.get("made", made) != made or not runs(version):
        create(version)
    STAMP.write_text(json.dumps({"made": made, "installed": {}}), encoding="utf-8")
    install([LOCK, DEV_LOCK] if dev else [LOCK])
    STAMP.write_text(json.dumps({"made": made, "installed": wanted}, indent=1), encoding="utf-8")
    print("The environment is ready in .venv.", flush=True)


def digest(*names: str) -> str:
    """Return one hash over the content of these files."""
    total = hashlib.sha256()
    for name in names:
        try:
            total.update((ROOT / name).read_bytes())
        except OSError as error:
            msg = f"{name} is missing: get the folder afresh, every file of it is needed."
            raise SetupError(msg) from error
    return total.hexdigest()


def read_stamp() -> dict[str, dict[str, str]]:
    """Return what the last run left, or nothing."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def refuse_what_cannot_be_written() -> None:
    """Say so before the first download when the folder is read-only."""
    probe = ROOT / f".kit-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        msg = (
            f"{ROOT} cannot be written to ({error.strerror}): "
            "copy the folder to a place of your own and run the command there."
        )
        raise SetupError(msg) from error


def runs(version: str) -> bool:
    """Tell whether `.venv` holds a working Python of this version that has pip."""
    if not PYTHON.exists():
        return False
    probe = "import pip, sys; print('.'.join(map(str, sys.version_info[:3])))"
    answer = subprocess.run(
        [PYTHON, "-I", "-c", probe], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return answer.returncode == 0 and answer.stdout.strip() == version


def create(version: str) -> None:
    """Make `.venv` anew with the Python that runs this file."""
    # Inside the environment that is about to go, the Python it was made from is the one to use.
    python = getattr(sys, "_base_executable", None) or sys.executable
    print(f"Making the environment .venv with Python {version}", flush=True)
    try:
        if VENV.is_symlink() or VENV.is_file():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(VENV)
    except OSError as error:
        msg = f".venv is in the way and cannot be removed ({error.strerror}): remove it, then run this again."
        raise SetupError(msg) from error
    made = subprocess.run(
        [python, "-I", "-m", "venv", VENV],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        lines = (made.stdout + made.stderr).strip().splitlines()
        msg = f"Python {version} could not make .venv: {lines[-1] if lines else 'no reason was given'}"
        raise SetupError(msg)


def install(locks: list[str]) -> None:
    """Install exactly what the lock files name, then the kit itself."""
    total = sum(len(re.findall(r"^[\w.-]+==", (ROOT / lock).read_text("utf-8"), re.M)) for lock in locks)
    print(
        f"Installing the {total} packages of {' and '.join(locks)}; the first time takes minutes", flush=True
    )
    pip("--require-hashes", *(word for lock in locks for word in ("-r", lock)), total=total)
    # pip refuses an editable install beside hashes; the build backend came with the lock.
    pip("--no-deps", "--no-build-isolation", "-e", ".", total=0)


def pip(*words: str, total: int) -> None:
    """Run `pip install`, counting packages on a terminal and keeping its words for a failure."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *words]
    environment = {key: value for key, value in os.environ.items() if key not in MISLEADING}
    last: deque[str] = deque(maxlen=12)
    seen = 0
    counting = total > 0 and sys.stdout.isatty()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line.rstrip())
            seen += line.startswith(("Collecting ", "Requirement already satisfied"))
            if counting:
                print(f"\r  {min(seen, total)} of {total} ", end="", flush=True)
    if counting:
        print("\r" + " " * 24 + "\r", end="", flush=True)
    if process.returncode:
        print("\n".join(last), file=sys.stderr)
        msg = (
            "The packages could not be installed, for the reason above. "
            "The first set-up needs a connection to the package index: run this again when there is one."
        )
        raise SetupError(msg)


if __name__ == "__main__":
    sys.exit(main())
