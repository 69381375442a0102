"""Workspaces as the wire shows them (contract §3), straight from columns: lists are the hot path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uws.times import wire_time

COLUMNS = (
    "id",
    "name",
    "description",
    "disk_space_bytes",
    "created",
    "last_modified",
    "last_job_launch",
    "request_details",
    "files",
    "links",
    "status",
    "default_job_type",
)


def as_wire(row: Mapping[str, Any]) -> dict[str, object]:
    """Turn one row of `.values(*COLUMNS)` into the contract's object. Never `file_path`, never the owner."""
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "disk_space": row["disk_space_bytes"],
        "datetime_created": wire_time(row["created"]),
        "datetime_last_modified": wire_time(row["last_modified"]),
        "datetime_last_job_launch": wire_time(row["last_job_launch"]),
        "workspace_details": {
            "request_workspace_details": row["request_details"],
            "current_workspace_details": {
                "files": [{"name": name} for name in row["files"]],
                "symlinks": [{"name": name} for name in row["links"]],
            },
        },
        "status": row["status"],
        "default_job_type": row["default_job_type"],
    }
