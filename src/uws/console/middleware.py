"""What holds for every console page: headers, and that forms come from our own pages."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from uws.console import errors

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers then send `Origin: null` with forms, which the origin check refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_PREFIXES = ("/console/", "/sign-in/", "/sign-out/")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


def is_console_path(path: str) -> bool:
    """Say whether a path is one of the console's, and not the API's."""
    return path == "/" or path.startswith(_PREFIXES) or f"{path}/" in _PREFIXES


class ConsoleMiddleware:
    """Put before Django's CSRF middleware, which compares `Origin` only where the browser sent one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_console_path(request.path):
            return self.get_response(request)
        response: HttpResponse | HttpResponseBase
        if request.method not in _SAFE_METHODS and "Origin" not in request.headers:
            response = errors.csrf_failure(request, reason="the form came without an Origin header")
        else:
            response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
