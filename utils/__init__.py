"""What the labs' notebooks import: ``from utils import check, setup``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from utils.notebook.check import check
    from utils.notebook.compare import compare
    from utils.notebook.handin import hand_in
    from utils.notebook.kit import Kit, setup
    from utils.notebook.reset import reset
    from utils.notebook.start import start, summary
    from utils.notebook.studio import studio
    from utils.views.conversation import conversation

__all__ = [
    "Kit",
    "check",
    "compare",
    "conversation",
    "hand_in",
    "reset",
    "setup",
    "start",
    "studio",
    "summary",
]

_HOMES = {
    "Kit": "utils.notebook.kit",
    "setup": "utils.notebook.kit",
    "check": "utils.notebook.check",
    "compare": "utils.notebook.compare",
    "hand_in": "utils.notebook.handin",
    "reset": "utils.notebook.reset",
    "start": "utils.notebook.start",
    "summary": "utils.notebook.start",
    "studio": "utils.notebook.studio",
    "conversation": "utils.views.conversation",
}


def __getattr__(name: str) -> Any:
    """Return a public name, imported when first asked for: a jail or a tool must not pay for all of them."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    import importlib  # noqa: PLC0415 - only here, and only once per name

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
