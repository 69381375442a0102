"""Reading what a request carries, bounded before it is parsed: JSON, query parameters, uploaded files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Protocol

from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from uws.api.callers import site_of
from uws.refusals import BadRequest, FieldError, Refusal
from uws.workspaces.service import Upload

MAXIMUM_NUMBER_CHARACTERS = 40
MAXIMUM_VALUES = 200_000
"""Members of lists and objects in one body: each costs many times its few bytes in memory."""

_UPLOADED = "uws.uploaded"
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class NotJson(Exception):
    """The text is no JSON that is accepted here; says what was found."""


def json_body(request: HttpRequest, *, prefix: str = "Invalid JSON: ") -> Any:
    """Return the request's body, read as JSON whatever its Content-Type says (contract §1).

    Raises `BadRequest` whose message begins with `prefix`, and `Refusal` (413) for more than memory should hold.
    """
    check_body_size(request)
    depth = site_of(request).deployment.server.limits.json_depth
    try:
        return parse_json(request.body, maximum_depth=depth)
    except NotJson as problem:
        raise BadRequest(
            f"{prefix}{problem}", errors=[FieldError("", str(problem), "JSON")], kind="invalid-json"
        ) from problem


def check_body_size(request: HttpRequest) -> None:
    """Raise `Refusal` (413) for a body that may only be long as an upload's files, which stay on disk."""
    limit = site_of(request).deployment.server.limits.request_body_bytes
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise Refusal(
            f"The request body is too large: at most {limit} bytes are accepted here.",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )


def parse_json(data: bytes, *, maximum_depth: int) -> Any:
    """Parse JSON as RFC 8259 has it, and no more: `NotJson` for what Python or a database would stumble over.

    Refused beside what is no JSON: nesting beyond `maximum_depth` levels, numbers of more than 40 characters or beyond
    a float, NaN and Infinity, a key twice in one object, lone surrogates, the character NUL, anything but UTF-8.
    """
    _check_structure(data, maximum_depth)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_constant,
        )
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise NotJson(str(error)) from error
    _check_strings(value)
    return value


def _check_structure(data: bytes, maximum_depth: int) -> None:
    bare = _STRINGS.sub(b"", data)
    if bare.count(b",") >= MAXIMUM_VALUES:
        raise NotJson(f"more than {MAXIMUM_VALUES} values")
    depth = 0
    for bracket in bare.translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > maximum_depth:
            raise NotJson(f"nested more than {maximum_depth} levels deep")
        if depth < 0:
            return  # no JSON; the parser says where


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotJson(f"the key {_shown(key)} stands twice in one object")
            seen.add(key)
    return result


def _integer(digits: str) -> int:
    if len(digits) > MAXIMUM_NUMBER_CHARACTERS:
        raise NotJson(f"a number of more than {MAXIMUM_NUMBER_CHARACTERS} characters")
    return int(digits)


def _decimal(digits: str) -> float:
    if len(digits) > MAXIMUM_NUMBER_CHARACTERS:
        raise NotJson(f"a number of more than {MAXIMUM_NUMBER_CHARACTERS} characters")
    value = float(digits)
    if not math.isfinite(value):
        raise NotJson(f"the number {digits} is out of range")
    return value


def _constant(name: str) -> float:
    raise NotJson(f"{name} is not a JSON value")


def _check_strings(value: object) -> None:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            waiting += current.keys()
            waiting += current.values()
        elif isinstance(current, list):
            waiting += current
        elif isinstance(current, str):
            if "\0" in current:
                raise NotJson(f"the character NUL in the text {_shown(current)}")
            if not current.isascii() and not _is_unicode(current):
                raise NotJson(f"a lone surrogate in the text {_shown(current)}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    return json.dumps(text[:60])


def query(request: HttpRequest, *names: str) -> dict[str, str]:
    """Return the named query parameters that were sent; of a repeated one the last. Others are ignored.

    Raises `BadRequest` for NUL, which no database takes.
    """
    values = {name: request.GET[name] for name in names if name in request.GET}
    for name, value in values.items():
        if "\0" in value:
            shown = _shown(value)
            raise BadRequest(
                f"Invalid query parameter {name}: found the character NUL in {shown}; expected text without it.",
                errors=[FieldError(f"?{name}", shown, "text without NUL")],
            )
    return values


@contextmanager
def uploads(request: HttpRequest) -> Iterator[list[Upload]]:
    """Give the request's uploaded files, all of them, open at their beginning until the block ends.

    An empty, JSON or form body has none (contract §3.5). Raises `BadRequest` for a body that does not parse or was
    cut short, and `Refusal` (415) for any other type.
    """
    if request.META.get("CONTENT_LENGTH") in (None, "", "0"):
        yield []
    elif request.content_type == "multipart/form-data":
        files = uploaded_files(request)
        everything = [file for _, several in files.lists() for file in several]
        try:
            yield [Upload(file.name, file.fileno(), file.size) for file in everything]
        finally:
            close_uploaded(request)
    elif request.content_type == "application/json":
        json_body(request, prefix="JSON parse error - ")
        yield []
    elif request.content_type == "application/x-www-form-urlencoded":
        yield []
    else:
        sent = request.META.get("CONTENT_TYPE", "")[:100]
        raise Refusal(f'Unsupported media type "{sent}" in request.', status=415)


def uploaded_files(request: HttpRequest) -> MultiValueDict[str, Any]:
    """Return the files of a multipart body by field, read from the wire the first time. Raises as `uploads` does."""
    files: MultiValueDict[str, Any] | None = request.META.get(_UPLOADED)
    if files is None:
        files = request.META[_UPLOADED] = _multipart_files(request)
    return files


def close_uploaded(request: HttpRequest) -> None:
    """Close the files that `uploaded_files` has read, if it has."""
    files: MultiValueDict[str, Any] | None = request.META.pop(_UPLOADED, None)
    for _, several in files.lists() if files else ():
        for file in several:
            file.close()


def _multipart_files(request: HttpRequest) -> MultiValueDict[str, Any]:
    body = _RememberedEnd(request)
    try:
        _, files = request.parse_file_upload(request.META, body)  # type: ignore[arg-type]
    except MultiPartParserError as error:
        raise BadRequest(f"Multipart form parse error - {error}") from error
    except TooManyFilesSent as error:
        raise BadRequest("More than 100 files in one request.") from error
    boundary = (request.content_params or {})["boundary"]
    if f"--{boundary}--".encode() not in body.end:
        for _, several in files.lists():
            for file in several:
                file.close()
        # Django takes what it got: a body that ends early would look like a shorter one.
        raise BadRequest("Multipart form parse error - the body ends before its closing boundary.")
    return files


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _RememberedEnd:
    """A stream that remembers the last bytes that were read from it."""

    KEPT_BYTES = 1024

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self.end = b""

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self.end = (self.end + chunk[-self.KEPT_BYTES :])[-self.KEPT_BYTES :]
        return chunk
