"""Waiting for a job in front of somebody: each change is a line on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from uws.cli.remote.output import printable

if TYPE_CHECKING:
    from uws.client import Client, Job


def line(job: Job) -> str:
    """Say in one line how a job is."""
    step = f" ({job.step})" if job.step and not job.has_ended else ""
    first = job.message.split("\n", 1)[0]
    return printable(f"Job {job.id}: {job.state}{step}. {first}".rstrip())


def until_ready_or_ended(client: Client, job_id: int, timeout_seconds: float) -> Job:
    """Return the job once its application answers or it has ended. Raises `WaitTimedOut` and `ClientError`."""
    found = None
    for found in client.jobs.changes(job_id, timeout_seconds):
        typer.echo(line(found), err=True)
        if found.is_ready:
            break
    assert found is not None  # the first one is always there
    return found
