"""All parts of the kit by name: those that every lab may use, and those of the labs' own folders."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from utils.errors import KitError
from utils.lab.parts import PARTS

FOLDER = Path(__file__).parent


def load_parts() -> Mapping[str, Callable[..., Any]]:
    """Return the parts by name.

    Raises KitError when two labs, or a lab and the kit, have parts of the same name.
    """
    found = dict(PARTS)
    for lab in sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.ispkg):
        name = f"{__package__}.{lab}.parts"
        if importlib.util.find_spec(name) is None:
            continue
        parts: Mapping[str, Callable[..., Any]] = importlib.import_module(name).PARTS
        if twice := sorted(found.keys() & parts.keys()):
            msg = f"the part {twice[0]!r} exists already"
            raise KitError(msg, where=f"utils/checks/{lab}/parts.py", hint="give it another name")
        found |= parts
    return found
