"""Which lab a notebook says that it is, without reading the notebook.

A released lab names itself in its metadata, below ``kit``, and keeps that when its file is renamed. It stands
near the end of a file, or near its beginning where another program saved it: only these are looked at.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from grader.submissions.files import opened_below, opened_file
from utils.checks.registry import LAB_NAME

NEAR = 32 * 1024
"""bytes at the end, and at the beginning, that are looked at"""
_KEY = '"kit"'
_MOST = 2_000
"""letters of the metadata's entry"""


def named_lab(top: int, steps: Sequence[str]) -> str | None:
    """Return the lab that a notebook's metadata names; ``None`` where it names none.

    ``steps`` lead from the opened folder ``top`` to the file. What cannot be opened names none.
    """
    *above, name = steps
    try:
        with opened_below(top, above) as folder, opened_file(folder, name) as file:
            size = file.seek(0, os.SEEK_END)
            for begin in (max(0, size - NEAR), 0):
                file.seek(begin)
                lab = _lab_in(file.read(NEAR).decode("utf-8", "replace"))
                if lab is not None:
                    return lab
    except OSError:
        return None
    return None


def _lab_in(text: str) -> str | None:
    """Return what the last entry of the kit's names.

    Within a text of JSON's the key cannot stand like that: its quotation marks would be escaped.
    """
    at = text.rfind(_KEY)
    if at < 0:
        return None
    entry = text[at + len(_KEY) : at + len(_KEY) + _MOST].lstrip().removeprefix(":").lstrip()
    try:
        found, _ = json.JSONDecoder().raw_decode(entry)
    except (ValueError, RecursionError):
        return None
    lab = found.get("lab") if isinstance(found, dict) else None
    return lab if isinstance(lab, str) and LAB_NAME.fullmatch(lab) else None
