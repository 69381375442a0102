"""Jobs: started, followed, stopped (contract §§3.4, 4)."""

from __future__ import annotations

import re

from uws.conform.checks.ground import UNKNOWN_ID
from uws.conform.original import PAGE_500
from uws.conform.run import Json, Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity

GROUP = Group("jobs", "§4")
ENDS = Group("jobs", "§4")
"""What is looked at last, since it takes a job's whole time."""

KEYS = {
    *("id", "workspace_id", "resource_job_id", "job_type", "status", "datetime_created", "datetime_start"),
    *("datetime_end", "core_hours", "job_details"),
}
NEVER = {"resource_options", "resource_name", "user", "user_id"}
LIVE, FINAL = ("pending", "running"), ("complete", "failed")
STATES = ("pending", "running", "stopping", "complete", "failed")
CORE_HOURS = re.compile(r"\d+\.\d{5}")
NONE_FOUND = "Job matching given parameters could not be found."
NOT_LIVE = "This job is not running or pending."
STOP_SECONDS = 60.0
RUNNING_SECONDS = 60.0


def _object(run: Run, request: str, job: Json) -> None:
    run.keys(request, job, KEYS, NEVER)
    for key in ("id", "workspace_id", "resource_job_id"):
        run.expect(isinstance(job.get(key), int), request, job.get(key), f"a whole number as {key}")
    run.expect(job.get("status") in STATES, request, job.get("status"), f"one of {', '.join(STATES)}")
    run.time(request, job.get("datetime_created"))
    for key in ("datetime_start", "datetime_end"):
        run.time(request, job.get(key), may_be_null=True)
    details = run.part(job, "job_details")
    run.keys(request, details, {"metrics", "request_job_details", "current_job_details"})


def _first_job(run: Run) -> Json:
    """The job that runs to its own end while the other checks are made."""
    details = {"notebook_path": "a.ipynb"}
    found: Json = run.once("first job", lambda: run.start(run.mine, job_details=details))
    return found


def _second_job(run: Run) -> Json:
    """A job in a workspace of its own, which the checks stop."""
    found: Json = run.once("second job", lambda: run.start(_second_workspace(run)))
    return found


def _second_workspace(run: Run) -> int:
    return int(run.once("second workspace", lambda: run.workspace(run.first))["id"])


@GROUP.check("start", "A start is answered with the whole job, pending and launched.", section="§3.4")
def start(run: Run) -> None:
    job, request = _first_job(run), "PUT /workspaces/<id>/start/"
    _object(run, request, job)
    run.expect(job.get("status") == "pending", request, job.get("status"), "the status pending")
    run.expect(job.get("resource_job_id") != -1, request, -1, "the number on the resource")
    run.expect(job.get("workspace_id") == run.mine, request, job.get("workspace_id"), "the workspace's id")
    run.expect(job.get("job_type") == run.plan.job_type, request, job.get("job_type"), "the job type's key")
    is_zero = job.get("core_hours") == 0 and not isinstance(job.get("core_hours"), str)
    run.expect(is_zero, request, repr(job.get("core_hours")), "the number 0 as core_hours")
    details = run.part(job, "job_details")
    run.expect(details.get("metrics") == {}, request, details.get("metrics"), "no metrics yet")
    asked = run.part(details, "request_job_details")
    run.expect(asked.get("notebook_path") == "a.ipynb", request, asked, "job_details as sent")


@GROUP.check("active", "The workspace is active then, and knows when a job was launched.", section="§3.4")
def active(run: Run) -> None:
    _second_job(run)
    found = run.read_workspace(_second_workspace(run)) or {}
    request = f"GET /workspaces/{found.get('id')}/"
    run.expect(found.get("status") == "active", request, found.get("status"), "the status active")
    run.time(request, found.get("datetime_last_job_launch"))


@GROUP.check("running", "A pending job becomes running, with the time that it waited.", section="§4")
def running(run: Run) -> None:
    job_id = _second_job(run)["id"]

    def look() -> Json | None:
        job = run.read_job(job_id) or {}
        status = job.get("status")
        run.expect(status in ("pending", "running"), f"GET /jobs/{job_id}/", status, "pending, then running")
        return job if status not in LIVE[:1] else None

    job = run.wait(f"job {job_id} running", look, RUNNING_SECONDS)
    _object(run, f"GET /jobs/{job_id}/", job)
    run.expect(job["datetime_start"] is not None, f"GET /jobs/{job_id}/", None, "datetime_start")
    waited = run.part(job, "job_details", "metrics").get("time_pending")
    is_number = isinstance(waited, (int, float)) and waited >= 0
    run.expect(is_number, f"GET /jobs/{job_id}/", waited, "metrics.time_pending in seconds")
    hours = job.get("core_hours")
    fits = isinstance(hours, str) and CORE_HOURS.fullmatch(hours)
    run.expect(bool(fits), f"GET /jobs/{job_id}/", repr(hours), "core_hours as a string with five decimals")


@GROUP.check("busy-delete", "A workspace with a live job is not deleted.", section="§3.6")
def busy_delete(run: Run) -> None:
    job_id, workspace_id = _second_job(run)["id"], _second_workspace(run)
    answer = run.send("DELETE", f"/workspaces/{workspace_id}/", token=run.first)
    if (run.read_job(job_id) or {}).get("status") in LIVE:
        run.refused(answer, 400, "Cannot delete workspace, jobs are running for this workspace.")


@GROUP.check("busy-update", "A workspace with a live job can be changed.", section="§3.3")
def busy_update(run: Run) -> None:
    _second_job(run)
    body = {"default_job_type": run.plan.job_type}
    run.succeeded(run.send("PUT", f"/workspaces/{_second_workspace(run)}/", token=run.first, body=body))


@GROUP.check(
    "list", "The list has one's own jobs, whole; filters are exact and all have to hold.", section="§4.1"
)
def listing(run: Run) -> None:
    job = _second_job(run)
    resource_id = (run.read_job(job["id"]) or {}).get("resource_job_id")
    one = f"workspace_id={job['workspace_id']}"
    for query, is_found in (
        ("", True),
        (f"?{one}", True),
        (f"?{one}&job_type={run.plan.job_type}&resource_job_id={resource_id}&random=1", True),
        (f"?{one}&job_type=no_such_type", False),
        (f"?workspace_id={UNKNOWN_ID}", False),
    ):
        rows = run.listed(run.send("GET", f"/jobs/{query}", token=run.first), "jobs")
        fits = (job["id"] in {row.get("id") for row in rows}) is is_found
        wanted = "the job found" if is_found else "the job not found"
        run.expect(fits, f"GET /jobs/{query}", "the opposite", wanted)
        for row in rows[:20]:
            _object(run, f"GET /jobs/{query}", row)


@GROUP.check(
    "bad-filter",
    "A filter that should be a number and is none is 400, or finds nothing.",
    Severity.misleads,
    "§4.1",
)
def bad_filter(run: Run) -> None:
    for key in ("workspace_id", "resource_job_id"):
        answer = run.send("GET", f"/jobs/?{key}=abc", token=run.first)
        if answer.status == 200:
            run.expect(run.listed(answer, "jobs") == [], answer.request, "jobs", "none")
        else:
            run.refused(answer, 400, original=PAGE_500)


@GROUP.check(
    "unknown",
    "An unknown id is 200 with an empty list, as another user's is; a stop of it is 404.",
    section="§4.1",
)
def unknown(run: Run) -> None:
    job_id = _second_job(run)["id"]
    for number, token in ((UNKNOWN_ID, run.first), (job_id, run.second)):
        answer = run.send("GET", f"/jobs/{number}/", token=token)
        run.succeeded(answer, NONE_FOUND)
        run.expect(run.listed(answer, "jobs") == [], answer.request, answer.shown, "an empty list")
        stop = run.send("PUT", f"/jobs/{number}/stop/", token=token)
        run.refused(stop, 404, f"Job {number} not found for user.")


@GROUP.check("put-type", "Another PUT type is 400.", Severity.misleads, "§4.2")
def put_type(run: Run) -> None:
    answer = run.send("PUT", f"/jobs/{_second_job(run)['id']}/nonsense/", token=run.first)
    run.refused(answer, 400, "Invalid PUT type passed.")


@GROUP.check("stop", "A stop is accepted once; the job is stopping, then ended.", section="§4.2")
def stop(run: Run) -> None:
    job_id = _second_job(run)["id"]
    path = f"/jobs/{job_id}/stop/"
    run.succeeded(run.send("PUT", path, token=run.first), "Job queued to stop.")
    run.refused(run.send("PUT", path, token=run.first), 400, NOT_LIVE)
    status = (run.read_job(job_id) or {}).get("status")
    run.expect(status in ("stopping", *FINAL), f"GET /jobs/{job_id}/", status, "stopping, or the end")

    def ended() -> bool:
        status = (run.read_job(job_id) or {}).get("status")
        run.expect(status not in LIVE, f"GET /jobs/{job_id}/", status, "no way back from stopping")
        return status in FINAL or bool(run.findings)

    run.wait(f"job {job_id} ended", ended, STOP_SECONDS)
    job = run.read_job(job_id) or {}
    run.expect(
        job.get("status") == "complete", f"GET /jobs/{job_id}/", job.get("status"), "complete after a stop"
    )
    run.time(f"GET /jobs/{job_id}/", job.get("datetime_end"))
    run.refused(run.send("PUT", path, token=run.first), 400, NOT_LIVE)


@GROUP.check("put-type-case", "START and STOP are understood.", Severity.misleads, "§3.4")
def put_type_case(run: Run) -> None:
    run.require_job_type()
    workspace_id = _second_workspace(run)
    path, body = f"/workspaces/{workspace_id}/START/", {"job_type": run.plan.job_type}
    answer = run.send("PUT", path, token=run.first, body=body)
    job_id = run.part(run.succeeded(answer, "Successful start."), "data", "job")["id"]
    run.succeeded(run.send("PUT", f"/jobs/{job_id}/STOP/", token=run.first), "Job queued to stop.")
    run.kept["stopped just now"] = job_id


@GROUP.check(
    "renew", "A start right after a stop is accepted, while the old job is still stopping.", section="§4.2"
)
def renew(run: Run) -> None:
    job_id = run.start(_second_workspace(run))["id"]
    run.succeeded(run.send("PUT", f"/jobs/{job_id}/stop/", token=run.first), "Job queued to stop.")
    again = run.start(_second_workspace(run))
    run.expect(again["id"] != job_id, "PUT /workspaces/<id>/start/", "the same job", "another job")
    run.send("PUT", f"/jobs/{again['id']}/stop/", token=run.first)


@GROUP.check("stopping-delete", "A job that is stopping does not stand in a deletion's way.", section="§3.6")
def stopping_delete(run: Run) -> None:
    workspace_id = run.workspace(run.first)["id"]
    job_id = run.start(workspace_id)["id"]
    run.succeeded(run.send("PUT", f"/jobs/{job_id}/stop/", token=run.first), "Job queued to stop.")
    answer = run.send("DELETE", f"/workspaces/{workspace_id}/", token=run.first)
    run.succeeded(answer, f"Workspace {workspace_id} queued for deletion.")


@ENDS.check("end", "A job that ends by itself is complete, with its times and core hours.", section="§4.3")
def end(run: Run) -> None:
    job_id = _first_job(run)["id"]

    def ended() -> Json | None:
        job = run.read_job(job_id) or {}
        return job if job.get("status") in FINAL else None

    job = run.wait(f"job {job_id} ended", ended, run.plan.job_seconds)
    request = f"GET /jobs/{job_id}/"
    _object(run, request, job)
    run.expect(job["status"] == "complete", request, job["status"], "complete")
    run.expect(job["datetime_end"] is not None, request, None, "datetime_end")
    kept = run.part(job, "job_details", "request_job_details").get("notebook_path")
    run.expect(kept == "a.ipynb", request, kept, "request_job_details kept")
    if job["datetime_start"] is not None:
        has_hours = isinstance(job["core_hours"], str) and float(job["core_hours"]) > 0
        run.expect(has_hours, request, repr(job["core_hours"]), "core_hours above 0")

    def is_idle() -> bool:
        return (run.read_workspace(run.mine) or {}).get("status") == "idle"

    run.wait(f"workspace {run.mine} idle after its last job", is_idle, RUNNING_SECONDS)
    answer = run.send("PUT", f"/jobs/{job_id}/stop/", token=run.first)
    run.refused(answer, 400, NOT_LIVE)
