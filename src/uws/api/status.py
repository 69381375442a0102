"""`/status/`: how the server and what it depends on are (contract §8)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws import __version__
from uws.api import examples
from uws.api.answers import answer
from uws.api.callers import site_of
from uws.api.description import described
from uws.api.status_schemas import StatusAnswer

router = Router(tags=["status"])


@router.get("/", **described("Get the server's status", StatusAnswer, example=examples.STATUS))
def get_status(request: HttpRequest) -> HttpResponse:
    """Return the version and the health of each dependency, as last checked in the background. Needs no token."""
    site = site_of(request)
    config = site.loaded.config
    return answer(
        {
            "message": "",
            "success": True,
            "version": __version__,
            "build": __version__,
            "dependencies": site.health.dependencies(config.main_resource, config.api_user_authentication),
        }
    )
