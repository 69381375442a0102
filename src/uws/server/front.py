"""The ASGI application of the web role: sockets and streams in asyncio, everything else in Django's threads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

import uws.live
from uws.api.problems import problem_body
from uws.background.threads import DatabaseThreads
from uws.config.deployment import Deployment
from uws.events.tail import EventTail
from uws.server.api_paths import ApiPaths, is_api_path
from uws.server.django_threads import DjangoThreads
from uws.server.guards import Guards, request_id
from uws.server.read_first import BodyLimits, ReadFirst
from uws.server.readiness import Readiness
from uws.site import Site

VERSIONED_SECONDS = 365 * 24 * 3600


def build_application(site: Site, deployment: Deployment) -> ASGIApp:
    """Build the web role's application. Called in the process that serves it, after the fork: it makes threads."""
    database = DatabaseThreads()
    tail = EventTail(database)

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        yield
        await tail.close()
        database.close()

    routes: list[BaseRoute] = [
        *Readiness(database).routes(),
        Mount("/static", _Static(directory=Path(str(files("uws.console"))) / "static")),
        *uws.live.routes(site, database, tail),
    ]
    application = Starlette(routes=routes, lifespan=lifespan, exception_handlers={Exception: _failed})
    application.router.redirect_slashes = False
    application.router.default = _only_http(
        ReadFirst(
            DjangoThreads(get_wsgi_application(), site),
            body_limits(deployment),
            deployment.temporary_directory,
        )
    )
    return ApiPaths(Guards(application, deployment.server.hosts))


def body_limits(deployment: Deployment) -> BodyLimits:
    """Return the configured bounds of request bodies."""
    limits = deployment.server.limits
    return BodyLimits(limits.request_body_bytes, limits.upload_bytes, limits.request_body_seconds)


async def _failed(request: Request, error: Exception) -> Response:
    """A fault of ours outside Django; uvicorn logs it. Never details."""
    message = f"The server failed to answer. Tell its operator this number: {request_id.get()}"
    if is_api_path(request.url.path):
        return JSONResponse(problem_body(500, message, request.url.path), 500)
    return PlainTextResponse(f"{message}\n", 500)


class _Static(StaticFiles):
    """The console's own files. Revalidated each time, but kept for a year where the address carries a version."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        versioned = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = (
            f"public, max-age={VERSIONED_SECONDS}, immutable" if versioned else "no-cache"
        )
        return response


def _only_http(application: ASGIApp) -> ASGIApp:
    """Refuse WebSockets that no route wants, before the handshake is answered (the client sees 403)."""

    async def http_application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await application(scope, receive, send)

    return http_application
