"""`/jobs/`: list, one, stop (contract §4)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api.calling import Caller

from uws.accounts.models import User
from uws.jobs.models import Job

RecordJob = Callable[..., Any]


@pytest.fixture
def record(as_ada: Caller, ada: User) -> RecordJob:
    """Writes ada's jobs as rows; nothing runs."""
    keys = itertools.count(1)

    def write(workspace_id: int | None = None, **values: Any) -> Job:
        wanted = {"job_type": "sleeper", "resource": "local", "time_limit_seconds": 60, **values}
        return Job.objects.create(
            owner=ada,
            workspace_id=workspace_id or as_ada.workspace()["id"],
            launch_key=f"key-{next(keys)}",
            **wanted,
        )

    return write


def test_nothing_found_is_a_success(as_ada: Caller) -> None:
    for path in ("/jobs/", "/jobs/1/", "/jobs/?status=running"):
        assert as_ada("GET", path).body == {
            "message": "Job matching given parameters could not be found.",
            "success": True,
            "data": {"jobs": []},
        }


def test_a_job_is_shown_as_the_contract_has_it(as_ada: Caller, record: RecordJob) -> None:
    job = record(
        status="complete",
        step="ended",
        resource_job_id=4711,
        created=datetime(2026, 11, 23, 23, 36, 45, 604_999, UTC),
        started=datetime(2026, 11, 23, 23, 36, 46, 0, UTC),
        seen_running=datetime(2026, 11, 23, 23, 36, 46, 604_999, UTC),
        ended=datetime(2026, 11, 23, 23, 36, 56, 1_999, UTC),
        core_hours="0.00278",
        request_details={"notebook": "a.ipynb"},
        requested_options={"num_cpus": 1},
    )
    assert as_ada("GET", f"/jobs/{job.pk}/").data["jobs"] == [
        {
            "id": job.pk,
            "workspace_id": job.workspace_id,
            "resource_job_id": 4711,
            "job_type": "sleeper",
            "status": "complete",
            "datetime_created": "2026-11-23T23:36:45.604Z",
            "datetime_start": "2026-11-23T23:36:46Z",
            "datetime_end": "2026-11-23T23:36:56.001Z",
            "core_hours": "0.00278",
            "job_details": {
                "metrics": {"time_pending": 1.0},
                "request_job_details": {"notebook": "a.ipynb", "resource_options": {"num_cpus": 1}},
                "current_job_details": {"step": "ended"},
            },
        }
    ]


def test_jobs_come_newest_first(as_ada: Caller, record: RecordJob) -> None:
    numbers = [record(status="complete").pk for _ in range(3)]
    answer = as_ada("GET", "/jobs/")
    assert answer.body["message"] == "Successful."
    assert [job["id"] for job in answer.data["jobs"]] == numbers[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("workspace_id={w1}", [1]),
        ("workspace_id=0", []),
        ("workspace_id=-5", []),
        ("workspace_id=999999999999999999", []),
        ("resource_job_id=22", [2]),
        ("resource_job_id=-1", []),
        ("job_type=sleeper", [1]),
        ("job_type=SLEEPER", []),
        ("status=failed", [2]),
        ("status=failed&job_type=sleeper", []),
        ("status=complete&status=failed", [2]),
        ("colour=red&owner=9&user_id=9", [2, 1]),
        ("job_type=", []),
    ],
)
def test_filters_are_exact_and_all_must_hold(
    as_ada: Caller, record: RecordJob, query: str, found: list[int]
) -> None:
    one = record(status="complete", resource_job_id=11)
    two = record(status="failed", resource_job_id=22, job_type="brief")
    numbers = {1: one.pk, 2: two.pk}
    jobs = as_ada("GET", f"/jobs/?{query.format(w1=one.workspace_id)}").data["jobs"]
    assert [job["id"] for job in jobs] == [numbers[number] for number in found]


@pytest.mark.parametrize("key", ["workspace_id", "resource_job_id"])
@pytest.mark.parametrize("value", ["abc", "", "1.0", "--5", "1-", "%D9%A1", "9" * 19, "9" * 5000, "%201"])
def test_a_filter_that_is_no_whole_number_is_refused(as_ada: Caller, key: str, value: str) -> None:
    answer = as_ada("GET", f"/jobs/?{key}={value}")
    status, message = answer.refusal
    assert status == 400
    assert message.startswith(f"{key} ")
    assert message.endswith(" is not a whole number.")
    assert answer.body["errors"][0]["pointer"] == f"?{key}"


@pytest.mark.parametrize("key", ["job_type", "status"])
def test_nul_in_a_filter_is_refused(as_ada: Caller, key: str) -> None:
    assert as_ada("GET", f"/jobs/?{key}=a%00b").status == 400


def test_other_peoples_jobs_are_as_if_they_did_not_exist(
    as_ada: Caller, as_grace: Caller, record: RecordJob
) -> None:
    job = record(status="running", resource_job_id=4711)
    for path in ("/jobs/", f"/jobs/{job.pk}/", f"/jobs/?workspace_id={job.workspace_id}"):
        assert as_grace("GET", path).data["jobs"] == []
    assert as_grace("PUT", f"/jobs/{job.pk}/stop/").refusal == (404, f"Job {job.pk} not found for user.")
    job.refresh_from_db()
    assert job.status == "running"
    job.delete()


def test_jobs_vanish_with_their_workspace(
    as_ada: Caller, record: RecordJob, run_tasks: Callable[[], list[str]]
) -> None:
    job = record(status="complete")
    as_ada("DELETE", f"/workspaces/{job.workspace_id}/")
    run_tasks()
    assert as_ada("GET", "/jobs/").data["jobs"] == []
    assert as_ada("PUT", f"/jobs/{job.pk}/stop/").refusal == (404, f"Job {job.pk} not found for user.")


@pytest.mark.parametrize("put_type", ["stop", "STOP", "Stop"])
def test_a_running_job_is_stopped(as_ada: Caller, put_type: str) -> None:
    made = as_ada.workspace()
    job = as_ada("PUT", f"/workspaces/{made['id']}/start/", {"job_type": "sleeper"}).data["job"]
    stopped = as_ada("PUT", f"/jobs/{job['id']}/{put_type}/")
    assert stopped.body == {"message": "Job queued to stop.", "success": True}
    assert as_ada("GET", f"/jobs/{job['id']}/").data["jobs"][0]["status"] == "stopping"
    again = as_ada("PUT", f"/jobs/{job['id']}/stop/")
    assert again.refusal == (400, "This job is not running or pending.")


def test_a_job_that_was_never_launched_is_complete_at_once(as_ada: Caller, record: RecordJob) -> None:
    job = record(status="pending")
    assert as_ada("PUT", f"/jobs/{job.pk}/stop/").body == {"message": "Successful stop.", "success": True}
    assert as_ada("GET", f"/jobs/{job.pk}/").data["jobs"][0]["status"] == "complete"


@pytest.mark.parametrize("status", ["complete", "failed"])
def test_a_job_that_has_ended_is_not_stopped(as_ada: Caller, record: RecordJob, status: str) -> None:
    job = record(status=status, resource_job_id=4711)
    assert as_ada("PUT", f"/jobs/{job.pk}/stop/").refusal == (400, "This job is not running or pending.")


def test_an_unknown_put_type_is_refused_after_the_job_is_looked_up(as_ada: Caller, record: RecordJob) -> None:
    job = record(status="complete")
    assert as_ada("PUT", f"/jobs/{job.pk}/start/").refusal == (400, "Invalid PUT type passed.")
    assert as_ada("PUT", "/jobs/77/start/").refusal == (404, "Job 77 not found for user.")
