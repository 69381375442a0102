"""Exactly one launch: the launching process is killed at each named point, and another takes over."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from tests.conftest import end_all_jobs, make_site, wait_until

from uws.jobs.models import Job
from uws.jobs.resources.local import LocalResource
from uws.site import Site

POINTS = ("row written", "lease taken", "attempt recorded", "process started", "launch recorded")


@pytest.fixture
def counted_site(
    transactional_db: None, config: dict[str, Any], data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """An installation whose `counted` jobs leave a line in a file each time their command runs."""
    config["available_job_types"]["counted"] = {
        "name": "Counted",
        "job_type": "ApplicationJob",
        "environment_details": {
            "local": {"command": ["sh", "-c", f"echo run >> {data_directory}/runs; exec sleep 3600"]}
        },
    }
    monkeypatch.setattr(LocalResource, "launch_timeout_seconds", 1.0)
    site = make_site(config, data_directory)
    yield site
    end_all_jobs(site)


def runs(site: Site) -> int:
    path = site.deployment.data_dir / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def start_and_die(site: Site, workspace_id: int, username: str, point: str) -> None:
    """Start a job in a process of its own, which kills itself at `point`."""

    def die(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            site.launcher.checkpoint = die
            if point == "row written":
                site.launcher.attempt = lambda job_id: die(point)  # type: ignore[method-assign]
            person = site.accounts.get(username).as_person()
            site.jobs.start(person, workspace_id, {"job_type": "counted"})
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


@pytest.mark.parametrize("point", POINTS)
def test_a_job_whose_launcher_dies_is_launched_once(counted_site: Site, point: str) -> None:
    site = counted_site
    ada = site.accounts.create("ada", "ada@example.org").as_person()
    workspace_id: Any = site.workspaces.create(ada, {"name": "w", "description": ""})["id"]
    start_and_die(site, workspace_id, "ada", point)
    job = Job.objects.get()
    assert job.status == "pending"
    reconciler = site.reconciler()

    def is_running() -> bool:
        reconciler.recover()
        reconciler.reconcile(site.resources["local"])
        job.refresh_from_db()
        return job.status == "running" and runs(site) > 0

    try:
        wait_until(is_running)
        for _ in range(3):
            reconciler.recover()
            reconciler.reconcile(site.resources["local"])
    finally:
        reconciler.close()
    assert runs(site) == 1
    assert job.started is not None
    assert job.started <= timezone.now()


def test_a_stop_between_the_row_and_the_launch_starts_nothing(counted_site: Site) -> None:
    site = counted_site
    ada = site.accounts.create("ada", "ada@example.org").as_person()
    workspace_id: Any = site.workspaces.create(ada, {"name": "w", "description": ""})["id"]
    start_and_die(site, workspace_id, "ada", "row written")
    job = Job.objects.get()
    assert site.jobs.stop(ada, job.pk) == "Successful stop."
    reconciler = site.reconciler()
    reconciler.recover()
    reconciler.close()
    job.refresh_from_db()
    assert (job.status, job.reason, runs(site)) == ("complete", "cancelled", 0)
