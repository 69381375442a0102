"""Shares: a workspace's copy that one person has made for another."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from uws.accounts.models import User
from uws.workspaces.models import Workspace


class Share(models.Model):
    """One workspace shared with one person. On the wire it is known by the id of its copy.

    The copy belongs to the recipient from the start; `Workspace.awaits_acceptance` hides it until it is accepted.
    The share goes with its copy, and outlives its original.
    """

    original = models.ForeignKey(Workspace, on_delete=models.SET_NULL, null=True, related_name="shares")
    copy = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="share")
    sender = models.ForeignKey(User, on_delete=models.PROTECT, related_name="shares_sent")
    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="shares_received")
    last_job_type = models.CharField(max_length=128, default="")
    last_resource_options = models.JSONField(default=dict)
    """Options of the original's newest job, under the names that its caller used."""
    is_accepted = models.BooleanField(default=False)
    created = models.DateTimeField(default=timezone.now)

    copy_due = models.DateTimeField(default=timezone.now)
    """From when on the sweep queues the copy again, while nobody works on it."""
    copy_attempts = models.PositiveIntegerField(default=0)
    copied_files = models.PositiveBigIntegerField(default=0)
    copied_bytes = models.PositiveBigIntegerField(default=0)
    expected_bytes = models.PositiveBigIntegerField(default=0)
    """The original's size when it was shared: at least what is copied, since hidden files stay."""

    mail_due = models.DateTimeField(null=True)
    """From when on the recipient's mail is (again) to be sent; None where there is nothing to send."""
    mail_attempts = models.PositiveIntegerField(default=0)
    mailed = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=64, default="")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["mail_due"], name="share_mail_due", condition=models.Q(mail_due__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"share of workspace {self.copy_id}"
