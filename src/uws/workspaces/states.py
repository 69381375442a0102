"""The workspace's state machine: its states, its transitions, and nothing else."""

from __future__ import annotations

from enum import StrEnum


class WorkspaceState(StrEnum):
    """The wire's words (contract §3); a portal's page breaks on any other."""

    INITIALIZING = "initializing"
    IDLE = "idle"
    ACTIVE = "active"
    DELETING = "deleting"
    ERROR = "error"


TRANSITIONS: dict[tuple[WorkspaceState, WorkspaceState], str] = {
    (WorkspaceState.INITIALIZING, WorkspaceState.IDLE): "its directory, files and links are made",
    (WorkspaceState.INITIALIZING, WorkspaceState.DELETING): "a deletion is accepted",
    (WorkspaceState.INITIALIZING, WorkspaceState.ERROR): "its directory could not be made",
    (WorkspaceState.IDLE, WorkspaceState.ACTIVE): "a job is started",
    (WorkspaceState.IDLE, WorkspaceState.DELETING): "a deletion is accepted",
    (WorkspaceState.ACTIVE, WorkspaceState.IDLE): "the last pending or running job has ended",
    (WorkspaceState.ACTIVE, WorkspaceState.DELETING): "a deletion is accepted while the last job stops",
    (WorkspaceState.DELETING, WorkspaceState.ERROR): "its directory could not be removed",
    (WorkspaceState.ERROR, WorkspaceState.DELETING): "the deletion is tried again",
    (WorkspaceState.ERROR, WorkspaceState.ACTIVE): "a job is started",
}
"""What may follow what, and when. A row vanishes after `deleting` once its directory is gone."""
