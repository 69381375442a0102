"""What holds for every route of the console, as one table. A new route without a row fails."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.console.conftest import BrowserFor
from tests.console.pages import make_client, text_of
from uws.accounts.models import AccessToken, User
from uws.console.middleware import CONTENT_SECURITY_POLICY
from uws.console.urls import MEMBER_PAGES, OPEN_PAGES
from uws.jobs.models import Job
from uws.sharing.models import Share
from uws.site import Site
from uws.workspaces.models import Workspace

# name, method, what its address needs
MEMBER_TABLE = [
    ("home", "GET", ""),
    ("workspace-new", "GET", ""),
    ("workspace-new", "POST", ""),
    ("workspace", "GET", "workspace_id"),
    ("workspace-edit", "GET", "workspace_id"),
    ("workspace-edit", "POST", "workspace_id"),
    ("workspace-upload", "POST", "workspace_id"),
    ("workspace-link", "GET", "workspace_id"),
    ("workspace-link", "POST", "workspace_id"),
    ("workspace-delete", "GET", "workspace_id"),
    ("workspace-delete", "POST", "workspace_id"),
    ("workspace-start", "GET", "workspace_id"),
    ("workspace-start", "POST", "workspace_id"),
    ("workspace-share", "GET", "workspace_id"),
    ("workspace-share", "POST", "workspace_id"),
    ("shares", "GET", ""),
    ("share", "GET", "share_id"),
    ("share-accept", "POST", "share_id"),
    ("share-end", "POST", "share_id"),
    ("job", "GET", "job_id"),
    ("job-log", "GET", "job_id"),
    ("job-stop", "POST", "job_id"),
    ("job-again", "POST", "job_id"),
    ("job-open", "GET", "job_id"),
    ("account", "GET", ""),
    ("token-create", "POST", ""),
    ("token-revoke", "POST", "token_id"),
    ("password", "POST", ""),
]
OPEN_TABLE = [
    ("front-door", "GET", ""),
    ("sign-in", "GET", ""),
    ("sign-in", "POST", ""),
    ("sign-in-link", "GET", "secret"),
    ("sign-in-link", "POST", "secret"),
    ("sign-out", "POST", ""),
]
ROWS = [*MEMBER_TABLE, *OPEN_TABLE]
OWNED_ROWS = [row for row in MEMBER_TABLE if row[2]]


def name_of(row: tuple[str, str, str]) -> str:
    return f"{row[1]} {row[0]}"


@pytest.fixture
def ids(site: Site, ada: User, workspace: Workspace, job: Job) -> dict[str, int | str]:
    """What is Ada's, by the name that addresses use."""
    site.tokens.create_personal(ada.as_person(), "laptop")
    token = AccessToken.objects.get(user=ada)
    share = {"original_workspace_id": workspace.pk, "shared_user_ids": [ada.pk]}
    site.sharing.create(ada.as_person(), share)
    return {
        "workspace_id": workspace.pk,
        "job_id": job.pk,
        "token_id": token.pk,
        "share_id": Share.objects.get().copy_id,
        "secret": "no-such-secret",
    }


def address(row: tuple[str, str, str], ids: dict[str, int | str]) -> str:
    return reverse(f"console:{row[0]}", kwargs={row[2]: ids[row[2]]} if row[2] else {})


def test_every_route_has_a_row() -> None:
    assert {row[0] for row in MEMBER_TABLE} == {page.name for page in MEMBER_PAGES}
    assert {row[0] for row in OPEN_TABLE} == {page.name for page in OPEN_PAGES}


@pytest.mark.parametrize("row", MEMBER_TABLE, ids=name_of)
def test_who_is_not_signed_in_is_sent_to_sign_in(
    row: tuple[str, str, str], browser_for: BrowserFor, ids: dict[str, int | str]
) -> None:
    response = browser_for(None).generic(row[1], address(row, ids))
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/?next=%2Fconsole%2F")


@pytest.mark.parametrize("row", OWNED_ROWS, ids=name_of)
def test_what_is_anothers_answers_like_what_does_not_exist(
    row: tuple[str, str, str], browser_for: BrowserFor, grace: User, ids: dict[str, int | str]
) -> None:
    client = browser_for(grace)
    others = client.generic(row[1], address(row, ids))
    nothing = client.generic(row[1], address(row, dict.fromkeys(ids, 987654321)))
    assert (others.status_code, others.content) == (404, nothing.content)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_every_answer_has_the_security_headers(
    row: tuple[str, str, str], browser: Client, ids: dict[str, int | str]
) -> None:
    response = browser.generic(row[1], address(row, ids))
    assert response.status_code < 500
    assert response["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("row", [row for row in ROWS if row[1] == "POST"], ids=name_of)
def test_a_form_without_its_token_is_refused(
    row: tuple[str, str, str], site: Site, ada: User, ids: dict[str, int | str]
) -> None:
    client = make_client(site, check_forms=True)
    client.force_login(ada)
    response = client.post(address(row, ids))
    assert response.status_code == 403
    assert "The form was not accepted" in text_of(response)


@pytest.mark.parametrize("origin", [None, "http://job-3.testserver", "null", "https://testserver"])
@pytest.mark.parametrize("row", [row for row in ROWS if row[1] == "POST"], ids=name_of)
def test_a_form_from_another_origin_is_refused(
    row: tuple[str, str, str], origin: str | None, site: Site, ada: User, ids: dict[str, int | str]
) -> None:
    client = make_client(site, origin=origin, check_forms=True)
    client.force_login(ada)
    client.get("/console/workspaces/new/")
    token = client.cookies["__Host-uws-csrf"].value
    response = client.post(address(row, ids), {"csrfmiddlewaretoken": token})
    assert response.status_code == 403


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_other_methods_are_refused(
    row: tuple[str, str, str], browser: Client, ids: dict[str, int | str]
) -> None:
    response = browser.generic("PUT", address(row, ids))
    assert response.status_code == 405


def test_the_right_form_is_accepted(site: Site, ada: User) -> None:
    client = make_client(site, check_forms=True)
    client.force_login(ada)
    client.get("/console/workspaces/new/")
    token = client.cookies["__Host-uws-csrf"].value
    response = client.post("/console/workspaces/new/", {"csrfmiddlewaretoken": token, "name": "Kidney atlas"})
    assert response.status_code == 302


def test_a_page_that_nobody_is_signed_in_to_is_come_back_to(browser_for: BrowserFor) -> None:
    response = browser_for(None).get("/console/jobs/3/?open=1")
    assert response["Location"] == "/sign-in/?next=%2Fconsole%2Fjobs%2F3%2F%3Fopen%3D1"


def test_a_part_of_a_page_answers_401_when_nobody_is_signed_in(browser_for: BrowserFor) -> None:
    assert browser_for(None).get("/console/jobs/3/?fragment=state").status_code == 401


@pytest.mark.parametrize(
    "address", ["/console/jobs/99999999999999999999999/", "/console/jobs/x/", "/console/none/"]
)
def test_an_address_that_cannot_be_one_is_not_found(address: str, browser: Client) -> None:
    response = browser.get(address)
    assert response.status_code == 404
    assert "There is nothing here" in text_of(response)
    assert response["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
