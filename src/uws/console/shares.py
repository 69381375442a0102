"""The pages of shares: sending a workspace, looking into one that was sent, accepting, declining, cancelling."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from uws.accounts.models import User
from uws.accounts.person import Person
from uws.console.formats import count_text
from uws.console.listing import list_workspace
from uws.console.pages import fragment, go, page, set_notice
from uws.console.requests import own_workspace, person_of, site_of, wants_fragment
from uws.console.share_views import person_name, share_view, share_views
from uws.refusals import Refusal
from uws.sharing.models import Share
from uws.workspaces.models import Workspace

SHOWN_SHARES = 200
SHOWN_PEOPLE = 50
MOST_RECIPIENTS = 50


def own_share(request: HttpRequest, share_id: int) -> Share:
    """Return a share that the signed-in user has sent or received; another's answers like none."""
    shares = site_of(request).sharing.of_person(person_of(request)).select_related("sender", "recipient")
    share = shares.filter(copy_id=share_id).first()
    if share is None:
        raise Http404("No such share.")
    return share


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All shares, received and sent."""
    site, person = site_of(request), person_of(request)
    shares = site.sharing.of_person(person).select_related("sender", "recipient")[:SHOWN_SHARES]
    views = share_views(shares, person)
    context = {
        "received": [view for view in views if view.is_received],
        "sent": [view for view in views if not view.is_received],
        "shown": SHOWN_SHARES if len(views) == SHOWN_SHARES else 0,
    }
    if wants_fragment(request):
        return fragment(request, "share_lists.html", context)
    return page(request, "shares.html", context)


@require_GET
def show(request: HttpRequest, share_id: int) -> HttpResponse:
    """One share. Its recipient looks into the copy here before accepting it."""
    share = own_share(request, share_id)
    view = share_view(share, person_of(request))
    looks_inside = view.is_received and view.is_ready
    context = {
        "view": view,
        "workspace": share.copy,
        "listing": list_workspace(site_of(request), share.copy) if looks_inside else None,
    }
    if wants_fragment(request):
        return fragment(request, "share_state.html", context)
    return page(request, "share.html", context)


@require_POST
def accept(request: HttpRequest, share_id: int) -> HttpResponse:
    own_share(request, share_id)
    try:
        site_of(request).sharing.accept(person_of(request), share_id)
    except Refusal as refusal:
        set_notice(request, refusal.message, kind="problem")
        return go(request, "share", share_id=share_id)
    set_notice(request, "The workspace is yours now.")
    return go(request, "workspace", workspace_id=share_id)


@require_POST
def end(request: HttpRequest, share_id: int) -> HttpResponse:
    """Decline a share that was received, or take back one that was sent."""
    share = own_share(request, share_id)
    person = person_of(request)
    try:
        site_of(request).sharing.delete(person, share_id)
    except Refusal as refusal:
        set_notice(request, refusal.message, kind="problem")
        return go(request, "share", share_id=share_id)
    done = "taken back" if share.sender_id == person.id else "declined"
    set_notice(request, f"“{share.copy.name}” was {done}.")
    return go(request, "shares")


@dataclass(frozen=True)
class Choice:
    """One person whom a workspace can be sent to."""

    id: int
    name: str
    email: str
    is_chosen: bool
    note: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def send(request: HttpRequest, workspace_id: int) -> HttpResponse:
    """Pick people, by searching as often as wanted, and send each a copy of the workspace."""
    workspace = own_workspace(request, workspace_id)
    site, person = site_of(request), person_of(request)
    sent = [value for value in request.POST.getlist("people") if value.isdecimal() and len(value) <= 18]
    chosen = site.accounts.recipients(person, [int(value) for value in sent[: MOST_RECIPIENTS + 1]])
    search = request.POST.get("search", "").strip()[:200]
    found = site.accounts.search(person, search)
    context: dict[str, object] = {
        "workspace": workspace,
        "search": search,
        "is_search": request.POST.get("action") == "search",
        "choices": _choices(workspace, person, chosen, found),
        "more": max(0, len(found) - SHOWN_PEOPLE),
        "file_count": len(workspace.files),
    }
    if request.method != "POST" or request.POST.get("action") == "search":
        return page(request, "workspace_share.html", context)
    problem = _problem(chosen)
    if not problem:
        body = {"original_workspace_id": workspace.pk, "shared_user_ids": list(chosen)}
        try:
            site.sharing.create(person, body)
        except Refusal as refusal:
            return page(
                request, "workspace_share.html", {**context, "error": refusal.message}, status=refusal.status
            )
        names = ", ".join(person_name(user) for user in chosen.values())
        set_notice(request, f"“{workspace.name}” is being copied for {names}.")
        return go(request, "shares")
    return page(request, "workspace_share.html", {**context, "error": problem}, status=400)


def _problem(chosen: dict[int, User]) -> str:
    if not chosen:
        return "Choose at least one person."
    if len(chosen) > MOST_RECIPIENTS:
        return f"At most {count_text(MOST_RECIPIENTS, 'person', 'people')} at once, please."
    return ""


def _choices(
    workspace: Workspace, person: Person, chosen: dict[int, User], found: list[dict[str, object]]
) -> list[Choice]:
    """Return those who are chosen already, then whom the search has found, and who has the workspace."""
    waiting = set(
        Share.objects.filter(original=workspace, is_accepted=False).values_list("recipient_id", flat=True)
    )
    choices = [
        Choice(user.pk, person_name(user), user.email, True, _note(user.pk in waiting))
        for user in chosen.values()
        if user.pk != person.id
    ]
    for row in found[:SHOWN_PEOPLE]:
        user_id = row["id"]
        if isinstance(user_id, int) and user_id not in chosen:
            name = f"{row['first_name']} {row['last_name']}".strip() or str(row["username"])
            choices.append(Choice(user_id, name, str(row["email"]), False, _note(user_id in waiting)))
    return choices


def _note(is_waiting: bool) -> str:
    return "has a copy of it waiting already" if is_waiting else ""
