"""The reconciler: brings the rows of live jobs in line with what their resources say.

Each resource is asked one question a tick for all its live jobs: each second while something moves, else each quarter
of a minute; once a minute where nothing has changed and every end will be told by a descriptor. Local ends are not
polled for: their descriptors and the shepherds' datagrams wake the loop.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from uws.agent.errors import AgentError
from uws.background import leases
from uws.background.models import NamedLease
from uws.background.wakeup import Listener
from uws.jobs import observe
from uws.jobs.launch import HANDLE_COLUMNS, IMPORTED_STATE, UNLAUNCHED, Launcher, handle_of
from uws.jobs.lifecycle import JobLifecycle, ended_well
from uws.jobs.models import Job
from uws.jobs.resources.base import (
    EndReason,
    JobHandle,
    Observation,
    ObservedState,
    Resource,
    ResourceUnreachable,
)
from uws.jobs.states import LIVE, JobState
from uws.jobs.types.base import JobType
from uws.refusals import Refusal
from uws.workspaces.service import Workspaces

logger = logging.getLogger(__name__)

BACKOFF_SECONDS = (2.0, 5.0, 15.0, 30.0)
RECOVER_SECONDS = 20.0
SWEEP_SECONDS = 60.0
LEASE_SECONDS = 90.0
"""Longer than the longest pause between two ticks, each of which renews it."""
LEASE_RENEWAL_SECONDS = 15.0
LAUNCH_KEY = re.compile(r"[a-z0-9-]{1,60}", re.ASCII)
LOG_TAIL_BYTES = 4096
LOG_TAIL_LINES = 20
ROW_COLUMNS = (
    *HANDLE_COLUMNS,
    "job_type",
    "status",
    "created",
    "started",
    "ready",
    "host",
    "port",
    "output",
    "cpu_seconds",
    "memory_bytes",
    "peak_memory_bytes",
    "stop_requested",
    "stop_sent",
)


class Pace(Enum):
    """How soon a resource is asked about all its jobs again, in seconds."""

    MOVING = 1.0
    """Something is expected to happen soon."""
    QUIET = 15.0
    RESTING = 60.0
    """Nothing changes, and every job's end wakes the loop: only a use of the machine that grows would be missed."""


@dataclass
class _Schedule:
    """When one resource is asked next. Times are monotonic seconds."""

    resource: Resource
    due: float = 0.0
    failures: int = 0
    lease_renewed: float = -LEASE_SECONDS
    poked: set[str] = field(default_factory=set)


class Reconciler:
    """One process's loop over all resources. `run` returns soon after `stop` has been called."""

    def __init__(
        self,
        resources: Mapping[str, Resource],
        job_types: Mapping[str, JobType],
        workspaces: Workspaces,
        launcher: Launcher,
        lifecycle: JobLifecycle,
        *,
        stop_grace_seconds: float,
        own_ports: Collection[int],
        chores: Sequence[tuple[float, Callable[[], None]]] = (),
    ) -> None:
        self._schedules = {key: _Schedule(resource) for key, resource in resources.items()}
        self._job_types = job_types
        self._workspaces = workspaces
        self._launcher = launcher
        self._lifecycle = lifecycle
        self._stop_grace_seconds = stop_grace_seconds
        self._own_ports = frozenset(own_ports)
        self._selector = selectors.DefaultSelector()
        self._end_descriptors: dict[str, int] = {}
        self._left_alone: set[int] = set()
        self._stop_read, self._stop_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._chores = [
            (RECOVER_SECONDS, self.recover),
            (SWEEP_SECONDS, workspaces.sweep),
            *chores,
        ]
        self._chores_due = [0.0 for _ in self._chores]

    def stop(self) -> None:
        """End `run`; may be called from a signal handler or another thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._stop_write, b"x")

    def close(self) -> None:
        """Give all descriptors back; the reconciler is of no use afterwards."""
        for launch_key in list(self._end_descriptors):
            self._forget_descriptor(launch_key)
        self._selector.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    # --- the loop ----------------------------------------------------------------------------------

    def run(self, listener: Listener | None) -> None:
        """Reconcile until `stop` is called."""
        self._selector.register(self._stop_read, selectors.EVENT_READ, "stop")
        if listener is not None:
            self._selector.register(listener.fileno(), selectors.EVENT_READ, "poke")
        while True:
            close_old_connections()
            self.run_due()
            for key, _ in self._selector.select(max(0.0, self._next_due() - time.monotonic())):
                if key.data == "stop":
                    return
                if key.data == "poke":
                    assert listener is not None
                    self._guarded(lambda: self._poked(listener.drain()))
                else:
                    self._guarded(lambda ended=key.data: self._ended(ended))  # type: ignore[misc]

    def _next_due(self) -> float:
        return min([schedule.due for schedule in self._schedules.values()] + self._chores_due)

    def run_due(self) -> None:
        """Do everything that is due now: one step of the loop, for tests and the loop itself."""
        now = time.monotonic()
        for index, (period, chore) in enumerate(self._chores):
            if self._chores_due[index] <= now:
                self._chores_due[index] = now + period
                self._guarded(chore)
        for schedule in self._schedules.values():
            if schedule.due <= now or schedule.poked:
                self._guarded(lambda schedule=schedule: self._tick(schedule))  # type: ignore[misc]

    @staticmethod
    def _guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            logger.exception("the reconciler goes on after an error")

    def _poked(self, texts: set[str]) -> None:
        keys = {text for text in texts if LAUNCH_KEY.fullmatch(text)}  # jobs may send what they like
        found = Job.objects.filter(launch_key__in=keys).values_list("launch_key", "resource")
        for launch_key, resource in found:
            if resource in self._schedules:
                self._schedules[resource].poked.add(launch_key)
        if "" in texts:
            for schedule in self._schedules.values():
                schedule.due = 0.0

    def _ended(self, launch_key: str) -> None:
        self._forget_descriptor(launch_key)
        self._poked({launch_key})

    # --- one resource ------------------------------------------------------------------------------

    def _tick(self, schedule: _Schedule) -> None:
        whole = schedule.due <= time.monotonic()
        poked, schedule.poked = schedule.poked, set()
        if not self._have_lease(schedule):
            schedule.due = time.monotonic() + Pace.QUIET.value
            return
        try:
            pace = self.reconcile(schedule.resource, only=None if whole else poked)
        except ResourceUnreachable as problem:
            step = min(schedule.failures, len(BACKOFF_SECONDS) - 1)
            schedule.failures += 1
            schedule.due = time.monotonic() + BACKOFF_SECONDS[step]
            logger.warning("resource %s does not answer: %s", schedule.resource.key, problem.message)
            return
        except Exception:
            schedule.due = time.monotonic() + Pace.QUIET.value
            raise
        schedule.failures = 0
        if whole:
            schedule.due = time.monotonic() + pace.value
        else:
            schedule.due = min(schedule.due, time.monotonic() + pace.value)

    def _have_lease(self, schedule: _Schedule) -> bool:
        now = time.monotonic()
        if now - schedule.lease_renewed < LEASE_RENEWAL_SECONDS:
            return True
        name = f"reconcile {schedule.resource.key}"
        row, _ = NamedLease.objects.get_or_create(name=name)
        if not leases.claim(NamedLease.objects.all(), row.pk, LEASE_SECONDS):
            return False
        schedule.lease_renewed = now
        return True

    def reconcile(self, resource: Resource, only: Collection[str] | None = None) -> Pace:
        """Ask the resource about its live jobs (or those with the launch keys `only`) and write what changed.

        Returns how soon these jobs should be asked about again. Raises `ResourceUnreachable`.
        """
        live = Job.objects.filter(resource=resource.key, status__in=LIVE, workspace__isnull=False)
        live = live.exclude(resource_job_id=UNLAUNCHED)
        if only is not None:
            live = live.filter(launch_key__in=only)
        rows, handles = [], {}
        for row in live.order_by("id").values(*ROW_COLUMNS):
            if (handle := handle_of(row, resource)) is not None:
                rows.append(row)
                handles[row["launch_key"]] = handle
        self._send_stops(resource, rows, handles)
        seen = resource.observe(list(handles.values())) if handles else {}
        paces = [
            self._reconcile_job(resource, row, handles[row["launch_key"]], seen.get(row["launch_key"]))
            for row in rows
        ]
        return min(paces, default=Pace.RESTING, key=lambda pace: pace.value)

    def _reconcile_job(
        self, resource: Resource, row: dict[str, Any], handle: JobHandle, seen: Observation | None
    ) -> Pace:
        """Write what changed of one job; whatever is wrong with it holds up no other."""
        try:
            if seen is not None and seen.state == ObservedState.ENDED:
                self._end(row, seen)
                return Pace.RESTING
            changed = False
            if seen is not None and seen.state == ObservedState.RUNNING:
                changed = self._update_running(row, observe.with_possible_port(seen, self._own_ports))
            is_watched = self._watch(resource, handle)
        except (OperationalError, InterfaceError):
            raise  # the database is away, for all jobs
        except Exception:
            logger.exception("job %s could not be brought up to date", row["id"])
            return Pace.QUIET
        if observe.is_moving(row, self._needs_ready(row)):
            return Pace.MOVING
        return Pace.RESTING if is_watched and not changed else Pace.QUIET

    def _needs_ready(self, row: Mapping[str, Any]) -> bool:
        job_type = self._job_types.get(row["job_type"])
        return job_type is not None and job_type.is_web_application

    def _update_running(self, row: dict[str, Any], seen: Observation) -> bool:
        """Write what changed. Returns False where nothing did."""
        change = observe.running_change(row, seen, timezone.now())
        if change is None:
            return False
        row.update(change.values)
        if change.new_state is not None:
            if self._lifecycle.transition(
                row["id"], JobState.PENDING, change.new_state, actor="server", values=change.values
            ):
                row["status"] = change.new_state
            if change.kind:
                self._lifecycle.note(row["id"], change.kind, values={"step": change.values["step"]})
        elif change.kind:
            self._lifecycle.note(row["id"], change.kind, values={**change.values, "message": ""})
        else:
            Job.objects.filter(pk=row["id"], status__in=LIVE).update(**change.values)
        return True

    def _end(self, row: Mapping[str, Any], seen: Observation) -> None:
        state = JobState(row["status"])
        reason = seen.reason or EndReason.LOST
        values = observe.end_values(row, seen, timezone.now())
        if not ended_well(state, reason):
            values["log_tail"] = self._log_tail(row)
        message = observe.end_message(seen, reason, stopped=state == JobState.STOPPING)
        ended = values.pop("ended")
        if not self._lifecycle.end(
            row["id"], state, reason=reason, message=message, ended=ended, values=values
        ):
            # Somebody moved the row in the meantime (a stop); the next tick sees its new state.
            self._lifecycle.wakeup.poke(row["launch_key"])
        self._forget_descriptor(row["launch_key"])

    def _log_tail(self, row: Mapping[str, Any]) -> str:
        job = Job.objects.select_related("workspace__owner").get(pk=row["id"])
        if job.workspace is None or not row["output"]:
            return ""
        try:
            with self._workspaces.open(job.workspace) as files:
                tail = files.read_tail(f".{job.pk}/{row['output']}", limit_bytes=LOG_TAIL_BYTES)
        except (AgentError, Refusal) as error:
            return f"(its log cannot be read: {error})"
        lines = tail.decode("utf-8", "replace").replace("\0", "").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _send_stops(
        self, resource: Resource, rows: Sequence[Mapping[str, Any]], handles: Mapping[str, JobHandle]
    ) -> None:
        """Pass on stops; again where a job is still there long after its grace period."""
        now = timezone.now()
        patience_seconds = self._stop_grace_seconds + 10.0
        for row in rows:
            if row["status"] != JobState.STOPPING:
                continue
            sent = row["stop_sent"]
            if sent is not None and (now - sent).total_seconds() < patience_seconds:
                continue
            self._guarded(lambda row=row: self._send_stop(resource, handles[row["launch_key"]], now))  # type: ignore[misc]

    def _send_stop(self, resource: Resource, handle: JobHandle, now: datetime) -> None:
        try:
            resource.stop(handle, self._stop_grace_seconds)
        except ResourceUnreachable as problem:
            # Perhaps for this job's owner alone: the others are asked about all the same, and this is tried again.
            logger.warning("job %s could not be stopped yet: %s", handle.job_id, problem.message)
            return
        Job.objects.filter(pk=handle.job_id).update(stop_sent=now)

    # --- descriptors that become readable at an end ------------------------------------------------

    def _watch(self, resource: Resource, handle: JobHandle) -> bool:
        """Let the job's end wake the loop. Returns False where the resource has no descriptor for it."""
        if handle.key in self._end_descriptors:
            return True
        descriptor = resource.end_descriptor(handle)
        if descriptor is None:
            return False
        self._end_descriptors[handle.key] = descriptor
        self._selector.register(descriptor, selectors.EVENT_READ, handle.key)
        return True

    def _forget_descriptor(self, launch_key: str) -> None:
        descriptor = self._end_descriptors.pop(launch_key, None)
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    # --- launches that nobody finished -------------------------------------------------------------

    def recover(self) -> None:
        """Take up jobs whose launch was begun by a process that is gone, and environments still to be built."""
        waiting = Job.objects.filter(
            status__in=(JobState.PENDING, JobState.STOPPING), resource_job_id=UNLAUNCHED
        )
        for row in list(waiting.values("id", "lease_holder", "lease_until", "status", "launch_attempt")):
            if not leases.is_held(row["lease_holder"], row["lease_until"]):
                self._guarded(lambda row=row: self._recover(row))  # type: ignore[misc]
        self._adopt_imported()

    def _recover(self, row: Mapping[str, Any]) -> None:
        if row["status"] == JobState.STOPPING and row["launch_attempt"] == 0:
            text = "The job was stopped before it was launched."
            self._lifecycle.end(row["id"], JobState.STOPPING, reason=EndReason.CANCELLED, message=text)
        else:
            self._launcher.attempt(row["id"])

    def _adopt_imported(self) -> None:
        """Find the jobs again that the original server launched and that were imported while they ran."""
        imported = Job.objects.filter(
            status__in=LIVE, workspace__isnull=False, resource_state=dict(IMPORTED_STATE)
        )
        for job_id, key in list(imported.values_list("id", "resource")):
            problem = ""
            try:
                if self._launcher.adopt(job_id):
                    self._schedules[key].due = 0.0
                    continue
            except (ResourceUnreachable, Refusal) as error:
                problem = f": {error.message}"
            if job_id not in self._left_alone:
                self._left_alone.add(job_id)
                logger.warning("job %s was imported and %s can't find it yet%s", job_id, key, problem)
