"""The applications that `docs/how-to/add-an-application.md` shows, run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import wait_until
from tests.docs.pages import DOCS

from uws.accounts.models import User
from uws.jobs.models import Job
from uws.refusals import BadRequest
from uws.site import Site


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    for name in ("batch_script", "http_server"):
        shown = json.loads((DOCS / f"examples/applications/{name}.json").read_text("utf-8"))
        config["available_job_types"] |= shown["available_job_types"]
    return config


@pytest.fixture
def workspace_id(site: Site, ada: User) -> int:
    files = [{"name": "data/table.csv", "content": "a,1\nb,2\nc,3\n"}]
    body = {"name": "Cells", "description": "", "workspace_details": {"files": files}}
    made: Any = site.workspaces.create(ada.as_person(), body)
    return int(made["id"])


def start(site: Site, ada: User, workspace_id: int, job_type: str, **details: object) -> Job:
    body = {"job_type": job_type, "job_details": details}
    started: Any = site.jobs.start(ada.as_person(), workspace_id, body)
    return Job.objects.get(pk=started["id"])


def reconcile_until(site: Site, job: Job, step: str) -> None:
    reconciler = site.reconciler()

    def arrived() -> bool:
        reconciler.reconcile(site.resources["local"])
        job.refresh_from_db()
        return job.step == step

    try:
        wait_until(arrived)
    finally:
        reconciler.close()


def test_the_batch_script_counts_lines(site: Site, ada: User, workspace_id: int) -> None:
    job = start(site, ada, workspace_id, "count_lines", file="data/table.csv")
    reconcile_until(site, job, "ended")
    assert (job.status, job.reason) == ("complete", "success")
    assert site.jobs.log_tail(job) == "3 data/table.csv\n"


@pytest.mark.parametrize("file", ["/etc/passwd", "../other/table.csv", "data/../../x", "", 7, None])
def test_the_batch_script_takes_only_files_of_the_workspace(
    site: Site, ada: User, workspace_id: int, file: object
) -> None:
    with pytest.raises(BadRequest, match="file"):
        start(site, ada, workspace_id, "count_lines", file=file)
    assert not Job.objects.exists()


def test_the_file_server_can_be_opened(site: Site, ada: User, workspace_id: int) -> None:
    job = start(site, ada, workspace_id, "file_server")
    reconcile_until(site, job, "ready")
    address = site.jobs.open_url(job, ada.as_person())
    assert address is not None
    assert address.startswith(f"http://job-{job.pk}.localhost:{site.ports.jobs}/?ticket=")
