"""`/workspaces/` (contract §3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api import examples
from uws.api.answers import found, success
from uws.api.callers import caller
from uws.api.conditional import PAGE_PARAMETERS, listed, unless_unchanged
from uws.api.description import described
from uws.api.reading import json_body, uploads
from uws.api.schemas import Done, JobAnswer, JobStart, NewWorkspace, WorkspaceAnswer, WorkspaceChange
from uws.api.schemas import WorkspaceListAnswer as ListAnswer
from uws.refusals import BadRequest

router = Router(tags=["workspaces"])

ONE = "/{int:workspace_id}/"
FILTERS = {
    "name": "Only workspaces of exactly this name.",
    "description": "Only workspaces of exactly this description.",
    "status": "Only workspaces in this state.",
}
UPLOAD_FORM = {
    "type": "object",
    "additionalProperties": {"type": "string", "format": "binary"},
    "description": "Any field names; each file is written under its own name.",
}


@router.get(
    "/",
    **described(
        "List workspaces",
        ListAnswer,
        400,
        query={**FILTERS, **PAGE_PARAMETERS},
        is_conditional=True,
        example=examples.success("Successful.", {"workspaces": [examples.WORKSPACE]}),
    ),
)
def list_workspaces(request: HttpRequest) -> HttpResponse:
    """Return the caller's own workspaces, newest first. Filters are exact, and all must hold.

    Without `limit` and `after` all of them are returned.
    """
    site, person = caller(request, "read")
    return unless_unchanged(
        request,
        site,
        person,
        make=lambda: listed(
            request,
            "Workspace",
            "workspaces",
            FILTERS,
            lambda chosen, page: site.workspaces.list(person, chosen, page),
        ),
    )


@router.get(
    ONE,
    **described(
        "Get a workspace",
        ListAnswer,
        is_conditional=True,
        example=examples.success("Successful.", {"workspaces": [examples.WORKSPACE]}),
    ),
)
def get_workspace(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Return one workspace, in a list. The list is empty where the caller has no such workspace."""
    site, person = caller(request, "read")
    return unless_unchanged(
        request,
        site,
        person,
        make=lambda: found("Workspace", "workspaces", site.workspaces.get(person, workspace_id)),
    )


@router.post(
    "/",
    **described(
        "Create a workspace",
        WorkspaceAnswer,
        503,
        body=NewWorkspace,
        body_example=examples.NEW_WORKSPACE,
        example=examples.success("Successful.", {"workspace": examples.WORKSPACE}),
    ),
)
def create_workspace(request: HttpRequest) -> HttpResponse:
    """Make a workspace with its files and links, all before the answer; a refused one leaves nothing behind."""
    site, person = caller(request, "write")
    return success("Successful.", {"workspace": site.workspaces.create(person, json_body(request))})


@router.put(
    ONE,
    **described(
        "Change a workspace",
        Done,
        404,
        503,
        body=WorkspaceChange,
        body_example=examples.WORKSPACE_CHANGE,
        example=examples.success("Update successful."),
    ),
)
def update_workspace(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Change names and texts, add or replace files and links. What is not named stays."""
    site, person = caller(request, "write")
    site.workspaces.require(person, workspace_id)
    site.workspaces.update(person, workspace_id, json_body(request))
    return success("Update successful.")


@router.delete(
    ONE,
    **described(
        "Delete a workspace",
        Done,
        404,
        503,
        example=examples.success("Workspace 12 queued for deletion."),
    ),
)
def delete_workspace(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Accept the deletion of a workspace without pending or running jobs; it is removed in the background."""
    site, person = caller(request, "write")
    site.workspaces.delete(person, workspace_id)
    return success(f"Workspace {workspace_id} queued for deletion.")


@router.put(
    f"{ONE}start/",
    **described(
        "Start a job",
        JobAnswer,
        404,
        503,
        body=JobStart,
        body_example=examples.JOB_START,
        example=examples.success("Successful start.", {"job": examples.NEW_JOB}),
    ),
)
def start_job(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Start a job in the workspace. Two calls start two jobs, unless both carry the same `Idempotency-Key`.

    A job that could not be launched is a success too: it is then `failed`, and says why.
    """
    site, person = caller(request, "launch")
    site.workspaces.require(person, workspace_id)
    job = site.jobs.start(person, workspace_id, json_body(request))
    return success("Successful start.", {"job": job})


@router.put(
    f"{ONE}upload/",
    **described(
        "Upload files",
        Done,
        404,
        415,
        503,
        body=UPLOAD_FORM,
        media_type="multipart/form-data",
        body_example={"file": "sample,count\na,12\n"},
        example=examples.success("Successful upload."),
    ),
)
def upload_files(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Write files into the workspace's top directory, each whole or not at all; existing ones are replaced."""
    site, person = caller(request, "files")
    site.workspaces.require(person, workspace_id)
    with uploads(request) as files:
        site.workspaces.upload(person, workspace_id, files)
    return success("Successful upload.")


PUT_TYPES = {"start": start_job, "upload": upload_files}


@router.put(f"{ONE}{{str:put_type}}/", include_in_schema=False)
def other_put(request: HttpRequest, workspace_id: int, put_type: str) -> HttpResponse:
    """Serve the other spellings of the PUT types (`START`), and refuse what is none."""
    operation = PUT_TYPES.get(put_type.lower())
    if operation is not None:
        return operation(request, workspace_id)
    site, person = caller(request, "write")
    site.workspaces.require(person, workspace_id)
    raise BadRequest("Invalid PUT type passed.")
