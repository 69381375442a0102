"""What a request may be refused with: one exception that carries the wire's status and sentence.

Refusal                any refusal: `status`, `message`, and `errors` that point into the request
├── BadRequest         400: the request is wrong; the message names the field, the value, what was expected
├── Forbidden          403: known, but not allowed
├── NotFound           404: it does not exist, or it is not yours: the same answer
├── Conflict           409: not in this state
├── InvalidOptions     422: resource options out of their ranges (contract §3.4)
├── TooManyRequests    429: refused too often lately; `retry_after_seconds` says for how long
└── Unavailable        503: something below did not answer; may be repeated
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One mistake in a request. `pointer` is a JSON Pointer (RFC 6901) into the body."""

    pointer: str
    found: str
    expected: str


class Refusal(Exception):
    """A request that is answered with `status` and `message`; never logged as an error of ours.

    `kind` is a key of the API's table of problems where the status alone does not say enough;
    `retry_after_seconds` is told where waiting helps.
    """

    status = 400

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        kind: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = tuple(errors)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds
        if status is not None:
            self.status = status


class BadRequest(Refusal):
    status = 400


class Forbidden(Refusal):
    status = 403


class NotFound(Refusal):
    status = 404


class Conflict(Refusal):
    status = 409


class InvalidOptions(Refusal):
    status = 422


class TooManyRequests(Refusal):
    status = 429


class Unavailable(Refusal):
    status = 503
