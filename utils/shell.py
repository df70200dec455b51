"""The shell that runs a notebook's cells."""

from __future__ import annotations

import sys
from typing import Any


def shell() -> Any:
    """Return the running IPython shell; ``None`` outside of notebooks."""
    # A notebook has imported IPython long ago; a script must not pay for it.
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
