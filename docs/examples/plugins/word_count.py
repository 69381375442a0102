"""A job type: counts the words of one file of the workspace and writes the number to the job's log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from pydantic import BaseModel, Field

from uws.config.server import SettingsModel
from uws.jobs.resources.base import JobScript
from uws.jobs.types.base import JobDetailsRefused, JobType, Preparation, StartContext


class WordCountEnvironment(SettingsModel):
    """`environment_details` for one resource."""

    wc: str = Field("/usr/bin/wc", description="Where wc is on the resource.")


class WordCountJob(JobType):
    """A batch job with one parameter, the file."""

    EnvironmentSettings: ClassVar[type[BaseModel]] = WordCountEnvironment

    def parameters_schema(self) -> Mapping[str, object]:
        file = {
            "type": "string",
            "title": "File",
            "description": "a file of the workspace, such as notes.txt",
        }
        return {"type": "object", "required": ["file"], "properties": {"file": file}}

    def check_details(self, job_details: Mapping[str, object]) -> None:
        file = job_details.get("file")
        if not isinstance(file, str) or not file:
            raise JobDetailsRefused("file: expected the name of a file.", "/file")
        if "\0" in file or PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise JobDetailsRefused(
                f"file: found {file[:80]!r}; expected a file inside the workspace.", "/file"
            )

    def prepare(self, resource_key: str, context: StartContext) -> Preparation:
        details = self.details(resource_key, WordCountEnvironment)
        self.check_details(context.job_details)
        file = str(context.job_details["file"])
        return Preparation(
            JobScript(
                command=(details.wc, "--words", "--", file),
                environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                output=f"WordCount_{context.job_id}_output.log",
            )
        )
