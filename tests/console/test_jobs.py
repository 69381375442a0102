from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.console.pages import text_of
from uws.jobs.models import Job
from uws.site import Site


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    """A type that has a page to open."""
    config["available_job_types"]["page"] = {
        "name": "Page",
        "job_type": "ApplicationJob",
        "environment_details": {
            "local": {
                "command": ["true", "{port}"],
                "probe": {"path": "/"},
                "connection": {"path": "/start"},
            }
        },
    }
    return config


def become(job: Job, **columns: object) -> None:
    Job.objects.filter(pk=job.pk).update(**columns)


def make_ready(job: Job) -> None:
    now = timezone.now()
    become(
        job, job_type="page", status="running", step="ready", message="", reason="", started=now, ready=now
    )
    become(job, port=54321, host="127.0.0.1")


@pytest.fixture(autouse=True)
def _nothing_is_left_live(site: Site) -> Any:
    """Rows that a test made live have no process below, so they are not left for the end of the test to stop."""
    yield
    Job.objects.filter(launch_key="ended-long-ago").update(status="complete", step="ended")


def test_an_ended_job_says_what_it_took(browser: Client, job: Job) -> None:
    end = timezone.now()
    become(
        job, started=end - timedelta(seconds=75), ended=end, cpu_seconds=61.2, peak_memory_bytes=300 * 1024**2
    )
    become(job, exit_code=0)
    text = text_of(browser.get(f"/console/jobs/{job.pk}/"))
    assert "1 min 15 s" in text
    assert "1 min 01 s" in text
    assert "300 MB" in text
    assert "Exit code" in text
    assert "The job has ended well." in text
    assert "Start again" in text


def test_a_failed_job_shows_the_reason_and_its_log(browser: Client, job: Job) -> None:
    become(job, status="failed", reason="failed", message="Out of luck.", log_tail="<b>boom</b>", signal=9)
    text = text_of(browser.get(f"/console/jobs/{job.pk}/"))
    assert "Out of luck." in text
    assert "&lt;b&gt;boom" in text
    assert "SIGKILL (9)" in text


def test_a_live_job_says_what_it_waits_for_with_a_clock(browser: Client, job: Job) -> None:
    become(
        job,
        status="pending",
        step="environment",
        environment_began=timezone.now(),
        message="Downloading 9 of 12.",
    )
    text = text_of(browser.get(f"/console/jobs/{job.pk}/?fragment=state"))
    assert "Downloading 9 of 12." in text
    assert "data-clock-since" in text
    assert ">Stop</button>" in text
    assert "/console/job-open/" not in text


def test_a_ready_job_can_be_opened(browser: Client, job: Job, site: Site) -> None:
    make_ready(job)
    assert f"/console/job-open/{job.pk}/" in text_of(browser.get(f"/console/jobs/{job.pk}/"))
    response = browser.get(f"/console/job-open/{job.pk}/")
    assert response.status_code == 302
    assert response["Location"].startswith(f"http://job-{job.pk}.localhost:8001/start?ticket=")
    assert response["Referrer-Policy"] == "no-referrer"


def test_signing_in_on_the_way_to_a_job_leads_into_it(browser: Client, job: Job) -> None:
    make_ready(job)
    assert "ticket=" in browser.get(f"/console/jobs/{job.pk}/?open=1")["Location"]


def test_a_job_that_does_not_answer_yet_is_shown_instead_of_opened(browser: Client, job: Job) -> None:
    become(job, job_type="page", status="running", step="process")
    assert browser.get(f"/console/job-open/{job.pk}/")["Location"] == f"/console/jobs/{job.pk}/"
    assert browser.get(f"/console/jobs/{job.pk}/?open=1").status_code == 200


def test_a_job_whose_type_is_gone_from_the_configuration_is_still_shown(browser: Client, job: Job) -> None:
    become(job, job_type="from-last-year")
    assert "from-last-year" in text_of(browser.get(f"/console/jobs/{job.pk}/"))


def test_a_job_whose_workspace_is_deleted_is_still_shown(browser: Client, job: Job) -> None:
    become(job, workspace=None)
    text = text_of(browser.get(f"/console/jobs/{job.pk}/"))
    assert "(deleted)" in text
    assert "Start again" not in text
    assert browser.get(f"/console/jobs/{job.pk}/log/").status_code == 200
    assert browser.post(f"/console/jobs/{job.pk}/again/")["Location"] == f"/console/jobs/{job.pk}/"


def test_a_stop_that_comes_too_late_says_so(browser: Client, job: Job) -> None:
    response = browser.post(f"/console/jobs/{job.pk}/stop/")
    assert "This job is not running or pending." in text_of(browser.get(response["Location"]))


def test_a_running_job_is_stopped(browser: Client, job: Job) -> None:
    become(job, status="running", step="process", resource_job_id=999_999)
    browser.post(f"/console/jobs/{job.pk}/stop/")
    job.refresh_from_db()
    assert job.status == "stopping"


def test_a_job_is_started_again_with_the_same_options(browser: Client, job: Job) -> None:
    response = browser.post(f"/console/jobs/{job.pk}/again/")
    latest = Job.objects.latest("pk")
    assert latest.pk != job.pk
    assert response["Location"] == f"/console/jobs/{latest.pk}/"
    assert (latest.job_type, latest.requested_options) == ("brief", {"num_cpus": 2})


def test_a_job_that_cannot_be_started_again_opens_its_form(browser: Client, job: Job) -> None:
    become(job, requested_options={"num_cpus": 99})
    response = browser.post(f"/console/jobs/{job.pk}/again/")
    assert response["Location"] == f"/console/workspaces/{job.workspace_id}/start/?from={job.pk}"
    text = text_of(browser.get(response["Location"]))
    assert "above maximum of 4" in text
    assert 'name="option:num_cpus" value="99"' in text


def test_the_log_is_shown_as_text(browser: Client, job: Job, site: Site) -> None:
    assert job.workspace is not None
    with site.workspaces.open(job.workspace) as files:
        files.write(f".{job.pk}/out.log", b"<i>line</i> \xff")
    become(job, output="out.log")
    text = text_of(browser.get(f"/console/jobs/{job.pk}/log/"))
    assert "&lt;i&gt;line" in text
    assert "Log of job" in text
