"""Live answers: from whom, with which keys, or from a server of one's own that speaks OpenAI's protocol."""

from __future__ import annotations

import importlib
import json
import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from utils.errors import SetupError
from utils.modes import MODE
from utils.providers import SEARCH_KEY, Provider, upstream_of
from utils.replay.keys import HeaderKey, Key, SigningKey, Upstream
from utils.replay.relay import Limits, Relay
from utils.replay.troubles import Party, place_of

SEARCH_ADDRESS = "TAVILY_API_URL"
"""where searches go, if not to the service itself"""
REAL_SEARCH = "https://api.tavily.com"
SECONDS = "LIVE_SECONDS"
"""how long a notebook waits for a sign of a real model"""
MODEL = "LLM_MODEL"
"""the model of one's own server that is asked, whatever a notebook calls it"""
SILENCE, OWN_SILENCE = 60.0, 300.0
"""seconds without a sign of a provider, and of a server of one's own, which may have to load a model first"""
OWN_TOKENS = 2048
"""of an answer, where the request does not say itself"""
_LOOK_SECONDS: Final = 5.0
_MOST_MODELS: Final = 1_000_000
"""bytes of a list of models"""

Setting = Callable[[str], str | None]
"""returns a setting as the person made it; ``None`` or empty where there is none"""


@dataclass(frozen=True, slots=True)
class Live:
    """What a notebook is told of its live answers, and the relay that gets them."""

    relay: Relay
    banner: str


def is_own(provider: Provider, setting: Setting) -> bool:
    """Return whether OpenAI's protocol is to be spoken with another server than OpenAI's."""
    return (
        provider.name == "openai" and upstream_of(provider, setting).rstrip("/") != provider.default_address
    )


def upstream(provider: Provider, setting: Setting) -> Upstream:
    """Return where a provider's answers come from, with the keys for it. Raises SetupError."""
    search_key = setting(SEARCH_KEY) or ""
    searches = (setting(SEARCH_ADDRESS) or REAL_SEARCH) if search_key else ""
    return Upstream(
        models={provider.name: upstream_of(provider, setting)},
        search=searches,
        keys={provider.name: _key(provider, setting)},
        search_key=search_key,
    )


def live(provider: Provider, setting: Setting) -> Live:
    """Return what gets live answers from a provider, or from a server of one's own. Raises SetupError."""
    there, address = upstream(provider, setting), upstream_of(provider, setting)
    place, keys = place_of(address), " and ".join(provider.keys)
    if not is_own(provider, setting):
        party = Party(provider.title, address, provider.address, keys)
        at = f" at {place}" if setting(provider.address) else ""
        banner = f"live answers from {provider.title}{at}. They cost money"
        return Live(Relay(there, party, limits=Limits(seconds=_seconds(setting, SILENCE))), banner)
    model = setting(MODEL) or _first_model(address, there.keys[provider.name], place)
    party = Party("your own model", address, provider.address, keys, own=True)
    limits = Limits(seconds=_seconds(setting, OWN_SILENCE), tokens=OWN_TOKENS)
    named = f", model {model}" if model else ""
    banner = f"live answers from your own server at {place}{named}. They may be odd"
    return Live(Relay(there, party, limits=limits, model=model), banner)


def _seconds(setting: Setting, otherwise: float) -> float:
    told = setting(SECONDS)
    if not told:
        return otherwise
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        msg = f"{SECONDS}={told!r} is not a number of seconds"
        raise SetupError(msg, hint=f"set {SECONDS} to a number from 1 to 86400, or leave it out")
    return seconds


def _key(provider: Provider, setting: Setting) -> Key:
    match provider.name:
        case "openai":
            return HeaderKey("Authorization", setting("OPENAI_API_KEY") or "", "Bearer")
        case "anthropic":
            return HeaderKey("x-api-key", setting("ANTHROPIC_API_KEY") or "")
    if token := setting("AWS_BEARER_TOKEN_BEDROCK"):
        return HeaderKey("Authorization", token, "Bearer")
    return _signing_key()


def _signing_key() -> Key:
    """Return the keys that AWS's SDK finds: in the environment, a profile or a role."""
    session: Any = importlib.import_module("botocore.session").Session()
    try:
        credentials = session.get_credentials()
        region = session.get_config_variable("region")
        if credentials is not None:
            credentials.get_frozen_credentials()
    except Exception as error:  # files, programs and services are asked, and fail in many ways
        msg = f"AWS's keys are not found ({type(error).__name__})"
        raise SetupError(msg, hint="see what `aws sts get-caller-identity` says") from None
    if credentials is None:
        msg = "AWS's keys are not found"
        raise SetupError(msg, hint=f"put AWS_ACCESS_KEY_ID=… and its secret into .env, or set {MODE}=replay")
    return SigningKey(credentials, region or os.environ.get("AWS_REGION") or "us-east-1")


def _first_model(address: str, key: Key, place: str) -> str:
    """Return the first model that a server lists; empty where it has no list. Raises SetupError.

    The labs say ``gpt-4o``, which a server of one's own does not know.
    """
    if not address.startswith(("http://", "https://")):
        msg = "OPENAI_BASE_URL is not an address of the web"
        raise SetupError(msg, hint="write it like this: OPENAI_BASE_URL=http://localhost:11434/v1")
    request = urllib.request.Request(f"{address.rstrip('/')}/models")  # noqa: S310 - looked at just above
    for name, value in key.headers("", b"").items():
        request.add_unredirected_header(name, value)
    handlers: list[Any] = [_NoRedirect()]
    if request.host.rpartition(":")[0] in ("127.0.0.1", "localhost"):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_LOOK_SECONDS) as answer:
            listed = json.loads(answer.read(_MOST_MODELS))["data"]
        return next((str(one["id"]) for one in listed), "")
    except urllib.request.HTTPError:  # somebody is there, and has no list
        return ""
    except OSError as error:
        reason = getattr(error, "reason", error)
        told = getattr(reason, "strerror", None) or str(reason)
        msg = f"nobody answers at {place}: {told}"
        raise SetupError(
            msg, hint=f"start your server, correct OPENAI_BASE_URL, or set {MODE}=replay"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):  # no JSON, or none of that form
        return ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a key goes to no other address."""

    def redirect_request(self, *_: Any) -> None:
        return None
