"""Reads that answer 304 before any row is read, and lists in pages.

A tag is made of the caller's newest event, of what changes without an event, of the address, and of the server's own
configuration. Two requests of one tag get the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags

from uws.accounts.person import Person
from uws.api.answers import found
from uws.api.description import QueryText
from uws.api.reading import query
from uws.events import log
from uws.paging import MAXIMUM_LIMIT, PARAMETERS, Page, cursor, read_page
from uws.site import Site

FORMAT = "1"
"""Raised with each change of how answers are written."""

Objects = list[dict[str, object]]

PAGE_PARAMETERS: Mapping[str, QueryText] = {
    "limit": (
        "At most so many, and the address of the next page in the header `Link`. Default: all of them; 100 where "
        "only `after` is sent.",
        {"type": "integer", "minimum": 1, "maximum": MAXIMUM_LIMIT},
    ),
    "after": "Where the page before ended: what the last answer's `Link` has here.",
}


def unless_unchanged(
    request: HttpRequest, site: Site, person: Person, *parts: object, make: Callable[[], HttpResponse]
) -> HttpResponse:
    """Answer 304 where `If-None-Match` has the tag of what would be answered now, else what `make` makes.

    `parts` are what the answer depends on beside the caller's events and the address.
    """
    tag = _tag(request, site, person, parts)
    if _knows(request, tag):
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        del response.headers["Content-Type"]
    else:
        response = make()
    response.headers["ETag"] = tag
    return response


def _tag(request: HttpRequest, site: Site, person: Person, parts: tuple[object, ...]) -> str:
    address = (request.path, request.META.get("QUERY_STRING", ""))
    # The events first: rows that are read afterwards may be newer than the tag says, and never older.
    whole = (log.version_of(person.id), FORMAT, site.wire_version, person.id, *address, *parts)
    return f'"{hashlib.sha256(repr(whole).encode()).hexdigest()[:32]}"'


def _knows(request: HttpRequest, tag: str) -> bool:
    header = request.headers.get("If-None-Match")
    if header is None:
        return False
    known = parse_etags(header)
    # Weak comparison (RFC 9110 §13.1.2): a proxy that compresses makes our tags weak.
    return "*" in known or any(each.removeprefix("W/") == tag for each in known)


def listed(
    request: HttpRequest,
    kind: str,
    key: str,
    filters: Collection[str],
    read: Callable[[Mapping[str, str], Page | None], Objects],
) -> HttpResponse:
    """Answer a list: filtered, and in pages where `limit` or `after` asks for them.

    `read` gets the filters that were sent, and the page; of a page it returns one object more where there is another.
    """
    sent = query(request, *filters, *PARAMETERS)
    page = read_page(sent)
    objects = read({name: value for name, value in sent.items() if name in filters}, page)
    if page is None or len(objects) <= page.limit:
        return found(kind, key, objects)
    objects = objects[: page.limit]
    last = objects[-1]["id"]
    assert isinstance(last, int)
    following = {**sent, "limit": str(page.limit), "after": cursor(last)}
    response = found(kind, key, objects)
    response.headers["Link"] = f'<{request.path}?{urlencode(following)}>; rel="next"'
    return response
