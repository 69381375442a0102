"""Shares as the wire shows them (contract §7): by their copy's id; never the share's own id, nor a user's."""

from __future__ import annotations

from datetime import UTC

from uws.accounts.models import User
from uws.sharing.models import Share
from uws.workspaces.models import Workspace

RELATED = ("original__owner", "copy__owner")
"""What a query for `as_wire` loads with each share."""


def as_wire(share: Share) -> dict[str, object]:
    """Return the contract's mapping object. The options have the names that the job's caller used."""
    created = share.created.astimezone(UTC)
    return {
        "original_workspace_id": None if share.original is None else _workspace(share.original),
        "shared_workspace_id": _workspace(share.copy),
        "last_resource_options": share.last_resource_options,
        "last_job_type": share.last_job_type,
        "is_accepted": share.is_accepted,
        "datetime_share_created": created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _workspace(row: Workspace) -> dict[str, object]:
    return {
        "id": row.pk,
        "name": row.name,
        "description": row.description,
        "workspace_details": {
            "request_workspace_details": row.request_details,
            "current_workspace_details": {
                "files": [{"name": name} for name in row.files],
                "symlinks": [{"name": name} for name in row.links],
            },
        },
        "user_id": _person(row.owner),
    }


def _person(user: User) -> dict[str, object]:
    return {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
    }
