"""What each operation says about itself, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ninja import Schema

from uws.api.schemas import Problem

JsonSchema = dict[str, Any]


def described(
    summary: str,
    answer: type[Schema],
    *refusals: int,
    query: Mapping[str, str] | None = None,
    body: type[Schema] | JsonSchema | None = None,
    media_type: str = "application/json",
) -> dict[str, Any]:
    """Return the keyword arguments of a route that describe it; its docstring is the rest.

    `answer` is the model of a 200, `refusals` the statuses of what may go wrong beside 406 and 500, `query` the text
    about each query parameter, `body` the model or JSON Schema of the request body.
    """
    extra: dict[str, Any] = {}
    if query:
        extra["parameters"] = [
            {
                "in": "query",
                "name": name,
                "schema": {"type": "string"},
                "required": False,
                "description": text,
            }
            for name, text in query.items()
        ]
    if body is not None:
        schema = body if isinstance(body, dict) else _inlined(body)
        extra["requestBody"] = {"required": True, "content": {media_type: {"schema": schema}}}
    statuses = {*refusals, HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.INTERNAL_SERVER_ERROR}
    return {
        "summary": summary,
        "response": {200: answer, **{int(status): Problem for status in sorted(statuses)}},
        "openapi_extra": extra,
    }


def _inlined(model: type[Schema]) -> JsonSchema:
    """Return the model's JSON Schema without references: Ninja collects only the models it serialises itself."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(member) for member in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            rest = {key: value for key, value in part.items() if key != "$ref"}
            return resolved(definitions[part["$ref"].rpartition("/")[2]]) | rest
        return {key: resolved(value) for key, value in part.items()}

    result: JsonSchema = resolved(schema)
    return result
