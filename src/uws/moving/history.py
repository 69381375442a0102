"""The original's jobs: what ended is history, what lives on a cluster is adopted, what can't be found has failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from uws.jobs.launch import IMPORTED_STATE, UNLAUNCHED
from uws.jobs.resources.base import EndReason
from uws.jobs.states import FINAL, LIVE, JobState, JobStep
from uws.moving import applications, values
from uws.moving.options import OptionNames, limits
from uws.moving.plan import Columns, Plan, translated
from uws.moving.source import JOBS, OriginalDatabase, Row
from uws.moving.values import Unusable
from uws.site import Site

LOCAL_CLASS = "LocalResource"
LOG_NAMES = {"JupyterLabJob": "JupyterLabJob_{}_output.log", "LocalTestJob": "LocalTest_{}_output.log"}
"""Class of a job type to the name of its jobs' log, in the job's directory (contract §13)."""
NEVER_LAUNCHED = "The original server never launched this job and left it waiting."
LOST = (
    "The job ran on the original server's own machine, which kept only a process number: "
    "it can't be told apart from another process, so it is not followed."
)


@dataclass(frozen=True)
class Resources:
    """What is known of resources by their keys: the class that each is, here or (else) in the original."""

    here: Mapping[str, str]
    in_the_original: Mapping[str, str]

    def is_local(self, key: str) -> bool:
        """True where a job on it was a process of the original server's machine."""
        return self.here.get(key, self.in_the_original.get(key)) == LOCAL_CLASS

    @classmethod
    def of(cls, site: Site, original_classes: Mapping[str, str]) -> Resources:
        specs = site.loaded.plugins.resources
        return cls({key: spec.cls.__name__ for key, spec in specs.items()}, original_classes)


def read_busy_workspaces(source: OriginalDatabase, resources: Resources) -> frozenset[int]:
    """Return the numbers of the workspaces in which a job is pending or running after the import."""
    busy = set()
    for row in source.rows(JOBS):
        state, _, _ = _state(row, resources)
        if state in (JobState.PENDING, JobState.RUNNING) and row["workspace_id_id"] is not None:
            busy.add(row["workspace_id_id"])
    return frozenset(busy)


def _state(row: Row, resources: Resources) -> tuple[JobState | None, str, str]:
    """Return a job's state here (None: there is no such state), the reason and the sentence of its end."""
    try:
        state = JobState(str(row["status"]))
    except ValueError:
        return None, "", ""
    if state in FINAL:
        return state, EndReason.FAILED if state == JobState.FAILED else "", ""
    if row["resource_job_id"] in (UNLAUNCHED, None):
        return JobState.FAILED, EndReason.LAUNCH_FAILED, NEVER_LAUNCHED
    if resources.is_local(str(row["resource_name"])):
        return JobState.FAILED, EndReason.LOST, LOST
    return state, "", ""


def read_jobs(
    source: OriginalDatabase, site: Site, plan: Plan, resources: Resources, options: OptionNames
) -> None:
    """Fill the plan's jobs. Users and workspaces must be there already."""
    jobs = _Jobs(site, plan, resources, options)
    plan.jobs = translated(source, JOBS, plan.report, jobs.translate)


class _Jobs:
    def __init__(self, site: Site, plan: Plan, resources: Resources, options: OptionNames) -> None:
        self._plan = plan
        self._report = plan.report.of(JOBS.name)
        self._resources = resources
        self._options = options
        self._job_types = site.job_types
        self._secrets = site.deployment.secrets
        self._default_minutes = site.loaded.config.server.default_time_limit_minutes

    def translate(self, row: Row) -> Columns:
        job_id = values.whole(row, "id")
        state, reason, message = _state(row, self._resources)
        if state is None:
            raise Unusable(
                f"its status is {str(row['status'])[:40]!r}; expected one of {', '.join(JobState)}"
            )
        workspace_id = values.whole_or_none(row, "workspace_id_id")
        workspace = self._plan.workspaces.get(workspace_id) if workspace_id is not None else None
        user_id = self._owner(row, workspace)
        details = values.json_object(row, "job_details")
        resource = values.text(row, "resource_name", 128)
        requested = self._options.callers(resource, values.json_object(row, "resource_options"))
        if state != row["status"]:
            self._report.note(job_id, f"{row['status']} became {state}: {message}")
        launch_key = f"original-{job_id}"
        application = applications.NONE
        if state in LIVE:
            application = self._application(job_id, row, details, launch_key)
            self._note_adoption(job_id, resource)
        return {
            "owner_id": user_id,
            "workspace_id": workspace_id if workspace is not None else None,
            "workspace_name": workspace["name"] if workspace is not None else "",
            "job_type": values.text(row, "job_type", 128),
            "resource": resource,
            "status": state,
            "reason": reason,
            "message": message,
            "request_details": _request_details(details),
            "requested_options": requested,
            **limits(requested, self._default_minutes),
            "launch_key": launch_key,
            "launch_attempt": 1,
            "resource_job_id": self._resource_job_id(row),
            "output": self._output(row, job_id),
            "resource_state": dict(IMPORTED_STATE) if state in LIVE else {},
            "core_hours": values.decimal(row, "core_hours"),
            **_times(row, details, state),
            **application,
        }

    def _owner(self, row: Row, workspace: Mapping[str, Any] | None) -> int:
        user_id = values.whole_or_none(row, "user_id_id")
        if user_id is None and workspace is not None:
            user_id = workspace["owner_id"]
        if user_id is None:
            raise Unusable("it belongs to nobody")
        if user_id not in self._plan.users:
            raise Unusable(f"its user {user_id} was not imported")
        return user_id

    @staticmethod
    def _resource_job_id(row: Row) -> int:
        found = values.whole_or_none(row, "resource_job_id")
        return UNLAUNCHED if found is None else found

    def _output(self, row: Row, job_id: int) -> str:
        job_type = self._job_types.get(values.text(row, "job_type"))
        return LOG_NAMES.get(type(job_type).__name__, "").format(job_id)

    def _application(self, job_id: int, row: Row, details: Mapping[str, Any], launch_key: str) -> Columns:
        began = values.moment(row, "datetime_start") or values.needed_moment(row, "datetime_created")
        ready = _after(began, values.inner(details, "metrics").get("time_init")) or began
        try:
            return applications.read_application(details, launch_key, ready, self._secrets)
        except Unusable as problem:
            self._report.note(job_id, f"its application can't be opened from here: {problem}.")
            return applications.NONE

    def _note_adoption(self, job_id: int, resource: str) -> None:
        if resource in self._resources.here:
            self._report.note(job_id, f"still runs; it is looked for on {resource!r} by its number.")
        else:
            self._report.note(
                job_id, f"still runs; it is left as it is until a resource {resource!r} is configured here."
            )


def _request_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the caller asked; the options are written beside it by the server when it answers."""
    kept, _ = values.without_secrets(values.inner(details, "request_job_details"))
    assert isinstance(kept, dict)
    return {key: value for key, value in kept.items() if key != "resource_options"}


def _times(row: Row, details: Mapping[str, Any], state: JobState) -> Columns:
    created, started = values.needed_moment(row, "datetime_created"), values.moment(row, "datetime_start")
    metrics = values.inner(details, "metrics")
    ready = _after(started, metrics.get("time_init"))
    ended = None
    if state in FINAL:
        # A time that the original recorded, never the import's: a second import must end the same.
        ended = values.moment(row, "datetime_end") or started or created
    else:
        # Until its resource has adopted it, there is no application to lead to (`Launcher.adopt`).
        ready = None
    return {
        "created": created,
        "started": started,
        "seen_running": _after(created, metrics.get("time_pending")),
        "ready": ready,
        "ended": ended,
        "step": JobStep.ENDED if state in FINAL else JobStep.PROCESS,
    }


def _after(begin: Any, seconds: object) -> Any:
    usable = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds < 10**9
    return begin + timedelta(seconds=float(seconds)) if begin is not None and usable else None  # type: ignore[arg-type]
