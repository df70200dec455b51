"""Where fresh values come from: the course's secret and the submission itself.

The same submission under the same secret gets the same questions, so a grade can be repeated; without
the secret nobody can compute them beforehand.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import secrets
from pathlib import Path

from grader.errors import GraderError

SECRET_BYTES = 32


def course_secret(path: Path) -> bytes:
    """Return the secret of a course, made at first use and readable by its owner only.

    Raises GraderError when the file cannot be used, or can be read by others.
    """
    try:
        _make(path)
        mode = path.stat().st_mode
        secret = path.read_bytes()
    except OSError as error:
        msg = f"the course's secret cannot be used: {error.strerror}"
        raise GraderError(msg, where=path.name, hint="use a folder that you may write to") from error
    if os.name != "nt" and mode & 0o077:
        msg = "the course's secret can be read by others"
        raise GraderError(msg, where=path.name, hint=f"chmod 600 {path.name}")
    if len(secret) != SECRET_BYTES:
        msg = f"the course's secret has {len(secret)} bytes, not {SECRET_BYTES}"
        raise GraderError(msg, where=path.name, hint="restore it from where you keep it: grades depend on it")
    return secret


def _make(path: Path) -> None:
    """Write a new secret unless there is one; two graders that start together agree on one."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()


def rng_for(secret: bytes, submission: bytes, lab: str) -> random.Random:
    """Return a source of random values for one submission to one lab."""
    message = hashlib.sha256(submission).digest() + lab.encode()
    return random.Random(hmac.digest(secret, message, "sha256"))
