"""The way to a running job, as the passthrough asks for it: where it is, and who may open it."""

from __future__ import annotations

from uws.jobs.models import Job
from uws.jobs.targets import Target
from uws.jobs.wire import COLUMNS, JobWire


class JobDirectory:
    """Jobs and who may open them, from the database. Both methods are one indexed query."""

    def __init__(self, wire: JobWire) -> None:
        self._wire = wire

    def target(self, job_id: int) -> Target | None:
        """Return the job as it is now, or None where there is none of that id."""
        row = (
            Job.objects.filter(pk=job_id, workspace__isnull=False).values(*COLUMNS, "workspace_name").first()
        )
        if row is None:
            return None
        job_type = self._wire.job_types.get(row["job_type"])
        connection = self._wire.connection(row)
        is_ready = row["ready"] is not None and connection is not None
        return Target(
            job_id=job_id,
            owner_id=row["owner_id"],
            status=row["status"],
            step=row["step"],
            message=row["message"],
            job_type_name=job_type.settings.name if job_type else row["job_type"],
            workspace_id=row["workspace_id"],
            workspace_name=row["workspace_name"],
            host=row["host"] if is_ready else None,
            port=row["port"] if is_ready else None,
            headers=connection.headers if connection else {},
            log_tail=row["log_tail"],
        )

    def may_open(self, job_id: int, user_id: int) -> bool:
        """True where this user may open this job now: their own, with an active account."""
        return Job.objects.filter(
            pk=job_id, owner_id=user_id, owner__is_active=True, workspace__isnull=False
        ).exists()
