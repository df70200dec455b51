"""The providers a lab can run on: how their models are made and which settings point at the recorded one."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from utils.errors import SetupError
from utils.modes import PARENT

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

VARIABLE = "LLM_PROVIDER"
SEARCH_KEY = "TAVILY_API_KEY"
NO_KEY = "recorded-answers-need-no-key"
"""stands where a key is expected while answers come from recordings"""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's documented settings."""

    name: str
    address: str
    """environment variable of the base address"""
    key: str
    """environment variable of the key"""
    default_address: str
    path: str
    """path of its protocol below a session's address"""
    make: Callable[[str | None], BaseChatModel]
    """its model, at an address or, for ``None``, where the environment points"""
    line: str
    """the line of plain LangChain that ``make`` stands for"""


def _openai(address: str | None) -> BaseChatModel:
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - a third of a second, for those who need it

    if address is None:
        return ChatOpenAI(model="gpt-4o")
    sync, asynchronous = _loopback_clients()
    options: dict[str, Any] = {
        "base_url": address,
        "api_key": NO_KEY,
        "http_client": sync,
        "http_async_client": asynchronous,
        # Clients of one's own make the library warn about its socket options; an empty choice is one.
        "http_socket_options": (),
    }
    return ChatOpenAI(model="gpt-4o", **options)


@functools.cache
def _loopback_clients() -> tuple[Any, Any]:
    """Clients for plain HTTP to this machine, shared by all models of checks.

    Each ``ChatOpenAI`` at a new address would load the certificate bundle twice: 60 ms of CPU for nothing.
    """
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient  # noqa: PLC0415

    return (
        DefaultHttpxClient(verify=False, trust_env=False),
        DefaultAsyncHttpxClient(verify=False, trust_env=False),
    )


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        name="openai",
        address="OPENAI_BASE_URL",
        key="OPENAI_API_KEY",
        default_address="https://api.openai.com/v1",
        path="/openai/v1",
        make=_openai,
        line='ChatOpenAI(model="gpt-4o")',
    ),
}


def chosen_provider(name: str | None = None) -> Provider:
    """The provider with this name, or the one that ``LLM_PROVIDER`` names. Raises SetupError."""
    wanted = (name or os.environ.get(VARIABLE) or "openai").strip().casefold()
    if wanted not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        msg = f"there is no provider {wanted!r}"
        raise SetupError(msg, hint=f"set {VARIABLE} to one of: {known}")
    return PROVIDERS[wanted]


def settings(provider: Provider, url: str) -> dict[str, str]:
    """What points a provider's clients, and the search tool, at the recorded model at ``url``."""
    return {
        provider.address: url + provider.path,
        provider.key: NO_KEY,
        SEARCH_KEY: NO_KEY,
        PARENT: url,
    }
