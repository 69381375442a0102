"""The contract of a job type.

A job type turns "start this in my workspace" into a `JobScript`: a command as a list, an environment, a probe.
It knows nothing of resources, and starts nothing itself. Sub-class `JobType`, declare `Settings` and
`EnvironmentSettings`, and name the class in `config.json` under `available_job_types`; or use `ApplicationJob`,
which runs any web application or batch script from JSON alone. `uws.testing.job_types` has a kit of tests.

`prepare` is called in the web processes' slow thread pool or a worker, once for each attempt at a launch; it must
be quick and must not touch the workspace. One instance serves all threads of a process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel

from uws.accounts.person import Person
from uws.config.deployment import Deployment
from uws.config.models import JobTypeEntry
from uws.jobs.resources.base import JobFile, JobPlace, JobScript, ResourceOptions

Details = TypeVar("Details", bound=BaseModel)


class JobTypeProblem(Exception):
    """Base of what a job type may raise; `message` may be shown to the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class JobDetailsRefused(JobTypeProblem):
    """The request's `job_details` do not fit this job type: names the field, the value, what was expected. 400.

    `pointer` leads to the field inside `job_details` (a JSON Pointer, RFC 6901), empty for the whole.
    """

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


class ImproperlyConfigured(JobTypeProblem):
    """The entry in `config.json` cannot work on this resource. Answered with the contract's 400."""


@dataclass(frozen=True)
class EnvironmentRequest:
    """A shared, locked Python environment that must be ready before the job can start.

    Equal requests share one environment on disk. `packages` are requirement strings (PEP 508), `python` a
    version such as `3.11` or None for the server's choice. A request with no packages needs no building.
    """

    name: str
    packages: tuple[str, ...]
    python: str | None = None


@dataclass(frozen=True)
class ReadyEnvironment:
    """An environment that has been built: shared by all, read-only. `lock_hash` names its exact contents."""

    directory: Path
    python: Path
    site_packages: Path
    lock_hash: str


@dataclass(frozen=True)
class Connection:
    """How a browser reaches the job's application once it answers.

    `path` is where people are sent, such as `/lab`; it ends right before JupyterLab's `/tree`, since portals
    append to it. `headers` are added by the passthrough to every request (`{"Authorization": "token …"}`),
    never shown to anybody.
    """

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StartContext:
    """What a job type may know of one start."""

    job_id: int
    launch_key: str
    person: Person
    place: JobPlace
    options: ResourceOptions
    job_details: Mapping[str, object]
    """The request's own `job_details`, already checked by `check_details`."""
    environment: ReadyEnvironment | None
    application_token: str
    """40 hex digits, secret to this job and its passthrough: the application's own access token."""


@dataclass(frozen=True)
class Preparation:
    """A start, prepared: the script, the files that go into the job's directory."""

    script: JobScript
    files: Sequence[JobFile] = ()


class JobType(ABC):
    """One kind of job. Built once a process, from a validated entry of `config.json`."""

    Settings: ClassVar[type[JobTypeEntry]] = JobTypeEntry
    EnvironmentSettings: ClassVar[type[BaseModel]]
    """The model of one resource's object in `environment_details`."""

    def __init__(self, key: str, settings: JobTypeEntry, deployment: Deployment) -> None:
        """Keep the arguments. Must not call out or raise. `key` is what users name the type by."""
        self.key = key
        self.settings = settings
        self.deployment = deployment

    def details(self, resource_key: str, model: type[Details]) -> Details:
        """Return the entry's `environment_details` for one resource. For sub-classes.

        Raises `ImproperlyConfigured` where there are none.
        """
        found = self.settings.environment(resource_key, model)
        if found is None:
            raise ImproperlyConfigured(
                f"available_job_types.{self.key}.environment_details has nothing for the resource {resource_key!r}; "
                f"found: {', '.join(sorted(self.settings.environment_details)) or 'nothing'}."
            )
        return found

    @property
    def is_web_application(self) -> bool:
        """True where the job has a page to open; False for batch scripts."""
        return False

    def parameters_schema(self) -> Mapping[str, object] | None:
        """Return a JSON Schema (2020-12, an object's) of `job_details`, for forms and checks, or None."""
        return None

    def check_details(self, job_details: Mapping[str, object]) -> None:  # noqa: B027 - most types take anything
        """Refuse a request's `job_details` that cannot work, before anything is written.

        Raises `JobDetailsRefused`. Keys that the type does not know are no mistake (contract §3.4).
        """

    def environment(self, resource_key: str) -> EnvironmentRequest | None:
        """Return the shared environment this job needs on that resource, or None.

        Raises `ImproperlyConfigured` where `environment_details` has nothing for the resource.
        """
        return None

    @abstractmethod
    def prepare(self, resource_key: str, context: StartContext) -> Preparation:
        """Return what to run. Raises `ImproperlyConfigured` and `JobDetailsRefused`."""

    def connection(self, application_token: str, job_details: Mapping[str, object]) -> Connection | None:
        """Return how the running application is reached, or None for batch jobs. Pure; called on every read."""
        return None

    def open_path(self, job_details: Mapping[str, object]) -> str | None:
        """Return where the console's Open leads instead of `Connection.path`, such as to a chosen notebook. Pure."""
        return None
