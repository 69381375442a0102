"""`/tokens/`: a portal asks for the token of one of its users (contract §2)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api.answers import answer
from uws.api.description import described
from uws.api.reading import json_body
from uws.api.schemas import TokenAnswer, TokenRequest
from uws.api.wire import site_of

router = Router(tags=["tokens"])


@router.post(
    "/",
    **described("Get a user's token", TokenAnswer, 400, 401, 403, 503, body=TokenRequest),
)
def issue_token(request: HttpRequest) -> HttpResponse:
    """Return the token of a user for whom a portal vouches: the same token each time, until it is revoked.

    A user who is not known yet is made.
    """
    response = answer(site_of(request).tokens.issue(json_body(request)))
    response.headers["Cache-Control"] = "no-store"
    return response
