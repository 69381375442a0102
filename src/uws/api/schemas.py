"""The API's bodies as models, for its description only.

Requests are checked by the services, in the contract's order of checks; answers go out as the services give them.
"""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema
from pydantic import Field

Details = dict[str, Any]


class FieldProblem(Schema):
    """One mistake in a request."""

    pointer: str = Field(description="JSON Pointer (RFC 6901) into the body, or ? and the query parameter.")
    found: str = Field(description="What was sent.")
    expected: str = Field(description="What was expected.")


class Problem(Schema):
    """A refusal: the contract's two members, and those of RFC 9457."""

    success: Literal[False] = Field(description="Always false.")
    message: str = Field(description="What is wrong, for people.")
    type: str = Field(
        description="Kind of the problem (RFC 9457): an address on this server that explains it; never changes."
    )
    title: str = Field(description="The kind in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="The same as `message`.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[FieldProblem] = Field(default=[], description="The mistakes one by one, where known.")


class Done(Schema):
    """A success without data."""

    success: Literal[True] = Field(description="Always true.")
    message: str = Field(description="What was done.")


class FileName(Schema):
    """One file or link of a workspace."""

    name: str = Field(description="Path within the workspace, from `/`.")


class CurrentWorkspaceDetails(Schema):
    """What the workspace holds, without hidden files, as of the last scan."""

    files: list[FileName] = Field(description="Its files.")
    symlinks: list[FileName] = Field(description="Its links.")


class RequestWorkspaceDetails(Schema):
    """What the workspace was created with."""

    files: list[FileName] = Field(description="The files; their contents are not kept.")
    symlinks: list[Details] = Field(description="The links as they were sent, with the sources looked up.")


class WorkspaceDetails(Schema):
    """What a workspace was created with, and what it holds now."""

    request_workspace_details: RequestWorkspaceDetails = Field(description="As created.")
    current_workspace_details: CurrentWorkspaceDetails = Field(description="As it is now.")


class Workspace(Schema):
    """A directory on the server, with its record."""

    id: int = Field(description="Its number.")
    name: str = Field(description="Its name; need not be unique.")
    description: str = Field(description="A text about it; may be empty.")
    disk_space: int = Field(description="Bytes of everything in it, hidden files too; links not followed.")
    datetime_created: str = Field(description="UTC, ISO 8601, `Z`.")
    datetime_last_modified: str | None = Field(description="UTC, ISO 8601, `Z`; null before any change.")
    datetime_last_job_launch: str | None = Field(description="UTC, ISO 8601, `Z`; null before any job.")
    workspace_details: WorkspaceDetails = Field(description="Its files and links.")
    status: Literal["initializing", "idle", "active", "deleting", "error"] = Field(description="Its state.")
    default_job_type: str | None = Field(description="Job type of a start that names none.")


class NewFile(Schema):
    """A file to write."""

    name: str = Field(description="Relative path; directories are made, an existing file is replaced.")
    content: str = Field(default="", description="Its text.")


class NewLink(Schema):
    """A link to data that the server offers."""

    name: str = Field(description="Relative path of the link.")
    source_path: str = Field(description="Absolute path on the server, in one of the offered collections.")


class NewWorkspaceDetails(Schema):
    """Files and links to make."""

    files: list[NewFile] = Field(default=[], description="Files to write.")
    symlinks: list[NewLink] = Field(default=[], description="Links to make.")


class NewWorkspace(Schema):
    """A workspace to create."""

    name: str = Field(max_length=64, description="Its name.")
    description: str = Field(description="A text about it; may be empty.")
    default_job_type: str | None = Field(default=None, description="A key of `/job_types/`.")
    workspace_details: NewWorkspaceDetails = Field(
        default=NewWorkspaceDetails(), description="What to make in it."
    )


class WorkspaceChange(Schema):
    """What to change of a workspace. Files and links are added or replaced, never removed."""

    name: str = Field(default="", max_length=64, description="Its new name.")
    description: str = Field(default="", description="Its new description.")
    default_job_type: str | None = Field(default=None, description="A key of `/job_types/`.")
    workspace_details: NewWorkspaceDetails = Field(
        default=NewWorkspaceDetails(), description="What to make in it."
    )


class JobStart(Schema):
    """A job to start."""

    job_type: str | None = Field(
        default=None, description="A key of `/job_types/`; needed unless the workspace has a default."
    )
    job_details: Details = Field(default={}, description="Parameters of the job type.")
    resource_options: Details = Field(
        default={}, description="Options by the names that `/parameters/` tells."
    )


class JobMetrics(Schema):
    """How long the job's beginning took. Members are missing until they are known."""

    time_pending: float = Field(
        default=0, description="From its creation until it was seen running, seconds."
    )
    time_init: float = Field(default=0, description="From its start until its application answered, seconds.")


class ProxyDetails(Schema):
    """Where the application listens, as seen by the server."""

    hostname: str = Field(description="The machine it runs on.")
    port: str = Field(description="Its port; a string.")
    path: str = Field(description="Its own first page.")


class ConnectionDetails(Schema):
    """Where the application is opened: `url_domain` and `url_path`, put together as they are."""

    url_path: str = Field(description="Path and query; while the job runs with a ticket for who asks.")
    url_domain: str = Field(description="The job's own origin.")


class CurrentJobDetails(Schema):
    """What is known of the job now. Members are missing where they do not apply."""

    message: str = Field(default="", description="A sentence for people: what it waits for, or how it ended.")
    step: str = Field(default="", description="How far it is, finer than its state.")
    reason: str = Field(
        default="", description="Why it ended, as a word: `success`, `timeout`, `cancelled` …"
    )
    exit_code: int = Field(default=0, description="Exit code of its command.")
    signal: int = Field(default=0, description="Number of the signal that ended it.")
    cpu_seconds: float = Field(default=0, description="Processor time used so far, seconds.")
    peak_memory_bytes: int = Field(default=0, description="Most memory used at once, bytes.")
    ignored_options: list[str] = Field(default=[], description="Resource options that no parameter knows.")
    time_left: float = Field(
        default=0,
        description="Seconds until its time limit, as of the last full quarter of a minute; while it runs.",
    )
    proxy_details: ProxyDetails | None = Field(
        default=None, description="Where it listens; once it has answered."
    )
    connection_details: ConnectionDetails | None = Field(
        default=None, description="Where it is opened; once it has answered."
    )


class JobSocketMessage(Schema):
    """A message of a job's WebSocket."""

    status: Literal["pending", "running", "stopping", "complete", "failed"] = Field(
        description="The job's state."
    )
    current_job_details: CurrentJobDetails = Field(description="What is known of it now.")


class JobDetails(Schema):
    """What is known of a job."""

    metrics: JobMetrics = Field(description="How long its beginning took.")
    request_job_details: Details = Field(
        description="`job_details` as sent, and `resource_options` as accepted."
    )
    current_job_details: CurrentJobDetails = Field(description="What is known of it now.")


class Job(Schema):
    """One run of a job type in a workspace."""

    id: int = Field(description="Its number.")
    workspace_id: int = Field(description="The workspace it runs in.")
    resource_job_id: int = Field(description="Its number on the resource; -1 before it is launched.")
    job_type: str = Field(description="A key of `/job_types/`.")
    status: Literal["pending", "running", "stopping", "complete", "failed"] = Field(description="Its state.")
    datetime_created: str = Field(description="UTC, ISO 8601, `Z`.")
    datetime_start: str | None = Field(description="UTC, ISO 8601, `Z`; null before it runs.")
    datetime_end: str | None = Field(description="UTC, ISO 8601, `Z`; null before it ends.")
    core_hours: str | int = Field(
        description="Core-hours with five decimals; the number 0 where just started."
    )
    job_details: JobDetails = Field(description="What is known of it.")


class WorkspaceList(Schema):
    """Under `data` of a read."""

    workspaces: list[Workspace] = Field(description="Newest first; empty where none is found.")


class WorkspaceListAnswer(Done):
    """Workspaces."""

    data: WorkspaceList = Field(description="What was found.")


class OneWorkspace(Schema):
    """Under `data` of a creation."""

    workspace: Workspace = Field(description="The new workspace.")


class WorkspaceAnswer(Done):
    """The workspace that was made."""

    data: OneWorkspace = Field(description="What was made.")


class JobList(Schema):
    """Under `data` of a read."""

    jobs: list[Job] = Field(description="Newest first; empty where none is found.")


class JobListAnswer(Done):
    """Jobs."""

    data: JobList = Field(description="What was found.")


class OneJob(Schema):
    """Under `data` of a start."""

    job: Job = Field(description="The new job.")


class JobAnswer(Done):
    """The job that was started."""

    data: OneJob = Field(description="What was started.")


class LogPiece(Schema):
    """A piece of a job's log, at most 256 KiB. Offsets and the size are in bytes."""

    text: str = Field(description="The piece as UTF-8; what is none is replaced by U+FFFD.")
    offset: int = Field(description="Where it begins in the log.")
    next_offset: int = Field(description="Where the next one begins.")
    size: int = Field(description="Size of the log as it is now.")
    is_complete: bool = Field(description="Whether the job has ended and nothing follows this piece.")


class OneLogPiece(Schema):
    """Under `data`."""

    log: LogPiece = Field(description="The piece that was asked for.")


class JobLogAnswer(Done):
    """A piece of a job's log."""

    data: OneLogPiece = Field(description="What was found.")


class JobTypeName(Schema):
    """A job type."""

    id: str = Field(description="Its key, as a start names it.")
    name: str = Field(description="Its name for people.")


class JobTypeTable(Schema):
    """Under `data`: an object, not a list."""

    job_types: dict[str, JobTypeName] = Field(description="Job types by key.")


class JobTypeAnswer(Done):
    """The configured job types."""

    data: JobTypeTable = Field(description="What is offered.")


class ParameterRule(Schema):
    """What a value must be."""

    type: Literal["int", "bool", "str", "float"] = Field(description="Its type; nothing is converted.")
    min: float | None = Field(default=None, description="Smallest value allowed.")
    max: float | None = Field(default=None, description="Largest value allowed.")
    required: bool = Field(default=False, description="Whether every start must name a value.")


class ParameterEntry(Schema):
    """One option of a start."""

    display_name: str = Field(description="Its name in forms.")
    description: str = Field(default="", description="One sentence about it.")
    variable_name: str = Field(description="Its key in `resource_options`.")
    default_value: bool | int | float | str | None = Field(default=None, description="Where forms begin.")
    validation: ParameterRule = Field(description="What is checked of its value.")


class ParameterList(Schema):
    """Under `data`."""

    parameters: list[ParameterEntry] = Field(description="In the order of the configuration.")


class ParameterAnswer(Done):
    """The configured parameters."""

    data: ParameterList = Field(description="What can be set.")


class UserEntry(Schema):
    """Somebody to share with."""

    id: int = Field(description="Their number.")
    first_name: str = Field(description="First name.")
    last_name: str = Field(description="Last name.")
    username: str = Field(description="Their user name.")
    email: str = Field(description="Their e-mail address.")


class UserList(Schema):
    """Under `data`."""

    users: list[UserEntry] = Field(description="Empty where none is found.")


class UserAnswer(Done):
    """People, without the one who asks."""

    data: UserList = Field(description="Who was found.")


class UserInfo(Schema):
    """Who a portal vouches for."""

    username: str = Field(description="Their user name at the portal.")
    email: str = Field(description="Their e-mail address.")
    first_name: str = Field(default="", description="First name.")
    last_name: str = Field(default="", description="Last name.")


class TokenRequest(Schema):
    """What local accounts take. Other authentication methods have members of their own."""

    client_token: str = Field(description="The portal's own token, made by the operator.")
    user_info: UserInfo = Field(description="Whose token is wanted.")


class TokenAnswer(Done):
    """The user's token, the same each time."""

    token: str = Field(description="40 hexadecimal digits.")
