"""Which paths are the API's, in their canonical form, and the CORS answers that belong to them and to nothing else.

Contract §1: both slash forms are served directly, every origin may call, a preflight answers 200 with an empty body.
`ecosystem.md` §1 adds header names; a superset that no client minds.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_PREFIXES = frozenset(
    {"tokens", "workspaces", "jobs", "job_types", "parameters", "users", "shared_workspaces", "status"}
)

ALLOWED_METHODS = "DELETE, GET, OPTIONS, PATCH, POST, PUT"
ALLOWED_HEADERS = (
    "accept, accept-encoding, authorization, content-type, dnt, origin, user-agent, x-csrftoken, "
    "x-requested-with, UWS-Authorization, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, traceparent, "
    "Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset, Upload-Checksum, Upload-Defer-Length"
)
EXPOSED_HEADERS = "ETag, Idempotency-Replayed, Link, Location, Retry-After, X-Request-ID, Upload-Offset"
PREFLIGHT_SECONDS = 86400

_ALLOW_ORIGIN = (b"access-control-allow-origin", b"*")
_CORS = {name for name, _ in [_ALLOW_ORIGIN]} | {b"access-control-expose-headers"}
_ACTUAL_HEADERS = [_ALLOW_ORIGIN, (b"access-control-expose-headers", EXPOSED_HEADERS.encode())]
_PREFLIGHT_HEADERS = [
    _ALLOW_ORIGIN,
    (b"access-control-allow-methods", ALLOWED_METHODS.encode()),
    (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
    (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
    (b"content-length", b"0"),
]


def is_api_path(path: str) -> bool:
    """True for a path below one of the API's prefixes, with or without its slash."""
    return path.startswith("/") and path[1:].partition("/")[0] in API_PREFIXES


class ApiPaths:
    """ASGI middleware: gives API paths their canonical slash (WebSockets too) and their CORS headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not is_api_path(scope["path"]):
            await self._app(scope, receive, send)
            return
        if not scope["path"].endswith("/"):
            raw_path = scope.get("raw_path")
            scope = {**scope, "path": scope["path"] + "/", "raw_path": raw_path + b"/" if raw_path else None}
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif _is_preflight(scope):
            await send({"type": "http.response.start", "status": 200, "headers": list(_PREFLIGHT_HEADERS)})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, _with_cors(send))


def _is_preflight(scope: Scope) -> bool:
    """The Fetch standard's "CORS-preflight request": OPTIONS that names the method to come."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def _with_cors(send: Send) -> Send:
    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message.get("headers", []) if header[0].lower() not in _CORS]
            message = {**message, "headers": [*kept, *_ACTUAL_HEADERS]}
        await send(message)

    return send_with_cors
