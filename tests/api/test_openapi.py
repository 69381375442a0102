"""The OpenAPI document: valid, complete, true to its examples, and the same as the committed copy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from uws.api import urls
from uws.api.openapi import document
from uws.api.problems import PROBLEMS
from uws.api.urls import OPEN, api
from uws.live import routes as live_routes

DOCUMENT: dict[str, Any] = document(api)
COMPONENTS = DOCUMENT["components"]
COPY = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method.upper()} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
SAID_BESIDE = {"/healthz", "/readyz", "/openapi.json", "/problems/", "/problems/{kind}"}


def resolved(found: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in found:
        return found
    _, _, kind, name = found["$ref"].split("/")
    component: dict[str, Any] = COMPONENTS[kind][name]
    return component


def check_example(schema: dict[str, Any], example: Any) -> None:
    """Hold an example against its schema, whose references lead into the document."""
    whole = {"components": COMPONENTS, **schema}
    jsonschema.Draft202012Validator(whole).validate(example)


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_route_is_described() -> None:
    served = set()
    for pattern in urls.urlpatterns[:-1]:
        path = f"/{pattern.pattern}".replace("<int:", "{").replace(">", "}")
        if "<str:put_type}" not in path:
            served.add(path)
    assert set(DOCUMENT["paths"]) == served | SAID_BESIDE


def test_every_websocket_of_the_api_is_described() -> None:
    paths = [route.path.replace(":int", "") for route in live_routes(None, None, None)]  # type: ignore[arg-type, attr-defined]
    sockets = [path for path in paths if not path.startswith("/console/")]
    assert sockets
    for path in sockets:
        operation = DOCUMENT["paths"][path]["get"]
        assert operation["x-websocket"]["description"]
        assert "101" in operation["responses"]
        check_example(operation["x-websocket"]["message"], operation["x-websocket"]["example"])


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert len(operation["description"]) > 20
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    for parameter in map(resolved, operation["parameters"]):
        assert parameter["description"]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_has_true_examples(path: str, method: str, operation: dict[str, Any]) -> None:
    contents = list(operation["responses"]["200"]["content"].values())
    contents += operation.get("requestBody", {}).get("content", {}).values()
    assert contents
    for content in contents:
        assert "example" in content
        check_example(content["schema"], content["example"])


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_how_it_may_be_refused(path: str, method: str, operation: dict[str, Any]) -> None:
    if path in SAID_BESIDE:
        return
    statuses = set(operation["responses"])
    expected = {"200", "401", "406", "500", "default"}
    is_open = path.split("/")[1] in OPEN
    expected |= set() if is_open else {"403"}
    if method in ("post", "put", "delete") and not is_open:
        expected |= {"400", "409", "422"}
    if "requestBody" in operation:
        expected |= {"400", "408", "413"}
    if "{" in path and method != "get":
        expected |= {"404"}
    assert expected <= statuses
    for status in statuses - {"200", "101", "304"}:
        assert operation["responses"][status]["$ref"].startswith("#/components/responses/Problem")


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_what_needs_a_token_says_so(path: str, method: str, operation: dict[str, Any]) -> None:
    is_open = path.split("/")[1] in OPEN or path in SAID_BESIDE
    assert bool(operation["security"]) is not is_open


def test_every_kind_of_refusal_stands_in_the_document_with_an_example() -> None:
    told = set()
    for response in COMPONENTS["responses"].values():
        for content in response["content"].values():
            for name, example in content.get("examples", {}).items():
                check_example(content["schema"], example["value"])
                told.add(name)
    assert told == set(PROBLEMS)


def test_every_field_of_every_model_is_described() -> None:
    for name, schema in COMPONENTS["schemas"].items():
        assert schema["description"], name
        for field, details in schema.get("properties", {}).items():
            assert details.get("description"), f"{name}.{field}"


def test_operations_are_named_once_and_links_lead_to_them() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    links = [link for each in operations for link in each["responses"]["200"].get("links", {}).values()]
    assert links
    assert {link["operationId"] for link in links} <= set(names)


def test_the_committed_copy_is_up_to_date() -> None:
    assert json.loads(COPY.read_text("utf-8")) == json.loads(json.dumps(DOCUMENT)), (
        "run python -m docs.generate"
    )
