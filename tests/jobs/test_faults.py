"""What goes wrong with one job, one plugin or one storage harms no other, and nothing stays stuck."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.conftest import wait_until
from tests.jobs.making import row, start, workspace_of

from uws.accounts.models import User
from uws.agent.errors import AgentError
from uws.background.wakeup import Listener
from uws.events.models import Event
from uws.jobs.environments.errors import EnvironmentBuildFailed
from uws.jobs.environments.store import EnvironmentStore
from uws.jobs.models import Job
from uws.jobs.reconciler import Reconciler
from uws.jobs.resources.base import ResourceUnreachable
from uws.jobs.resources.local import LocalResource
from uws.jobs.types.base import EnvironmentRequest
from uws.refusals import Unavailable
from uws.site import Site


@pytest.fixture
def reconciler(site: Site) -> Iterator[Reconciler]:
    made = site.reconciler()
    yield made
    made.close()


def is_in(job: Job, *states: str) -> bool:
    job.refresh_from_db()
    return job.status in states


def reconcile_until(site: Site, reconciler: Reconciler, job: Job, *states: str) -> None:
    def arrived() -> bool:
        reconciler.reconcile(site.resources["local"])
        return is_in(job, *states)

    wait_until(arrived)


# --- the reconciler --------------------------------------------------------------------------------


def test_a_job_that_cannot_be_stopped_holds_up_no_other(
    site: Site, ada: User, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubborn, other = start(site, ada), start(site, ada)
    Job.objects.filter(pk=stubborn.pk).update(status="stopping")
    stop = LocalResource.stop

    def refuse(self: LocalResource, job: Any, grace_seconds: float) -> None:
        if job.job_id == stubborn.pk:
            raise ResourceUnreachable("the agent of this one user cannot be started")
        stop(self, job, grace_seconds)

    with monkeypatch.context() as patch:
        patch.setattr(LocalResource, "stop", refuse)
        reconcile_until(site, reconciler, other, "running")
    reconcile_until(site, reconciler, stubborn, "complete")


def test_a_job_whose_end_cannot_be_written_holds_up_no_other(
    site: Site, ada: User, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned, other = start(site, ada, "brief"), start(site, ada, "brief")
    end = site.lifecycle.end

    def fail(job_id: int, *arguments: Any, **named: Any) -> bool:
        if job_id == poisoned.pk:
            raise ValueError("this one row cannot be written")
        return end(job_id, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(site.lifecycle, "end", fail)
        reconcile_until(site, reconciler, other, "complete")
    reconcile_until(site, reconciler, poisoned, "complete")


def test_a_resource_that_fails_unexpectedly_is_left_in_peace_for_a_while(
    site: Site, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fail(resource: Any, only: Any = None) -> Any:
        calls.append(resource)
        raise RuntimeError("a fault of the plugin")

    monkeypatch.setattr(reconciler, "reconcile", fail)
    reconciler.run_due()
    reconciler.run_due()
    assert len(calls) == 1


def test_a_job_that_cannot_be_recovered_holds_up_no_other(
    site: Site, ada: User, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_id = workspace_of(site, ada)
    bad, good = row(ada, workspace_id, "uws-bad"), row(ada, workspace_id, "uws-good")
    attempt = site.launcher.attempt

    def fail(job_id: int) -> None:
        if job_id == bad.pk:
            raise RuntimeError("the database hiccuped")
        attempt(job_id)

    with monkeypatch.context() as patch:
        patch.setattr(site.launcher, "attempt", fail)
        reconciler.recover()
    good.refresh_from_db()
    assert good.resource_job_id > 1


def test_datagrams_that_are_no_launch_keys_do_no_harm(
    site: Site, ada: User, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job can send what it likes: PostgreSQL takes no NUL, not even in a question."""
    job = start(site, ada, "brief")
    reconciler._poked({"a\0b", "\ufffd", job.launch_key})
    assert reconciler._schedules["local"].poked == {job.launch_key}


def test_a_flood_of_datagrams_ends_a_drain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(tmp_path / "reconciler.sock")

    class Flooded:
        def recv(self, size: int) -> bytes:
            return b"uws-0123456789abcdef"

    try:
        with monkeypatch.context() as patch:
            patch.setattr(listener, "_socket", Flooded())
            assert listener.drain() == {"uws-0123456789abcdef"}
    finally:
        listener.close()


# --- what is below is away -------------------------------------------------------------------------


@pytest.fixture
def storage_away(site: Site) -> Iterator[Callable[[], None]]:
    root = site.storages["local"].root
    aside = root.with_name("unmounted")

    def take() -> None:
        root.rename(aside)

    yield take
    if aside.exists():
        aside.rename(root)


def test_a_job_is_not_lost_while_its_storage_is_away(
    site: Site, ada: User, reconciler: Reconciler, storage_away: Callable[[], None]
) -> None:
    job = start(site, ada, "brief")
    wait_until(lambda: not _is_alive(job))
    storage_away()
    with pytest.raises(ResourceUnreachable):
        reconciler.reconcile(site.resources["local"])
    assert is_in(job, "pending")


def test_a_job_whose_storage_is_away_is_not_taken_for_one_that_was_never_launched(
    site: Site, ada: User, storage_away: Callable[[], None]
) -> None:
    job = start(site, ada, "brief")
    wait_until(lambda: not _is_alive(job))
    found = Job.objects.select_related("workspace__owner", "owner").get(pk=job.pk)
    place = site.launcher.place(found, site.resources["local"])
    storage_away()
    with pytest.raises(ResourceUnreachable):
        site.resources["local"].find(job.launch_key, place)
    Job.objects.filter(pk=job.pk).update(status="complete")


def test_an_agent_that_cannot_be_started_ends_no_job(
    site: Site, ada: User, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(site, ada, "brief")
    wait_until(lambda: not _is_alive(job))
    with monkeypatch.context() as patch:
        patch.setattr(
            "uws.agent.client.AgentProcess", _raising(AgentError("The program could not be started."))
        )
        with pytest.raises(ResourceUnreachable):
            reconciler.reconcile(site.resources["local"])
    reconcile_until(site, reconciler, job, "complete")


def test_a_running_job_is_not_failed_because_the_directory_is_away(
    site: Site, ada: User, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its launcher died right after the process was started; whoever takes over cannot look its owner up yet."""
    job = start(site, ada)
    Job.objects.filter(pk=job.pk).update(resource_job_id=-1, resource_state={})
    with monkeypatch.context() as patch:
        patch.setattr(site.workspaces, "account", _raising(Unavailable("The directory does not answer.")))
        site.launcher.attempt(job.pk)
        assert is_in(job, "pending")
    site.launcher.attempt(job.pk)
    reconcile_until(site, reconciler, job, "running")


def _is_alive(job: Job) -> bool:
    from uws.jobs.shepherd_record import process_is_alive

    state = job.resource_state["resource"]
    return process_is_alive(state["pid"], state["start_time_ticks"], state["boot_id"])


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: object, **named: object) -> None:
        raise error

    return fail


# --- launching -------------------------------------------------------------------------------------


def test_a_job_type_with_a_fault_fails_its_job_at_once(
    site: Site, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.job_types["sleeper"], "prepare", _raising(KeyError("a fault of the plugin")))
    job = start(site, ada)
    assert (job.status, job.reason) == ("failed", "launch_failed")
    assert "log" in job.message


def test_a_message_with_a_nul_in_it_is_kept_without(
    site: Site, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        site.job_types["sleeper"], "environment", lambda key: EnvironmentRequest("named", ("nothing",))
    )
    monkeypatch.setattr(EnvironmentStore, "find", _raising(EnvironmentBuildFailed("a\0b", log_tail="c\0d")))
    job = start(site, ada)
    assert (job.status, job.message, job.log_tail) == ("failed", "ab", "cd")


@pytest.fixture
def unbuilt(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleepers need an environment that is not there yet."""
    monkeypatch.setattr(
        site.job_types["sleeper"], "environment", lambda key: EnvironmentRequest("named", ("nothing",))
    )
    monkeypatch.setattr(EnvironmentStore, "find", lambda self, request: None)


def queued() -> int:
    from django_q.models import OrmQ

    return int(OrmQ.objects.count())


@pytest.mark.usefixtures("unbuilt")
def test_a_job_that_waits_for_its_environment_is_queued_once(
    site: Site, ada: User, reconciler: Reconciler
) -> None:
    job = start(site, ada)
    before = queued(), Event.objects.count()
    reconciler.recover()
    reconciler.recover()
    assert (queued(), Event.objects.count()) == before
    assert site.jobs.stop(ada.as_person(), job.pk) == "Successful stop."


@pytest.mark.usefixtures("unbuilt")
def test_a_job_whose_environment_task_got_lost_is_queued_again(
    site: Site, ada: User, reconciler: Reconciler
) -> None:
    job = start(site, ada)
    before = queued()
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    reconciler.recover()
    assert queued() == before + 1
    site.jobs.stop(ada.as_person(), job.pk)


@pytest.mark.usefixtures("unbuilt")
def test_an_environment_that_fails_to_build_unexpectedly_fails_its_job(
    site: Site, ada: User, run_tasks: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EnvironmentStore, "build", _raising(OSError(5, "Input/output error")))
    job = start(site, ada)
    run_tasks()
    job.refresh_from_db()
    assert (job.status, job.reason) == ("failed", "environment_failed")


# --- records that their owner has written --------------------------------------------------------


def test_a_forged_record_cannot_move_a_job_out_of_its_time(
    site: Site, ada: User, reconciler: Reconciler
) -> None:
    job = start(site, ada, "brief")
    wait_until(lambda: not _is_alive(job))
    path = site.storages["local"].root / f"ada/{job.workspace_id}/.{job.pk}/record.json"
    record = json.loads(path.read_text())
    record["times"] |= {"started": 0, "process": 0, "ended": 253_000_000_000}
    path.write_text(json.dumps(record))
    reconcile_until(site, reconciler, job, "complete")
    assert job.started is not None
    assert job.ended is not None
    assert job.created <= job.started <= job.ended <= timezone.now()
    assert job.core_hours < 1


def test_a_process_that_took_a_dead_launch_over_is_found(
    site: Site, ada: User, reconciler: Reconciler
) -> None:
    """Two launchers raced: the shepherd whose number was recorded found the job taken, and left."""
    job = start(site, ada)
    reconcile_until(site, reconciler, job, "running")
    state = job.resource_state
    state["resource"] = {**state["resource"], "start_time_ticks": 1}
    Job.objects.filter(pk=job.pk).update(resource_state=state)
    reconciler.reconcile(site.resources["local"])
    assert is_in(job, "running")
    site.jobs.stop(ada.as_person(), job.pk)
    reconcile_until(site, reconciler, job, "complete")
