"""What the server tells of, as frozen records. Each keeps the server's own object in `raw`, for what is not named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from uws.client import reading
from uws.client.reading import Raw

FINAL_STATES = ("complete", "failed")


@dataclass(frozen=True)
class Workspace:
    """A workspace: a directory with its files, links and jobs. Times are aware, in UTC."""

    id: int
    name: str
    description: str
    status: str
    """`initializing`, `idle`, `active` (a job is live), `deleting` or `error`."""
    disk_space_bytes: int
    default_job_type: str | None
    files: tuple[str, ...]
    """Paths within the workspace, each beginning with `/`, as of the last scan."""
    links: tuple[str, ...]
    created: datetime | None
    last_modified: datetime | None
    last_job_launch: datetime | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_wire(cls, raw: Raw) -> Workspace:
        """Read the contract's workspace object. Raises `NotUnderstood`."""
        current = reading.mapping(reading.mapping(raw, "workspace_details"), "current_workspace_details")
        return cls(
            id=reading.whole_number(raw, "id"),
            name=reading.text(raw, "name"),
            description=reading.text(raw, "description"),
            status=reading.text(raw, "status"),
            disk_space_bytes=reading.whole_number(raw, "disk_space"),
            default_job_type=reading.optional_text(raw, "default_job_type") or None,
            files=reading.names(current, "files"),
            links=reading.names(current, "symlinks"),
            created=reading.moment(raw, "datetime_created"),
            last_modified=reading.moment(raw, "datetime_last_modified"),
            last_job_launch=reading.moment(raw, "datetime_last_job_launch"),
            raw=raw,
        )


@dataclass(frozen=True)
class Job:
    """A job: one run of a job type in a workspace. Times are aware, in UTC."""

    id: int
    workspace_id: int
    job_type: str
    state: str
    """`pending`, `running`, `stopping`, `complete` or `failed`; the last two are final."""
    step: str
    """How far it has come, in finer words: `queued`, `environment`, `process`, `ready`, `ended`."""
    message: str
    """A sentence about how it is now, or why it ended; may be empty."""
    reason: str
    """A code for how it ended, such as `timeout` or `out_of_memory`; empty before."""
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    core_hours: float
    time_pending_seconds: float | None
    time_to_ready_seconds: float | None
    time_left_seconds: float | None
    exit_code: int | None
    cpu_seconds: float | None
    peak_memory_bytes: int | None
    ignored_options: tuple[str, ...]
    """Resource options of the start that this server does not know; they had no effect."""
    url_domain: str | None = field(repr=False)
    url_path: str | None = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def has_ended(self) -> bool:
        """True once the job is `complete` or `failed`: it does not change any more."""
        return self.state in FINAL_STATES

    @property
    def is_ready(self) -> bool:
        """True while the job's application answers, so that it can be opened."""
        return self.state == "running" and self.url_domain is not None

    @property
    def url(self) -> str | None:
        """The address of the running application, or None while it does not answer.

        It carries a ticket that opens the job as you, for a few minutes: fetch the job anew rather than keep it.
        """
        return f"{self.url_domain}{self.url_path or ''}" if self.is_ready else None

    @property
    def duration_seconds(self) -> float | None:
        """How long it ran, once it has ended; None for a job that never ran or still does."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()

    @classmethod
    def from_wire(cls, raw: Raw) -> Job:
        """Read the contract's job object. Raises `NotUnderstood`."""
        details = reading.mapping(raw, "job_details")
        current, metrics = (
            reading.mapping(details, "current_job_details"),
            reading.mapping(details, "metrics"),
        )
        connection: Raw = current.get("connection_details") or {}
        state = reading.text(raw, "status")
        return cls(
            id=reading.whole_number(raw, "id"),
            workspace_id=reading.whole_number(raw, "workspace_id"),
            job_type=reading.text(raw, "job_type"),
            state=state,
            step=reading.optional_text(current, "step") or ("queued" if state == "pending" else ""),
            message=reading.optional_text(current, "message") or "",
            reason=reading.optional_text(current, "reason") or "",
            created=reading.moment(raw, "datetime_created"),
            started=reading.moment(raw, "datetime_start"),
            ended=reading.moment(raw, "datetime_end"),
            core_hours=reading.number(raw, "core_hours"),
            time_pending_seconds=reading.optional_number(metrics, "time_pending"),
            time_to_ready_seconds=reading.optional_number(metrics, "time_init"),
            time_left_seconds=reading.optional_number(current, "time_left"),
            exit_code=reading.optional_whole_number(current, "exit_code"),
            cpu_seconds=reading.optional_number(current, "cpu_seconds"),
            peak_memory_bytes=reading.optional_whole_number(current, "peak_memory_bytes"),
            ignored_options=tuple(map(str, current.get("ignored_options") or ())),
            url_domain=reading.optional_text(connection, "url_domain"),
            url_path=reading.optional_text(connection, "url_path"),
            raw=raw,
        )


@dataclass(frozen=True)
class JobLog:
    """A piece of a job's log. Offsets and the size are in bytes."""

    text: str
    offset: int
    next_offset: int
    size_bytes: int
    is_complete: bool
    """True when the job has ended and nothing follows this piece."""

    @classmethod
    def from_wire(cls, raw: Raw) -> JobLog:
        """Read the answer of `GET /jobs/<id>/log/`. Raises `NotUnderstood`."""
        return cls(
            text=reading.text(raw, "text"),
            offset=reading.whole_number(raw, "offset"),
            next_offset=reading.whole_number(raw, "next_offset"),
            size_bytes=reading.whole_number(raw, "size"),
            is_complete=reading.boolean(raw, "is_complete"),
        )


@dataclass(frozen=True)
class JobType:
    """A kind of job that this server runs; `id` is what a start names."""

    id: str
    name: str
    raw: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Parameter:
    """A resource option that a start may give; `variable_name` is its key in `resource_options`."""

    variable_name: str
    display_name: str
    description: str
    default_value: object
    validation: Mapping[str, Any]
    """`type` (`int`, `bool`, `str`, `float`), and where they apply `min`, `max` (inclusive), `required`."""
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_wire(cls, raw: Raw) -> Parameter:
        """Read one entry of `GET /parameters/`. Raises `NotUnderstood`."""
        return cls(
            variable_name=reading.text(raw, "variable_name"),
            display_name=reading.text(raw, "display_name"),
            description=reading.optional_text(raw, "description") or "",
            default_value=raw.get("default_value"),
            validation=raw.get("validation") or {},
            raw=raw,
        )


@dataclass(frozen=True)
class User:
    """Somebody who can be shared with."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_wire(cls, raw: Raw) -> User:
        """Read one entry of `GET /users/`. Raises `NotUnderstood`."""
        texts = {key: reading.text(raw, key) for key in ("username", "first_name", "last_name", "email")}
        return cls(id=reading.whole_number(raw, "id"), **texts, raw=raw)


@dataclass(frozen=True)
class Dependency:
    """One thing that the server depends on, such as a resource, and whether it answered lately."""

    kind: str
    name: str
    is_connected: bool
    message: str


@dataclass(frozen=True)
class Status:
    """The server's version and what it depends on."""

    version: str
    build: str
    dependencies: tuple[Dependency, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_wire(cls, raw: Raw) -> Status:
        """Read the answer of `GET /status/`. Raises `NotUnderstood`."""
        dependencies = []
        for kind, value in reading.mapping(raw, "dependencies").items():
            named = {kind: value} if "message" in value else value
            for name, health in named.items():
                # The original says `status` for some methods and `connected` for others (contract §8).
                connected = bool(health.get("connected", health.get("status", False)))
                dependencies.append(Dependency(kind, name, connected, str(health.get("message", ""))))
        return cls(reading.text(raw, "version"), reading.text(raw, "build"), tuple(dependencies), raw)
