"""`/shared_workspaces/`: the answers around what `tests/sharing` asserts of the service (contract §7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.api.calling import Caller

from uws.accounts.models import User

NOTHING = "Shared workspace matching given parameters could not be found."


@pytest.fixture
def shared(as_ada: Caller, grace: User, run_tasks: Callable[[], list[str]]) -> int:
    """The id of a copy that is ready for Grace."""
    workspace = as_ada.workspace(workspace_details={"files": [{"name": "a.ipynb", "content": "{}"}]})
    body = {"original_workspace_id": workspace["id"], "shared_user_ids": [grace.pk]}
    made = as_ada("POST", "/shared_workspaces/", body).data["shared_workspaces"]
    run_tasks()
    number: int = made[0]["shared_workspace_id"]["id"]
    return number


def ids(answer: Any) -> tuple[list[int], list[int]]:
    sent, received = answer.data["original_workspaces"], answer.data["shared_workspaces"]
    return (
        [one["shared_workspace_id"]["id"] for one in sent],
        [one["shared_workspace_id"]["id"] for one in received],
    )


def test_both_sides_find_a_share_and_others_find_nothing(
    as_ada: Caller, as_grace: Caller, shared: int
) -> None:
    for path in ("/shared_workspaces/", f"/shared_workspaces/{shared}/", "/shared_workspaces/?is_accepted=f"):
        assert ids(as_ada("GET", path)) == ([shared], [])
        assert ids(as_grace("GET", path)) == ([], [shared])
    for path in ("/shared_workspaces/?is_accepted=True", "/shared_workspaces/987654321/"):
        answer = as_grace("GET", path)
        assert answer.data == {"original_workspaces": [], "shared_workspaces": []}
        assert answer.body["message"] == NOTHING


def test_a_filter_that_is_no_truth_is_refused(as_ada: Caller) -> None:
    answer = as_ada("GET", "/shared_workspaces/?is_accepted=maybe")
    assert answer.status == 400
    assert answer.body["errors"][0]["pointer"] == "?is_accepted"


def test_a_share_is_accepted_once_and_for_all(as_ada: Caller, as_grace: Caller, shared: int) -> None:
    for _ in range(2):
        answer = as_grace("PUT", f"/shared_workspaces/{shared}/accept/")
        assert answer.body == {"message": "Successful.", "success": True}
    assert [one["id"] for one in as_grace("GET", "/workspaces/").data["workspaces"]] == [shared]
    assert ids(as_grace("GET", "/shared_workspaces/?is_accepted=true")) == ([], [shared])
    assert as_ada("DELETE", f"/shared_workspaces/{shared}/").refusal == (
        400,
        f"Shared workspace {shared} has been accepted and cannot be deleted.",
    )


def test_accept_has_no_other_spelling(as_grace: Caller, as_ada: Caller, shared: int) -> None:
    for put_type in ("ACCEPT", "Accept", "decline"):
        answer = as_grace("PUT", f"/shared_workspaces/{shared}/{put_type}/")
        assert answer.refusal == (400, "Invalid PUT type passed.")
        assert as_ada("PUT", f"/shared_workspaces/{shared}/{put_type}/").status == 404


def test_a_share_is_declined(as_grace: Caller, shared: int, run_tasks: Callable[[], list[str]]) -> None:
    answer = as_grace("DELETE", f"/shared_workspaces/{shared}/")
    assert answer.body == {
        "message": f"Shared workspace {shared} queued for deletion.",
        "success": True,
    }
    run_tasks()
    assert as_grace("DELETE", f"/shared_workspaces/{shared}/").status == 404


def test_a_body_that_is_no_json_is_refused_first(as_ada: Caller) -> None:
    answer = as_ada("POST", "/shared_workspaces/", b"{")
    assert answer.status == 400
    assert answer.body["message"].startswith("Invalid JSON: ")


def test_fields_that_are_not_asked_for_set_nothing(as_ada: Caller, grace: User) -> None:
    body = {
        "original_workspace_id": as_ada.workspace()["id"],
        "shared_user_ids": [grace.pk],
        "is_accepted": True,
        "last_job_type": "yac",
        "shared_workspace_id": 1,
    }
    made = as_ada("POST", "/shared_workspaces/", body).data["shared_workspaces"][0]
    assert (made["is_accepted"], made["last_job_type"]) == (False, "")
