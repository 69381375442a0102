"""The kit of `uws.testing.job_types`, over every job type that is shipped."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from uws.config.applications import JUPYTER_PACKAGES, shipped_applications
from uws.config.deployment import Deployment
from uws.jobs.types.application import ApplicationJob
from uws.jobs.types.base import JobType
from uws.jobs.types.jupyter_lab import JupyterLabJob
from uws.jobs.types.local_test import LocalTestJob
from uws.testing.job_types import JobTypeConformance, build_job_type


class TestLocalTestJob(JobTypeConformance):
    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        return build_job_type(LocalTestJob, deployment, {})


class TestJupyterLabFromASharedEnvironment(JobTypeConformance):
    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        return build_job_type(JupyterLabJob, deployment, {"python_packages": JUPYTER_PACKAGES})

    @pytest.fixture
    def job_details(self) -> Mapping[str, object]:
        return {"notebook_path": "analysis/first look.ipynb"}


class TestJupyterLabFromModules(JobTypeConformance):
    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        return build_job_type(JupyterLabJob, deployment, {"module_manager": "lmod", "modules": ["jupyter/4"]})


class TestJupyterLabFromAnArchive(JobTypeConformance):
    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        details = {"module_manager": "tar", "tar_file_path": "/srv/environments/lab.tar.gz"}
        return build_job_type(JupyterLabJob, deployment, details)


class TestMarimo(JobTypeConformance):
    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        entry = shipped_applications("local")["marimo"]
        return build_job_type(ApplicationJob, deployment, entry["environment_details"]["local"])


class TestScript(JobTypeConformance):
    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        entry = shipped_applications("local")["script"]
        return build_job_type(ApplicationJob, deployment, entry["environment_details"]["local"])

    @pytest.fixture
    def job_details(self) -> Mapping[str, object]:
        return {"script": "analysis/count.py", "arguments": ["--rows", "10"]}
