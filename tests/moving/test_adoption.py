"""A job that still runs on a cluster when its record is brought here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.moving.conftest import bring
from tests.moving.doubles import Cluster
from tests.moving.original import ADA, Original
from uws.accounts.models import User
from uws.jobs.models import Job
from uws.jobs.reconciler import Reconciler
from uws.jobs.resources.base import ObservedState
from uws.site import Site
from uws.workspaces.models import Workspace


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    config["available_resources"]["slurm"] = {
        "name": "A cluster",
        "resource_type": "tests.moving.doubles:Cluster",
        "storage": "local",
        "user_authentication": "local",
    }
    return config


@pytest.fixture
def cluster() -> type[Cluster]:
    Cluster.jobs = {4101: ObservedState.RUNNING, 4107: ObservedState.RUNNING}
    Cluster.stopped, Cluster.launched, Cluster.is_away = [], [], False
    return Cluster


@pytest.fixture
def reconciler(
    original: Original, site: Site, storage_root: Path, cluster: type[Cluster]
) -> Iterator[Reconciler]:
    bring(original, site)
    reconciler = site.reconciler()
    yield reconciler
    reconciler.close()


def test_it_is_found_by_its_number_and_never_launched_again(
    reconciler: Reconciler, site: Site, cluster: type[Cluster]
) -> None:
    reconciler.recover()
    reconciler.reconcile(site.resources["slurm"])
    job = Job.objects.get(pk=101)
    assert (job.status, job.resource_job_id, job.resource_state["resource"]) == (
        "running",
        4101,
        {"number": 4101},
    )
    assert cluster.launched == []


def test_its_end_is_seen_and_frees_its_workspace(
    reconciler: Reconciler, site: Site, cluster: type[Cluster]
) -> None:
    reconciler.recover()
    cluster.jobs[4101] = ObservedState.ENDED
    reconciler.reconcile(site.resources["slurm"])
    assert Job.objects.get(pk=101).status == "complete"
    assert Workspace.objects.get(pk=10).status == "idle"


def test_it_can_be_stopped(reconciler: Reconciler, site: Site, cluster: type[Cluster]) -> None:
    reconciler.recover()
    site.jobs.stop(User.objects.get(pk=ADA).as_person(), 101)
    reconciler.reconcile(site.resources["slurm"])
    assert 4101 in cluster.stopped


def test_one_that_cannot_be_found_yet_is_left_as_it_is(
    reconciler: Reconciler, site: Site, cluster: type[Cluster]
) -> None:
    del cluster.jobs[4101]
    reconciler.recover()
    reconciler.reconcile(site.resources["slurm"])
    assert Job.objects.get(pk=101).status == "running"


def test_a_cluster_that_is_away_is_asked_again(
    reconciler: Reconciler, site: Site, cluster: type[Cluster]
) -> None:
    cluster.is_away = True
    reconciler.recover()
    assert Job.objects.get(pk=101).resource_state == {"imported": True}
    cluster.is_away = False
    reconciler.recover()
    assert "resource" in Job.objects.get(pk=101).resource_state


def test_a_stop_that_the_original_had_accepted_is_passed_on(
    reconciler: Reconciler, site: Site, cluster: type[Cluster]
) -> None:
    reconciler.recover()
    reconciler.reconcile(site.resources["slurm"])
    assert cluster.stopped == [4107]
