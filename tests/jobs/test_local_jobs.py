"""A job's whole life on this machine: real processes, the real shepherd, the real reconciler."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import wait_until

from uws.accounts.models import User
from uws.jobs.models import Job
from uws.site import Site
from uws.workspaces.models import Workspace


def workspace_of(site: Site, user: User) -> int:
    body = {"name": "Cells", "description": ""}
    made: Any = site.workspaces.create(user.as_person(), body)["id"]
    return int(made)


def start(site: Site, user: User, job_type: str, **body: Any) -> Job:
    started: Any = site.jobs.start(user.as_person(), workspace_of(site, user), {"job_type": job_type, **body})
    return Job.objects.get(pk=started["id"])


def reconcile_until(site: Site, job: Job, *states: str) -> Job:
    reconciler = site.reconciler()

    def arrived() -> bool:
        reconciler.reconcile(site.resources["local"])
        job.refresh_from_db()
        return job.status in states

    try:
        wait_until(arrived)
    finally:
        reconciler.close()
    return job


def test_a_start_is_answered_with_a_pending_job_that_has_a_process(site: Site, ada: User) -> None:
    job = start(site, ada, "sleeper")
    assert job.status == "pending"
    assert job.resource_job_id > 1
    assert job.step == "process"


def test_a_started_workspace_is_active_until_its_last_job_ends(site: Site, ada: User) -> None:
    job = start(site, ada, "brief")
    assert Workspace.objects.get(pk=job.workspace_id).status == "active"
    reconcile_until(site, job, "complete")
    assert Workspace.objects.get(pk=job.workspace_id).status == "idle"


def test_a_job_that_ends_well_is_complete_with_its_exit_code_and_usage(site: Site, ada: User) -> None:
    job = reconcile_until(site, start(site, ada, "brief"), "complete", "failed")
    assert (job.status, job.reason, job.exit_code) == ("complete", "success", 0)
    assert job.cpu_seconds is not None
    assert job.started is not None
    assert job.ended is not None
    assert job.ended >= job.started


def test_a_job_that_ends_badly_is_failed_with_the_last_lines_of_its_log(site: Site, ada: User) -> None:
    job = reconcile_until(site, start(site, ada, "failing"), "complete", "failed")
    assert (job.status, job.reason) == ("failed", "failed")
    assert "does-not-exist-at-all" in job.log_tail
    shown: Any = site.jobs.get(ada.as_person(), job.pk)[0]["job_details"]
    assert "does-not-exist-at-all" in shown["current_job_details"]["message"]


def test_a_command_that_does_not_exist_is_named(site: Site, ada: User) -> None:
    job = reconcile_until(site, start(site, ada, "missing"), "complete", "failed")
    assert (job.status, job.reason) == ("failed", "command_not_found")
    assert "no-such-command-anywhere" in job.message


def test_a_stopped_job_is_stopping_and_then_complete(site: Site, ada: User) -> None:
    job = reconcile_until(site, start(site, ada, "sleeper"), "running")
    assert site.jobs.stop(ada.as_person(), job.pk) == "Job queued to stop."
    job.refresh_from_db()
    assert job.status == "stopping"
    reconcile_until(site, job, "complete")
    assert job.reason == "cancelled"


def test_events_tell_a_jobs_whole_story_in_order(site: Site, ada: User) -> None:
    from uws.events.log import history

    job = reconcile_until(site, start(site, ada, "brief"), "complete")
    kinds = [entry.kind for entry in history(f"jobs/{job.pk}")]
    assert kinds[:2] == ["job.created", "job.launched"]
    assert kinds[-1] == "job.complete"


def test_a_piece_of_the_log_never_ends_inside_a_character(
    site: Site, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = reconcile_until(site, start(site, ada, "greeting"), "complete")
    monkeypatch.setattr("uws.jobs.service.LOG_PIECE_BYTES", 4)
    texts, offset, complete = [], 0, False
    while not complete:
        piece: Any = site.jobs.read_log(ada.as_person(), job.pk, offset)
        texts.append(piece["text"])
        offset, complete = piece["next_offset"], piece["is_complete"]
    assert "".join(texts) == "aé€😀é\n"
