"""The conformance kit of authentication methods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from uws.accounts.authentication.base import (
    AuthenticationMethod,
    AuthenticationProblem,
    Continuation,
    CredentialsRefused,
    Identification,
    MalformedTokenRequest,
)
from uws.accounts.names import is_account_name
from uws.accounts.person import Person
from uws.config.deployment import Deployment
from uws.config.health import Health
from uws.testing.deployment import deployment_in

ADA = Person(id=1, username="ada", email="ada@example.org", first_name="Ada", last_name="Lovelace")
CLIENT_TOKEN = "c" * 40

HOSTILE_BODIES: tuple[Mapping[str, object], ...] = (
    {},
    {"client_token": None, "user_info": None, "auth_token": None},
    {"client_token": 7, "user_info": 7, "auth_token": 7, "redirect_url": 7},
    {"client_token": [], "user_info": [], "auth_token": [], "redirect_url": []},
    {"client_token": CLIENT_TOKEN, "user_info": {}, "auth_token": "", "redirect_url": ""},
    {"client_token": CLIENT_TOKEN, "user_info": {"username": "../etc", "email": "a@b"}, "auth_token": "x"},
    {"client_token": CLIENT_TOKEN, "user_info": {"username": "a\0b", "email": "a@b"}, "auth_token": "\0"},
    {"client_token": CLIENT_TOKEN, "user_info": {"username": "*)(uid=*", "email": "*"}, "auth_token": "*"},
    {
        "client_token": CLIENT_TOKEN,
        "user_info": {"username": "ada" * 9999, "email": "a@b"},
        "auth_token": "x" * 9999,
    },
)


class OneClient:
    """`ClientTokens` with one API client, whose token is `CLIENT_TOKEN`."""

    def client_name(self, token: str) -> str | None:
        return "portal" if token == CLIENT_TOKEN else None


class AuthenticationConformance:
    """What every authentication method must do. Override `method`, and `good_body` where the method can be asked."""

    @pytest.fixture
    def deployment(self, tmp_path: Path) -> Deployment:
        return deployment_in(tmp_path / "uws")

    @pytest.fixture
    def method(self, deployment: Deployment) -> AuthenticationMethod:
        raise NotImplementedError("override this fixture: return the authentication method under test")

    @pytest.fixture
    def good_body(self) -> Mapping[str, object] | None:
        """A body of `POST /tokens/` that identifies ada, or None where that needs the outside world."""
        return None

    @pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
    def test_a_hostile_body_is_refused_by_a_documented_error(
        self, method: AuthenticationMethod, body: Mapping[str, object]
    ) -> None:
        try:
            answer: object = method.identify(body, OneClient())
        except AuthenticationProblem as problem:
            answer = problem.message
        assert answer
        assert isinstance(answer, (Continuation, str)), "it let a stranger in"

    def test_an_empty_body_is_malformed(self, method: AuthenticationMethod) -> None:
        with pytest.raises((MalformedTokenRequest, CredentialsRefused)):
            method.identify({}, OneClient())

    def test_good_credentials_identify_their_owner(
        self, method: AuthenticationMethod, good_body: Mapping[str, object] | None
    ) -> None:
        if good_body is None:
            pytest.skip("this method cannot be asked without the outside world")
        answer = method.identify(good_body, OneClient())
        assert isinstance(answer, Identification)
        assert is_account_name(answer.username)
        assert "@" in answer.email
        json.dumps(dict(answer.details))

    def test_an_account_is_the_same_when_it_is_asked_for_again(self, method: AuthenticationMethod) -> None:
        account = method.account_for(ADA, None)
        assert is_account_name(account.username)
        assert method.account_for(ADA, account) == account

    def test_the_health_is_one_sentence(self, method: AuthenticationMethod) -> None:
        health = method.health()
        assert isinstance(health, Health)
        assert health.message
        assert "\n" not in health.message
