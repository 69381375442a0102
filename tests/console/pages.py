"""What the console's tests share."""

from __future__ import annotations

from typing import Any

from django.test import Client

from uws.site import Site

OWN_ORIGIN = "http://testserver"


def make_client(site: Site, *, origin: str | None = OWN_ORIGIN, check_forms: bool = False) -> Client:
    """Return a browser in which nobody is signed in; its forms come from `origin`, or say nothing of it."""
    options: dict[str, Any] = {"uws.site": site, "enforce_csrf_checks": check_forms}
    if origin is not None:
        options["HTTP_ORIGIN"] = origin
    return Client(raise_request_exception=False, **options)


def text_of(response: Any) -> str:
    """Return a response's body as text."""
    content: bytes = response.content
    return content.decode()
