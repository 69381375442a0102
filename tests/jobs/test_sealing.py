"""The token of another server's application: stored so that the database alone does not tell it."""

from __future__ import annotations

import pytest

from uws.config.deployment import Secrets
from uws.jobs.sealing import BrokenSeal, seal, unseal

OURS, ANOTHERS = Secrets(bytes(range(32))), Secrets(bytes(32))
TOKEN = "f" * 48


@pytest.mark.parametrize("token", ["x", TOKEN, "a" * 32, "b" * 33, "c" * 512])
def test_a_token_of_any_length_comes_back(token: str) -> None:
    assert unseal(OURS, "original-101", seal(OURS, "original-101", token)) == token


def test_what_is_stored_holds_neither_the_token_nor_its_digits() -> None:
    sealed = seal(OURS, "original-101", TOKEN)
    assert TOKEN not in sealed
    assert TOKEN.encode().hex() not in sealed


def test_the_same_token_is_stored_the_same_again() -> None:
    assert seal(OURS, "original-101", TOKEN) == seal(OURS, "original-101", TOKEN)


def test_two_tokens_of_one_job_share_no_pad() -> None:
    first, second = (bytes.fromhex(seal(OURS, "original-101", token)) for token in ("a" * 48, "b" * 48))
    assert bytes(left ^ right for left, right in zip(first[16:], second[16:], strict=True)) != b"\x03" * 48


@pytest.mark.parametrize(("secrets", "launch_key"), [(ANOTHERS, "original-101"), (OURS, "original-102")])
def test_another_installation_or_job_cannot_open_it(secrets: Secrets, launch_key: str) -> None:
    with pytest.raises(BrokenSeal):
        unseal(secrets, launch_key, seal(OURS, "original-101", TOKEN))


@pytest.mark.parametrize("sealed", ["", "zz", "00", "00" * 16, "é"])
def test_what_was_never_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(BrokenSeal):
        unseal(OURS, "original-101", sealed)


def test_a_changed_digit_is_noticed() -> None:
    sealed = seal(OURS, "original-101", TOKEN)
    changed = sealed[:-1] + ("0" if sealed[-1] != "0" else "1")
    with pytest.raises(BrokenSeal):
        unseal(OURS, "original-101", changed)


@pytest.mark.parametrize("token", ["", "a" * 513])
def test_a_token_of_no_length_or_too_much_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 512"):
        seal(OURS, "original-101", token)
