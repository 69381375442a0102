"""The bodies about shared workspaces as models, for the API's description only."""

from __future__ import annotations

from ninja import Schema
from pydantic import Field

from uws.api.schemas import Details, Done, WorkspaceDetails


class SharingPerson(Schema):
    """The owner of one side of a share; without a number."""

    username: str = Field(description="Their user name.")
    first_name: str = Field(description="First name.")
    last_name: str = Field(description="Last name.")
    email: str = Field(description="Their e-mail address.")


class SharedWorkspaceSide(Schema):
    """A workspace as a share shows it: the original, or the copy."""

    id: int = Field(description="Its number. The copy's is the one that all paths of a share take.")
    name: str = Field(description="Its name.")
    description: str = Field(description="A text about it; may be empty.")
    workspace_details: WorkspaceDetails = Field(description="Its files and links.")
    user_id: SharingPerson = Field(description="Its owner: a person, in spite of the field's name.")


class SharedWorkspace(Schema):
    """One workspace shared with one person."""

    original_workspace_id: SharedWorkspaceSide | None = Field(
        description="What was shared; null once it is deleted."
    )
    shared_workspace_id: SharedWorkspaceSide = Field(description="The recipient's copy.")
    last_resource_options: Details = Field(
        description="Options of the original's newest job, by the names that `/parameters/` tells."
    )
    last_job_type: str = Field(description="Job type of the original's newest job; empty if there was none.")
    is_accepted: bool = Field(description="Whether the copy is among its recipient's workspaces.")
    datetime_share_created: str = Field(description="UTC, ISO 8601, microseconds, `Z`.")


class NewShare(Schema):
    """A workspace to share, and with whom."""

    original_workspace_id: int | str = Field(description="One of the caller's own workspaces.")
    shared_user_ids: list[int] = Field(description="Numbers that `/users/` tells, or one's own; each once.")


class SharedWorkspaceSides(Schema):
    """Under `data` of a read."""

    original_workspaces: list[SharedWorkspace] = Field(description="Sent by the caller, newest first.")
    shared_workspaces: list[SharedWorkspace] = Field(description="Received by the caller, newest first.")


class SharedWorkspaceListAnswer(Done):
    """Shares."""

    data: SharedWorkspaceSides = Field(description="What was found.")


class NewSharedWorkspaces(Schema):
    """Under `data` of a creation."""

    shared_workspaces: list[SharedWorkspace] = Field(description="One for each recipient, in their order.")


class SharedWorkspaceAnswer(Done):
    """The shares that were made; their copies are being made."""

    data: NewSharedWorkspaces = Field(description="What was made.")
