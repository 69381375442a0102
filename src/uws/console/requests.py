"""What every page asks of its request: the site, the person, and rows that are theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from django.http import Http404, HttpRequest

from uws.accounts.models import User
from uws.accounts.person import Person
from uws.jobs.models import Job
from uws.site import Site
from uws.workspaces.models import Workspace


def site_of(request: HttpRequest) -> Site:
    """Return the site that the server put beside the request."""
    return cast(Site, request.META["uws.site"])


def user_of(request: HttpRequest) -> User:
    """Return the signed-in user; only for pages that ask for a signed-in one (`uws.console.urls`)."""
    user = request.user
    assert isinstance(user, User)
    return user


def person_of(request: HttpRequest) -> Person:
    return user_of(request).as_person()


def own_workspace(request: HttpRequest, workspace_id: int) -> Workspace:
    """Return a workspace of the signed-in user; what is another's answers like what does not exist."""
    mine = Workspace.objects.filter(owner=user_of(request), awaits_acceptance=False)
    workspace = mine.filter(pk=workspace_id).first()
    if workspace is None:
        raise Http404("No such workspace.")
    return workspace


def own_job(request: HttpRequest, job_id: int) -> Job:
    """Return a job of the signed-in user; what is another's answers like what does not exist."""
    job = Job.objects.select_related("workspace").filter(pk=job_id, owner=user_of(request)).first()
    if job is None:
        raise Http404("No such job.")
    return job


def id_of(answer: Mapping[str, object]) -> int:
    """Return the id in a service's answer."""
    identity = answer["id"]
    assert isinstance(identity, int)
    return identity


def wants_fragment(request: HttpRequest) -> str:
    """Return the name of the part of the page that the script asks for again, or `""` for the whole page."""
    return request.GET.get("fragment", "")


def from_script(request: HttpRequest) -> bool:
    """Say whether a form was sent by the page's script, which follows a JSON `location` by itself."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"
