"""The one place where a job changes its state: compare-and-set on the row, with an event beside it.

A job's end also moves its workspace and queues what follows from it, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from uws.background.queue import TaskRegistry
from uws.background.wakeup import Wakeup
from uws.events import log
from uws.jobs.models import Job
from uws.jobs.resources.base import EndReason
from uws.jobs.states import FINAL, LIVE, TRANSITIONS, JobState, JobStep
from uws.workspaces.lifecycle import transition as move_workspace
from uws.workspaces.models import Workspace
from uws.workspaces.states import WorkspaceState

SECONDS_PER_HOUR = 3600


class JobLifecycle:
    """State changes of jobs. Methods return False where the job was not (or no more) in the expected state."""

    def __init__(self, tasks: TaskRegistry, wakeup: Wakeup) -> None:
        self._tasks = tasks
        self.wakeup = wakeup

    def transition(
        self,
        job_id: int,
        old: JobState,
        new: JobState,
        *,
        actor: str,
        reason: str = "",
        message: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Move a job from `old` to `new`, with further columns `values` in the same update.

        Raises ValueError for a transition that is not in the table.
        """
        if (old, new) not in TRANSITIONS:
            raise ValueError(f"a job never goes from {old} to {new}")
        columns: dict[str, Any] = {"message": message, **(values or {})}
        for name in ("message", "log_tail"):
            if name in columns:
                columns[name] = columns[name].replace("\0", "")  # PostgreSQL's text has none
        if reason:
            columns["reason"] = reason
        with transaction.atomic():
            if not Job.objects.filter(pk=job_id, status=old).update(status=new, **columns):
                return False
            self.record(job_id, f"job.{new}", actor, reason, message)
            if new in FINAL:
                self._after_end(job_id)
            elif new == JobState.STOPPING:
                self._free_workspace(job_id)
        return True

    def note(
        self, job_id: int, kind: str, *, values: Mapping[str, Any], states: tuple[JobState, ...] = LIVE
    ) -> bool:
        """Change columns of a job that stays in its state (a step, a port, usage), with an event `kind`."""
        with transaction.atomic():
            if not Job.objects.filter(pk=job_id, status__in=states).update(**values):
                return False
            self.record(job_id, kind, "server", "", str(values.get("message", "")))
        return True

    def end(
        self,
        job_id: int,
        old: JobState,
        *,
        reason: EndReason,
        message: str,
        ended: datetime | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record a job's end, once: `complete` where it ended as it should or was stopped, else `failed`."""
        new = JobState.COMPLETE if ended_well(old, reason) else JobState.FAILED
        columns = {
            "step": JobStep.ENDED,
            "ended": ended or timezone.now(),
            "lease_holder": "",
            "lease_until": None,
            **(values or {}),
        }
        return self.transition(
            job_id, old, new, actor="server", reason=reason, message=message, values=columns
        )

    def _after_end(self, job_id: int) -> None:
        job = Job.objects.filter(pk=job_id).values("workspace_id", "started", "ended", "cpu_count").get()
        if job["started"] is not None and job["ended"] is not None:
            hours = max(0.0, (job["ended"] - job["started"]).total_seconds()) / SECONDS_PER_HOUR
            Job.objects.filter(pk=job_id).update(core_hours=Decimal(f"{hours * job['cpu_count']:.5f}"))
        self._free_workspace(job_id)
        if job["workspace_id"] is None:
            return
        deleting = Workspace.objects.filter(pk=job["workspace_id"], status=WorkspaceState.DELETING).exists()
        self._tasks.enqueue("workspaces.remove" if deleting else "workspaces.scan", job["workspace_id"])

    @staticmethod
    def _free_workspace(job_id: int) -> None:
        """Let the workspace be idle where no job in it is pending or running (contract §3, Status)."""
        workspace_id = Job.objects.filter(pk=job_id).values_list("workspace_id", flat=True).first()
        if workspace_id is None:
            return
        # The lock first: else two ends at once each see the other's job alive, and an end misses a start's job.
        Workspace.objects.select_for_update().filter(pk=workspace_id).values_list("pk").first()
        busy = Job.objects.filter(workspace_id=workspace_id, status__in=(JobState.PENDING, JobState.RUNNING))
        if not busy.exists():
            move_workspace(workspace_id, WorkspaceState.ACTIVE, WorkspaceState.IDLE, actor="server")

    @staticmethod
    def record(job_id: int, kind: str, actor: str, reason: str, message: str) -> None:
        job = (
            Job.objects.filter(pk=job_id)
            .values("owner_id", "workspace_id", "workspace_name", "job_type", "step")
            .get()
        )
        payload = {
            "workspace_id": job["workspace_id"],
            "workspace_name": job["workspace_name"],
            "job_type": job["job_type"],
            "step": job["step"],
        }
        if reason:
            payload["reason"] = reason
        if message:
            payload["message"] = message.replace("\0", "")[:500]
        log.append(kind, f"jobs/{job_id}", owner_id=job["owner_id"], actor=actor, payload=payload)


def ended_well(old: JobState, reason: EndReason) -> bool:
    """True where an end is `complete` on the wire: success, or a stop, by us or behind our back."""
    if reason == EndReason.LOST:
        return False
    return old == JobState.STOPPING or reason in (EndReason.SUCCESS, EndReason.CANCELLED)
