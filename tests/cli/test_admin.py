"""`uws admin …` on the records: what each command prints and keeps, and how it refuses."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from uws.accounts.models import AccessToken, User
from uws.accounts.tokens import digest
from uws.cli import admin
from uws.cli.main import main
from uws.server.installation import Addresses, Installation, with_addresses
from uws.site import Site


@dataclass(frozen=True)
class Done:
    code: object
    out: str
    err: str


Uws = Callable[..., Done]


@pytest.fixture
def uws(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Uws:
    """Run a `uws admin` command in this process, over the test's records."""
    deployment = replace(site.deployment, server=with_addresses(site.deployment.server, Addresses()))
    installation = Installation(site.loaded, deployment, site)

    def opened(data_dir: Path, config: Path | None, *, needs_database: bool = True) -> Installation:
        return installation

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(admin, "_open", opened)
        monkeypatch.setattr(sys, "argv", ["uws", "admin", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code, *capsys.readouterr())

    return run


def test_a_made_user_is_told_as_json_with_its_id(uws: Uws) -> None:
    names = ["--first-name", "Ada", "--last-name", "Lovelace"]
    done = uws("user", "create", "ada", "--email", "ada@example.org", *names, "--admin", "--json")
    assert done.code == 0
    made = User.objects.get(username="ada")
    assert json.loads(done.out) == {
        "id": made.pk,
        "username": "ada",
        "email": "ada@example.org",
        "administrator": True,
        "first_name": "Ada",
        "last_name": "Lovelace",
    }
    assert (made.is_superuser, made.first_name) == (True, "Ada")


def test_a_made_user_is_an_ordinary_one_unless_said_otherwise(uws: Uws) -> None:
    assert uws("user", "create", "grace", "--email", "grace@example.org").code == 0
    assert User.objects.get(username="grace").is_superuser is False


def test_a_user_who_exists_in_any_case_is_one_sentence(uws: Uws, ada: User) -> None:
    done = uws("user", "create", "Ada", "--email", "a@example.org")
    assert done == Done(1, "", "user name 'Ada' is taken.\n")


@pytest.mark.parametrize("name", ["../etc", "a b", ".hidden", "a" * 65, "x/y", "end."])
def test_a_name_that_could_not_be_a_directory_is_refused(uws: Uws, name: str) -> None:
    done = uws("user", "create", name, "--email", "n@example.org")
    assert done.code == 1
    assert "is not allowed; expected 1 to 64 letters" in done.err
    assert not User.objects.exists()


def test_a_token_is_printed_alone_and_kept_as_a_hash(uws: Uws, ada: User) -> None:
    done = uws("token", "create", "ada", "--label", "laptop", "--scope", "read", "--expires", "30d")
    assert done.code == 0
    assert re.fullmatch(r"uws_[0-9a-f]{48}\n", done.out)
    kept = AccessToken.objects.get()
    assert (kept.label, kept.scopes, kept.digest) == ("laptop", ["read"], digest(done.out.strip()))
    assert kept.expires is not None
    assert (kept.expires - kept.created).days in (29, 30)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--scope", "everything"], "expected one of read, write"),
        (["--expires", "soon"], "such as 12h or 30d"),
        (["--expires", "0d"], "such as 12h or 30d"),
    ],
)
def test_a_wrong_option_of_a_token_is_explained(
    uws: Uws, ada: User, options: list[str], expected: str
) -> None:
    done = uws("token", "create", "ada", *options)
    assert (done.code, done.out) == (2, "")
    assert expected in " ".join(done.err.split())
    assert not AccessToken.objects.exists()


def test_a_token_for_nobody_is_one_sentence(uws: Uws) -> None:
    assert uws("token", "create", "nobody") == Done(1, "", "there is no user 'nobody'.\n")


def test_a_client_token_is_printed_alone_as_40_hex_digits(uws: Uws) -> None:
    done = uws("client", "create", "portal")
    assert done.code == 0
    assert re.fullmatch(r"[0-9a-f]{40}\n", done.out)
    assert User.objects.get(username="portal").is_api_client is True


def test_a_sign_in_link_is_printed_alone_and_signs_in(uws: Uws, site: Site, ada: User) -> None:
    done = uws("user", "sign-in-link", "ada")
    match = re.fullmatch(r"http://localhost:8000/sign-in/([\w-]{32})/\n", done.out)
    assert match is not None
    assert site.sign_in_links.redeem(match[1]) == ada


def test_an_environment_of_an_unknown_job_type_is_refused(uws: Uws) -> None:
    done = uws("environment", "build", "jupyter")
    assert done.code == 2
    assert "found 'jupyter'" in done.err


def test_where_nothing_is_missing_no_environment_is_built(uws: Uws) -> None:
    assert uws("environment", "build") == Done(0, "All environments are built.\n", "")
