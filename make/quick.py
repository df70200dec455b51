"""Look at a change in half a minute: lint, format, types, and the tests that need no slow package.

They start no jail, no kernel and no browser, and pytest refuses them what takes seconds to import: a test
that comes to need it is noticed at once. It belongs below another path then.
"""

from __future__ import annotations

import subprocess
import sys

TESTS = (
    "tests/test_architecture.py",
    "tests/test_guards.py",
    "tests/test_house.py",
    "tests/grader/grading/test_secret.py",
    "tests/grader/jail/test_frames.py",
    "tests/grader/jail/test_limits.py",
    "tests/grader/jail/test_names.py",
    "tests/grader/release/test_compare.py",
    "tests/grader/release/test_labs.py",
    "tests/grader/results/test_adjustments.py",
    "tests/grader/results/test_feedback.py",
    "tests/grader/results/test_gradebook.py",
    "tests/grader/results/test_lines.py",
    "tests/grader/results/test_page.py",
    "tests/grader/results/test_store.py",
    "tests/grader/rules",
    "tests/grader/sandbox/test_seccomp.py",
    "tests/grader/submissions",
    "tests/utils/checks/test_registry.py",
    "tests/utils/replay/test_conversation.py",
    "tests/utils/replay/test_fixtures.py",
    "tests/utils/replay/test_gates.py",
    "tests/utils/replay/test_log.py",
    "tests/utils/replay/test_matching.py",
    "tests/utils/replay/test_pacing.py",
    "tests/utils/replay/test_storing.py",
    "tests/utils/replay/test_strictness.py",
    "tests/utils/replay/test_wires.py",
    "tests/utils/observed/test_blocking.py",
    "tests/utils/test_errors.py",
    "tests/utils/test_utils.py",
)
SLOW = (
    *("langgraph", "langchain", "langchain_core", "langchain_community"),
    *("langchain_openai", "langchain_anthropic", "langchain_aws", "openai", "anthropic", "botocore"),
    *(
        "IPython",
        "ipykernel",
        "ipywidgets",
        "jupyter_client",
        "nbclient",
        "nbconvert",
        "nbformat",
        "papermill",
    ),
    "playwright",
)
"""packages that take long to import, or whose use takes long"""


POOL = ("-n", "logical", "--dist", "loadfile", "--no-loadscope-reorder")


def tests(*arguments: str) -> list[str]:
    """Return the command that runs the tests."""
    words = ("-m", "pytest", "-q", *POOL, f"--never-import={','.join(SLOW)}")
    return [sys.executable, *words, *arguments, *TESTS]


def main(arguments: list[str]) -> int:
    """Run everything side by side, show what it says in this order, and return the first bad status."""
    commands = (
        [sys.executable, "-m", "ruff", "check"],
        [sys.executable, "-m", "ruff", "format", "--check"],
        [sys.executable, "-m", "mypy"],
        tests(*arguments),
    )
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for command in commands
    ]
    for process in started:
        said, _ = process.communicate()
        print(said, end="", flush=True)
    return next((process.returncode for process in started if process.returncode), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
