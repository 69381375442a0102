"""The jobs of the token's owner: looking, waiting, their logs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

from uws.client import reading
from uws.client.errors import JobEnded, NotFound, ServerFailed, Unreachable, WaitTimedOut
from uws.client.records import Job, JobLog
from uws.client.transport import Transport

Milestone = Literal["running", "ready", "ended"]

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
"""How long a wait bears a server that does not answer: jobs outlive a restart of it."""


class Jobs:
    """What can be done with jobs. Each method raises `ClientError` and its kinds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, workspace_id: int | None = None, job_type: str | None = None, state: str | None = None
    ) -> list[Job]:
        """Return your jobs, newest first; what is given must match exactly.

        >>> [job.id for job in client.jobs.list(state="running")]  # doctest: +SKIP
        [12]
        """
        filters = {"workspace_id": workspace_id, "job_type": job_type, "status": state}
        query = {key: str(value) for key, value in filters.items() if value is not None}
        answer = self._transport.request("GET", "/jobs/", query=query)
        return [Job.from_wire(raw) for raw in reading.objects(reading.mapping(answer, "data"), "jobs")]

    def get(self, job_id: int) -> Job:
        """Return one job. Raises `NotFound`."""
        answer = self._transport.request("GET", f"/jobs/{job_id:d}/")
        found = reading.objects(reading.mapping(answer, "data"), "jobs")
        if not found:
            raise NotFound(404, f"Job {job_id} not found.")
        return Job.from_wire(found[0])

    def stop(self, job_id: int) -> str:
        """Have a job stopped and return the server's sentence; `wait(job_id, "ended")` waits for its end.

        Raises `InvalidRequest` for a job that is neither pending nor running.
        """
        return reading.text(self._transport.request("PUT", f"/jobs/{job_id:d}/stop/"), "message")

    def wait(self, job_id: int, until: Milestone = "ready", timeout_seconds: float = 600.0) -> Job:
        """Wait until a job is `running`, `ready` (its application answers) or `ended`, and return it as it is then.

        Raises `WaitTimedOut` when `timeout_seconds` are over, and `JobEnded` when the job ended before it was
        what was waited for. A server that restarts meanwhile is waited for.

        >>> job = client.jobs.wait(12, "ended", timeout_seconds=3600)  # doctest: +SKIP
        >>> job.state, job.exit_code  # doctest: +SKIP
        ('complete', 0)
        """
        job = None
        for job in self.changes(job_id, timeout_seconds):
            if _has_reached(job, until):
                return job
        assert job is not None  # the first one is always there
        raise JobEnded(f"Job {job_id} ended before it was {until}: {job.state}. {job.message}".rstrip(), job)

    def changes(self, job_id: int, timeout_seconds: float | None = None) -> Iterator[Job]:
        """Yield a job as it is now, and again each time its state, step, message or readiness is another, to its end.

        Raises `WaitTimedOut` when `timeout_seconds` are over; None is without end.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        last: Job | None = None
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            job = self._get_patiently(job_id, deadline) if last else self.get(job_id)
            if last is None or _look(job) != _look(last):
                yield job
                pause_seconds = FIRST_PAUSE_SECONDS
            last = job
            if job.has_ended:
                return
            left_seconds = None if deadline is None else deadline - time.monotonic()
            if left_seconds is not None and left_seconds <= 0:
                message = f"Job {job_id} is still {job.state} after {timeout_seconds:g} seconds."
                raise WaitTimedOut(message, job)
            time.sleep(pause_seconds if left_seconds is None else min(pause_seconds, left_seconds))
            pause_seconds = min(pause_seconds * 1.3, LONGEST_PAUSE_SECONDS)

    def _get_patiently(self, job_id: int, deadline: float | None) -> Job:
        given_up = time.monotonic() + PATIENCE_SECONDS
        if deadline is not None:
            given_up = min(given_up, deadline)
        while True:
            try:
                return self.get(job_id)
            except (Unreachable, ServerFailed):
                if time.monotonic() >= given_up:
                    raise
                time.sleep(FIRST_PAUSE_SECONDS)

    def log(self, job_id: int, offset: int = 0) -> JobLog:
        """Return a piece of a job's log, at most 256 KiB, from `offset` bytes on; a negative one counts from the end.

        >>> client.jobs.log(12, offset=-2000).text  # doctest: +SKIP
        """
        answer = self._transport.request("GET", f"/jobs/{job_id:d}/log/", query={"offset": f"{offset:d}"})
        return JobLog.from_wire(reading.mapping(reading.mapping(answer, "data"), "log"))

    def read_log(self, job_id: int, *, follow: bool = False) -> Iterator[str]:
        """Yield a job's log from its beginning, piece by piece; with `follow` until the job has ended.

        >>> for piece in client.jobs.read_log(12, follow=True):  # doctest: +SKIP
        ...     print(piece, end="")
        """
        offset, pause_seconds = 0, FIRST_PAUSE_SECONDS
        while True:
            piece = self.log(job_id, offset)
            if piece.text:
                yield piece.text
                pause_seconds = FIRST_PAUSE_SECONDS
            is_behind = offset < piece.next_offset < piece.size_bytes
            offset = piece.next_offset
            if is_behind:
                continue
            if piece.is_complete or not follow:
                return
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 1.3, LONGEST_PAUSE_SECONDS)


def _has_reached(job: Job, until: Milestone) -> bool:
    if until == "ready":
        return job.is_ready
    if until == "running":
        return job.state == "running" or job.state == "complete"
    return job.has_ended


def _look(job: Job) -> tuple[object, ...]:
    """What makes a job another one to somebody who watches it: not the seconds left, not the fresh ticket."""
    return job.state, job.step, job.message, job.is_ready
