"""The kernels that a JupyterLab has started, by way of its server."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import APIRequestContext, APIResponse

from tests.browser.server import Server


class Kernels:
    """Starts and ends kernels, and gives them to notebooks."""

    def __init__(self, request: APIRequestContext, server: Server) -> None:
        self._request, self._server = request, server

    def start(self, path: str) -> str:
        """Start a kernel as for this notebook, and return its id."""
        return str(self._session(path, {"name": "python3"})["kernel"]["id"])

    def give(self, kernel: str, path: str) -> None:
        """Let a notebook find this kernel when it is opened."""
        self._session(path, {"id": kernel})

    def end_of(self, path: str) -> None:
        """End the kernel that a notebook has."""
        sessions = self._ask("get", "sessions").json()
        for session in sessions:
            if session["path"] == path:
                self._ask("delete", f"sessions/{session['id']}")

    def end(self, kernel: str) -> None:
        self._ask("delete", f"kernels/{kernel}")

    def _session(self, path: str, kernel: dict[str, str]) -> Any:
        about = {"path": path, "name": path, "type": "notebook", "kernel": kernel}
        return self._ask("post", "sessions", data=about).json()

    def _ask(self, method: str, what: str, **more: Any) -> APIResponse:
        headers = {"Authorization": f"token {self._server.token}"}
        answer: APIResponse = self._request.fetch(
            f"{self._server.address}/api/{what}", method=method, headers=headers, **more
        )
        assert answer.ok, f"{method} {what}: {answer.status} {answer.text()}"
        return answer
