"""The OpenAPI 3.1 document, made of the routes and models that serve the requests.

Django Ninja tells the paths, their parameters and texts; `description` what each operation takes and answers. What
holds for many operations is added here in one place: tokens, refusals, tags, `Idempotency-Key`, `Link`.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from ninja import NinjaAPI, Schema

from uws import __version__
from uws.api.description import EXTENSION, Description
from uws.api.openapi_parts import (
    DESCRIPTION,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    LINKS,
    OPERATORS_PATHS,
    RESPONSE_HEADERS,
    SECURITY,
    SECURITY_SCHEMES,
    SOCKETS,
    TAGS,
)
from uws.api.problems import PROBLEMS, problem_body
from uws.api.schemas import JobSocketMessage, Problem

JsonObject = dict[str, Any]
JSON, PROBLEM_JSON = "application/json", "application/problem+json"
REF = "#/components/schemas/{model}"
EVERYWHERE = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.INTERNAL_SERVER_ERROR)
"""Statuses of every operation; a wrong token is refused on open paths too."""
CHANGING = ("post", "put", "patch", "delete")


class _Schemas:
    """Collects models as components, and answers with references to them."""

    def __init__(self) -> None:
        self.collected: JsonObject = {}

    def reference(self, model: type[Schema]) -> JsonObject:
        schema = model.model_json_schema(ref_template=REF)
        self.collected |= schema.pop("$defs", {})
        self.collected[model.__name__] = schema
        return {"$ref": REF.format(model=model.__name__)}


@cache
def document(api: NinjaAPI) -> JsonObject:
    """Return the whole document of an API. Nobody may change it: it is made once."""
    schemas = _Schemas()
    schemas.reference(Problem)
    schemas.reference(JobSocketMessage)
    paths: JsonObject = {}
    for path, operations in api.get_openapi_schema(path_prefix="")["paths"].items():
        paths[path] = {
            method: _operation(path, method, operation, schemas) for method, operation in operations.items()
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "User Workspaces Server",
            "version": __version__,
            "summary": "Workspaces with data, and the jobs that compute in them.",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The server that this document comes from."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": SECURITY,
        "paths": paths | OPERATORS_PATHS,
        "components": {
            "schemas": dict(sorted(schemas.collected.items())),
            "responses": _refusals(),
            "headers": RESPONSE_HEADERS,
            "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY, "IfNoneMatch": IF_NONE_MATCH},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _operation(path: str, method: str, found: JsonObject, schemas: _Schemas) -> JsonObject:
    told: Description = found[EXTENSION]
    is_open = "security" not in found
    is_repeatable = method in CHANGING and not is_open
    parameters = [*map(_path_parameter, found["parameters"]), *_query_parameters(told)]
    if is_repeatable:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if told.is_conditional:
        parameters.append({"$ref": "#/components/parameters/IfNoneMatch"})
    operation: JsonObject = {
        "operationId": found["operationId"],
        "summary": found["summary"],
        "description": found.get("description", ""),
        "tags": found["tags"],
        "security": [] if is_open else SECURITY,
        "parameters": parameters,
    }
    if told.body is not None:
        schema = told.body if isinstance(told.body, dict) else schemas.reference(told.body)
        content = {"schema": schema} | _example(told.body_example)
        operation["requestBody"] = {"required": True, "content": {told.media_type: content}}
    operation["responses"] = _responses(found["operationId"], told, is_open, is_repeatable, schemas)
    if (socket := SOCKETS.get((method, path))) is not None:
        operation["responses"] = {"101": socket["response"], **operation["responses"]}
        operation["x-websocket"] = socket["x-websocket"]
    return operation


def _responses(
    operation_id: str, told: Description, is_open: bool, is_repeatable: bool, schemas: _Schemas
) -> JsonObject:
    content = {"schema": schemas.reference(told.answer)} | _example(told.example)
    good: JsonObject = {"description": _first_line(told.answer), "content": {JSON: content}}
    headers = []
    if told.is_conditional:
        headers.append("ETag")
    if "after" in told.query:
        headers.append("Link")
    if is_repeatable:
        headers.append("Idempotency-Replayed")
    if headers:
        good["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    if operation_id in LINKS:
        good["links"] = LINKS[operation_id]
    responses: JsonObject = {"200": good}
    if told.is_conditional:
        unchanged: JsonObject = {
            "description": "Nothing has changed since the answer with this tag; no body."
        }
        responses["304"] = unchanged | {"headers": {"ETag": {"$ref": "#/components/headers/ETag"}}}
    statuses = {*EVERYWHERE, *told.refusals}
    statuses |= set() if is_open else {HTTPStatus.FORBIDDEN}
    if is_repeatable:
        statuses |= {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
    if told.body is not None:
        statuses |= {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    responses |= {str(int(status)): _refusal_reference(status) for status in sorted(statuses)}
    return responses | {"default": {"$ref": "#/components/responses/Problem"}}


def _first_line(model: type[Schema]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _example(value: Any) -> JsonObject:
    return {} if value is None else {"example": value}


def _path_parameter(found: JsonObject) -> JsonObject:
    name: str = found["name"]
    if not name.endswith("_id"):
        raise ValueError(f"a path parameter that is no number is not described: {name!r}")
    kind = name.removesuffix("_id").replace("_", " ")
    return {
        "in": "path",
        "name": name,
        "required": True,
        "description": f"Number of the {kind}.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 12,
    }


def _query_parameters(told: Description) -> list[JsonObject]:
    parameters = []
    for name, text in told.query.items():
        description, schema = (text, {"type": "string"}) if isinstance(text, str) else text
        entry = {"in": "query", "name": name, "required": False, "description": description, "schema": schema}
        parameters.append(entry)
    return parameters


def _refusal_reference(status: int) -> JsonObject:
    return {"$ref": f"#/components/responses/Problem{int(status)}"}


def _refusals() -> JsonObject:
    """Return one response for each status, with an example of each kind of problem, and one for all others."""
    schema = {"schema": {"$ref": REF.format(model="Problem")}}
    responses: JsonObject = {
        "Problem": {
            "description": "Any other refusal: the same body with another status.",
            "content": {JSON: schema, PROBLEM_JSON: schema},
        }
    }
    for status in sorted({kind.status for kind in PROBLEMS.values()}):
        kinds = {name: kind for name, kind in PROBLEMS.items() if kind.status == status}
        examples = {
            name: {
                "summary": kind.title,
                "value": problem_body(status, kind.meaning, "/workspaces/12/", kind=name),
            }
            for name, kind in kinds.items()
        }
        content = {**schema, "examples": examples}
        response: JsonObject = {
            "description": " ".join(f"{kind.title}: {kind.meaning}" for kind in kinds.values()),
            "content": {JSON: content, PROBLEM_JSON: content},
        }
        header = {401: "WWW-Authenticate", 409: "Retry-After", 429: "Retry-After"}.get(status)
        if header:
            response["headers"] = {header: {"$ref": f"#/components/headers/{header}"}}
        responses[f"Problem{status}"] = response
    return responses
