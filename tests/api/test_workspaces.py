"""`/workspaces/`: list, one, create, update, delete (contract §§3.1-3.3, 3.6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.api.calling import NO_BODY, Caller

from uws.workspaces.models import Workspace

MEMBERS = [
    "id",
    "name",
    "description",
    "disk_space",
    "datetime_created",
    "datetime_last_modified",
    "datetime_last_job_launch",
    "workspace_details",
    "status",
    "default_job_type",
]
WIRE_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"


def directories(caller: Caller) -> list[str]:
    return sorted(path.name for path in caller.site.storages["local"].root.glob("*/*"))


def offered(caller: Caller) -> Path:
    path = caller.site.deployment.data_dir / "data" / "cells.csv"
    path.write_text("a,b\n1,2\n")
    return path


# --- reading ---------------------------------------------------------------------------------------


def test_nothing_found_is_a_success(as_ada: Caller) -> None:
    for path in ("/workspaces/", "/workspaces/1/", "/workspaces/?name=x"):
        assert as_ada("GET", path).body == {
            "message": "Workspace matching given parameters could not be found.",
            "success": True,
            "data": {"workspaces": []},
        }


def test_workspaces_come_newest_first_in_the_contracts_shape(as_ada: Caller) -> None:
    first, second = as_ada.workspace(), as_ada.workspace(name="More")
    answer = as_ada("GET", "/workspaces/")
    assert answer.body["message"] == "Successful."
    assert answer.data["workspaces"] == [second, first]
    assert sorted(first) == sorted(MEMBERS)
    assert re.fullmatch(WIRE_TIME, first["datetime_created"])
    assert first["datetime_last_modified"] is None
    assert first["datetime_last_job_launch"] is None


def test_one_workspace_comes_in_a_list(as_ada: Caller) -> None:
    made = as_ada.workspace()
    as_ada.workspace(name="Another")
    assert as_ada("GET", f"/workspaces/{made['id']}/").data["workspaces"] == [made]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=Cells", ["Cells"]),
        ("name=cells", []),
        ("name=Cells&description=about", ["Cells"]),
        ("name=Cells&description=other", []),
        ("status=idle", ["", "Cells"]),
        ("status=IDLE", []),
        ("name=", [""]),
        ("unknown=1", ["", "Cells"]),
        ("name=x&name=Cells", ["Cells"]),
        ("file_path=x&owner=1&user_id=9", ["", "Cells"]),
    ],
)
def test_filters_are_exact_and_all_must_hold(as_ada: Caller, query: str, names: list[str]) -> None:
    as_ada.workspace(description="about")
    as_ada.workspace(name="")
    found = as_ada("GET", f"/workspaces/?{query}").data["workspaces"]
    assert [workspace["name"] for workspace in found] == names


@pytest.mark.parametrize("key", ["name", "description", "status"])
def test_nul_in_a_filter_is_refused(as_ada: Caller, key: str) -> None:
    status, message = as_ada("GET", f"/workspaces/?{key}=a%00b").refusal
    assert status == 400
    assert message.startswith(f"Invalid query parameter {key}: found the character NUL")


def test_filters_are_not_looked_at_where_a_number_is_given(as_ada: Caller) -> None:
    made = as_ada.workspace()
    assert as_ada("GET", f"/workspaces/{made['id']}/?name=other").data["workspaces"] == [made]


def test_other_peoples_workspaces_are_as_if_they_did_not_exist(as_ada: Caller, as_grace: Caller) -> None:
    made = as_ada.workspace()
    path = f"/workspaces/{made['id']}/"
    for query in ("/workspaces/", path):
        assert as_grace("GET", query).data["workspaces"] == []
    missing = (404, f"Workspace {made['id']} not found for user.")
    assert as_grace("PUT", path, {"name": "Mine"}).refusal == missing
    assert as_grace("DELETE", path).refusal == missing
    assert as_grace("PUT", f"{path}start/", {"job_type": "sleeper"}).refusal == missing
    assert as_grace.upload(f"{path}upload/", ("file", "a.txt", b"a")).refusal == missing
    assert as_ada("GET", path).data["workspaces"] == [made]


# --- creating --------------------------------------------------------------------------------------


def test_a_new_workspace_has_its_files_and_links(as_ada: Caller) -> None:
    source = offered(as_ada)
    details = {
        "files": [{"name": "notes/one.txt", "content": "héllo"}, {"name": "empty.txt"}],
        "symlinks": [{"name": "datasets/cells.csv", "source_path": str(source), "dataset": "x1"}],
        "globus_groups_token": "secret",
    }
    body = {
        "name": "Cells",
        "description": "about",
        "default_job_type": "sleeper",
        "workspace_details": details,
    }
    answer = as_ada("POST", "/workspaces/", body)
    assert (answer.body["message"], answer.body["success"]) == ("Successful.", True)
    made = answer.data["workspace"]
    assert (made["name"], made["description"], made["default_job_type"]) == ("Cells", "about", "sleeper")
    assert made["status"] == "idle"
    assert made["workspace_details"] == {
        "request_workspace_details": {
            "files": [{"name": "notes/one.txt"}, {"name": "empty.txt"}],
            "symlinks": details["symlinks"],
        },
        "current_workspace_details": {
            "files": [{"name": "/empty.txt"}, {"name": "/notes/one.txt"}],
            "symlinks": [{"name": "/datasets/cells.csv"}],
        },
    }


@pytest.mark.parametrize("default", [None, ""])
def test_no_default_job_type_is_shown_as_it_was_sent(as_ada: Caller, default: Any) -> None:
    assert as_ada.workspace(default_job_type=default)["default_job_type"] == default


def test_a_number_is_taken_for_a_name(as_ada: Caller) -> None:
    assert as_ada.workspace(name=7)["name"] == "7"


def test_what_is_not_the_callers_to_set_is_ignored(as_ada: Caller, as_grace: Caller) -> None:
    made = as_ada.workspace(id=999, status="error", disk_space=5, user_id=2, owner=2, file_path="/etc")
    assert (made["status"], made["disk_space"]) == ("idle", 0)
    assert made["id"] != 999
    assert as_ada("GET", "/workspaces/").data["workspaces"] == [made]
    assert as_grace("GET", "/workspaces/").data["workspaces"] == []


REFUSED_BODIES: list[tuple[Any, str]] = [
    (NO_BODY, "Invalid JSON: Expecting value"),
    ([], "Missing required fields."),
    (None, "Missing required fields."),
    (7, "Missing required fields."),
    ("text", "Missing required fields."),
    ({}, "Missing required fields."),
    ({"name": "x"}, "Missing required fields."),
    ({"description": "x", "default_job_type": "none"}, "Missing required fields."),
]

REFUSED_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "Invalid name: found null; expected a string."),
    ({"name": ["x"]}, "Invalid name: found a list; expected a string."),
    ({"name": True}, "Invalid name: found a boolean; expected a string."),
    ({"name": "x" * 65}, "Invalid name: found 65 characters; expected at most 64 characters."),
    ({"description": None}, "Invalid description: found null; expected a string."),
    ({"description": {}}, "Invalid description: found an object; expected a string."),
    ({"default_job_type": "none"}, "none is not in the list of available job types."),
    ({"default_job_type": 7}, "7 is not in the list of available job types."),
    ({"default_job_type": ["sleeper"]}, "['sleeper'] is not in the list of available job types."),
    ({"default_job_type": "none", "workspace_details": 7}, "none is not in the list of available job types."),
    ({"workspace_details": "{}"}, "Workspace details not JSON."),
    ({"workspace_details": []}, "Workspace details not JSON."),
    ({"workspace_details": None}, "Workspace details not JSON."),
    ({"workspace_details": {"files": 7, "symlinks": 7}}, "'symlinks' index must contain a list."),
    ({"workspace_details": {"files": {}}}, "'files' index must contain a list."),
    ({"workspace_details": {"files": None}}, "'files' index must contain a list."),
]

REFUSED_FILES: list[tuple[Any, str]] = [
    ("a.txt", "Invalid workspace_details.files.0: found a string ('a.txt'); expected an object with a name."),
    ({}, "Invalid workspace_details.files.0.name: found nothing; expected a relative path."),
    (
        {"name": ""},
        "Invalid workspace_details.files.0.name: found an empty string; expected a relative path.",
    ),
    ({"name": 7}, "Invalid workspace_details.files.0.name: found a number (7); expected a relative path."),
    ({"name": "../a"}, "File name cannot contain double dots."),
    ({"name": "a..b"}, "File name cannot contain double dots."),
    ({"name": "/abs.txt"}, "Invalid file path specified /abs.txt"),
    ({"name": "x" * 300}, "Invalid file path specified xxx"),
    ({"name": "a", "content": 7}, "Invalid workspace_details.files.0.content: found a number (7); expected"),
    ({"name": "a", "content": ["b"]}, "Invalid workspace_details.files.0.content: found a list; expected"),
]

REFUSED_LINKS: list[tuple[Any, str]] = [
    ("a", "Invalid workspace_details.symlinks.0: found a string ('a'); expected an object with a name."),
    ({"source_path": "/x"}, "Invalid workspace_details.symlinks.0.name: found nothing; expected a relative"),
    ({"name": "a..b", "source_path": "/x"}, "Symlink name cannot contain double dots."),
    ({"name": "/some/lnk", "source_path": "/x"}, "Invalid symlink destination path specified lnk"),
    ({"name": "a", "source_path": "/does/not/exist"}, "Symlink path not found: /does/not/exist"),
    ({"name": "a", "source_path": "/etc/passwd"}, "Symlink path not found: /etc/passwd"),
]

REFUSED = [
    *REFUSED_BODIES,
    *[({"name": "x", "description": "", **fields}, message) for fields, message in REFUSED_FIELDS],
    *[
        ({"name": "x", "description": "", "workspace_details": {"files": [file]}}, message)
        for file, message in REFUSED_FILES
    ],
    *[
        ({"name": "x", "description": "", "workspace_details": {"symlinks": [link]}}, message)
        for link, message in REFUSED_LINKS
    ],
]


def test_a_refused_creation_says_why_and_leaves_nothing(as_ada: Caller) -> None:
    for body, message in REFUSED:
        status, text = as_ada("POST", "/workspaces/", body).refusal
        assert (status, text[: len(message)]) == (400, message)
    assert not Workspace.objects.exists()
    assert directories(as_ada) == []


def test_a_refusal_points_at_the_field(as_ada: Caller) -> None:
    answer = as_ada("POST", "/workspaces/", {"name": "x"})
    assert answer.body["errors"] == [{"pointer": "/description", "found": "nothing", "expected": "a string"}]


# --- changing --------------------------------------------------------------------------------------


def test_a_change_is_answered_without_data_and_sets_the_time(as_ada: Caller) -> None:
    made = as_ada.workspace()
    path = f"/workspaces/{made['id']}/"
    body = {"name": "New", "workspace_details": {"files": [{"name": "b.txt", "content": "b"}]}}
    assert as_ada("PUT", path, body).body == {"message": "Update successful.", "success": True}
    found = as_ada("GET", path).data["workspaces"][0]
    assert (found["name"], found["description"]) == ("New", "")
    assert found["workspace_details"]["current_workspace_details"]["files"] == [{"name": "/b.txt"}]
    assert found["workspace_details"]["request_workspace_details"]["files"] == []
    assert re.fullmatch(WIRE_TIME, found["datetime_last_modified"])


def test_an_empty_change_sets_the_time(as_ada: Caller) -> None:
    path = f"/workspaces/{as_ada.workspace()['id']}/"
    assert as_ada("PUT", path, {}).status == 200
    assert as_ada("GET", path).data["workspaces"][0]["datetime_last_modified"] is not None


def test_a_refused_change_changes_nothing(as_ada: Caller) -> None:
    made = as_ada.workspace()
    path = f"/workspaces/{made['id']}/"
    bodies = [
        *REFUSED_FIELDS,
        *[({"workspace_details": {"files": [file]}}, message) for file, message in REFUSED_FILES],
        *[({"workspace_details": {"symlinks": [link]}}, message) for link, message in REFUSED_LINKS],
    ]
    for body, message in bodies:
        status, text = as_ada("PUT", path, {"description": "changed"} | body).refusal
        assert (status, text[: len(message)]) == (400, message)
    odd_bodies: list[Any] = [[], None, 7, "text"]
    for odd in odd_bodies:
        assert as_ada("PUT", path, odd).refusal == (400, "Invalid JSON: expected an object.")
    assert as_ada("GET", path).data["workspaces"] == [made]


def test_what_is_not_the_callers_to_change_stays(as_ada: Caller) -> None:
    made = as_ada.workspace()
    path = f"/workspaces/{made['id']}/"
    sent = {"id": 9, "status": "deleting", "disk_space": 5, "user_id": 2, "datetime_created": "2001-01-01"}
    assert as_ada("PUT", path, sent).status == 200
    found = as_ada("GET", path).data["workspaces"][0]
    assert found | {"datetime_last_modified": None} == made


def test_a_workspace_can_be_changed_while_a_job_runs(as_ada: Caller) -> None:
    path = f"/workspaces/{as_ada.workspace()['id']}/"
    assert as_ada("PUT", f"{path}start/", {"job_type": "sleeper"}).status == 200
    assert as_ada("PUT", path, {"default_job_type": "sleeper"}).status == 200


def test_an_unknown_put_type_is_refused_after_the_workspace_is_looked_up(as_ada: Caller) -> None:
    path = f"/workspaces/{as_ada.workspace()['id']}"
    assert as_ada("PUT", f"{path}/accept/", {}).refusal == (400, "Invalid PUT type passed.")
    assert as_ada("PUT", f"{path}/%00/", {}).refusal == (400, "Invalid PUT type passed.")
    assert as_ada("PUT", "/workspaces/77/accept/", {}).refusal == (404, "Workspace 77 not found for user.")


# --- deleting --------------------------------------------------------------------------------------


def test_a_deletion_is_accepted_and_done_in_the_background(
    as_ada: Caller, run_tasks: Callable[[], list[str]]
) -> None:
    made = as_ada.workspace()
    path = f"/workspaces/{made['id']}/"
    accepted = {"message": f"Workspace {made['id']} queued for deletion.", "success": True}
    assert as_ada("DELETE", path).body == accepted
    assert as_ada("GET", path).data["workspaces"][0]["status"] == "deleting"
    assert as_ada("DELETE", path).body == accepted
    run_tasks()
    assert as_ada("GET", path).data["workspaces"] == []
    assert directories(as_ada) == []


def test_a_workspace_with_a_running_job_is_not_deleted_but_with_a_stopping_one(as_ada: Caller) -> None:
    path = f"/workspaces/{as_ada.workspace()['id']}/"
    job = as_ada("PUT", f"{path}start/", {"job_type": "sleeper"}).data["job"]
    assert as_ada("DELETE", path).refusal == (
        400,
        "Cannot delete workspace, jobs are running for this workspace.",
    )
    assert as_ada("PUT", f"/jobs/{job['id']}/stop/").status == 200
    assert as_ada("DELETE", path).status == 200
