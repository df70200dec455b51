"""Processes in bubblewrap, without the grader's own way of starting it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SECONDS = 30.0
"""no wait in these tests takes longer, unless something is broken"""
PYTHON = "/usr/bin/python3"
NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")


def ordinary() -> list[str]:
    """What goes before a command so that an ordinary user runs it, whoever runs the tests."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def bwrap(*options: str) -> list[str]:
    """A jail with the whole machine in it, read-only, but for processes, devices and ``/tmp``."""
    tree = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    return [*ordinary(), "bwrap", *NAMESPACES, "--die-with-parent", *tree, *options]


@cache
def lacking() -> str:
    """Why no jail can be started here; empty if one can."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        return "there is no bubblewrap here"
    if not Path(PYTHON).exists():
        return f"there is no {PYTHON} here"
    tried = subprocess.run([*bwrap(), "true"], capture_output=True, text=True, timeout=SECONDS, check=False)
    return "" if tried.returncode == 0 else f"bubblewrap does not work here: {tried.stderr.strip()}"


def needed() -> None:
    """Skip what needs a jail where none can be started; on CI it must be possible."""
    if why := lacking():
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
