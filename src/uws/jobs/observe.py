"""From what a resource says of a job to what changes in its row: pure functions of both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from uws.jobs.resources.base import EndReason, Observation
from uws.jobs.states import JobState, JobStep
from uws.times import from_epoch

NOTICEABLE_SHARE = 0.05
"""Usage is written again when it has changed by a twentieth, so that quiet jobs cost no writes."""

END_SENTENCES: dict[EndReason, str] = {
    EndReason.SUCCESS: "The job has ended well.",
    EndReason.FAILED: "The job has ended with an error.",
    EndReason.SIGNALLED: "The job was ended by a signal.",
    EndReason.TIMEOUT: "The job ran past its time limit and was ended.",
    EndReason.OUT_OF_MEMORY: "The job used more memory than it had asked for and was ended.",
    EndReason.CANCELLED: "The job was stopped.",
    EndReason.NODE_FAIL: "The machine that the job ran on failed.",
    EndReason.PREEMPTED: "The job had to make room for another and was ended.",
    EndReason.COMMAND_NOT_FOUND: "The job's command does not exist.",
    EndReason.PROLOGUE_FAILED: "A step before the job's command failed.",
    EndReason.PORT_NEVER_ANSWERED: "The application never answered on its port and was ended.",
    EndReason.LAUNCH_FAILED: "The job could not be started.",
    EndReason.ENVIRONMENT_FAILED: "The job's software environment could not be built.",
    EndReason.LOST: "The job cannot be found any more; how it ended is not known.",
}


@dataclass(frozen=True)
class Change:
    """What to write. `new_state` only where the state moves; `kind` is the event's, empty for usage alone."""

    new_state: JobState | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""


def running_change(row: Mapping[str, Any], seen: Observation, now: datetime) -> Change | None:
    """Return what a job's row lacks of an observation that the job runs, or None."""
    values: dict[str, Any] = {}
    new_state, kind = None, ""
    if row["status"] == JobState.PENDING:
        new_state = JobState.RUNNING
        values["seen_running"] = now
    if row["started"] is None and (seen.started_at is not None or new_state):
        values["started"] = _within(from_epoch(seen.started_at), row["created"], now)
    if seen.host and seen.host != row["host"]:
        values["host"] = seen.host
    if seen.ready_at is not None and seen.port is not None and row["ready"] is None:
        ready = _within(from_epoch(seen.ready_at), row["created"], now)
        values |= {"port": seen.port, "ready": ready, "step": JobStep.READY}
        kind = "job.ready"
    values |= _usage(row, seen)
    if new_state is None and not values:
        return None
    return Change(new_state, values, kind)


def _usage(row: Mapping[str, Any], seen: Observation, *, final: bool = False) -> dict[str, Any]:
    """Return the usage columns that changed noticeably (all of them at the end)."""
    found = {
        "cpu_seconds": seen.usage.cpu_seconds,
        "memory_bytes": seen.usage.memory_bytes,
        "peak_memory_bytes": seen.usage.peak_memory_bytes,
    }
    changed = {}
    for name, value in found.items():
        old = row[name]
        if value is None or value == old:
            continue
        if final or old is None or abs(value - old) > NOTICEABLE_SHARE * max(abs(old), 1):
            changed[name] = value
    return changed


def end_values(row: Mapping[str, Any], seen: Observation, now: datetime) -> dict[str, Any]:
    """Return the columns of a job's end. The reason and the sentence are the caller's."""
    values = _usage(row, seen, final=True)
    values |= {"exit_code": seen.exit_code, "signal": seen.signal}
    if row["started"] is None and seen.started_at is not None:
        values["started"] = _within(from_epoch(seen.started_at), row["created"], now)
    started = values.get("started") or row["started"]
    values["ended"] = _within(from_epoch(seen.ended_at), started or row["created"], now)
    return values


def _within(moment: datetime | None, earliest: datetime, latest: datetime) -> datetime:
    """Return the moment, or the bound that it crosses: the record that it is from may lie in its owner's hands."""
    return max(earliest, min(moment or latest, latest))


def end_message(seen: Observation, reason: EndReason, *, stopped: bool) -> str:
    """Return the sentence for people: the resource's own where it has one."""
    if stopped and reason != EndReason.LOST:
        return END_SENTENCES[EndReason.CANCELLED]
    return seen.message or END_SENTENCES[reason]


def is_moving(row: Mapping[str, Any], needs_ready: bool) -> bool:
    """True where something is expected to happen soon, so that the resource is asked each second."""
    if row["status"] in (JobState.PENDING, JobState.STOPPING):
        return True
    return needs_ready and row["ready"] is None


def with_possible_port(seen: Observation, own_ports: Collection[int]) -> Observation:
    """Drop a port that cannot be the job's: the passthrough must never lead to UWS itself."""
    if seen.port is None or (seen.port >= 1024 and seen.port not in own_ports):
        return seen
    return Observation(state=seen.state, started_at=seen.started_at, host=seen.host, usage=seen.usage)
