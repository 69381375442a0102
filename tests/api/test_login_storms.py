"""Refused logins: fast, limited per account and per address, and quiet in log and events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.test import Client
from tests.api.calling import Answer, Caller

from uws.accounts.authentication.base import (
    AuthenticationMethod,
    ClientTokens,
    CredentialsRefused,
    DirectoryUnreachable,
    Identification,
    MembershipRefused,
)
from uws.accounts.authentication.local import LocalUserAuthentication
from uws.accounts.login_refusals import KEPT_ENTRIES, LoginRefusals, LoginRefused
from uws.accounts.models import User
from uws.config.deployment import Secrets
from uws.events.models import Event
from uws.refusals import TooManyRequests
from uws.site import Site

LIMIT = 5
SECRET_TOKEN = "f00d" * 10


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    config["server"]["limits"] |= {
        "login_refusals_per_account": LIMIT,
        "login_refusals_per_address": 3 * LIMIT,
    }
    return config


@pytest.fixture
def clock(site: Site) -> Clock:
    clock = Clock()
    site.tokens._refusals.clock = clock
    return clock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """The bodies that the authentication method was asked about."""
    bodies: list[Mapping[str, object]] = []
    identify = LocalUserAuthentication.identify

    def counting(
        self: LocalUserAuthentication, body: Mapping[str, object], clients: ClientTokens
    ) -> Identification:
        bodies.append(body)
        return identify(self, body, clients)

    monkeypatch.setattr(LocalUserAuthentication, "identify", counting)
    return bodies


def body(username: str, client_token: str = SECRET_TOKEN) -> dict[str, Any]:
    return {
        "client_token": client_token,
        "user_info": {"username": username, "email": f"{username}@example.org"},
    }


def log_in(site: Site, username: str, client_token: str = SECRET_TOKEN, address: str = "192.0.2.1") -> Answer:
    client = Client(**{"uws.site": site})  # type: ignore[arg-type]
    response = client.post(
        "/tokens/", body(username, client_token), content_type="application/json", REMOTE_ADDR=address
    )
    return Answer(response.status_code, response.headers, response.content)


def test_an_account_is_limited_from_wherever_it_is_tried(site: Site, clock: Clock) -> None:
    for number in range(LIMIT):
        assert log_in(site, "ada", address=f"192.0.2.{number}").status == 401
    answer = log_in(site, "ada", address="198.51.100.7")
    assert answer.status == 429
    assert answer.body["type"] == "/problems/too-many-requests"
    assert answer.headers["Retry-After"] == "60"
    assert log_in(site, "grace").status == 401
    clock.now += 60
    assert log_in(site, "ada").status == 401


def test_an_address_is_limited_whatever_accounts_it_tries(site: Site, clock: Clock) -> None:
    for number in range(3 * LIMIT):
        assert log_in(site, f"person{number}").status == 401
    assert log_in(site, "somebody").status == 429
    assert log_in(site, "somebody", address="192.0.2.2").status == 401


def test_the_hosts_of_one_network_are_one_address_in_version_6(site: Site, clock: Clock) -> None:
    for number in range(3 * LIMIT):
        log_in(site, f"person{number}", address=f"2001:db8::{number:x}")
    assert log_in(site, "somebody", address="2001:db8::ffff").status == 429
    assert log_in(site, "somebody", address="2001:db8:0:1::1").status == 401


def test_good_logins_are_never_limited(site: Site, clock: Clock, ada: User) -> None:
    portal = site.tokens.create_client("portal")
    for _ in range(4 * LIMIT):
        assert log_in(site, "ada", portal).status == 200


def test_a_good_login_forgets_what_was_counted_against_the_account(
    site: Site, clock: Clock, ada: User
) -> None:
    portal = site.tokens.create_client("portal")
    for _ in range(2):
        for _ in range(LIMIT - 1):
            assert log_in(site, "ada").status == 401
        assert log_in(site, "ada", portal).status == 200


def test_a_refusal_is_remembered_for_a_minute(
    site: Site, clock: Clock, asked: list[Mapping[str, object]]
) -> None:
    assert [log_in(site, "ada").status for _ in range(3)] == [401, 401, 401]
    assert len(asked) == 1
    assert log_in(site, "ada", "another").status == 401
    assert len(asked) == 2
    clock.now += 61
    assert log_in(site, "ada").status == 401
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("problem", "status"), [(MembershipRefused("Not a member."), 403), (CredentialsRefused("expired"), 401)]
)
def test_a_remembered_refusal_says_the_same(
    site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch, problem: Exception, status: int
) -> None:
    def refuse(self: AuthenticationMethod, *arguments: object) -> None:
        raise problem

    monkeypatch.setattr(LocalUserAuthentication, "identify", refuse)
    first, second = log_in(site, "ada"), log_in(site, "ada")
    assert (first.status, first.content) == (status, second.content)


def test_an_outage_is_no_refusal(
    site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch, ada: User
) -> None:
    def away(self: AuthenticationMethod, *arguments: object) -> None:
        raise DirectoryUnreachable("The directory does not answer.")

    portal = site.tokens.create_client("portal")
    with monkeypatch.context() as patch:
        patch.setattr(LocalUserAuthentication, "identify", away)
        assert [log_in(site, "ada", portal).status for _ in range(4 * LIMIT)] == [503] * (4 * LIMIT)
    assert log_in(site, "ada", portal).status == 200
    assert not Event.objects.filter(kind="token.refused").exists()


def test_a_storm_makes_one_event_a_minute_that_counts(site: Site, clock: Clock) -> None:
    for number in range(2 * LIMIT):
        log_in(site, f"person{number}")
    clock.now += 61
    log_in(site, "person0")
    told = [event.payload for event in Event.objects.filter(kind="token.refused").order_by("id")]
    assert [payload["count"] for payload in told] == [1, 2 * LIMIT]
    assert told[0]["account"] == "person0"
    assert told[0]["address"] == "192.0.2.1"


def test_a_storm_writes_no_log_line_that_an_operator_sees(
    site: Site, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4 * LIMIT):
        log_in(site, f"person{number}")
    # `django.request` below ERROR is dropped by the server's own logging (uws.server.logs).
    seen = [
        record
        for record in caplog.records
        if record.name != "django.request" or record.levelno >= logging.ERROR
    ]
    assert [record for record in seen if record.levelno >= logging.WARNING] == []


def test_the_token_stands_nowhere(site: Site, clock: Clock) -> None:
    log_in(site, "ada")
    refusals = site.tokens._refusals
    kept = repr((refusals._verdicts, refusals._windows, refusals._told))
    assert SECRET_TOKEN not in kept
    assert all(SECRET_TOKEN not in str(event.payload) for event in Event.objects.all())


def test_no_table_grows_without_bound() -> None:
    refusals = LoginRefusals(Secrets(bytes(32)), per_account=5, per_address=5, clock=Clock())
    verdict = LoginRefused("No.", status=401, reason="no")
    for number in range(KEPT_ENTRIES + 50):
        attempt = refusals.attempt(body(f"person{number}"), f"10.0.{number >> 8}.{number & 255}")
        refusals.refused(attempt, verdict)
    tables: list[Callable[[], int]] = [
        refusals._verdicts.__len__,
        refusals._windows.__len__,
        refusals._told.__len__,
    ]
    assert [length() for length in tables] == [KEPT_ENTRIES] * 3


def test_the_wait_is_told_in_whole_seconds_that_are_enough() -> None:
    clock = Clock()
    refusals = LoginRefusals(Secrets(bytes(32)), per_account=1, per_address=5, clock=clock)
    attempt = refusals.attempt(body("ada"), "192.0.2.1")
    refusals.refused(attempt, LoginRefused("No.", status=401, reason="no"))
    clock.now += 59.4
    with pytest.raises(TooManyRequests) as raised:
        refusals.check(attempt)
    assert raised.value.retry_after_seconds == 1
    clock.now += 1
    refusals.check(refusals.attempt(body("ada", "another"), "192.0.2.1"))


def test_a_refused_login_is_forgiven_nobody_elses_limit(as_nobody: Caller, site: Site, clock: Clock) -> None:
    for _ in range(LIMIT):
        log_in(site, "ada")
    assert log_in(site, "ADA").status == 429
    assert as_nobody("POST", "/tokens/", {"client_token": "x"}).status == 400
