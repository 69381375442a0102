"""The pages of workspaces: making, showing, changing, filling and deleting them."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from uws.accounts.person import Person
from uws.console.formats import count_text, link_name
from uws.console.job_views import job_type_views, job_views
from uws.console.listing import list_workspace
from uws.console.pages import fragment, go, page, set_notice
from uws.console.requests import id_of, own_workspace, person_of, site_of, wants_fragment
from uws.console.uploads import uploads_of
from uws.jobs.models import Job
from uws.jobs.states import LIVE
from uws.refusals import Refusal
from uws.site import Site
from uws.workspaces.models import Workspace

SHOWN_JOBS = 50


@require_GET
def show(request: HttpRequest, workspace_id: int) -> HttpResponse:
    workspace = own_workspace(request, workspace_id)
    site = site_of(request)
    jobs = Job.objects.filter(workspace=workspace, owner=workspace.owner_id).order_by("-id")[:SHOWN_JOBS]
    views = job_views(site, jobs)
    part = wants_fragment(request)
    site.workspaces.refresh_listing(workspace)
    context = {
        "workspace": workspace,
        "listing": list_workspace(site, workspace) if part in ("", "files") else None,
        "live_jobs": [view for view in views if not view.ended],
        "past_jobs": [view for view in views if view.ended],
        "job_types": job_type_views(site),
    }
    if part in ("summary", "files", "jobs"):
        return fragment(request, f"workspace_{part}.html", context)
    return page(request, "workspace.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a workspace; files and links to data may come with it in the same form."""
    site, person = site_of(request), person_of(request)
    collections = site.workspaces.collections(person)
    chosen = request.POST.getlist("collections")
    context: dict[str, object] = {
        "collections": [(collection, collection.name in chosen) for collection in collections],
        "name": request.POST.get("name", ""),
        "description": request.POST.get("description", ""),
    }
    if request.method != "POST":
        return page(request, "workspace_new.html", context)
    errors = _text_errors(request.POST)
    if errors:
        return page(request, "workspace_new.html", {**context, "errors": errors}, status=400)
    links = [
        {"name": link_name(collection.name), "source_path": str(collection.path)}
        for collection in collections
        if collection.name in chosen
    ]
    body = {**_texts(request.POST), "workspace_details": {"files": [], "symlinks": links}}
    try:
        created = site.workspaces.create(person, body)
    except Refusal as refusal:
        context["errors"] = {"form": refusal.message}
        return page(request, "workspace_new.html", context, status=refusal.status)
    workspace_id = id_of(created)
    if request.FILES.getlist("files"):
        _take_uploads(request, site, person, workspace_id)
    return go(request, "workspace", workspace_id=workspace_id)


def _texts(form: Mapping[str, str]) -> dict[str, object]:
    return {"name": form.get("name", "").strip(), "description": form.get("description", "").strip()}


def _text_errors(form: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with a workspace's name, beside its field."""
    name = form.get("name", "").strip()
    longest = Workspace._meta.get_field("name").max_length or 64
    if not name:
        return {"name": "Give the workspace a name."}
    if len(name) > longest:
        return {"name": f"The name has {len(name)} characters; at most {longest} are possible."}
    return {}


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Change a workspace's name and description."""
    workspace = own_workspace(request, workspace_id)
    context: dict[str, object] = {
        "workspace": workspace,
        "name": workspace.name,
        "description": workspace.description,
    }
    if request.method != "POST":
        return page(request, "workspace_edit.html", context)
    context |= {"name": request.POST.get("name", ""), "description": request.POST.get("description", "")}
    errors = _text_errors(request.POST)
    if errors:
        return page(request, "workspace_edit.html", {**context, "errors": errors}, status=400)
    try:
        site_of(request).workspaces.update(person_of(request), workspace_id, _texts(request.POST))
    except Refusal as refusal:
        context["errors"] = {"form": refusal.message}
        return page(request, "workspace_edit.html", context, status=refusal.status)
    set_notice(request, "Name and description were saved.")
    return go(request, "workspace", workspace_id=workspace_id)


@require_POST
def upload(request: HttpRequest, workspace_id: int) -> HttpResponse:
    own_workspace(request, workspace_id)
    _take_uploads(request, site_of(request), person_of(request), workspace_id)
    return go(request, "workspace", workspace_id=workspace_id)


def _take_uploads(request: HttpRequest, site: Site, person: Person, workspace_id: int) -> None:
    """Hand the form's files to the service, and leave a notice of how it went."""
    with uploads_of(request) as uploads:
        if not uploads:
            set_notice(request, "No file was chosen, so nothing was uploaded.", kind="problem")
            return
        try:
            site.workspaces.upload(person, workspace_id, uploads)
        except Refusal as refusal:
            set_notice(request, f"The files were not uploaded: {refusal.message}", kind="problem")
            return
    set_notice(request, f"{count_text(len(uploads), 'file')} uploaded.")


@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Choose a data collection, walk down into it, and link a directory or file of it into the workspace."""
    workspace = own_workspace(request, workspace_id)
    site, person = site_of(request), person_of(request)
    collections = site.workspaces.collections(person)
    form = request.POST if request.method == "POST" else request.GET
    wanted, sub_path = form.get("collection", ""), form.get("path", "").strip("/")
    collection = next((one for one in collections if one.name == wanted), None)
    context: dict[str, object] = {
        "workspace": workspace,
        "collections": collections,
        "collection": collection,
        "path": sub_path,
    }
    if collection is None:
        return page(request, "workspace_link.html", context)
    last = sub_path.rsplit("/", 1)[-1] or collection.name
    name = request.POST.get("name", "").strip() or link_name(last)
    context |= {"name": name, "crumbs": _crumbs(sub_path)}
    try:
        entries = site.workspaces.browse(person, collection.name, sub_path)
        context["entries"] = [
            (entry, f"{sub_path}/{entry.name}".lstrip("/"))
            for entry in sorted(entries, key=lambda entry: (not entry.is_directory, entry.name.lower()))
        ]
        if request.method == "POST":
            source = str(collection.path / sub_path) if sub_path else str(collection.path)
            links = [{"name": name, "source_path": source}]
            site.workspaces.update(person, workspace_id, {"workspace_details": {"symlinks": links}})
    except Refusal as refusal:
        return page(
            request, "workspace_link.html", {**context, "error": refusal.message}, status=refusal.status
        )
    if request.method != "POST":
        return page(request, "workspace_link.html", context)
    set_notice(request, f"“{name}” now leads to the data.")
    return go(request, "workspace", workspace_id=workspace_id)


def _crumbs(sub_path: str) -> list[tuple[str, str]]:
    """Return each part of a path with the path that leads to it."""
    parts = [part for part in sub_path.split("/") if part]
    return [(part, "/".join(parts[: index + 1])) for index, part in enumerate(parts)]


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Delete a workspace, once its name was typed."""
    workspace = own_workspace(request, workspace_id)
    live = Job.objects.filter(workspace=workspace, status__in=LIVE)
    context: dict[str, object] = {
        "workspace": workspace,
        "file_count": len(workspace.files),
        "live_jobs": job_views(site_of(request), live),
    }
    if request.method != "POST":
        return page(request, "workspace_delete.html", context)
    context["typed"] = typed = request.POST.get("typed", "")
    if typed.strip() != workspace.name.strip():
        context["error"] = "What was typed is not the workspace's name, so nothing was deleted."
        return page(request, "workspace_delete.html", context, status=400)
    try:
        site_of(request).workspaces.delete(person_of(request), workspace_id)
    except Refusal as refusal:
        return page(
            request, "workspace_delete.html", {**context, "error": refusal.message}, status=refusal.status
        )
    set_notice(request, f"The workspace “{workspace.name}” is being deleted.")
    return go(request, "home")
