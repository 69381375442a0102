"""What every request passes before anything else sees it: a known `Host`, clean headers, a request id.

Outside the API's CORS headers, which `api_paths` adds around these.
"""

from __future__ import annotations

import contextvars
import re
import secrets
from collections.abc import Iterable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from uws.server.answers import refuse

Headers = list[tuple[bytes, bytes]]

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")
"""The id of the request being answered; `logs` prints it. Copied into the thread that runs Django."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")

SECURITY_HEADERS: Headers = [
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


class KnownHosts:
    """Decides whether a whole `Host` header names this server; a port may follow the name."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)

    def __contains__(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        return match["name"].lower() in self._hosts


class Guards:
    """ASGI middleware for HTTP and WebSockets.

    A request with no, two, or an unknown `Host` is answered 400; the header is never repeated in the answer. Header
    names with `_` are dropped: WSGI can't tell `uws_authorization` from `uws-authorization`.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = KnownHosts(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        identity = _request_id(scope["headers"])
        request_id.set(identity.decode())
        scope = {
            **scope,
            "headers": [*_clean(scope["headers"]), (b"x-request-id", identity)],
            "query_string": _ascii_query(scope["query_string"]),
        }
        if scope["type"] == "http":
            send = _finishing(send, identity)
        if self._is_known(scope["headers"]):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refuse(
                scope, send, 400, "The Host header is not a name of this server (server.hosts).", close=True
            )

    def _is_known(self, headers: Headers) -> bool:
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        return len(hosts) == 1 and hosts[0] in self._hosts


def _request_id(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the request's own X-Request-ID where it is short and plain, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return secrets.token_hex(8).encode()


def _clean(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    return [(name, value) for name, value in headers if b"_" not in name and name != b"x-request-id"]


def _ascii_query(query: bytes) -> bytes:
    """Percent-encode bytes beyond ASCII, which some clients send raw and WSGI can't carry."""
    return query if query.isascii() else b"".join(b"%%%02X" % b if b > 127 else bytes([b]) for b in query)


def _finishing(send: Send, identity: bytes) -> Send:
    """Add the request id, and the security headers that the answer does not have yet."""

    async def send_finished(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            wanted = [*SECURITY_HEADERS, (b"x-request-id", identity)]
            headers += [header for header in wanted if header[0] not in present]
            message = {**message, "headers": headers}
        await send(message)

    return send_finished
