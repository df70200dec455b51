"""What the kit adds to IPython: graphs that draw themselves offline, short errors, quiet warnings."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from types import TracebackType
from typing import Any

from utils.modes import GRADING
from utils.replay.troubles import REMEDY
from utils.replay.wires.pieces import LIVE
from utils.shell import shell

MARK = "_course_kit_installed"


def install() -> None:
    """Add what the kit adds to the running shell, once; outside of notebooks only quiet the warnings."""
    quiet_sunset_warnings()
    ip = shell()
    if ip is None or getattr(ip, MARK, False):
        return
    from utils.diagnostics import watch_cells  # noqa: PLC0415
    from utils.notebook.pip import install_pip  # noqa: PLC0415
    from utils.notebook.runs import watch_runs  # noqa: PLC0415
    from utils.views.graph import install_graph_formatter  # noqa: PLC0415

    install_graph_formatter(ip)
    ip.set_custom_exc((Exception,), _show_error)
    if not os.environ.get(GRADING):
        watch_cells(ip)
        watch_runs(ip)
        install_pip(ip)
    setattr(ip, MARK, True)


def quiet_sunset_warnings() -> None:
    """Quiet two warnings about the notes' search tool that say the same at each start.

    Its packages put filters of their own in front when they are first imported, so this comes after them.
    """
    if "langchain_community" in sys.modules:
        importlib.import_module("langchain_classic")
    warnings.filterwarnings("ignore", message=r".*`?langchain-community`? is being sunset.*")
    warnings.filterwarnings("ignore", message=r".*TavilySearchResults.*was deprecated.*")


def live_trouble(error: BaseException) -> str | None:
    """Return what is said of a real model that did not answer; ``None`` for an error about anything else."""
    from utils.diagnostics import chain  # noqa: PLC0415 - as below

    return next((told for found in chain(error) if REMEDY in (told := _told(found))), None)


def _told(error: BaseException) -> str:
    """Return the message that an SDK's error has from the server; empty where it has none."""
    body, response = getattr(error, "body", None), getattr(error, "response", None)
    if isinstance(response, dict):  # AWS's SDK
        told = response.get("Error")
        return str(told.get("Message", "")) if isinstance(told, dict) else ""
    told = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(told, dict) and LIVE in (told.get("code"), told.get("type")):
        return str(told.get("message", ""))
    return ""


def not_recorded(error: BaseException) -> str | None:
    """Return the sentence of an error about a request that nobody recorded; ``None`` for any other error."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        # OpenAI's SDK gives what is inside of "error", Anthropic's the whole.
        told = body.get("error", body)
        if isinstance(told, dict) and "not_recorded" in (told.get("code"), told.get("type")):
            return str(told.get("message", ""))
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # AWS's SDK; its services never give this status
        facts, told = response.get("ResponseMetadata"), response.get("Error")
        if isinstance(facts, dict) and isinstance(told, dict) and facts.get("HTTPStatusCode") == 422:
            return str(told.get("Message", ""))
    return None


def _show_error(
    ip: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str]:
    """Show one sentence for a question that nobody recorded, two for a real model that did not answer, and
    the usual traceback for everything else.

    Above the traceback of a classic mistake stand two lines that explain it.
    """
    from utils.diagnostics import show  # noqa: PLC0415

    sentence = not_recorded(error)
    if (trouble := live_trouble(error)) is not None:
        # Where %tb looks: IPython notes it only for what it shows itself.
        sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
        what, _, remedy = trouble.partition(REMEDY)
        lines = [f"NoLiveAnswer: {what}", f"  What to do: {remedy} (%tb shows the whole traceback.)"]
        ip._showtraceback(kind, error, lines)
        return lines
    if sentence is None:
        show(ip, error)
        ip.showtraceback((kind, error, trace), tb_offset=tb_offset, running_compiled_code=True)
        return []
    lines = [f"NotRecorded: {sentence}"]
    ip._showtraceback(kind, error, lines)
    return lines
