"""Make `.venv` as a lock file says: its pip fetches uv, uv does the rest, and pip all of it where uv cannot.

Runs before anything is installed, so it uses the standard library only. A stamp in `.venv` says where and for
what it was made; there is none while something is being installed. An environment without the right stamp
is made again: it was moved or copied, an installation was ended half-way, or another Python is wanted.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
UV = PYTHON.with_name("uv.exe" if os.name == "nt" else "uv")
STAMP = VENV / "kit-stamp"
LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
PIP_INSTALL = (PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps")
UV_INSTALL = (UV, "pip", "install", "--python", PYTHON, "--no-deps")

# Settings of the person's shell that would install elsewhere or something else, or import from elsewhere.
MISLEADING = (
    *("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_HASHES"),
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_REQUIRE_HASHES", "UV_NO_VERIFY_HASHES", "UV_NO_EDITABLE"),
    *("UV_PROJECT", "UV_WORKING_DIR"),
)
# Where packages are to be had: uv has words of its own and reads none of pip's settings.
IN_UVS_WORDS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
# As with pip, certificates of the system count, and an index may lack a version that another one has.
LIKE_PIP = {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match"}


def main(words: list[str]) -> None:
    """Bring `.venv` up to date, or exit with one sentence."""
    try:
        update(DEV_LOCK if words == ["--dev"] else LOCK)
    except KeyboardInterrupt:
        sys.exit("Stopped. The next run goes on from here.")
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is missing: get the folder afresh, every file of it is needed.")
    except OSError as error:
        sys.exit(
            f"{error.filename or ROOT} cannot be written to ({error.strerror}): "
            "copy the folder to a place of your own and run the command there."
        )


def update(lock: Path) -> None:
    """Create the environment if need be and install what is not as the lock file says."""
    version = ".".join(map(str, sys.version_info[:3]))
    place = f"{ROOT} {version}"
    lock.stat()  # a missing one is told before anything is changed
    kit = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = STAMP.read_text("utf-8").splitlines() if STAMP.is_file() else []
    if stamp == [place, kit] and is_as_in(lock):
        return
    if stamp[:1] != [place] or not runs(PYTHON, "-I", "-c", ""):
        create(version)
        stamp = []
    STAMP.unlink(missing_ok=True)
    print(f"Installing what {lock.name} names; the first time takes a minute", flush=True)
    # Neither takes an editable install beside hashes. What builds it came with the lock.
    if not (
        (UV.exists() or runs(*PIP_INSTALL, "--quiet", "--require-hashes", "-r", only_uv(lock)))
        and install("--require-hashes", "-r", lock)
        and (stamp[1:] == [kit] or install("--no-build-isolation", "-e", "."))
    ):
        if stamp:  # who fails has changed nothing: packages are replaced when all are there
            STAMP.write_text("\n".join(stamp), "utf-8")
        sys.exit(
            "The packages could not be installed, for the reason above. "
            "The first set-up needs a connection to the package index: run this again when there is one."
        )
    STAMP.write_text(f"{place}\n{kit}\n", "utf-8")
    print("The environment is ready in .venv.", flush=True)


def is_as_in(lock: Path) -> bool:
    """Tell whether each package is installed in the version of the lock file; uv knows within 0.1 s."""
    # With nothing to install from, whatever has to be installed is an error.
    nothing = ("--quiet", "--dry-run", "--offline", "--no-cache")
    return runs(*UV_INSTALL, *nothing, "--require-hashes", "-r", lock, quiet=True)


def create(version: str) -> None:
    """Make `.venv` again with the Python that runs this file."""
    # Inside the environment that is about to go, the Python it was made from is the one to use.
    python = getattr(sys, "_base_executable", None) or sys.executable
    print(f"Making the environment .venv with Python {version}", flush=True)
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    VENV.mkdir(exist_ok=True)
    if not runs(python, "-I", "-m", "venv", "--clear", VENV):
        sys.exit(f"Python {version} could not make .venv, for the reason above.")


def only_uv(lock: Path) -> Path:
    """Write a lock file of uv alone."""
    pinned = re.search(r"^uv==.*\n(?: +--hash=.*\n)+", lock.read_text("utf-8"), re.MULTILINE)
    assert pinned, "a test sees to it that uv is pinned"
    alone = VENV / "uv.lock"
    alone.write_text(pinned[0], "utf-8")
    return alone


def install(*words: str | Path) -> bool:
    """Install with uv, or else with pip, which may reach what uv cannot."""
    if runs(*UV_INSTALL, "--compile-bytecode", *words, settings={**LIKE_PIP, **pip_settings()}):
        return True
    print("uv could not do it, for the reason above. Now pip tries, which takes minutes.", flush=True)
    return runs(*PIP_INSTALL, "--quiet", *words)


def pip_settings() -> dict[str, str]:
    """Return what pip's files and variables say about where packages are to be had, in uv's words."""
    command = [str(PYTHON), "-I", "-m", "pip", "config", "list"]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, stdin=subprocess.DEVNULL)
    found = {}
    for section in ("global", "install", ":env:"):  # what comes later counts more
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.+)$", said.stdout, re.MULTILINE):
            if words := ast.literal_eval(value).split() if name in IN_UVS_WORDS else ():
                found[IN_UVS_WORDS[name]] = ("," if name == "find-links" else " ").join(words)
    return found


def runs(*command: str | Path, quiet: bool = False, settings: Mapping[str, str] | None = None) -> bool:
    """Run a command here and tell whether it went well. What a person has set for uv stays."""
    own = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    uvs = {name: value for name, value in own.items() if name.startswith("UV_")}
    said = subprocess.DEVNULL if quiet else None
    environment = {**own, **(settings or {}), **uvs}
    try:
        return not subprocess.call(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    except OSError:  # there is no such program, or it is for another machine
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
