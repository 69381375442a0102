"""Django's WSGI application on two pools of threads, behind the front.

One pool for what only asks the database, one for what may call out (a directory, a scheduler, a file system), so that a
few slow outside answers don't delay everybody's lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from a2wsgi import WSGIMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from uws.server.read_first import SCOPE_KEY, Exchange
from uws.site import Site

FAST_THREADS = 4
SLOW_THREADS = 8

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PAGES_WITH_FILES = re.compile(r"/console/(?:workspaces/[0-9]+/.*|jobs/[0-9]+/log/)")
_CLIENT_LEFT_STATUS = "499 Client Closed Request"


def may_call_out(method: str, path: str) -> bool:
    """True for a request that may wait for something other than the database.

    What changes something calls out (signing in, creating, starting, stopping, deleting, uploading); of what reads,
    the pages that list a workspace's files do.
    """
    return method not in _SAFE_METHODS or _PAGES_WITH_FILES.fullmatch(path) is not None


class DjangoThreads:
    """ASGI application: Django, given the `Site` in the WSGI environment as `uws.site`."""

    def __init__(self, wsgi_application: Any, site: Site) -> None:
        application = _WithSite(wsgi_application, site)
        self._fast: ASGIApp = WSGIMiddleware(application, workers=FAST_THREADS)  # type: ignore[arg-type, assignment]
        self._slow: ASGIApp = WSGIMiddleware(application, workers=SLOW_THREADS)  # type: ignore[arg-type, assignment]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pool = self._slow if may_call_out(scope["method"], scope["path"]) else self._fast
        await pool(scope, receive, send)


class _WithSite:
    """WSGI middleware: the body that `ReadFirst` read, the `Site`, and nothing for a client that has left."""

    def __init__(self, application: Any, site: Site) -> None:
        self._application = application
        self._site = site

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        exchange: Exchange = environ["asgi.scope"][SCOPE_KEY]
        if exchange.client_left:
            start_response(_CLIENT_LEFT_STATUS, [])
            return ()
        environ["uws.site"] = self._site
        environ["wsgi.input"] = exchange.body
        environ["CONTENT_LENGTH"] = str(exchange.length_bytes)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer
