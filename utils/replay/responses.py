"""Answers of the server that are not of any one protocol."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from utils.replay.wires.base import WireError

BROKEN_OFF = "broken_off"
"""marks an answer that ended in the middle, though it was closed properly"""


class HungUp(web.Response):
    """Stands for an answer that was broken off: nobody is there to get it."""


def hang_up(request: web.Request) -> HungUp:
    """Break the line to the client."""
    if request.transport is not None:
        request.transport.abort()
    return HungUp()


def json_response(
    status: int, data: Any, *, headers: Mapping[str, str] | None = None, reason: str | None = None
) -> web.Response:
    """Return JSON, after which the connection ends."""
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    return raw_response(status, body, headers=headers, reason=reason)


def raw_response(
    status: int, body: bytes, *, headers: Mapping[str, str] | None = None, reason: str | None = None
) -> web.Response:
    """Return JSON that is written already."""
    response = web.Response(
        status=status,
        body=body,
        headers=headers,
        content_type="application/json",
        reason=one_line(reason) if reason else None,
    )
    response.force_close()
    return response


def refuse(error: WireError) -> web.Response:
    """Return a refusal in a provider's words."""
    return json_response(error.status, error.body, headers=error.headers, reason=error.reason)


def one_line(text: str) -> str:
    """Return text fit for a status line, which clients decode in different ways: plain ASCII."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())[:400]


_PLAIN = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-"})
