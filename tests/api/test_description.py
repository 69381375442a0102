"""The OpenAPI document: every operation says what it does, takes, and answers."""

from __future__ import annotations

from typing import Any

import pytest

from uws.api.urls import OPEN, api

DOCUMENT: dict[str, Any] = api.get_openapi_schema(path_prefix="")
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_an_operation_is_described(name: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    responses = operation["responses"]
    assert {200, 406, 500} <= set(responses)
    assert all(response["content"]["application/json"]["schema"] for response in responses.values())
    for parameter in operation["parameters"]:
        assert parameter["in"] == "path" or parameter["description"]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_what_needs_a_token_says_so(name: str, operation: dict[str, Any]) -> None:
    is_open = name.split("/")[1] in OPEN
    assert bool(operation.get("security")) is not is_open


@pytest.mark.parametrize(
    ("path", "method", "media_type"),
    [
        ("/tokens/", "post", "application/json"),
        ("/workspaces/", "post", "application/json"),
        ("/workspaces/{workspace_id}/", "put", "application/json"),
        ("/workspaces/{workspace_id}/start/", "put", "application/json"),
        ("/workspaces/{workspace_id}/upload/", "put", "multipart/form-data"),
    ],
)
def test_a_body_is_described_whole(path: str, method: str, media_type: str) -> None:
    schema = DOCUMENT["paths"][path][method]["requestBody"]["content"][media_type]["schema"]
    assert "$ref" not in str(schema)
    assert schema["type"] == "object"


def test_every_field_of_every_model_is_described() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert "$ref" in described or described.get("description"), f"{name}.{field}"
