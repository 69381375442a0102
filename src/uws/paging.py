"""Opt-in pages of lists that are newest first: a limit, and where the page before ended."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, QuerySet

from uws.refusals import BadRequest, FieldError

PARAMETERS = ("limit", "after")
M = TypeVar("M", bound=Model)

DEFAULT_LIMIT = 100
MAXIMUM_LIMIT = 1000

_LIMIT = re.compile(r"[0-9]{1,6}", re.ASCII)
_CURSOR = re.compile(rb"after ([0-9]{1,18})")


@dataclass(frozen=True)
class Page:
    """At most `limit` rows whose id is below `before_id`, where that is given."""

    limit: int
    before_id: int | None = None


def read_page(query: Mapping[str, str]) -> Page | None:
    """Return the page that `limit` and `after` ask for, or None where neither was sent: then there are no pages.

    Raises `BadRequest` for a limit outside 1 to 1000, and for an `after` that no answer has given.
    """
    if not any(name in query for name in PARAMETERS):
        return None
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= MAXIMUM_LIMIT:
        expected = f"a whole number from 1 to {MAXIMUM_LIMIT}"
        raise BadRequest(
            f"limit {text[:40]!r} is not {expected}.", errors=[FieldError("?limit", text[:40], expected)]
        )
    return Page(int(text), _id_of(query["after"]) if "after" in query else None)


def cursor(last_id: int) -> str:
    """Return what `after` must be for the page that follows the row `last_id`. Clients must not look inside."""
    return base64.urlsafe_b64encode(f"after {last_id}".encode()).rstrip(b"=").decode()


def _id_of(text: str) -> int:
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        plain = b""
    found = _CURSOR.fullmatch(plain)
    if found is None:
        raise BadRequest(
            f"after {text[:40]!r} is no cursor.",
            errors=[FieldError("?after", text[:40], "the value in the last answer's Link header")],
        )
    return int(found[1])


def in_page(rows: QuerySet[M, M], page: Page | None) -> QuerySet[M, M]:
    """Return the rows of a page, newest first, and one more where there is another page."""
    rows = rows.order_by("-id")
    if page is None:
        return rows
    if page.before_id is not None:
        rows = rows.filter(id__lt=page.before_id)
    return rows[: page.limit + 1]
