"""What can be done with jobs. Each method looks things up with their owner."""

from __future__ import annotations

import codecs
import json
import re
import secrets as random_source
from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from uws.accounts.person import Person
from uws.agent.errors import AgentError, NotFoundError
from uws.background import leases
from uws.background.idempotency import current_reference
from uws.config.models import Config
from uws.events import log
from uws.jobs import options as resource_options
from uws.jobs.launch import UNLAUNCHED, Launcher
from uws.jobs.lifecycle import JobLifecycle
from uws.jobs.models import Job
from uws.jobs.resources.base import EndReason, Resource
from uws.jobs.states import FINAL, LIVE, JobState
from uws.jobs.types.base import ImproperlyConfigured, JobDetailsRefused, JobType
from uws.jobs.wire import COLUMNS, JobWire, window_began
from uws.paging import Page, in_page
from uws.refusals import BadRequest, FieldError, NotFound, Refusal
from uws.workspaces.faults import refusal_of
from uws.workspaces.lifecycle import transition as move_workspace
from uws.workspaces.models import Workspace
from uws.workspaces.service import Workspaces
from uws.workspaces.states import WorkspaceState

BAD_DIRECTORY = (
    "Please contact a system administrator there is a failure with the workspace directory that will not allow for "
    "jobs to be created."
)
NOT_CONFIGURED = "Job Type improperly configured. Please contact a system administrator to resolve this."
NOT_STOPPABLE = "This job is not running or pending."
JOBS_RUNNING = "Cannot delete workspace, jobs are running for this workspace."
LOG_TAIL_BYTES = 16 * 1024
LOG_PIECE_BYTES = 256 * 1024
DETAILS_BYTES = 64 * 1024

_SILENT_CHANGES_SQL = """
SELECT COUNT(CASE WHEN status = 'running' THEN 1 END), COUNT(CASE WHEN step = 'environment' THEN 1 END),
       COUNT(*), COUNT(started), SUM(cpu_seconds), SUM(peak_memory_bytes), MIN(host), MAX(host)
FROM jobs_job WHERE owner_id = %s AND status IN ('pending', 'running', 'stopping')
"""

WireObjects = list[dict[str, object]]


class Jobs:
    """The jobs' service. One transaction a method; a launch is made after the transaction, before the answer."""

    def __init__(
        self,
        config: Config,
        workspaces: Workspaces,
        resources: Mapping[str, Resource],
        job_types: Mapping[str, JobType],
        lifecycle: JobLifecycle,
        launcher: Launcher,
        wire: JobWire,
    ) -> None:
        self._config = config
        self._workspaces = workspaces
        self._resources = resources
        self._job_types = job_types
        self._lifecycle = lifecycle
        self._launcher = launcher
        self.wire = wire
        workspaces.deletion_blockers.append(self._blocks_deletion)
        workspaces.removal_waits.append(self._still_uses)

    # --- reading -----------------------------------------------------------------------------------

    def list(self, person: Person, filters: Mapping[str, str], page: Page | None = None) -> WireObjects:
        """Return the jobs of the person's existing workspaces, newest first; of a page, one more where there is one.

        Filters (exact): `workspace_id`, `resource_job_id` (whole numbers, else `BadRequest`), `job_type`, `status`.
        """
        chosen: dict[str, object] = {key: filters[key] for key in ("job_type", "status") if key in filters}
        for key in ("workspace_id", "resource_job_id"):
            if key in filters:
                chosen[key] = _whole_number(key, filters[key])
        rows = in_page(self._visible(person).filter(**chosen), page).values(*COLUMNS)
        now = window_began(timezone.now())
        return [self.wire.as_wire(row, person.id, now) for row in rows]

    @staticmethod
    def silent_changes(person: Person) -> tuple[object, ...]:
        """Return a value that changes whenever the person's jobs look different without an event about them.

        That is the clock while a job runs (`time_left`, the ticket), and what the reconciler writes beside it (usage,
        a host, a start time). Asks for live jobs only: a thousand ended ones cost nothing.
        """
        with connection.cursor() as cursor:
            cursor.execute(_SILENT_CHANGES_SQL, [person.id])
            live = cursor.fetchone()
        is_running = live[0] > 0
        return (window_began(timezone.now()).timestamp() if is_running else None, *live)

    def get(self, person: Person, job_id: int) -> WireObjects:
        """Return the job in a list, or an empty list where there is none of theirs."""
        now = window_began(timezone.now())
        rows = self._visible(person).filter(pk=job_id).values(*COLUMNS)
        return [self.wire.as_wire(row, person.id, now) for row in rows]

    @staticmethod
    def _visible(person: Person) -> QuerySet[Job]:
        return Job.objects.filter(owner_id=person.id, workspace__isnull=False)

    def find(self, person: Person, job_id: int) -> Job:
        """Return the person's job. Raises `NotFound`."""
        row = self._visible(person).select_related("workspace").filter(pk=job_id).first()
        if row is None:
            raise NotFound(f"Job {job_id} not found for user.")
        return row

    require = find

    def open_url(self, job: Job, person: Person) -> str | None:
        """Return the address of the running application with a fresh ticket, or None while it does not answer."""
        if job.status != JobState.RUNNING or job.ready is None:
            return None
        row = Job.objects.filter(pk=job.pk).values(*COLUMNS).get()
        details = self.wire.current_details(row, person.id, timezone.now()).get("connection_details")
        connection = self.wire.connection(row)
        if not isinstance(details, dict) or connection is None:
            return None
        path = connection.path
        if not row["imported_connection"]:  # another server's application need not have our paths
            path = self._job_types[job.job_type].open_path(job.request_details) or path
        ticket = details["url_path"].removeprefix(connection.path)
        return f"{details['url_domain']}{path}{ticket}"

    def log_tail(self, job: Job, limit_bytes: int = LOG_TAIL_BYTES) -> str:
        """Return the end of the job's log as it is now, read as the owner; empty where there is none."""
        if job.workspace is None or not job.output:
            return ""
        try:
            with self._workspaces.open(job.workspace) as files:
                return files.read_tail(f".{job.pk}/{job.output}", limit_bytes=limit_bytes).decode(
                    "utf-8", "replace"
                )
        except NotFoundError as error:
            return f"The log cannot be read: {error}" if error.code == "no_root" else ""
        except (AgentError, Refusal) as error:
            return f"The log cannot be read: {error}"

    def read_log(self, person: Person, job_id: int, offset: int) -> dict[str, object]:
        """Return a piece of the job's log, read as its owner, at most `LOG_PIECE_BYTES`.

        `offset` is in bytes; a negative one counts from the end. The answer has `text`, `offset`, `next_offset`,
        `size` (bytes) and `is_complete` (the job has ended and nothing follows). Raises `NotFound`.
        """
        job = self.find(person, job_id)
        has_ended = job.status in FINAL
        data, size = b"", 0
        if job.workspace is not None and job.output:
            try:
                with self._workspaces.open(job.workspace) as files:
                    data, offset, size = files.read_piece(f".{job.pk}/{job.output}", offset, LOG_PIECE_BYTES)
            except AgentError as error:
                if not isinstance(error, NotFoundError) or error.code == "no_root":
                    raise refusal_of(error, "The log cannot be read: ") from error
                offset = 0
        if not has_ended or max(0, offset) + len(data) < size:
            data = _whole_characters(data)
        next_offset = max(0, offset) + len(data)
        return {
            "text": data.decode("utf-8", "replace"),
            "offset": max(0, offset),
            "next_offset": next_offset,
            "size": size,
            "is_complete": has_ended and next_offset >= size,
        }

    # --- starting ----------------------------------------------------------------------------------

    def start(self, person: Person, workspace_id: int, body: object) -> dict[str, object]:
        """Start a job (contract §3.4) and return it as the wire shows it, launched where it could be at once."""
        workspace = self._workspaces.require(person, workspace_id)
        if not workspace.path:
            raise BadRequest(BAD_DIRECTORY, status=500, kind="misconfigured")
        if workspace.status in (WorkspaceState.DELETING, WorkspaceState.INITIALIZING):
            raise BadRequest(
                f"Workspace {workspace_id} is {workspace.status}: no job can be started in it now."
            )
        if not isinstance(body, dict):
            raise BadRequest(
                "Invalid JSON: expected an object.", errors=[FieldError("", "no object", "an object")]
            )
        job_type = self._job_type(body.get("job_type") or workspace.default_job_type)
        details, asked = body.get("job_details", {}), body.get("resource_options", {})
        if not isinstance(details, dict):
            raise BadRequest(
                "Job details not JSON.", errors=[FieldError("/job_details", "no object", "an object")]
            )
        if not isinstance(asked, dict):
            raise BadRequest(
                "Resource options not JSON.",
                errors=[FieldError("/resource_options", "no object", "an object")],
            )
        if len(json.dumps(details)) > DETAILS_BYTES:
            raise BadRequest(
                f"Job details are too large: expected at most {DETAILS_BYTES} bytes of JSON.",
                errors=[FieldError("/job_details", "more", f"at most {DETAILS_BYTES} bytes")],
            )
        resource = self._resources[self._config.main_resource]
        accepted = resource_options.accept(
            asked,
            self._config.parameters,
            parameter_mapping=resource.settings.parameter_mapping,
            default_time_limit_minutes=self._config.server.default_time_limit_minutes,
        )
        try:
            job_type.check_details(details)
            job_type.environment(resource.key)
        except JobDetailsRefused as problem:
            error = FieldError(f"/job_details{problem.pointer}", "", problem.message)
            raise BadRequest(problem.message, errors=[error]) from problem
        except ImproperlyConfigured as problem:
            raise BadRequest(
                NOT_CONFIGURED, errors=[FieldError("/job_type", job_type.key, problem.message)]
            ) from problem
        # Of a repeated request whose first process died after the row was written, the job is there already.
        job = Job.objects.filter(owner_id=person.id, launch_key=_launch_key()).first()
        if job is None:
            job = self._insert(person, workspace, job_type, resource, details, accepted)
        self._launcher.attempt(job.pk)
        # The launch may have failed: then the row says so, and so does the answer, which stays a 200.
        return self._started(person, job.pk)

    def _started(self, person: Person, job_id: int) -> dict[str, object]:
        answer = self.get(person, job_id)[0]
        answer["core_hours"] = 0
        return answer

    def _job_type(self, key: object) -> JobType:
        if key is None or key == "":
            raise BadRequest("Missing job_type and no default job type set on workspace.")
        job_type = self._job_types.get(key) if isinstance(key, str) else None
        if job_type is None:
            raise BadRequest(
                f"{str(key)[:128]} is not in the list of available job types.",
                errors=[FieldError("/job_type", str(key)[:128], f"one of: {', '.join(self._job_types)}")],
            )
        return job_type

    def _insert(
        self,
        person: Person,
        workspace: Workspace,
        job_type: JobType,
        resource: Resource,
        details: Mapping[str, object],
        accepted: resource_options.AcceptedOptions,
    ) -> Job:
        now = timezone.now()
        wanted = accepted.options
        with transaction.atomic():
            locked = Workspace.objects.select_for_update().filter(pk=workspace.pk).first()
            if locked is None or locked.status == WorkspaceState.DELETING:
                raise BadRequest(f"Workspace {workspace.pk} is being deleted.")
            job = Job.objects.create(
                owner_id=person.id,
                workspace=workspace,
                workspace_name=workspace.name,
                job_type=job_type.key,
                resource=resource.key,
                request_details=_without_options(details),
                requested_options=dict(accepted.given),
                cpu_count=wanted.cpu_count,
                memory_bytes_limit=wanted.memory_bytes,
                time_limit_seconds=wanted.time_limit_seconds,
                gpu_enabled=wanted.gpu_enabled,
                extra_options=dict(wanted.extra),
                launch_key=_launch_key(),
                ignored_options=[name[:64] for name in accepted.ignored[:20]],
            )
            leases.claim(Job.objects.all(), job.pk, self._launcher.lease_seconds(resource))
            if locked.status in (WorkspaceState.IDLE, WorkspaceState.ERROR):
                state = WorkspaceState(locked.status)
                move_workspace(workspace.pk, state, WorkspaceState.ACTIVE, actor=person.username)
            Workspace.objects.filter(pk=workspace.pk).update(last_job_launch=now)
            log.append(
                "job.created",
                f"jobs/{job.pk}",
                owner_id=person.id,
                actor=person.username,
                payload={
                    "workspace_id": workspace.pk,
                    "workspace_name": workspace.name,
                    "job_type": job_type.key,
                    "ignored_options": job.ignored_options,
                },
            )
        return job

    # --- stopping ----------------------------------------------------------------------------------

    def stop(self, person: Person, job_id: int) -> str:
        """Stop a job (contract §4.2) and return the answer's message. The processes end in the background."""
        job = self.find(person, job_id)
        if job.status not in (JobState.PENDING, JobState.RUNNING):
            raise BadRequest(NOT_STOPPABLE, kind="job-not-stoppable")
        now = timezone.now()
        if self._ended_before_launch(job_id, now):
            return "Successful stop."
        for old in (JobState.PENDING, JobState.RUNNING):
            values = {"stop_requested": now}
            if self._lifecycle.transition(
                job_id, old, JobState.STOPPING, actor=person.username, message="Stopping.", values=values
            ):
                self._lifecycle.wakeup.poke(job.launch_key)
                return "Job queued to stop."
        raise BadRequest(NOT_STOPPABLE, kind="job-not-stoppable")

    def _ended_before_launch(self, job_id: int, now: datetime) -> bool:
        """End a job that nobody has begun to submit, whoever prepares it: only a pending row is ever submitted."""
        unsubmitted = Job.objects.filter(
            pk=job_id, status=JobState.PENDING, resource_job_id=UNLAUNCHED, launch_attempt=0
        )
        text = "The job was stopped before it was launched."
        with transaction.atomic():
            return bool(unsubmitted.update(stop_requested=now)) and self._lifecycle.end(
                job_id, JobState.PENDING, reason=EndReason.CANCELLED, message=text
            )

    # --- what workspaces ask -----------------------------------------------------------------------

    @staticmethod
    def _blocks_deletion(workspace_id: int) -> str | None:
        busy = Job.objects.filter(workspace_id=workspace_id, status__in=(JobState.PENDING, JobState.RUNNING))
        return JOBS_RUNNING if busy.exists() else None

    @staticmethod
    def _still_uses(workspace_id: int) -> bool:
        return Job.objects.filter(workspace_id=workspace_id, status__in=LIVE).exists()


def _without_options(details: Mapping[str, object]) -> dict[str, object]:
    """Drop what the server itself writes beside the request's details when it answers."""
    return {key: value for key, value in details.items() if key != "resource_options"}


def _launch_key() -> str:
    """Return a new launch key; of a request with an `Idempotency-Key`, always the same one."""
    return f"uws-{current_reference() or random_source.token_hex(8)}"


def _whole_characters(data: bytes) -> bytes:
    """Leave a character that is cut off at the end to the next piece."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    return data[: len(data) - len(decoder.getstate()[0])]


def _whole_number(name: str, text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,18}", text) is None:
        raise BadRequest(
            f"{name} {text[:40]!r} is not a whole number.",
            errors=[FieldError(f"?{name}", text[:40], "a whole number")],
        )
    return int(text)
