"""The keys of real services, as the kit's server holds them: the programs that ask it have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CONTENT = {"Content-Type": "application/json"}


class Key(Protocol):
    """What a request to a provider is sent with."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen."""
        ...

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        """Return the headers that let a request in; it may take its time. Raises LookupError for no key."""
        ...


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A key that is sent as it is, in a header."""

    name: str
    key: str = field(repr=False)
    before: str = ""
    """stands before the key, such as ``Bearer``"""

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.key,)

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        return {self.name: f"{self.before} {self.key}".strip()} if self.key else {}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """AWS's keys: they sign requests and stay here."""

    credentials: Any = field(repr=False)
    """of botocore: they may renew themselves"""
    region: str
    service: str = "bedrock"

    @property
    def secrets(self) -> tuple[str, ...]:
        frozen = self.credentials.get_frozen_credentials()
        return tuple(filter(None, (frozen.access_key, frozen.secret_key, frozen.token)))

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        # The package is there when somebody asks Bedrock itself; a replay must not need it.
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        request = AWSRequest("POST", url, CONTENT, body)
        SigV4Auth(self.credentials.get_frozen_credentials(), self.service, self.region).add_auth(request)
        return dict(request.headers.items())


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where real answers come from, and what lets in there."""

    models: Mapping[str, str]
    """base address by provider, without the path of the protocol"""
    search: str
    """base address of the search service; empty where nobody searches"""
    keys: Mapping[str, Key] = field(default_factory=dict, repr=False)
    """by provider"""
    search_key: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*(secret for key in self.keys.values() for secret in key.secrets), self.search_key)
