"""What background processes leave in the database for the others: named leases, and how plugins are."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class NamedLease(models.Model):
    """Who does a job that only one process may do at a time, such as reconciling one resource."""

    name = models.CharField(max_length=160, unique=True)
    lease_holder = models.CharField(max_length=64, default="")
    lease_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class PluginHealth(models.Model):
    """The last answer of one plugin's `health()`. Written by the reconciler, read by `/status/` and the console."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=128)
    connected = models.BooleanField()
    message = models.TextField()
    latency_ms = models.FloatField()
    checked = models.DateTimeField(default=timezone.now)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="health_one_a_plugin")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class IdempotentRequest(models.Model):
    """A request with an `Idempotency-Key`: who does it, and what was answered (see `uws.background.idempotency`)."""

    owner_id = models.BigIntegerField()
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    claim = models.CharField(max_length=32)
    lease_holder = models.CharField(max_length=64, default="")
    lease_until = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner_id", "key"], name="idempotent_one_a_key"),
        ]
        indexes = [models.Index(fields=["created"], name="idempotent_created")]

    def __str__(self) -> str:
        return f"idempotent request {self.pk} of {self.owner_id}"
