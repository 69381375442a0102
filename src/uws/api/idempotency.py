"""`Idempotency-Key`: a change that is asked for twice is made once, and answered twice with the same answer.

Only what was done is kept, and what failed half-way (500): a refusal has changed nothing, so the same request may be
sent again once its reason is gone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from uws.api.reading import check_body_size, close_uploaded, uploaded_files
from uws.background import idempotency
from uws.background.idempotency import Claim, InProgress, KeptAnswer, KeyReused
from uws.refusals import BadRequest, Conflict, FieldError, Refusal

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEPT_HEADERS = ("Content-Type", "Location")
RETRY_SECONDS = 1

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEY = re.compile(r'"?([!#-\[\]-~]{1,255})"?', re.ASCII)
_UPLOAD = re.compile(r"/workspaces/[0-9]+/upload/", re.IGNORECASE | re.ASCII)


def once(request: HttpRequest, owner_id: int, operate: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Answer a request, or answer it again. `operate` does its work and never raises a `Refusal`.

    Raises `BadRequest` for a key that is none, `Conflict` while the same request is under way, and `Refusal` (422) for
    a key that belongs to another request.
    """
    header = request.headers.get(KEY_HEADER)
    if header is None or request.method not in _CHANGING:
        return operate()
    try:
        begun = _begun(owner_id, _key(header), _fingerprint(request))
        return _again(begun) if isinstance(begun, KeptAnswer) else _done(begun, operate)
    finally:
        close_uploaded(request)


def _begun(owner_id: int, key: str, fingerprint: str) -> Claim | KeptAnswer:
    try:
        return idempotency.begin(owner_id, key, fingerprint)
    except InProgress:
        raise Conflict(
            "A request with this Idempotency-Key is being answered right now.",
            kind="request-in-progress",
            retry_after_seconds=RETRY_SECONDS,
        ) from None
    except KeyReused:
        raise Refusal(
            "This Idempotency-Key was sent with another request within the last 24 hours.",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            kind="idempotency-key-reused",
        ) from None


def _done(claim: Claim, operate: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    is_kept = False
    try:
        with claim.under_way():
            response = operate()
        if isinstance(response, HttpResponse) and _is_kept(response.status_code):
            headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
            claim.keep(KeptAnswer(response.status_code, headers, response.content))
            is_kept = True
        return response
    finally:
        if not is_kept:
            claim.release()


def _is_kept(status: int) -> bool:
    return status < HTTPStatus.MULTIPLE_CHOICES or status == HTTPStatus.INTERNAL_SERVER_ERROR


def _again(kept: KeptAnswer) -> HttpResponse:
    response = HttpResponse(kept.body, status=kept.status)
    for name, value in kept.headers.items():
        response.headers[name] = value
    response.headers[REPLAYED_HEADER] = "true"
    return response


def _key(header: str) -> str:
    """Return the key, with or without the quotation marks of the draft's structured field."""
    found = _KEY.fullmatch(header.strip())
    if found is None:
        expected = "1 to 255 visible ASCII characters"
        raise BadRequest(
            f"Invalid Idempotency-Key: expected {expected}.",
            errors=[FieldError(KEY_HEADER, header[:60], expected)],
        )
    return found[1]


def _fingerprint(request: HttpRequest) -> str:
    """Return a digest of method, path and body. The query is left out: no change reads it.

    Of an upload the files count, not the bytes on the wire: each attempt has another boundary.
    """
    code = hashlib.sha256(f"{request.method} {request.path}\0".encode())
    if request.content_type == "multipart/form-data" and _UPLOAD.fullmatch(request.path):
        for field, files in uploaded_files(request).lists():
            for file in files:
                content = hashlib.file_digest(file.file, "sha256").hexdigest()
                file.seek(0)
                code.update(f"{field}\0{file.name}\0{content}\0".encode("utf-8", "replace"))
    else:
        check_body_size(request)
        code.update(request.body)
    return code.hexdigest()
