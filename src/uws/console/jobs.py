"""The pages of jobs: how one is doing, opening it, stopping it, starting it again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from uws.console.job_views import job_view
from uws.console.pages import fragment, go, page, set_notice
from uws.console.requests import id_of, own_job, person_of, site_of, wants_fragment
from uws.refusals import Refusal


@require_GET
def show(request: HttpRequest, job_id: int) -> HttpResponse:
    """One job. `?open=1` (the passthrough sends people here to sign in) goes on into a job that answers."""
    job = own_job(request, job_id)
    if request.GET.get("open") == "1":
        url = site_of(request).jobs.open_url(job, person_of(request))
        if url:
            return _into_job(url)
    view = job_view(site_of(request), job)
    context = {"view": view, "job": job, "workspace": job.workspace}
    if wants_fragment(request):
        return fragment(request, "job_state.html", context)
    return page(request, "job.html", context)


@require_GET
def open_job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Go into the running application, with a fresh ticket; or to the job's page, which says why not yet."""
    url = site_of(request).jobs.open_url(own_job(request, job_id), person_of(request))
    return _into_job(url) if url else go(request, "job", job_id=job_id)


def _into_job(url: str) -> HttpResponse:
    response = HttpResponseRedirect(url)
    # The address holds a ticket; the page before it is nobody's business on the job's origin.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
def stop(request: HttpRequest, job_id: int) -> HttpResponse:
    own_job(request, job_id)
    try:
        site_of(request).jobs.stop(person_of(request), job_id)
    except Refusal as refusal:
        set_notice(request, refusal.message, kind="problem")
    return go(request, "job", job_id=job_id)


@require_POST
def again(request: HttpRequest, job_id: int) -> HttpResponse:
    """Start another job like this one. Where that is refused, its start form opens with the same values."""
    job = own_job(request, job_id)
    if job.workspace_id is None:
        set_notice(request, "Its workspace was deleted, so it cannot be started again.", kind="problem")
        return go(request, "job", job_id=job_id)
    body = {
        "job_type": job.job_type,
        "job_details": job.request_details,
        "resource_options": job.requested_options,
    }
    try:
        started = site_of(request).jobs.start(person_of(request), job.workspace_id, body)
    except Refusal as refusal:
        set_notice(request, refusal.message, kind="problem")
        form = reverse("console:workspace-start", kwargs={"workspace_id": job.workspace_id})
        return HttpResponseRedirect(f"{form}?from={job_id}")
    return go(request, "job", job_id=id_of(started))


@require_GET
def log(request: HttpRequest, job_id: int) -> HttpResponse:
    """The end of the job's log as it is now; a live job's is fetched again whenever its row changes."""
    job = own_job(request, job_id)
    site = site_of(request)
    context = {"view": job_view(site, job), "job": job, "log": site.jobs.log_tail(job) or job.log_tail}
    if wants_fragment(request):
        return fragment(request, "job_log.html", context)
    return page(request, "job_log.html", {**context, "workspace": job.workspace})
