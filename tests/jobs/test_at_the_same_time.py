"""What two processes do to one workspace at once: its state is that of its jobs afterwards."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import connection, connections, transaction
from tests.conftest import wait_until
from tests.jobs.making import row, workspace_of

from uws.accounts.models import User
from uws.jobs.models import Job
from uws.jobs.resources.base import EndReason
from uws.jobs.states import JobState
from uws.site import Site
from uws.workspaces.models import Workspace

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor == 'sqlite'", reason="SQLite has one writer at a time: nothing happens at once"
    ),
]


def while_open(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Do `second` in a thread of its own while the transaction of `first` is still open."""

    def work() -> None:
        try:
            second()
        finally:
            connections.close_all()

    thread = Thread(target=work)
    with transaction.atomic():
        first()
        thread.start()
        wait_until(lambda: not thread.is_alive() or _somebody_waits_for_us())
    thread.join()


def _somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone() is not None


def end(site: Site, job: Job) -> Callable[[], object]:
    return lambda: site.lifecycle.end(job.pk, JobState.RUNNING, reason=EndReason.SUCCESS, message="")


def active_workspace(site: Site, ada: User) -> int:
    workspace_id = workspace_of(site, ada)
    Workspace.objects.filter(pk=workspace_id).update(status="active")
    return workspace_id


def test_a_workspace_is_idle_after_its_last_two_jobs_have_ended_at_once(site: Site, ada: User) -> None:
    workspace_id = active_workspace(site, ada)
    one, two = (row(ada, workspace_id, key, status="running") for key in ("uws-one", "uws-two"))
    while_open(end(site, one), end(site, two))
    assert Workspace.objects.get(pk=workspace_id).status == "idle"


def test_a_workspace_stays_active_where_a_job_starts_while_the_last_one_ends(
    site: Site, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.launcher, "attempt", lambda job_id: None)
    workspace_id = active_workspace(site, ada)
    last = row(ada, workspace_id, "uws-last", status="running")
    started: list[Any] = []
    body = {"job_type": "sleeper"}
    while_open(lambda: started.append(site.jobs.start(ada.as_person(), workspace_id, body)), end(site, last))
    assert Workspace.objects.get(pk=workspace_id).status == "active"
    assert site.jobs.stop(ada.as_person(), started[0]["id"]) == "Successful stop."
