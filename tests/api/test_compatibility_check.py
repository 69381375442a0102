"""The check that the API breaks no client: additions pass, everything else is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripts.api_compatibility import breaking_changes

COPY = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
RELEASED: dict[str, Any] = json.loads(COPY.read_text("utf-8"))
Change = Callable[[dict[str, Any]], object]


def models(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]


def after(change: Change) -> list[str]:
    changed = copy.deepcopy(RELEASED)
    change(changed)
    return breaking_changes(RELEASED, changed)


def test_the_same_document_breaks_nothing() -> None:
    assert breaking_changes(RELEASED, copy.deepcopy(RELEASED)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["paths"].update({"/news/": copy.deepcopy(it["paths"]["/users/"])}),
        lambda it: models(it)["Job"]["properties"].update(colour={"type": "string"}),
        lambda it: models(it)["NewWorkspace"]["properties"].update(colour={"type": "string"}),
        lambda it: models(it)["NewWorkspace"]["required"].remove("description"),
        lambda it: it["paths"]["/users/"]["get"]["parameters"].append(
            {"in": "query", "name": "page", "required": False, "schema": {}}
        ),
        lambda it: models(it)["CurrentJobDetails"].update(required=["message"]),
        lambda it: models(it)["JobStart"]["properties"]["job_type"]["anyOf"].append({"type": "integer"}),
        lambda it: it["paths"]["/jobs/"]["get"]["responses"].pop("403"),
        lambda it: it["info"].update(version="9.9.9"),
    ],
)
def test_an_addition_breaks_nothing(change: Change) -> None:
    assert after(change) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda it: it["paths"].pop("/users/"), "GET /users/ is gone"),
        (lambda it: it["paths"]["/workspaces/"].pop("post"), "POST /workspaces/ is gone"),
        (
            lambda it: models(it)["Job"]["properties"].pop("core_hours"),
            "the field core_hours is gone",
        ),
        (
            lambda it: models(it)["Job"]["required"].remove("core_hours"),
            "the field core_hours may be missing now",
        ),
        (
            lambda it: models(it)["Job"]["properties"]["status"]["enum"].append("paused"),
            ".status has values that it never had",
        ),
        (
            lambda it: models(it)["Workspace"]["properties"]["id"].update(type="string"),
            ".id may now be string",
        ),
        (
            lambda it: models(it)["NewWorkspace"]["required"].append("default_job_type"),
            "the field default_job_type is needed now",
        ),
        (
            lambda it: models(it)["JobStart"]["properties"].pop("resource_options"),
            "the field resource_options is gone",
        ),
        (
            lambda it: models(it)["NewFile"]["properties"]["name"].update(enum=["a.txt"]),
            "takes fewer values",
        ),
        (
            lambda it: models(it)["NewShare"]["properties"]["original_workspace_id"].update(
                anyOf=[{"type": "integer"}]
            ),
            "does not take string",
        ),
        (
            lambda it: it["paths"]["/users/"]["get"].update(parameters=[]),
            "the query parameter search is gone",
        ),
        (
            lambda it: it["paths"]["/users/"]["get"]["parameters"][0].update(required=True),
            "the query parameter search is needed now",
        ),
        (
            lambda it: it["paths"]["/status/"]["get"].update(security=[{"UwsAuthorization": []}]),
            "a token is needed now",
        ),
        (
            lambda it: it["paths"]["/status/"]["get"]["responses"].pop("200"),
            "it does not answer 200 any more",
        ),
    ],
)
def test_a_breaking_change_is_named(change: Change, sentence: str) -> None:
    found = after(change)
    assert found
    assert any(sentence in each for each in found), found
