"""`/tokens/`: a portal asks for the token of one of its users (contract §2)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api import examples
from uws.api.answers import answer
from uws.api.callers import site_of
from uws.api.description import described
from uws.api.reading import json_body
from uws.api.schemas import TokenAnswer, TokenRequest

router = Router(tags=["tokens"])


@router.post(
    "/",
    **described(
        "Get a user's token",
        TokenAnswer,
        400,
        403,
        429,
        503,
        body=TokenRequest,
        body_example=examples.TOKEN_REQUEST,
        example=examples.TOKEN_ANSWER,
    ),
)
def issue_token(request: HttpRequest) -> HttpResponse:
    """Return the token of a user for whom a portal vouches: the same token each time, until it is revoked.

    A user who is not known yet is made.
    """
    response = answer(site_of(request).tokens.issue(json_body(request), request.META.get("REMOTE_ADDR", "")))
    response.headers["Cache-Control"] = "no-store"
    return response
