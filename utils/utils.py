"""The helpers that the course notes' notebooks call by these names."""

from __future__ import annotations

import logging
import os
import pprint
import sys

from utils.errors import SetupError

FORMAT = "[%(asctime)s] p%(process)s {%(filename)s:%(lineno)d} %(levelname)s - %(message)s"


def set_logger(name: str = "course", level: int = logging.INFO) -> logging.Logger:
    """Return a logger that writes to stderr in the notes' format; a second call returns the same one."""
    logger = logging.getLogger(name)
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(handler)
        logger.propagate = False
    return logger


def set_pretty_printer() -> pprint.PrettyPrinter:
    """Return a pretty printer, two spaces deep and 100 columns wide."""
    return pprint.PrettyPrinter(indent=2, width=100)


def get_tavily_api(key: str = "TAVILY_API_KEY", region: str | None = None) -> str:
    """Return the search service's key from the environment, where ``setup()`` and ``.env`` put it.

    ``region`` named a secret store in the notes and is not used. Raises SetupError when there is no key.
    """
    if value := os.environ.get(key):
        return value
    msg = f"{key} is not set"
    raise SetupError(msg, hint="run setup(...) first: recorded answers need no key")
