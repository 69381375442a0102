"""A job that needs nothing: it says hello and sleeps for ten seconds. For trying a server out."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from uws.config.server import SettingsModel
from uws.jobs.resources.base import JobScript
from uws.jobs.types.base import JobType, Preparation, StartContext


class LocalTestEnvironment(SettingsModel):
    """`environment_details` of a LocalTestJob: an empty object."""


class LocalTestJob(JobType):
    """Print `Hello World` to `LocalTest_<id>_output.log` in the job's directory, sleep 10 seconds, end with 0."""

    EnvironmentSettings: ClassVar[type[BaseModel]] = LocalTestEnvironment

    def prepare(self, resource_key: str, context: StartContext) -> Preparation:
        self.details(resource_key, LocalTestEnvironment)
        script = JobScript(
            command=("/bin/sh", "-c", "echo 'Hello World'; exec sleep 10"),
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin"},
            output=f"LocalTest_{context.job_id}_output.log",
        )
        return Preparation(script)
