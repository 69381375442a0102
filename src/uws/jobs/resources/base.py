"""The contract of a compute resource.

A resource starts jobs, tells what became of them, and stops them. It keeps no state of its own that matters:
UWS's database is the record, the machine or cluster below is the truth, and the *launch key* ties them together.
Sub-class `Resource`, declare `Settings`, and name the class in `config.json` under `available_resources`.
`uws.testing.resources` has a kit of tests that every implementation should pass.

**Exactly one launch.** `launch` may be cut off at any instruction: its process killed, its answer lost. The
server then calls `find` with the same key before anything else, and launches again only where `find` says the
job is not there and `launch_timeout_seconds` have passed since the attempt began. So a resource must be able to
find a job by its launch key from the moment the job may run, and `launch` must not start a job after
`launch_timeout_seconds`.

**Every state has an answer.** `observe` returns one `Observation` for each job it is asked about. What cannot be
known now is `UNKNOWN`, never an end: a job ends in the record only when the resource says that it has ended.

Where the methods are called: `launch`, `stop` and `find` in the web processes' slow thread pool, the workers and
the reconciler; `observe` and `health` in the reconciler alone, one call at a time. No database transaction is
open. The server's own Unix account makes the calls; work on files and processes is done as the job's owner
through `deployment.agents`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal

from uws.accounts.authentication.base import AuthenticationMethod
from uws.agent.identity import Identity
from uws.config.deployment import Deployment
from uws.config.health import Health
from uws.config.models import ResourceEntry
from uws.workspaces.storage.base import StorageMethod


class ResourceProblem(Exception):
    """Base of everything a resource may raise; `message` is in the resource's own words where it has any."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class LaunchRefused(ResourceProblem):
    """The resource said no: the job was not started and will not be. The job fails with this message."""


class ResourceUnreachable(ResourceProblem):
    """The resource did not answer: whether the job was started is not known. It will be looked up."""


@dataclass(frozen=True)
class ResourceOptions:
    """What a job asks for, checked against the configured parameters and completed with defaults."""

    cpu_count: int = 1
    memory_bytes: int | None = None
    time_limit_seconds: int = 4 * 3600
    gpu_enabled: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)
    """Other accepted options, already renamed by the entry's `parameter_mapping`."""


@dataclass(frozen=True)
class Probe:
    """How to see that a web application answers: `GET path` on its port with these headers."""

    path: str
    headers: Mapping[str, str]
    expect_status: tuple[int, ...] = (200,)
    timeout_seconds: float = 120.0


@dataclass(frozen=True)
class JobScript:
    """What runs: built by a job type, free of any resource's dialect.

    In `command`, `prologue`, `environment` and the probe's path, `{port}`, `{host}` and `{job_directory}` are
    replaced on the node. `prologue` are commands that must succeed first, in order. `output` is a file name in
    the job's directory. `working_directory` says which of the two the commands start in.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    output: str
    prologue: Sequence[Sequence[str]] = ()
    probe: Probe | None = None
    needs_port: bool = False
    working_directory: Literal["workspace", "job"] = "workspace"


@dataclass(frozen=True)
class JobFile:
    """A small file to lie in the job's directory before the start. `name` is a relative path."""

    name: str
    content: bytes
    mode: int = 0o600


@dataclass(frozen=True)
class JobPlace:
    """Where a job lives: its workspace and its own hidden directory in it, and as whom it runs."""

    identity: Identity
    storage_root: Path
    workspace_path: str
    """Relative to `storage_root`, such as `ada/12`."""
    job_path: str
    """Relative to the workspace, such as `.7`."""

    @property
    def workspace_directory(self) -> Path:
        return self.storage_root / self.workspace_path

    @property
    def job_directory(self) -> Path:
        return self.workspace_directory / self.job_path


@dataclass(frozen=True)
class Launch:
    """One launch to be made. `key` is unique to the job and its attempt, `[a-z0-9-]`, at most 60 characters."""

    key: str
    job_id: int
    job_name: str
    """For people: the workspace's name and the job's number, any characters."""
    place: JobPlace
    script: JobScript
    files: Sequence[JobFile]
    options: ResourceOptions


@dataclass(frozen=True)
class JobHandle:
    """How the server names a job to its resource.

    `resource_job_id` is the resource's own number (a Slurm id, the shepherd's pid), `state` whatever JSON
    object the resource returned in `Launched` and wants to see again.
    """

    key: str
    job_id: int
    place: JobPlace
    resource_job_id: int
    state: Mapping[str, object]


@dataclass(frozen=True)
class Launched:
    """A job that the resource has taken on."""

    resource_job_id: int
    state: Mapping[str, object]


class ObservedState(StrEnum):
    """What a resource can say of a job. A closed set: anything else is `UNKNOWN`."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


class EndReason(StrEnum):
    """Why a job ended, beside the wire's `complete` and `failed`. A closed set, shown in `job_details`."""

    SUCCESS = "success"
    FAILED = "failed"
    SIGNALLED = "signalled"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CANCELLED = "cancelled"
    NODE_FAIL = "node_fail"
    PREEMPTED = "preempted"
    COMMAND_NOT_FOUND = "command_not_found"
    PROLOGUE_FAILED = "prologue_failed"
    PORT_NEVER_ANSWERED = "port_never_answered"
    LAUNCH_FAILED = "launch_failed"
    ENVIRONMENT_FAILED = "environment_failed"
    LOST = "lost"


@dataclass(frozen=True)
class Usage:
    """What a job has used so far, or in all. None where the resource cannot tell."""

    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True)
class Observation:
    """What the resource says of one job, now. Times are seconds since the epoch, UTC."""

    state: ObservedState
    reason: EndReason | None = None
    """Only with `ENDED`."""
    message: str | None = None
    """One plain sentence: why it waits, why it ended; the resource's own words where it has any."""
    started_at: float | None = None
    ended_at: float | None = None
    host: str | None = None
    """The host name or address on which the job's port can be reached from the server."""
    port: int | None = None
    ready_at: float | None = None
    """When the application first answered its probe, as its node saw it: a hint, checked by the server."""
    exit_code: int | None = None
    signal: int | None = None
    usage: Usage = Usage()
    time_left_seconds: float | None = None
    allocated_cpus: int | None = None


class Resource(ABC):
    """One place where jobs run. Built once a process, from a validated entry of `config.json`."""

    Settings: ClassVar[type[ResourceEntry]] = ResourceEntry

    launch_timeout_seconds: ClassVar[float] = 30.0
    """After this long without an answer, a launch that was begun can no longer start the job."""

    def __init__(
        self,
        key: str,
        settings: ResourceEntry,
        storage: StorageMethod,
        authentication: AuthenticationMethod,
        deployment: Deployment,
    ) -> None:
        """Keep the arguments. Must not call out or raise."""
        self.key = key
        self.settings = settings
        self.storage = storage
        self.authentication = authentication
        self.deployment = deployment

    @abstractmethod
    def launch(self, launch: Launch) -> Launched:
        """Start the job and return as soon as the resource has it; must be quick (the request waits).

        The job's directory does not exist yet and is made here, with `launch.files` in it. The command must
        run under `uws.jobs.shepherd`. Raises `LaunchRefused` (nothing runs) and `ResourceUnreachable` (it is
        not known). Never called twice for one key by a server that is well; but see `find`.
        """

    @abstractmethod
    def find(self, key: str, place: JobPlace) -> Launched | None:
        """Look a launch key up: the job it started, also one that has ended already, or None.

        Called after a launch whose answer was lost. Raises `ResourceUnreachable`.
        """

    @abstractmethod
    def observe(self, jobs: Sequence[JobHandle]) -> Mapping[str, Observation]:
        """Say how these jobs are, by launch key, with a number of calls that does not grow with the jobs.

        Raises `ResourceUnreachable` where nothing can be said of any of them: no state changes then.
        """

    @abstractmethod
    def stop(self, job: JobHandle, grace_seconds: float) -> None:
        """Ask the job to end: TERM, then KILL after the grace period, to its whole process tree.

        Returns once the request is made; the end is seen by `observe`. May be repeated; a job that has ended
        is no error. Raises `ResourceUnreachable`.
        """

    def adopt(self, resource_job_id: int, place: JobPlace) -> Launched | None:
        """Take on a job that another server launched, by the resource's own number; None where it can't be found.

        Called by the reconciler now and then for imported jobs that are pending or running in the record, until
        it answers; from then on they are like any other. `place` is where the job lives. A resource whose numbers
        are given out again, as process numbers are, must answer None. Raises `ResourceUnreachable`.
        """
        return None

    def end_descriptor(self, job: JobHandle) -> int | None:
        """Return a new descriptor that becomes readable when the job ends (a pidfd), or None.

        The caller closes it. Lets the reconciler see local ends at once without polling.
        """
        return None

    @abstractmethod
    def health(self) -> Health:
        """Say whether the resource answers. Called by the reconciler, never in a request."""
