"""The console's addresses. Every page but signing in is for signed-in people: said once, here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, include, path, register_converter, reverse

from uws.console import account, home, jobs, shares, signing_in, start, workspaces
from uws.console.requests import wants_fragment

View = Callable[..., HttpResponse]


class IdConverter:
    """A database id: digits only, and few enough that a database's integer holds it."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(IdConverter, "id")


def for_members(view: View) -> View:
    """Send who is not signed in to the sign-in page, and from there back again."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if wants_fragment(request):
            return HttpResponse("Signed out.", status=401, content_type="text/plain")
        where = request.get_full_path() if request.method in ("GET", "HEAD") else "/console/"
        return redirect(f"{reverse('console:sign-in')}?{urlencode({'next': where})}")

    return guarded


OPEN_PAGES: list[URLPattern] = [
    path("", signing_in.front_door, name="front-door"),
    path("sign-in/", signing_in.sign_in, name="sign-in"),
    path("sign-in/<str:secret>/", signing_in.sign_in_by_link, name="sign-in-link"),
    path("sign-out/", signing_in.sign_out, name="sign-out"),
]


def _member_page(route: str, view: View, name: str) -> URLPattern:
    return path(f"console/{route}", for_members(view), name=name)


MEMBER_PAGES: list[URLPattern] = [
    _member_page("", home.home, "home"),
    _member_page("workspaces/new/", workspaces.new, "workspace-new"),
    _member_page("workspaces/<id:workspace_id>/", workspaces.show, "workspace"),
    _member_page("workspaces/<id:workspace_id>/edit/", workspaces.edit, "workspace-edit"),
    _member_page("workspaces/<id:workspace_id>/upload/", workspaces.upload, "workspace-upload"),
    _member_page("workspaces/<id:workspace_id>/link/", workspaces.link, "workspace-link"),
    _member_page("workspaces/<id:workspace_id>/delete/", workspaces.delete, "workspace-delete"),
    _member_page("workspaces/<id:workspace_id>/start/", start.start, "workspace-start"),
    _member_page("workspaces/<id:workspace_id>/share/", shares.send, "workspace-share"),
    _member_page("shares/", shares.index, "shares"),
    _member_page("shares/<id:share_id>/", shares.show, "share"),
    _member_page("shares/<id:share_id>/accept/", shares.accept, "share-accept"),
    _member_page("shares/<id:share_id>/end/", shares.end, "share-end"),
    _member_page("jobs/<id:job_id>/", jobs.show, "job"),
    _member_page("jobs/<id:job_id>/log/", jobs.log, "job-log"),
    _member_page("jobs/<id:job_id>/stop/", jobs.stop, "job-stop"),
    _member_page("jobs/<id:job_id>/again/", jobs.again, "job-again"),
    _member_page("job-open/<id:job_id>/", jobs.open_job, "job-open"),
    _member_page("account/", account.show, "account"),
    _member_page("account/tokens/", account.create_token, "token-create"),
    _member_page("account/tokens/<id:token_id>/revoke/", account.revoke_token, "token-revoke"),
    _member_page("account/password/", account.set_password, "password"),
]

urlpatterns = [path("", include((OPEN_PAGES + MEMBER_PAGES, "console")))]
