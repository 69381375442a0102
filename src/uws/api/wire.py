"""Where the contract differs from what Django Ninja does by itself (contract §1), all in one place.

In this order, which is the original's: the path (404), `Accept` (406), the token (401), the method (405), and then
the operation. HEAD is GET without its body; OPTIONS that is no preflight tells the methods. Whatever goes wrong is
answered in the JSON envelope.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from ninja.security import APIKeyHeader

from uws.accounts.tokens import Principal, own_bearer
from uws.api.answers import JSON_TYPE, PROBLEM_TYPE, answer, failure, refuse
from uws.api.callers import PRINCIPAL, site_of
from uws.api.idempotency import once
from uws.refusals import Refusal

View = Callable[..., HttpResponseBase]

AUTHORIZATION_HEADER = "UWS-Authorization"
SERVED_TYPES = (JSON_TYPE, PROBLEM_TYPE, "text/html")
"""What `Accept` may ask for. The original also had HTML pages of its answers; ours are JSON for browsers too."""


class UwsAuthorization(APIKeyHeader):
    """Token of a user, as `Token <token>`: from `POST /tokens/`, or a named one made in the console."""

    param_name = AUTHORIZATION_HEADER

    def authenticate(self, request: HttpRequest, key: str | None) -> Principal | None:
        """Return what `wired` has found. Ninja asks this once more, right before an operation."""
        return cast("Principal | None", request.META.get(PRINCIPAL))


def wired(pattern: URLPattern, *, is_open: bool) -> URLPattern:
    """Return the pattern with the contract's ground rules around its view.

    `is_open`: works without a token. A wrong token is refused there too.
    """
    return URLPattern(
        pattern.pattern, _wired_view(pattern.callback, is_open), pattern.default_args, pattern.name
    )


def unknown_path(request: HttpRequest) -> HttpResponse:
    """Answer a path below one of the API's prefixes that no route has."""
    return refuse(request, HTTPStatus.NOT_FOUND, "Not found.")


def _wired_view(view: View, is_open: bool) -> View:
    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest, **arguments: object) -> HttpResponseBase:
        method = request.method or ""
        try:
            response = _answered(view, request, method, is_open, arguments)
        except Exception as error:
            response = failure(request, error)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, (AUTHORIZATION_HEADER, "Authorization", "Origin", "Accept"))
        if method == "HEAD" and isinstance(response, HttpResponse):
            response.headers["Content-Length"] = str(len(response.content))
            response.content = b""
        return response

    return answered


def _answered(
    view: View, request: HttpRequest, method: str, is_open: bool, arguments: dict[str, object]
) -> HttpResponseBase:
    # The charset of the Content-Type would decode the query too, and may be no charset at all ("base64").
    request.encoding = "utf-8"
    if not _is_acceptable(request):
        raise Refusal("Could not satisfy the request Accept header.", status=HTTPStatus.NOT_ACCEPTABLE)
    principal = _principal(request, is_open)
    request.META[PRINCIPAL] = principal
    if method == "HEAD":
        request.method = "GET"

    def operate() -> HttpResponseBase:
        response = view(request, **arguments)
        if isinstance(response, HttpResponseNotAllowed):
            return _other_method(request, method, response.headers["Allow"])
        return response

    return operate() if principal is None else once(request, principal.person.id, operate)


def _is_acceptable(request: HttpRequest) -> bool:
    if not request.headers.get("Accept", "").strip():
        return True
    return any(request.accepts(media_type) for media_type in SERVED_TYPES)


def _principal(request: HttpRequest, is_open: bool) -> Principal | None:
    tokens = site_of(request).tokens
    header = request.headers.get(AUTHORIZATION_HEADER)
    if header is None:
        header = own_bearer(request.headers.get("Authorization"))
    if header is None and is_open:
        return None
    return tokens.authenticate(header)


def _other_method(request: HttpRequest, method: str, allowed: str) -> HttpResponse:
    methods = {name.strip() for name in allowed.split(",")} | {"OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    allow = ", ".join(sorted(methods))
    if method == "OPTIONS":
        response = answer({"message": f"Allowed: {allow}.", "success": True})
    else:
        response = refuse(request, HTTPStatus.METHOD_NOT_ALLOWED, f'Method "{method[:32]}" not allowed.')
    response.headers["Allow"] = allow
    return response
