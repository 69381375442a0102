"""A job that still runs on a cluster when its record is brought here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from django.db import connections

from tests.api.calling import Caller
from tests.moving.conftest import bring
from tests.moving.doubles import Cluster
from tests.moving.original import ADA, APP, STARTED, TOKEN_OF, Original
from tests.passthrough.doubles import Way, serving, until, web_application
from uws.accounts.models import User
from uws.background.threads import DatabaseThreads
from uws.events.models import Event
from uws.jobs.models import Job
from uws.jobs.reconciler import Reconciler
from uws.jobs.resources.base import Observation, ObservedState
from uws.moving.models import ImportedRow
from uws.moving.report import Report
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


# --- opening its application -----------------------------------------------------------------------------------

TOKEN = "0a1b2c3d4e5f" * 4
HOST = "job-101.localhost"
opens = pytest.mark.django_db(transaction=True)
"""The passthrough reads in threads of its own, which see only what has been committed."""


@dataclass
class Application:
    """The original's JupyterLab, as far as it matters: everything below `/passthrough`, to who has the token."""

    port: int = 0
    reached: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.reached.append(request)
        if not request.path.startswith("/passthrough/"):
            return web.Response(status=404)
        if request.headers.get("Authorization") != f"token {TOKEN}":
            return web.Response(status=403)
        return web.Response(text="the notebook")


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    with web_application(application.answer) as application.port:
        yield application


def record_application(original: Original, job_id: int, port: object, **place: object) -> None:
    """Write what the original's reconciler wrote once the application had answered."""
    details = {
        "metrics": {"time_pending": 30.5, "time_init": 2.5},
        "request_job_details": {"notebook_path": "a.ipynb"},
        "current_job_details": {
            "message": "Webserver ready.",
            "proxy_details": {"hostname": "127.0.0.1", "port": str(port), "path": "", **place},
            "connection_details": {
                "url_path": f"/passthrough/lab?token={TOKEN}",
                "url_domain": "https://127-0-0-1-8888.jobs.example.org",
            },
        },
    }
    original.run(f"UPDATE {APP}job SET job_details = ? WHERE id = ?", [json.dumps(details), job_id])


@pytest.fixture
def running(
    original: Original, application: Application, site: Site, storage_root: Path, cluster: type[Cluster]
) -> Report:
    record_application(original, 101, application.port)
    return bring(original, site)


@pytest.fixture
def adopted(running: Report, site: Site) -> Iterator[Reconciler]:
    reconciler = site.reconciler()
    reconciler.recover()
    reconciler.reconcile(site.resources["slurm"])
    yield reconciler
    reconciler.close()


@pytest.fixture
def way(adopted: Reconciler, site: Site) -> Iterator[Way]:
    database = DatabaseThreads(workers=1)  # whose one connection is closed below
    with serving(site.job_directory, site.deployment.secrets, database) as way:
        yield way
    database.executor.submit(connections.close_all).result()
    database.close()


def job_details(site: Site, job_id: int = 101) -> dict[str, Any]:
    (job,) = Caller(site, TOKEN_OF[ADA])("GET", f"/jobs/{job_id}/").data["jobs"]
    details: dict[str, Any] = job["job_details"]
    return details


def sign_in(way: Way, site: Site) -> dict[str, str]:
    """Follow the way that a portal sends its user; return the headers of the pages that come after."""
    path = job_details(site)["current_job_details"]["connection_details"]["url_path"]
    headers = way.page_headers(None, 101)
    status, answer, _ = way.ask(path, headers=headers)
    assert (status, answer["Location"]) == (303, f"{way.origin(101)}/passthrough/lab")
    return headers | {"Cookie": answer["Set-Cookie"].partition(";")[0]}


def test_its_address_is_shown_as_the_original_did_with_a_ticket_for_the_token(
    adopted: Reconciler, application: Application, site: Site
) -> None:
    details = job_details(site)
    current = details["current_job_details"]
    path, _, ticket = current["connection_details"]["url_path"].partition("?")
    assert path == "/passthrough/lab"
    assert ticket.startswith("ticket=uws.")
    assert HOST in current["connection_details"]["url_domain"]
    assert current["proxy_details"] == {
        "hostname": "127.0.0.1",
        "port": str(application.port),
        "path": "/passthrough/lab",
    }
    assert details["metrics"] == {"time_pending": 30.5, "time_init": 2.5}


def test_the_console_leads_to_the_same_page(adopted: Reconciler, site: Site) -> None:
    person = User.objects.get(pk=ADA).as_person()
    address = site.jobs.open_url(site.jobs.find(person, 101), person)
    assert address is not None
    assert f"{HOST}:" in address
    assert "/passthrough/lab?ticket=" in address


@opens
def test_its_page_opens_with_the_token_that_only_the_passthrough_knows(
    way: Way, application: Application, site: Site
) -> None:
    status, _, body = way.ask("/passthrough/lab", headers=sign_in(way, site))
    assert (status, body) == (200, b"the notebook")
    assert "ticket" not in application.reached[-1].path_qs


@opens
def test_it_is_gone_once_the_job_has_ended(
    way: Way, adopted: Reconciler, site: Site, cluster: type[Cluster]
) -> None:
    headers = sign_in(way, site)
    cluster.jobs[4101] = ObservedState.ENDED
    adopted.reconcile(site.resources["slurm"])
    until(lambda: way.ask("/passthrough/lab", headers=headers)[0] == 410)
    assert "ticket" not in job_details(site)["current_job_details"]["connection_details"]["url_path"]


@opens
def test_others_are_not_let_in(way: Way, application: Application, site: Site) -> None:
    grace = way.page_headers(3, 101)
    assert way.ask("/passthrough/lab", headers=grace)[0] == 404
    assert application.reached == []


def test_the_token_is_written_nowhere_as_it_is(running: Report, adopted: Reconciler, site: Site) -> None:
    job_details(site)
    for model in (Job, Event, ImportedRow):
        assert TOKEN not in str(list(model._default_manager.values()))
    assert TOKEN not in str(running.as_dict())
    assert TOKEN not in "\n".join(running.lines())
    assert TOKEN not in str(job_details(site))


def test_it_leads_nowhere_before_its_resource_has_found_it(
    running: Report, site: Site, cluster: type[Cluster]
) -> None:
    del cluster.jobs[4101]
    reconciler = site.reconciler()
    reconciler.recover()
    reconciler.close()
    assert "connection_details" not in job_details(site)["current_job_details"]
    target = site.job_directory.target(101)
    assert target is not None
    assert not target.is_open


def test_what_the_resource_says_of_its_machine_is_believed_before_the_record(
    adopted: Reconciler, application: Application, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Observation(state=ObservedState.RUNNING, host="localhost")
    monkeypatch.setattr(Cluster, "_observation", lambda self, number: seen)
    adopted.reconcile(site.resources["slurm"])
    job = Job.objects.get(pk=101)
    assert (job.host, job.port, job.ready) == (
        "localhost",
        application.port,
        STARTED + timedelta(seconds=2.5),
    )


def test_one_that_cannot_be_opened_lives_on_and_the_report_says_why(
    original: Original, site: Site, storage_root: Path, cluster: type[Cluster]
) -> None:
    record_application(original, 101, 22)
    report = bring(original, site)
    sentences = [remark.sentence for remark in report.of(f"{APP}job").notes if remark.row_id == 101]
    assert sentences[0].startswith("its application can't be opened from here: its proxy_details.port is 22;")
    job = Job.objects.get(pk=101)
    assert (job.status, job.port, job.imported_connection) == ("running", None, {})


def test_with_another_secret_it_is_not_opened_and_the_log_says_so(
    adopted: Reconciler, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Job.objects.get(pk=101).imported_connection
    Job.objects.filter(pk=101).update(imported_connection={**kept, "sealed_token": "00" * 64})
    assert "connection_details" not in job_details(site)["current_job_details"]
    assert "job 101 can't be opened" in caplog.text


def test_one_that_ended_keeps_nothing_of_its_application(
    original: Original, application: Application, site: Site, storage_root: Path
) -> None:
    record_application(original, 100, application.port)
    bring(original, site)
    job = Job.objects.get(pk=100)
    assert (job.host, job.port, job.imported_connection) == ("", None, {})
