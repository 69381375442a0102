"""Any web application or batch script as a job type, from JSON alone.

    "marimo": {
        "name": "marimo", "job_type": "ApplicationJob",
        "environment_details": {
            "packages": ["marimo"],
            "command": ["{python}", "-m", "marimo", "edit", "-p", "{port}", "--token-password-file", "{token_file}"],
            "probe": {"path": "/health"},
            "connection": {"path": "/", "headers": {"Authorization": "Bearer {token}"}}
        }
    }

The placeholders stand in `placeholders.py`. One item of `command` is always one argument: no shell reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from pydantic import BaseModel

from uws.jobs.applications.parameters import check_parameters, complete_parameters
from uws.jobs.applications.placeholders import Placeholders
from uws.jobs.applications.settings import ApplicationEnvironment
from uws.jobs.environments.layer import Layer
from uws.jobs.resources.base import JobFile, JobScript, Probe
from uws.jobs.types.base import (
    Connection,
    EnvironmentRequest,
    ImproperlyConfigured,
    JobType,
    Preparation,
    StartContext,
)

TOKEN_NAME = "token"  # noqa: S105
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class ApplicationJob(JobType):
    """A web application (with `connection`) or a batch job (without), described in `config.json`.

    With `packages` it runs from the workspace's layer over a shared environment, like a notebook: what people
    install there is there for it too. Parameters and connection are read from the first resource that has them;
    write the same for all.
    """

    EnvironmentSettings: ClassVar[type[BaseModel]] = ApplicationEnvironment

    @cached_property
    def _environments(self) -> Mapping[str, ApplicationEnvironment]:
        return {key: self.details(key, ApplicationEnvironment) for key in self.settings.environment_details}

    @cached_property
    def _first(self) -> ApplicationEnvironment | None:
        return next(iter(self._environments.values()), None)

    @property
    def is_web_application(self) -> bool:
        return self._first is not None and self._first.connection is not None

    def parameters_schema(self) -> Mapping[str, object] | None:
        return None if self._first is None else self._first.parameters

    def check_details(self, job_details: Mapping[str, object]) -> None:
        check_parameters(self.parameters_schema(), job_details)

    def environment(self, resource_key: str) -> EnvironmentRequest | None:
        settings = self._settings(resource_key)
        if not settings.packages:
            return None
        return EnvironmentRequest(settings.environment_name, settings.packages, settings.python_version)

    def prepare(self, resource_key: str, context: StartContext) -> Preparation:
        settings = self._settings(resource_key)
        check_parameters(settings.parameters, context.job_details)
        layer = self._layer(settings, context)
        fill = self._placeholders(settings, context, layer)
        variables = {"PATH": _SYSTEM_PATH} if layer is None else layer.variables
        script = JobScript(
            command=tuple(fill(item) for item in settings.command),
            environment={**variables, **{name: fill(value) for name, value in settings.environment.items()}},
            output=f"ApplicationJob_{context.job_id}_output.log",
            prologue=() if layer is None else (layer.prologue(),),
            probe=_probe(settings, fill),
            needs_port=settings.needs_port,
            working_directory=settings.working_directory,
        )
        files = [] if layer is None else [layer.file()]
        if settings.uses_token:
            files.append(JobFile(TOKEN_NAME, context.application_token.encode()))
        return Preparation(script, tuple(files))

    def connection(self, application_token: str, job_details: Mapping[str, object]) -> Connection | None:
        if self._first is None or self._first.connection is None:
            return None
        wanted = self._first.connection
        fill = Placeholders({"token": application_token})
        headers = {name: fill(value) for name, value in wanted.headers.items()}
        return Connection(wanted.path, headers)

    def _settings(self, resource_key: str) -> ApplicationEnvironment:
        found = self._environments.get(resource_key)
        return self.details(resource_key, ApplicationEnvironment) if found is None else found

    @staticmethod
    def _layer(settings: ApplicationEnvironment, context: StartContext) -> Layer | None:
        if not settings.packages:
            return None
        if context.environment is None:
            raise ImproperlyConfigured(f"The environment {settings.environment_name} is not ready.")
        return Layer.of(context.place.workspace_directory, context.environment)

    @staticmethod
    def _placeholders(
        settings: ApplicationEnvironment, context: StartContext, layer: Layer | None
    ) -> Placeholders:
        values = {
            "workspace_directory": str(context.place.workspace_directory),
            "token": context.application_token,
            "token_file": f"{{job_directory}}/{TOKEN_NAME}",
            "python": "python3" if layer is None else str(layer.python),
        }
        if layer is not None:
            values["environment"] = str(layer.environment.directory)
        return Placeholders(values, complete_parameters(settings.parameters, context.job_details))


def _probe(settings: ApplicationEnvironment, fill: Placeholders) -> Probe | None:
    wanted = settings.probe
    if wanted is None:
        return None
    headers = {name: fill(value) for name, value in wanted.headers.items()}
    return Probe(fill(wanted.path), headers, wanted.expect_status, wanted.timeout_seconds)
