"""The event log: one append-only table that history, live updates and audit read."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Event(models.Model):
    """Something that happened, written in the transaction that made it happen.

    `position` orders the log for readers. It is given after the commit (see `uws.events.log`), because the order of
    `id` is the order of *starting* to write, not of becoming visible. Names are kept by value, so that deleting a
    user, workspace or job erases no history.
    """

    position = models.BigIntegerField(null=True, unique=True)
    time = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=64)
    subject = models.CharField(max_length=128)
    owner_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150)
    payload = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="event_unnumbered", condition=models.Q(position__isnull=True)),
            models.Index(fields=["subject", "position"], name="event_subject"),
            models.Index(fields=["owner_id", "position"], name="event_owner"),
            models.Index(fields=["time"], name="event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
