"""`/jobs/` (contract §4)."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api import examples
from uws.api.answers import found, success
from uws.api.callers import caller
from uws.api.conditional import PAGE_PARAMETERS, listed, unless_unchanged
from uws.api.description import JsonSchema, QueryText, described
from uws.api.reading import query
from uws.api.schemas import Done, JobListAnswer, JobLogAnswer
from uws.refusals import BadRequest, FieldError

router = Router(tags=["jobs"])

ONE = "/{int:job_id}/"
NUMBER: JsonSchema = {"type": "integer", "minimum": -(10**18) + 1, "maximum": 10**18 - 1}
FILTERS: dict[str, QueryText] = {
    "workspace_id": ("Only jobs of this workspace.", NUMBER),
    "resource_job_id": ("Only the job with this number on its resource.", NUMBER),
    "job_type": "Only jobs of this type.",
    "status": "Only jobs in this state.",
}
LOG_FROM: dict[str, QueryText] = {
    "offset": (
        "Where to begin, in bytes; a negative number counts from the log's end. Default: its beginning.",
        NUMBER,
    )
}
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@router.get(
    "/",
    **described(
        "List jobs",
        JobListAnswer,
        400,
        query={**FILTERS, **PAGE_PARAMETERS},
        is_conditional=True,
        example=examples.success("Successful.", {"jobs": [examples.JOB]}),
    ),
)
def list_jobs(request: HttpRequest) -> HttpResponse:
    """Return the jobs of the caller's workspaces, newest first. Filters are exact, and all must hold.

    Without `limit` and `after` all of them are returned.
    """
    site, person = caller(request, "read")
    return unless_unchanged(
        request,
        site,
        person,
        *site.jobs.silent_changes(person),
        make=lambda: listed(
            request, "Job", "jobs", FILTERS, lambda chosen, page: site.jobs.list(person, chosen, page)
        ),
    )


@router.get(
    ONE,
    **described(
        "Get a job",
        JobListAnswer,
        is_conditional=True,
        example=examples.success("Successful.", {"jobs": [examples.JOB]}),
    ),
)
def get_job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Return one job, in a list. The list is empty where the caller has no such job."""
    site, person = caller(request, "read")
    return unless_unchanged(
        request,
        site,
        person,
        *site.jobs.silent_changes(person),
        make=lambda: found("Job", "jobs", site.jobs.get(person, job_id)),
    )


@router.get(
    f"{ONE}log/",
    **described(
        "Read a job's log",
        JobLogAnswer,
        400,
        404,
        query=LOG_FROM,
        example=examples.success("Successful.", {"log": examples.LOG}),
    ),
)
def read_log(request: HttpRequest, job_id: int) -> HttpResponse:
    """Return a piece of the job's log, at most 256 KiB. To follow it: ask again from `next_offset` on."""
    site, person = caller(request, "read")
    offset = query(request, *LOG_FROM).get("offset", "0")
    if not _WHOLE_NUMBER.fullmatch(offset):
        raise BadRequest(
            f"offset {offset[:40]!r} is not a whole number of bytes.",
            errors=[FieldError("?offset", offset[:40], "a whole number of at most 18 digits")],
        )
    return success("Successful.", {"log": site.jobs.read_log(person, job_id, int(offset))})


@router.put(
    f"{ONE}stop/",
    **described("Stop a job", Done, 404, example=examples.success("Job queued to stop.")),
)
def stop_job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Stop a pending or running job. It is `stopping` until its processes have ended."""
    site, person = caller(request, "launch")
    return success(site.jobs.stop(person, job_id))


@router.put(f"{ONE}{{str:put_type}}/", include_in_schema=False)
def other_put(request: HttpRequest, job_id: int, put_type: str) -> HttpResponse:
    """Serve the other spellings of `stop`, and refuse what is no PUT type."""
    if put_type.lower() == "stop":
        return stop_job(request, job_id)
    site, person = caller(request, "launch")
    site.jobs.require(person, job_id)
    raise BadRequest("Invalid PUT type passed.")
