"""``studio(agent, config)`` as a notebook calls it: with the questions that its kit can answer."""

from __future__ import annotations

from typing import Any

from utils.errors import SetupError
from utils.notebook.ipython import not_recorded
from utils.notebook.kit import current_kit
from utils.replay.invented import MAY_BE_ASKED
from utils.views.studio import Studio
from utils.views.studio import studio as studio_of


def studio(agent: Any, config: Any) -> Studio:
    """Return the studio of a thread: graph, conversation, checkpoints, and what waits for a person.

    `agent` is a compiled graph with a checkpointer, or an object with one as its ``graph``; `config` names
    the thread. Where graph or saver are asynchronous, ``await`` it. It offers the questions that
    ``kit.may_ask()`` prints. Raises ViewError or ViewTypeError for an agent that cannot be shown.
    """
    return studio_of(agent, config, questions=questions(), explain=not_recorded)


def questions() -> tuple[str, ...]:
    """Return what is answered without a key: recorded questions, then some that are answered by rule."""
    try:
        session = current_kit().session
    except SetupError:
        return ()
    return () if session is None else tuple(dict.fromkeys((*session.recorded_questions(), *MAY_BE_ASKED)))
