"""What each operation says about itself, for the OpenAPI document (see `uws.api.openapi`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ninja import Schema

JsonSchema = dict[str, Any]
QueryText = str | tuple[str, JsonSchema]

EXTENSION = "x-uws"
"""Where Django Ninja carries the `Description` of an operation for us."""


@dataclass(frozen=True)
class Description:
    """What an operation takes and answers. `example` and `body_example` are a whole answer and a whole body."""

    answer: type[Schema]
    refusals: tuple[int, ...] = ()
    query: Mapping[str, QueryText] = field(default_factory=dict)
    body: type[Schema] | JsonSchema | None = None
    media_type: str = "application/json"
    example: Any = None
    body_example: Any = None
    is_conditional: bool = False


def described(
    summary: str,
    answer: type[Schema],
    *refusals: int,
    query: Mapping[str, QueryText] | None = None,
    body: type[Schema] | JsonSchema | None = None,
    media_type: str = "application/json",
    example: Any = None,
    body_example: Any = None,
    is_conditional: bool = False,
) -> dict[str, Any]:
    """Return the keyword arguments of a route that describe it; its docstring is the rest.

    `answer` is the model of a 200 and `example` one of its answers; `refusals` are the statuses of what may go wrong
    beside those that hold everywhere. `query` is the text about each query parameter, with a JSON Schema where it is
    not just text. `body` is the model or JSON Schema of the request body, `body_example` such a body.
    `is_conditional`: the answer has a tag, and may be a 304.
    """
    description = Description(
        answer, refusals, dict(query or {}), body, media_type, example, body_example, is_conditional
    )
    return {"summary": summary, "openapi_extra": {EXTENSION: description}}
