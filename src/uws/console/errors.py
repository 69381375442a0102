"""Pages for what went wrong. They never say more than a visitor may know, and always where to go next."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


def _error_page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    context = {"title": title, "text": text, "status": status}
    return HttpResponse(render_to_string("console/error.html", context), status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, for instance a form that was cut short on its way."""
    return _error_page(
        request,
        400,
        "That request could not be read",
        "Something in it was incomplete or malformed. Go back, reload the page and try again.",
    )


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error_page(request, 403, "You may not do that", "Your account has no right to open this page.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404, the same for what does not exist and for what belongs to somebody else."""
    return _error_page(
        request,
        404,
        "There is nothing here",
        "The page, workspace or job does not exist, was deleted, or belongs to somebody else.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: the mistake is in the server's log; the page says nothing about it."""
    return _error_page(
        request,
        500,
        "Something went wrong on the server",
        "It was written to the server's log. Your files and running jobs are not touched by it. "
        "Try again; if it stays, tell the people who run this server when it happened.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that did not come from one of our own pages, or from one that is too old."""
    logger.warning("refused a form to %s: %s", request.path, reason)
    return _error_page(
        request,
        403,
        "The form was not accepted",
        "It did not come from a page of this server, or that page was opened before you last signed in. "
        "Nothing was changed. Go back, reload the page and send it again.",
    )
