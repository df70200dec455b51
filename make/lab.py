"""Start JupyterLab on the labs. Words on the command line are handed on to JupyterLab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "make" / "jupyter"
"""settings of JupyterLab that have no option: it does not ask whether it may fetch news"""
START = "00_start.ipynb"


def command(words: list[str]) -> list[str]:
    """Return the command that starts JupyterLab here."""
    found = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{first_page()}",
        # JupyterLab would ask about news, look for updates and list extensions; the kit needs no network.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        # Not a list of language servers that are not here, at every start.
        "--LanguageServerManager.autodetect=False",
    ]
    if port := os.environ.get("PORT", "").strip():
        found.append(f"--ServerApp.port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        found.append("--allow-root")
    if not has_display():
        found.append("--no-browser")
    return found + words


def first_page() -> str:
    """Return what JupyterLab shows first: the start page; without one, a lab that is alone, or the folder."""
    if (ROOT / "labs" / START).is_file():
        return f"labs/{START}"
    labs = [path for path in sorted(ROOT.glob("labs/[0-9][0-9]_*.ipynb")) if ".kept-" not in path.name]
    return f"labs/{labs[0].name}" if len(labs) == 1 else "labs"


def has_display() -> bool:
    """Tell whether a browser has somewhere to appear."""
    if os.name == "nt" or sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main() -> int:
    """Become JupyterLab; where a process cannot do that, start it and wait."""
    port = os.environ.get("PORT", "").strip()
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        print(f"PORT is a number from 1 to 65535, not {port!r}: make lab PORT=8890", file=sys.stderr)
        return 2
    arguments = command(sys.argv[1:])
    # Another folder's packages would stand before the kit's own in every kernel.
    os.environ.pop("PYTHONPATH", None)
    paths = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    if os.name != "nt":
        os.execv(arguments[0], arguments)  # noqa: S606 -- no shell is the point
    try:
        return subprocess.run(arguments, check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
