from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.console.conftest import BrowserFor
from tests.console.pages import text_of
from uws.accounts.models import AccessToken, User
from uws.refusals import Refusal
from uws.site import Site

NEW_TOKEN = re.compile(r"uws_[0-9a-f]{48}")


def make_token(browser: Client, **changes: object) -> str:
    form = {"label": "laptop", "scopes": ["read", "launch"], "expiry": "30", **changes}
    return text_of(browser.post("/console/account/tokens/", form))


def test_a_token_is_shown_once_and_works(browser: Client, site: Site, ada: User) -> None:
    found = NEW_TOKEN.search(make_token(browser))
    assert found is not None
    principal = site.tokens.authenticate_token(found.group())
    assert principal.person.username == "ada"
    assert principal.scopes == {"read", "launch"}
    page = text_of(browser.get("/console/account/"))
    assert "laptop" in page
    assert not NEW_TOKEN.search(page)


def test_a_revoked_token_is_refused_at_once(browser: Client, site: Site, ada: User) -> None:
    found = NEW_TOKEN.search(make_token(browser))
    assert found is not None
    token = AccessToken.objects.get(user=ada)
    browser.post(f"/console/account/tokens/{token.pk}/revoke/")
    with pytest.raises(Refusal):
        site.tokens.authenticate_token(found.group())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": " "}, "Give the token a name"),
        ({"label": "x" * 129}, "at most 128"),
        ({"scopes": []}, "at least one thing"),
        ({"scopes": ["admin"]}, "at least one thing"),
        ({"expiry": "10000"}, "offered times"),
    ],
)
def test_a_token_that_cannot_be_is_refused(changes: dict[str, object], message: str, browser: Client) -> None:
    assert message in make_token(browser, **changes)
    assert not AccessToken.objects.exists()


def test_a_password_is_set_and_signs_in(browser: Client, ada: User, browser_for: BrowserFor) -> None:
    password = "correct horse battery"
    response = browser.post(
        "/console/account/password/", {"new_password1": password, "new_password2": password}
    )
    assert response.status_code == 302
    assert browser.get("/console/").status_code == 200
    other = browser_for(None)
    assert other.post("/sign-in/", {"username": "ada", "password": password}).status_code == 302


def test_a_new_password_ends_the_other_sessions(browser: Client, ada: User, browser_for: BrowserFor) -> None:
    other = browser_for(ada)
    password = "correct horse battery"
    browser.post("/console/account/password/", {"new_password1": password, "new_password2": password})
    assert other.get("/console/").status_code == 302


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("short", "short", "at least 10"),
        ("long enough one", "another of them", "match"),
        ("", "", "required"),
    ],
)
def test_a_bad_password_is_refused(first: str, second: str, message: str, browser: Client, ada: User) -> None:
    response = browser.post("/console/account/password/", {"new_password1": first, "new_password2": second})
    assert response.status_code == 400
    assert message in text_of(response)
    ada.refresh_from_db()
    assert not ada.has_usable_password()


def test_changing_a_password_needs_the_old_one(browser_for: BrowserFor, ada: User) -> None:
    ada.set_password("correct horse battery")
    ada.save()
    browser = browser_for(ada)
    form = {"old_password": "guess", "new_password1": "a new long one", "new_password2": "a new long one"}
    assert browser.post("/console/account/password/", form).status_code == 400
    form["old_password"] = "correct horse battery"
    assert browser.post("/console/account/password/", form).status_code == 302
