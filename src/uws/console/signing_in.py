"""Signing in by a one-time link or by password, and signing out."""

from __future__ import annotations

import math

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from uws.accounts.models import User
from uws.console.formats import duration_text
from uws.console.pages import page
from uws.console.requests import site_of
from uws.console.throttle import password_guesses
from uws.refusals import Refusal

_BACKEND = "django.contrib.auth.backends.ModelBackend"


def _next_page(request: HttpRequest) -> str:
    """Return where to go after signing in: a path of our own, never another site's."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if wanted.startswith("/console/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return "/console/"


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The page that everybody sees who has not signed in."""
    if request.user.is_authenticated:
        return redirect(_next_page(request))
    context: dict[str, object] = {"next": _next_page(request), "username": ""}
    if request.method != "POST":
        return page(request, "sign_in.html", context)
    username = request.POST.get("username", "")[:150]
    context["username"] = username
    keys = (f"account:{username.lower()}", f"address:{request.META.get('REMOTE_ADDR', '')}")
    wait_seconds = password_guesses.wait_seconds(*keys)
    if wait_seconds > 0:
        wait = duration_text(math.ceil(wait_seconds))
        context["error"] = f"Too many attempts that failed. Wait {wait} and try again."
        return page(request, "sign_in.html", context, status=429)
    user = authenticate(request, username=username, password=request.POST.get("password", "")[:4096])
    if not isinstance(user, User) or user.is_api_client:
        password_guesses.failed(*keys)
        context["error"] = "This user name and password do not belong together."
        return page(request, "sign_in.html", context, status=401)
    password_guesses.succeeded(keys[0])
    login(request, user)
    return redirect(_next_page(request))


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Redeem a one-time link. Only the POST uses it up: mail scanners and previews do no more than GET."""
    links = site_of(request).sign_in_links
    if request.method != "POST":
        link_user = links.peek(secret)
        if link_user is None:
            return page(request, "sign_in_link_refused.html", status=410)
        return page(request, "sign_in_link.html", {"link_user": link_user, "next": _next_page(request)})
    try:
        user = links.redeem(secret)
    except Refusal:
        return page(request, "sign_in_link_refused.html", status=410)
    logout(request)
    login(request, user, backend=_BACKEND)
    return redirect(_next_page(request))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("console:sign-in")


@require_GET
def front_door(request: HttpRequest) -> HttpResponse:
    return redirect("console:home")
