"""Stopping a job at every stage of its life: it always ends, and soon."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

import pytest
from tests.conftest import wait_until
from tests.jobs.making import row, start, workspace_of

from uws.accounts.models import User
from uws.background import leases
from uws.jobs.models import Job
from uws.jobs.resources.local import LocalResource
from uws.refusals import BadRequest
from uws.site import Site


def test_a_job_whose_environment_is_being_built_stops_at_once(site: Site, ada: User) -> None:
    job = row(ada, workspace_of(site, ada), "uws-builds", step="environment")
    leases.claim(Job.objects.all(), job.pk, 60)  # its builder is at it
    assert site.jobs.stop(ada.as_person(), job.pk) == "Successful stop."
    job.refresh_from_db()
    assert (job.status, job.reason) == ("complete", "cancelled")


def test_a_second_stop_is_refused(site: Site, ada: User) -> None:
    job = start(site, ada)
    site.jobs.stop(ada.as_person(), job.pk)
    with pytest.raises(BadRequest, match="This job is not running or pending"):
        site.jobs.stop(ada.as_person(), job.pk)


def test_a_job_that_has_halted_its_shepherd_is_stopped_all_the_same(site: Site, ada: User) -> None:
    job = start(site, ada)
    reconciler = site.reconciler()

    def is_in(state: str) -> bool:
        reconciler.reconcile(site.resources["local"])
        job.refresh_from_db()
        return job.status == state

    try:
        wait_until(lambda: is_in("running"))
        os.kill(job.resource_job_id, signal.SIGSTOP)
        site.jobs.stop(ada.as_person(), job.pk)
        wait_until(lambda: is_in("complete"))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(job.resource_job_id, signal.SIGCONT)
        reconciler.close()


def test_a_job_that_starts_after_its_row_has_ended_is_stopped(
    site: Site, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its launcher hung for so long that the job was given up; then the launch went through all the same."""
    launch = LocalResource.launch
    launched = []

    def slow(self: LocalResource, order: Any) -> Any:
        Job.objects.filter(launch_key=order.key).update(status="failed")
        launched.append(launch(self, order))
        return launched[0]

    monkeypatch.setattr(LocalResource, "launch", slow)
    job = start(site, ada)
    resource = site.resources["local"]
    assert isinstance(resource, LocalResource)
    place = site.launcher.place(
        Job.objects.select_related("workspace__owner", "owner").get(pk=job.pk), resource
    )
    wait_until(lambda: _is_over(resource.find(job.launch_key, place)))


def _is_over(found: Any) -> bool:
    from uws.jobs.shepherd_record import process_is_alive

    state = found.state
    return not process_is_alive(state["pid"], state["start_time_ticks"], state["boot_id"])
