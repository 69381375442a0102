"""Differences from the original server (`docs/compatibility.md`) that no other part's tests hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.conftest import wait_until

from uws.accounts.models import User
from uws.config.models import Parameter
from uws.jobs.models import Job
from uws.jobs.options import accept
from uws.jobs.resources.base import (
    EndReason,
    JobHandle,
    LaunchRefused,
    Observation,
    ObservedState,
    ResourceUnreachable,
)
from uws.jobs.states import JobState
from uws.refusals import BadRequest, InvalidOptions
from uws.site import Site
from uws.workspaces.models import Workspace


@pytest.fixture
def workspace_id(site: Site, ada: User) -> int:
    made: Any = site.workspaces.create(ada.as_person(), {"name": "Cells", "description": ""})
    return int(made["id"])


def start(site: Site, ada: User, workspace_id: int, job_type: str = "sleeper") -> dict[str, Any]:
    started: dict[str, Any] = site.jobs.start(ada.as_person(), workspace_id, {"job_type": job_type})
    return started


def reconcile(site: Site) -> None:
    reconciler = site.reconciler()
    try:
        reconciler.reconcile(site.resources["local"])
    finally:
        reconciler.close()


def running_job(site: Site, ada: User, workspace_id: int) -> Job:
    job = Job.objects.get(pk=start(site, ada, workspace_id)["id"])

    def runs() -> bool:
        reconcile(site)
        job.refresh_from_db()
        return job.status == "running"

    wait_until(runs)
    return job


def test_the_id_0_is_nobodys_workspace(site: Site, ada: User, workspace_id: int) -> None:
    assert site.workspaces.get(ada.as_person(), 0) == []


def test_a_second_deletion_changes_nothing(site: Site, ada: User, workspace_id: int) -> None:
    site.workspaces.delete(ada.as_person(), workspace_id)
    site.workspaces.delete(ada.as_person(), workspace_id)
    site.workspaces.remove(workspace_id)
    site.workspaces.remove(workspace_id)
    assert not Workspace.objects.exists()


def test_a_launch_that_is_refused_fails_the_job_at_once(
    site: Site, ada: User, workspace_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(launch: object) -> None:
        raise LaunchRefused("This machine is full.")

    monkeypatch.setattr(site.resources["local"], "launch", refuse)
    answer = start(site, ada, workspace_id)
    assert (answer["status"], answer["resource_job_id"]) == ("failed", -1)
    assert answer["job_details"]["current_job_details"]["message"] == "This machine is full."
    with pytest.raises(BadRequest, match="This job is not running or pending"):
        site.jobs.stop(ada.as_person(), answer["id"])
    assert Job.objects.get().status == "failed"
    assert Workspace.objects.get().status == "idle"


def test_a_resource_that_does_not_answer_ends_no_job(
    site: Site, ada: User, workspace_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running_job(site, ada, workspace_id)

    def away(jobs: Sequence[JobHandle]) -> Mapping[str, Observation]:
        raise ResourceUnreachable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(site.resources["local"], "observe", away)
        with pytest.raises(ResourceUnreachable):
            reconcile(site)
    job.refresh_from_db()
    assert job.status == "running"


def test_a_state_that_is_unknown_ends_no_job(
    site: Site, ada: User, workspace_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running_job(site, ada, workspace_id)
    with monkeypatch.context() as patch:
        unknown = {job.launch_key: Observation(ObservedState.UNKNOWN)}
        patch.setattr(site.resources["local"], "observe", lambda jobs: unknown)
        reconcile(site)
    job.refresh_from_db()
    assert job.status == "running"


def test_stopping_is_never_put_back_to_running(
    site: Site, ada: User, workspace_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running_job(site, ada, workspace_id)
    site.jobs.stop(ada.as_person(), job.pk)
    with monkeypatch.context() as patch:
        still = {job.launch_key: Observation(ObservedState.RUNNING, host="127.0.0.1")}
        patch.setattr(site.resources["local"], "observe", lambda jobs: still)
        reconcile(site)
    job.refresh_from_db()
    assert job.status == "stopping"


@pytest.mark.parametrize("reason", [EndReason.TIMEOUT, EndReason.OUT_OF_MEMORY, EndReason.NODE_FAIL])
def test_out_of_time_or_memory_is_not_complete(
    site: Site, ada: User, workspace_id: int, reason: EndReason
) -> None:
    job = running_job(site, ada, workspace_id)
    assert site.lifecycle.end(job.pk, JobState.RUNNING, reason=reason, message="It has ended.")
    shown: Any = site.jobs.get(ada.as_person(), job.pk)[0]
    assert (shown["status"], shown["job_details"]["current_job_details"]["reason"]) == ("failed", reason)


def test_core_hours_count_cpus_also_while_another_job_runs(site: Site, ada: User, workspace_id: int) -> None:
    job, sibling = running_job(site, ada, workspace_id), running_job(site, ada, workspace_id)
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(started=now - timedelta(hours=1), cpu_count=3)
    site.lifecycle.end(job.pk, JobState.RUNNING, reason=EndReason.SUCCESS, message="", ended=now)
    shown: Any = site.jobs.get(ada.as_person(), job.pk)[0]
    assert shown["core_hours"] == "3.00000"
    sibling.refresh_from_db()
    assert sibling.status == "running"


def test_every_job_has_a_time_limit(site: Site, ada: User, workspace_id: int) -> None:
    start(site, ada, workspace_id)
    assert Job.objects.get().time_limit_seconds == 60 * 60, "the parameter's default"


def test_where_nothing_names_a_time_limit_the_servers_holds() -> None:
    accepted = accept({}, [], parameter_mapping={}, default_time_limit_minutes=240)
    assert accepted.options.time_limit_seconds == 4 * 3600


def test_a_bound_of_0_holds() -> None:
    rule = {"type": "int", "min": 0, "max": 0}
    gpus = Parameter.model_validate({"display_name": "GPUs", "variable_name": "gpus", "validation": rule})
    for value in (-1, 1):
        with pytest.raises(InvalidOptions, match="gpus: Value"):
            accept({"gpus": value}, [gpus], parameter_mapping={}, default_time_limit_minutes=60)


def test_job_details_are_bounded(site: Site, ada: User, workspace_id: int) -> None:
    body = {"job_type": "sleeper", "job_details": {"note": "x" * 65536}}
    with pytest.raises(BadRequest, match="Job details are too large: expected at most 65536 bytes"):
        site.jobs.start(ada.as_person(), workspace_id, body)
    assert not Job.objects.exists()


@pytest.mark.parametrize("status", ["running", "stopping", "complete", "failed"])
def test_the_ticket_is_for_running_jobs_alone(site: Site, ada: User, workspace_id: int, status: str) -> None:
    job = Job.objects.create(
        owner=ada,
        workspace_id=workspace_id,
        job_type="web",
        resource="local",
        status=status,
        launch_key=f"uws-{status}",
        time_limit_seconds=600,
        host="127.0.0.1",
        port=5000,
        ready=timezone.now(),
    )
    shown: Any = site.jobs.get(ada.as_person(), job.pk)[0]["job_details"]
    path = shown["current_job_details"]["connection_details"]["url_path"]
    assert path.startswith("/?ticket=uws.") if status == "running" else path == "/"
    job.delete()


@pytest.fixture(autouse=True)
def _with_a_web_application(config: dict[str, Any]) -> None:
    config["available_job_types"]["web"] = {
        "name": "Web",
        "job_type": "ApplicationJob",
        "environment_details": {
            "local": {
                "command": ["python3", "-m", "http.server", "{port}"],
                "probe": {},
                "connection": {},
            }
        },
    }
