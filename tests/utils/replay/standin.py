"""A provider of our own on the loopback address: it answers, or fails in a way that a test chooses."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from utils.replay.conversation import AnswerTurn, CallsTurn, Reply, ToolCall
from utils.replay.matching import ModelRequest
from utils.replay.wires import WIRES
from utils.replay.wires.base import Wire, speak
from utils.replay.wires.eventstream import frame

ANSWER = "It is sunny in Oslo, and the wind comes from the west."
SUNNY = AnswerTurn(answer=ANSWER)
PAGE = b"<!DOCTYPE html><html><body>Welcome to the hotel. Accept the terms.</body></html>"
ERRORS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "openai": ({"error": {"message": "The server is overloaded", "type": "server_error"}},),
    "anthropic": ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},),
}


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class StandIn:
    """What it does next, and what it was asked."""

    fails: str = ""
    """a status, or one of: silent, page, redirect, malformed, drop, no end, error event, echo"""
    reply: Reply = SUNNY
    echo: str = ""
    """says this instead, wherever a word may stand"""
    models: tuple[str, ...] = ()
    asked: list[Asked] = field(default_factory=list)

    def start(self) -> StandIn:
        standin = self
        self.go = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                standin.asked.append(Asked(self.path, dict(self.headers), body))
                with contextlib.suppress(OSError):  # the client has gone, as it may
                    standin.answer(self, body)

            def do_GET(self) -> None:
                standin.asked.append(Asked(self.path, dict(self.headers), None))
                if standin.models:
                    listed = {"data": [{"id": name} for name in standin.models]}
                    standin.send(self, 200, json.dumps(listed).encode())
                else:
                    standin.send(self, 404, b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def close(self) -> None:
        self.go.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def send(self, to: Any, status: int, body: bytes, kind: str = "application/json", **more: str) -> None:
        to.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **more}.items():
            to.send_header(name, value)
        to.end_headers()
        to.wfile.write(body)

    def answer(self, to: Any, body: Any) -> None:
        if self.fails.isdigit():
            error = {"message": f"no, says the provider. {self.echo}", "type": "t"}
            said = {"type": "error", "error": error, "message": error["message"]}
            self.send(to, int(self.fails), json.dumps(said).encode(), **{"retry-after": "0.01"})
        elif self.fails == "page":
            self.send(to, 200, PAGE, "text/html")
        elif self.fails == "redirect":
            self.send(to, 302, b"", Location="http://127.0.0.1:9/elsewhere")
        elif self.fails == "silent":
            self.go.wait(20)
        elif to.path.endswith("/search"):
            hit = {"url": "https://a.example", "title": "t", "content": f"7°C {self.echo}", "score": 0.5}
            self.send(to, 200, json.dumps({"results": [hit]}).encode())
        else:
            self.speak(to, wire_of(to.path), body)

    def speak(self, to: Any, wire: Wire, body: Any) -> None:
        reply = AnswerTurn(answer=f"You said {self.echo}, did you?") if self.echo else self.reply
        spoken = speak(reply, ModelRequest("m", (), (), False), wire.call_prefix)
        if not (body.get("stream") or to.path.endswith("-stream")):
            whole = json.dumps(wire.whole(spoken)).encode()
            self.send(to, 200, whole[: len(whole) // 2] if self.fails == "malformed" else whole)
            return
        chunks = [chunk.data for chunk in wire.stream(spoken)]
        half, kind = len(chunks) // 2, wire.stream_type
        match self.fails:
            case "malformed":
                self.send(to, 200, b"".join([*chunks[:half], b"data: {broken\n\n" + b"\0" * 99]), kind)
            case "no end":
                self.send(to, 200, b"".join(chunks[:half]), kind)
            case "error event":
                self.send(to, 200, b"".join([*chunks[:half], error_event(wire)]), kind)
            case "drop":
                told = b"".join(chunks[:half])
                to.send_response(200)
                to.send_header("Content-Type", kind)
                to.send_header("Content-Length", str(len(told) + 1000))
                to.end_headers()
                to.wfile.write(told)
                to.wfile.flush()
                to.connection.shutdown(socket.SHUT_RDWR)
            case _:
                self.send(to, 200, b"".join(chunks), kind)


def wire_of(path: str) -> Wire:
    ends = {"/chat/completions": 0, "/responses": 1, "/v1/messages": 2}
    return WIRES[next((number for end, number in ends.items() if path.endswith(end)), 3)]


def error_event(wire: Wire) -> bytes:
    if wire.provider == "bedrock":
        told = {":message-type": "exception", ":exception-type": "throttlingException"}
        return frame({**told, ":content-type": "application/json"}, b'{"message": "Too many tokens"}')
    (error,) = ERRORS[wire.provider]
    head = "event: error\n" if wire.provider == "anthropic" else ""
    return f"{head}data: {json.dumps(error)}\n\n".encode()


def calling(**args: Any) -> Reply:
    return CallsTurn(calls=(ToolCall(tool="search", args=args),))


def spellings(key: str) -> dict[str, str]:
    """The forms in which a service may repeat a key."""
    return {
        "plain": key,
        "upper case": key.upper(),
        "base64": base64.b64encode(key.encode()).decode(),
        "base64 within": base64.b64encode(f"user:{key}!".encode()).decode(),
        "base64 for the web": base64.urlsafe_b64encode(f"??>{key}".encode()).decode(),
        "percent": quote(key, safe="").replace("-", "%2D"),
        "percent, all": "".join(f"%{byte:02X}" for byte in key.encode()),
        "escaped": "".join(f"\\u{ord(sign):04x}" for sign in key),
        "escaped in part": key.replace("-", "\\u002d"),
        "hexadecimal": key.encode().hex(),
    }
