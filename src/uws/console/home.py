"""The first page: what runs, and the workspaces."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from uws.accounts.models import User
from uws.console.job_views import job_type_views, job_views
from uws.console.pages import fragment, page
from uws.console.requests import person_of, site_of, user_of, wants_fragment
from uws.console.share_views import share_views
from uws.jobs.models import Job
from uws.jobs.states import LIVE
from uws.sharing.models import Share
from uws.site import Site
from uws.workspaces.models import Workspace

SHOWN_WORKSPACES = 200
SHOWN_JOBS = 100
SHOWN_INVITATIONS = 20


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    site, user = site_of(request), user_of(request)
    mine = Workspace.objects.filter(owner=user, awaits_acceptance=False)
    live = Q(jobs__status__in=LIVE)
    workspaces = list(
        mine.annotate(live_jobs=Count("jobs", filter=live)).order_by("-id")[:SHOWN_WORKSPACES],
    )
    jobs = Job.objects.filter(owner=user, status__in=LIVE, workspace__isnull=False).order_by("-id")[
        :SHOWN_JOBS
    ]
    context: dict[str, object] = {
        "workspaces": workspaces,
        "workspace_count": mine.count() if len(workspaces) == SHOWN_WORKSPACES else len(workspaces),
        "jobs": job_views(site, jobs.select_related("workspace")),
        "invitations": share_views(_invitations(site, user), user.as_person()),
    }
    if wants_fragment(request) == "invitations":
        return fragment(request, "invitations.html", context)
    if wants_fragment(request):
        return fragment(request, "home_lists.html", context)
    if not workspaces:
        context["job_types"] = job_type_views(site)
        context["collections"] = site.workspaces.collections(person_of(request))
    return page(request, "home.html", context)


def _invitations(site: Site, user: User) -> QuerySet[Share]:
    """Return the newest shares that wait for the user's answer."""
    mine = site.sharing.of_person(user.as_person()).filter(recipient=user, is_accepted=False)
    return mine.select_related("sender", "recipient")[:SHOWN_INVITATIONS]
