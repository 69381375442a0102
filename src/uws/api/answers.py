"""What the API answers with: one envelope for success, one for refusals, always JSON.

Refusals carry the members of RFC 9457 beside the contract's `success` and `message`, in the same object.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError

from uws.api.problems import problem_body
from uws.refusals import FieldError, Refusal

logger = logging.getLogger(__name__)

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"
CHALLENGE = "Token"
"""The value of `WWW-Authenticate` (contract §1)."""


def encode(value: object) -> bytes:
    """Return `value` as JSON in UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # orjson has no integers beyond 64 bits; a request's own details, which are shown again, may hold one.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def answer(body: object) -> HttpResponse:
    """Answer 200 with a body that is the whole answer."""
    return HttpResponse(encode(body), content_type=JSON_TYPE)


def success(message: str, data: Mapping[str, object] | None = None) -> HttpResponse:
    """Answer 200 in the contract's envelope; `data` is left out where there is none."""
    body: dict[str, object] = {"message": message, "success": True}
    if data is not None:
        body["data"] = data
    return answer(body)


def found(kind: str, key: str, objects: Sequence[object]) -> HttpResponse:
    """Answer a read: the objects under `key`, and the contract's sentence where there are none.

    `kind` is the word of that sentence, such as `Workspace`.
    """
    message = "Successful." if objects else f"{kind} matching given parameters could not be found."
    return success(message, {key: objects})


def refuse(
    request: HttpRequest,
    status: int,
    message: str,
    errors: Sequence[FieldError] = (),
    *,
    kind: str | None = None,
    retry_after_seconds: int | None = None,
) -> HttpResponse:
    """Answer a refusal, as `application/problem+json` where `Accept` names that.

    `kind` is a key of `uws.api.problems.PROBLEMS`, where the status's own is too coarse.
    """
    body = problem_body(status, message, request.path, kind=kind, errors=errors)
    asked = {f"{accepted.main_type}/{accepted.sub_type}" for accepted in request.accepted_types}
    content_type = PROBLEM_TYPE if PROBLEM_TYPE in asked else JSON_TYPE
    response = HttpResponse(encode(body), status=status, content_type=content_type)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = CHALLENGE
    if retry_after_seconds is not None:
        response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def failure(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer what was raised: a refusal as it says, anything unplanned as a 500 that tells no details."""
    if isinstance(error, Refusal):
        return refuse(
            request,
            error.status,
            error.message,
            error.errors,
            kind=error.kind,
            retry_after_seconds=error.retry_after_seconds,
        )
    if isinstance(error, Http404):
        return refuse(request, HTTPStatus.NOT_FOUND, "Not found.")
    if isinstance(error, (SuspiciousOperation, UnreadablePostError)):
        logger.warning("refused a request to %s: %s", request.path[:200], error)
        return refuse(
            request, HTTPStatus.BAD_REQUEST, "The request has too many fields or files, or is malformed."
        )
    logger.error("%s %s failed", request.method, request.path[:200], exc_info=error)
    number = request.headers.get("X-Request-ID")
    telling = f" Tell its operator this number: {number}" if number else ""
    return refuse(request, HTTPStatus.INTERNAL_SERVER_ERROR, f"The server failed to answer.{telling}")
