"""What goes wrong between the kit and a real service, and what to do: two sentences for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

STATUS: Final = 424
"""of refusals that no provider gave: no SDK tries those again"""
REMEDY: Final = " What to do: "
"""stands between the two sentences, where both travel as one"""
_SAID: Final = 160
"""characters of what a provider said"""
_UNSIGNED = ("UnrecognizedClient", "InvalidSignature", "ExpiredToken", "IncompleteSignature", "MissingAuth")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happened and what to do, in a sentence each."""

    what: str
    remedy: str
    status: int = STATUS
    headers: tuple[tuple[str, str], ...] = (("x-should-retry", "false"),)
    """go back to the client, such as how long it should wait"""

    @property
    def sentence(self) -> str:
        return f"{self.what}{REMEDY}{self.remedy}"


class Troubled(Exception):
    """Raised where a request cannot go on; holds the trouble."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Party:
    """Who is asked, in words."""

    name: str
    """``OpenAI``, say"""
    address: str
    """base address, as it was set"""
    setting: str
    """environment variable of the address"""
    key: str
    """environment variable of the key"""
    own: bool = False
    """a server of the student's own"""

    @property
    def place(self) -> str:
        """The address as it may be shown: without a name, a password or a query."""
        return place_of(self.address)


def place_of(address: str) -> str:
    """Return scheme, host and port of an address, and nothing that could be a secret."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address that is set"
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else "the address that is set"


def refused(
    party: Party, status: int, said: str, headers: Mapping[str, str], kind: str = ""
) -> Trouble | None:
    """Return what a provider's refusal means; ``None`` where its own words are about the request itself.

    ``kind`` is the name that AWS gives to an error.
    """
    told = f' It says: "{_cut(said)}".' if said else ""
    back = tuple(headers.items())
    if status == 401 or (status == 403 and kind.startswith(_UNSIGNED)):
        what = f"{party.name} did not accept the key ({status}).{told}"
        return Trouble(what, f"correct {party.key} in .env and restart the kernel.", status, back)
    match status:
        case 403:
            what = f"{party.name} does not let this key do what was asked ({status}).{told}"
            remedy = "ask those who manage the account for this model, or name another one."
        case 404:
            what = f"{party.name} does not know this model or this address ({status}).{told}"
            remedy = (
                f"name a model that your server has: LLM_MODEL=… in .env; is {party.setting} right?"
                if party.own
                else f'name a model that your account has: model="…"; is {party.setting} right, if it is set?'
            )
        case 429:
            what = f"{party.name} wants fewer requests, or a quota is used up ({status}).{told}"
            remedy = "wait a minute and run the cell again; if that does not help, look at your account."
        case _ if status >= 500:
            what = f"{party.name} failed on its own side ({status}).{told}"
            remedy = "run the cell again in a minute; LLM_MODE=replay works meanwhile."
        case _ if 300 <= status < 400:
            what = f"{party.place} sends requests on to another address ({status}); the kit does not follow."
            remedy = f"sign in to the network in a browser, or correct {party.setting}."
            return Trouble(what, remedy)
        case _:
            return None
    return Trouble(what, remedy, status, back)


def unreachable(party: Party, reason: str) -> Trouble:
    """Return what it means that there is no connection."""
    remedy = (
        f"start your server, or correct {party.setting} in .env and restart the kernel."
        if party.own
        else "see whether this machine is online, or needs a proxy; LLM_MODE=replay works offline."
    )
    return Trouble(f"{party.name} cannot be reached at {party.place} ({reason}).", remedy)


def silent(party: Party, seconds: float) -> Trouble:
    """Return what it means that nothing came for so long."""
    what = f"{party.name} sent nothing for {seconds:g} seconds."
    remedy = (
        "ask a smaller model or a shorter question, or give it more time: LIVE_SECONDS=600 in .env."
        if party.own
        else "run the cell again; LIVE_SECONDS=600 in .env gives more time."
    )
    return Trouble(what, remedy)


def web_page(party: Party) -> Trouble:
    """Return what it means that a page came instead of an answer."""
    return Trouble(
        f"a web page came from {party.place} instead of an answer.",
        f"sign in to the network in a browser, and run the cell again; is {party.setting} right, if set?",
    )


def malformed(party: Party) -> Trouble:
    """Return what it means that an answer is not of the protocol."""
    return Trouble(
        f"what {party.name} sent is broken, or is not of its protocol.",
        f"run the cell again; if it stays so, see what answers at {party.place}.",
    )


def broken_off(party: Party) -> Trouble:
    """Return what it means that an answer has no end."""
    return Trouble(
        f"the line to {party.name} broke in the middle of an answer.",
        "run the cell again: a graph with a checkpointer can go on from its last step.",
    )


def failed_within(party: Party, said: str) -> Trouble:
    """Return what it means that an answer ends in an error."""
    return Trouble(
        f'{party.name} gave up in the middle of an answer. It says: "{_cut(said)}".',
        "run the cell again in a minute: a graph with a checkpointer can go on from its last step.",
    )


def repeats_a_key(party: Party) -> Trouble:
    """Return what it means that an answer holds a key."""
    return Trouble(
        f"the answer of {party.name} repeats your key, so the kit held it back.",
        f"see what answers at {party.place}: no provider does this. Make a new key.",
    )


def too_many(most: int) -> Trouble:
    """Return what it means that a notebook has asked too often."""
    return Trouble(
        f"this notebook has sent {most} live requests since its setup cell, and the kit stops there.",
        "look for a loop that does not end; the setup cell, run again, counts from 0.",
    )


def too_long(most: int) -> Trouble:
    """Return what it means that a request, or an answer, is too long."""
    return Trouble(
        f"a live request, or its answer, is longer than {most // 1000} kB, and the kit stops there.",
        "see what fills the messages: a tool's result, or a history that only grows.",
    )


def no_credentials(party: Party) -> Trouble:
    """Return what it means that there is nothing to sign a request with."""
    return Trouble(
        f"no key for {party.name} is found any more.", f"set {party.key} in .env and restart the kernel."
    )


def _cut(said: str) -> str:
    plain = " ".join(said.split()).rstrip(".").replace('"', "'")
    return plain if len(plain) <= _SAID else f"{plain[: _SAID - 1]}…"
