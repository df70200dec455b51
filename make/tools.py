"""See to the two programs that tests need and pip cannot install: bubblewrap and chromium.

Installs them where that is allowed without asking (as root, with apt-get). Elsewhere it prints the line to
run and lets the tests go on without; under CI=true a missing one is a failure: nothing is skipped unseen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# For each Debian package the names under which its program may be on PATH.
PROGRAMS = {
    "bubblewrap": ("bwrap",),
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
}
JAIL = ("bwrap", "--ro-bind", "/", "/", "--unshare-all", "true")


def missing() -> list[str]:
    """Return the packages of which no program is on PATH."""
    return [package for package, names in PROGRAMS.items() if not any(map(shutil.which, names))]


def may_install() -> bool:
    """Tell whether apt-get can run here without asking anybody."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str]) -> None:
    """Install the packages; what fails is seen by looking again."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        subprocess.run(
            ["apt-get", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,
        )


def complaints() -> list[str]:
    """Return one sentence for each thing that is still not right."""
    found = []
    if packages := missing():
        line = f"apt-get install {' '.join(packages)}"
        found.append(
            f"Not here: {', '.join(packages)}; the tests that need it are skipped. To install: {line}"
        )
    if "bubblewrap" not in packages and not jail_works():
        found.append(
            "bubblewrap is here but may not make namespaces; the tests that need it are skipped. "
            "On Ubuntu: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    return found


def jail_works() -> bool:
    """Tell whether bubblewrap can make the namespaces that the grader uses."""
    tried = subprocess.run(JAIL, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return tried.returncode == 0


def main() -> int:
    """Install what may be installed and report the rest; only CI takes it for a failure."""
    if (packages := missing()) and may_install():
        print(f"Installing {' and '.join(packages)} with apt-get", flush=True)
        install(packages)
    found = complaints()
    for sentence in found:
        print(sentence, file=sys.stderr)
    return 1 if found and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
