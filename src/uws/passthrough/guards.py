"""Whose page asks? The checks that come before any right is looked at.

A job's page is somebody's code on an origin beside other jobs' and the console's; the browser adds the job's
cookie to what such a page sends. `Origin` and `Sec-Fetch-*`, which no page can set, tell them apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from uws.passthrough.headers import RawHeaders
from uws.passthrough.settings import PassthroughSettings

_SINGLE = frozenset(
    {
        b"host",
        b"origin",
        b"content-length",
        b"transfer-encoding",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"sec-fetch-dest",
        b"upgrade",
    }
)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_OR_NONE = (b"same-origin", b"none")


@dataclass(frozen=True)
class Refusal:
    """A request that is not carried: its HTTP status and one sentence for whoever sent it."""

    status: int
    message: str


class RequestFacts:
    """The few headers that decide, read once.

    Raises `AmbiguousRequest` where one that must be single comes twice.
    """

    __slots__ = ("has_body", "host", "is_top_level", "origin", "site", "wants_page")

    def __init__(self, method: str, headers: RawHeaders) -> None:
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in _SINGLE and name in found:
                raise AmbiguousRequest(name.decode("ascii"))
            found[name] = value
        self.host = found.get(b"host", b"")
        self.origin = found.get(b"origin")
        self.site = found.get(b"sec-fetch-site")
        self.has_body = b"transfer-encoding" in found or found.get(b"content-length", b"0") != b"0"
        mode, destination = found.get(b"sec-fetch-mode"), found.get(b"sec-fetch-dest")
        self.is_top_level = method == "GET" and mode == b"navigate" and destination == b"document"
        self.wants_page = self.is_top_level or (
            mode is None and method in ("GET", "HEAD") and b"text/html" in found.get(b"accept", b"")
        )


class AmbiguousRequest(Exception):
    """Two values where HTTP allows one: who stands behind us might read the other."""

    def __init__(self, header: str) -> None:
        super().__init__(f"More than one {header} header; expected one.")


class HostNames:
    """Reads the job out of `Host`, matched whole."""

    def __init__(self, settings: PassthroughSettings) -> None:
        self._settings = settings
        self._shape = re.compile(
            rb"job-([1-9][0-9]{0,17})\."
            + re.escape(settings.jobs_domain.encode("idna"))
            + rb"(?::[0-9]{1,5})?",
            re.IGNORECASE,
        )

    def job_id(self, host: bytes) -> int | None:
        """Return the job whose public host this is, or None."""
        match = self._shape.fullmatch(host)
        if match is None:
            return None
        job_id = int(match[1])
        return job_id if host.decode("ascii").lower() == self._settings.host(job_id).lower() else None


def refuse_request(facts: RequestFacts, method: str, own_origin: str) -> Refusal | None:
    """Return why an HTTP request may not be carried to the job of `own_origin`, or None."""
    if facts.origin is not None and facts.origin != own_origin.encode("ascii"):
        return Refusal(403, "This request comes from a page of another origin, so it is not passed on.")
    if facts.site is not None and facts.site not in _OWN_OR_NONE:
        # Links and redirects to the job are welcome; its answers inside another page are not.
        if facts.is_top_level and facts.origin is None:
            return None
        return Refusal(403, "This request was started by a page of another site, so it is not passed on.")
    if facts.origin is None and facts.site is None and method not in _SAFE_METHODS:
        return Refusal(
            403, "A request that changes something needs an Origin or Sec-Fetch-Site header; it has neither."
        )
    return None


def refuse_socket(facts: RequestFacts, own_origin: str) -> Refusal | None:
    """Return why a WebSocket handshake may not be carried to the job of `own_origin`, or None."""
    if facts.origin is None:
        return Refusal(
            403, "A WebSocket handshake needs the Origin header of the job's own page; it has none."
        )
    if facts.origin != own_origin.encode("ascii"):
        return Refusal(403, "This WebSocket was opened by a page of another origin, so it is not passed on.")
    if facts.site is not None and facts.site not in _OWN_OR_NONE:
        return Refusal(403, "This WebSocket was opened by a page of another site, so it is not passed on.")
    return None
