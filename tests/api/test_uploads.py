"""`PUT /workspaces/<id>/upload/` (contract §3.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.api.calling import NO_BODY, Caller


@pytest.fixture
def path(as_ada: Caller) -> str:
    return f"/workspaces/{as_ada.workspace()['id']}/upload/"


def directory(caller: Caller, path: str) -> Path:
    return caller.site.storages["local"].root / "ada" / path.split("/")[2]


def held(caller: Caller, path: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory(caller, path).iterdir()}


def test_uploaded_files_are_in_the_workspace(as_ada: Caller, path: str) -> None:
    answer = as_ada.upload(path, ("one", "a.txt", b"a"), ("two", "b.bin", bytes(range(256)) * 1000))
    assert answer.body == {"message": "Successful upload.", "success": True}
    assert held(as_ada, path) == {"a.txt": b"a", "b.bin": bytes(range(256)) * 1000}
    workspace = as_ada("GET", "/workspaces/").data["workspaces"][0]
    files = workspace["workspace_details"]["current_workspace_details"]["files"]
    assert files == [{"name": "/a.txt"}, {"name": "/b.bin"}]
    assert workspace["datetime_last_modified"] is not None


def test_all_files_of_a_repeated_field_are_kept(as_ada: Caller, path: str) -> None:
    as_ada.upload(path, ("file", "a.txt", b"a"), ("file", "b.txt", b"b"), ("file", "empty.txt", b""))
    assert held(as_ada, path) == {"a.txt": b"a", "b.txt": b"b", "empty.txt": b""}


def test_an_existing_file_is_replaced(as_ada: Caller, path: str) -> None:
    as_ada.upload(path, ("file", "a.txt", b"long old text"))
    as_ada.upload(path, ("file", "a.txt", b"new"))
    assert held(as_ada, path) == {"a.txt": b"new"}


@pytest.mark.parametrize("name", ["six.txt", "../../six.txt", "/etc/six.txt", "C:\\\\six.txt", "a/b/six.txt"])
def test_a_file_is_named_by_the_last_part_of_its_path(as_ada: Caller, path: str, name: str) -> None:
    assert as_ada.upload(path, ("file", name, b"6")).status == 200
    assert held(as_ada, path) == {"six.txt": b"6"}


def test_the_put_type_may_be_spelled_in_any_case(as_ada: Caller, path: str) -> None:
    assert as_ada.upload(path.replace("upload", "UpLoad"), ("file", "a.txt", b"a")).status == 200
    assert held(as_ada, path) == {"a.txt": b"a"}


TEXT_FIELD = b'--cells\r\nContent-Disposition: form-data; name="a"\r\n\r\ntext\r\n--cells--\r\n'
FORM = "multipart/form-data; boundary=cells"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (NO_BODY, FORM, 400, "No files found in request."),
        (NO_BODY, "text/plain", 400, "No files found in request."),
        (NO_BODY, "", 400, "No files found in request."),
        ({}, "application/json", 400, "No files found in request."),
        (TEXT_FIELD, FORM, 400, "No files found in request."),
        (b"--cells--\r\n", FORM, 400, "No files found in request."),
        (b"a=1", "application/x-www-form-urlencoded", 400, "No files found in request."),
        (b"{", "application/json", 400, "JSON parse error - Expecting property name"),
        (b"[" * 100_000, "application/json", 400, "JSON parse error - nested more than"),
        (b"text", "text/plain", 415, 'Unsupported media type "text/plain" in request.'),
        (b"text", "", 415, 'Unsupported media type "" in request.'),
        (b"text", "multipart/mixed; boundary=cells", 415, "Unsupported media type"),
        (b"text", "multipart/form-data", 400, "Multipart form parse error - Invalid boundary"),
        (b"text", FORM, 400, "Multipart form parse error - the body ends before its closing boundary."),
    ],
)
def test_what_has_no_files_is_refused(
    as_ada: Caller, path: str, body: Any, content_type: str, status: int, message: str
) -> None:
    found, text = as_ada("PUT", path, body, content_type=content_type).refusal
    assert (found, text[: len(message)]) == (status, message)
    assert held(as_ada, path) == {}


@pytest.mark.parametrize("end", [b"", b"--cells\r\n", b"--cells\r\nContent-Disposition: form-data; na"])
def test_an_upload_that_was_cut_short_writes_nothing(as_ada: Caller, path: str, end: bytes) -> None:
    as_ada.upload(path, ("file", "b.txt", b"old and whole"))
    answer = as_ada.upload(path, ("file", "a.txt", b"a" * 100_000), ("file", "b.txt", b"new"), end=end)
    assert answer.refusal == (
        400,
        "Multipart form parse error - the body ends before its closing boundary.",
    )
    assert held(as_ada, path) == {"b.txt": b"old and whole"}


def test_more_files_than_are_taken_at_once_are_refused(as_ada: Caller, path: str) -> None:
    files = [("file", f"{number}.txt", b"x") for number in range(101)]
    assert as_ada.upload(path, *files).refusal == (400, "More than 100 files in one request.")
    assert held(as_ada, path) == {}


def test_a_link_in_the_files_place_is_replaced_and_not_followed(
    as_ada: Caller, path: str, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (directory(as_ada, path) / "a.txt").symlink_to(precious)
    assert as_ada.upload(path, ("file", "a.txt", b"a")).status == 200
    assert precious.read_text() == "keep me"
    assert held(as_ada, path) == {"a.txt": b"a"}
