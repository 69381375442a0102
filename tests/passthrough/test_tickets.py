from __future__ import annotations

import re

import pytest
from tests.passthrough.doubles import ADA, GRACE, Secrets

from uws.jobs.tickets import (
    PASS_LIFETIME_SECONDS,
    TICKET_WINDOW_SECONDS,
    is_half_spent,
    make_pass,
    make_ticket,
    read_pass,
    read_ticket,
)

SECRETS = Secrets()
NOW = 1_800_000_000.0 - 1_800_000_000 % TICKET_WINDOW_SECONDS


def test_a_ticket_names_its_user() -> None:
    assert read_ticket(SECRETS, make_ticket(SECRETS, 12, ADA, NOW), 12, NOW) == ADA


def test_a_ticket_is_the_same_for_a_whole_window() -> None:
    first = make_ticket(SECRETS, 12, ADA, NOW)
    assert make_ticket(SECRETS, 12, ADA, NOW + TICKET_WINDOW_SECONDS - 1) == first
    assert make_ticket(SECRETS, 12, ADA, NOW + TICKET_WINDOW_SECONDS) != first


@pytest.mark.parametrize(("age_seconds", "user"), [(0, ADA), (599, ADA), (600, None), (-1, None)])
def test_a_ticket_ends_with_the_window_after_its_own(age_seconds: int, user: int | None) -> None:
    assert read_ticket(SECRETS, make_ticket(SECRETS, 12, ADA, NOW), 12, NOW + age_seconds) == user


def test_a_ticket_opens_no_other_job() -> None:
    assert read_ticket(SECRETS, make_ticket(SECRETS, 12, ADA, NOW), 13, NOW) is None


def test_a_ticket_of_another_installation_is_none() -> None:
    assert read_ticket(Secrets(b"x" * 32), make_ticket(SECRETS, 12, ADA, NOW), 12, NOW) is None


def test_every_changed_character_spoils_a_ticket() -> None:
    ticket = make_ticket(SECRETS, 12, ADA, NOW)
    # The last character of 43 carries 4 bits of 256: its other spellings are refused as well.
    for place in range(len(ticket)):
        for other in "0A_9":
            if ticket[place] != other:
                changed = ticket[:place] + other + ticket[place + 1 :]
                assert read_ticket(SECRETS, changed, 12, NOW) is None, place


def test_a_user_cannot_be_swapped_into_a_ticket() -> None:
    ticket = make_ticket(SECRETS, 12, ADA, NOW)
    assert read_ticket(SECRETS, ticket.replace(f"uws.{ADA}.", f"uws.{GRACE}."), 12, NOW) is None


@pytest.mark.parametrize(
    "text", ["", "uws.", "uws.1.2.3", "x" * 1_000_000, "uws.1.2." + "é" * 43, "uws.\u0661.2." + "A" * 43]
)
def test_what_is_no_ticket_is_none(text: str) -> None:
    assert read_ticket(SECRETS, text, 12, NOW) is None
    assert read_pass(SECRETS, text, 12, NOW) is None


def test_a_ticket_needs_no_escaping_and_is_short() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,96}", make_ticket(SECRETS, 10**17, 10**18, NOW))


def test_a_pass_lasts_twelve_hours() -> None:
    text = make_pass(SECRETS, 12, ADA, NOW)
    assert read_pass(SECRETS, text, 12, NOW + PASS_LIFETIME_SECONDS - 1) == ADA
    assert read_pass(SECRETS, text, 12, NOW + PASS_LIFETIME_SECONDS) is None
    assert read_pass(SECRETS, text, 13, NOW) is None


def test_a_ticket_is_no_pass_and_a_pass_no_ticket() -> None:
    assert read_pass(SECRETS, make_ticket(SECRETS, 12, ADA, NOW), 12, NOW) is None
    assert read_ticket(SECRETS, make_pass(SECRETS, 12, ADA, NOW), 12, NOW) is None


def test_a_pass_is_half_spent_after_six_hours() -> None:
    text = make_pass(SECRETS, 12, ADA, NOW)
    assert not is_half_spent(text, NOW + 6 * 3600 - 1)
    assert is_half_spent(text, NOW + 6 * 3600 + 1)
