"""`/users/`: the people one can share with (contract §6)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api import examples
from uws.api.answers import found
from uws.api.callers import caller
from uws.api.description import described
from uws.api.reading import query
from uws.api.schemas import UserAnswer

router = Router(tags=["users"])

FILTERS = {"search": "Part of a name (first and last) or of an e-mail address, in any case; empty for all."}


@router.get(
    "/",
    **described(
        "Search people",
        UserAnswer,
        400,
        query=FILTERS,
        example=examples.success("Successful.", {"users": [examples.USER]}),
    ),
)
def search_users(request: HttpRequest) -> HttpResponse:
    """Return the other people of this server."""
    site, person = caller(request, "read")
    text = query(request, *FILTERS).get("search")
    return found("Users", "users", site.accounts.search(person, text))
