"""Write `requirements.lock`, `requirements-dev.lock` and one lock for each provider from `pyproject.toml`.

Pins that still fit stay as they are, so a second run changes nothing; `--upgrade` moves them.
All is resolved together, so that adding a provider later never asks for another version of a package that is
pinned already. (The extra `local` stays out: it is a model, not a client.) Tests run on every provider: the
providers' packages are in `requirements-dev.lock`, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("anthropic", "bedrock", "postgres")
PROVIDERS = ("anthropic", "bedrock")
"""extras that have a lock of their own: what a student installs beside `requirements.lock`"""
LOCK, DEV_LOCK = "requirements.lock", "requirements-dev.lock"
TOGETHER = "build/together.txt"


def main() -> int:
    """Compile the locks and return the exit code."""
    upgrade = sys.argv[1:]
    (ROOT / "build").mkdir(exist_ok=True)
    # uv keeps the versions that it finds in the file to be written, as far as they fit.
    known = [path for path in ROOT.glob("requirements*.lock") if path.name != DEV_LOCK]
    (ROOT / TOGETHER).write_text("".join(path.read_text("utf-8") for path in sorted(known)), "utf-8")
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    compile_lock("pyproject.toml", "--no-annotate", "--group", "build", *extras, "-o", TOGETHER, *upgrade)
    shutil.copy(ROOT / TOGETHER, ROOT / LOCK)
    compile_lock("pyproject.toml", "--generate-hashes", "--group", "build", "-o", LOCK)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    sources = []
    for extra in PROVIDERS:
        sources.append(f"build/{extra}.in")
        (ROOT / sources[-1]).write_text("\n".join(wanted[extra]) + "\n", "utf-8")
        compile_lock(sources[-1], "--generate-hashes", "-c", TOGETHER, "-o", f"requirements-{extra}.lock")
    compile_lock(*sources, "--generate-hashes", "--group", "dev", "-c", TOGETHER, "-o", DEV_LOCK, *upgrade)
    return 0


def compile_lock(*words: str) -> None:
    """Run uv's compiler without this machine's settings and without index addresses in what it writes."""
    base = ["-m", "uv", "--no-config", "--quiet", "pip", "compile", "--universal", "--python-version", "3.11"]
    environment = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "make lock"}
    done = subprocess.run(
        [sys.executable, *base, "--no-emit-index-url", "--no-emit-find-links", *words],
        cwd=ROOT,
        env=environment,
        check=False,
    )
    if done.returncode:
        print("The locks were not written: uv says above why.", file=sys.stderr)
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
