"""ASGI without a server: send a request to an application, and see what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Answer:
    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    def headers(self, name: str) -> list[str]:
        found = self.messages[0]["headers"]
        return [value.decode() for key, value in found if key.decode().lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        assert len(values) < 2, values
        return values[0] if values else None


def scope_of(
    path: str,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (("host", "localhost"),),
    kind: str = "http",
) -> Scope:
    path, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    if kind == "websocket":
        del scope["method"]
    return scope


def body_messages(*chunks: bytes, then: str | None = None) -> list[Message]:
    """The messages of a body in chunks; `then="disconnect"`: the client leaves before the last one."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if then == "disconnect":
        return [*messages, {"type": "http.disconnect"}]
    messages[-1]["more_body"] = False
    return messages


async def ask_async(application: ASGIApp, scope: Scope, messages: Sequence[Message] | None = None) -> Answer:
    answer = Answer()
    waiting = list(messages if messages is not None else body_messages(b""))

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        answer.messages.append(message)

    await application(scope, receive, send)
    return answer


def ask(application: ASGIApp, scope: Scope, messages: Sequence[Message] | None = None) -> Answer:
    return asyncio.run(ask_async(application, scope, messages))


class Recorder:
    """An application that answers 200 and remembers the scopes that reached it."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
            )
            await send({"type": "http.response.body", "body": b"ok"})

    @property
    def path(self) -> str:
        assert len(self.scopes) == 1
        return str(self.scopes[0]["path"])
