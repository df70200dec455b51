"""``python -m grader``, and the command ``grader`` of the environment."""

from __future__ import annotations

import sys

OURS = ("grader", "utils")


def main() -> None:
    """Run the command line; a Python that has not what the grader needs is told which one has."""
    try:
        from grader.cli import app  # noqa: PLC0415 - what it imports may not be there
    except ImportError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise
        sys.exit(_other_python(error.name or str(error)))
    except SyntaxError:  # of a Python that is too old for this code
        sys.exit(_other_python("a newer Python"))
    app(prog_name="grader")


def _other_python(lacking: str) -> str:
    return (
        f"error: this Python ({sys.executable}, {sys.version.split()[0]}) lacks what is needed: {lacking}\n"
        "  What to do: run `make setup` in the course's folder, then use its environment's command: "
        ".venv/bin/grader (or .venv/bin/python -m grader)"
    )


if __name__ == "__main__":
    main()
