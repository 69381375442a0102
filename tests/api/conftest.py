"""The people of the API's tests, each with their own way to call it."""

from __future__ import annotations

import pytest
from tests.api.calling import Caller

from uws.accounts.models import User
from uws.site import Site


@pytest.fixture
def as_ada(site: Site, ada: User) -> Caller:
    """The owner, with a portal's token."""
    return Caller(site, site.tokens.portal_token(ada))


@pytest.fixture
def as_grace(site: Site, grace: User) -> Caller:
    """Somebody else, with a portal's token."""
    return Caller(site, site.tokens.portal_token(grace))


@pytest.fixture
def as_nobody(site: Site) -> Caller:
    """No token at all."""
    return Caller(site)
