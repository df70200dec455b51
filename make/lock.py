"""Write `requirements.lock` and `requirements-dev.lock` from `pyproject.toml`.

Pins that still fit stay as they are, so a second run changes nothing; `--upgrade` moves them.
The lock is resolved together with the extras, so that adding a provider later never asks for another version
of a package that the lock has pinned. (The extra `local` stays out: it is a model, not a client.)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("anthropic", "bedrock", "postgres")
LOCK, DEV_LOCK = "requirements.lock", "requirements-dev.lock"
TOGETHER = "build/together.txt"


def main() -> int:
    """Compile both locks and return the exit code."""
    upgrade = sys.argv[1:]
    (ROOT / "build").mkdir(exist_ok=True)
    if (ROOT / LOCK).exists():
        shutil.copy(ROOT / LOCK, ROOT / TOGETHER)
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    compile_lock("pyproject.toml", "--no-annotate", "--group", "build", *extras, "-o", TOGETHER, *upgrade)
    # uv keeps the versions that it finds in the file to be written, as far as they fit.
    shutil.copy(ROOT / TOGETHER, ROOT / LOCK)
    compile_lock("pyproject.toml", "--generate-hashes", "--group", "build", "-o", LOCK)
    compile_lock("--generate-hashes", "--group", "dev", "-c", LOCK, "-o", DEV_LOCK, *upgrade)
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
