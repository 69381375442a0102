"""Who asks, and which installation: what `wire` has found out before an operation begins."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from uws.accounts.person import Person
from uws.accounts.tokens import Principal
from uws.refusals import Forbidden
from uws.site import Site

SITE = "uws.site"
PRINCIPAL = "uws.principal"


def site_of(request: HttpRequest) -> Site:
    """Return the installation that the request was made to."""
    return cast(Site, request.META[SITE])


def caller(request: HttpRequest, scope: str) -> tuple[Site, Person]:
    """Return the installation, and the person who asks with a token that has `scope`. Raises `Forbidden`.

    The only way for an operation to learn who asks, so that each one says which scope it needs.
    """
    principal: Principal = request.META[PRINCIPAL]
    if scope not in principal.scopes:
        raise Forbidden(f"This token may not do that: it lacks the scope {scope!r}.", kind="scope-missing")
    return site_of(request), principal.person
