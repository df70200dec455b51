"""Gradescope's autograder archive: what its container needs to grade one lab, as one zip.

`setup.sh` runs once, when the container's image is built; `run_autograder` runs for each submission, which
lies in `/autograder/submission`, and leaves `/autograder/results/results.json`. The same course gives the
same bytes.

The container of a service may not allow jails. Then nothing of a submission is run, and no result is written:
the service shows a failure, and the instructor reads why. An archive that was made without a sandbox runs
submissions with the container's rights. No archive holds a solution; that one has a secret of its own, too,
which tells nothing about the course's.
"""

from __future__ import annotations

import hmac
import io
import zipfile
from collections.abc import Iterator

from grader.errors import UsageError
from grader.release.bundle import File, collected
from grader.release.course import REPOSITORY, Course

SECRET = ".course-secret"  # noqa: S105 - the name of a file
OWN = b"an autograder that runs submissions without a jail"

_DATE = (1980, 1, 1, 0, 0, 0)
"""the oldest that an archive knows: the same course gives the same bytes"""
_KINDS = frozenset((".py", ".css", ".jinja", ".toml", ".typed", ".yaml"))
_PRIVATE = frozenset((SECRET,))
_STAND_IN = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n'
"""in the place of a solution: grading needs to know which labs there are, and reads no solution"""

_SETUP = """\
#!/usr/bin/env bash
# Runs once, while the image is built: the jail's program, a Python, and the exact packages of the lock.
set -euo pipefail
cd "${AUTOGRADER:-/autograder}/source"
apt-get update
apt-get install -y --no-install-recommends bubblewrap python3 python3-venv
python="$(sh make/python.sh)"
"$python" make/environment.py
.venv/bin/python -m grader doctor || echo "Read above what this container lacks: submissions will not be run."
"""
_RUN = """\
#!/usr/bin/env bash
# Runs for each submission. Without a result the service shows a failure, and you see what is printed here.
set -euo pipefail
base="${AUTOGRADER:-/autograder}"
cd "$base/source"
chmod 600 .course-secret  # unpacking may have opened it
exec .venv/bin/python -m grader autograde "$base" --lab LABWORDS
"""
_README = """\
# Autograder for LAB

Upload this zip as the autograder of a Gradescope assignment, with an image that has Python 3.11 to 3.13
(Ubuntu 24.04 has). It is for instructors: who has its secret can know a grader's questions beforehand.
JAIL
"""
_JAILED = (
    "Submissions run in jails. Where the container does not allow jails, nothing is run and no result is\n"
    "written; the output that only instructors see says why."
)
_UNJAILED = (
    "Submissions run WITHOUT a jail, with the rights of the container: one can write its own result. Each\n"
    "result says `unsandboxed`."
)


def autograder(course: Course, lab: str, secret: bytes, *, sandbox: bool = True) -> bytes:
    """Return the archive. Raises UsageError for a lab that does not exist."""
    if lab not in course.labs():
        raise UsageError(f"there is no lab {lab!r}", hint=f"the labs are: {', '.join(course.labs())}")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(_files(course, lab, secret, sandbox=sandbox), key=lambda file: file.path):
            info = zipfile.ZipInfo(file.path, _DATE)
            mode = 0o600 if file.path in _PRIVATE else 0o755 if file.executable else 0o644
            info.external_attr = mode << 16
            packed.writestr(info, file.data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _files(course: Course, lab: str, secret: bytes, *, sandbox: bool) -> Iterator[File]:
    words = lab if sandbox else f"{lab} --no-sandbox"
    yield File("setup.sh", _SETUP.encode(), executable=True)
    yield File("run_autograder", _RUN.replace("LABWORDS", words).encode(), executable=True)
    yield File(
        "README.md", _README.replace("LAB", lab).replace("JAIL", _JAILED if sandbox else _UNJAILED).encode()
    )
    yield File(f"solutions/{lab}.ipynb", _STAND_IN)
    yield File(SECRET, secret if sandbox else hmac.digest(secret, OWN, "sha256"))
    for file in collected(course):
        others = file.path.startswith("labs/") and file.path != f"labs/{lab}.ipynb"
        if file.path != "README.md" and not others:
            yield file
    top = REPOSITORY / "grader"
    for path in sorted(top.rglob("*")):
        if path.is_file() and (path.suffix in _KINDS or path.name == "py.typed"):
            yield File(f"grader/{path.relative_to(top).as_posix()}", path.read_bytes())
