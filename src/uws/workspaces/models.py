"""Workspaces: directories of their own for people, with files, links to data, and jobs."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from uws.accounts.models import User
from uws.workspaces.states import WorkspaceState


class Workspace(models.Model):
    """One workspace. Its directory is `<storage's root>/<path>`; `path` is set before anything is made."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="workspaces")
    name = models.CharField(max_length=64)
    description = models.TextField(default="")
    storage = models.CharField(max_length=128)
    path = models.CharField(max_length=255, default="")
    status = models.CharField(
        max_length=16,
        choices=[(s.value, s.value) for s in WorkspaceState],
        default=WorkspaceState.INITIALIZING,
    )
    awaits_acceptance = models.BooleanField(default=False)
    """A shared copy that its recipient has not accepted: theirs, but not yet among their workspaces."""
    status_message = models.TextField(default="")
    default_job_type = models.CharField(max_length=128, null=True)
    disk_space_bytes = models.BigIntegerField(default=0)
    request_details = models.JSONField(default=dict)
    files = models.JSONField(default=list)
    links = models.JSONField(default=list)
    listing_truncated = models.BooleanField(default=False)
    request_reference = models.CharField(max_length=16, default="", db_index=True)
    """What names the repeatable request that made it, empty for an ordinary one; found again after a crash."""
    created = models.DateTimeField(default=timezone.now)
    last_modified = models.DateTimeField(null=True)
    last_job_launch = models.DateTimeField(null=True)
    scanned = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=64, default="")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-id"], name="workspace_owner"),
            models.Index(
                fields=["status"],
                name="workspace_unfinished",
                condition=models.Q(status__in=["initializing", "deleting"]),
            ),
        ]

    def __str__(self) -> str:
        return f"workspace {self.pk}"
