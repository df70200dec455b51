"""What starts a process for a submission, whichever walls it has."""

from __future__ import annotations

from typing import Protocol

from grader.sandbox.child import Child


class Start(Protocol):
    """What starts a Python module of ``grader.jail`` with a socket to it."""

    def __call__(self, module: str, theirs: int) -> Child:
        """Return the started process; ``theirs`` is the descriptor of its end of the socket.

        Raises GraderError when it does not start.
        """
        ...
