"""`/workspaces/` (contract §3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api.answers import found, success
from uws.api.description import described
from uws.api.reading import json_body, query, uploads
from uws.api.schemas import Done, JobAnswer, JobStart, NewWorkspace, WorkspaceAnswer, WorkspaceChange
from uws.api.schemas import WorkspaceListAnswer as ListAnswer
from uws.api.wire import caller
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


@router.get("/", **described("List workspaces", ListAnswer, 400, 401, 403, query=FILTERS))
def list_workspaces(request: HttpRequest) -> HttpResponse:
    """Return the caller's own workspaces, newest first. Filters are exact, and all must hold."""
    site, person = caller(request, "read")
    return found("Workspace", "workspaces", site.workspaces.list(person, query(request, *FILTERS)))


@router.get(ONE, **described("Get a workspace", ListAnswer, 401, 403))
def get_workspace(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Return one workspace, in a list. The list is empty where the caller has no such workspace."""
    site, person = caller(request, "read")
    return found("Workspace", "workspaces", site.workspaces.get(person, workspace_id))


@router.post(
    "/",
    **described("Create a workspace", WorkspaceAnswer, 400, 401, 403, 503, body=NewWorkspace),
)
def create_workspace(request: HttpRequest) -> HttpResponse:
    """Make a workspace with its files and links, all before the answer; a refused one leaves nothing behind."""
    site, person = caller(request, "write")
    return success("Successful.", {"workspace": site.workspaces.create(person, json_body(request))})


@router.put(
    ONE,
    **described("Change a workspace", Done, 400, 401, 403, 404, 503, body=WorkspaceChange),
)
def update_workspace(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Change names and texts, add or replace files and links. What is not named stays."""
    site, person = caller(request, "write")
    site.workspaces.require(person, workspace_id)
    site.workspaces.update(person, workspace_id, json_body(request))
    return success("Update successful.")


@router.delete(ONE, **described("Delete a workspace", Done, 400, 401, 403, 404, 503))
def delete_workspace(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Accept the deletion of a workspace without pending or running jobs; it is removed in the background."""
    site, person = caller(request, "write")
    site.workspaces.delete(person, workspace_id)
    return success(f"Workspace {workspace_id} queued for deletion.")


@router.put(
    f"{ONE}start/",
    **described("Start a job", JobAnswer, 400, 401, 403, 404, 422, 503, body=JobStart),
)
def start_job(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Start a job in the workspace. Two calls start two jobs."""
    site, person = caller(request, "launch")
    site.workspaces.require(person, workspace_id)
    job = site.jobs.start(person, workspace_id, json_body(request))
    return success("Successful start.", {"job": job})


@router.put(
    f"{ONE}upload/",
    **described(
        "Upload files",
        Done,
        400,
        401,
        403,
        404,
        415,
        503,
        body=UPLOAD_FORM,
        media_type="multipart/form-data",
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
