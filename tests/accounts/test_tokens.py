"""Tokens: the portals' stable one, people's own, the API clients', and how each ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from uws.accounts.authentication.base import PermissionRefused
from uws.accounts.errors import AlreadyExists, NameRefused, SecondAccount
from uws.accounts.models import AccessToken, User
from uws.accounts.tokens import digest
from uws.events.models import Event
from uws.refusals import BadRequest, Refusal
from uws.site import Site


def ask(site: Site, client_token: str, username: str = "ada", email: str = "ada@example.org") -> Any:
    body = {"client_token": client_token, "user_info": {"username": username, "email": email}}
    return site.tokens.issue(body)


@pytest.fixture
def client_token(site: Site) -> str:
    return site.tokens.create_client("portal")


def test_a_portal_gets_the_same_token_for_the_same_person(site: Site, client_token: str) -> None:
    first, second = ask(site, client_token), ask(site, client_token)
    assert first["token"] == second["token"]
    assert len(first["token"]) == 40
    assert site.tokens.authenticate(f"Token {first['token']}").person.username == "ada"


def test_tokens_are_kept_only_as_digests(site: Site, client_token: str) -> None:
    token = ask(site, client_token)["token"]
    rows = str(list(AccessToken.objects.values()))
    assert token not in rows
    assert client_token not in rows
    assert AccessToken.objects.filter(digest=digest(token)).exists()


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("ada", "other@example.org"),
        ("ADA", "ada@example.org"),
        ("root", "root@example.org"),
        ("../ada", "ada@example.org"),
        ("ada.", "ada@example.org"),
        ("", "ada@example.org"),
        ("eve", "no address"),
        ("portal", "portal@localhost"),
        ("boss", "boss@example.org"),
    ],
)
def test_a_client_gets_no_token_for_names_that_are_not_an_ordinary_users(
    site: Site, client_token: str, ada: User, username: str, email: str
) -> None:
    site.accounts.create("boss", "boss@example.org", administrator=True)
    with pytest.raises(Refusal) as refused:
        ask(site, client_token, username, email)
    assert (refused.value.status, refused.value.message) == (401, "Incorrect authentication credentials.")


def test_a_refused_token_request_is_in_the_audit_log(site: Site) -> None:
    with pytest.raises(Refusal):
        ask(site, "0" * 40)
    assert Event.objects.filter(kind="token.refused").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing client_token. Please have admin generate a token for you."),
        ({"client_token": "x"}, "Missing user_info. Please provide user_info to get user_token."),
    ],
)
def test_a_missing_field_is_named(site: Site, body: dict[str, object], message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        site.tokens.issue(body)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "Authentication credentials were not provided."),
        ("", "Invalid auth header format."),
        ("Token", "Invalid auth header format."),
        ("Token  x", "Invalid auth header format."),
        ("Token x", "Invalid token provided."),
        (f"Token {'x' * 5000}", "Invalid token provided."),
    ],
)
def test_a_bad_header_has_the_contracts_text(site: Site, header: str | None, message: str) -> None:
    with pytest.raises(Refusal) as refused:
        site.tokens.authenticate(header)
    assert (refused.value.status, refused.value.message) == (401, message)


def test_a_personal_token_works_until_it_is_revoked(site: Site, ada: User) -> None:
    token = site.tokens.create_personal(ada.as_person(), "laptop")
    principal = site.tokens.authenticate(f"Token {token}")
    assert site.tokens.is_valid(principal.token_id)
    assert site.tokens.revoke(ada.as_person(), principal.token_id)
    assert not site.tokens.is_valid(principal.token_id)
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {token}")


def test_nobody_revokes_somebody_elses_token(site: Site, ada: User, grace: User) -> None:
    token = site.tokens.create_personal(ada.as_person(), "laptop")
    principal = site.tokens.authenticate(f"Token {token}")
    assert not site.tokens.revoke(grace.as_person(), principal.token_id)
    assert site.tokens.is_valid(principal.token_id)


def test_an_expired_token_is_unknown(site: Site, ada: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    token = site.tokens.create_personal(ada.as_person(), "old", expires=past)
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {token}")


def test_a_locked_account_ends_its_tokens(site: Site, ada: User) -> None:
    token = site.tokens.create_personal(ada.as_person(), "laptop")
    User.objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {token}")


def test_a_clients_token_is_nobodys_access(site: Site, client_token: str) -> None:
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {client_token}")


def test_an_unknown_scope_is_refused(site: Site, ada: User) -> None:
    with pytest.raises(NameRefused, match="scope 'fly' does not exist"):
        site.tokens.create_personal(ada.as_person(), "laptop", scopes=["fly"])


def test_a_second_person_is_refused_where_one_account_does_all_the_work(
    config: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    config["server"]["shared_account"] = False
    site: Site = request.getfixturevalue("site")
    site.accounts.create("ada", "ada@example.org")
    with pytest.raises(SecondAccount, match="shared_account"):
        site.accounts.create("grace", "grace@example.org")


def test_a_name_is_taken_in_any_case(site: Site, ada: User) -> None:
    with pytest.raises(AlreadyExists):
        site.accounts.create("ADA", "other@example.org")


def test_a_sign_in_link_works_once(site: Site, ada: User) -> None:
    secret = site.sign_in_links.create(ada)
    assert site.sign_in_links.peek(secret) == ada
    assert site.sign_in_links.redeem(secret) == ada
    with pytest.raises(Refusal, match="used already"):
        site.sign_in_links.redeem(secret)


def test_a_sign_in_link_ends_with_its_time(site: Site, ada: User) -> None:
    from uws.accounts.models import SignInLink

    secret = site.sign_in_links.create(ada)
    SignInLink.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert site.sign_in_links.peek(secret) is None
    with pytest.raises(Refusal):
        site.sign_in_links.redeem(secret)


def test_a_revoked_portal_token_is_followed_by_another(site: Site, client_token: str) -> None:
    first = ask(site, client_token)["token"]
    principal = site.tokens.authenticate(f"Token {first}")
    assert site.tokens.revoke(principal.person, principal.token_id)
    second = ask(site, client_token)["token"]
    assert second != first
    assert site.tokens.authenticate(f"Token {second}").person == principal.person
    with pytest.raises(Refusal):
        site.tokens.authenticate(f"Token {first}")


@pytest.mark.parametrize("label", ["a\0b", "\ud800"])
def test_a_label_that_no_database_keeps_is_refused(site: Site, ada: User, label: str) -> None:
    with pytest.raises(NameRefused, match="label"):
        site.tokens.create_personal(ada.as_person(), label)


def test_an_account_outside_belongs_to_one_user_alone(site: Site, ada: User, grace: User) -> None:
    method = site.authentication["local"]
    site.accounts.account_for(ada.as_person(), method)
    posing = replace(grace.as_person(), username="ada")
    with pytest.raises(PermissionRefused, match="another user's"):
        site.accounts.account_for(posing, method)
