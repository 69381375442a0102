"""`PUT /workspaces/<id>/start/` (contract §3.4)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.api.calling import NO_BODY, Caller

from uws.jobs.models import Job

MEMBERS = [
    "id",
    "workspace_id",
    "resource_job_id",
    "job_type",
    "status",
    "datetime_created",
    "datetime_start",
    "datetime_end",
    "core_hours",
    "job_details",
]


@pytest.fixture
def path(as_ada: Caller) -> str:
    return f"/workspaces/{as_ada.workspace()['id']}/start/"


def test_a_started_job_is_answered_as_the_contract_shows_it(as_ada: Caller, path: str) -> None:
    options = {"num_cpus": 2, "memory_mb": 128, "time_limit_minutes": 5}
    body = {"job_type": "sleeper", "job_details": {"note": "x"}, "resource_options": options}
    answer = as_ada("PUT", path, body)
    assert answer.body["message"] == "Successful start."
    job = answer.data["job"]
    assert sorted(job) == sorted(MEMBERS)
    assert (job["workspace_id"], job["job_type"]) == (int(path.split("/")[2]), "sleeper")
    assert job["status"] in ("pending", "running")
    assert job["resource_job_id"] > 0
    assert job["core_hours"] == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", job["datetime_created"])
    assert job["job_details"]["request_job_details"] == {"note": "x", "resource_options": options}
    workspace = as_ada("GET", "/workspaces/").data["workspaces"][0]
    assert workspace["status"] == "active"
    assert workspace["datetime_last_job_launch"] is not None


def test_the_workspaces_default_job_type_is_taken(as_ada: Caller) -> None:
    made = as_ada.workspace(default_job_type="sleeper")
    job = as_ada("PUT", f"/workspaces/{made['id']}/start/", {}).data["job"]
    assert job["job_type"] == "sleeper"


@pytest.mark.parametrize("spelling", ["START", "Start"])
def test_the_put_type_may_be_spelled_in_any_case(as_ada: Caller, path: str, spelling: str) -> None:
    answer = as_ada("PUT", path.replace("start", spelling), {"job_type": "sleeper"})
    assert answer.data["job"]["job_type"] == "sleeper"


def test_unknown_options_are_named_and_not_refused(as_ada: Caller, path: str) -> None:
    body = {"job_type": "sleeper", "resource_options": {"colour": "red", "x" * 100_000: 1}}
    job = as_ada("PUT", path, body).data["job"]
    assert job["job_details"]["current_job_details"]["ignored_options"] == ["colour", "x" * 64]


def test_what_is_not_the_callers_to_set_is_ignored(as_ada: Caller, path: str) -> None:
    body = {
        "job_type": "sleeper",
        "status": "complete",
        "resource_job_id": 1,
        "current_job_details": {"connection_details": {"url_domain": "http://evil.example"}},
        "job_details": {"resource_options": {"num_cpus": 99}, "current_job_details": {"host": "x"}},
    }
    job = as_ada("PUT", path, body).data["job"]
    assert job["status"] in ("pending", "running")
    assert "connection_details" not in job["job_details"]["current_job_details"]
    assert job["job_details"]["request_job_details"]["resource_options"] == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (NO_BODY, "Invalid JSON: Expecting value"),
        ([], "Invalid JSON: expected an object."),
        (None, "Invalid JSON: expected an object."),
        ({}, "Missing job_type and no default job type set on workspace."),
        ({"job_type": None}, "Missing job_type and no default job type set on workspace."),
        ({"job_type": "", "job_details": 7}, "Missing job_type and no default job type set on workspace."),
        ({"job_type": "none", "job_details": 7}, "none is not in the list of available job types."),
        ({"job_type": 7}, "7 is not in the list of available job types."),
        ({"job_type": ["sleeper"]}, "['sleeper'] is not in the list of available job types."),
        ({"job_type": {"a": 1}}, "{'a': 1} is not in the list of available job types."),
        ({"job_type": "sleeper", "job_details": 7, "resource_options": 7}, "Job details not JSON."),
        ({"job_type": "sleeper", "job_details": None}, "Job details not JSON."),
        ({"job_type": "sleeper", "job_details": []}, "Job details not JSON."),
        ({"job_type": "sleeper", "resource_options": []}, "Resource options not JSON."),
        ({"job_type": "sleeper", "resource_options": "{}"}, "Resource options not JSON."),
    ],
)
def test_a_refused_start_says_why_and_makes_no_job(
    as_ada: Caller, path: str, body: Any, message: str
) -> None:
    status, text = as_ada("PUT", path, body).refusal
    assert (status, text[: len(message)]) == (400, message)
    assert not Job.objects.exists()
    assert as_ada("GET", "/workspaces/").data["workspaces"][0]["status"] == "idle"


@pytest.mark.parametrize(
    ("options", "mistakes"),
    [
        ({"num_cpus": 0}, ["num_cpus: Value '0' not above minimum of 1."]),
        ({"num_cpus": 5}, ["num_cpus: Value '5' above maximum of 4."]),
        ({"num_cpus": 10**30}, [f"num_cpus: Value '{10**30}' above maximum of 4."]),
        (
            {"num_cpus": True},
            [
                "num_cpus: Value 'True' of type bool does not match required type int. "
                "Skipping further validation of parameter num_cpus."
            ],
        ),
        (
            {"memory_mb": "512", "num_cpus": 1.0},
            [
                "memory_mb: Value '512' of type str does not match required type int. "
                "Skipping further validation of parameter memory_mb.",
                "num_cpus: Value '1.0' of type float does not match required type int. "
                "Skipping further validation of parameter num_cpus.",
            ],
        ),
        ({"time_limit_min": 721}, ["time_limit_minutes: Value '721' above maximum of 720."]),
    ],
)
def test_options_out_of_their_ranges_are_all_named(
    as_ada: Caller, path: str, options: dict[str, Any], mistakes: list[str]
) -> None:
    answer = as_ada("PUT", path, {"job_type": "sleeper", "resource_options": options})
    assert answer.refusal == (422, f"Invalid resource options found: {mistakes}")
    assert len(answer.body["errors"]) == len(mistakes)
    assert not Job.objects.exists()
