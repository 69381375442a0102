"""The one place where a workspace changes its state: compare-and-set on the row, with an event beside it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from uws.events import log
from uws.workspaces.models import Workspace
from uws.workspaces.states import TRANSITIONS, WorkspaceState


def transition(
    workspace_id: int,
    old: WorkspaceState,
    new: WorkspaceState,
    *,
    actor: str,
    message: str = "",
    **values: Any,
) -> bool:
    """Move a workspace from `old` to `new`; False where it is not in `old` (any more).

    `values` are further columns of the same update. Raises ValueError for a transition that is not in the table.
    """
    if (old, new) not in TRANSITIONS:
        raise ValueError(f"a workspace never goes from {old} to {new}")
    with transaction.atomic():
        changed = Workspace.objects.filter(pk=workspace_id, status=old).update(
            status=new, status_message=message, **values
        )
        if not changed:
            return False
        record(workspace_id, f"workspace.{new}", actor=actor, message=message)
    return True


def record(workspace_id: int, kind: str, *, actor: str, message: str = "") -> None:
    """Append an event about a workspace, in the caller's transaction."""
    row = Workspace.objects.filter(pk=workspace_id).values("owner_id", "name").first()
    if row is None:
        return
    payload = {"name": row["name"]} | ({"message": message} if message else {})
    log.append(kind, f"workspaces/{workspace_id}", owner_id=row["owner_id"], actor=actor, payload=payload)
