"""Odd JSON is refused before anything is done with it, wherever JSON is read."""

from __future__ import annotations

import json

import pytest
from tests.api.calling import Caller

from uws.api.reading import NotJson, parse_json

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "Expecting value"),
    "no JSON": (b"{name: 1}", "Expecting property name"),
    "half": (b'{"a": 1', "Expecting ',' delimiter"),
    "two values": (b"{} {}", "Extra data"),
    "levels": (b"[" * 100_000 + b"]" * 100_000, "nested more than 100 levels deep"),
    "levels of objects": (b'{"a":' * 100_000, "nested more than 100 levels deep"),
    "one level too many": (b"[" * 101 + b"]" * 101, "nested more than 100 levels deep"),
    "closing only": (b"]" * 100_000, "Expecting value"),
    "digits": (b"9" * 5000, "a number of more than 40 characters"),
    "digits after the point": (b"0." + b"9" * 5000, "a number of more than 40 characters"),
    "exponent": (b"1e999", "the number 1e999 is out of range"),
    "NaN": (b'{"a": NaN}', "NaN is not a JSON value"),
    "Infinity": (b'{"a": -Infinity}', "-Infinity is not a JSON value"),
    "key twice": (b'{"a": {"b": 1, "c": 2, "b": 3}}', 'the key "b" stands twice in one object'),
    "key twice, escaped": (b'{"a": 1, "\\u0061": 2}', 'the key "a" stands twice in one object'),
    "lone surrogate": (b'{"a": "x\\ud800"}', "a lone surrogate in the text"),
    "lone surrogate in a key": (b'{"x\\udc00": 1}', "a lone surrogate in the text"),
    "surrogates in the wrong order": (b'["\\udc00\\ud800"]', "a lone surrogate in the text"),
    "NUL": (b'{"a": ["x\\u0000"]}', "the character NUL in the text"),
    "NUL in a key": (b'{"x\\u0000": 1}', "the character NUL in the text"),
    "raw control character": (b'{"a": "x\x00"}', "Invalid control character"),
    "Latin-1": (b'{"a": "\xe9"}', "not UTF-8 (byte 7)"),
    "UTF-16": ("{}".encode("utf-16"), "not UTF-8 (byte 0)"),
    "values": (b"[" + b"1," * 200_000 + b"1]", "more than 200000 values"),
    "backslashes": (b'"' + b"\\" * 100_001, "Unterminated string"),
    "quotes": (b'"' + b'\\"' * 100_000, "Unterminated string"),
}

ACCEPTED = {
    "a string of brackets": b'"' + b"[{" * 1000 + b'"',
    "escaped quotes before brackets": b'"' + b'\\"[' * 1000 + b'"',
    "100 levels": b"[" * 100 + b"]" * 100,
    "40 digits": b"9" * 40,
    "a pair of surrogates": b'"\\ud83e\\uddec"',
    "an escaped backslash before u0000": b'"\\\\u0000"',
    "a megabyte": b'"' + "é".encode() * 500_000 + b'"',
}

JSON_ENDPOINTS = [
    ("POST", "/tokens/"),
    ("POST", "/workspaces/"),
    ("PUT", "/workspaces/{id}/"),
    ("PUT", "/workspaces/{id}/start/"),
]


@pytest.mark.parametrize("what", REFUSED)
def test_odd_json_is_refused_with_what_was_found(what: str) -> None:
    data, message = REFUSED[what]
    with pytest.raises(NotJson) as caught:
        parse_json(data, maximum_depth=100)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_only_looks_odd_is_read(what: str) -> None:
    assert parse_json(ACCEPTED[what], maximum_depth=100) == json.loads(ACCEPTED[what])


@pytest.mark.parametrize(("method", "path"), JSON_ENDPOINTS)
def test_every_operation_that_reads_json_refuses_it(as_ada: Caller, method: str, path: str) -> None:
    made = as_ada.workspace()
    for data, message in REFUSED.values():
        answer = as_ada(method, path.format(id=made["id"]), data)
        status, text = answer.refusal
        assert status == 400
        assert text.startswith(f"Invalid JSON: {message}")
        assert answer.body["errors"][0]["expected"] == "JSON"
    assert as_ada("GET", "/workspaces/").data["workspaces"] == [made]


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded", "nonsense"])
def test_json_is_read_whatever_the_content_type_says(as_ada: Caller, content_type: str) -> None:
    body = {"name": "Cells", "description": ""}
    assert (
        as_ada("POST", "/workspaces/", body, content_type=content_type).data["workspace"]["name"] == "Cells"
    )


def test_the_depth_is_the_operators_to_set(as_ada: Caller) -> None:
    limits = as_ada.site.deployment.server.limits
    assert limits.json_depth == 100
    with pytest.raises(NotJson, match="nested more than 8 levels deep"):
        parse_json(b"[" * 9 + b"]" * 9, maximum_depth=8)


def test_an_integer_beyond_64_bits_is_kept_and_shown(as_ada: Caller) -> None:
    source = as_ada.site.deployment.data_dir / "data" / "cells.csv"
    source.write_text("a,b\n")
    link = {"name": "cells.csv", "source_path": str(source), "note": 2**100}
    made = as_ada.workspace(workspace_details={"symlinks": [link]})
    shown = as_ada("GET", f"/workspaces/{made['id']}/").data["workspaces"][0]
    kept = shown["workspace_details"]["request_workspace_details"]["symlinks"][0]
    assert kept["note"] == 2**100
