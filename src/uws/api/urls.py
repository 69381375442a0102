"""The API's addresses, all in their canonical form: the front adds the slash that a client leaves out."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Router
from ninja.constants import NOT_SET
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from uws import __version__
from uws.api import about, catalogue, jobs, shared_workspaces, status, tokens, users, workspaces
from uws.api.answers import failure
from uws.api.wire import UwsAuthorization, unknown_path, wired

ROUTERS: dict[str, Router] = {
    "tokens": tokens.router,
    "workspaces": workspaces.router,
    "jobs": jobs.router,
    "job_types": catalogue.job_types,
    "parameters": catalogue.parameters,
    "users": users.router,
    "shared_workspaces": shared_workspaces.router,
    "status": status.router,
}
OPEN = frozenset({"tokens", "job_types", "parameters", "status"})
"""What works without a token (contract §1)."""
PREFIXES = tuple(ROUTERS)
"""First parts of paths that are the API's: below them nothing is ever answered in HTML."""


def _raised(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    return failure(request, error if isinstance(error, Exception) else error())


class _Api(NinjaAPI):
    """Operations are named like the functions that serve them."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


def _build() -> NinjaAPI:
    built = _Api(
        title="User Workspaces Server",
        version=__version__,
        description="Workspaces with data, and the jobs that compute in them.",
        auth=UwsAuthorization(),
        docs_url=None,
        openapi_url=None,
    )
    for kind in (Exception, Http404, HttpError, ValidationError):
        built.add_exception_handler(kind, _raised)
    for prefix, router in ROUTERS.items():
        built.add_router(f"/{prefix}", router, auth=None if prefix in OPEN else NOT_SET)
    return built


def _patterns() -> list[URLPattern | URLResolver]:
    patterns: list[URLPattern | URLResolver] = []
    for pattern in api.urls[0]:
        prefix = str(pattern.pattern).partition("/")[0]
        if prefix in ROUTERS and isinstance(pattern, URLPattern):
            patterns.append(wired(pattern, is_open=prefix in OPEN))
    return [*patterns, re_path(rf"^(?:{'|'.join(PREFIXES)})(?:/|$)", csrf_exempt(unknown_path))]


api = _build()
urlpatterns = _patterns()
public_urlpatterns = about.patterns(api)
"""The API about itself: not part of the contract, and open to everybody."""
