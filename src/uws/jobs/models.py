"""Jobs: what runs, ran, or waits to run in a workspace."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from uws.accounts.models import User
from uws.jobs.states import LIVE, JobState, JobStep
from uws.workspaces.models import Workspace


class Job(models.Model):
    """One job. The row is the record; the resource below is the truth; `launch_key` ties them together."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="jobs")
    workspace = models.ForeignKey(Workspace, on_delete=models.SET_NULL, null=True, related_name="jobs")
    workspace_name = models.CharField(max_length=64)
    job_type = models.CharField(max_length=128)
    resource = models.CharField(max_length=128)

    status = models.CharField(
        max_length=16, choices=[(s.value, s.value) for s in JobState], default=JobState.PENDING
    )
    step = models.CharField(
        max_length=16, choices=[(s.value, s.value) for s in JobStep], default=JobStep.QUEUED
    )
    reason = models.CharField(max_length=32, default="")
    message = models.TextField(default="")
    log_tail = models.TextField(default="")

    request_details = models.JSONField(default=dict)
    requested_options = models.JSONField(default=dict)
    ignored_options = models.JSONField(default=list)
    cpu_count = models.PositiveIntegerField(default=1)
    memory_bytes_limit = models.BigIntegerField(null=True)
    time_limit_seconds = models.PositiveIntegerField()
    gpu_enabled = models.BooleanField(default=False)
    extra_options = models.JSONField(default=dict)

    launch_key = models.CharField(max_length=64, unique=True)
    launch_attempt = models.PositiveIntegerField(default=0)
    launch_began = models.DateTimeField(null=True)
    resource_job_id = models.BigIntegerField(default=-1)
    resource_state = models.JSONField(default=dict)
    lease_holder = models.CharField(max_length=64, default="")
    lease_until = models.DateTimeField(null=True)
    environment_lock = models.CharField(max_length=64, default="")
    output = models.CharField(max_length=255, default="")

    created = models.DateTimeField(default=timezone.now)
    environment_began = models.DateTimeField(null=True)
    launched = models.DateTimeField(null=True)
    started = models.DateTimeField(null=True)
    seen_running = models.DateTimeField(null=True)
    ready = models.DateTimeField(null=True)
    stop_requested = models.DateTimeField(null=True)
    stop_sent = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    host = models.CharField(max_length=255, default="")
    port = models.PositiveIntegerField(null=True)
    imported_connection = models.JSONField(default=dict)
    """Of a job that another server launched: `path`, `ready` (ISO 8601), `sealed_token` (see `sealing`)."""
    time_left_seconds = models.FloatField(null=True)
    exit_code = models.IntegerField(null=True)
    signal = models.IntegerField(null=True)
    cpu_seconds = models.FloatField(null=True)
    memory_bytes = models.BigIntegerField(null=True)
    peak_memory_bytes = models.BigIntegerField(null=True)
    core_hours = models.DecimalField(max_digits=15, decimal_places=5, default=0)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-id"], name="job_owner"),
            models.Index(fields=["owner", "status"], name="job_owner_status"),
            models.Index(fields=["workspace", "-id"], name="job_workspace"),
            models.Index(
                fields=["resource", "id"],
                name="job_live",
                condition=models.Q(status__in=[state.value for state in LIVE]),
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.pk}"
