"""Rendering, redirects, and the one notice that a page shows after something was done."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from uws.console.requests import from_script, site_of

SECTIONS = ("account", "shares")
_NOTICE = "console_notice"


def page(
    request: HttpRequest, template: str, context: Mapping[str, object] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render one of `templates/console/`, with what the frame around every page needs."""
    frame: dict[str, object] = {
        "site_name": site_of(request).loaded.config.server.name,
        "section": next((name for name in SECTIONS if request.path.startswith(f"/console/{name}/")), "home"),
        "now": timezone.now(),
        "notice": request.session.pop(_NOTICE, None) if _NOTICE in request.session else None,
    }
    return HttpResponse(
        render_to_string(f"console/{template}", {**frame, **(context or {})}, request), status=status
    )


def fragment(request: HttpRequest, template: str, context: Mapping[str, object]) -> HttpResponse:
    """Render a part of a page alone, for the script that swaps it in. Leaves the notice for the next page."""
    html = render_to_string(f"console/fragments/{template}", {"now": timezone.now(), **context}, request)
    return HttpResponse(html, headers={"X-Console-Fragment": "1"})


def set_notice(request: HttpRequest, text: str, *, kind: str = "done") -> None:
    """Keep a sentence for the next page. `kind` is `done` or `problem`."""
    request.session[_NOTICE] = {"text": text[:2000], "kind": kind}


def go(request: HttpRequest, where: str, **arguments: int) -> HttpResponse:
    """Send the browser to a named page, or tell the page's script where to go."""
    location = reverse(f"console:{where}", kwargs=arguments)
    return JsonResponse({"location": location}) if from_script(request) else HttpResponseRedirect(location)
