"""Who may come in: one who was given the start address, from a page of this server's own, and nobody else.

- The start address holds a secret that is used up by its first visit. It becomes a cookie that no script
  reads and that no other site's page sends along. A new start address is made at once, for another browser.
- Requests for another host are refused, so a name that is made to point here leads nowhere. So are requests
  that another site's page makes, which browsers tell by ``Sec-Fetch-Site`` and ``Origin``.
- Each change carries a second secret, which only pages of this server hold.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

HOST = "127.0.0.1"
SESSIONS = 16
"""browsers at a time; the oldest has to start again"""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would send no Origin with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""of every answer; were markup of somebody's ever to get onto a page, it could still do nothing"""


class Refused(Exception):
    """A request is not let in; the text says why, for the person who may have made it."""


@dataclass(slots=True)
class Session:
    """One browser that was let in."""

    author: str
    """who decides there"""
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class Guard:
    """Lets browsers in."""

    def __init__(self, author: str, announce: Callable[[str], None]) -> None:
        """Let nobody in until `renew`; ``announce`` is told each secret."""
        self._author = author
        self._announce = announce
        self._token = ""
        self._sessions: dict[str, Session] = {}

    def renew(self) -> None:
        """Make a new start secret; the one before lets nobody in any more."""
        self._token = secrets.token_urlsafe(32)
        self._announce(self._token)

    def start(self, token: str) -> str:
        """Return a new session's cookie for the start secret, which is used up. Raises Refused."""
        if not self._token or not _same(token, self._token):
            raise Refused("This start address was used before, or is of a room that is closed.")
        cookie = secrets.token_urlsafe(32)
        while len(self._sessions) >= SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[cookie] = Session(self._author)
        self.renew()
        return cookie

    def session(self, cookie: str) -> Session:
        """Return the session of a cookie. Raises Refused."""
        # Looked up one by one, so that the time tells nothing of how much of it was right.
        for known, session in self._sessions.items():
            if _same(known, cookie):
                return session
        raise Refused("This browser has not been let in.")

    @staticmethod
    def check(headers: Mapping[str, str], port: int, *, changes: bool, starts: bool) -> None:
        """Raise Refused for what is meant for another host or comes from another site's page.

        One who starts may come from anywhere: the secret is enough, and nothing is shown yet.
        """
        host = headers.get("Host", "")
        if host not in (f"{HOST}:{port}", f"localhost:{port}"):
            raise Refused("This request is for another host.")
        if not starts and headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Refused("This request comes from another site's page.")
        origin = headers.get("Origin")
        if origin != f"http://{host}" and (changes or origin is not None):
            raise Refused("This request comes from another site's page.")

    @staticmethod
    def check_change(session: Session, csrf: str) -> None:
        """Raise Refused unless a change comes from a page that this session was given."""
        if not _same(csrf, session.csrf):
            raise Refused("This form is not of a page that this browser was given.")


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
