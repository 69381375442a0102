"""How soon the reconciler asks a resource again: each second, each quarter of a minute, each minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from tests.conftest import wait_until

from uws.accounts.models import User
from uws.jobs.models import Job
from uws.jobs.reconciler import LEASE_SECONDS, Pace
from uws.jobs.resources.local.resource import LocalResource
from uws.site import Site

Ask = Callable[[], Pace]


@pytest.fixture
def ask(site: Site) -> Iterator[Ask]:
    """Asks the local resource about its jobs, and says how soon to ask again."""
    reconciler = site.reconciler()
    yield lambda: reconciler.reconcile(site.resources["local"])
    reconciler.close()


@pytest.fixture
def sleeper(site: Site, ada: User) -> Job:
    workspace: Any = site.workspaces.create(ada.as_person(), {"name": "Cells", "description": ""})
    started: Any = site.jobs.start(ada.as_person(), workspace["id"], {"job_type": "sleeper"})
    return Job.objects.get(pk=started["id"])


def is_resting_and_known(ask: Ask, job: Job) -> bool:
    pace = ask()
    job.refresh_from_db()
    return pace == Pace.RESTING and job.peak_memory_bytes is not None


def test_a_resource_whose_jobs_only_sleep_rests(ask: Ask, sleeper: Job) -> None:
    wait_until(lambda: ask() == Pace.RESTING)
    sleeper.refresh_from_db()
    assert sleeper.status == "running"


def test_a_job_that_is_to_end_keeps_its_resource_moving(
    site: Site, ada: User, ask: Ask, sleeper: Job
) -> None:
    wait_until(lambda: ask() == Pace.RESTING)
    Job.objects.filter(pk=sleeper.pk).update(status="stopping", stop_sent=timezone.now())  # its grace period
    assert ask() == Pace.MOVING
    Job.objects.filter(pk=sleeper.pk).update(status="running")  # so that it is stopped with the test


def test_a_job_whose_end_nothing_tells_of_lets_its_resource_not_rest(
    ask: Ask, sleeper: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalResource, "end_descriptor", lambda self, job: None)
    paces: list[Pace] = []

    def is_settled() -> bool:
        paces.append(ask())
        return paces[-3:] == 3 * [Pace.QUIET]

    wait_until(is_settled)
    assert Pace.RESTING not in paces


def test_a_job_that_uses_more_than_before_ends_the_rest(ask: Ask, sleeper: Job) -> None:
    wait_until(lambda: is_resting_and_known(ask, sleeper))
    Job.objects.filter(pk=sleeper.pk).update(peak_memory_bytes=1)  # as if that had been all until now
    assert ask() == Pace.QUIET


def test_a_job_that_starts_while_its_resource_rests_brings_the_next_look_forward(
    site: Site, ada: User, sleeper: Job
) -> None:
    reconciler = site.reconciler()
    schedule = reconciler._schedules["local"]
    schedule.due = time.monotonic() + Pace.RESTING.value
    schedule.poked.add(sleeper.launch_key)
    reconciler._tick(schedule)
    reconciler.close()
    assert schedule.due <= time.monotonic() + Pace.QUIET.value


def test_the_lease_outlasts_the_longest_pause() -> None:
    assert max(pace.value for pace in Pace) + Pace.QUIET.value <= LEASE_SECONDS
