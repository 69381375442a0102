"""Launching a job exactly once, whatever process dies on the way.

The row and a lease on it are committed first. Whoever holds the lease prepares the environment and submits; whoever
finds the lease free looks the launch key up on the resource before anything else, and submits only where the job is
not there and the earlier attempt can no longer start it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseFailure
from django.db import transaction
from django.utils import timezone

from uws.accounts.person import Person
from uws.agent.identity import Identity
from uws.background import leases
from uws.background.queue import TaskRegistry
from uws.config.deployment import Deployment
from uws.jobs.environments.errors import EnvironmentBuildFailed
from uws.jobs.environments.store import EnvironmentStore
from uws.jobs.lifecycle import JobLifecycle
from uws.jobs.models import Job
from uws.jobs.resources.base import (
    EndReason,
    JobHandle,
    JobPlace,
    Launch,
    Launched,
    LaunchRefused,
    Resource,
    ResourceOptions,
    ResourceProblem,
    ResourceUnreachable,
)
from uws.jobs.states import LIVE, JobState, JobStep
from uws.jobs.types.base import EnvironmentRequest, JobType, JobTypeProblem, ReadyEnvironment, StartContext
from uws.jobs.wire import application_token
from uws.refusals import Refusal, Unavailable
from uws.workspaces.service import Workspaces

logger = logging.getLogger(__name__)

LEASE_MARGIN_SECONDS = 5.0
BUILD_LEASE_SECONDS = 60.0
MOST_ATTEMPTS = 5
REQUEUE = timedelta(seconds=60)
"""A job whose environment's task got lost is queued again after this."""
UNLAUNCHED = -1
IMPORTED_STATE: Mapping[str, object] = {"imported": True}
"""What a live job's row keeps that another server launched, until its resource has adopted it."""


def _no_checkpoint(name: str) -> None:
    """Tests pass a function that kills the process at one of these points."""


def kept_state(launched: Launched, identity: Identity) -> dict[str, object]:
    """Return what a launched job's row keeps, so that it can be asked about later without any look-up."""
    who = {"username": identity.username, "uid": identity.uid, "gid": identity.gid}
    return {"identity": who, "resource": dict(launched.state)}


def handle_of(row: Mapping[str, Any], resource: Resource) -> JobHandle | None:
    """Name a launched job to its resource. `row` has the columns of `HANDLE_COLUMNS`.

    None for a job that another server launched and that its resource has not adopted yet: such a row is left alone.
    """
    kept = row["resource_state"]
    if "identity" not in kept or "resource" not in kept:
        return None
    place = JobPlace(
        identity=Identity(**kept["identity"]),
        storage_root=resource.storage.root,
        workspace_path=row["workspace__path"],
        job_path=f".{row['id']}",
    )
    return JobHandle(row["launch_key"], row["id"], place, row["resource_job_id"], kept["resource"])


HANDLE_COLUMNS = ("id", "launch_key", "resource_job_id", "resource_state", "workspace__path")


@dataclass(frozen=True)
class _Prepared:
    launch: Launch
    environment_lock: str


class Launcher:
    """Takes pending jobs to their resource."""

    def __init__(
        self,
        deployment: Deployment,
        workspaces: Workspaces,
        resources: Mapping[str, Resource],
        job_types: Mapping[str, JobType],
        environments: EnvironmentStore,
        lifecycle: JobLifecycle,
        tasks: TaskRegistry,
        checkpoint: Callable[[str], None] = _no_checkpoint,
    ) -> None:
        self._deployment = deployment
        self._workspaces = workspaces
        self._resources = resources
        self._job_types = job_types
        self._environments = environments
        self._lifecycle = lifecycle
        self._tasks = tasks
        self.checkpoint = checkpoint
        tasks.register("jobs.prepare", self.prepare, queue="long")

    def lease_seconds(self, resource: Resource) -> float:
        return resource.launch_timeout_seconds + LEASE_MARGIN_SECONDS

    def attempt(self, job_id: int) -> None:
        """Launch a pending job, or find out that it has been launched. Leaves quietly where another has it."""
        job = self._claim(job_id)
        if job is None:
            return
        self.checkpoint("lease taken")
        resource = self._resources.get(job.resource)
        if resource is None:
            self._fail(
                job, EndReason.LAUNCH_FAILED, f"The resource {job.resource!r} is not configured any more."
            )
            return
        try:
            if job.launch_attempt and self._find_earlier(job, resource):
                return
            environment = self._ready_environment(job, resource)
            if environment is not False:
                self._submit(job, resource, environment)
        except EnvironmentBuildFailed as problem:
            self._fail(job, EndReason.ENVIRONMENT_FAILED, problem.message, problem.log_tail)
        except (ResourceUnreachable, Unavailable) as problem:
            logger.warning("job %s: its launch was not answered: %s", job_id, problem.message)
            text = f"The resource did not answer yet: {problem.message}"
            self._lifecycle.note(job_id, "job.waiting", values={"message": text})
            leases.release(Job.objects.all(), job_id)
        except (LaunchRefused, JobTypeProblem, Refusal) as problem:
            self._fail(job, EndReason.LAUNCH_FAILED, problem.message)

    def adopt(self, job_id: int) -> bool:
        """Let its resource find a job that another server launched (`IMPORTED_STATE`). True where it did.

        A job that it can't find now is left as it is. May be repeated. Raises `ResourceUnreachable`.
        """
        waiting = Job.objects.filter(status__in=LIVE, workspace__isnull=False)
        job = waiting.select_related("workspace__owner", "owner").filter(pk=job_id).first()
        resource = self._resources.get(job.resource) if job else None
        if job is None or resource is None or job.resource_state != IMPORTED_STATE:
            return False
        place = self.place(job, resource)
        found = resource.adopt(job.resource_job_id, place)
        if found is None:
            return False
        values: dict[str, Any] = {
            "resource_job_id": found.resource_job_id,
            "resource_state": kept_state(found, place.identity),
        }
        if job.imported_connection:
            # Not before now: whoever has been given its port since its end must not be mistaken for it.
            values |= {
                "ready": datetime.fromisoformat(job.imported_connection["ready"]),
                "step": JobStep.READY,
            }
        return self._lifecycle.note(job_id, "job.launched", values=values)

    def _claim(self, job_id: int) -> Job | None:
        unlaunched = Job.objects.filter(
            status__in=(JobState.PENDING, JobState.STOPPING), resource_job_id=UNLAUNCHED
        )
        row = unlaunched.filter(pk=job_id).values_list("resource", flat=True).first()
        if row is None:
            return None
        resource = self._resources.get(row)
        seconds = self.lease_seconds(resource) if resource else LEASE_MARGIN_SECONDS
        if not leases.claim(unlaunched, job_id, seconds):
            return None
        return unlaunched.select_related("workspace__owner", "owner").filter(pk=job_id).first()

    def _find_earlier(self, job: Job, resource: Resource) -> bool:
        """Deal with an attempt of whose answer nothing is known. True where nothing more is to do now."""
        place = self._place(job, resource)
        found = resource.find(job.launch_key, place)
        if found is not None:
            self._record_launched(job, resource, found, place)
            return True
        deadline = (job.launch_began or job.created) + timedelta(seconds=resource.launch_timeout_seconds)
        if timezone.now() < deadline:
            leases.release(Job.objects.all(), job.pk)
            return True
        if job.status == JobState.STOPPING:
            text = "The job was stopped before it was launched."
            self._lifecycle.end(job.pk, JobState.STOPPING, reason=EndReason.CANCELLED, message=text)
            return True
        if job.launch_attempt >= MOST_ATTEMPTS:
            raise LaunchRefused(f"The job was not started in {MOST_ATTEMPTS} attempts. {job.message}".strip())
        return False

    def _ready_environment(self, job: Job, resource: Resource) -> ReadyEnvironment | bool | None:
        """Return the job's environment, None where it needs none, or False after queuing its building."""
        request = self._job_type(job).environment(resource.key)
        if request is None:
            return None
        ready = self._environments.find(request)
        if ready is not None:
            return ready
        text = f"Preparing the software environment {request.name!r}: waiting for its turn."
        now = timezone.now()
        # A lease of nobody's: the job is queued, and only looked at again should its task get lost.
        values: dict[str, Any] = {"lease_holder": "", "lease_until": now + REQUEUE}
        with transaction.atomic():
            if job.step == JobStep.ENVIRONMENT:
                Job.objects.filter(pk=job.pk, status=JobState.PENDING).update(**values)
            else:
                values |= {"step": JobStep.ENVIRONMENT, "message": text}
                values["environment_began"] = job.environment_began or now
                self._lifecycle.note(job.pk, "job.environment", values=values, states=(JobState.PENDING,))
            self._tasks.enqueue("jobs.prepare", job.pk)
        return False

    def prepare(self, job_id: int) -> None:
        """Background: build the job's environment where it is missing, then launch. Repeatable."""
        Job.objects.filter(pk=job_id, lease_holder="").update(lease_until=None)  # see `_ready_environment`
        job = self._claim(job_id)
        resource = self._resources.get(job.resource) if job else None
        if job is None or resource is None or job.status != JobState.PENDING:
            leases.release(Job.objects.all(), job_id)
            return
        try:
            request = self._job_type(job).environment(resource.key)
            if request is not None and self._environments.find(request) is None:
                self._build(job, request)
        except EnvironmentBuildFailed as problem:
            self._fail(job, EndReason.ENVIRONMENT_FAILED, problem.message, problem.log_tail)
            return
        except JobTypeProblem as problem:
            self._fail(job, EndReason.LAUNCH_FAILED, problem.message)
            return
        except DatabaseFailure:
            raise  # taken up again once the lease is free
        except Exception:
            logger.exception("the environment of job %s could not be built", job_id)
            text = "The environment could not be built; the server's log says why."
            self._fail(job, EndReason.ENVIRONMENT_FAILED, text)
            return
        leases.release(Job.objects.all(), job_id)
        self.attempt(job_id)

    def _build(self, job: Job, request: EnvironmentRequest) -> None:
        def progress(line: str) -> None:
            leases.claim(Job.objects.filter(status=JobState.PENDING), job.pk, BUILD_LEASE_SECONDS)
            text = f"Preparing the software environment {request.name!r}: {line}"
            values = {"step": JobStep.ENVIRONMENT, "message": text[:500]}
            self._lifecycle.note(job.pk, "job.environment", values=values, states=(JobState.PENDING,))

        progress("starting")
        self._environments.build(request, progress)

    def _submit(self, job: Job, resource: Resource, environment: ReadyEnvironment | bool | None) -> None:
        assert not isinstance(environment, bool)
        prepared = self._prepared(job, resource, environment)
        now = timezone.now()
        begun = Job.objects.filter(
            pk=job.pk, status=JobState.PENDING, lease_holder=leases.holder_name(), lease_until__gt=now
        ).update(
            launch_attempt=job.launch_attempt + 1,
            launch_began=now,
            environment_lock=prepared.environment_lock,
            output=prepared.launch.script.output,
            step=JobStep.PROCESS,
        )
        if not begun:
            leases.release(Job.objects.all(), job.pk)
            return
        self.checkpoint("attempt recorded")
        try:
            launched = resource.launch(prepared.launch)
        except ResourceProblem:
            raise
        except Exception as error:  # it may have been started all the same, and is looked for
            logger.exception("the launch of job %s failed unexpectedly", job.pk)
            raise ResourceUnreachable("it failed unexpectedly; the server's log says why.") from error
        self.checkpoint("process started")
        self._record_launched(job, resource, launched, prepared.launch.place)
        self.checkpoint("launch recorded")

    def _prepared(self, job: Job, resource: Resource, environment: ReadyEnvironment | None) -> _Prepared:
        options = ResourceOptions(
            cpu_count=job.cpu_count,
            memory_bytes=job.memory_bytes_limit,
            time_limit_seconds=job.time_limit_seconds,
            gpu_enabled=job.gpu_enabled,
            extra=job.extra_options,
        )
        place = self._place(job, resource)
        context = StartContext(
            job_id=job.pk,
            launch_key=job.launch_key,
            person=self._person(job),
            place=place,
            options=options,
            job_details=job.request_details,
            environment=environment,
            application_token=application_token(self._deployment, job.launch_key),
        )
        try:
            preparation = self._job_type(job).prepare(resource.key, context)
        except JobTypeProblem:
            raise
        except Exception as error:
            logger.exception("job %s could not be prepared", job.pk)
            raise JobTypeProblem("The job could not be prepared; the server's log says why.") from error
        launch = Launch(
            key=job.launch_key,
            job_id=job.pk,
            job_name=f"{job.workspace_name} {job.pk}",
            place=place,
            script=preparation.script,
            files=preparation.files,
            options=options,
        )
        return _Prepared(launch, environment.lock_hash if environment else "")

    def _record_launched(self, job: Job, resource: Resource, launched: Launched, place: JobPlace) -> None:
        values = {
            "resource_job_id": launched.resource_job_id,
            "resource_state": kept_state(launched, place.identity),
            "launched": timezone.now(),
            "step": JobStep.PROCESS,
            "message": "",
            "lease_holder": "",
            "lease_until": None,
        }
        # A stop that came while the launch was under way finds the ids here and is sent by the reconciler.
        states = (JobState.PENDING, JobState.STOPPING)
        if not self._lifecycle.note(job.pk, "job.launched", values=values, states=states):
            # Given up in the meantime: nobody would ever ask about this process again.
            logger.warning("job %s had ended before its launch was through; its process is stopped", job.pk)
            handle = JobHandle(job.launch_key, job.pk, place, launched.resource_job_id, launched.state)
            resource.stop(handle, self._deployment.server.limits.job_stop_grace_seconds)
        self._lifecycle.wakeup.poke(job.launch_key)

    def _fail(self, job: Job, reason: EndReason, message: str, log_tail: str = "") -> None:
        for state in (JobState.PENDING, JobState.STOPPING):
            values = {"log_tail": log_tail}
            if self._lifecycle.end(job.pk, state, reason=reason, message=message, values=values):
                return

    def _job_type(self, job: Job) -> JobType:
        job_type = self._job_types.get(job.job_type)
        if job_type is None:
            raise JobTypeProblem(f"The job type {job.job_type!r} is not configured any more.")
        return job_type

    def _person(self, job: Job) -> Person:
        return job.owner.as_person()

    def _place(self, job: Job, resource: Resource) -> JobPlace:
        if job.workspace is None:
            raise LaunchRefused("The job's workspace is gone.")
        return self.place(job, resource)

    def place(self, job: Job, resource: Resource) -> JobPlace:
        """Return where a job lives, as whom it runs. The job's workspace must still be there."""
        assert job.workspace is not None
        account = self._workspaces.account(self._person(job), resource.storage)
        return JobPlace(
            identity=resource.storage.identity(account),
            storage_root=resource.storage.root,
            workspace_path=job.workspace.path,
            job_path=f".{job.pk}",
        )
