"""The providers a lab can run on: how their models are made and which settings point at the recorded one."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from utils.errors import SetupError
from utils.modes import PARENT
from utils.shell import shell

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "LLM_PROVIDER"
DEFAULT = "openai"
SEARCH_KEY = "TAVILY_API_KEY"
NO_KEY = "recorded-answers-need-no-key"
"""stands where a key is expected while answers come from recordings"""
REGION = "us-east-1"
"""of AWS, where none is set"""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's documented settings."""

    name: str
    address: str
    """environment variable of the base address"""
    keys: tuple[str, ...]
    """environment variables of the key and what belongs to it: a real model needs all of them"""
    default_address: str
    """where the real model is; ``{region}`` stands for AWS's"""
    title: str
    """as sentences call it"""
    path: str
    """path of its protocol below a session's address"""
    make: Callable[[str | None], BaseChatModel]
    """its model, at an address or, for ``None``, where the environment points"""
    line: str
    """the line of plain LangChain that ``make`` stands for"""
    package: str = ""
    """what an extra of the provider's name brings"""
    instead: tuple[str, ...] = ()
    """environment variables any of which does as well as all the keys"""
    meanwhile: Mapping[str, str] = field(default_factory=dict)
    """what else is set while answers come from recordings"""
    away: tuple[str, ...] = ()
    """what is taken away meanwhile: it would lead past the recordings, or send a real key to them"""

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


def _openai(address: str | None) -> BaseChatModel:
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - a third of a second, for those who need it

    if address is None:
        return ChatOpenAI(model="gpt-4o")
    sync, asynchronous = _loopback_clients("openai")
    options: dict[str, Any] = {
        "base_url": address,
        "api_key": NO_KEY,
        "http_client": sync,
        "http_async_client": asynchronous,
        # Clients of one's own make the library warn about its socket options; an empty choice is one.
        "http_socket_options": (),
    }
    return ChatOpenAI(model="gpt-4o", **options)


def _anthropic(address: str | None) -> BaseChatModel:
    chat: Any = importlib.import_module("langchain_anthropic").ChatAnthropic
    if address is None:
        return cast("BaseChatModel", chat(model="claude-sonnet-5"))
    model = chat(model="claude-sonnet-5", base_url=address, api_key=NO_KEY)
    sdk: Any = importlib.import_module("anthropic")
    sync, asynchronous = _loopback_clients("anthropic")
    # The library takes no clients, but keeps those that it has made here.
    model.__dict__["_client"] = sdk.Client(**model._client_params, http_client=sync)
    model.__dict__["_async_client"] = sdk.AsyncClient(**model._client_params, http_client=asynchronous)
    return cast("BaseChatModel", model)


def _bedrock(address: str | None) -> BaseChatModel:
    chat: Any = importlib.import_module("langchain_aws").ChatBedrockConverse
    if address is None:
        return cast("BaseChatModel", chat(model="us.anthropic.claude-sonnet-5"))
    client = _bedrock_client(address)
    return cast(
        "BaseChatModel", chat(model="us.anthropic.claude-sonnet-5", client=client, bedrock_client=client)
    )


@functools.cache
def _loopback_clients(sdk: str) -> tuple[Any, Any]:
    """Return an SDK's clients for plain HTTP to this machine, shared by all models of checks.

    Each model at a new address would load the certificate bundle twice: 60 ms of CPU for nothing.
    """
    made: Any = importlib.import_module(sdk)
    return (
        made.DefaultHttpxClient(verify=False, trust_env=False),
        made.DefaultAsyncHttpxClient(verify=False, trust_env=False),
    )


def _bedrock_client(address: str) -> Any:
    """Return an AWS client for an address of this machine: it reads no profile and no credentials."""
    config: Any = importlib.import_module("botocore.config")
    return _aws_session().create_client(
        "bedrock-runtime",
        region_name=REGION,
        endpoint_url=address,
        aws_access_key_id=NO_KEY,
        aws_secret_access_key=NO_KEY,
        verify=False,
        config=config.Config(
            auth_scheme_preference="sigv4",
            max_pool_connections=50,
            proxies={},
            use_dualstack_endpoint=False,
            use_fips_endpoint=False,
        ),
    )


@functools.cache
def _aws_session() -> Any:
    """Return a session that knows of no profile and no files; it keeps what it has read of AWS's services."""
    nowhere = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return importlib.import_module("botocore.session").Session(session_vars=nowhere)


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        name="openai",
        address="OPENAI_BASE_URL",
        keys=("OPENAI_API_KEY",),
        default_address="https://api.openai.com/v1",
        title="OpenAI",
        path="/openai/v1",
        make=_openai,
        line='ChatOpenAI(model="gpt-4o")',
        away=("OPENAI_API_BASE", "OPENAI_PROXY"),
    ),
    "anthropic": Provider(
        name="anthropic",
        address="ANTHROPIC_BASE_URL",
        keys=("ANTHROPIC_API_KEY",),
        default_address="https://api.anthropic.com",
        title="Anthropic",
        path="/anthropic",
        make=_anthropic,
        line='ChatAnthropic(model="claude-sonnet-5")',
        package="langchain_anthropic",
        away=("ANTHROPIC_API_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_PROXY"),
    ),
    "bedrock": Provider(
        name="bedrock",
        address="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        keys=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        default_address="https://bedrock-runtime.{region}.amazonaws.com",
        title="Bedrock",
        path="/bedrock",
        make=_bedrock,
        line='ChatBedrockConverse(model="us.anthropic.claude-sonnet-5")',
        package="langchain_aws",
        instead=("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"),
        meanwhile={
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            # Neither profiles nor the machine's own credentials are looked for.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        away=(
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_DEFAULT_PROFILE",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "AWS_PROFILE",
            "AWS_SESSION_TOKEN",
            "AWS_USE_DUALSTACK_ENDPOINT",
            "AWS_USE_FIPS_ENDPOINT",
        ),
    ),
}


def chosen_provider(name: str | None = None) -> Provider:
    """Return the provider with this name, or the one that ``LLM_PROVIDER`` names.

    Raises SetupError when there is none, or when its package is not installed.
    """
    wanted = str(name or os.environ.get(VARIABLE) or DEFAULT).strip().casefold()
    if wanted not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        msg = f"there is no provider {wanted!r}"
        raise SetupError(msg, hint=f"set {VARIABLE} to one of: {known}")
    provider = PROVIDERS[wanted]
    if provider.package and importlib.util.find_spec(provider.package) is None:
        package = provider.package.replace("_", "-")
        msg = f"models of {provider.name} need the package {package}, which is not installed"
        pip = "in a cell: %pip" if shell() is not None else f'"{sys.executable}" -m pip'
        raise SetupError(msg, hint=f'type {pip} install -r "{ROOT / f"requirements-{provider.name}.lock"}"')
    return provider


def upstream_of(provider: Provider, setting: Callable[[str], str | None] = os.environ.get) -> str:
    """Return the address of the provider's real models, or of what is set in their place."""
    region = setting("AWS_REGION") or setting("AWS_DEFAULT_REGION") or REGION
    return setting(provider.address) or provider.default_address.format(region=region)


def settings(provider: Provider, url: str, key: str = NO_KEY) -> dict[str, str]:
    """Return what points a provider's clients, and the search tool, at the kit's server at ``url``.

    ``key`` stands where they expect a key. It names the provider, too, for the processes that a notebook
    starts.
    """
    return {
        VARIABLE: provider.name,
        provider.address: url + provider.path,
        **dict.fromkeys(provider.keys, key),
        **provider.meanwhile,
        SEARCH_KEY: key,
        PARENT: url,
    }
