"""`reference/http-api.md`: the routes, from the API's own descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from docs.generators.django import configure
from docs.generators.tables import code, table

_HEAD = """\
# The HTTP API

Paths work with and without their final slash. All but the open ones want `UWS-Authorization: Token <token>`. Bodies
are JSON whatever their `Content-Type`, but for uploads (`multipart/form-data`). Answers are `{"success": true,
"message": …, "data": …}`; a refusal is `{"success": false, "message": …}` with the members of RFC 9457 beside it, and
`errors` that point into the request. Every origin may call (CORS); cookies are never read.

A running server has all of it, with every field and examples, at `/docs`, and for programs (OpenAPI 3.1) at
`/openapi.json`, of which [openapi.json](openapi.json) is a copy. `/problems/<kind>` says what a refusal's `type` means
and what to do about it.

A walk through it: [Use the API](../how-to/use-the-api.md). What differs from the original server:
[Compatibility](../compatibility.md).
"""
_HEADERS = (
    (
        code("UWS-Authorization: Token <token>"),
        "all but the open routes",
        "who asks; a user's own token may also come as `Authorization: Bearer`",
    ),
    (
        code("Idempotency-Key"),
        "every change that needs a token",
        "done once, and answered alike for a day (`Idempotency-Replayed: true`); 1 to 255 visible characters",
    ),
    (
        code("If-None-Match"),
        "reads that have 304",
        "the `ETag` of an earlier answer; an empty 304 where it still holds",
    ),
    (code("Link"), "pages of lists", '`rel="next"`: the address of the next page, where there is one'),
    (code("Retry-After"), "429, and 409 for a request under way", "seconds to wait"),
    (code("X-Request-ID"), "every answer", "its number in the server's log"),
)
_SOCKETS = """\
## WebSockets

`jobs/<id>/` tells one job's state: `{"status": …, "current_job_details": …}` on connect and then on each change.
Programs send `UWS-Authorization` with the handshake; browsers, which cannot, send `{"authorization": "Token …"}` as
their first message within ten seconds. Close codes: 4401 no right (any more), 4404 no such job of yours, 4408 too
slow.
"""
_METHODS = ("get", "post", "put", "patch", "delete")


def http_api_page() -> str:
    """Return the page."""
    rows = (
        (
            code(f"{method.upper()} {path}"),
            "open" if is_open else "needed",
            f"{summary}. {text}",
            ", ".join(statuses),
        )
        for method, path, is_open, summary, text, statuses in routes()
    )
    return "\n".join(
        [
            _HEAD,
            "## Headers\n",
            table(("header", "on", "meaning"), _HEADERS),
            "## Routes\n",
            table(("route", "token", "what it does", "answers"), rows),
            _SOCKETS,
        ]
    )


def openapi_document() -> str:
    """Return `reference/openapi.json`: the document that the server gives at `/openapi.json`."""
    return json.dumps(_document(), indent=2, ensure_ascii=False) + "\n"


def _document() -> dict[str, Any]:
    configure()
    from uws.api.openapi import document  # needs a configured Django
    from uws.api.urls import api

    return document(api)


def routes() -> Iterator[tuple[str, str, bool, str, str, list[str]]]:
    """Yield each route: method, path, whether it works without a token, summary, description, statuses."""
    for path, operations in _document()["paths"].items():
        for method in _METHODS:
            operation = operations.get(method)
            if operation is not None:
                yield (
                    method,
                    path,
                    not operation["security"],
                    operation["summary"],
                    " ".join(operation["description"].split()),
                    [status for status in operation["responses"] if status != "default"],
                )
