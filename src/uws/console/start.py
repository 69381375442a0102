"""Starting a job: the form made from the configured parameters and the job types' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_http_methods

from uws.console.fields import (
    Field,
    error_text,
    has_errors,
    parameter_field,
    place_errors,
    read_all,
    schema_fields,
)
from uws.console.job_views import JobTypeView, job_type_views
from uws.console.pages import go, page
from uws.console.requests import id_of, own_workspace, person_of, site_of, user_of
from uws.jobs.models import Job
from uws.refusals import Refusal
from uws.site import Site
from uws.workspaces.models import Workspace


@dataclass
class StartForm:
    """The form: the chosen type, the options' fields, and each type's own fields."""

    chosen: str
    options: list[Field]
    cards: list[tuple[JobTypeView, list[Field]]]

    def details(self) -> list[Field]:
        """Return the fields of the chosen type."""
        return next((fields for card, fields in self.cards if card.key == self.chosen), [])

    def fill(self, job: Job) -> None:
        """Show what an earlier job was started with."""
        self.chosen = job.job_type
        for field in self.options:
            _show(field, job.requested_options)
        for field in self.details():
            _show(field, job.request_details)


def _show(field: Field, values: Mapping[str, object]) -> None:
    key = field.pointer.rsplit("/", 1)[-1]
    if key in values:
        field.show(values[key])


def _blank_form(site: Site, workspace: Workspace, wanted: str) -> StartForm:
    cards = [
        (card, schema_fields(card.key, site.job_types[card.key].parameters_schema()))
        for card in job_type_views(site)
    ]
    keys = [card.key for card, _ in cards]
    chosen = next((key for key in (wanted, workspace.default_job_type, *keys) if key in keys), "")
    options = [
        parameter_field(
            parameter.variable_name,
            parameter.display_name,
            parameter.description,
            parameter.default_value,
            parameter.validation,
        )
        for parameter in site.loaded.config.parameters
    ]
    return StartForm(chosen, options, cards)


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, workspace_id: int) -> HttpResponse:
    workspace = own_workspace(request, workspace_id)
    site = site_of(request)
    form = _blank_form(site, workspace, request.POST.get("job_type") or request.GET.get("job_type", ""))
    if request.method == "POST":
        form.chosen = request.POST.get("job_type", "")
        return _submit(request, workspace, form)
    again = request.GET.get("from", "")
    if again.isdecimal() and len(again) <= 18:
        job = Job.objects.filter(pk=int(again), owner=user_of(request)).first()
        if job is not None:
            form.fill(job)
    return page(request, "start.html", {"workspace": workspace, "form": form})


def _submit(request: HttpRequest, workspace: Workspace, form: StartForm) -> HttpResponse:
    sent: QueryDict = request.POST
    options = read_all(form.options, sent)
    details = read_all(form.details(), sent)
    problem, status = "", 400
    if not has_errors(form.options) and not has_errors(form.details()):
        body = {"job_type": form.chosen, "job_details": details, "resource_options": options}
        try:
            job = site_of(request).jobs.start(person_of(request), workspace.pk, body)
        except Refusal as refusal:
            status = refusal.status
            left = place_errors([*form.options, *form.details()], refusal.errors)
            if left or not refusal.errors:
                problem = " ".join(error_text(error) for error in left) or refusal.message
        else:
            return go(request, "job", job_id=id_of(job))
    context = {"workspace": workspace, "form": form, "error": problem, "has_errors": True}
    return page(request, "start.html", context, status=status)
