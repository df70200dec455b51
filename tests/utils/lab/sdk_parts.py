"""The kit's parts with every request going through SDKs and httpx: what the quick ones are compared with."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
from langchain_core.tools import BaseTool, StructuredTool

from utils.checks.async_graphs.parts import FETCH
from utils.checks.parts import load_parts
from utils.lab.parts import ToolFailed
from utils.providers import chosen_provider

_LOOPBACK: dict[str, Any] = {"timeout": 30.0, "trust_env": False, "verify": False}


def make_model(url: str, name: str | None = None) -> Any:
    provider = chosen_provider(name)
    return provider.make(url + provider.path)


def make_tool(url: str, name: str, error: str = "") -> BaseTool:
    raised = getattr(builtins, error) if error else ToolFailed
    address = f"{url}/tool/{name}"

    def work(query: str) -> str:
        with httpx.Client(**_LOOPBACK) as client:
            return _answer(client.post(address, json={"query": query}), raised)

    async def awork(query: str) -> str:
        async with httpx.AsyncClient(**_LOOPBACK) as client:
            return _answer(await client.post(address, json={"query": query}), raised)

    return StructuredTool.from_function(
        work, coroutine=awork, name=name, description="Look something up; the query says what."
    )


def _answer(response: httpx.Response, raised: type[Exception]) -> str:
    data = response.json()
    if response.status_code != httpx.codes.OK:
        raise raised(data.get("error", "the tool's service failed"))
    return str(data["text"])


def make_fetch(url: str, silent: Sequence[str] = ()) -> Callable[[str], Awaitable[float | None]]:
    waiting = set(silent)

    async def fetch(city: str) -> float | None:
        if city in waiting:
            waiting.remove(city)
            return None
        async with httpx.AsyncClient(**_LOOPBACK) as client:
            response = await client.post(f"{url}/tool/{FETCH}", json={"city": city})
        return float(response.json()["text"]) if response.status_code == httpx.codes.OK else None

    return fetch


SDK_PARTS = {**load_parts(), "model": make_model, "tool": make_tool, "fetch": make_fetch}
