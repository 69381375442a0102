"""Answers of the passthrough's own: what they are made of and how they are sent."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    """A whole answer: never stored by a browser, never guessed at."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return all its headers as ASGI has them."""
        fixed = {
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Date": formatdate(usegmt=True),
        }
        both = fixed | dict(self.headers)
        return [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in both.items()]


def text(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return one sentence."""
    return Answer(status, f"{message}\n".encode(), headers=headers or {})


def json_object(status: int, content: Mapping[str, object]) -> Answer:
    """Return a JSON object."""
    return Answer(status, json.dumps(content).encode(), "application/json")


async def send_answer(send: Send, answer: Answer, *, is_socket: bool = False) -> None:
    """Send it: to a request, or as the refusal of a WebSocket handshake."""
    prefix = "websocket.http.response" if is_socket else "http.response"
    await send({"type": f"{prefix}.start", "status": answer.status, "headers": answer.raw_headers()})
    await send({"type": f"{prefix}.body", "body": answer.body, "more_body": False})
