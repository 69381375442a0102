from __future__ import annotations

from pathlib import Path

from tests.jobs.types.running import running, wait_for

from uws.config.deployment import Deployment
from uws.jobs.types.local_test import LocalTestJob
from uws.testing.job_types import APPLICATION_TOKEN, build_context, build_job_type


def test_it_says_hello_in_its_own_log_and_goes_on_until_it_is_stopped(
    deployment: Deployment, tmp_path: Path
) -> None:
    job_type = build_job_type(LocalTestJob, deployment, {})
    with running(job_type, build_context(tmp_path)) as job:
        wait_for(lambda: job.log() == "Hello World\n", 10, job.log)
        assert job.output.name == "LocalTest_7_output.log"
        wait_for(lambda: job.phase() == "running", 10, job.phase)
        job.stop()
        assert job.wait_ended().reason == "cancelled"


def test_it_has_no_page_to_open(deployment: Deployment) -> None:
    assert build_job_type(LocalTestJob, deployment, {}).connection(APPLICATION_TOKEN, {}) is None
