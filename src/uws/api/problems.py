"""Every kind of refusal that the API gives: a closed table, from which `type` (RFC 9457) and its pages are made.

A kind's name is part of the API: it may get a better sentence, but is never renamed or given another meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import quote

from uws.refusals import FieldError

PREFIX = "/problems/"
LONGEST_INSTANCE = 200
"""Characters of the path that a refusal repeats."""


@dataclass(frozen=True)
class ProblemKind:
    """One kind: its status, a short title that never changes, when it happens, and what to do about it."""

    status: int
    title: str
    meaning: str
    remedy: str


PROBLEMS: Mapping[str, ProblemKind] = MappingProxyType(
    {
        "invalid-request": ProblemKind(
            400,
            "Invalid request",
            "A field, a query parameter or the state of what was asked for does not allow the request.",
            "Read `message`, and `errors` where they are given: they name the place, what was found and what was "
            "expected.",
        ),
        "invalid-json": ProblemKind(
            400,
            "Invalid JSON",
            "The body is no JSON (RFC 8259), or holds what no parser agrees on: a key twice, NaN, a lone surrogate, "
            "NUL, too many levels or digits.",
            "Send UTF-8 JSON as a JSON library writes it.",
        ),
        "job-not-stoppable": ProblemKind(
            400,
            "Job not stoppable",
            "The job has ended already, or is being stopped.",
            "Nothing needs to be done.",
        ),
        "unauthenticated": ProblemKind(
            401,
            "Not authenticated",
            "The token is missing, malformed, unknown, expired or revoked, or its user is locked; or the "
            "credentials sent to /tokens/ were refused.",
            "Send `UWS-Authorization: Token <token>` with a token that is valid now.",
        ),
        "forbidden": ProblemKind(
            403,
            "Not allowed",
            "Who asks is known, but may not do this.",
            "Ask whoever runs the server, or the owner.",
        ),
        "scope-missing": ProblemKind(
            403,
            "Scope missing",
            "The token was made for fewer things than this request.",
            "Make a token that has the scope which `message` names.",
        ),
        "not-found": ProblemKind(
            404,
            "Not found",
            "It does not exist, or belongs to somebody else: the answer is the same.",
            "Check the number in the path, and whose token was sent.",
        ),
        "method-not-allowed": ProblemKind(
            405,
            "Method not allowed",
            "The path does not have this method.",
            "Use one of the methods in the header `Allow`.",
        ),
        "not-acceptable": ProblemKind(
            406,
            "Not acceptable",
            "`Accept` names no media type that is served.",
            "Accept `application/json`.",
        ),
        "request-timeout": ProblemKind(
            408,
            "Request timed out",
            "The body did not arrive in time.",
            "Send it again, without pauses.",
        ),
        "conflict": ProblemKind(
            409,
            "Conflict",
            "What was asked for does not fit the state that things are in now.",
            "Read the state again, and decide anew.",
        ),
        "request-in-progress": ProblemKind(
            409,
            "Request in progress",
            "A request with this Idempotency-Key is being answered right now.",
            "Send the same request again after `Retry-After` seconds; it then gets the first one's answer.",
        ),
        "request-too-large": ProblemKind(
            413,
            "Request too large",
            "The body is larger than this server accepts.",
            "Send less; files one by one.",
        ),
        "unsupported-media-type": ProblemKind(
            415,
            "Unsupported media type",
            "The body has a Content-Type that this path does not read.",
            "Upload files as `multipart/form-data`.",
        ),
        "invalid-options": ProblemKind(
            422,
            "Invalid resource options",
            "A resource option is missing, has the wrong type or lies out of its bounds.",
            "Compare with `GET /parameters/`.",
        ),
        "idempotency-key-reused": ProblemKind(
            422,
            "Idempotency key reused",
            "This Idempotency-Key was sent with another request within the last 24 hours.",
            "Make a new key for each new request.",
        ),
        "too-many-requests": ProblemKind(
            429,
            "Too many requests",
            "Requests for this account, or from this address, were refused too often lately.",
            "Wait for `Retry-After` seconds.",
        ),
        "internal-error": ProblemKind(
            500,
            "Internal error",
            "The server failed, which is a fault of its own.",
            "Tell its operator the number in `message`.",
        ),
        "misconfigured": ProblemKind(
            500,
            "Server misconfigured",
            "Something that the operator looks after is not as it must be.",
            "Tell the server's operator.",
        ),
        "unavailable": ProblemKind(
            503,
            "Unavailable",
            "Something that the server depends on does not answer. Nothing was changed.",
            "Try again a little later.",
        ),
    }
)

_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {kind.status: name for name, kind in reversed(list(PROBLEMS.items()))}
)
"""The first kind of each status: what a refusal is that names none."""


def kind_of(status: int, kind: str | None = None) -> str | None:
    """Return the kind of a refusal: the one that it names, else its status's own. None for a status without one.

    Raises ValueError for a kind that is not in the table, or not with this status.
    """
    if kind is None:
        return _BY_STATUS.get(status)
    if kind not in PROBLEMS or PROBLEMS[kind].status != status:
        raise ValueError(f"there is no problem {kind!r} with status {status}; add it to uws.api.problems")
    return kind


def problem_body(
    status: int, message: str, path: str, *, kind: str | None = None, errors: Sequence[FieldError] = ()
) -> dict[str, object]:
    """Return a refusal's body: the contract's `success` and `message`, and RFC 9457's members beside them."""
    name = kind_of(status, kind)
    body: dict[str, object] = {
        "success": False,
        "message": message,
        "type": f"{PREFIX}{name}" if name else "about:blank",
        "title": PROBLEMS[name].title if name else HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "instance": quote(path, safe="/%:@!$&'()*+,;=~-._", errors="replace")[:LONGEST_INSTANCE],
    }
    if errors:
        body["errors"] = [
            {"pointer": error.pointer, "found": error.found, "expected": error.expected} for error in errors
        ]
    return body
