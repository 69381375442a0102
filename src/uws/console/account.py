"""The account's page: who I am, my password, my access tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from uws.accounts.errors import AccountProblem
from uws.accounts.models import AccessToken, TokenKind, User
from uws.accounts.tokens import SCOPES
from uws.console.pages import go, page, set_notice
from uws.console.requests import person_of, site_of, user_of

EXPIRY_DAYS = {"30": "in 30 days", "90": "in 90 days", "365": "in a year", "": "never"}
SCOPE_TEXTS = {
    "read": "see workspaces and jobs",
    "write": "make, change and delete workspaces",
    "launch": "start and stop jobs",
    "share": "share workspaces",
    "files": "read and write files",
}
OFFERED_SCOPES = tuple(scope for scope in SCOPES if scope != "admin")
PASSWORD_LENGTH = 10


def _account_page(
    request: HttpRequest, extra: dict[str, object] | None = None, *, status: int = 200
) -> HttpResponse:
    user = user_of(request)
    tokens = AccessToken.objects.filter(user=user, revoked=None, kind=TokenKind.PERSONAL).order_by("-id")
    context: dict[str, object] = {
        "tokens": tokens,
        "scopes": _scope_choices(OFFERED_SCOPES),
        "expiries": EXPIRY_DAYS.items(),
        "expiry": "90",
        "has_password": user.has_usable_password(),
        "password_length": PASSWORD_LENGTH,
        **(extra or {}),
    }
    return page(request, "account.html", context, status=status)


def _scope_choices(chosen: Sequence[str]) -> list[tuple[str, str, bool]]:
    return [(scope, SCOPE_TEXTS.get(scope, scope), scope in chosen) for scope in OFFERED_SCOPES]


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    return _account_page(request)


@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Make a token and show it on the answer itself, this once: it is kept in no session and no address."""
    label = request.POST.get("label", "").strip()
    chosen = [scope for scope in OFFERED_SCOPES if scope in request.POST.getlist("scopes")]
    expiry = request.POST.get("expiry", "90")
    form: dict[str, object] = {
        "label": label,
        "expiry": expiry,
        "scopes": _scope_choices(chosen),
    }
    problem = _token_problem(label, chosen, expiry)
    if problem:
        return _account_page(request, {**form, "token_error": problem}, status=400)
    expires = timezone.now() + timedelta(days=int(expiry)) if expiry else None
    try:
        token = site_of(request).tokens.create_personal(person_of(request), label, chosen, expires)
    except AccountProblem as refused:
        return _account_page(request, {**form, "token_error": str(refused)}, status=400)
    return _account_page(request, {"new_token": token, "new_label": label})


def _token_problem(label: str, scopes: list[str], expiry: str) -> str:
    if not label:
        return "Give the token a name, so that you know it again."
    if len(label) > 128:
        return f"The name has {len(label)} characters; at most 128 are possible."
    if not scopes:
        return "Choose at least one thing that the token may be used for."
    return "" if expiry in EXPIRY_DAYS else "Choose one of the offered times."


@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    mine = AccessToken.objects.filter(pk=token_id, user=user_of(request), kind=TokenKind.PERSONAL)
    if not mine.exists():
        raise Http404("No such token.")
    if site_of(request).tokens.revoke(person_of(request), token_id):
        set_notice(request, "The token was revoked. Whatever used it is refused from now on.")
    return go(request, "account")


@require_POST
def set_password(request: HttpRequest) -> HttpResponse:
    """Set or change the password; every other session of this account ends with it."""
    user = user_of(request)
    if user.has_usable_password() and not user.check_password(request.POST.get("old_password", "")[:4096]):
        return _account_page(request, {"password_error": "The current password is not right."}, status=400)
    form = SetPasswordForm(user, request.POST)
    problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
    password = request.POST.get("new_password1", "")
    if not problem and not PASSWORD_LENGTH <= len(password) <= 1000:
        problem = f"Choose a password of at least {PASSWORD_LENGTH} characters."
    if not problem:
        try:
            validate_password(password, user)
        except ValidationError as weak:
            problem = " ".join(weak.messages)
    if problem:
        return _account_page(request, {"password_error": problem}, status=400)
    user.set_password(password)
    User.objects.filter(pk=user.pk).update(password=user.password)
    update_session_auth_hash(request, user)
    set_notice(
        request, "The password was saved. Other browsers that were signed in with it have to sign in again."
    )
    return go(request, "account")
