"""What a call may end with, instead of its result.

ClientError              anything below: catch this to catch all
├── BadAddress           the address or the token cannot be one; nothing was sent
├── Unreachable          no answer, or a cut one; the call may or may not have been done
├── NotUnderstood        an answer, but not a User Workspaces Server's
├── WaitTimedOut         a wait's time is over; carries the job as last seen
├── JobEnded             a job ended before it was what was waited for; carries the job
└── ApiError             the server refused: `status`, `message`, `errors`
    ├── InvalidRequest   400, 413, 415, 422: something in the request is wrong
    ├── NotAllowed       401, 403: no token, a wrong one, or one that may not do this
    ├── NotFound         404: it does not exist, or it is not yours
    └── ServerFailed     500 and above: the server's fault, or it is busy; may be repeated later
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uws.client.records import Job


class ClientError(Exception):
    """The base of all errors of this package."""


class BadAddress(ClientError, ValueError):
    """The server's address or the token is malformed; raised before anything is sent."""


class Unreachable(ClientError):
    """The server did not answer in time or at all, or the connection broke."""


class NotUnderstood(ClientError):
    """The answer is not what a User Workspaces Server gives, such as a proxy's error page."""


class WaitTimedOut(ClientError):
    """What was waited for did not come in time. `job` is the job as last seen; it goes on."""

    def __init__(self, message: str, job: Job) -> None:
        super().__init__(message)
        self.job = job


class JobEnded(ClientError):
    """The job ended before it was what was waited for. `job.state` is `complete` or `failed`."""

    def __init__(self, message: str, job: Job) -> None:
        super().__init__(message)
        self.job = job


@dataclass(frozen=True)
class FieldProblem:
    """One mistake in a request. `pointer` is a JSON Pointer (RFC 6901) into its body."""

    pointer: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the body'}: found {self.found}, expected {self.expected}"


class ApiError(ClientError):
    """The server refused. `status` is the HTTP status, `message` its sentence, `errors` the single mistakes."""

    def __init__(self, status: int, message: str, errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)


class InvalidRequest(ApiError):
    """400, 413, 415 or 422: the message and `errors` say which field is wrong and what was expected."""


class NotAllowed(ApiError):
    """401 or 403: the token is missing, wrong, expired, or does not reach so far."""


class NotFound(ApiError):
    """404: it does not exist or belongs to somebody else; the server does not say which."""


class ServerFailed(ApiError):
    """500 and above."""


def api_error(status: int, message: str, errors: Sequence[FieldProblem] = ()) -> ApiError:
    """Return the error that fits an HTTP status."""
    if status >= 500:
        return ServerFailed(status, message, errors)
    kinds: dict[int, type[ApiError]] = {
        400: InvalidRequest,
        401: NotAllowed,
        403: NotAllowed,
        404: NotFound,
        413: InvalidRequest,
        415: InvalidRequest,
        422: InvalidRequest,
    }
    return kinds.get(status, ApiError)(status, message, errors)
