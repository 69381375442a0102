"""`/openapi.json`, `/docs` and `/problems/`: the API about itself, open to everybody, without cookies or scripts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, wraps
from importlib.resources import files

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from uws.api.answers import JSON_TYPE, encode, refuse
from uws.api.openapi import document
from uws.api.problems import PREFIX, PROBLEMS
from uws.api.reference_page import problems_page, reference_page

HTML_TYPE = "text/html; charset=utf-8"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
View = Callable[..., HttpResponse]


def patterns(api: NinjaAPI) -> list[URLPattern]:
    """Return the addresses of an API's description."""

    @_readable
    def openapi(request: HttpRequest) -> HttpResponse:
        return _answer(request, _json(api), JSON_TYPE)

    @_readable
    def docs(request: HttpRequest) -> HttpResponse:
        return _answer(request, _page(api), HTML_TYPE)

    return [
        re_path(r"^openapi\.json$", openapi),
        re_path(r"^docs/?$", docs),
        re_path(r"^docs/style\.css$", _style),
        re_path(r"^problems/(?P<kind>[\s\S]*?)/?$", _problems),
    ]


def _readable(view: View) -> View:
    """Let a view be read from every origin, and by no other method than GET."""

    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest, **arguments: str) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            response = view(request, **arguments)
        else:
            response = refuse(request, 405, f'Method "{(request.method or "")[:32]}" not allowed.')
            response.headers["Allow"] = "GET, HEAD"
        response.headers.setdefault("Cache-Control", "no-cache")
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return answered


def _answer(request: HttpRequest, content: bytes, content_type: str) -> HttpResponse:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    known = (each.removeprefix("W/") for each in parse_etags(request.headers.get("If-None-Match", "")))
    if tag in known:
        response = HttpResponse(status=304)
        del response.headers["Content-Type"]
    else:
        response = HttpResponse(content, content_type=content_type)
    response.headers["ETag"] = tag
    return response


@cache
def _json(api: NinjaAPI) -> bytes:
    return encode(document(api))


@cache
def _page(api: NinjaAPI) -> bytes:
    return reference_page(document(api)).encode()


@_readable
def _style(request: HttpRequest) -> HttpResponse:
    return _answer(request, (files("uws.api") / "reference.css").read_bytes(), "text/css; charset=utf-8")


@_readable
def _problems(request: HttpRequest, kind: str) -> HttpResponse:
    """Explain one kind of refusal, or all of them: JSON, and a page where HTML is preferred."""
    if kind and kind not in PROBLEMS:
        return refuse(request, 404, f"There is no kind of refusal {kind[:64]!r}.")
    asked = {kind: PROBLEMS[kind]} if kind else PROBLEMS
    if request.get_preferred_type([JSON_TYPE, "text/html"]) == "text/html":
        response = _answer(request, problems_page(asked).encode(), HTML_TYPE)
    else:
        told = [
            {
                "type": f"{PREFIX}{name}",
                "status": each.status,
                "title": each.title,
                "meaning": each.meaning,
                "remedy": each.remedy,
            }
            for name, each in asked.items()
        ]
        response = _answer(request, encode(told[0] if kind else told), JSON_TYPE)
    patch_vary_headers(response, ("Accept",))
    return response
