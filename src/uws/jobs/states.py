"""The job's state machine: its states, its steps, its transitions, and nothing else."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """The wire's words (contract §4); a portal's page breaks on any other."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    COMPLETE = "complete"
    FAILED = "failed"


class JobStep(StrEnum):
    """How far a job has come, in finer words than the wire's."""

    QUEUED = "queued"
    ENVIRONMENT = "environment"
    PROCESS = "process"
    READY = "ready"
    ENDED = "ended"


TRANSITIONS: dict[tuple[JobState, JobState], str] = {
    (JobState.PENDING, JobState.RUNNING): "the resource says that it runs",
    (JobState.PENDING, JobState.STOPPING): "somebody stops it",
    (
        JobState.PENDING,
        JobState.COMPLETE,
    ): "it has ended well before it was seen running, or was never launched",
    (JobState.PENDING, JobState.FAILED): "its environment or launch failed, or it ended badly",
    (JobState.RUNNING, JobState.STOPPING): "somebody stops it",
    (JobState.RUNNING, JobState.COMPLETE): "the resource says that it has ended well",
    (JobState.RUNNING, JobState.FAILED): "the resource says that it has ended badly, or it is lost",
    (JobState.STOPPING, JobState.COMPLETE): "the resource says that it has ended",
    (JobState.STOPPING, JobState.FAILED): "it cannot be found any more",
}
"""What may follow what, and when. `complete` and `failed` are final."""

LIVE = (JobState.PENDING, JobState.RUNNING, JobState.STOPPING)
FINAL = (JobState.COMPLETE, JobState.FAILED)
