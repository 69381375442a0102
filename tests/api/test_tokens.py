"""`POST /tokens/` (contract §2)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.calling import Caller

from uws.accounts.models import User
from uws.site import Site

PERSON = {"username": "ada", "email": "ada@example.org"}


@pytest.fixture
def client_token(site: Site) -> str:
    return site.tokens.create_client("portal")


def test_a_portal_gets_a_token_that_works(as_nobody: Caller, client_token: str) -> None:
    answer = as_nobody("POST", "/tokens/", {"client_token": client_token, "user_info": PERSON})
    token = answer.body["token"]
    assert answer.body == {"success": True, "message": "Successful authentication.", "token": token}
    assert len(token) == 40
    assert int(token, 16)
    assert Caller(as_nobody.site, token)("GET", "/workspaces/").status == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_token_is_the_same_each_time(as_nobody: Caller, client_token: str) -> None:
    body = {"client_token": client_token, "user_info": {**PERSON, "first_name": "Ada", "more": [1]}}
    assert as_nobody("POST", "/tokens/", body).body == as_nobody("POST", "/tokens/", body).body


def test_a_body_without_a_content_type_is_read(as_nobody: Caller, client_token: str) -> None:
    body = {"client_token": client_token, "user_info": PERSON}
    assert as_nobody("POST", "/tokens/", body, content_type="").status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing client_token. Please have admin generate a token for you."),
        ({"user_info": PERSON}, "Missing client_token. Please have admin generate a token for you."),
        ({"client_token": "x"}, "Missing user_info. Please provide user_info to get user_token."),
        ([], "Invalid JSON: expected an object"),
        (None, "Invalid JSON: expected an object"),
        ("text", "Invalid JSON: expected an object"),
    ],
)
def test_a_malformed_request_is_refused(as_nobody: Caller, body: Any, message: str) -> None:
    assert as_nobody("POST", "/tokens/", body).refusal == (400, message)


@pytest.mark.parametrize("token", ["0" * 40, "", None, 7, ["x"], {"a": 1}, "x" * 100_000, "é"])
def test_an_unknown_client_is_refused(as_nobody: Caller, token: Any) -> None:
    answer = as_nobody("POST", "/tokens/", {"client_token": token, "user_info": PERSON})
    assert answer.refusal == (401, "Incorrect authentication credentials.")
    assert answer.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(
    "info",
    [
        None,
        "ada",
        [],
        {},
        {"username": "ada"},
        {"email": "ada@example.org"},
        {"username": 7, "email": "ada@example.org"},
        {"username": "../etc", "email": "ada@example.org"},
        {"username": "root", "email": "root@example.org"},
        {"username": "ada", "email": "somebody.else@example.org"},
        {"username": "ada", "email": None},
        {"username": "a" * 10_000, "email": "ada@example.org"},
    ],
)
def test_a_person_who_cannot_be_had_is_refused_in_the_same_words(
    as_nobody: Caller, ada: User, client_token: str, info: Any
) -> None:
    answer = as_nobody("POST", "/tokens/", {"client_token": client_token, "user_info": info})
    assert answer.refusal == (401, "Incorrect authentication credentials.")


def test_a_users_token_is_no_clients(as_ada: Caller, as_nobody: Caller) -> None:
    body = {"client_token": as_ada.token, "user_info": PERSON}
    assert as_nobody("POST", "/tokens/", body).refusal == (401, "Incorrect authentication credentials.")
