"""`/shared_workspaces/` (contract §7). The id in all paths is that of the copy."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from uws.api import examples
from uws.api.answers import success
from uws.api.callers import caller
from uws.api.description import described
from uws.api.reading import json_body, query
from uws.api.schemas import Done
from uws.api.share_schemas import NewShare, SharedWorkspaceAnswer, SharedWorkspaceListAnswer
from uws.refusals import BadRequest

router = Router(tags=["shared workspaces"])

ONE = "/{int:shared_workspace_id}/"
FILTERS = {"is_accepted": "Only accepted shares (true, 1, t), or only others (false, 0, f); in any case."}
NOTHING_FOUND = "Shared workspace matching given parameters could not be found."

_LISTED = examples.success("Successful.", {"original_workspaces": [examples.SHARE], "shared_workspaces": []})

WireObjects = list[dict[str, object]]


def _sides(sides: tuple[WireObjects, WireObjects]) -> HttpResponse:
    sent, received = sides
    message = "Successful." if sent or received else NOTHING_FOUND
    return success(message, {"original_workspaces": sent, "shared_workspaces": received})


@router.get(
    "/",
    **described("List shares", SharedWorkspaceListAnswer, 400, query=FILTERS, example=_LISTED),
)
def list_shares(request: HttpRequest) -> HttpResponse:
    """Return the shares that the caller has sent, and those that the caller has received."""
    site, person = caller(request, "read")
    return _sides(site.sharing.list(person, query(request, *FILTERS)))


@router.get(ONE, **described("Get a share", SharedWorkspaceListAnswer, example=_LISTED))
def get_share(request: HttpRequest, shared_workspace_id: int) -> HttpResponse:
    """Return one share in the list that it belongs to. Both are empty where the caller has no such share."""
    site, person = caller(request, "read")
    return _sides(site.sharing.get(person, shared_workspace_id))


@router.post(
    "/",
    **described(
        "Share a workspace",
        SharedWorkspaceAnswer,
        404,
        503,
        body=NewShare,
        body_example=examples.NEW_SHARE,
        example=examples.success("Successful.", {"shared_workspaces": [examples.SHARE]}),
    ),
)
def create_shares(request: HttpRequest) -> HttpResponse:
    """Give each of some people a copy of a workspace, without hidden files; it is made in the background."""
    site, person = caller(request, "share")
    return success("Successful.", {"shared_workspaces": site.sharing.create(person, json_body(request))})


@router.put(
    f"{ONE}accept/", **described("Accept a share", Done, 404, example=examples.success("Successful."))
)
def accept_share(request: HttpRequest, shared_workspace_id: int) -> HttpResponse:
    """Take the copy among one's own workspaces. Only its recipient may; repeating it changes nothing."""
    site, person = caller(request, "share")
    site.sharing.accept(person, shared_workspace_id)
    return success("Successful.")


@router.delete(
    ONE,
    **described(
        "Cancel or decline a share",
        Done,
        404,
        503,
        example=examples.success("Shared workspace 15 queued for deletion."),
    ),
)
def delete_share(request: HttpRequest, shared_workspace_id: int) -> HttpResponse:
    """Take back a share that was sent, or decline one that was received, before it is accepted."""
    site, person = caller(request, "share")
    site.sharing.delete(person, shared_workspace_id)
    return success(f"Shared workspace {shared_workspace_id} queued for deletion.")


@router.put(f"{ONE}{{str:put_type}}/", include_in_schema=False)
def other_put(request: HttpRequest, shared_workspace_id: int, put_type: str) -> HttpResponse:
    """Refuse what is no PUT type of a share; `accept` has no other spelling."""
    site, person = caller(request, "share")
    site.sharing.require(person, shared_workspace_id)
    raise BadRequest("Invalid PUT type passed.")
