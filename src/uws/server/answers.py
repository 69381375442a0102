"""The front's own answers, given before Django is asked: the API's envelope on API paths, plain text elsewhere."""

from __future__ import annotations

import json

from starlette.types import Scope, Send

from uws.api.problems import problem_body
from uws.server.api_paths import is_api_path


async def refuse(scope: Scope, send: Send, status: int, message: str, *, close: bool = False) -> None:
    """Answer an HTTP request with `status` and one sentence.

    `close` ends the connection afterwards, for requests whose body is left unread.
    """
    if is_api_path(scope["path"]):
        body = json.dumps(problem_body(status, message, scope["path"])).encode()
        content_type = b"application/json"
    else:
        body = f"{message}\n".encode()
        content_type = b"text/plain; charset=utf-8"
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})
