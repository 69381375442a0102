from __future__ import annotations

import pytest
from django.test import Client

from tests.console.conftest import BrowserFor
from tests.console.pages import text_of
from uws.accounts.models import SignInLink, User
from uws.console import throttle
from uws.site import Site


@pytest.fixture(autouse=True)
def _no_earlier_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uws.console.signing_in.password_guesses", throttle.Throttle())


@pytest.fixture
def visitor(browser_for: BrowserFor) -> Client:
    return browser_for(None)


def signed_in(client: Client) -> bool:
    return client.get("/console/").status_code == 200


def test_a_link_signs_in_once(site: Site, ada: User, visitor: Client, browser_for: BrowserFor) -> None:
    address = f"/sign-in/{site.sign_in_links.create(ada)}/"
    response = visitor.post(address)
    assert (response.status_code, response["Location"]) == (302, "/console/")
    assert signed_in(visitor)
    second = browser_for(None)
    response = second.post(address)
    assert response.status_code == 410
    assert "uws admin user sign-in-link NAME" in text_of(response)
    assert not signed_in(second)


def test_looking_at_a_link_does_not_use_it_up(site: Site, ada: User, visitor: Client) -> None:
    address = f"/sign-in/{site.sign_in_links.create(ada)}/"
    for _ in range(3):
        response = visitor.get(address)
        assert response.status_code == 200
        assert "Sign in as ada" in text_of(response)
        assert visitor.head(address).status_code == 200
    assert not signed_in(visitor)
    assert SignInLink.objects.get().used is None
    assert visitor.post(address).status_code == 302


def test_a_link_that_is_spent_says_how_to_get_another(visitor: Client) -> None:
    response = visitor.get("/sign-in/never-made/")
    assert response.status_code == 410
    assert "uws admin user sign-in-link NAME" in text_of(response)


def test_signing_in_begins_a_new_session(site: Site, ada: User, grace: User, browser_for: BrowserFor) -> None:
    client = browser_for(grace)
    client.get("/console/")
    before = client.cookies["__Host-uws-session"].value
    client.post(f"/sign-in/{site.sign_in_links.create(ada)}/")
    assert client.cookies["__Host-uws-session"].value != before
    assert "ada@example.org" in text_of(client.get("/console/account/"))


def test_the_session_cookie_is_for_this_host_alone(site: Site, ada: User, visitor: Client) -> None:
    visitor.post(f"/sign-in/{site.sign_in_links.create(ada)}/")
    cookie = visitor.cookies["__Host-uws-session"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("/console/jobs/3/?open=1", "/console/jobs/3/?open=1"),
        ("https://evil.example/console/", "/console/"),
        ("//evil.example/console/", "/console/"),
        ("/\\evil.example", "/console/"),
        ("/sign-out/", "/console/"),
        ("javascript:alert(1)", "/console/"),
    ],
)
def test_after_signing_in_people_stay_on_this_site(
    wanted: str, expected: str, site: Site, ada: User, visitor: Client
) -> None:
    response = visitor.post(f"/sign-in/{site.sign_in_links.create(ada)}/", {"next": wanted})
    assert response["Location"] == expected


def test_a_password_signs_in(ada: User, visitor: Client) -> None:
    ada.set_password("correct horse battery")
    ada.save()
    response = visitor.post("/sign-in/", {"username": "ada", "password": "correct horse battery"})
    assert response.status_code == 302
    assert signed_in(visitor)


def test_a_wrong_password_keeps_the_name_and_says_no_more(ada: User, visitor: Client) -> None:
    known = visitor.post("/sign-in/", {"username": "ada", "password": "guess"})
    unknown = visitor.post("/sign-in/", {"username": "alan", "password": "guess"})
    assert (known.status_code, unknown.status_code) == (401, 401)
    message = "This user name and password do not belong together."
    assert message in text_of(known)
    assert message in text_of(unknown)
    assert 'value="ada"' in text_of(known)


def test_an_account_without_a_password_cannot_sign_in_with_an_empty_one(ada: User, visitor: Client) -> None:
    assert visitor.post("/sign-in/", {"username": "ada", "password": ""}).status_code == 401


def test_a_locked_account_is_out_at_once(ada: User, browser: Client) -> None:
    assert signed_in(browser)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert not signed_in(browser)


def test_guessing_is_slowed(ada: User, visitor: Client) -> None:
    ada.set_password("correct horse battery")
    ada.save()
    for _ in range(throttle.FREE_FAILURES):
        assert visitor.post("/sign-in/", {"username": "ada", "password": "guess"}).status_code == 401
    response = visitor.post("/sign-in/", {"username": "ada", "password": "correct horse battery"})
    assert response.status_code == 429
    assert "Too many attempts" in text_of(response)


def test_signing_out_ends_the_session(browser: Client) -> None:
    assert browser.post("/sign-out/").status_code == 302
    assert not signed_in(browser)


def test_a_name_with_markup_is_shown_as_text(visitor: Client) -> None:
    response = visitor.post("/sign-in/", {"username": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>alert" not in text_of(response)
