"""Jobs as the wire shows them (contract §4), straight from columns: `GET /jobs` is polled each second."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from uws.config.deployment import Deployment
from uws.jobs.sealing import BrokenSeal, unseal
from uws.jobs.states import FINAL, JobState, JobStep
from uws.jobs.tickets import make_ticket
from uws.jobs.types.base import Connection, JobType
from uws.times import wire_time

logger = logging.getLogger(__name__)

COLUMNS = (
    "id",
    "owner_id",
    "workspace_id",
    "resource_job_id",
    "job_type",
    "status",
    "step",
    "reason",
    "message",
    "log_tail",
    "created",
    "environment_began",
    "launched",
    "started",
    "seen_running",
    "ready",
    "ended",
    "core_hours",
    "request_details",
    "requested_options",
    "ignored_options",
    "time_limit_seconds",
    "host",
    "port",
    "launch_key",
    "imported_connection",
    "exit_code",
    "signal",
    "cpu_seconds",
    "memory_bytes",
    "peak_memory_bytes",
)

WINDOW_SECONDS = 15
"""Lists show the time as it was at the last full quarter of a minute: what is read twice within it is the same."""

NOT_READY = "Webserver not ready."
READY = "Webserver ready."


def application_token(deployment: Deployment, launch_key: str) -> str:
    """Return the application's own access token, 40 hex digits: derived, so that it is stored nowhere."""
    return deployment.secrets.derive_hex("application token", launch_key, digits=40)


def window_began(now: datetime) -> datetime:
    """Return the moment that stands for `now` on the wire: the beginning of its window."""
    return datetime.fromtimestamp(int(now.timestamp()) // WINDOW_SECONDS * WINDOW_SECONDS, UTC)


@dataclass(frozen=True)
class JobWire:
    """Turns rows into the contract's objects. `jobs_port` is where the passthrough listens."""

    deployment: Deployment
    job_types: Mapping[str, JobType]
    jobs_port: int

    def as_wire(self, row: Mapping[str, Any], user_id: int, now: datetime) -> dict[str, object]:
        """Return one row of `.values(*COLUMNS)` as the contract's object, for the user who reads it."""
        return {
            "id": row["id"],
            "workspace_id": row["workspace_id"],
            "resource_job_id": row["resource_job_id"],
            "job_type": row["job_type"],
            "status": row["status"],
            "datetime_created": wire_time(row["created"]),
            "datetime_start": wire_time(row["started"]),
            "datetime_end": wire_time(row["ended"]),
            "core_hours": f"{row['core_hours']:.5f}",
            "job_details": {
                "metrics": self._metrics(row),
                "request_job_details": row["request_details"]
                | {"resource_options": row["requested_options"]},
                "current_job_details": self.current_details(row, user_id, now),
            },
        }

    @staticmethod
    def _metrics(row: Mapping[str, Any]) -> dict[str, float]:
        metrics = {}
        if row["seen_running"] is not None:
            metrics["time_pending"] = (row["seen_running"] - row["created"]).total_seconds()
        if row["ready"] is not None and row["started"] is not None:
            metrics["time_init"] = max(0.0, (row["ready"] - row["started"]).total_seconds())
        return metrics

    def current_details(self, row: Mapping[str, Any], user_id: int, now: datetime) -> dict[str, object]:
        """Return `current_job_details`: empty for a job just started, then what is known now."""
        details: dict[str, object] = {}
        message = self._message(row)
        if message:
            details["message"] = message
        just_started = row["status"] == JobState.PENDING and row["step"] != JobStep.ENVIRONMENT
        if not just_started:
            details["step"] = row["step"]
        if row["reason"]:
            details["reason"] = row["reason"]
        for key in ("exit_code", "signal", "cpu_seconds", "peak_memory_bytes"):
            if row[key] is not None:
                details[key] = row[key]
        if row["ignored_options"]:
            details["ignored_options"] = row["ignored_options"]
        if row["status"] == JobState.RUNNING and row["started"] is not None:
            elapsed = max(0.0, (now - row["started"]).total_seconds())
            details["time_left"] = float(max(0, round(row["time_limit_seconds"] - elapsed)))
        if row["ready"] is not None and row["port"]:
            details |= self._connection_details(row, user_id, now)
        return details

    def _message(self, row: Mapping[str, Any]) -> str:
        message: str = row["message"]
        if row["log_tail"] and row["status"] in FINAL:
            message = f"{message}\nLast lines of its log:\n{row['log_tail']}".strip()
        job_type = self.job_types.get(row["job_type"])
        if not message and row["status"] == JobState.RUNNING and job_type and job_type.is_web_application:
            return READY if row["ready"] else NOT_READY
        return message

    def _connection_details(self, row: Mapping[str, Any], user_id: int, now: datetime) -> dict[str, object]:
        connection = self.connection(row)
        if connection is None:
            return {}
        path = connection.path
        if row["status"] == JobState.RUNNING:
            ticket = make_ticket(self.deployment.secrets, row["id"], user_id, now.timestamp())
            path = f"{path}{'&' if '?' in path else '?'}ticket={ticket}"
        return {
            "proxy_details": {"hostname": row["host"], "port": str(row["port"]), "path": connection.path},
            "connection_details": {"url_path": path, "url_domain": self.origin(row["id"])},
        }

    def connection(self, row: Mapping[str, Any]) -> Connection | None:
        """Return how the row's application is reached, or None for batch jobs and job types that are gone."""
        if row["imported_connection"]:
            return self._imported_connection(row)
        job_type = self.job_types.get(row["job_type"])
        if job_type is None:
            return None
        token = application_token(self.deployment, row["launch_key"])
        return job_type.connection(token, row["request_details"])

    def _imported_connection(self, row: Mapping[str, Any]) -> Connection | None:
        """Return the way to an application of another server's, with its own token; None where it can't be read."""
        kept = row["imported_connection"]
        if "sealed_token" not in kept:
            return Connection(kept["path"])
        try:
            token = unseal(self.deployment.secrets, row["launch_key"], kept["sealed_token"])
        except BrokenSeal as problem:
            logger.warning("job %s can't be opened: %s", row["id"], problem)
            return None
        return Connection(kept["path"], {"Authorization": f"token {token}"})

    def origin(self, job_id: int) -> str:
        """Return the job's own origin, such as `http://job-12.localhost:8001`."""
        return self.deployment.server.jobs_origin(job_id, self.jobs_port)
